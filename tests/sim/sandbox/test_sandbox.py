"""The sandbox by real HTTP on loopback: a person's whole round, power cuts and lost answers included."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.web_request import Request
from aiohttp.web_response import Response

from esteio.sim.sandbox.servers import Sandbox, serve_sandbox

KEY = {"apikey": "sandbox-key"}


class Receiver:
    """Somebody's webhook receiver."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/in", self.take)
        self.runner = web.AppRunner(app, access_log=None)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}/in"

    async def take(self, request: Request) -> Response:
        await self.told.put(await request.json())
        return web.Response()

    async def until(self, event: str) -> dict[str, Any]:
        while True:
            told = await asyncio.wait_for(self.told.get(), 20)
            if told["event"] == event:
                return told


def round_of(
    coroutine: Callable[[Sandbox, Receiver, aiohttp.ClientSession], Awaitable[None]],
) -> Callable[[], None]:
    def test() -> None:
        async def main() -> None:
            receiver = Receiver()
            await receiver.start()
            box = await serve_sandbox(evolution="127.0.0.1:0", baileys="127.0.0.1:0", wapi="127.0.0.1:0")
            box.world.handshake_s = box.world.post_login_s = box.world.device_ack_s = (0.0, 0.01)
            try:
                async with aiohttp.ClientSession() as http:
                    await coroutine(box, receiver, http)
            finally:
                await box.aclose()
                await receiver.runner.cleanup()

        asyncio.run(main())

    test.__name__ = coroutine.__name__
    return test


async def said(
    http: aiohttp.ClientSession,
    method: str,
    url: str,
    json: list[int] | dict[str, Any] | None = None,
    headers: dict[str, str] = KEY,
) -> tuple[int, dict[str, Any]]:
    async with http.request(method, url, json=json, headers=headers) as answer:
        return answer.status, await answer.json()


async def create(box: Sandbox, receiver: Receiver, http: aiohttp.ClientSession, name: str = "loja") -> dict[str, Any]:
    hook = {"url": receiver.url, "events": ["CONNECTION_UPDATE", "MESSAGES_UPSERT", "QRCODE_UPDATED"]}
    body = {"instanceName": name, "integration": "WHATSAPP-BAILEYS", "webhook": hook}
    assert (await said(http, "POST", f"{box.urls['evolution']}/instance/create", body))[0] == 201
    status, answer = await said(http, "GET", f"{box.urls['evolution']}/instance/connect/{name}")
    assert status == 200
    return answer


@round_of
async def test_a_persons_round(box: Sandbox, receiver: Receiver, http: aiohttp.ClientSession) -> None:
    answer = await create(box, receiver, http)
    assert base64.b64decode(answer["base64"].partition(",")[2])[:8] == b"\x89PNG\r\n\x1a\n"
    assert (await receiver.until("qrcode.updated"))["data"]["qrcode"]["code"] == answer["code"]
    control = f"{box.urls['control']}/_sandbox"
    status, paired = await said(http, "POST", f"{control}/scan", {"session": "loja"})
    assert (status, paired["paired"]) == (200, True)
    assert (await said(http, "POST", f"{control}/scan", {"code": answer["code"]}))[0] == 409
    while (await receiver.until("connection.update"))["data"]["state"] != "open":
        pass
    sent = {"to": "loja", "from": "5511988887777", "text": "bom dia"}
    provider_id = (await said(http, "POST", f"{box.urls['evolution']}/_sandbox/contact-sends", sent))[1]["provider_id"]
    assert (await receiver.until("messages.upsert"))["data"]["key"]["id"] == provider_id
    message = {"number": "5511988887777", "text": "olá"}
    status, out = await said(http, "POST", f"{box.urls['evolution']}/message/sendText/loja", message)
    assert (status, out["status"]) == (201, "PENDING")
    ledger = (await said(http, "GET", f"{control}/ledger"))[1]
    assert [one["text"] for one in ledger["delivered"]] == ["olá"]
    assert ledger["inbound"][0]["emitted"][0]["answered"] == 200
    status, broken = await said(http, "POST", f"{control}/fault", {"session": "loja", "kind": "ghost"})
    assert (status, broken["injected"]) == (200, "ghost")
    (session,) = (await said(http, "GET", f"{control}/truth"))[1]["sessions"]
    assert (session["claim"], session["registry"], session["alive"]) == ("open", "open", False)
    status, closed = await said(http, "POST", f"{box.urls['evolution']}/message/sendText/loja", message)
    assert (status, closed["response"]["message"]) == (400, ["Error: Connection Closed"])
    assert (await said(http, "POST", f"{control}/heal", {"session": "loja"}))[0] == 200
    while (await receiver.until("connection.update"))["data"]["state"] != "open":
        pass
    assert (await said(http, "GET", f"{control}/truth"))[1]["sessions"][0]["alive"] is True


@round_of
async def test_other_dialects_listen_too(box: Sandbox, receiver: Receiver, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{box.urls['baileys']}/health") as answer:
        assert (await answer.json())["status"] == "ok"
    key = {"Authorization": "Bearer sandbox-key"}
    status, made = await said(
        http, "POST", f"{box.urls['wapi']}/integrator/create-instance", {"instanceName": "x"}, key
    )
    assert (status, made["error"]) == (200, False)
    assert box.urls["wapi"].endswith("/v1")


@round_of
async def test_a_server_that_is_down_refuses_connections_and_control_goes_on(
    box: Sandbox, receiver: Receiver, http: aiohttp.ClientSession
) -> None:
    control = f"{box.urls['control']}/_sandbox"
    root = f"{box.urls['evolution']}/"
    assert (await said(http, "GET", root))[0] == 200
    await said(http, "POST", f"{control}/fault", {"server": "evolution", "kind": "server_down"})
    for _ in range(100):
        try:
            await said(http, "GET", root)
        except aiohttp.ClientConnectorError:
            break
        except aiohttp.ClientError:
            await asyncio.sleep(0.01)
    else:
        raise AssertionError("it still listens")
    await said(http, "POST", f"{control}/heal", {"server": "evolution"})
    for _ in range(100):
        try:
            assert (await said(http, "GET", root))[0] == 200
            break
        except aiohttp.ClientError:
            await asyncio.sleep(0.01)
    else:
        raise AssertionError("it never came back")


@round_of
async def test_lost_answers_are_resets_or_silence(
    box: Sandbox, receiver: Receiver, http: aiohttp.ClientSession
) -> None:
    answer = await create(box, receiver, http)
    control = f"{box.urls['control']}/_sandbox"
    await said(http, "POST", f"{control}/scan", {"code": answer["code"], "number": "5511955550009"})
    while (await receiver.until("connection.update"))["data"]["state"] != "open":
        pass
    send = f"{box.urls['evolution']}/message/sendText/loja"
    await said(http, "POST", f"{control}/fault", {"session": "loja", "kind": "lost_response", "how": "cut"})
    with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
        await said(http, "POST", send, {"number": "5511988887777", "text": "um"})
    await said(http, "POST", f"{control}/fault", {"session": "loja", "kind": "lost_response", "how": "hang"})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await said(http, "POST", send, {"number": "5511988887777", "text": "dois"})
    assert [one.text for one in box.world.ledger.delivered] == ["um", "dois"]


@round_of
async def test_wrong_control_calls_get_a_clear_no(
    box: Sandbox, receiver: Receiver, http: aiohttp.ClientSession
) -> None:
    control = f"{box.urls['control']}/_sandbox"
    assert (await said(http, "POST", f"{control}/dance", {}))[0] == 404
    assert (await said(http, "POST", f"{control}/scan", {"session": "nobody"}))[0] == 404
    assert (await said(http, "POST", f"{control}/fault", {"server": "evolution", "kind": "gremlin"}))[0] == 400
    wrong = {"server": "evolution", "kind": "server_down", "variant": "gremlin"}
    assert (await said(http, "POST", f"{control}/fault", wrong))[0] == 400
    assert "name the server" in str(await said(http, "POST", f"{control}/restart-server", {"down_s": 1}))
    assert (await said(http, "POST", f"{control}/fault", {"server": "nobody", "kind": "slow"}))[0] == 404
    assert (await said(http, "POST", f"{control}/restart-server", {"server": "evolution", "down_s": "x"}))[0] == 400
    async with http.post(f"{control}/scan", data=b"{") as answer:
        assert answer.status == 400
    assert (await said(http, "POST", f"{control}/scan", [1]))[0] == 400


@round_of
async def test_the_page_speaks_two_languages(box: Sandbox, receiver: Receiver, http: aiohttp.ClientSession) -> None:
    for accept, word in (("pt-BR,pt;q=0.9", "Sessões"), ("en-GB", "Sessions"), ("", "Sessões")):
        async with http.get(f"{box.urls['evolution']}/_sandbox/", headers={"accept-language": accept}) as answer:
            text = await answer.text()
            assert answer.headers["content-type"].startswith("text/html")
            assert word in text


def test_a_port_in_use_is_an_error_and_nothing_stays_open() -> None:
    async def main() -> None:
        first = await serve_sandbox(evolution="127.0.0.1:0")
        taken = first.urls["evolution"].removeprefix("http://")
        with pytest.raises(OSError, match="address already in use"):
            await serve_sandbox(baileys="127.0.0.1:0", evolution=taken)
        await first.aclose()
        await first.aclose()

    asyncio.run(main())
