"""What the store keeps of outages, after whole stories: the same that the sessions and servers said of themselves."""

from __future__ import annotations

import asyncio

import msgspec

from esteio.core.model.ids import ServerName
from esteio.sim.lab import Lab
from esteio.sim.world.faults import Fault, inject
from tests.narrowing import not_none
from tests.sim.ghost_stage import linked, neighbour, play, until_because
from tests.sim.stories.test_outages_real import all_back, fleet


def test_a_fall_and_its_end_are_kept_with_the_states_between() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        chatter = await neighbour(lab)
        inject(lab.world, "prov", "loja", Fault("stale_registry"))
        await until_because(lab, "closed", 45)
        session = await lab.session("loja")
        (record,) = await lab.store.history.open_outages()
        assert record.outage == msgspec.structs.replace(not_none(session.outage), notice_due=None)
        (opened,) = [one for one in await lab.timeline("loja") if one.code == "outage-started"]
        assert record.after_seq < not_none(opened.seq)
        await lab.until_state("loja", "connected", 200)
        await asyncio.sleep(100)
        session = await lab.session("loja")
        (record,) = await lab.store.history.ended_outages()
        assert record.outage == msgspec.structs.replace(not_none(session.last_outage), notice_due=None)
        changes = (await lab.store.history.states_of([session.id], 0.0))[session.id]
        assert [one.state for one in changes[-2:]] == ["connecting", "connected"]
        assert [one.previous for one in changes[1:]] == [one.state for one in changes[:-1]]
        assert changes[-1].at == session.since
        chatter.cancel()

    play(story)


def test_a_server_s_outage_holds_those_of_its_sessions() -> None:
    async def story(lab: Lab) -> None:
        await fleet(lab)
        inject(lab.world, "prov", None, Fault("network", road="shut", for_s=180))
        await asyncio.sleep(180)
        await all_back(lab, within_s=600)
        await asyncio.sleep(60)
        assert not_none(await lab.store.servers.get(ServerName("prov"))).server.outage is None
        assert list(await lab.store.history.open_outages(each=True)) == []
        own = [one for one in await lab.store.history.ended_outages(each=True) if one.session is None]
        for incident in own:
            parts = await lab.store.history.parts_of(incident.outage.id)
            assert len({one.session for one in parts}) == len(parts) > 0
            assert min(one.outage.since for one in parts) >= incident.outage.since
        assert own

    play(story)
