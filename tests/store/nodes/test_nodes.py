"""Boots of nodes, their leases, and what changes hands. The database's clock is the argument here."""

import pytest

from esteio.core.model.ids import MessageId, ServerName, SessionId
from esteio.core.nodes.chores import CHORES, of_server
from esteio.core.nodes.rendezvous import owner_of, session_key
from esteio.store.base import DecisionCommit, NodeTaken, ServerCommit, Work
from esteio.store.ports.nodes import Beat, Held, Taken
from tests.narrowing import not_none
from tests.store.make import NOW, AnyStore, Make

LEASE = 6.0


async def join(store: AnyStore, node: str, now: float = NOW) -> int:
    return (await store.nodes.join(node, f"http://{node}", "1.0", LEASE, now)).epoch


async def take(store: AnyStore, epoch: int, now: float = NOW, limit: int = 100) -> Taken:
    return not_none(await store.nodes.take(epoch, (), limit, now))


async def sessions(store: AnyStore, make: Make, count: int) -> list[SessionId]:
    return [(await make.session(store, f"s{n}")).id for n in range(count)]


async def test_a_node_lives_while_it_renews_in_time_and_never_again_once_it_has_not(store: AnyStore) -> None:
    epoch = await join(store, "a")
    beat = not_none(await store.nodes.beat(epoch, LEASE, NOW + 5))
    assert (beat.epoch, beat.now, [row.id for row in beat.live]) == (epoch, NOW + 5, ["a"])
    assert await store.nodes.lives(epoch, NOW + 10.9)
    assert await store.nodes.beat(epoch, LEASE, NOW + 11) is None
    assert not await store.nodes.lives(epoch, NOW + 11)
    again = await join(store, "a", NOW + 12)
    assert again > epoch
    assert await store.nodes.beat(epoch, LEASE, NOW + 12) is None


async def test_a_name_belongs_to_one_process_at_a_time(store: AnyStore) -> None:
    """Two of one name would end each other for ever. A restart comes back where it was, and at once."""
    first = (await store.nodes.join("a", "srv1:8700", "1.0", LEASE, NOW)).epoch
    with pytest.raises(NodeTaken) as taken:
        await store.nodes.join("a", "srv2:8700", "1.0", LEASE, NOW + 1)
    assert taken.value.address == "srv1:8700"
    assert await store.nodes.beat(first, LEASE, NOW + 2) is not None
    again = (await store.nodes.join("a", "srv1:8700", "1.0", LEASE, NOW + 3)).epoch
    assert again > first
    await store.nodes.leave(again, NOW + 4)
    moved = (await store.nodes.join("a", "srv2:8700", "1.0", LEASE, NOW + 4)).epoch
    assert (await store.nodes.join("a", "srv1:8700", "1.0", LEASE, NOW + 4 + LEASE)).epoch > moved


async def test_each_learns_of_the_others_that_live(store: AnyStore) -> None:
    a = await join(store, "a")
    b: Beat = await store.nodes.join("b", "", "", LEASE, NOW + 3)
    assert [row.id for row in b.live] == ["a", "b"]
    assert [row.id for row in not_none(await store.nodes.beat(b.epoch, LEASE, NOW + 7)).live] == ["b"]
    assert await store.nodes.beat(a, LEASE, NOW + 7) is None


async def test_what_is_free_goes_to_whom_rendezvous_names(store: AnyStore, make: Make) -> None:
    ids = await sessions(store, make, 12)
    a, b = await join(store, "a"), await join(store, "b")
    mine, theirs = await take(store, a), await take(store, b)
    assert {*mine.held.sessions} | {*theirs.held.sessions} == {*ids}
    for node, taken in (("a", mine), ("b", theirs)):
        assert taken.held.sessions, "of twelve both get some"
        assert {owner_of(session_key(one), "ab") for one in taken.held.sessions} == {node}
    assert (await take(store, a)).held == Held(), "the other's are not free"
    assert (await store.nodes.held(a)).sessions == mine.held.sessions


async def test_chores_and_servers_health_are_spread_in_the_same_way(store: AnyStore, make: Make) -> None:
    for n in range(6):
        await make.server(store, f"sv{n}")
    a, b = await join(store, "a"), await join(store, "b")
    both = [not_none(await store.nodes.take(one, CHORES, 9, NOW)).held.chores for one in (a, b)]
    assert both[0].keys() | both[1].keys() == {*CHORES, *(of_server(f"sv{n}") for n in range(6))}
    assert not both[0].keys() & both[1].keys()
    assert both[0]
    assert both[1]


async def test_a_take_goes_on_where_it_was_cut_off(store: AnyStore, make: Make) -> None:
    ids = await sessions(store, make, 7)
    a = await join(store, "a")
    steps: list[Taken] = []
    while not steps or steps[-1].more:
        steps.append(await take(store, a, limit=3))
    assert [len(step.held.sessions) for step in steps] == [3, 3, 1]
    assert (await store.nodes.held(a)).sessions.keys() == {*ids}


async def test_a_dead_nodes_sessions_are_free_when_its_lease_is_over_and_not_before(
    store: AnyStore, make: Make
) -> None:
    (one,) = await sessions(store, make, 1)
    a = await join(store, "a")
    assert (await take(store, a)).held.sessions == {one: 1}
    b = await join(store, "b", NOW + 1)
    for at in (NOW + 1, NOW + 5.9):
        assert (await take(store, b, at)).held.sessions == {}
    assert (await take(store, b, NOW + 6)).held.sessions == {one: 2}
    assert await store.nodes.beat(a, LEASE, NOW + 6) is None
    await make.session(store, "new")
    assert await store.nodes.take(a, (), 9, NOW + 6) is None, "who is over takes nothing"


async def test_who_leaves_gives_all_up_at_once(store: AnyStore, make: Make) -> None:
    (one,) = await sessions(store, make, 1)
    a, b = await join(store, "a"), await join(store, "b")
    for epoch in (a, b):
        await take(store, epoch)
    holder, other = (a, b) if one in (await store.nodes.held(a)).sessions else (b, a)
    await store.nodes.leave(holder, NOW + 1)
    assert (await take(store, other, NOW + 1)).held.sessions == {one: 2}


async def test_a_new_boot_ends_the_one_before_it(store: AnyStore, make: Make) -> None:
    (one,) = await sessions(store, make, 1)
    before = await join(store, "a")
    await take(store, before)
    after = await join(store, "a", NOW + 1)
    assert (await take(store, after, NOW + 1)).held.sessions == {one: 2}
    assert await store.nodes.beat(before, LEASE, NOW + 2) is None


async def test_what_is_released_goes_to_the_other(store: AnyStore, make: Make) -> None:
    ids = await sessions(store, make, 12)
    a = await join(store, "a")
    await take(store, a)
    b = await join(store, "b")
    await store.nodes.release(a, [one for one in ids if owner_of(session_key(one), "ab") == "b"], ())
    assert (await take(store, a)).held == Held()
    assert {owner_of(session_key(one), "ab") for one in (await take(store, b)).held.sessions} == {"b"}


async def test_two_who_take_at_once_do_not_take_the_same(store: AnyStore, make: Make) -> None:
    """One of them read what is free before the other had taken it."""
    (one,) = await sessions(store, make, 1)
    a, b = await join(store, "a"), await join(store, "b")
    await take(store, a)
    await take(store, b)
    holder = a if one in (await store.nodes.held(a)).sessions else b
    params = {"node": a if holder == b else b, "listed": f"[{one}]"}
    assert await store.database.write(lambda db: db.rows("session_owners_take", params)) == []
    assert (await store.nodes.held(holder)).sessions == {one: 1}


async def test_nobody_releases_what_another_holds(store: AnyStore, make: Make) -> None:
    (one,) = await sessions(store, make, 1)
    a = await join(store, "a")
    await take(store, a)
    await store.nodes.release(a + 1, [one], CHORES)
    assert (await store.nodes.held(a)).sessions == {one: 1}


# -- what was under way ------------------------------------------------------------------------------------------------


async def under_way(store: AnyStore, make: Make) -> tuple[int, SessionId, MessageId]:
    """A node with an act and a message under way, and a notice."""
    session = await make.session(store)
    a = await join(store, "a")
    await take(store, a)
    acts = [
        Work("w1", "s:control", "control", {"rung": "logout"}, NOW, NOW, session_id=session.id),
        Work("w2", "n", "notice", {}, NOW, NOW, session_id=session.id),
    ]
    await store.work.add(acts)
    assert len(await store.work.claim(NOW, 9, 600.0, frozenset(), node=a)) == 2
    message = await make.accept(store, session)
    (claim,) = await make.claim(store, NOW, lease_s=600)
    assert claim.message.id == message.id
    return a, session.id, message.id


async def test_whoever_takes_over_puts_right_what_was_under_way(store: AnyStore, make: Make) -> None:
    _, session_id, message_id = await under_way(store, make)
    b = await join(store, "b", NOW + 5)
    taken = await take(store, b, NOW + 7)
    assert taken.held.sessions == {session_id: 2}
    assert [work.id for work in taken.interrupted] == ["w1"]
    assert taken.doubted == (message_id,)
    assert not_none(await store.work.get("w1")).outcome == "interrupted"
    assert not_none(await store.work.get("w2")).state == "ready"
    (news,) = not_none(await store.decisions.session_view(session_id, NOW)).new_evidence
    assert news.evidence.kind == "act_interrupted"


async def test_of_a_node_that_died_what_was_missed_is_read_back(store: AnyStore, make: Make) -> None:
    session = await make.session(store, linked=True)
    await take(store, await join(store, "a"))
    await take(store, await join(store, "b", NOW + 5), NOW + 7)
    (gap,) = await store.history_gaps.due(NOW + 60, 9)
    assert (gap.session_id, gap.since) == (session.id, max(session.created_at, NOW - 300))


async def test_of_one_that_left_nothing_was_missed_where_another_was_there(store: AnyStore, make: Make) -> None:
    await make.session(store, linked=True)
    a = await join(store, "a")
    await take(store, a)
    b = await join(store, "b", NOW + 5)
    await store.nodes.leave(a, NOW + 5)
    assert (await take(store, b, NOW + 7)).held.sessions
    assert await store.history_gaps.due(NOW + 60, 9) == []


async def test_of_one_that_left_when_nobody_else_was_there_what_was_missed_is_read_back(
    store: AnyStore, make: Make
) -> None:
    await make.session(store, linked=True)
    a = await join(store, "a")
    await take(store, a)
    await store.nodes.leave(a, NOW + 5)
    await take(store, await join(store, "a", NOW + 60), NOW + 60)
    assert len(await store.history_gaps.due(NOW + 99, 9)) == 1


# -- what the older holder may still do --------------------------------------------------------------------------------


async def test_what_the_older_holder_settles_late_writes_nothing(store: AnyStore, make: Make) -> None:
    a, session_id, message_id = await under_way(store, make)
    await take(store, await join(store, "b", NOW + 5), NOW + 7)
    session = not_none(await store.sessions.by_id(session_id))
    old = DecisionCommit(session=session, generation=1)
    assert not await store.decisions.commit_session(old)
    assert await store.decisions.commit_session(DecisionCommit(session=session, generation=2))
    assert await store.work.claim(NOW + 7, 9, 60.0, frozenset(), node=a) == []
    assert await make.claim(store, NOW + 7) == [], "it is in doubt"
    assert not_none(await store.messages.get(message_id)).state == "in_doubt"


async def test_a_servers_older_judge_writes_nothing(store: AnyStore, make: Make) -> None:
    server = await make.server(store)
    a = await join(store, "a")
    await take(store, a)
    await take(store, await join(store, "b", NOW + 5), NOW + 7)
    assert not await store.decisions.commit_server(ServerCommit(server=server, generation=1))
    assert await store.decisions.commit_server(ServerCommit(server=server, generation=2))


async def test_each_claims_only_what_it_holds(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    a, b = await join(store, "a"), await join(store, "b")
    holder, other = (a, b) if (await take(store, a)).held.sessions else (b, a)
    await take(store, b)
    await store.work.add([Work("w1", "c", "control", {"rung": "connect"}, NOW, NOW, session_id=session.id)])
    await make.accept(store, session)
    for node, count in ((other, 0), (holder, 1)):
        assert len(await store.work.claim(NOW, 9, 60.0, frozenset(), node=node)) == count
        assert (await store.outbox.next_due(NOW, node=node) is not None) is bool(count)
        assert len(await make.claim(store, NOW, node=node)) == count
    assert await store.work.next_due(node=other) is None
    assert await store.work.next_due(node=holder) is not None


async def test_a_node_whose_lease_is_over_claims_nothing(store: AnyStore, make: Make) -> None:
    """Not even what nobody has taken over yet."""
    session = await make.session(store)
    a = await join(store, "a")
    await take(store, a)
    await make.accept(store, session)
    await store.work.add([Work("w1", "c", "control", {"rung": "connect"}, NOW, NOW, session_id=session.id)])
    assert await make.claim(store, NOW + 6, node=a) == []
    assert await store.work.claim(NOW + 6, 9, 60.0, frozenset(), node=a) == []


async def test_another_nodes_claims_lapse_by_that_nodes_clock(store: AnyStore, make: Make) -> None:
    """A clock that runs five minutes ahead puts nobody else's sends in doubt."""
    _, _, message_id = await under_way(store, make)
    b = await join(store, "b")
    await make.claim(store, NOW + 300, node=b)
    await store.doubts.due(NOW + 700, 9, node=b)
    await store.work.claim(NOW + 700, 9, 60.0, frozenset(), node=b)
    assert not_none(await store.messages.get(message_id)).state == "sending"
    assert not_none(await store.work.get("w1")).state == "performing"


# -- for people --------------------------------------------------------------------------------------------------------


async def test_the_latest_boot_of_each_node_is_shown_with_what_it_holds(store: AnyStore, make: Make) -> None:
    await sessions(store, make, 3)
    await join(store, "b")
    b = await join(store, "b", NOW + 1)
    await take(store, b, NOW + 1)
    await store.nodes.leave(await join(store, "a", NOW + 1), NOW + 2)
    shown = [(row.id, row.ended, row.sessions) for row in await store.nodes.all()]
    assert shown == [("a", "left", 0), ("b", None, 3)]


async def test_boots_that_are_long_over_are_forgotten_when_they_hold_nothing(store: AnyStore, make: Make) -> None:
    await sessions(store, make, 1)
    a = await join(store, "a")
    await take(store, a)
    await store.nodes.leave(a, NOW)
    assert await store.nodes.forget(NOW + 1) == 0
    b = await join(store, "b")
    await take(store, b)
    assert await store.nodes.forget(NOW + 1) == 1
    assert [row.id for row in await store.nodes.all()] == ["b"]


async def test_a_deleted_session_and_server_leave_nothing_behind(store: AnyStore, make: Make) -> None:
    (one,) = await sessions(store, make, 1)
    a = await join(store, "a")
    await take(store, a)
    assert await store.sessions.delete(one, NOW)
    assert await store.servers.delete(ServerName("sv"))
    assert await store.nodes.held(a) == Held()


@pytest.mark.parametrize("skewed", [False, True])
async def test_leases_go_by_the_databases_clock(store: AnyStore, skewed: bool) -> None:
    """What a node takes for the time does not matter."""
    epoch = await join(store, "a")
    store.database.go_by(lambda: NOW + 5)
    assert await store.nodes.beat(epoch, LEASE, NOW + 300 if skewed else NOW - 300) is not None
    store.database.go_by(lambda: NOW + 11.5)
    assert await store.nodes.beat(epoch, LEASE, NOW) is None
