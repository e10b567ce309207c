"""What other nodes wrote: how much of it is handed to the judge at a time, and in which order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from esteio.core.model.ids import ServerName, SessionId
from esteio.engine.runtime.leases import ALONE
from esteio.engine.supervision.memory import Memory
from esteio.engine.supervision.other_nodes import OtherNodes

SERVER = ServerName("evo")


class Decisions:
    """What nobody has judged yet."""

    def __init__(self, sessions: int) -> None:
        self.news: dict[SessionId | ServerName, int] = {SessionId(number): number for number in range(1, sessions + 1)}
        self.news[SERVER] = sessions + 1

    async def with_news(self, node: int) -> Mapping[SessionId | ServerName, int]:
        return dict(self.news)


class Judgements:
    """Has room for so many sessions."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.keys: list[SessionId | ServerName] = []

    def heard(self, key: SessionId | ServerName) -> None:
        self.keys.append(key)

    def taken(self) -> None:
        raise AssertionError("nothing was taken")


def test_of_thousands_with_news_only_as_many_are_woken_as_there_is_room_for_and_servers_come_first() -> None:
    decisions, judgements = Decisions(sessions=1000), Judgements(room=10)
    stub = cast("Any", decisions)
    others = OtherNodes(
        stub, stub, stub, memory=Memory(ALONE), judgements=judgements, workers=(), server_read=print, session_read=print
    )
    asyncio.run(others._look_for_news())
    assert judgements.keys == [SERVER, *range(1, 10)]
    judgements.room = 0
    asyncio.run(others._look_for_news())
    assert len(judgements.keys) == 10
    judgements.room = 3
    asyncio.run(others._look_for_news())
    assert judgements.keys[10:] == [10, 11, 12], "each once, as long as nothing is new about it"
    decisions.news[SERVER] += 1
    asyncio.run(others._look_for_news())
    assert judgements.keys[13] == SERVER
