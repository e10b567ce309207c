"""What is stored of a person, and its removal, at that person's wish.

Never lives here: what counts as naming somebody (`store`), an answer's shape.
"""

from __future__ import annotations

from collections.abc import Sequence

from esteio.clock import Clock
from esteio.core.model.message import Message
from esteio.core.model.session import Session
from esteio.engine.audit.audit_log import AuditLog
from esteio.engine.commands.addressing import Addressing
from esteio.engine.key_scope import Scope
from esteio.engine.runtime.ports import Wakeups
from esteio.log import clean_text, logger
from esteio.store.base import Erased, every_session
from esteio.store.media import MediaStore
from esteio.store.ports.contacts import Contacts
from esteio.store.ports.sessions import Sessions

log = logger("contacts")


class ContactCommands:
    """Export and erasure of what is stored of one person. `scope`: which sessions the caller's key is for."""

    def __init__(
        self,
        contacts: Contacts,
        sessions: Sessions,
        clock: Clock,
        *,
        audit: AuditLog,
        addressing: Addressing,
        media_store: MediaStore,
        wakeups: Wakeups,
    ) -> None:
        self._contacts, self._sessions, self._clock, self._audit = contacts, sessions, clock, audit
        self._addressing, self._media_store, self._wakeups = addressing, media_store, wakeups

    async def export(self, who: str, scope: Scope) -> tuple[str, list[str], list[Message]]:
        """(address, lids, messages, oldest first). Raises `CommandError`: invalid-phone, ambiguous-phone."""
        sessions = await self._reached_sessions(scope)
        found, names = await self._names(who, sessions)
        messages = [message for one in sessions for message in await self._contacts.messages(one.id, names)]
        await self._audit.note("contact.exported", after={"contact": clean_text(found), "messages": len(messages)})
        lids = sorted(name for name in names if name.endswith("@lid"))
        return found, lids, sorted(messages, key=lambda message: message.created_at)

    async def erase(self, who: str, scope: Scope) -> Erased:
        """What that did in all sessions. Raises `CommandError`: invalid-phone, ambiguous-phone."""
        sessions = await self._reached_sessions(scope)
        _, names = await self._names(who, sessions)
        alias, asked_at = self._clock.new_id("erased"), self._clock.now()
        # Its alias names the person, as in the messages that stay: the log must not keep whom it was asked to forget.
        with self._audit.records("message.content_erased", target=alias, after={"sessions": len(sessions)}):
            done = [await self._contacts.erase(one.id, names, alias, self._clock.now()) for one in sessions]
        whole = _sum(done)
        await self._media_store.drop(whole.media, asked_at)
        log.info("contact.erased", count=whole.messages, in_doubt=whole.under_way)
        self._wakeups.sends()
        return whole

    async def _names(self, who: str, sessions: Sequence[Session]) -> tuple[str, set[str]]:
        """The address that was asked for, and all that name the same person in any of these sessions."""
        read = await self._addressing.any_address(who, "address", [one.id for one in sessions])
        names, before = {read.address}, 0
        while len(names) > before:
            before = len(names)
            for one in sessions:
                names |= set(await self._contacts.addresses(one.id, names))
        return read.address, names

    async def _reached_sessions(self, scope: Scope) -> Sequence[Session]:
        every = every_session(self._sessions, reach=scope)
        return [session async for session in every if scope.reaches(session.name, session.tenant)]


def _sum(parts: Sequence[Erased]) -> Erased:
    return Erased(
        messages=sum(part.messages for part in parts),
        events=sum(part.events for part in parts),
        webhooks=sum(part.webhooks for part in parts),
        media=tuple({name for part in parts for name in part.media}),
        under_way=sum(part.under_way for part in parts),
    )
