"""What is stored of a person, and its removal, at that person's wish.

Never lives here: what counts as naming somebody (`store`), an answer's shape.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from esteio.core.model import Message
from esteio.core.phone import spellings
from esteio.core.session import Session
from esteio.engine import compose
from esteio.engine.desk import Desk
from esteio.log import logger
from esteio.store.base import Erased, every_session

log = logger("people")


class PeopleCommands(Desk):
    """Export and erasure. `reaches` tells which sessions the caller's key is for."""

    async def person(self, phone: str, reaches: Callable[[str], bool]) -> tuple[str, list[str], list[Message]]:
        """(digits, lids, messages, oldest first). Raises `Refusal("invalid-phone")`."""
        digits = compose.phone(phone)
        lids: list[str] = []
        messages: list[Message] = []
        for session in await self._sessions(reaches):
            lids += await self.store.lids_of_person(session.id, spellings(digits))
            messages += await self.store.of_person(session.id, spellings(digits))
        return digits, sorted(set(lids)), sorted(messages, key=lambda message: message.created_at)

    async def erase_person(self, phone: str, reaches: Callable[[str], bool]) -> Erased:
        """What that did in all sessions. Raises `Refusal("invalid-phone")`."""
        digits = compose.phone(phone)
        alias = self.clock.new_id("erased")
        done = [
            await self.store.erase_person(session.id, spellings(digits), alias, self.clock.now())
            for session in await self._sessions(reaches)
        ]
        whole = _sum(done)
        await self.shelf.drop(whole.media)
        log.info("person.erased", messages=whole.messages, under_way=whole.under_way)
        self.nudge.sends()
        return whole

    async def _sessions(self, reaches: Callable[[str], bool]) -> Sequence[Session]:
        return [session async for session in every_session(self.store) if reaches(session.name)]


def _sum(parts: Sequence[Erased]) -> Erased:
    return Erased(
        messages=sum(part.messages for part in parts),
        events=sum(part.events for part in parts),
        webhooks=sum(part.webhooks for part in parts),
        media=tuple({name for part in parts for name in part.media}),
        under_way=sum(part.under_way for part in parts),
    )
