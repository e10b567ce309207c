"""Forgetting a session: here, and before that at its provider where that was asked for.

Never lives here: the act at the provider (`provider_acts`).
"""

from __future__ import annotations

from esteio.clock import Clock
from esteio.core.model.session import Session
from esteio.engine.audit.audit_log import AuditLog
from esteio.engine.commands.keys import KeyCommands
from esteio.engine.commands.lookup import Lookup
from esteio.engine.commands.requests import AtProvider
from esteio.engine.commands.sessions.provider_acts import ProviderActs
from esteio.engine.key_scope import EVERYTHING, Scope
from esteio.engine.runtime.ports import Wakeups
from esteio.engine.supervision.endpoints import Endpoints
from esteio.log import logger
from esteio.store.media import MediaStore
from esteio.store.ports.inbox import Media
from esteio.store.ports.sessions import Sessions

log = logger("commands")


class SessionRemoval:
    """Deletes a session's rows, the API key that was made with it and the media that only it named, after the act at
    the provider where one was asked for."""

    def __init__(
        self,
        media: Media,
        sessions: Sessions,
        clock: Clock,
        *,
        lookup: Lookup,
        acts: ProviderActs,
        addresses: Endpoints,
        audit: AuditLog,
        media_store: MediaStore,
        keys: KeyCommands,
        wakeups: Wakeups,
    ) -> None:
        self._media, self._sessions, self._clock, self._lookup = media, sessions, clock, lookup
        self._acts, self._addresses, self._audit = acts, addresses, audit
        self._media_store, self._keys, self._wakeups = media_store, keys, wakeups

    async def delete(
        self, name: str, at_provider: AtProvider, who: str, *, put_back: bool = True, scope: Scope = EVERYTHING
    ) -> Session | None:
        """Forget it; with `logout` or `delete` only after the provider has said so. With `keep` the webhook that stood
        there before ours is put back first, unless `put_back` says otherwise.

        None: it is gone. The session: the provider has not answered yet, ask again. Raises `CommandError`:
        unknown-session, provider-refused.
        """
        session = await self._lookup.session(name, scope)
        with self._addresses.leaving(session.id):
            if at_provider == "keep":
                if put_back and not await self._acts.webhook_put_back(session, who):
                    return await self._lookup.session_now(session.id, name)
            elif not await self._acts.done(session, at_provider, who):
                return await self._lookup.session_now(session.id, name)
            files, asked_at = await self._media.of_session(session.id), self._clock.now()
            after = {"at_provider": at_provider}
            with self._audit.records(
                "session.deleted", session=session.name, server=session.server, after=after, tenant=session.tenant
            ):
                await self._sessions.delete(session.id, asked_at)
        await self._media_store.drop(await self._media.unused(files), asked_at)
        self._addresses.session_gone(session.id)
        self._acts.forget(session.id)
        self._keys.forget()
        log.info("session.deleted", session=name, server=session.server, at_provider=at_provider)
        self._wakeups.session(session.id)
        self._wakeups.server(session.server)
        self._wakeups.deliveries()
        return None
