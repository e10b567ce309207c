"""Calls that the door hands through to the simulated Evolution, the whole engine running: what the server itself would
have answered, and what a call that meets a dead socket sets going."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from esteio.providers.base import HttpRequest
from esteio.sim.lab import Lab
from esteio.sim.world.faults import Fault, inject
from esteio.sim.world.instance import Instance
from tests.api.evolution.door_stage import CUSTOMER, Client, client, play
from tests.sim.seed_stage import calls

GROUP = "120363000000000001@g.us"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/chat/whatsappNumbers/{}", {"numbers": [CUSTOMER]}),
        ("POST", "/chat/findContacts/{}", {"where": {}}),
        ("POST", "/chat/fetchBusinessProfile/{}", {"number": CUSTOMER}),
        ("POST", "/chat/fetchProfilePictureUrl/{}", {"number": CUSTOMER}),
        ("POST", "/chat/sendPresence/{}", {"number": CUSTOMER, "presence": "composing", "delay": 10}),
        ("GET", "/group/fetchAllGroups/{}?getParticipants=false", None),
        ("GET", f"/group/findGroupInfos/{{}}?groupJid={GROUP}", None),
        ("GET", "/typebot/find/{}", None),
        ("POST", "/typebot/changeStatus/{}", {"remoteJid": CUSTOMER, "status": "closed"}),
        ("GET", "/proxy/find/{}", None),
        ("POST", "/chat/nothingOfThatName/{}", {}),
    ],
)
def test_the_answer_is_the_one_of_the_server(method: str, path: str, body: Any) -> None:
    async def story(at: Client, lab: Lab, _: Instance) -> None:
        server = lab.world.servers["prov"]
        headers = {"apikey": server.apikey, "content-type": "application/json"}
        sent = b"" if body is None else msgspec.json.encode(body)
        direct = await lab.transport.exchange(
            HttpRequest(method, server.base_url + path.format("loja"), headers, sent, timeout_s=90)
        )
        operator = await client(lab, role="operate")
        answer = await operator.call(method, path, body)
        assert answer.status_code == direct.status
        assert answer.content == direct.body

    play(story)


def test_a_ghost_that_a_client_meets_is_found_and_healed_at_once() -> None:
    async def story(at: Client, lab: Lab, _: Instance) -> None:
        inject(lab.world, "prov", "loja", Fault("ghost"))
        body = {"number": CUSTOMER, "presence": "composing", "delay": 10}
        answer = await at.call("POST", "/chat/sendPresence/{}", body)
        assert "Connection Closed" in answer.text
        await asyncio.sleep(5)
        lines = [(one.code, one.args.get("because")) for one in await lab.timeline("loja")]
        assert ("call_closed", None) in lines
        assert ("outage-started", "ghost-socket") in lines
        assert len(calls(lab, "loja", "restart")) == 1
        assert (await at.call("POST", "/chat/sendPresence/{}", body)).status_code == 201

    play(story)


def test_an_instance_that_is_gone_at_the_server_is_told_in_its_words_and_noticed() -> None:
    async def story(at: Client, lab: Lab, _: Instance) -> None:
        server = lab.world.servers["prov"]
        request = HttpRequest("DELETE", f"{server.base_url}/instance/delete/loja", {"apikey": server.apikey})
        while (await lab.transport.exchange(request)).status != 200:
            await asyncio.sleep(1)  # as the real one, it fails in half
        answer = await at.call("POST", "/chat/findContacts/{}", {})
        assert answer.status_code == 404, answer.text
        await asyncio.sleep(1)
        judged = lab.gateway.memory.peek((await lab.session("loja")).id)
        assert judged is not None
        assert judged.facts.missing_at > 0

    play(story)
