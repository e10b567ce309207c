"""An instance that somebody removed at the provider, behind Esteio's back: linked, while a code is shown, while
messages wait; and made anew under the same name."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from esteio.clock import LoopClock
from esteio.engine.commands.requests import SessionChange
from esteio.providers.base import HttpRequest
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.lab import Lab
from esteio.sim.providers.faces import new_world
from tests.sim.ghost_stage import OTHER, Story, is_told, linked, said, told, until_because
from tests.sim.seed_stage import CUSTOMER, PHONE, acts, calls

VERSIONS = {"evolution": "2.3.7", "baileys": "1.0.0", "wapi": "1.0.0"}


class MachineClock(LoopClock):
    """No two readings are the same, as on a machine: the loop's time alone stands still while code runs."""

    readings = 0

    def now(self) -> float:
        self.readings += 1
        return super().now() + self.readings * 1e-6


def play(story: Story) -> None:
    """Run one story by a machine's clock."""

    async def whole() -> None:
        world = new_world(7)
        async with Lab(7, world=world, clock=MachineClock(world.epoch0, 7)) as lab:
            await story(lab)

    run_virtual(whole, limit_s=40_000)


async def remove(lab: Lab, kind: str) -> None:
    """By the provider's own call, as a person with its key does."""
    server = lab.world.servers["prov"]
    ref = (await lab.session("loja")).ref
    path, headers = {
        "evolution": ("/instance/delete/loja", {"apikey": server.apikey}),
        "baileys": ("/sessions/loja", {"x-api-key": server.apikey}),
        "wapi": (
            f"/integrator/delete-instance?instanceId={ref.get('instance_id')}",
            {"authorization": f"Bearer {server.apikey}"},
        ),
    }[kind]
    request = HttpRequest("DELETE", f"{server.base_url}{path}", headers)
    while (await lab.transport.exchange(request)).status != 200:
        await asyncio.sleep(1)  # 2.3.7 fails in half, after its logout


async def make_anew(lab: Lab) -> None:
    server = lab.world.servers["prov"]
    body = msgspec.json.encode({"instanceName": "loja", "integration": "WHATSAPP-BAILEYS", "qrcode": True})
    headers = {"apikey": server.apikey, "content-type": "application/json"}
    assert (
        await lab.transport.exchange(HttpRequest("POST", f"{server.base_url}/instance/create", headers, body))
    ).status == 201


async def never_a_ghost(lab: Lab) -> None:
    lines = await lab.timeline("loja")
    assert not [line for line in lines if line.args.get("because") in ("ghost-socket", "ghost-needs-server-restart")]
    assert await said(lab, "server-restart-proposed") == 0
    assert calls(lab, "loja", "restart", "logout") == []


def test_removed_while_linked_it_is_gone_also_after_a_person_s_recover_and_comes_back_by_a_recreate() -> None:
    """In the sandbox it ended as a ghost for which people should restart the server: every `missing` that an act was
    answered with was outdated by the booking of that very answer."""

    async def story(lab: Lab) -> None:
        await linked(lab)
        await remove(lab, "evolution")
        waits = await lab.send("loja", OTHER, "espera")
        await until_because(lab, "instance-missing", 60)
        await asyncio.sleep(0.5)
        lines = await lab.timeline("loja")
        answered = next(line for line in lines if line.code == "act_answered" and line.args["answer"] == "missing")
        assert answered.at in [line.at for line in lines if line.code == "instance_missing"], "one moment"
        await lab.commands.operator_actions.recover("loja", "lab")
        await asyncio.sleep(600)
        await is_told(lab, "disconnected", "instance-missing", "no", "no", "held")
        await never_a_ghost(lab)
        assert {rung for _, rung in await acts(lab, "loja")} <= {"connect", "set_webhook"}
        asked = (await lab.session("loja")).recovery.awaiting
        assert asked is not None
        assert (await lab.message(waits)).state == "held"
        assert (await lab.commands.approvals.decide(asked, "approved", "lab")).rung == "recreate"
        await lab.until_state("loja", "awaiting_qr", 60)
        await lab.scan("prov", "loja", PHONE)
        await lab.until_state("loja", "connected", 120)
        await asyncio.sleep(60)
        assert (await lab.message(waits)).state in ("sent", "delivered")
        await never_a_ghost(lab)

    play(story)


@pytest.mark.parametrize("kind", ["evolution", "wapi"])
def test_removed_while_its_code_is_shown_it_is_gone_and_not_connecting_for_ever(kind: str) -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("prov", kind, VERSIONS[kind])
        await lab.create("prov", "loja")
        await remove(lab, kind)
        await asyncio.sleep(600)
        shown = await told(lab)
        # A delete of 2.3.7 that has to be asked for twice unlinks first: that is the reason then.
        assert shown["because"] in ("instance-missing", "logged-out")
        assert (shown["state"], shown["gate"]) == ("disconnected", "held")
        await never_a_ghost(lab)

    play(story)


def test_removed_at_w_api_it_is_gone() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab, "wapi", version="1.0.0")
        await remove(lab, "wapi")
        await until_because(lab, "instance-missing", 60)
        await lab.commands.operator_actions.recover("loja", "lab")
        await asyncio.sleep(600)
        await is_told(lab, "disconnected", "instance-missing", "no", "no", "held")
        assert await said(lab, "server-restart-proposed") == 0
        # As its advice says: an instance that is ordered there takes its place.
        lab.world.plant("prov", "LITE-NOVA", PHONE)
        named = SessionChange(phone=PHONE, ref={"instance_id": "LITE-NOVA", "token": "token-LITE-NOVA"})
        await lab.commands.sessions.change("loja", named, "lab")
        await asyncio.sleep(60)
        assert (await told(lab))["state"] == "connected"

    play(story)


def test_removed_at_baileys_the_connect_that_loads_it_makes_it_and_a_code_is_shown() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab, "baileys", version="1.0.0")
        await remove(lab, "baileys")
        await lab.until_state("loja", "awaiting_qr", 60)
        await never_a_ghost(lab)

    play(story)


@pytest.mark.parametrize("phone", [PHONE, OTHER])
def test_made_anew_by_somebody_else_it_lives_with_its_own_number_and_not_with_another(phone: str) -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        await remove(lab, "evolution")
        await until_because(lab, "instance-missing", 60)
        await asyncio.sleep(200)
        await make_anew(lab)
        await lab.scan("prov", "loja", phone)
        await asyncio.sleep(180)
        session = await lab.session("loja")
        assert (session.state, session.gate) == (("connected", "open") if phone == PHONE else ("error", "held"))
        if phone == PHONE:
            assert (await acts(lab, "loja"))[-1][1] == "set_webhook", "its webhooks went to nobody"
            assert session.recovery.awaiting is None
            lab.world.contact_sends(PHONE, CUSTOMER, "oi")
            await asyncio.sleep(5)
            assert (await told(lab))["receive"] == "yes"
        else:
            assert session.reason.code == "wrong-identity"
        await never_a_ghost(lab)

    play(story)
