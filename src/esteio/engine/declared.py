"""Servers and sessions that the settings declare: what would change, and doing it.

Adding and changing only; what is no longer declared stays until a person deletes it, because a link lost by an edited
file cannot be had back. Never lives here: reading the file (`config`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeVar

import msgspec

from esteio.config import DeclaredServer, DeclaredSession
from esteio.core.model import ServerName, SessionName
from esteio.engine.asks import LimitsChange, ServerAsk, ServerChange, SessionAsk
from esteio.engine.refusals import Refusal, invalid
from esteio.engine.server_commands import ServerCommands, base_url, limits
from esteio.engine.session_commands import SessionCommands
from esteio.log import logger
from esteio.store.base import StoredServer

WHO = "settings"
T = TypeVar("T")
log = logger("commands")


class Change(msgspec.Struct, frozen=True):
    """One thing that is, or would be, done."""

    what: Literal["add", "change"]
    kind: Literal["server", "session"]
    name: str
    detail: str = ""


class DeclaredCommands(ServerCommands, SessionCommands):
    """Brings the store in line with the settings."""

    async def apply(
        self,
        servers: Sequence[DeclaredServer],
        sessions: Sequence[DeclaredSession],
        *,
        plan: bool = False,
    ) -> Sequence[Change]:
        """Add what is missing and change what differs; with `plan` only say what would be done. Raises `Refusal`."""
        changes = [change for one in servers if (change := await self._apply_server(one, plan=plan))]
        changes += [change for two in sessions if (change := await self._apply_session(two, plan=plan))]
        if changes and not plan:
            log.info("settings.applied", changes=len(changes))
        return changes

    async def _apply_server(self, declared: DeclaredServer, *, plan: bool) -> Change | None:
        ask = _strict(declared, ServerAsk)
        stored = await self.store.server(ServerName(ask.name))
        if stored is None:
            if not plan:
                await self.add_server(ask)
            return Change("add", "server", ask.name, ask.kind)
        if stored.server.kind != ask.kind:
            raise invalid(f"servers.{ask.name}.kind", f"is {stored.server.kind} already and cannot change")
        different = self._differences(stored, ask)
        if not different:
            return None
        if not plan:
            whole = LimitsChange(**msgspec.structs.asdict(ask.limits))
            await self.change_server(ask.name, ServerChange(ask.base_url, ask.credentials, whole))
        return Change("change", "server", ask.name, ", ".join(different))

    def _differences(self, stored: StoredServer, ask: ServerAsk) -> list[str]:
        here = stored.server
        pairs = {
            "base_url": (here.base_url, base_url(ask.base_url)),
            "credentials": (self.vault.unseal(stored.sealed), ask.credentials),
            "limits": (here.limits, limits(ask.limits)),
        }
        return [name for name, (is_now, shall_be) in pairs.items() if is_now != shall_be]

    async def _apply_session(self, declared: DeclaredSession, *, plan: bool) -> Change | None:
        ask = msgspec.structs.replace(_strict(declared, SessionAsk), wait_s=0.0)
        session = await self.store.session(SessionName(ask.name))
        if session is None:
            if not plan:
                await self.create_session(ask, WHO)
            return Change("add", "session", ask.name, ask.server)
        if session.server != ask.server:
            raise invalid(f"sessions.{ask.name}.server", f"is {session.server} already and cannot change")
        return None


def _strict(declared: DeclaredServer | DeclaredSession, shape: type[T]) -> T:
    """The same as a caller would ask it, checked as strictly. Raises `Refusal`."""
    try:
        return msgspec.convert(msgspec.to_builtins(declared), shape)
    except msgspec.ValidationError as error:
        raise Refusal("invalid-value", field=declared.name, in_body=True, why=str(error)) from error
