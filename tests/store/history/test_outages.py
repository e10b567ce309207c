"""What is kept of the past: outages, changes of state, and when nobody watched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from esteio.core.model.history import OutageCost, StateChange, Unwatched
from esteio.core.model.ids import ServerName, SessionName
from esteio.core.model.recovery import Outage
from esteio.core.model.session import Session
from esteio.core.model.state import SessionState
from esteio.store.base import DecisionCommit, JournalEntry, ServerCommit
from tests.narrowing import not_none
from tests.store.make import AnyStore, Make

NOW = 1_800_000_000.0
SV = ServerName("sv")


async def fell(store: AnyStore, session: Session, *outages: Outage, **changes: Any) -> Session:
    """A decision that writes these outages of the session."""
    fresh = msgspec.structs.replace(not_none(await store.sessions.by_id(session.id)), **changes)
    line = JournalEntry("decision", NOW, "outage-started")
    assert await store.decisions.commit_session(DecisionCommit(session=fresh, outages=outages, journal=(line,)))
    return fresh


async def server_fell(store: AnyStore, outage: Outage) -> None:
    server = not_none(await store.servers.get(SV)).server
    assert await store.decisions.commit_server(ServerCommit(server=server, outage=outage))


def ids(found: Any) -> list[str]:
    return [one.outage.id for one in found]


async def test_an_outage_is_kept_as_it_is_from_its_beginning_to_its_end(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    await store.journal.add_evidence(session.id, SV, [make.seen("send_closed", NOW, "send")], NOW)
    (before,) = await store.journal.page(session.id, 0, 9)
    began = Outage("out_1", NOW, "ghost", held_at_start=3)
    await fell(store, session, began)
    record = not_none(await store.history.outage("out_1"))
    assert (record.outage, record.session_id, record.session, record.server) == (began, session.id, session.name, "sv")
    assert (record.after_seq, record.part_of) == (before.seq, None)
    assert ids(await store.history.open_outages()) == ["out_1"]
    ended = msgspec.structs.replace(began, noticed=True, ended_at=NOW + 60)
    await fell(store, session, ended)
    record = not_none(await store.history.outage("out_1"))
    assert (record.outage, record.after_seq) == (ended, before.seq)
    assert list(await store.history.open_outages()) == []
    again = msgspec.structs.replace(began, noticed=True, reopened=1)
    await fell(store, session, again)
    assert not_none(await store.history.outage("out_1")).outage == again
    assert await store.history.outage("out_2") is None


async def test_a_decision_that_was_overtaken_leaves_no_outage(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    await make.commit(store, session, state="connected")
    late = DecisionCommit(session=session, outages=(Outage("out_1", NOW, "ghost"),), previous_state="connecting")
    assert not await store.decisions.commit_session(late)
    assert await store.history.outage("out_1") is None
    assert await store.history.states_of([session.id], 0.0) == {}
    stale = ServerCommit(server=not_none(await store.servers.get(SV)).server, outage=Outage("sout_1", NOW, "down"))
    await server_fell(store, Outage("sout_2", NOW, "down"))
    assert not await store.decisions.commit_server(stale)
    assert ids(await store.history.open_outages()) == ["sout_2"]


async def test_sessions_fall_with_their_server_before_and_after_it(store: AnyStore, make: Make) -> None:
    for name in ("old", "first", "then", "later"):
        await make.session(store, name)
    old, first, then, later = [
        not_none(await store.sessions.by_name(SessionName(name))) for name in ("old", "first", "then", "later")
    ]
    await make.session(store, "elsewhere", server="other")
    stranger = not_none(await store.sessions.by_name(SessionName("elsewhere")))
    await fell(store, old, Outage("o_old", NOW - 900, "ghost"))
    await fell(store, first, Outage("o_first", NOW, "ghost"))
    await server_fell(store, Outage("sout", NOW, "mass-fall"))
    await fell(store, then, Outage("o_then", NOW + 5, "ghost"))
    await fell(store, stranger, Outage("o_stranger", NOW + 5, "ghost"))
    assert ids(await store.history.parts_of("sout")) == ["o_first", "o_then"]
    assert ids(await store.history.open_outages()) == ["o_stranger", "sout", "o_old"]
    assert ids(await store.history.open_outages(server=SV, each=True)) == ["o_then", "sout", "o_first", "o_old"]
    assert ids(await store.history.open_outages(session_id=then.id, each=True)) == ["o_then"]
    await fell(store, first, Outage("o_first", NOW, "ghost", ended_at=NOW + 50))
    await server_fell(store, Outage("sout", NOW, "mass-fall", ended_at=NOW + 60))
    await fell(store, later, Outage("o_later", NOW + 55, "ghost"))
    assert not_none(await store.history.outage("o_later")).part_of is None
    assert ids(await store.history.open_outages(server=SV)) == ["o_later", "o_then", "o_old"], (
        "their server is up again"
    )
    assert ids(await store.history.ended_outages()) == ["sout"]
    assert ids(await store.history.ended_outages(each=True)) == ["sout", "o_first"]


async def test_pages_of_ended_outages_lose_none_that_began_together(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    await fell(store, session, *(Outage(f"o{n}", NOW + n // 2, "ghost", ended_at=NOW + 99) for n in range(7)))
    seen: list[str] = []
    before: tuple[float, str] | None = None
    while page := await store.history.ended_outages(before=before, limit=2):
        seen += ids(page)
        before = (page[-1].outage.since, page[-1].outage.id)
    assert seen == ["o6", "o5", "o4", "o3", "o2", "o1", "o0"]
    assert ids(await store.history.ended_outages(session_id=session.id, limit=1)) == ["o6"]
    assert list(await store.history.ended_outages(server=ServerName("none"))) == []


async def test_what_of_a_time_is_known(store: AnyStore, make: Make) -> None:
    one, two = await make.session(store, "one"), await make.session(store, "two")
    await fell(store, one, Outage("a", NOW, "ghost", ended_at=NOW + 9), Outage("b", NOW + 20, "ghost"))
    await fell(store, two, Outage("c", NOW, "ghost", ended_at=NOW + 9))
    await server_fell(store, Outage("s", NOW + 30, "server_unreachable"))
    found = await store.history.outages_of([one.id, two.id], NOW + 9)
    assert {key: ids(value) for key, value in found.items()} == {one.id: ["b"]}
    assert ids((await store.history.outages_of([one.id], NOW))[one.id]) == ["a", "b"]
    assert ids(await store.history.server_outages(NOW)) == ["s"]
    await server_fell(store, Outage("s", NOW + 30, "server_unreachable", ended_at=NOW + 40))
    assert list(await store.history.server_outages(NOW + 40)) == []


async def changed_state(store: AnyStore, session: Session, state: SessionState, at: float) -> None:
    fresh = not_none(await store.sessions.by_id(session.id))
    decided = msgspec.structs.replace(fresh, state=state, since=at)
    assert await store.decisions.commit_session(DecisionCommit(session=decided, previous_state=fresh.state))


async def test_changes_of_state_are_kept_and_the_last_of_one_instant_stands(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    await changed_state(store, session, "awaiting_qr", NOW)
    await changed_state(store, session, "connected", NOW + 5)
    await changed_state(store, session, "degraded", NOW + 5)
    await make.commit(store, session, phone="5511")
    found = await store.history.states_of([session.id], NOW + 1)
    assert found == {session.id: [StateChange(NOW + 5, "awaiting_qr", "degraded")]}
    assert len((await store.history.states_of([session.id], NOW))[session.id]) == 2


async def test_what_an_outage_cost(store: AnyStore, make: Make) -> None:
    session = await make.session(store, gate="held")
    await make.accept(store, session, at=NOW - 1)
    await make.accept(store, session, at=NOW)
    await make.accept(store, session, at=NOW + 9, expires_at=NOW + 10)
    await make.accept(store, session, at=NOW + 11)
    assert await store.history.cost(session.id, NOW, NOW + 10) == OutageCost(accepted=2, waiting=2)
    assert await store.outbox.expire(NOW + 20, 9) == 1
    assert await store.history.cost(session.id, NOW, NOW + 10) == OutageCost(accepted=2, waiting=1, failed=1)
    assert await store.history.cost(session.id, NOW - 9, NOW - 5) == OutageCost()


async def test_a_deleted_session_or_server_leaves_no_history(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    await fell(store, session, Outage("o", NOW, "ghost"))
    await changed_state(store, session, "connected", NOW + 5)
    await server_fell(store, Outage("s", NOW, "down"))
    await store.sessions.delete(session.id, NOW)
    assert ids(await store.history.open_outages(each=True)) == ["s"]
    assert await store.history.states_of([session.id], 0.0) == {}
    assert await store.servers.delete(SV)
    assert list(await store.history.open_outages()) == []


async def test_only_what_was_over_long_ago_is_forgotten(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    over = [Outage(f"o{n}", NOW, "ghost", ended_at=NOW + n) for n in (1, 2)]
    await fell(store, session, *over, Outage("open", NOW, "ghost"))
    await changed_state(store, session, "connected", NOW + 1)
    await changed_state(store, session, "error", NOW + 2)
    nothing = {"raw_before": 0.0, "idem_before": 0.0}
    assert await store.maintenance.purge(NOW, **nothing) == 0
    assert await store.maintenance.purge(NOW, history_before=NOW + 2, **nothing) == 2
    assert ids(await store.history.ended_outages()) == ["o2"]
    assert ids(await store.history.open_outages()) == ["open"]
    assert [one.state for one in (await store.history.states_of([session.id], 0.0))[session.id]] == ["error"]


@pytest.mark.parametrize(("away", "found"), [(59.0, []), (61.0, [Unwatched(NOW + 20, NOW + 81)])])
async def test_a_gateway_that_lives_again_knows_since_when_nobody_watched(
    file_store: Callable[[], AnyStore], away: float, found: list[Unwatched]
) -> None:
    first = file_store()
    await first.start(NOW)
    for beat in (0.0, 20.0):
        await first.ping(NOW + beat)
    await first.aclose()
    second = file_store()
    await second.start(NOW + 20 + away)
    for beat in (0.0, 20.0):
        await second.ping(NOW + 20 + away + beat)
    assert list(await second.history.unwatched(0.0)) == found
    assert list(await second.history.unwatched(NOW + 81)) == []
    await second.maintenance.purge(NOW, raw_before=0.0, idem_before=0.0, history_before=NOW + 82)
    assert list(await second.history.unwatched(0.0)) == []
    await second.aclose()
