"""Servers and sessions that the settings declare: what would change, and doing it.

Adding and changing only; what is no longer declared stays until a person deletes it, because a link lost by an edited
file cannot be had back. Never lives here: reading the file (`config`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

import msgspec
from msgspec import UNSET

from esteio.config import DeclaredServer, DeclaredSession
from esteio.core.model.ids import ServerName, SessionName
from esteio.core.model.session import Session
from esteio.engine.commands.addressing import Addressing
from esteio.engine.commands.requests import LimitsChange, ServerChange, ServerRequest, SessionChange, SessionRequest
from esteio.engine.commands.servers import ServerCommands, base_url, limits
from esteio.engine.commands.sessions.session_commands import SessionCommands
from esteio.engine.errors import CommandError, invalid
from esteio.engine.runtime import sealed_for
from esteio.log import logger
from esteio.store.base import StoredServer
from esteio.store.ports.sessions import Servers, Sessions
from esteio.vault import Vault

WHO = "settings"
THE_PROVIDERS = frozenset({"provider-refused", "provider-unanswered"})
"""What a provider says or does not say, and no word of the file causes."""
T = TypeVar("T")
log = logger("commands")


class Change(msgspec.Struct, frozen=True):
    """One thing that is, or would be, done."""

    what: Literal["add", "change"]
    kind: Literal["server", "session"]
    name: str
    detail: str = ""


class DeclaredCommands:
    """Brings the store in line with the settings."""

    def __init__(
        self,
        servers: Servers,
        sessions: Sessions,
        *,
        server_commands: ServerCommands,
        session_commands: SessionCommands,
        addressing: Addressing,
        vault: Vault,
    ) -> None:
        self._servers, self._sessions, self._vault, self._addressing = servers, sessions, vault, addressing
        self._server_commands, self._session_commands = server_commands, session_commands

    async def apply(
        self,
        servers: Sequence[DeclaredServer],
        sessions: Sequence[DeclaredSession],
        *,
        plan: bool = False,
        left_out: Callable[[str, CommandError], None] | None = None,
    ) -> Sequence[Change]:
        """Add what is missing and change what differs; with `plan` only say what would be done. Raises `CommandError`,
        but where `left_out` is given: a session that only its provider keeps from being changed is told to it, and
        stays as it was."""
        changes = [change for one in servers if (change := await self._apply_server(one, plan=plan))]
        for declared in sessions:
            try:
                change = await self._apply_session(declared, plan=plan)
            except CommandError as error:
                if left_out is None or error.code not in THE_PROVIDERS:
                    raise
                left_out(declared.name, error)
            else:
                changes += [change] if change else []
        if changes and not plan:
            log.info("settings.applied", count=len(changes))
        return changes

    async def _apply_server(self, declared: DeclaredServer, *, plan: bool) -> Change | None:
        request = _strict(declared, ServerRequest)
        stored = await self._servers.get(ServerName(request.name))
        if stored is None:
            if not plan:
                await self._server_commands.add(request)
            return Change("add", "server", request.name, request.kind)
        if stored.server.kind != request.kind:
            raise invalid(f"servers.{request.name}.kind", f"is {stored.server.kind} already and cannot change")
        different = self._differences(stored, request)
        if not different:
            return None
        if not plan:
            whole = LimitsChange(**msgspec.structs.asdict(request.limits))
            await self._server_commands.change(request.name, ServerChange(request.base_url, request.credentials, whole))
        return Change("change", "server", request.name, ", ".join(different))

    def _differences(self, stored: StoredServer, request: ServerRequest) -> list[str]:
        here = stored.server
        pairs = {
            "base_url": (here.base_url, base_url(request.base_url)),
            "credentials": (self._vault.unseal(stored.sealed, sealed_for.server(here.name)), request.credentials),
            "limits": (here.limits, limits(request.limits)),
        }
        return [name for name, (is_now, shall_be) in pairs.items() if is_now != shall_be]

    async def _apply_session(self, declared: DeclaredSession, *, plan: bool) -> Change | None:
        request = msgspec.structs.replace(_strict(declared, SessionRequest), wait_s=0.0)
        session = await self._sessions.by_name(SessionName(request.name))
        if session is None:
            if not plan:
                # A provider that does not answer may not hold up our start.
                await self._session_commands.create(request, WHO, read_first=False)
            return Change("add", "session", request.name, request.server)
        if session.server != request.server:
            raise invalid(f"sessions.{request.name}.server", f"is {session.server} already and cannot change")
        change = await self._session_differences(session, declared)
        different = list(change.given())
        if not different:
            return None
        if not plan:
            await self._session_commands.change(request.name, change, WHO)
        return Change("change", "session", request.name, ", ".join(different))

    async def _session_differences(self, session: Session, declared: DeclaredSession) -> SessionChange:
        """Of what is declared, what is otherwise here; what is not declared is nobody's business here."""
        _, sealed = await self._sessions.secrets(session.id)
        here = {**session.ref, **self._vault.unseal(sealed, sealed_for.session(session, "encrypted"))}
        phone = (
            None
            if declared.phone is None
            else await self._addressing.phone_number(
                declared.phone, f"sessions.{session.name}.phone", own=(session.phone, session.facts.phone_seen)
            )
        )
        ref = {key: word for key, word in declared.ref.items() if here.get(key) != word.strip()}
        return SessionChange(
            phone=UNSET if phone is None or phone == session.phone else phone,
            policy=UNSET if declared.policy in (None, session.policy) else declared.policy,
            ref=ref or UNSET,
        )


def _strict(declared: DeclaredServer | DeclaredSession, shape: type[T]) -> T:
    """The same as a caller would ask it, checked as strictly. Raises `CommandError`."""
    words = {key: word for key, word in msgspec.to_builtins(declared).items() if word is not None}
    try:
        return msgspec.convert(words, shape)
    except msgspec.ValidationError as error:
        raise CommandError("invalid-value", field=declared.name, in_body=True, why=str(error)) from error
