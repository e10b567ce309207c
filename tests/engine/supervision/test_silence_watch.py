"""The watch over silence over weeks: nights, weekends and holidays are no ghosts, and a deaf line is one on any Monday.

The real store holds what came in; time is a number that the test moves, so three weeks of several lines take a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from esteio.core.model.content import Content
from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import ServerName, SessionId, SessionName
from esteio.core.model.inbound import ReceivedMessage
from esteio.core.model.server import Server
from esteio.core.model.session import Session
from esteio.engine.runtime.leases import SoleHolder
from esteio.engine.supervision.memory import Memory
from esteio.engine.supervision.silence_watch import SilenceWatch
from esteio.store.base import InboxSettlement
from esteio.store.sqlite import SqliteStore

HOUR, DAY = 3600.0, 86400.0
MONDAY = 1_800_230_400.0
"""A midnight, the start of the test's own week."""
EVERY_S = 600.0
SHOP = (range(5), range(9, 18))
BAR = (range(3, 6), range(18, 24))
LETTER = (range(7), range(24))


class Judged(Memory):
    """The town's lines, as if they had been judged here."""

    def __init__(self, lines: Mapping[str, Session]) -> None:
        super().__init__(SoleHolder())
        self._lines = lines

    def judged(self, server: ServerName | None = None) -> list[Session]:
        return list(self._lines.values())


class Town:
    """Lines with hours of their own; a message in each ten minutes of them, but for those that are told to be quiet."""

    def __init__(self, store: SqliteStore) -> None:
        self.store, self.at = store, MONDAY
        self.lines: dict[str, Session] = {}
        self.hours: dict[str, tuple[range, range]] = {}
        self.told: list[tuple[str, Evidence]] = []
        self.ears = SilenceWatch(store.traffic, self, memory=Judged(self.lines), notify=self._told)  # type: ignore[arg-type]

    def now(self) -> float:
        return self.at

    def _told(self, session_id: SessionId, news: Sequence[Evidence]) -> None:
        name = next(name for name, line in self.lines.items() if line.id == session_id)
        self.told += [(name, one) for one in news]
        self._remember(name, silence_at=news[-1].happened_at, silence_shared=news[-1].data.get("shared") == "yes")

    def _remember(self, name: str, **facts: object) -> None:
        line = self.lines[name]
        self.lines[name] = msgspec.structs.replace(line, facts=msgspec.structs.replace(line.facts, **facts))

    async def add(self, name: str, server: str, hours: tuple[range, range]) -> None:
        if await self.store.servers.get(ServerName(server)) is None:
            await self.store.servers.add(Server(ServerName(server), "evolution", "http://p"), b"", self.at)
        row = Session(SessionId(0), SessionName(name), ServerName(server), "evolution", created_at=self.at, gate="open")
        self.lines[name] = await self.store.sessions.add(row, f"token-{name}", b"", self.at, [], [])
        self.hours[name] = hours

    async def live(self, for_s: float, *, quiet: frozenset[str] = frozenset()) -> list[tuple[str, bool, float]]:
        """Let this time pass; who was told to be silent meanwhile, whether others were too, and after how long."""
        began, end, before = self.at, self.at + for_s, len(self.told)
        while self.at < end:
            self.at += EVERY_S
            for name in self.lines.keys() - quiet:
                if self._is_open(name):
                    await self._hear(name)
            await self.ears.look()
        found = self.told[before:]
        return [(name, one.data.get("shared") == "yes", one.happened_at - began) for name, one in found]

    def _is_open(self, name: str) -> bool:
        days, hours = self.hours[name]
        return int((self.at - MONDAY) // DAY) % 7 in days and int((self.at - MONDAY) % DAY // HOUR) in hours

    async def _hear(self, name: str) -> None:
        came = ReceivedMessage(f"{name}{self.at:.0f}", "5511", "5511", self.at - 1, Content("text", text="oi"))
        await self.store.inbox.settle(InboxSettlement(0, self.lines[name].id, self.at, True, (came,)))
        self._remember(name, receive_ok_at=self.at - 1, message_pushed_at=self.at - 1, silence_at=0.0)


def lived(story: Callable[[Town], Awaitable[None]], *lines: tuple[str, str, tuple[range, range]]) -> None:
    """Two weeks in which all is well, then the story, from a Monday's midnight."""

    async def whole() -> None:
        store = SqliteStore(":memory:", inline=True)
        await store.start(MONDAY)
        town = Town(store)
        for line in lines:
            await town.add(*line)
        assert await town.live(14 * DAY) == []
        await story(town)
        await store.aclose()

    asyncio.run(whole())


def test_nights_and_weekends_of_any_kind_of_line_say_nothing_and_on_monday_a_deaf_one_is_told() -> None:
    async def story(town: Town) -> None:
        assert await town.live(7 * DAY + 10 * HOUR) == []
        told = await town.live(3 * HOUR, quiet=frozenset({"shop"}))
        assert [(name, shared) for name, shared, _ in told] == [("shop", False)]
        assert 0.5 * HOUR < told[0][2] < 2 * HOUR

    lived(story, ("shop", "one", SHOP), ("bar", "one", BAR), ("letter", "two", LETTER))


def test_a_holiday_is_shared_by_the_lines_of_other_servers_and_who_stays_silent_after_it_is_told_anew() -> None:
    shops = [(name, server, SHOP) for name, server in (("a", "one"), ("b", "one"), ("c", "two"), ("d", "two"))]

    async def story(town: Town) -> None:
        told = await town.live(DAY, quiet=frozenset("abcd"))
        assert sorted((name, shared) for name, shared, _ in told) == [(name, True) for name in "abcd"], "once each"
        told = await town.live(14 * HOUR, quiet=frozenset("a"))
        assert [(name, shared) for name, shared, _ in told] == [("a", False)], "the others hear again, it does not"

    lived(story, *shops)


def test_lines_of_one_server_are_no_witnesses_for_each_other() -> None:
    async def story(town: Town) -> None:
        told = await town.live(12 * HOUR, quiet=frozenset("abc"))
        assert sorted((name, shared) for name, shared, _ in told) == [(name, False) for name in "abc"]

    lived(story, *((name, "one", SHOP) for name in "abc"), ("d", "two", SHOP))
