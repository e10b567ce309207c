"""Several nodes on one database: one actor for each session, whatever happens to the nodes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

from esteio.core.model.evidence import seen
from esteio.core.model.ids import ServerName, SessionId
from esteio.core.nodes.chores import of_server
from esteio.core.nodes.lease import LEASE_S
from esteio.engine.commands.requests import LimitsChange, ServerChange
from esteio.store.base import Page, SendClaim
from esteio.store.ports.sessions import Sessions
from tests.narrowing import not_none
from tests.nodes.rig import Node, NodesLab, run_nodes

CHATS = [f"5521988880{n:03}" for n in range(4)]


async def talk(lab: NodesLab, names: list[str], seconds: float, every_s: float = 0.25, word: str = "m") -> list[str]:
    """The application hands over a message now and then, at any node; their texts, in order."""
    texts: list[str] = []
    until = lab.world.now() + seconds
    while lab.world.now() < until:
        number = len(texts)
        texts.append(f"{word}{number:04}")
        await lab.send(names[number % len(names)], CHATS[number // len(names) % len(CHATS)], texts[-1])
        await asyncio.sleep(every_s)
    return texts


async def all_delivered(lab: NodesLab, texts: list[str], within_s: float = 900.0) -> None:
    async def is_so() -> bool:
        return {*texts} <= {*lab.texts_delivered()}

    await lab.until(is_so, within_s)
    assert [text for text, count in Counter(lab.texts_delivered()).items() if count > 1] == []


def test_sessions_are_spread_and_each_is_acted_for_by_its_holder_alone() -> None:
    async def story() -> None:
        async with NodesLab(3) as lab:
            names = await lab.fleet(12)
            texts = await talk(lab, names, 60)
            await all_delivered(lab, texts)
            assert {*lab.holders().values()} == {"n0", "n1", "n2"}
            for name in names:
                assert {node for _, node in lab.reaches[name][20:]} == {lab.holders()[name]}
            assert lab.trespasses == []

    run_nodes(story)


def test_a_dead_nodes_sessions_are_taken_over_and_nothing_is_lost_or_doubled() -> None:
    async def story() -> None:
        async with NodesLab(3, seed=3) as lab:
            names = await lab.fleet(12)
            talking = asyncio.create_task(talk(lab, names, 90))
            took = []
            for name in ("n1", "n2"):
                await asyncio.sleep(20.3)
                mine = {session for session, node in lab.holders().items() if node == name}
                assert mine
                await lab.node(name).kill()
                took.append(await lab.all_held() if not all(lab.holders().values()) else await _taken(lab, mine, name))
            assert max(took) <= 10, took
            await all_delivered(lab, await talking)
            assert {*lab.holders().values()} == {"n0"}
            assert lab.trespasses == []

    run_nodes(story)


async def _taken(lab: NodesLab, sessions: set[str], before: str) -> float:
    async def is_so() -> bool:
        holders = lab.holders()
        return all(holders[session] not in ("", before) for session in sessions)

    return await lab.until(is_so, 60)


def test_a_frozen_node_wakes_and_does_no_harm() -> None:
    async def story() -> None:
        async with NodesLab(3, seed=4) as lab:
            names = await lab.fleet(12)
            talking = asyncio.create_task(talk(lab, names, 150))
            await asyncio.sleep(30.1)
            node = lab.node("n1")
            mine = {session for session, holder in lab.holders().items() if holder == "n1"}
            epoch = node.gateway.leases.node
            node.freeze()
            assert await _taken(lab, mine, "n1") <= 10
            await asyncio.sleep(52)
            node.thaw()
            await asyncio.sleep(0)
            assert not any(node.gateway.leases.holds(lab_id) for lab_id in [(await lab.found(one)).id for one in mine])
            await all_delivered(lab, await talking)
            assert node.gateway.leases.node not in (0, epoch), "it is another boot"
            assert "n1" in lab.holders().values(), "and has its share again"
            assert lab.trespasses == []

    run_nodes(story)


def test_what_was_claimed_just_before_a_freeze_is_not_sent_after_it() -> None:
    """The process stops between its claim and the first byte, and goes on when another has looked for the message, seen
    that it is nowhere, and sent it."""

    async def story() -> None:
        async with NodesLab(2, seed=9) as lab:
            (name,) = await lab.fleet(1)
            # In a list that holds something a message can be missing.
            await all_delivered(lab, await talk(lab, [name], 2))
            holder = lab.node(lab.holders()[name])
            _freeze_after_claim(holder)
            await lab.send(name, CHATS[0], "frozen")
            await asyncio.sleep(1)
            assert holder.frozen
            await all_delivered(lab, ["frozen"])
            holder.thaw()
            await asyncio.sleep(60)
            await all_delivered(lab, ["frozen"])
            assert lab.trespasses == []

    run_nodes(story)


def _freeze_after_claim(node: Node) -> None:
    claim = node.gateway.sends._outbox.claim

    async def claimed(*args: Any, **kwargs: Any) -> Sequence[SendClaim]:
        claims = await claim(*args, **kwargs)
        if claims:
            node.freeze()
            await asyncio.sleep(0)
        return claims

    node.gateway.sends._outbox.claim = claimed  # type: ignore[method-assign]


def test_what_could_not_begin_for_a_late_renewal_goes_out_when_the_lease_is_renewed() -> None:
    """The session stays where it is, so nobody takes it over and looks: the claim itself is given back."""

    async def story() -> None:
        async with NodesLab(2, seed=4) as lab:
            (name,) = await lab.fleet(1)
            leases = lab.node(lab.holders()[name]).gateway.leases
            begins = leases.begins
            refused: list[SessionId] = []

            def late(session_id: SessionId) -> bool:
                if refused:
                    return begins(session_id)
                refused.append(session_id)
                return False

            leases.begins = late  # type: ignore[method-assign]
            await lab.send(name, CHATS[0], "late")
            await all_delivered(lab, ["late"], within_s=10)
            assert refused

    run_nodes(story)


def test_a_node_that_is_cut_off_from_the_database_stops_acting_when_its_lease_ends() -> None:
    async def story() -> None:
        async with NodesLab(3, seed=5) as lab:
            names = await lab.fleet(12)
            talking = asyncio.create_task(talk(lab, names, 120))
            await asyncio.sleep(30.1)
            node = lab.node("n1")
            mine = {session for session, holder in lab.holders().items() if holder == "n1"}
            node.reach.cut = True
            cut_at = lab.world.now()
            assert await _taken(lab, mine, "n1") <= 10
            await asyncio.sleep(40)
            late = [(at, one) for one in mine for at, who in lab.reaches[one] if who == "n1" and at > cut_at + 6]
            assert late == []
            node.reach.cut = False
            await all_delivered(lab, await talking)
            assert "n1" in lab.holders().values()
            assert lab.trespasses == []

    run_nodes(story)


def test_a_rolling_restart_hands_over_without_a_lost_or_doubled_message() -> None:
    async def story() -> None:
        async with NodesLab(3, seed=6) as lab:
            names = await lab.fleet(12)
            talking = asyncio.create_task(talk(lab, names, 120))
            for name in ("n0", "n1", "n2"):
                await asyncio.sleep(15.1)
                mine = {session for session, holder in lab.holders().items() if holder == name}
                await lab.node(name).stop()
                assert await _taken(lab, mine, name) <= 3
                await lab.again(name)
            await all_delivered(lab, await talking, within_s=60)
            assert {*lab.holders().values()} == {"n0", "n1", "n2"}
            assert lab.trespasses == []

    run_nodes(story)


def test_clocks_that_are_five_minutes_apart_do_not_matter() -> None:
    async def story() -> None:
        async with NodesLab(3, seed=7, skews={1: 300.0, 2: -300.0}) as lab:
            names = await lab.fleet(12)
            texts = await talk(lab, names, 60)
            await all_delivered(lab, texts, within_s=20)
            for node in lab.nodes:
                assert abs(node.clock.now() - lab.world.now()) < 0.6
            assert lab.trespasses == []

    run_nodes(story)


def test_a_node_that_comes_gets_its_share_and_a_node_that_is_the_only_one_has_all() -> None:
    async def story() -> None:
        async with NodesLab(1, seed=8) as lab:
            names = await lab.fleet(12)
            assert {*lab.holders().values()} == {"n0"}
            talking = asyncio.create_task(talk(lab, names, 60))
            await lab.again("n1")

            async def is_spread() -> bool:
                return {*lab.holders().values()} == {"n0", "n1"}

            assert await lab.until(is_spread, 60) <= 10
            await all_delivered(lab, await talking, within_s=20)
            assert lab.trespasses == []

    run_nodes(story)


def test_a_node_that_is_back_before_the_others_have_missed_it_gets_its_share_again() -> None:
    """They took over what it held and then found it alive at their next renewal, as if it had never been away."""

    async def story() -> None:
        async with NodesLab(1, seed=9) as lab:
            names = await lab.fleet(12)
            talking = asyncio.create_task(talk(lab, names, 120))
            for name in ("n1", "n2"):
                await asyncio.sleep(0.7)  # so that they renew and look for what is free at different times
                await lab.again(name)
            await asyncio.sleep(20.3)
            before = lab.holders()
            mine = {session for session, node in before.items() if node == "n1"}

            async def is_as_before() -> bool:
                return lab.holders() == before

            for turn in range(8):
                await asyncio.sleep(turn * 0.31)
                await lab.node("n1").kill()
                await _taken(lab, mine, "n1")
                await lab.again("n1")
                assert await lab.until(is_as_before, 30) <= 10
            await all_delivered(lab, await talking)
            assert lab.trespasses == []

    run_nodes(story)


def test_a_servers_pace_is_kept_by_all_nodes_together() -> None:
    """Sixty a minute and two at once, while nodes come and go."""

    async def story() -> None:
        async with NodesLab(3, seed=10) as lab:
            names = await lab.fleet(9)
            await lab.commands.servers.change(
                "evo", ServerChange(limits=LimitsChange(sends_per_minute=60.0, sends_burst=2))
            )
            await asyncio.sleep(5)
            texts = [f"b{number:03}" for number in range(90)]
            for number, text in enumerate(texts):
                await lab.send(names[number % len(names)], f"55219777{number:05}", text)
            await asyncio.sleep(20)
            await lab.node("n1").kill()
            await asyncio.sleep(20)
            await lab.again("n1")
            await all_delivered(lab, texts, within_s=400)
            times = sorted(one.at for one in lab.world.ledger.delivered)
            for at in times:
                assert sum(at <= one < at + 10 for one in times) <= 2 + 10 + 1, "a second for the way"
            assert lab.trespasses == []

    run_nodes(story)


def test_a_start_that_takes_longer_than_a_lease_loses_none() -> None:
    async def story() -> None:
        async with NodesLab(2, seed=5) as lab:
            await lab.fleet(2)
            node = Node(lab, "n2")
            lab.nodes.append(node)
            node.gateway.pace._sessions = _Slow(node.gateway.store.sessions)  # type: ignore[assignment]
            await node.start()
            await asyncio.sleep(5)
            assert not_none(node.gateway.nodes).counts.leases_lost == {}

    run_nodes(story)


class _Slow:
    """Sessions that take long to be read, for there are so many."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def page(self, **which: Any) -> Page:
        await asyncio.sleep(2 * LEASE_S)
        return await self._sessions.page(**which)


def test_what_came_of_a_server_before_the_server_came_to_us_is_judged() -> None:
    """The node knows the server from a time before; the news is there while the other, which stands still, has it."""

    async def story() -> None:
        async with NodesLab(2, seed=6, policy={"default": {"probe_idle_s": 600.0}}) as lab:
            await lab.fleet(1)
            evo = ServerName("evo")
            chore = of_server(evo)

            async def judge() -> Node:
                await asyncio.sleep(0)
                return next(node for node in lab.nodes if node.gateway.leases.does(chore) and not node.frozen)

            async def is_others() -> bool:
                return other.gateway.leases.does(chore)

            async def is_its_own() -> bool:
                return first.gateway.leases.does(chore) and not other.gateway.leases.does(chore)

            first = await judge()
            other = next(node for node in lab.nodes if node is not first)
            first.freeze()
            await lab.until(is_others, 30)
            first.thaw()
            await lab.until(is_its_own, 30)
            first.freeze()
            news = [seen("server_answered", lab.world.now(), "probe")]
            await lab.store.journal.add_evidence(None, evo, news, lab.world.now())
            await lab.until(is_others, 30)
            await asyncio.sleep(60)
            assert evo not in await lab.store.decisions.with_news(0)

    run_nodes(story)


def test_what_a_node_sees_of_a_server_that_another_judges_is_judged_there() -> None:
    async def story() -> None:
        async with NodesLab(2, seed=7, policy={"default": {"probe_idle_s": 600.0}}) as lab:
            await lab.fleet(2)
            evo = ServerName("evo")
            (judge,) = (node for node in lab.nodes if node.gateway.leases.does(of_server(evo)))
            (other,) = (node for node in lab.nodes if node is not judge)
            saw = seen("server_failed", lab.world.now(), "probe")

            async def submitted() -> None:
                other.gateway.scheduler.submit(evo, [saw])

            await other.run(submitted())

            async def is_judged() -> bool:
                lines = await lab.store.journal.page_of_server(evo, 0, 1_000)
                return any(line.code == saw.kind for line in lines) and evo not in await lab.store.decisions.with_news(
                    0
                )

            await lab.until(is_judged, 30)

    run_nodes(story)
