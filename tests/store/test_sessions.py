"""Servers, sessions, decisions, evidence, approvals, QR codes."""

from typing import Any

import msgspec
import pytest

from esteio.core.model.evidence import seen
from esteio.core.model.ids import ServerName, SessionId, SessionName
from esteio.core.model.recovery import Approval, Outage, Recovery
from esteio.core.model.server import Limits, Server
from esteio.core.model.session import Session
from esteio.core.model.state import Axis, Reason
from esteio.store.base import DecisionCommit, EventRow, Exists, InUse, JournalEntry, Qr, ServerCommit, Work
from tests.narrowing import not_none
from tests.store.make import AnyStore, Make

NOW = 1_800_000_000.0


def work(ident: str, session: Session | None = None, **changes: Any) -> Work:
    values = {"lane": "s:control", "kind": "control", "payload": {"rung": "connect"}, "due_at": NOW, "created_at": NOW}
    return Work(id=ident, session_id=session.id if session else None, server=ServerName("sv"), **{**values, **changes})


def approval(ident: str, session: Session, **changes: Any) -> Approval:
    values = {"rung": "logout", "because": "ghost", "cost": Reason("link-lost"), "created_at": NOW}
    return Approval(id=ident, session_id=session.id, session=session.name, **{**values, **changes})


async def test_a_server_comes_back_as_it_was_given(store: AnyStore, make: Make) -> None:
    server = await make.server(store, limits=Limits(connects_in_flight=3), health="slow", health_because="late")
    stored = await store.servers.get(ServerName("sv"))
    assert stored is not None
    assert (stored.server, stored.sealed) == (server, b"sealed")
    with pytest.raises(Exists):
        await store.servers.add(Server(name=ServerName("sv"), kind="wapi", base_url="x"), b"", NOW)
    assert [one.server.name for one in await store.servers.all()] == ["sv"]


async def test_a_changed_server_keeps_what_was_not_named_and_outdates_a_judgement(store: AnyStore, make: Make) -> None:
    await make.server(store)
    view = await store.servers.view(ServerName("sv"), NOW)
    assert await store.servers.change(ServerName("sv"), NOW, base_url="http://new")
    stored = await store.servers.get(ServerName("sv"))
    assert stored is not None
    assert (stored.server.base_url, stored.sealed) == ("http://new", b"sealed")
    assert view is not None
    assert not await store.decisions.commit_server(ServerCommit(server=view.server))
    assert not await store.servers.change(ServerName("nobody"), NOW, base_url="x")


async def test_a_server_with_sessions_cannot_go(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    with pytest.raises(InUse):
        await store.servers.delete(ServerName("sv"))
    assert await store.sessions.delete(session.id, NOW)
    assert await store.servers.delete(ServerName("sv"))
    assert not await store.servers.delete(ServerName("sv"))


async def test_a_session_comes_back_as_it_was_given(store: AnyStore, make: Make) -> None:
    session = await make.session(
        store,
        phone="5511",
        ref={"instance_name": "x"},
        can_send=Axis("yes", "send_accepted", NOW),
        recovery=Recovery(connects=2, spent=("connect",)),
        outage=Outage(id="o1", since=NOW, because="ghost"),
        linked=True,
        wake_at=NOW + 3,
    )
    assert await store.sessions.by_name(SessionName("s1")) == session
    assert await store.sessions.by_id(session.id) == session
    assert await store.sessions.by_token("token-s1") == session
    assert await store.sessions.by_token("token-s2") is None
    assert await store.sessions.secrets(session.id) == ("token-s1", b"sealed")
    with pytest.raises(Exists):
        await make.session(store)


async def test_first_work_and_lines_belong_to_the_new_session(store: AnyStore, make: Make) -> None:
    await make.server(store)
    row = (await make.session(store, "other")).__class__(
        id=SessionId(0), name=SessionName("s1"), server=ServerName("sv"), kind="evolution", created_at=NOW
    )
    line = JournalEntry(kind="operator", at=NOW, code="created")
    session = await store.sessions.add(row, "t", b"", NOW, [line], [work("w1")])
    assert not_none(await store.work.get("w1")).session_id == session.id
    assert [entry.code for entry in await store.journal.page(session.id, 0, 10)] == ["created"]


async def test_a_deleted_session_leaves_nothing_and_its_id_never_comes_back(store: AnyStore, make: Make) -> None:
    first = await make.session(store)
    await make.accept(store, first)
    await store.journal.add_evidence(first.id, ServerName("sv"), [seen("said_open", NOW, "webhook")], NOW)
    assert await store.sessions.delete(first.id, NOW)
    assert not await store.sessions.delete(first.id, NOW)
    assert await store.sessions.by_name(SessionName("s1")) is None
    second = await make.session(store)
    assert second.id > first.id
    assert await store.messages.waiting(second.id) == 0
    assert list(await store.journal.page(second.id, 0, 10)) == []


async def test_pages_of_sessions_go_by_name_and_filter(store: AnyStore, make: Make) -> None:
    for name in ("c", "a", "b"):
        await make.session(store, SessionName(name))
    await make.commit(store, not_none(await store.sessions.by_name(SessionName("b"))), state="connected")
    page = await store.sessions.page(limit=2)
    assert [one.name for one in page.items] == ["a", "b"]
    rest = await store.sessions.page(limit=2, after=page.next)
    assert ([one.name for one in rest.items], rest.next) == (["c"], None)
    assert [one.name for one in (await store.sessions.page(state="connected")).items] == ["b"]
    assert (await store.sessions.page(server=ServerName("none"))).items == ()


async def test_only_the_first_of_two_decisions_is_written(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    one = msgspec.structs.replace(session, state="connected")
    two = msgspec.structs.replace(session, state="error")
    line = JournalEntry(kind="decision", at=NOW, code="x")
    assert await store.decisions.commit_session(DecisionCommit(session=one))
    late = DecisionCommit(session=two, journal=(line,), work=(work("w1", session),), clear_qr=True)
    assert not await store.decisions.commit_session(late)
    now = await store.sessions.by_name(SessionName("s1"))
    assert now is not None
    assert (now.state, now.row_version) == ("connected", session.row_version + 1)
    assert await store.work.get("w1") is None
    assert list(await store.journal.page(session.id, 0, 10)) == []


async def test_a_decision_whose_server_moved_writes_nothing(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    view = await store.decisions.session_view(session.id, NOW)
    assert view is not None
    assert await store.decisions.commit_server(ServerCommit(server=msgspec.structs.replace(view.server, health="down")))
    taken = msgspec.structs.replace(view.server, last_attempt_at=NOW)
    decided = msgspec.structs.replace(session, state="connected")
    assert not await store.decisions.commit_session(DecisionCommit(session=decided, server=taken))
    assert not_none(await store.sessions.by_name(SessionName("s1"))).row_version == session.row_version
    assert not_none(await store.servers.get(ServerName("sv"))).server.health == "down"


async def test_a_decision_writes_everything_it_names(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    await store.qr_codes.put(session.id, Qr("code", "png", 1, NOW, NOW + 60))
    commit = DecisionCommit(
        session=msgspec.structs.replace(session, state="disconnected", wake_at=NOW + 9),
        news=(seen("said_closed", NOW, "state"),),
        journal=(JournalEntry(kind="decision", at=NOW, code="ghost-socket", args={"a": "b"}, data={"n": 1}),),
        work=(work("w1", session, dedupe="d"), work("w2", session, dedupe="d")),
        events=(EventRow(type="session.state_changed", at=NOW, data={"x": 1}, session=SessionName("s1")),),
        approval=approval("a1", session),
        clear_qr=True,
    )
    assert await store.decisions.commit_session(commit)
    timeline = await store.journal.page(session.id, 0, 10)
    assert [(entry.kind, entry.code) for entry in timeline] == [
        ("evidence", "said_closed"),
        ("decision", "ghost-socket"),
    ]
    assert (timeline[1].args, timeline[1].data) == ({"a": "b"}, {"n": 1})
    assert await store.work.get("w2") is None, "its dedupe key was waiting"
    assert (await store.events.page(0, 10))[-1].data == {"x": 1}
    assert [one.id for one in await store.approvals.by_state()] == ["a1"]
    assert await store.qr_codes.get(session.id) is None
    view = await store.decisions.session_view(session.id, NOW)
    assert view is not None
    assert view.approval is not None
    assert (view.new_evidence, view.approval.id, view.session.wake_at) == ((), "a1", NOW + 9)


async def test_control_work_whose_cause_is_gone_is_dropped_and_may_be_wanted_again(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    assert await store.decisions.commit_session(
        DecisionCommit(session=session, work=(work("w1", session, dedupe="d"),))
    )
    again = await store.sessions.by_id(session.id)
    commit = DecisionCommit(session=not_none(again), drop_control=True, work=(work("w2", session, dedupe="d"),))
    assert await store.decisions.commit_session(commit)
    assert not_none(await store.work.get("w1")).state == "dropped"
    assert not_none(await store.work.get("w2")).state == "ready"


# -- evidence ----------------------------------------------------------------------------------------------------


async def test_evidence_wakes_its_session_until_it_is_folded(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    assert list(await store.decisions.due_sessions(NOW)) == []
    await store.journal.add_evidence(session.id, ServerName("sv"), [seen("said_open", NOW, "webhook")], NOW)
    assert list(await store.decisions.due_sessions(NOW)) == [session.id]
    view = await store.decisions.session_view(session.id, NOW)
    assert view is not None
    commit = DecisionCommit(session=view.session, folded_through=view.new_evidence[-1].seq)
    assert await store.decisions.commit_session(commit)
    assert list(await store.decisions.due_sessions(NOW)) == []


async def test_due_sessions_come_oldest_first(store: AnyStore, make: Make) -> None:
    later = await make.session(store, "a", wake_at=NOW + 2)
    sooner = await make.session(store, "b", wake_at=NOW + 1)
    await make.session(store, "c", wake_at=NOW + 50)
    assert list(await store.decisions.due_sessions(NOW + 3)) == [sooner.id, later.id]


async def test_those_that_wait_for_news_are_due_at_no_time(store: AnyStore, make: Make) -> None:
    waiting = await make.session(store, "a", wake_at=None)
    await make.session(store, "b", wake_at=NOW + 1)
    assert waiting.id not in await store.decisions.due_sessions(NOW + 50)
    assert list(await store.decisions.unscheduled_sessions()) == [waiting.id]
    assert list(await store.decisions.unscheduled_sessions(node=7)) == []


async def test_repeated_news_is_counted_not_added(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    for second in range(3):
        await store.journal.add_evidence(
            session.id, ServerName("sv"), [seen("send_closed", NOW + second, "send", detail="x")], NOW
        )
    await store.journal.add_evidence(
        session.id, ServerName("sv"), [seen("send_closed", NOW + 3, "send", detail="y")], NOW
    )
    news = not_none(await store.decisions.session_view(session.id, NOW)).new_evidence
    assert [(one.evidence.count, one.evidence.first_at, one.evidence.happened_at) for one in news] == [
        (3, NOW, NOW + 2),
        (1, None, NOW + 3),
    ]


async def test_news_counted_after_the_look_is_not_folded_unread(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    await store.journal.add_evidence(session.id, ServerName("sv"), [seen("send_closed", NOW, "send")], NOW)
    view = await store.decisions.session_view(session.id, NOW)
    await store.journal.add_evidence(session.id, ServerName("sv"), [seen("send_closed", NOW + 4, "send")], NOW)
    assert view is not None
    assert await store.decisions.commit_session(
        DecisionCommit(session=view.session, folded_through=view.new_evidence[-1].seq)
    )
    (rest,) = not_none(await store.decisions.session_view(session.id, NOW)).new_evidence
    assert (rest.evidence.happened_at, rest.evidence.count) == (NOW + 4, 1)


async def test_each_piece_of_evidence_goes_to_its_subject(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    mixed = [seen("server_failed", NOW, "state"), seen("send_closed", NOW, "send")]
    await store.journal.add_evidence(session.id, ServerName("sv"), mixed, NOW)
    await store.journal.add_evidence(None, ServerName("sv"), [seen("server_failed", NOW + 1, "state")], NOW)
    assert [
        one.evidence.kind for one in not_none(await store.decisions.session_view(session.id, NOW)).new_evidence
    ] == ["send_closed"]
    view = await store.servers.view(ServerName("sv"), NOW)
    assert [(one.evidence.kind, one.evidence.count) for one in not_none(view).new_evidence] == [("server_failed", 2)]
    assert view is not None
    assert await store.decisions.commit_server(
        ServerCommit(server=view.server, folded_through=view.new_evidence[-1].seq)
    )
    assert not_none(await store.servers.view(ServerName("sv"), NOW)).new_evidence == ()


async def test_a_look_that_says_the_same_is_counted_for_an_hour(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    for minute in range(0, 121, 1):
        at = NOW + minute * 60
        look = (seen("said_open", at, "state"), seen("socket_ok", at, "probe"))
        fresh = await store.sessions.by_id(session.id)
        assert await store.decisions.commit_session(DecisionCommit(session=not_none(fresh), news=look))
    lines = await store.journal.page(session.id, 0, 100)
    assert [(line.code, line.count) for line in lines] == [
        ("said_open", 60),
        ("socket_ok", 60),
        ("said_open", 60),
        ("socket_ok", 60),
        ("said_open", 1),
        ("socket_ok", 1),
    ]


async def test_what_repeats_itself_within_one_decision_is_counted_too(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    news = [seen(kind, NOW + at, "probe") for at in range(3) for kind in ("said_open", "socket_ok")]
    assert await store.decisions.commit_session(DecisionCommit(session=session, news=tuple(news)))
    lines = await store.journal.page(session.id, 0, 100)
    assert [(line.code, line.count, line.at) for line in lines] == [
        ("said_open", 3, NOW + 2),
        ("socket_ok", 3, NOW + 2),
    ]


async def test_nothing_is_counted_across_a_decision(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    decision = JournalEntry(kind="decision", at=NOW, code="x")
    for step in range(2):
        fresh = await store.sessions.by_id(session.id)
        news = (seen("said_open", NOW + step, "state"),)
        assert await store.decisions.commit_session(
            DecisionCommit(session=not_none(fresh), news=news, journal=(decision,))
        )
    assert [line.code for line in await store.journal.page(session.id, 0, 9)] == ["said_open", "x", "said_open", "x"]


async def test_the_view_counts_the_fallen_and_the_fleet(store: AnyStore, make: Make) -> None:
    outage = Outage(id="o", since=NOW + 5, because="x")
    one = await make.session(store, "a", linked=True, outage=outage)
    two = await make.session(store, "b", linked=True, outage=msgspec.structs.replace(outage, since=NOW))
    await make.session(store, "c", linked=True)
    await make.session(store, "d", linked=False)
    await make.session(store, "e", linked=True, paused=True, outage=outage)
    await make.session(store, "f", linked=True, outage=msgspec.structs.replace(outage, expected=True))
    view = await store.decisions.session_view(one.id, NOW)
    assert view is not None
    assert view.fallen == ((two.id, NOW), (one.id, NOW + 5))
    assert view.fleet == 4
    assert not_none(await store.servers.view(ServerName("sv"), NOW)).fallen == view.fallen
    assert await store.decisions.session_view(SessionId(999), NOW) is None


async def test_of_a_large_server_everyone_who_fell_is_seen(store: AnyStore, make: Make) -> None:
    """A third of 300 is a mass fall: whoever counts may not stop before."""
    outage = Outage(id="o", since=NOW, because="x")
    made = [await make.session(store, f"s{number}", linked=True, outage=outage) for number in range(100)]
    assert len(not_none(await store.decisions.session_view(made[-1].id, NOW)).fallen) == 100


async def test_what_many_sessions_share_is_held_once(store: AnyStore, make: Make) -> None:
    one, two = [(await store.sessions.by_id((await make.session(store, SessionName(name))).id)) for name in "ab"]
    assert one is not None
    assert one.name is not not_none(two).name
    for word in ("server", "kind", "policy", "state", "gate"):
        assert getattr(one, word) is getattr(two, word), word


async def test_where_nobody_has_fallen_the_fleet_is_not_counted(store: AnyStore, make: Make) -> None:
    session = await make.session(store, "a", linked=True)
    view = await store.decisions.session_view(session.id, NOW)
    assert view is not None
    assert (view.fallen, view.fleet) == ((), 0)


# -- approvals, QR -----------------------------------------------------------------------------------------------


async def test_a_new_approval_makes_the_older_one_stale(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    assert await store.decisions.commit_session(DecisionCommit(session=session, approval=approval("a1", session)))
    again = await store.sessions.by_id(session.id)
    assert await store.decisions.commit_session(
        DecisionCommit(session=not_none(again), approval=approval("a2", session))
    )
    assert [one.id for one in await store.approvals.by_state()] == ["a2"]
    assert not_none(await store.approvals.get("a1")).state == "stale"


async def test_an_approval_is_decided_once_and_its_session_hears_it(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    assert await store.decisions.commit_session(DecisionCommit(session=session, approval=approval("a1", session)))
    word = seen("operator_approved", NOW, "operator", who="ana")
    assert await store.approvals.decide("a1", "approved", NOW + 1, word)
    assert not await store.approvals.decide("a1", "rejected", NOW + 2, word)
    decided = await store.approvals.get("a1")
    assert decided is not None
    assert (decided.state, decided.decided_at, decided.session) == ("approved", NOW + 1, "s1")
    view = await store.decisions.session_view(session.id, NOW)
    assert view is not None
    assert ([one.evidence for one in view.new_evidence], view.approval) == ([word], None)
    known = msgspec.structs.replace(decided, state="stale")
    assert view is not None
    assert await store.decisions.commit_session(DecisionCommit(session=view.session, approval=known))
    assert not_none(await store.approvals.get("a1")).state == "stale"


async def test_an_older_qr_never_replaces_a_newer_one(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    newer = Qr("new", "png", 2, NOW + 20, NOW + 40, "ABCD")
    await store.qr_codes.put(session.id, newer)
    await store.qr_codes.put(session.id, Qr("old", "png", 1, NOW, NOW + 20))
    assert await store.qr_codes.get(session.id) == newer


async def test_evidence_about_a_session_that_is_gone_wakes_nobody(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    await store.sessions.delete(session.id, NOW)
    mixed = [seen("said_open", NOW, "webhook"), seen("server_answered", NOW, "webhook")]
    await store.journal.add_evidence(session.id, ServerName("sv"), mixed, NOW)
    assert list(await store.decisions.due_sessions(NOW)) == []
    assert [one.evidence.kind for one in not_none(await store.servers.view(ServerName("sv"), NOW)).new_evidence] == [
        "server_answered"
    ]


async def test_a_decision_that_repeats_the_line_before_it_is_counted_into_it_for_an_hour(
    store: AnyStore, make: Make
) -> None:
    session = await make.session(store)
    for at, code in ((0, "x"), (9, "x"), (19, "y"), (29, "x"), (39, "x"), (49, "x"), (4000, "x")):
        fresh = await store.sessions.by_id(session.id)
        line = JournalEntry(kind="decision", at=NOW + at, code=code, args={"server": "sv"})
        other = JournalEntry(kind="decision", at=NOW + at, code=code, args={"server": "sv"}, server=session.server)
        assert await store.decisions.commit_session(DecisionCommit(session=not_none(fresh), journal=(line, other)))
    lines = [(one.code, one.count, one.first_at, one.at) for one in await store.journal.page(session.id, 0, 9)]
    assert lines == [
        ("x", 2, NOW, NOW + 9),
        ("y", 1, None, NOW + 19),
        ("x", 3, NOW + 29, NOW + 49),
        ("x", 1, None, NOW + 4000),
    ]


async def test_a_line_with_other_values_is_no_repetition(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    lines = [JournalEntry(kind="act", at=NOW, code="begin", args={"number": number}) for number in ("1", "2")]
    assert await store.decisions.commit_session(DecisionCommit(session=session, journal=tuple(lines)))
    assert [one.count for one in await store.journal.page(session.id, 0, 9)] == [1, 1]


async def test_lines_of_the_same_words_are_counted_until_a_decision_or_an_hour_later(
    store: AnyStore, make: Make
) -> None:
    session = await make.session(store)

    def line(second: float, took: int, code: str = "passed", who: str = "n8n") -> JournalEntry:
        return JournalEntry(
            "operator", NOW + second, code, {"who": who}, {"ms": took}, session_id=session.id, server=ServerName("sv")
        )

    await store.journal.add_operator_lines([line(0, 5), line(1, 3, who="other"), line(2, 9)])
    await store.journal.add_operator_lines([line(3, 4), line(3599, 2), line(3600, 1)])
    gone = msgspec.structs.replace(line(0, 1), session_id=SessionId(session.id + 1))
    await store.journal.add_operator_lines([gone])
    found = [
        (one.args["who"], one.count, one.first_at, one.at, one.data["ms"])
        for one in await store.journal.page(session.id, 0, 100)
        if one.kind == "operator"
    ]
    assert found == [
        ("n8n", 4, NOW, NOW + 3599, 2),
        ("other", 1, None, NOW + 1, 3),
        ("n8n", 1, None, NOW + 3600, 1),
    ]
