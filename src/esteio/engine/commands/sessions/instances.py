"""A server's instances: what the provider holds, and many of them adopted at once.

Each is adopted like a single one (`session_commands`), a few at a time; what one is refused does not stop the others.
Never lives here: what an adoption is (`replaced_webhook`).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from esteio.clock import Clock
from esteio.core.model.ids import SessionName
from esteio.core.model.tenant import name_on_shared
from esteio.engine.commands.lookup import Lookup
from esteio.engine.commands.requests import AdoptRequest, SessionRequest
from esteio.engine.commands.sessions.bindings import Bindings
from esteio.engine.commands.sessions.replaced_webhook import ReplacedWebhooks
from esteio.engine.commands.sessions.session_commands import SessionCommands
from esteio.engine.errors import CommandError
from esteio.engine.key_scope import EVERYTHING, Scope
from esteio.engine.supervision.endpoints import Endpoints
from esteio.log import logger
from esteio.providers import driver
from esteio.providers.base import InventoryEntry, StandingWebhook, Transport
from esteio.store.base import StoredServer
from esteio.store.ports.sessions import Sessions

AT_ONCE = 4
"""So many instances are asked for their webhook at a time."""
LONGEST_NAME = 64
log = logger("commands")


class Instance(msgspec.Struct, frozen=True):
    """One row of the provider's list; `session`: whose it is here."""

    entry: InventoryEntry
    session: str | None = None


class Adopted(msgspec.Struct, frozen=True):
    """What became of one, or would: `instance-missing` where the provider's list does not hold it."""

    instance: str
    session: str
    result: Literal["adopted", "would-adopt", "already-adopted", "instance-missing", "refused"]
    stands: StandingWebhook | None = None
    error: CommandError | None = None


class InstanceCommands:
    """Lists and adopts a server's instances. `transport`: the way to the providers, for reads only."""

    def __init__(
        self,
        sessions: Sessions,
        clock: Clock,
        *,
        lookup: Lookup,
        bindings: Bindings,
        replaced: ReplacedWebhooks,
        session_commands: SessionCommands,
        addresses: Endpoints,
        transport: Transport,
    ) -> None:
        self._sessions, self._clock, self._lookup = sessions, clock, lookup
        self._bindings, self._replaced, self._session_commands = bindings, replaced, session_commands
        self._addresses, self._transport = addresses, transport

    async def of_server(self, server: str, scope: Scope = EVERYTHING) -> Sequence[Instance]:
        """What the provider holds, by name, as far as the caller reaches it: sessions inside the scope, and what is
        nobody's here and could be adopted. Raises `CommandError`: unknown-server, instances-unlisted,
        provider-unanswered."""
        stored = await self._lookup.server(server, scope)
        provider, where = await self._addresses.of_server(stored.server.name)
        if not provider.capabilities.list_sessions:
            raise CommandError("instances-unlisted", server=server)
        found = await driver.run(provider.inventory(where, self._clock.now()), self._transport)
        if found.entries is None:
            why = next((one.data.get("detail", one.kind) for one in found.evidence), "")
            raise CommandError("provider-unanswered", server=server, why=why)
        rows = sorted(found.entries, key=lambda entry: entry.key)
        instances = [Instance(row, await self._holder(stored, row.key)) for row in rows if row.key]
        # guard: instances-offered-in-scope
        return [one for one in instances if await self._reached(one, stored, scope)]

    async def adopt(self, server: str, request: AdoptRequest, who: str, scope: Scope = EVERYTHING) -> Sequence[Adopted]:
        """One result each, in the order asked. Raises as `of_server`, and ref-out-of-reach, unknown-tenant."""
        stored, listed = await self._lookup.server(server, scope), request.instances
        for name in () if listed == "all" else listed:
            scope.check_instance(name, stored.server.tenant)  # guard: adopted-in-scope
        scope.named_tenant(request.tenant)
        held = {one.entry.key: one for one in await self.of_server(server, scope)}
        free = [key for key, one in held.items() if one.session is None]
        asked = free if request.instances == "all" else list(dict.fromkeys(request.instances))
        names = await self._session_names(asked, name_on_shared(scope.home, ""))
        places = asyncio.Semaphore(AT_ONCE)

        async def one(key: str) -> Adopted:
            async with places:
                row = held.get(key)
                if row is None:
                    return Adopted(key, names[key], "instance-missing")
                if row.session is not None:
                    return Adopted(key, row.session, "already-adopted")
                return await self._adopt_one(stored, key, names[key], request, who=who, scope=scope)

        return await asyncio.gather(*(one(key) for key in asked))

    async def would_adopt(self, request: SessionRequest, scope: Scope = EVERYTHING) -> Adopted:
        """What `sessions.create` would come to, as far as reading can tell. Raises as that does."""
        stored, ref, instance, _ = await self._session_commands.binding(request, scope)
        taken = await self._replaced.taken(stored, request.name, ref, self._clock.token(), forward=request.forward)
        result: Literal["instance-missing", "would-adopt"] = "would-adopt"
        if taken.stands.found == "missing":
            result = "instance-missing"
        return Adopted(instance or request.name, request.name, result, taken.stands)

    async def _adopt_one(
        self, stored: StoredServer, key: str, name: str, request: AdoptRequest, *, who: str, scope: Scope
    ) -> Adopted:
        field = self._bindings.declared(stored.server.kind).instance
        single = SessionRequest(
            name,
            stored.server.name,
            ref={field: key},
            adopt=True,
            forward=request.forward,
            wait_s=0,
            tenant=request.tenant,
        )
        try:
            if request.dry_run:
                return await self.would_adopt(single, scope)
            created = await self._session_commands.create(single, who, scope=scope)
        except CommandError as error:
            result: Literal["already-adopted", "refused"] = "refused"
            if error.code == "already-adopted":
                result = "already-adopted"
            return Adopted(key, name, result, error=error)
        return Adopted(key, name, "adopted", created.stood)

    async def _holder(self, stored: StoredServer, key: str) -> str | None:
        return await self._sessions.instance_owner(stored.server.name, key)

    async def _reached(self, found: Instance, stored: StoredServer, scope: Scope) -> bool:
        if found.session is None:
            return scope.may_adopt(found.entry.key, stored.server.tenant)
        return await self._lookup.session_or_none(found.session, scope) is not None

    async def _session_names(self, keys: Iterable[str], prefix: str) -> dict[str, str]:
        """A session's name for each: its own, without `prefix`, where that is one and free, else one like it."""
        names: dict[str, str] = {}
        for key in keys:
            plain = re.sub(r"[^A-Za-z0-9._-]+", "-", key.removeprefix(prefix)).strip("-")[:LONGEST_NAME] or "session"
            name, number = plain, 1
            while name in names.values() or await self._sessions.by_name(SessionName(name)) is not None:
                number += 1
                name = f"{plain[: LONGEST_NAME - 6]}-{number}"
            names[key] = name
        return names
