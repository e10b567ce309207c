"""Servers: add, change, forget. Credentials are sealed on their way in and never come out again.

Never lives here: whether a server is up (its evidence says that).
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from esteio.clock import Clock
from esteio.config import nearest
from esteio.core.model.ids import ServerName
from esteio.core.model.server import Limits, Server
from esteio.engine.audit.audit_log import AuditLog
from esteio.engine.commands.checks import only_keys, plain_name
from esteio.engine.commands.lookup import Lookup
from esteio.engine.commands.requests import LimitsRequest, ServerChange, ServerRequest
from esteio.engine.errors import CommandError, invalid, unknown, unknown_tenant, used_up
from esteio.engine.key_scope import EVERYTHING
from esteio.engine.runtime import sealed_for
from esteio.engine.runtime.ports import Wakeups
from esteio.engine.supervision.endpoints import Endpoints
from esteio.engine.url_guard import host_of
from esteio.log import logger
from esteio.providers.base import Provider
from esteio.store.base import Exists, InUse, QuotaExceeded, StoredServer
from esteio.store.ports.sessions import Servers
from esteio.vault import Vault

log = logger("commands")


class ServerCommands:
    """Adds, changes and deletes servers. `providers`: every adapter, by kind."""

    def __init__(
        self,
        servers: Servers,
        clock: Clock,
        *,
        lookup: Lookup,
        providers: Mapping[str, Provider],
        vault: Vault,
        audit: AuditLog,
        addresses: Endpoints,
        wakeups: Wakeups,
    ) -> None:
        self._servers, self._clock, self._lookup = servers, clock, lookup
        self._providers, self._vault, self._audit = providers, vault, audit
        self._addresses, self._wakeups = addresses, wakeups

    async def add(self, request: ServerRequest) -> StoredServer:
        """A new server, its tenant's or shared by all. Raises `CommandError`: name-taken, invalid-value, unknown-field,
        unknown-tenant, quota-servers."""
        if request.kind not in self._providers:
            near = nearest(request.kind, self._providers)
            kinds = ", ".join(sorted(self._providers))
            raise CommandError("invalid-value", field="kind", near=near, in_body=True, allowed=kinds)
        self._check_credentials(request.kind, request.credentials)
        now = self._clock.now()
        server = Server(
            name=ServerName(plain_name("name", request.name)),
            kind=request.kind,
            base_url=base_url(request.base_url),
            limits=limits(request.limits),
            tenant=request.tenant,
        )
        sealed = self._vault.seal(request.credentials, sealed_for.server(server.name))
        try:
            with self._audit.records("server.created", server=server.name, after=_shown(server)):
                await self._servers.add(server, sealed, now)
        except Exists as error:
            raise CommandError("name-taken", field="name", in_body=True, name=request.name) from error
        except LookupError as error:
            raise unknown_tenant(str(request.tenant)) from error
        except QuotaExceeded as error:
            raise used_up(error.what, error.most) from error
        log.info("server.added", server=request.name, kind=request.kind)
        self._wakeups.server(server.name)
        return await self._lookup.server(request.name, EVERYTHING)

    async def change(self, name: str, change: ServerChange) -> StoredServer:
        """Change what is given. Raises `CommandError`: unknown-server, invalid-value, unknown-field."""
        stored = await self._lookup.server(name, EVERYTHING)
        sealed = None
        if not isinstance(change.credentials, msgspec.UnsetType):
            self._check_credentials(stored.server.kind, change.credentials)
            sealed = self._vault.seal(change.credentials, sealed_for.server(stored.server.name))
        own = None
        if not isinstance(change.limits, msgspec.UnsetType):
            own = msgspec.structs.replace(stored.server.limits, **change.limits.given())
        address = None if isinstance(change.base_url, msgspec.UnsetType) else base_url(change.base_url)
        after = msgspec.structs.replace(
            stored.server, base_url=address or stored.server.base_url, limits=own or stored.server.limits
        )
        with self._audit.records(
            "server.changed",
            server=stored.server.name,
            before=_shown(stored.server),
            after=_shown(after) | ({"credentials": "set"} if sealed is not None else {}),
        ):
            changed = await self._servers.change(
                stored.server.name, self._clock.now(), base_url=address, limits=own, sealed=sealed
            )
        if not changed:
            raise unknown("server", name)
        self._addresses.forget_server(stored.server.name)
        log.info("server.changed", server=name)
        self._wakeups.server(stored.server.name)
        return await self._lookup.server(name, EVERYTHING)

    async def delete(self, name: str) -> None:
        """Forget a server without sessions. Raises `CommandError`: unknown-server, in-use."""
        stored = await self._lookup.server(name, EVERYTHING)
        try:
            with self._audit.records("server.deleted", server=name, tenant=stored.server.tenant):
                deleted = await self._servers.delete(ServerName(name))
        except InUse as error:
            raise CommandError("in-use", name=name) from error
        if not deleted:
            raise unknown("server", name)
        self._addresses.server_gone(ServerName(name))
        log.info("server.deleted", server=name)

    def _check_credentials(self, kind: str, words: Mapping[str, str]) -> None:
        """As the adapter declares them. Raises `CommandError`: unknown-field, invalid-value."""
        declared = self._providers[kind].declaration
        only_keys("credentials", words, declared.credential_names)
        if missing := declared.missing_in_credentials(words):
            raise invalid(missing.field, missing.why)


def _shown(server: Server) -> dict[str, object]:
    """What the audit log holds of it."""
    return {"kind": server.kind, "base_url": server.base_url, "limits": server.limits}


def base_url(text: str) -> str:
    """The URL without a slash at its end. Raises `CommandError`."""
    host_of(text, "base_url")
    parts = urlsplit(text)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise invalid("base_url", "must not contain a user, query or fragment; credentials have their own field")
    return text.rstrip("/")


def limits(request: LimitsRequest) -> Limits:
    """The same as the model's value."""
    return Limits(**msgspec.structs.asdict(request))
