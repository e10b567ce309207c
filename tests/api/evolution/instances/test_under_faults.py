"""Instances at the door while something goes wrong: a server that is away, one that does not answer, a name that is
there already; and what is set again."""

from __future__ import annotations

import asyncio

from esteio.engine.commands.requests import WaitRequest
from esteio.sim.world.faults import Fault, inject
from tests.api.evolution.conftest import NUMBER, DoorLab, DoorRunner

SETTINGS = {
    "rejectCall": True,
    "msgCall": "não atendo",
    "groupsIgnore": True,
    "alwaysOnline": False,
    "readMessages": False,
    "readStatus": False,
    "syncFullHistory": False,
}


def test_a_create_while_the_server_is_away_is_done_when_it_is_back(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        server = door.lab.world.servers["evo"]
        server.stop()
        made = await door.create(token="MYTOKEN-123")
        assert (made["hash"], made["qrcode"]) == ("MYTOKEN-123", {"count": 0})
        await door.refused(
            403,
            ['This name "loja" is already in use.'],
            "POST",
            "/instance/create",
            {"instanceName": "loja", "integration": "WHATSAPP-BAILEYS"},
        )
        server.start(1.0)
        await door.lab.until_state("loja", "awaiting_qr", 900)
        shown = await door.said("GET", "/instance/connect/loja", key="MYTOKEN-123")
        door.lab.world.phone(NUMBER).scan(shown["code"])
        await door.lab.until_state("loja", "connected", 120)

    at_door(test)


def test_an_instance_that_is_at_the_server_already_is_taken_over(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        door.lab.world.plant("evo", "loja", NUMBER)
        before = door.line()
        link, sock = before.link, before.sock
        await door.create(qrcode=False)
        await door.lab.until_state("loja", "connected", 300)
        assert (door.line().link, door.line().sock) == (link, sock)
        assert before.hook is not None
        assert "/in/" in before.hook.url

    at_door(test)


def test_a_delete_while_the_server_is_away_changes_nothing(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        await door.linked()
        server = door.lab.world.servers["evo"]
        server.stop()
        for act in ("delete", "logout"):
            told = await door.call("DELETE", f"/instance/{act}/loja")
            assert (told.status_code, told.json()["code"]) == (502, "provider-unanswered"), told.text
        assert (await door.lab.session("loja")).name == "loja"
        server.start(1.0)
        await asyncio.sleep(60)
        await door.lab.until_state("loja", "connected", 900)
        await door.said("DELETE", "/instance/delete/loja")
        assert "loja" not in server.lines

    at_door(test)


def test_a_delete_that_is_not_answered_is_asked_for_again(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        await door.linked()
        inject(door.lab.world, "evo", None, Fault("lost_response", verbs="control", happens=True, how="hang", count=1))
        told = await door.call("DELETE", "/instance/delete/loja")
        assert told.status_code == 504, told.text
        assert told.json()["code"] == "act-unanswered"
        for _ in range(2):
            # The first of these waits for the act that is under way; nobody answers it.
            told = await door.call("DELETE", "/instance/delete/loja")
        assert told.status_code == 200
        await door.refused(404, ['The "loja" instance does not exist'], "GET", "/instance/connectionState/loja")

    at_door(test)


def test_settings_are_set_kept_and_set_again_with_a_new_instance(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        made = await door.create(readMessages=True, syncFullHistory="yes")
        assert (made["settings"]["readMessages"], made["settings"]["syncFullHistory"]) == (True, False)
        assert door.line().settings["readMessages"] is True
        told = await door.said("POST", "/settings/set/loja", SETTINGS, status=201)
        assert told == {"settings": {"instanceName": "loja", "settings": SETTINGS}}
        await door.lab.commands.pairing.recreate("loja", WaitRequest(60), "test")
        assert door.line().settings["rejectCall"] is True
        found = await door.said("GET", "/settings/find/loja")
        assert found == {**SETTINGS, "wavoipToken": ""}
        door.lab.world.servers["evo"].stop()
        assert await door.said("GET", "/settings/find/loja") == found
        (row,) = await door.said("GET", "/instance/fetchInstances")
        assert {name: row["Setting"][name] for name in found} == found
        unset = await door.call("POST", "/settings/set/loja", {**SETTINGS, "rejectCall": False})
        assert unset.status_code == 502
        assert (await door.said("GET", "/settings/find/loja"))["rejectCall"] is True, "what was not set is not kept"

    at_door(test)


def test_a_ghost_is_never_called_open(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        await door.linked()
        inject(door.lab.world, "evo", "loja", Fault("ghost", variant="restart_noop"))
        seen = set()
        for _ in range(60):
            await asyncio.sleep(5)
            session = await door.lab.session("loja")
            told = await door.said("GET", "/instance/connectionState/loja")
            seen.add((session.state == "connected", told["instance"]["state"]))
        assert (False, "open") not in seen
        assert any(not connected for connected, _ in seen)

    at_door(test)


def test_head_options_and_other_origins(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        await door.create()
        head = await door.call("HEAD", "/instance/fetchInstances")
        assert (head.status_code, head.content) == (200, b"")
        asked = await door.call("OPTIONS", "/instance/fetchInstances", key=None)
        assert asked.status_code == 204
        origin = {"origin": "https://manager.example", "access-control-request-method": "DELETE"}
        ahead = await door.call(
            "OPTIONS",
            "/instance/delete/loja",
            key=None,
            headers={**origin, "access-control-request-headers": "apikey, content-type"},
        )
        assert ahead.status_code == 200
        assert ahead.headers["access-control-allow-origin"] == "https://manager.example"
        assert ahead.headers["access-control-allow-credentials"] == "true"
        assert "DELETE" in ahead.headers["access-control-allow-methods"]
        shown = await door.call("GET", "/instance/fetchInstances", headers={"origin": "https://manager.example"})
        assert shown.headers["access-control-allow-origin"] == "https://manager.example"
        assert "x-esteio-evidence-age-s" in shown.headers["access-control-expose-headers"]
        for path in ("http://esteio/evolution//instance//fetchInstances", "/instance/fetchInstances/"):
            assert (await door.call("GET", path)).status_code == 200

    at_door(test)


def test_a_scoped_key_makes_instances_inside_its_names(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        key = await door.key("operate", "loja-*")
        made = await door.create("loja-1", key=key)
        assert made["instance"]["instanceName"] == "loja-1"
        body = {"instanceName": "outra", "integration": "WHATSAPP-BAILEYS"}
        await door.refused(401, "Unauthorized", "POST", "/instance/create", body, key=key)

    at_door(test)
