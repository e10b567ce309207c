"""One writer of session state: what was judged on an outdated view is judged again, and an act nobody wants is not
performed."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from esteio.core.model.evidence import seen
from esteio.core.model.ids import ServerName
from esteio.engine.runtime.leases import SoleHolder
from esteio.engine.supervision.memory import Memory
from esteio.engine.supervision.reconcile import MOST_TRIES, SHOWN_WITHIN_S, Overtaken, Reconciler, follow, judged
from esteio.sim.lab import Lab
from esteio.store.base import Work
from tests.engine.engine_stage import CUSTOMER, PHONE, Restarts, linked, play, play_restarts


def _stranger(lab: Lab) -> Reconciler:
    """Another one over the same store."""
    gateway = lab.gateway
    return Reconciler(
        lab.store.decisions,
        lab.store.servers,
        lab.clock,
        gateway.registry,
        gateway.settings.policy_of,
        memory=Memory(SoleHolder()),
        audit=gateway.audit,
        changed=lambda *_: None,
        server_read=lambda _: None,
    )


def _overtaken(lab: Lab, times: int) -> list[str]:
    """As if another process judged the same session between our read and our write, so many times."""
    other = _stranger(lab)
    truly = lab.store.decisions.session_view
    done: list[str] = []

    async def view(session_id: Any, now: float) -> Any:
        found = await truly(session_id, now)
        if len(done) < times:
            done.append("other")
            lab.store.decisions.session_view = truly  # type: ignore[method-assign]
            news = [seen("operator_paused", now, "operator")]
            assert await other.session(session_id, news, look_into_store=True) is not None
            lab.store.decisions.session_view = view  # type: ignore[method-assign]
        return found

    lab.store.decisions.session_view = view  # type: ignore[method-assign]
    return done


def test_what_was_judged_on_an_outdated_view_is_judged_again_on_what_is_now_the_case() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        before = await lab.session("loja")
        done = _overtaken(lab, 2)
        news = [seen("identity_seen", lab.clock.now(), "state", phone="5511912345678")]
        decision = await lab.gateway.reconciler.session(before.id, news, look_into_store=True)
        assert len(done) == 2
        assert decision is not None
        after = await lab.session("loja")
        assert after.paused, "what the other wrote stands"
        assert after.facts.phone_seen == "5511912345678", "and ours is not lost"
        assert after.row_version >= before.row_version + 3

    play(story)


def test_who_is_overtaken_again_and_again_says_so_and_writes_nothing() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        session = await lab.session("loja")
        _overtaken(lab, MOST_TRIES)
        news = [seen("identity_seen", lab.clock.now(), "state", phone="5511912345678")]
        with pytest.raises(Overtaken):
            await lab.gateway.reconciler.session(session.id, news, look_into_store=True)
        assert (await lab.session("loja")).facts.phone_seen != "5511912345678"

    play(story)


def test_an_act_of_an_attempt_that_is_over_is_dropped_and_never_reaches_the_provider() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        session, now = await lab.session("loja"), lab.clock.now()
        calls = len(lab.world.ledger.control_calls("prov"))
        old = {"rung": "restart", "attempt": "att_long_ago", "because": "ghost", "pair_phone": None}
        lane = f"s{session.id}:control"
        work = Work("old", lane, "control", old, due_at=now, created_at=now, session_id=session.id, server="prov")  # type: ignore[arg-type]
        await lab.store.work.add([work])
        lab.gateway.work.wake()
        await asyncio.sleep(30)
        assert len(lab.world.ledger.control_calls("prov")) == calls
        left = await lab.store.work.get("old")
        assert left is not None
        assert left.outcome == "no longer wanted"

    play(story)


def _writes(lab: Lab) -> Counter[str]:
    """How often a judgement is written from now on."""
    counted: Counter[str] = Counter()
    of_session, of_server = lab.store.decisions.commit_session, lab.store.decisions.commit_server

    async def session(commit: Any) -> bool:
        counted["session"] += 1
        return await of_session(commit)

    async def server(commit: Any) -> bool:
        counted["server"] += 1
        return await of_server(commit)

    lab.store.decisions.commit_session = session  # type: ignore[method-assign]
    lab.store.decisions.commit_server = server  # type: ignore[method-assign]
    return counted


def test_a_line_that_is_well_and_its_server_are_written_a_few_times_an_hour() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        await asyncio.sleep(900)
        calls, written = lab.world.ledger.calls.copy(), _writes(lab)
        await asyncio.sleep(3600)
        looks = lab.world.ledger.calls - calls
        assert looks["prov", "setPresence"] >= 110, "it is looked at all the same"
        assert looks["prov", "fetchInstances"] >= 110
        assert 1 <= written["session"] <= 8
        assert 1 <= written["server"] <= 8

    play(story)


def test_what_is_shown_of_a_line_follows_within_a_minute() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        lab.world.contact_sends(PHONE, CUSTOMER, "bom dia")
        await asyncio.sleep(900)
        session = await lab.session("loja")
        heard_at = lab.clock.now()
        lab.gateway.scheduler.submit(session.id, [seen("message_received", heard_at, "webhook")])
        assert (await lab.session("loja")).can_receive.at != heard_at, "not written for its own sake"
        await asyncio.sleep(SHOWN_WITHIN_S + 31)
        after = await lab.session("loja")
        assert after.can_receive.at == heard_at
        assert after.row_version == session.row_version + 1

    play(story)


def test_what_was_not_written_when_the_process_died_is_seen_again(tmp_path: Path) -> None:
    async def story(run: Restarts) -> None:
        await linked(run.lab)
        await asyncio.sleep(500)
        stored = await run.lab.session("loja")
        judged = run.lab.gateway.memory.peek(stored.id)
        assert judged is not None
        assert judged.facts.looked_at > stored.facts.looked_at, "some looks are in memory only"
        await run.crash()
        died_at = run.world.now()
        await run.begin()
        await asyncio.sleep(40)
        again = run.lab.gateway.memory.peek(stored.id)
        assert again is not None
        assert again.facts.life_at > died_at
        assert again.state == "connected"

    play_restarts(story, tmp_path / "esteio.db")


def test_what_is_heard_before_a_planned_look_is_judged_and_ends_the_plan() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        lab.world.contact_sends(PHONE, CUSTOMER, "bom dia")
        await asyncio.sleep(500)
        known = lab.gateway.memory.find((await lab.session("loja")).id)
        assert known is not None
        view, planned = known.view, known.planned
        assert view is not None
        assert planned is not None
        assert judged(known, view, (), planned.at - 1).look is None, "it is not made before its time"
        looks = judged(known, view, (), planned.at)
        assert (looks.look, looks.awaited) == (planned.depth, planned)
        closed = (seen("socket_closed", planned.at, "probe"),)
        assert judged(known, view, closed, planned.at).session.facts.closed == (planned.at,)
        follow(known, view, looks, (), planned.at)
        assert known.awaited == planned
        same = judged(known, view, (seen("socket_ok", planned.at + 1, "probe"),), planned.at + 1)
        assert same.planned is not None
        assert same.planned.at == planned.at + 31
        fallen = judged(known, view, closed, planned.at)
        assert fallen.session.facts.closed == (planned.at,)
        follow(known, view, fallen, closed, planned.at)
        assert [known.planned, known.awaited] == [None, None]

    play(story)


def test_what_opens_a_gap_is_written_at_once_though_nothing_else_changes() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        lab.world.contact_sends(PHONE, CUSTOMER, "bom dia")
        await asyncio.sleep(500)
        session, now, judge = await lab.session("loja"), lab.clock.now(), lab.gateway.reconciler
        assert judge.quietly(session.id, (seen("list_unheard", now, "list"),)) is None
        assert judge.quietly(session.id, (seen("list_heard", now, "list"),)) is not None

    play(story)


def test_one_failure_of_a_server_is_written_at_once() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        await asyncio.sleep(60)
        judge, now = lab.gateway.reconciler, lab.clock.now()
        assert judge.server_quietly(ServerName("prov"), (seen("server_answered", now, "list"),)) is not None
        assert judge.server_quietly(ServerName("prov"), (seen("server_failed", now, "list"),)) is None

    play(story)


def test_a_server_that_the_store_knows_newer_of_is_read_there() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        await asyncio.sleep(60)
        name, now = ServerName("prov"), lab.clock.now()
        other = _stranger(lab)
        await other.server(name, [seen("server_unreachable", now, "list")] * 3, look_into_store=True)
        read = await lab.gateway.reconciler.server(name, (), look_into_store=True)
        assert read is not None
        assert read.server.health == "down"

    play(story)


def test_a_server_on_which_a_session_booked_an_act_is_not_judged_as_before_it() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        await asyncio.sleep(60)
        session, judge = await lab.session("loja"), lab.gateway.reconciler
        news = [seen("socket_closed", lab.clock.now() - ago, "probe") for ago in (6, 0)]
        decision = await judge.session(session.id, news, look_into_store=False)
        assert decision is not None
        assert decision.act is not None
        assert decision.server is not None, "it is booked there"
        after = await judge.server(ServerName("prov"), (), look_into_store=False)
        assert after is not None
        assert after.server.last_attempt_at == decision.server.last_attempt_at > 0

    play(story)
