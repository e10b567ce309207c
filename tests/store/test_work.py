"""Work rows, keys, the stream of events, upkeep."""

import asyncio
from typing import Any, Literal

import apsw
import pytest

from esteio.core.model.evidence import seen
from esteio.core.model.ids import MessageId, ServerName, SessionName
from esteio.core.model.session import Session
from esteio.store.base import (
    ApiKey,
    DecisionCommit,
    Exists,
    JournalEntry,
    NewMessage,
    Qr,
    RawInbound,
    ServerCommit,
    ShortLivedToken,
    Work,
    WorkSettlement,
)
from esteio.store.sqlite import SqliteStore
from tests.narrowing import not_none
from tests.store.make import AnyStore, Make

NOW = 1_800_000_000.0
NONE: frozenset[str] = frozenset()


def work(
    ident: str,
    lane: str = "s:control",
    kind: Literal["control", "notice"] = "control",
    due_at: float = NOW,
    session: Session | None = None,
    **changes: Any,
) -> Work:
    payload = {"rung": "connect", "attempt": "at_1"}
    values: dict[str, Any] = {
        "session_id": session.id if session else None,
        "server": "sv",
        "payload": payload,
        "created_at": NOW,
    }
    return Work(id=ident, lane=lane, kind=kind, due_at=due_at, **{**values, **changes})


async def add(store: AnyStore, make: Make, *items: Work) -> None:
    """Rows by the way they really come: with a server's commit."""
    if await store.servers.get(ServerName("sv")) is None:
        await make.server(store)
    server = not_none(await store.servers.get(ServerName("sv"))).server
    assert await store.decisions.commit_server(ServerCommit(server=server, work=items))


async def claim(
    store: AnyStore, now: float = NOW, limit: int = 10, busy: frozenset[str] = NONE, lease_s: float = 30.0
) -> list[Work]:
    return list(await store.work.claim(now, limit, lease_s, busy))


async def test_work_comes_back_as_it_was_given(store: AnyStore, make: Make) -> None:
    given = work("w1", dedupe="d")
    await add(store, make, given)
    assert await store.work.get("w1") == given
    assert await store.work.get("w2") is None


async def test_one_at_a_time_and_in_order_in_a_lane(store: AnyStore, make: Make) -> None:
    await add(store, make, work("a1", "a"), work("a2", "a"), work("b1", "b"), work("c1", "c", due_at=NOW + 5))
    first = await claim(store)
    assert [(one.id, one.state, one.fence, one.lease_until) for one in first] == [
        ("a1", "performing", 1, NOW + 30),
        ("b1", "performing", 1, NOW + 30),
    ]
    assert list(await claim(store)) == []
    assert await store.work.settle(WorkSettlement("a1", 1, NOW, "ok"))
    assert [one.id for one in await claim(store)] == ["a2"]
    assert [one.id for one in await claim(store, NOW + 5)] == ["c1"]


async def test_the_oldest_due_goes_first_and_busy_lanes_are_left_alone(store: AnyStore, make: Make) -> None:
    await add(store, make, work("late", "a", due_at=NOW), work("early", "b", due_at=NOW - 5), work("busy", "c"))
    assert [one.id for one in await claim(store, limit=1, busy=frozenset({"c"}))] == ["early"]
    assert [one.id for one in await claim(store, busy=frozenset({"c"}))] == ["late"]


@pytest.mark.parametrize("due_at", [NOW, NOW + 60], ids=["due", "not-due"])
async def test_however_many_lanes_wait_a_claim_reads_what_it_takes(make: Make, due_at: float) -> None:
    """In steps of SQLite's machine. Every webhook of a server may be wrong at once: thousands of acts."""

    async def steps(lanes: int) -> int:
        store = SqliteStore.memory()
        await store.start(NOW)
        waiting = [work(f"w{n}", f"s{n}", due_at=due_at) for n in range(lanes)]
        await add(store, make, *[work(f"first{n}", f"first{n}", due_at=NOW - 1) for n in range(8)], *waiting)
        taken = []
        store.database.db.connection.trace_v2(
            apsw.SQLITE_TRACE_PROFILE, lambda told: taken.append(told["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"])
        )
        assert [one.id for one in await claim(store, limit=8)] == [f"first{n}" for n in range(8)]
        assert await store.work.next_due() == min(due_at, NOW + 30)
        await store.aclose()
        return sum(taken)

    assert await steps(2000) < 1.5 * await steps(20)


async def test_a_lane_that_is_settled_here_and_busy_there_keeps_no_other_waiting(store: AnyStore, make: Make) -> None:
    await add(store, make, *[work(f"w{n}", f"lane{n}", due_at=NOW - 9 + n) for n in range(4)])
    busy = frozenset({"lane0", "lane1", "lane2"})
    assert [one.id for one in await claim(store, limit=1, busy=busy)] == ["w3"]


async def test_a_head_that_is_not_due_keeps_its_lane_waiting(store: AnyStore, make: Make) -> None:
    await add(store, make, work("a1", "a", due_at=NOW + 9), work("a2", "a", due_at=NOW))
    assert list(await claim(store)) == []
    assert await store.work.next_due() == NOW + 9


async def test_two_claimants_never_get_the_same_work(store: AnyStore, make: Make) -> None:
    await add(store, make, *[work(f"w{n}", f"lane{n % 5}") for n in range(10)])
    rounds = await asyncio.gather(*[claim(store, limit=2) for _ in range(5)])
    lanes = [one.lane for found in rounds for one in found]
    assert sorted(lanes) == [f"lane{n}" for n in range(5)]


async def test_a_settlement_goes_back_to_wait_or_is_over(store: AnyStore, make: Make) -> None:
    await add(store, make, work("w1", kind="notice", dedupe="d"), work("w2", kind="notice", dedupe="d"))
    assert await store.work.get("w2") is None
    (one,) = await claim(store)
    assert not await store.work.settle(WorkSettlement("w1", one.fence - 1, NOW, "stale"))
    assert await store.work.settle(WorkSettlement("w1", one.fence, NOW, "later", due_at=NOW + 5))
    waiting = await store.work.get("w1")
    assert waiting is not None
    assert (waiting.state, waiting.due_at, waiting.attempts, waiting.lease_until) == ("ready", NOW + 5, 1, None)
    (again,) = await claim(store, NOW + 5)
    assert await store.work.settle(WorkSettlement("w1", again.fence, NOW, "gone", dropped=True))
    assert not await store.work.settle(WorkSettlement("w1", again.fence, NOW, "twice"))
    assert not_none(await store.work.get("w1")).state == "dropped"
    await add(store, make, work("w3", kind="notice", dedupe="d"))
    assert not_none(await store.work.get("w3")).state == "ready"


async def test_what_an_act_learned_is_written_with_its_outcome(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    await add(store, make, work("w1", session=session))
    (one,) = await claim(store)
    qr = Qr("c", "p", 1, NOW, NOW + 20)
    settlement = WorkSettlement(
        "w1",
        one.fence,
        NOW,
        "ok",
        evidence=(seen("act_answered", NOW, "act"), seen("server_answered", NOW, "act")),
        journal=(JournalEntry(kind="act", at=NOW, code="connect"),),
        qr=qr,
        ref={"instance_id": "9"},
        webhook_token="new",
    )
    assert await store.work.settle(settlement)
    assert await store.qr_codes.get(session.id) == qr
    known = await store.sessions.by_token("new")
    assert known is not None
    assert (known.id, known.ref) == (session.id, {"instance_id": "9"})
    assert [
        one.evidence.kind for one in not_none(await store.decisions.session_view(session.id, NOW)).new_evidence
    ] == ["act_answered"]
    assert [one.evidence.kind for one in not_none(await store.servers.view(ServerName("sv"), NOW)).new_evidence] == [
        "server_answered"
    ]
    assert [one.code for one in await store.journal.page(session.id, 0, 9)] == ["act_answered", "connect"]


async def test_a_control_act_that_lost_its_lease_is_over_and_its_session_looks(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    await add(store, make, work("w1", session=session), work("w2", "r", kind="notice"))
    assert len(await claim(store)) == 2
    (again,) = await claim(store, NOW + 30)
    assert (again.id, again.fence) == ("w2", 3)
    over = await store.work.get("w1")
    assert over is not None
    assert (over.state, over.outcome) == ("done", "interrupted")
    (news,) = not_none(await store.decisions.session_view(session.id, NOW)).new_evidence
    assert (news.evidence.kind, news.evidence.data["rung"]) == ("act_interrupted", "connect")


async def test_keys_are_found_by_their_hash_and_revoked_once(store: AnyStore) -> None:
    key = ApiKey("k1", "crm", "send", NOW, ("s*",), NOW + 9)
    await store.keys.add(key, b"hash")
    with pytest.raises(Exists):
        await store.keys.add(ApiKey("k2", "x", "read", NOW), b"hash")
    assert await store.keys.by_hash(b"hash") == key
    assert await store.keys.by_hash(b"none") is None
    assert await store.keys.revoke("k1", NOW + 1)
    assert not await store.keys.revoke("k1", NOW + 2)
    assert [one.revoked_at for one in await store.keys.all()] == [NOW + 1]


async def test_a_short_lived_token_opens_once_or_until_it_is_over(store: AnyStore) -> None:
    keys = store.keys
    await keys.lend(ShortLivedToken("login", b"once", NOW + 5), b"h1", NOW)
    await keys.lend(ShortLivedToken("events", b"again", NOW + 5, NOW + 50), b"h2", NOW)
    assert await keys.use_up(b"h2", "events", NOW) is await keys.open_again(b"h1", "login", NOW) is None
    assert await keys.use_up(b"h1", "events", NOW) is await keys.use_up(b"h1", "login", NOW + 5) is None
    assert [await keys.use_up(b"h1", "login", NOW + 4) for _ in range(2)] == [b"once", None]
    assert [await keys.open_again(b"h2", "events", NOW + at) for at in (4, 49, 50)] == [b"again", b"again", None]


async def test_short_lived_tokens_that_are_over_are_forgotten(store: AnyStore) -> None:
    keys = store.keys
    await keys.lend(ShortLivedToken("login", b"old", NOW + 5), b"h1", NOW)
    await keys.lend(ShortLivedToken("login", b"new", NOW + 9), b"h2", NOW + 5)
    assert await keys.use_up(b"h1", "login", NOW) is None
    assert await keys.use_up(b"h2", "login", NOW) == b"new"


async def test_purge_forgets_what_is_over_and_old(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    old = await store.inbox.accept(RawInbound(session.id, "/", {}, b"x", NOW - 100))
    await store.inbox.accept(RawInbound(session.id, "/", {}, b"unread", NOW - 100))
    from esteio.store.base import InboxSettlement

    await store.inbox.settle(InboxSettlement(old, session.id, NOW, True))
    for ident, until in (("m1", NOW - 1), ("m2", NOW + 1)):
        message = make.message(session, id=MessageId(ident), at=NOW - 50)
        await store.messages.accept(NewMessage(message, "api", ident, "f", until))
    assert await store.maintenance.purge(NOW, raw_before=NOW, idem_before=NOW) == 2
    assert await store.maintenance.purge(NOW, raw_before=NOW, idem_before=NOW) == 0
    assert [raw.body for raw in await store.inbox.unread(9)] == [b"unread"]
    replay = await store.messages.accept(NewMessage(make.message(session, at=NOW), "api", "m2", "f", NOW + 9))
    assert replay.result == "replay"


async def test_events_resume_after_any_seq(store: AnyStore, make: Make) -> None:
    from esteio.store.base import EventRow

    session = await make.session(store)
    events = tuple(EventRow(type="session.qr", at=NOW, data={"n": n}, session=SessionName("s1")) for n in range(3))
    assert await store.decisions.commit_session(DecisionCommit(session=session, events=events))
    first = (await store.events.page(0, 1))[0]
    assert [event.data["n"] for event in await store.events.page(first.seq, 10)] == [1, 2]


async def test_ping_writes(store: AnyStore) -> None:
    await store.ping(NOW)


async def test_work_that_a_person_asked_for_is_added_once(store: AnyStore, make: Make) -> None:
    await store.work.add([work("w1", dedupe="d"), work("w2", dedupe="d")])
    assert [one.id for one in await claim(store)] == ["w1"]
