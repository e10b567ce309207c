"""The road to addresses that callers named, over real sockets: asked at every connect, never led elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.web_request import Request
from aiohttp.web_response import Response

from esteio.config import Settings
from esteio.deployment import public_transport
from esteio.engine.url_guard import may_reach
from esteio.providers.base import HttpRequest, HttpResponse, TransportFailed
from esteio.providers.driver import NOT_ALLOWED, AiohttpTransport


@contextlib.asynccontextmanager
async def served(handler: Callable[[Request], Awaitable[Response]]) -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def post(transport: AiohttpTransport, url: str) -> HttpResponse:
    try:
        return await transport.exchange(HttpRequest("POST", url, body=b"{}", timeout_s=5.0))
    finally:
        await transport.aclose()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "[::ffff:127.0.0.1]", "0.0.0.0"])
def test_nothing_is_even_connected_to_inside(host: str) -> None:
    async def main() -> None:
        came = []

        async def handler(request: Request) -> Response:
            came.append(request)
            return web.Response()

        async with served(handler) as port:
            with pytest.raises(TransportFailed) as failed:
                await post(public_transport(Settings()), f"http://{host}:{port}/hook")
            assert failed.value.sent == "no"
            assert not came
            if host == "127.0.0.1":
                assert failed.value.reason == NOT_ALLOWED

    asyncio.run(main())


def test_what_the_settings_name_is_reached() -> None:
    async def main() -> None:
        async def handler(request: Request) -> Response:
            return web.Response(status=202)

        async with served(handler) as port:
            road = public_transport(Settings(allow_targets=("127.0.0.0/8",)))
            assert (await post(road, f"http://127.0.0.1:{port}/hook")).status == 202

    asyncio.run(main())


def test_a_name_that_was_public_when_it_was_registered_and_now_leads_inside_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DNS rebinding: whatever was checked before, the address of the socket decides."""

    async def main() -> None:
        came = []

        async def handler(request: Request) -> Response:
            came.append(request)
            return web.Response()

        async with served(handler) as port:
            loop = asyncio.get_running_loop()

            async def rebound(
                host: str, _port: int, **_: Any
            ) -> list[tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int]]]:
                return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

            monkeypatch.setattr(loop, "getaddrinfo", rebound)
            with pytest.raises(TransportFailed) as failed:
                await post(public_transport(Settings()), f"http://hooks.example:{port}/hook")
            assert failed.value.reason == NOT_ALLOWED
            assert not came

    asyncio.run(main())


def test_a_redirect_inside_is_not_followed() -> None:
    async def main() -> None:
        paths = []

        async def handler(request: Request) -> Response:
            paths.append(request.path)
            return web.Response(status=307, headers={"location": "/secret"})

        async with served(handler) as port:
            road = public_transport(Settings(allow_targets=("127.0.0.0/8",)))
            assert (await post(road, f"http://127.0.0.1:{port}/hook")).status == 307
            assert paths == ["/hook"]

    asyncio.run(main())


def test_a_unix_socket_is_no_target() -> None:
    async def main() -> None:
        with pytest.raises(TransportFailed) as failed:
            await post(public_transport(Settings(allow_targets=("0.0.0.0/0",))), "http+unix://%2Fvar%2Frun%2Fx.sock/y")
        assert failed.value.sent == "no"

    asyncio.run(main())


def test_of_a_large_answer_only_the_beginning_is_read_and_its_status_counts() -> None:
    async def main() -> None:
        async def handler(request: Request) -> Response:
            return web.Response(body=b"x" * 5_000_000)

        async with served(handler) as port:
            road = public_transport(Settings(allow_targets=("127.0.0.0/8",)))
            answer = await post(road, f"http://127.0.0.1:{port}/hook")
            assert (answer.status, answer.body) == (200, b"x" * 4096)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("address", "may"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("10.0.0.1", False),
        ("172.16.0.1", False),
        ("192.168.0.1", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("no address", False),
        ("10.9.0.1", True),
    ],
)
def test_which_addresses(address: str, may: bool) -> None:
    assert may_reach(address, (ipaddress.ip_network("10.9.0.0/16"),)) is may
