"""Instances at the door: made, paired, shown, logged out and deleted, in Evolution's shapes."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from esteio.config import Door
from esteio.engine.commands.requests import SessionRequest
from tests.api.evolution.conftest import ADMIN, NUMBER, DoorLab, DoorRunner

WEIRD = "Loja São/Paulo 1"
WEIRD_PATH = "Loja%20S%C3%A3o%2FPaulo%201"
CREATE = {"instanceName": "loja", "integration": "WHATSAPP-BAILEYS"}


def test_create_answers_in_evolutions_order_and_gives_a_code(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        made = await door.create()
        assert list(made) == [
            "instance",
            "hash",
            "webhook",
            "websocket",
            "rabbitmq",
            "nats",
            "sqs",
            "settings",
            "qrcode",
        ]
        assert list(made["instance"]) == [
            "instanceName",
            "instanceId",
            "integration",
            "webhookWaBusiness",
            "accessTokenWaBusiness",
            "status",
        ]
        assert made["instance"]["status"] == "connecting"
        assert list(made["qrcode"]) == ["pairingCode", "code", "base64", "count"]
        head, _, picture = made["qrcode"]["base64"].partition(",")
        assert head == "data:image/png;base64"
        assert base64.b64decode(picture).startswith(b"\x89PNG")

    at_door(test)


def test_the_hash_opens_this_instance_and_no_other(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        own = (await door.create())["hash"]
        await door.create("outra")
        assert own != door.line().token
        shown = await door.said("GET", "/instance/fetchInstances", key=own)
        assert [(row["name"], row["token"]) for row in shown] == [("loja", own)]
        assert (await door.said("GET", "/instance/connectionState/loja", key=own))["instance"]["state"] == "connecting"
        await door.refused(401, "Unauthorized", "GET", "/instance/connectionState/outra", key=own)
        await door.refused(401, "Unauthorized", "POST", "/instance/create", {**CREATE, "instanceName": "z"}, key=own)

    at_door(test)


def test_the_clients_token_becomes_the_key(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        assert (await door.create(token="MYTOKEN-123"))["hash"] == "MYTOKEN-123"
        await door.said("GET", "/instance/connectionState/loja", key="MYTOKEN-123")
        second = {**CREATE, "instanceName": "outra", "token": "MYTOKEN-123"}
        await door.refused(403, ["The token is already in use."], "POST", "/instance/create", second)
        await door.refused(
            403, ["The token is already in use."], "POST", "/instance/create", {**second, "token": ADMIN}
        )
        assert [row["name"] for row in await door.said("GET", "/instance/fetchInstances")] == ["loja"]
        short = await door.call("POST", "/instance/create", {**second, "token": "TOKT"})
        assert short.status_code == 400

    at_door(test)


def test_a_key_goes_with_its_session_and_its_secret_may_come_back(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        await door.linked(token="MYTOKEN-123")
        await door.said("DELETE", "/instance/delete/loja", {"any": "body"}, key="MYTOKEN-123")
        assert "loja" not in door.lab.world.servers["evo"].lines
        await door.refused(401, "Unauthorized", "GET", "/instance/connectionState/loja", key="MYTOKEN-123")
        assert (await door.create(token="MYTOKEN-123"))["hash"] == "MYTOKEN-123"

    at_door(test)


def test_a_revoked_secret_stays_taken(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        await door.create(token="MYTOKEN-123")
        (made,) = [key for key in await door.lab.store.keys.all() if key.name == "door:loja"]
        assert (made.role, made.sessions) == ("operate", ("loja",))
        await door.lab.commands.keys.revoke(made.id)
        await door.refused(401, "Unauthorized", "GET", "/instance/connectionState/loja", key="MYTOKEN-123")
        again = {**CREATE, "instanceName": "outra", "token": "MYTOKEN-123"}
        await door.refused(403, ["The token is already in use."], "POST", "/instance/create", again)

    at_door(test)


def test_what_create_refuses(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        await door.create()

        async def refused(status: int, message: Any, **changed: Any) -> None:
            body = {name: word for name, word in {**CREATE, "instanceName": "x", **changed}.items() if word is not None}
            await door.refused(status, message, "POST", "/instance/create", body)

        await refused(403, ['This name "loja" is already in use.'], instanceName="loja", integration=None)
        await refused(400, ["Invalid integration"], integration=None)
        await refused(400, ["Invalid integration"], integration="XPTO")
        await refused(400, ["token is required"], integration="WHATSAPP-BUSINESS")
        await refused(400, [['instance requires property "instanceName"']], instanceName=None)
        await refused(400, [['instance requires property "instanceName"']], instanceName="")
        await refused(400, [["instanceName is not of a type(s) string"]], instanceName=5)
        await refused(400, [["number is not a phone number with its country code"]], number="12")
        await refused(400, ['webhook requires property "events"'], webhook={"url": "http://127.0.0.1:1/"})
        broken = await door.call("POST", "/instance/create", b'{"instanceName":')
        assert (broken.status_code, broken.json()["error"]) == (400, "Internal Server Error")
        assert [row["name"] for row in await door.said("GET", "/instance/fetchInstances")] == ["loja"]

    at_door(test)


def test_which_server_makes_instances(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        await door.lab.add_server("second")
        told = await door.said("POST", "/instance/create", CREATE, status=400)
        assert told["code"] == "door-without-server"
        assert "2 servers" in told["response"]["message"][0]

    async def named(door: DoorLab) -> None:
        await door.lab.add_server("second")
        await door.create()
        assert (await door.lab.session("loja")).server == "second"

    at_door(test)
    at_door(named, door=Door(server="second"))


def test_a_name_that_is_no_session_name(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        made = await door.create(WEIRD)
        assert made["instance"]["instanceName"] == WEIRD
        assert WEIRD in door.lab.world.servers["evo"].lines
        state = await door.said("GET", f"/instance/connectionState/{WEIRD_PATH}", key=made["hash"])
        assert state == {"instance": {"instanceName": WEIRD, "state": "connecting"}}
        (row,) = await door.said("GET", "/instance/fetchInstances", params={"instanceName": WEIRD})
        assert (row["name"], row["id"]) == (WEIRD, made["instance"]["instanceId"])
        assert (await door.call("POST", "/instance/create", {**CREATE, "instanceName": WEIRD})).status_code == 403
        await door.said("DELETE", f"/instance/delete/{WEIRD_PATH}")
        assert WEIRD not in door.lab.world.servers["evo"].lines

    at_door(test)


def test_two_servers_with_one_name_are_told_apart_by_the_key(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        await door.lab.add_server("second")
        door.lab.world.plant("second", "loja", "5511955550002")
        await door.create()
        answered = await door.lab.gateway.commands.sessions.create(
            _adopting("loja-2", "second", "loja"), "test", read_first=False
        )
        assert answered.session.name == "loja-2"
        second = await door.key("operate", "loja-2")
        (row,) = await door.said("GET", "/instance/fetchInstances", params={"instanceName": "loja"}, key=second)
        assert row["number"] != NUMBER
        assert row["name"] == "loja"
        await door.lab.until_state("loja-2", "connected", 120)
        told = await door.said("GET", "/instance/connectionState/loja", key=second)
        assert told["instance"] == {"instanceName": "loja", "state": "open"}

    at_door(test, door=Door(server="evo"))


def _adopting(name: str, server: str, instance: str) -> Any:
    return SessionRequest(name, server, ref={"instance_name": instance}, adopt=True, wait_s=0)


def test_connect(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        made = await door.create()
        shown = await door.said("GET", "/instance/connect/loja")
        assert shown["code"] == made["qrcode"]["code"] == door.line().sock.qr  # type: ignore[union-attr]
        door.lab.world.phone(NUMBER).scan(shown["code"])
        await door.lab.until_state("loja", "connected", 120)
        told = await door.said("GET", "/instance/connect/loja")
        assert told == {"instance": {"instanceName": "loja", "state": "open"}}
        await door.said("DELETE", "/instance/logout/loja")
        again = await door.said("GET", "/instance/connect/loja", params={"number": "+55 11 95555-0001"})
        assert again["code"] != shown["code"]
        assert len(again["pairingCode"].replace("-", "")) == 8

    at_door(test)


def test_connect_with_a_number_beside_a_code_that_is_shown_answers_that_at_once(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        made = await door.create(number="5511955550001")
        assert made["qrcode"]["pairingCode"]
        before = door.lab.world.now()
        for number in ("5511955550001", "5511955550002"):
            shown = await door.said("GET", "/instance/connect/loja", params={"number": number})
            assert shown == made["qrcode"]
        assert door.lab.world.now() == before

    at_door(test)


def test_connect_waits_no_longer_than_evolution_for_a_linked_phone(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        await door.linked()
        door.lab.world.servers["evo"].stop()
        await door.lab.until_state("loja", "connecting", 300)
        before = door.lab.world.now()
        assert await door.said("GET", "/instance/connect/loja") == {"count": 0}
        assert door.lab.world.now() - before <= 2.1

    at_door(test)


def test_connect_while_there_is_no_code(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        door.lab.world.servers["evo"].stop()
        made = await door.create()
        assert made["qrcode"] == {"count": 0}
        assert await door.said("GET", "/instance/connect/loja") == {"count": 0}

    at_door(test)


def test_fetch_instances_filters_and_its_age(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        made = await door.linked()
        await door.create("outra")
        answered = await door.call("GET", "/instance/fetchInstances")
        assert int(answered.headers["x-esteio-evidence-age-s"]) >= 0
        assert [row["name"] for row in answered.json()] == ["loja", "outra"]
        for asked in ({"instanceId": made["instance"]["instanceId"]}, {"number": NUMBER}, {"instanceName": "loja"}):
            (row,) = await door.said("GET", "/instance/fetchInstances", params=asked)
            assert (row["name"], row["connectionStatus"]) == ("loja", "open")
            assert row["ownerJid"] == f"{NUMBER}@s.whatsapp.net"
            assert row["token"] == ADMIN
        for asked in ({"instanceId": "ghost"}, {"instanceName": "ghost"}, {"number": "5511900000000"}):
            name = next(iter(asked.values()))
            await door.refused(404, [f'Instance "{name}" not found'], "GET", "/instance/fetchInstances", params=asked)

    at_door(test)


def test_a_list_is_a_list_also_when_the_provider_is_down(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        await door.linked()
        door.lab.world.servers["evo"].stop()
        await asyncio.sleep(120)
        answered = await door.call("GET", "/instance/fetchInstances")
        assert [row["name"] for row in answered.json()] == ["loja"]
        assert int(answered.headers["x-esteio-evidence-age-s"]) >= 60

    at_door(test)


def test_logout_unlinks_and_keeps_the_instance(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        await door.linked()
        done = await door.said("DELETE", "/instance/logout/loja")
        assert done == {"status": "SUCCESS", "error": False, "response": {"message": "Instance logged out"}}
        assert door.line().link is None
        assert (await door.said("GET", "/instance/connectionState/loja"))["instance"]["state"] == "close"
        words = ['The "loja" instance is not connected']
        await door.refused(400, words, "DELETE", "/instance/logout/loja")
        await door.refused(400, words, "GET", "/instance/logout/loja")
        codes = [line.code for line in await door.lab.timeline("loja")]
        assert "operator_logout" in codes
        assert door.lab.told.phases("loja") == [], "a person's own logout is no outage"

    at_door(test)


def test_a_healthy_line_is_not_restarted(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        await door.linked()
        for method in ("POST", "PUT"):
            told = await door.said(method, "/instance/restart/loja")
            assert told == {"instance": {"instanceName": "loja", "state": "open"}}
        assert not door.lab.world.ledger.control_calls(verbs={"restart"})

    at_door(test)
