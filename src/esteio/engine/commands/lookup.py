"""Finds what a request names (a session, a server, a message), or raises the error that says that it is unknown.

Never lives here: a change.
"""

from __future__ import annotations

from esteio.config import nearest
from esteio.core.model.ids import MessageId, ServerName, SessionId, SessionName
from esteio.core.model.message import Message
from esteio.core.model.session import Session
from esteio.engine.errors import CommandError, unknown
from esteio.store.base import StoredServer
from esteio.store.ports.messages import Messages
from esteio.store.ports.sessions import Servers, Sessions


class Lookup:
    """Reads one row by the name that a caller gave."""

    def __init__(self, sessions: Sessions, servers: Servers, messages: Messages) -> None:
        self._sessions, self._servers, self._messages = sessions, servers, messages

    async def session(self, name: str) -> Session:
        """The session of this name. Raises `CommandError("unknown-session")`."""
        session = await self._sessions.by_name(SessionName(name))
        if session is None:
            raise unknown("session", name)
        return session

    async def unpaused_session(self, name: str) -> Session:
        """The session of this name. Raises `CommandError`: unknown-session, session-paused."""
        session = await self.session(name)
        if session.paused:
            raise CommandError("session-paused", name=name)
        return session

    async def session_now(self, session_id: SessionId, name: str) -> Session:
        """The same session as it is now, not one of the same name. Raises `CommandError("unknown-session")`."""
        session = await self._sessions.by_id(session_id)
        if session is None:
            raise unknown("session", name)
        return session

    async def server(self, name: str, *, in_body: bool = False) -> StoredServer:
        """The server of this name. Raises `CommandError("unknown-server")`; for a name that stood in a body (`in_body`)
        with the nearest name there is."""
        stored = await self._servers.get(ServerName(name))
        if stored is None:
            near = nearest(name, [one.server.name for one in await self._servers.all()]) if in_body else None
            error = unknown("server", name, in_body=in_body, field="server" if in_body else None)
            error.near = near
            raise error
        return stored

    async def message(self, message_id: str) -> Message:
        """The message with this id. Raises `CommandError("unknown-message")`."""
        message = await self._messages.get(MessageId(message_id))
        if message is None:
            raise unknown("message", message_id)
        return message
