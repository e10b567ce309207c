"""Where a session or a server is reached: the provider, its address and its secrets, put together for a flow.

Rows and unsealed secrets are remembered (`memory`), so that neither a send nor a look costs a read and a decryption.
What changes in this process is dropped at once; what another process changed is used after `REMEMBER_S` at the latest.
Never lives here: an exchange.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import msgspec

from esteio.clock import Clock
from esteio.core.model.ids import ServerName, SessionId
from esteio.core.model.session import Session
from esteio.core.webhooks.evolution_format import carried
from esteio.engine.runtime import sealed_for
from esteio.engine.supervision.memory import Memory, SessionRecord
from esteio.providers.base import InstanceSettings, Provider, SessionEndpoint, StandingWebhook
from esteio.providers.registry import Registry
from esteio.store.base import StoredServer
from esteio.store.ports.delivery import WebhookEndpoints
from esteio.store.ports.sessions import Servers, Sessions
from esteio.vault import Vault

REMEMBER_S = 60.0
"""For a server; a session's own secrets hardly ever change, and are read ten times less often."""
REMEMBER_SESSION_S = 600.0
_NONE: Mapping[str, str] = {}
"""One value for all that have no secrets of their own."""


def packed(vault: Vault, stands: StandingWebhook, session: Session) -> bytes:
    """A webhook's address and headers are its owner's secrets."""
    return vault.seal({"webhook": msgspec.json.encode(stands).decode()}, sealed_for.session(session, "replaced"))


def unpacked(vault: Vault, sealed: bytes, session: Session) -> StandingWebhook:
    """What was packed. Raises `WrongKey`."""
    return msgspec.json.decode(
        vault.unseal(sealed, sealed_for.session(session, "replaced"))["webhook"], type=StandingWebhook
    )


class EndpointUnknown(LookupError):
    """The session or server does not exist any more."""


class Endpoints:
    """Answers "which adapter, and where?" for sessions and servers."""

    def __init__(
        self,
        vault: Vault,
        registry: Registry,
        clock: Clock,
        base_url: str,
        *,
        sessions: Sessions,
        servers: Servers,
        webhook_endpoints: WebhookEndpoints,
        memory: Memory,
    ) -> None:
        self._webhook_endpoints = webhook_endpoints
        self._sessions, self._servers, self._vault, self._registry, self._clock = (
            sessions,
            servers,
            vault,
            registry,
            clock,
        )
        self.base_url, self._memory = base_url, memory
        self._leaving: list[SessionId] = []
        """Acts under way, not memory: they stand whatever is dropped."""

    @contextmanager
    def leaving(self, session_id: SessionId) -> Iterator[None]:
        """While its instance is given back: from before the webhook that stood there is put back until the session is
        gone. Ours may not be set again in between."""
        self._leaving.append(session_id)
        try:
            yield
        finally:
            self._leaving.remove(session_id)

    def is_leaving(self, session_id: SessionId) -> bool:
        """Whether its instance is being given back (`leaving`), so that our webhook may not be set again."""
        return session_id in self._leaving

    def provider(self, kind: str) -> Provider:
        """The adapter of this kind."""
        return self._registry.get(kind)

    def forget(self, session_id: SessionId) -> None:
        """The session's address has changed."""
        self._memory.drop_endpoint(session_id)

    def forget_server(self, name: ServerName) -> None:
        """The server's address, credentials or version has changed."""
        self._memory.drop_server_endpoint(name)

    def session_gone(self, session_id: SessionId) -> None:
        """The session was deleted: nothing of it is remembered."""
        self._memory.drop_session(session_id)

    def server_gone(self, name: ServerName) -> None:
        """The server was deleted: nothing of it is remembered."""
        self._memory.drop_server(name)

    async def of_session(self, session: Session) -> tuple[Provider, SessionEndpoint]:
        """The session's adapter and address; the very same address as before, where nothing of it has changed. Raises
        `EndpointUnknown`."""
        stored, credentials = await self._server(session.server)
        record, webhook_url, secrets = await self._session(session)
        where = SessionEndpoint(
            server=session.server,
            base_url=stored.server.base_url,
            credentials=credentials,
            session=session.name,
            ref={**session.ref, **secrets} if secrets else session.ref,
            version=stored.server.version,
            phone=session.phone,
            login_named=session.facts.login_named,
            webhook_url=webhook_url,
            more_events=record.more_events,
        )
        if record.endpoint is None or record.endpoint != where:  # guard: changed-endpoint-dropped
            record.endpoint = where
            # They were read elsewhere, and hold on to that place.
            record.webhook = record.list_read = None
        return self.provider(session.kind), record.endpoint

    async def of_server(self, name: ServerName) -> tuple[Provider, SessionEndpoint]:
        """The server's adapter and address. Raises `EndpointUnknown`."""
        stored, credentials = await self._server(name)
        server = stored.server
        where = SessionEndpoint(
            server=name, base_url=server.base_url, credentials=credentials, session="", version=server.version
        )
        return self.provider(server.kind), where

    async def keep_secret(self, session: Session, ref: Mapping[str, str]) -> Mapping[str, str]:
        """Seal the secrets of what the provider now calls the session; the rest of it comes back, to be stored.
        Raises `EndpointUnknown`."""
        declared = self.provider(session.kind).declaration
        if secrets := declared.secret(ref):
            try:
                _, sealed = await self._sessions.secrets(session.id)
            except LookupError as gone:
                raise EndpointUnknown(session.id) from gone
            place = sealed_for.session(session, "encrypted")
            sealed = self._vault.seal({**self._vault.unseal(sealed, place), **secrets}, place)
            await self._sessions.change(session.id, self._clock.now(), sealed=sealed)
        # After the commit: a look that came before it has remembered the old ones.
        self.forget(session.id)
        return declared.public(ref)

    def of_new(
        self, stored: StoredServer, session: str, ref: Mapping[str, str], token: str
    ) -> tuple[Provider, SessionEndpoint]:
        """The same of a session that is not there yet."""
        server = stored.server
        where = SessionEndpoint(
            server=server.name,
            base_url=server.base_url,
            credentials=self._vault.unseal(stored.sealed, sealed_for.server(server.name)),
            session=session,
            ref=ref,
            version=server.version,
            webhook_url=f"{self.base_url}/in/{token}",
        )
        return self.provider(server.kind), where

    def sealed_settings(self, session: Session, settings: InstanceSettings) -> bytes:
        """As they are kept: one of them may be a token."""
        words = {"settings": msgspec.json.encode(settings).decode()}
        return self._vault.seal(words, sealed_for.session(session, "settings"))

    async def kept_settings(self, session: Session) -> InstanceSettings | None:
        """What a client last set of the instance; None where none did."""
        sealed = await self._sessions.settings(session.id)
        if sealed is None:
            return None
        words = self._vault.unseal(sealed, sealed_for.session(session, "settings"))
        return msgspec.json.decode(words["settings"], type=dict)

    async def keep_settings(self, session: Session, settings: InstanceSettings) -> None:
        """Kept, and on disk when this returns: a create of this session's instance sets them again."""
        await self._sessions.keep_settings(session.id, self.sealed_settings(session, settings))

    async def kept_webhook(self, session: Session) -> StandingWebhook | None:
        """What stood at the provider before our webhook; None when nothing was kept."""
        sealed = await self._sessions.replaced_webhook(session.id)
        return None if sealed is None else unpacked(self._vault, sealed, session)

    async def keep_webhook(self, session: Session, stands: StandingWebhook) -> None:
        """Kept, sealed and on disk when this returns: only then may ours be set."""
        await self._sessions.keep_replaced_webhook(session.id, packed(self._vault, stands, session))

    async def _server(self, name: ServerName) -> tuple[StoredServer, Mapping[str, str]]:
        now = self._clock.now()
        known = self._memory.server(name).stored
        if known is not None and now - known[0] < REMEMBER_S:
            return known[1], known[2]
        stored = await self._servers.get(name)
        if stored is None:
            self._memory.drop_server(name)
            raise EndpointUnknown(name)
        if known is not None and known[1].sealed == stored.sealed:
            credentials = known[2]
        else:
            credentials = self._vault.unseal(stored.sealed, sealed_for.server(name))
        self._memory.server(name).stored = (now, stored, credentials)
        return stored, credentials

    async def _session(self, session: Session) -> tuple[SessionRecord, str, Mapping[str, str]]:
        session_id, now = session.id, self._clock.now()
        record = self._memory.find(session_id)
        known = record.secrets if record is not None else None
        if record is not None and known is not None and now - known[0] < REMEMBER_SESSION_S:
            return record, known[1], known[2]
        try:
            token, sealed = await self._sessions.secrets(session_id)
        except LookupError as gone:
            raise EndpointUnknown(session_id) from gone
        secrets = self._vault.unseal(sealed, sealed_for.session(session, "encrypted")) or _NONE
        record = self._memory.session(session_id)
        webhook_url = f"{self.base_url}/in/{token}"
        record.secrets = (now, webhook_url, secrets)
        hook = await self._webhook_endpoints.at_door(session.name)
        record.more_events = carried(hook.events) if hook is not None and hook.enabled else ()
        return record, webhook_url, secrets
