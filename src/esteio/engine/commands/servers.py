"""Servers: add, change, forget. Credentials are sealed on their way in and never come out again.

Never lives here: whether a server is up (its evidence says that).
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from esteio.config import nearest
from esteio.core.model.ids import ServerName
from esteio.core.model.server import Limits, Server
from esteio.engine.commands.base import Desk, only_keys, plain_name
from esteio.engine.commands.requests import LimitsRequest, ServerChange, ServerRequest
from esteio.engine.errors import CommandError, invalid, unknown
from esteio.engine.url_guard import host_of
from esteio.log import logger
from esteio.store.base import Exists, InUse, StoredServer

log = logger("commands")


class ServerCommands(Desk):
    """What a caller may ask about servers."""

    async def add_server(self, ask: ServerRequest) -> StoredServer:
        """A new server. Raises `CommandError`: name-taken, invalid-value, unknown-field."""
        if ask.kind not in self.providers:
            near = nearest(ask.kind, self.providers)
            kinds = ", ".join(sorted(self.providers))
            raise CommandError("invalid-value", field="kind", near=near, in_body=True, allowed=kinds)
        self._check_credentials(ask.kind, ask.credentials)
        now = self.clock.now()
        server = Server(
            name=ServerName(plain_name("name", ask.name)),
            kind=ask.kind,
            base_url=base_url(ask.base_url),
            limits=limits(ask.limits),
        )
        sealed = self.vault.seal(ask.credentials)
        try:
            await self.store.add_server(server, sealed, now)
        except Exists as error:
            raise CommandError("name-taken", field="name", in_body=True, name=ask.name) from error
        log.info("server.added", server=ask.name, kind=ask.kind)
        self.wakeups.server(server.name)
        return await self.server(ask.name)

    async def change_server(self, name: str, change: ServerChange) -> StoredServer:
        """Change what is given. Raises `CommandError`: unknown-server, invalid-value, unknown-field."""
        stored = await self.server(name)
        sealed = None
        if not isinstance(change.credentials, msgspec.UnsetType):
            self._check_credentials(stored.server.kind, change.credentials)
            sealed = self.vault.seal(change.credentials)
        own = None
        if not isinstance(change.limits, msgspec.UnsetType):
            own = msgspec.structs.replace(stored.server.limits, **change.limits.given())
        changed = await self.store.change_server(
            stored.server.name,
            self.clock.now(),
            base_url=None if isinstance(change.base_url, msgspec.UnsetType) else base_url(change.base_url),
            limits=own,
            sealed=sealed,
        )
        if not changed:
            raise unknown("server", name)
        self.addresses.forget_server(stored.server.name)
        log.info("server.changed", server=name)
        self.wakeups.server(stored.server.name)
        return await self.server(name)

    async def delete_server(self, name: str) -> None:
        """Forget a server without sessions. Raises `CommandError`: unknown-server, in-use."""
        try:
            if not await self.store.delete_server(ServerName(name)):
                raise unknown("server", name)
        except InUse as error:
            raise CommandError("in-use", name=name) from error
        self.addresses.forget_server(ServerName(name))
        log.info("server.deleted", server=name)

    def _check_credentials(self, kind: str, words: Mapping[str, str]) -> None:
        """As the adapter declares them. Raises `CommandError`: unknown-field, invalid-value."""
        declared = self.declared(kind)
        only_keys("credentials", words, declared.credential_names)
        if missing := declared.missing_in_credentials(words):
            raise invalid(missing.field, missing.why)


def base_url(text: str) -> str:
    """The URL without a slash at its end. Raises `CommandError`."""
    host_of(text, "base_url")
    parts = urlsplit(text)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise invalid("base_url", "must not contain a user, query or fragment; credentials have their own field")
    return text.rstrip("/")


def limits(ask: LimitsRequest) -> Limits:
    """The same as the model's value."""
    return Limits(**msgspec.structs.asdict(ask))
