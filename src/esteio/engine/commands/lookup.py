"""Finds what a request names (a session, a server, a message, an approval), or raises the error that says that it is
unknown: what lies outside the caller's scope is, like what does not exist.

Everything asks with a scope, so that whose a thing is cannot be left out; the program itself asks with `EVERYTHING`.
Never lives here: a change.
"""

from __future__ import annotations

from esteio.config import nearest
from esteio.core.model.ids import MessageId, ServerName, SessionId, SessionName
from esteio.core.model.message import Message
from esteio.core.model.recovery import Approval
from esteio.core.model.session import Session
from esteio.engine.errors import CommandError, unknown
from esteio.engine.key_scope import Scope
from esteio.store.base import StoredServer
from esteio.store.ports.messages import Messages
from esteio.store.ports.sessions import Approvals, Servers, Sessions


class Lookup:
    """Reads one row by the name that a caller gave."""

    def __init__(self, sessions: Sessions, servers: Servers, messages: Messages, approvals: Approvals) -> None:
        self._sessions, self._servers, self._messages, self._approvals = sessions, servers, messages, approvals

    async def session(self, name: str, scope: Scope) -> Session:
        """The session of this name. Raises `CommandError`: session-out-of-reach (by its name), unknown-session."""
        scope.check_name(name)
        session = await self.session_or_none(name, scope)
        if session is None:
            raise unknown("session", name)
        return session

    async def session_or_none(self, name: str, scope: Scope) -> Session | None:
        """The same; None where there is none inside the scope."""
        session = await self._sessions.by_name(SessionName(name))
        # guard: session-of-its-tenant
        return session if session is not None and scope.reaches(session.name, session.tenant) else None

    async def unpaused_session(self, name: str, scope: Scope) -> Session:
        """The session of this name. Raises `CommandError`: session-out-of-reach, unknown-session, session-paused."""
        session = await self.session(name, scope)
        if session.paused:
            raise CommandError("session-paused", name=name)
        return session

    async def session_now(self, session_id: SessionId, name: str) -> Session:
        """The same session as it is now, not one of the same name. Raises `CommandError("unknown-session")`."""
        session = await self._sessions.by_id(session_id)
        if session is None:
            raise unknown("session", name)
        return session

    async def reaches(self, session_id: SessionId, scope: Scope) -> bool:
        """Whether the session of this id, which is there, lies inside the scope."""
        if scope.everything:
            return True
        session = await self._sessions.by_id(session_id)
        return session is not None and scope.reaches(session.name, session.tenant)

    async def server(
        self, name: str, scope: Scope, *, in_body: bool = False, field: str | None = "server"
    ) -> StoredServer:
        """The server of this name, the tenant's own or one that all share. Raises `CommandError("unknown-server")`; for
        a name that stood in a body (`in_body`, under `field`) with the nearest name there is."""
        stored = await self._servers.get(ServerName(name))
        # guard: server-of-its-tenant
        if stored is None or not scope.uses(stored.server.tenant):
            error = unknown("server", name, in_body=in_body, field=field if in_body else None)
            if in_body:
                error.near = nearest(name, [one.server.name for one in await self._servers.within(scope)])
            raise error
        return stored

    async def message(self, message_id: str, scope: Scope) -> Message:
        """The message with this id. Raises `CommandError`: unknown-message, session-out-of-reach (its session's
        name)."""
        message = await self._messages.get(MessageId(message_id))
        if message is None or not await self.owned(message.session_id, scope):  # guard: message-of-its-tenant
            raise unknown("message", message_id)
        scope.check_name(message.session)
        return message

    async def message_or_none(self, message_id: str, scope: Scope) -> Message | None:
        """The same; None where there is none inside the scope."""
        message = await self._messages.get(MessageId(message_id))
        return message if message is not None and await self.reaches(message.session_id, scope) else None

    async def approval(self, approval_id: str, scope: Scope) -> Approval:
        """The approval with this id. Raises `CommandError`: unknown-approval, session-out-of-reach (its session's
        name)."""
        approval = await self._approvals.get(approval_id)
        if approval is None or not await self.owned(approval.session_id, scope):  # guard: approval-of-its-tenant
            raise unknown("approval", approval_id)
        scope.check_name(approval.session)
        return approval

    async def owned(self, session_id: SessionId, scope: Scope) -> bool:
        """Whether the session of this id is of a tenant that the scope has; its name is not asked."""
        if scope.tenant is None:
            return True
        session = await self._sessions.by_id(session_id)
        return session is not None and scope.owns(session.tenant)
