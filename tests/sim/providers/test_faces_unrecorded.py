"""The faces of the Baileys REST server and of W-API against their documented shapes (unrecorded: facts, not exchanges),
and all three faces against the adapters that speak to them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec
import pytest

from esteio.core.judge.pacing import doubling
from esteio.core.model.content import Content
from esteio.core.model.ids import ServerName
from esteio.core.model.inbound import ReceivedMessage
from esteio.providers import driver
from esteio.providers.base import HttpRequest, OutgoingMessage, ProbeDepth, SentQuery, SessionEndpoint
from esteio.providers.registry import load
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.providers.baileys import BaileysFace
from esteio.sim.providers.faces import new_world
from esteio.sim.providers.wapi.instance import WapiInstance
from esteio.sim.providers.wapi.routes import WapiFace
from esteio.sim.world.faults import Fault, inject
from esteio.sim.world.transport import SimTransport
from tests.narrowing import of_type

PHONE, CONTACT = "5511955550001", "5511988887777"


class Desk:
    """One server of a kind, a client, and a receiver."""

    def __init__(self, kind: str, base_url: str) -> None:
        self.world = new_world(11)
        self.server = self.world.add_server("srv", kind, base_url=base_url)
        self.client = SimTransport(self.world)
        self.hooks: list[tuple[str, dict[str, str], Any]] = []
        self.world.on_webhook = self.receive

    async def receive(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        self.hooks.append((url, dict(headers), msgspec.json.decode(body)))
        return 500

    async def ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        raw = b"" if body is None else msgspec.json.encode(body)
        request = HttpRequest(method, self.server.base_url + path, headers or {}, raw, 70.0)
        response = await self.client.exchange(request)
        return response.status, response.json() if response.json() is not None else response


class Ask(Protocol):
    """A request with the right key, unless it has headers of its own: the status, and the body."""

    async def __call__(
        self, method: str, path: str, body: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]: ...


class AskAs(Protocol):
    """The same of one instance, as who has its token."""

    async def __call__(
        self, method: str, path: str, body: dict[str, Any] | None = None, token: str = "tok"
    ) -> tuple[int, Any]: ...


def baileys_scene(coroutine: Callable[[Desk, Ask], Awaitable[None]]) -> Callable[[], None]:
    def test() -> None:
        async def main() -> None:
            desk = Desk("baileys", "http://bai.sim")

            async def ask(
                method: str, path: str, body: dict[str, Any] | None = None, headers: dict[str, str] | None = None
            ) -> tuple[int, Any]:
                return await desk.ask(method, path, body, {"X-API-Key": "SIM-KEY"} if headers is None else headers)

            await coroutine(desk, ask)

        run_virtual(main, limit_s=86400)

    test.__name__ = coroutine.__name__
    return test


async def paired(desk: Desk, ask: Ask) -> None:
    await ask("POST", "/sessions", {"name": "default", "webhookUrl": "http://gw.sim/in/x"})
    await asyncio.sleep(2)
    code = (await ask("GET", "/sessions/default/qr?format=raw"))[1]["data"]["qrCode"]
    desk.world.phone(PHONE).scan(code)
    await asyncio.sleep(10)


# -- the Baileys REST server -------------------------------------------------------------------------------------


@baileys_scene
async def test_baileys_calls_and_refusals(desk: Desk, ask: Ask) -> None:
    assert (await ask("GET", "/health", headers={}))[1]["sessions"] == 0
    assert await ask("GET", "/sessions", headers={}) == (401, {"success": False, "error": "Unauthorized"})
    assert (await ask("POST", "/sessions", {}))[0] == 400
    answer = await ask("POST", "/sessions", {"name": "default", "webhookUrl": "http://gw.sim/in/x"})
    expected = {"name": "default", "status": "connecting", "phoneNumber": None, "hasQrCode": False}
    assert answer == (200, {"success": True, "data": expected})
    assert (await ask("GET", "/sessions/default/qr"))[1]["data"] == {"qrCode": None, "format": "base64"}
    assert (await ask("GET", "/sessions/nobody/qr"))[0] == 404
    status, page = await ask("GET", "/sessions/default/status")
    assert (status, page.is_html) == (404, True)
    await paired(desk, ask)
    info = (await ask("GET", "/sessions/default"))[1]["data"]
    assert info == {"name": "default", "status": "connected", "phoneNumber": PHONE, "hasQrCode": False}
    sent = await ask("POST", "/sessions/default/send/text", {"to": CONTACT, "text": "oi"})
    assert sent[1]["data"]["status"] == "sent"
    assert desk.world.ledger.times_delivered(CONTACT, "oi") == 1
    assert (await ask("POST", "/sessions/nobody/send/text", {"to": CONTACT, "text": "x"}))[1][
        "error"
    ] == "Session not found"
    assert await ask("DELETE", "/sessions/default") == (200, {"success": True, "message": "Session deleted"})
    assert await ask("DELETE", "/sessions/default") == (200, {"success": True, "message": "Session deleted"})
    assert [one.cause for one in desk.world.ledger.unlinks] == ["delete"]


@baileys_scene
async def test_baileys_webhooks_are_sent_once_and_transient_drops_tell_nothing(desk: Desk, ask: Ask) -> None:
    await paired(desk, ask)
    desk.world.contact_sends(PHONE, CONTACT, "olá", lid="123@lid")
    await asyncio.sleep(60)
    assert [told["event"] for _, _, told in desk.hooks] == ["qr.update", "session.status", "message"]
    assert desk.hooks[1][2]["payload"] == {"status": "WORKING", "me": {"id": f"{PHONE}@s.whatsapp.net"}}
    assert desk.hooks[2][2]["payload"]["rawJid"] == "123@lid"
    assert desk.hooks[2][1]["authorization"].startswith("Bearer ")
    desk.hooks.clear()
    inject(desk.world, "srv", "default", Fault("drop"))
    await asyncio.sleep(1)
    assert (await ask("GET", "/sessions/default"))[1]["data"]["status"] != "connected"
    closed = await ask("POST", "/sessions/default/send/text", {"to": CONTACT, "text": "x"})
    assert closed == (500, {"success": False, "error": "Session not connected"})
    await asyncio.sleep(10)
    assert desk.world.truth("srv", "default").alive
    assert [told["payload"]["status"] for _, _, told in desk.hooks] == ["WORKING"]


@baileys_scene
async def test_baileys_keeps_dead_credentials_until_delete(desk: Desk, ask: Ask) -> None:
    await paired(desk, ask)
    inject(desk.world, "srv", "default", Fault("revoked"))
    await asyncio.sleep(1)
    assert desk.hooks[-1][2]["payload"] == {"status": "STOPPED"}
    for _ in range(3):
        await ask("POST", "/sessions", {"name": "default", "webhookUrl": "http://elsewhere.sim"})
        await asyncio.sleep(120)
        assert (await ask("GET", "/sessions/default/qr"))[1]["data"]["qrCode"] is None
    assert {url for url, _, _ in desk.hooks} == {"http://gw.sim/in/x"}
    await ask("DELETE", "/sessions/default")
    await paired(desk, ask)
    assert desk.world.truth("srv", "default").alive


@baileys_scene
async def test_baileys_loses_the_sessions_url_at_boot(desk: Desk, ask: Ask) -> None:
    await paired(desk, ask)
    desk.hooks.clear()
    of_type(BaileysFace, desk.server.face).global_webhook_url = "http://global.sim/hook"
    desk.world.restart_server("srv", boot_s=5)
    await asyncio.sleep(30)
    assert desk.world.truth("srv", "default").alive
    assert {url for url, _, _ in desk.hooks} == {"http://global.sim/hook"}


@baileys_scene
async def test_baileys_ghost_has_no_restart(desk: Desk, ask: Ask) -> None:
    await paired(desk, ask)
    inject(desk.world, "srv", "default", Fault("ghost"))
    assert (await ask("GET", "/sessions/default"))[1]["data"]["status"] == "connected"
    closed = await ask("POST", "/sessions/default/send/text", {"to": CONTACT, "text": "x"})
    assert closed == (500, {"success": False, "error": "Connection Closed"})
    await ask("POST", "/sessions", {"name": "default"})
    await asyncio.sleep(60)
    assert not desk.world.truth("srv", "default").alive
    desk.world.restart_server("srv", boot_s=5)
    await asyncio.sleep(30)
    assert desk.world.truth("srv", "default").alive


# -- W-API -------------------------------------------------------------------------------------------------------


def wapi_scene(coroutine: Callable[[Desk, WapiInstance, AskAs], Awaitable[None]]) -> Callable[[], None]:
    def test() -> None:
        async def main() -> None:
            desk = Desk("wapi", "http://wapi.sim/v1")
            hook = "http://gw.sim/in/w"
            line = desk.world.plant("srv", "LITE-AAAAAA-BBBBBB", PHONE, webhook_url=hook, token="tok")
            of_type(WapiFace, desk.server.face).habits.tells_disconnect = 1.0

            async def ask(
                method: str, path: str, body: dict[str, Any] | None = None, token: str = "tok"
            ) -> tuple[int, Any]:
                joint = "&" if "?" in path else "?"
                address = f"{path}{joint}instanceId={line.name}"
                return await desk.ask(method, address, body, {"Authorization": f"Bearer {token}"})

            await coroutine(desk, of_type(WapiInstance, line), ask)

        run_virtual(main, limit_s=86400)

    test.__name__ = coroutine.__name__
    return test


@wapi_scene
async def test_wapi_calls_and_refusals(desk: Desk, line: WapiInstance, ask: AskAs) -> None:
    assert await ask("GET", "/instance/status-instance") == (200, {"instanceId": line.name, "connected": True})
    assert await ask("GET", "/instance/status-instance", token="bad") == (
        401,
        {"error": True, "message": "Token inválido"},
    )
    status, page = await ask("POST", "/instance/restart")
    assert (status, page.is_html) == (404, True)
    sent = await ask("POST", "/message/send-text", {"phone": CONTACT, "message": "oi"})
    assert set(sent[1]) == {"instanceId", "messageId", "insertedId"}
    row = (await ask("GET", "/instance/fetch-instance"))[1]
    assert (row["connectedPhone"], row["webhookReceivedUrl"]) == (PHONE, "http://gw.sim/in/w")
    assert (await ask("PUT", "/webhook/update-webhook-received", {"value": "http://new.sim"}))[1]["error"] is False
    assert line.urls["received"] == "http://new.sim"
    assert (await ask("PUT", "/webhook/update-webhook-received", {"url": "http://new.sim"}))[1]["error"] is True
    assert (await ask("GET", f"/contacts/phone-exists?phoneNumber={CONTACT}"))[1] == {"exists": True}
    assert (await ask("GET", "/instance/qr-code"))[1] == {"connected": True, "instanceId": line.name, "error": False}
    assert (await ask("GET", "/instance/disconnect"))[1] == {"error": False, "message": "Deslogado com sucesso!"}
    assert (await ask("GET", "/instance/disconnect"))[1] == {"error": True, "message": "Já deslogado"}
    assert [one.cause for one in desk.world.ledger.unlinks] == ["logout"]
    code = (await ask("GET", "/instance/pairing-code?phoneNumber=" + PHONE))[1]["pairingCode"]
    desk.world.phone(PHONE).scan(code)
    await asyncio.sleep(5)
    assert desk.world.truth("srv", line.name).alive


@wapi_scene
async def test_wapi_queues_while_disconnected_and_sends_later(desk: Desk, line: WapiInstance, ask: AskAs) -> None:
    inject(desk.world, "srv", line.name, Fault("drop", down_s=60))
    await asyncio.sleep(1)
    status, queued = await ask("POST", "/message/send-text", {"phone": CONTACT, "message": "espera"})
    assert status == 200
    assert (await ask("GET", "/quere/quere"))[1]["messages"][0]["insertedId"] == queued["insertedId"]
    assert desk.world.ledger.times_delivered(CONTACT, "espera") == 0
    await asyncio.sleep(200)
    assert desk.world.ledger.times_delivered(CONTACT, "espera") == 1
    assert desk.world.ledger.delivered[0].provider_id == queued["messageId"]


@wapi_scene
async def test_wapi_webhooks_and_their_variants(desk: Desk, line: WapiInstance, ask: AskAs) -> None:
    came = desk.world.contact_sends(PHONE, CONTACT, "olá")
    await ask("POST", "/message/send-text", {"phone": CONTACT, "message": "oi"})
    await asyncio.sleep(5)
    told = {body["event"]: body for _, _, body in desk.hooks}
    assert set(told) == {"webhookReceived", "webhookDelivery", "webhookStatus"}
    assert told["webhookReceived"]["msgContent"] == {"conversation": "olá"}
    assert told["webhookDelivery"]["fromApi"] is True
    assert told["webhookStatus"]["status"] == "DELIVERY_ACK"
    logged = (await ask("GET", "/webhook/fetch-webhook-logs?perPage=10&page=1"))[1]["logs"]
    assert any(came in one["body"] for one in logged)
    desk.hooks.clear()
    line.habits.lower_case = line.habits.eventless_status = True
    desk.world.contact_sends(PHONE, CONTACT, "minúsculas")
    await ask("POST", "/message/send-text", {"phone": CONTACT, "message": "oi"})
    await asyncio.sleep(5)
    assert any("msgcontent" in body and body["messageid"] for _, _, body in desk.hooks)
    assert any("event" not in body and body.get("status") == "DELIVERY_ACK" for _, _, body in desk.hooks)


@wapi_scene
async def test_wapi_ghost_says_connected_and_refuses_with_200(desk: Desk, line: WapiInstance, ask: AskAs) -> None:
    inject(desk.world, "srv", line.name, Fault("ghost"))
    assert (await ask("GET", "/instance/status-instance"))[1]["connected"] is True
    refused = await ask("POST", "/message/send-text", {"phone": CONTACT, "message": "x"})
    assert refused == (200, {"error": True, "message": "Connection Closed"})
    assert (await ask("GET", "/instance/restart"))[1]["error"] is False
    await asyncio.sleep(20)
    assert desk.world.truth("srv", line.name).alive
    assert not desk.world.ledger.unlinks


@wapi_scene
async def test_wapi_integrator(desk: Desk, line: WapiInstance, ask: AskAs) -> None:
    key = {"Authorization": "Bearer SIM-KEY"}
    made = (await desk.ask("POST", "/integrator/create-instance", {"instanceName": "nova"}, key))[1]
    assert (await desk.ask("GET", "/integrator/instances?pageSize=10&page=1", None, key))[1]["total"] == 2
    address = f"/instance/qr-code?image=disable&instanceId={made['instanceId']}"
    shown = (await desk.ask("GET", address, None, {"authorization": f"Bearer {made['token']}"}))[1]
    assert shown["qrcode"].startswith("data:image/png;base64,")
    gone = await desk.ask("DELETE", f"/integrator/delete-instance?instanceId={made['instanceId']}", None, key)
    assert gone[1]["error"] is False


# -- the faces and the adapters understand each other ------------------------------------------------------------

REFS = {
    "evolution": ({"apikey": "SIM-KEY"}, {"instance_name": "a"}, "http://srv.sim"),
    "baileys": ({"apikey": "SIM-KEY"}, {"session": "a"}, "http://srv.sim"),
    "wapi": ({}, {"instance_id": "a", "token": "tok"}, "http://srv.sim/v1"),
}


@pytest.mark.parametrize("kind", sorted(REFS))
def test_the_adapter_speaks_this_face(kind: str) -> None:
    """Look, send, look up, tell the ghost, bring it back where the dialect can: with the real adapter and driver."""

    async def main() -> None:
        credentials, ref, base_url = REFS[kind]
        desk = Desk(kind, base_url)
        desk.world.plant("srv", "a", PHONE, webhook_url="http://gw.sim/in/a", token="tok")
        provider = load().get(kind)
        where = SessionEndpoint(
            ServerName("srv"), base_url, credentials, "a", ref, "2.3.7", PHONE, webhook_url="http://gw.sim/in/a"
        )

        def now() -> float:
            return desk.world.now()

        async def kinds(depth: ProbeDepth) -> set[str]:
            outcome = await driver.run(provider.probe(where, now(), depth), desk.client)
            return {one.kind for one in outcome.evidence}

        assert "said_open" in await kinds("state")
        assert not {"socket_closed", "said_closed"} & await kinds("roundtrip")
        listed = await driver.run(provider.inventory(where, now()), desk.client)
        assert listed.entries is None or [entry.key for entry in listed.entries] == ["a"]
        message = OutgoingMessage(CONTACT, Content(kind="text", text="prova"))
        sent = await driver.run(provider.send(where, now(), message, 75.0), desk.client)
        assert sent.certainty == "accepted"
        assert desk.world.ledger.delivered[0].provider_id == sent.provider_id
        if provider.capabilities.message_list:
            query = SentQuery(CONTACT, message.content, now() - 60)
            found = await driver.run(provider.look_up(where, now(), query), desk.client)
            assert (found.result, found.provider_id) == ("found", sent.provider_id)
        inject(desk.world, "srv", "a", Fault("ghost"))
        assert "said_open" in await kinds("state")
        refused = await driver.run(provider.send(where, now(), message, 75.0), desk.client)
        assert (refused.certainty, refused.fault) == ("not_sent", "socket")
        if provider.capabilities.restart:
            assert (await driver.run(provider.restart(where, now()), desk.client)).answer == "ok"
            await asyncio.sleep(20)
            assert desk.world.truth("srv", "a").alive
        assert (await driver.run(provider.set_webhook(where, now()), desk.client)).answer in ("ok", "unsupported")
        desk.world.contact_sends(PHONE, CONTACT, "entrou")
        await asyncio.sleep(30)
        readings = [
            provider.read_webhook(where, msgspec.json.encode(body), "/in/a", now()) for _, _, body in desk.hooks
        ]
        assert all(reading.readable for reading in readings)
        heard = {
            of_type(ReceivedMessage, event).content.text
            for reading in readings
            for event in reading.events
            if hasattr(event, "push_name")
        }
        assert ("entrou" in heard) == (kind != "baileys" or desk.world.truth("srv", "a").alive)

    run_virtual(main, limit_s=3600)


def test_a_line_that_fails_for_weeks_still_tries_once_a_minute() -> None:
    """A banned line fails thousands of times in a week of the storm."""
    assert [doubling(5.0, 60.0, n) for n in (0, 1, 3, 4, 5000)] == [5.0, 10.0, 40.0, 60.0, 60.0]
