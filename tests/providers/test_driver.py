"""The driver against real sockets on loopback: what surely was not sent, what may have been, what it never does."""

import asyncio
import contextlib
import datetime as dt
import gzip
import math
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.web_request import Request
from aiohttp.web_response import Response
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from esteio.providers import driver
from esteio.providers.base import HttpRequest, HttpResponse, TransportFailed
from esteio.providers.classify import TOO_LARGE
from esteio.providers.driver import AiohttpTransport
from tests.narrowing import not_none


@contextlib.asynccontextmanager
async def served(handler: Callable[[Request], Awaitable[Response]], *, unix: Path | None = None) -> AsyncIterator[str]:
    """A real server for every path; yields its base URL."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.UnixSite(runner, str(unix)) if unix else web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield "" if unix else f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def raw(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[object]], *, hears_head: bool = True
) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A TCP server that reads a request's head and then does what `answer(reader, writer)` does."""
    heads: list[bytes] = []
    serving: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(not_none(asyncio.current_task()))
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            heads.append(await (reader.readuntil(b"\r\n\r\n") if hears_head else reader.read(16)))
            await answer(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads
    finally:
        server.close()
        await server.wait_closed()
        await asyncio.gather(*serving)


async def ok(_request: Request) -> Response:
    return web.Response()


async def exchange(
    url: str, *, transport: AiohttpTransport | None = None, method: str = "GET", timeout_s: float = 5.0, **request: Any
) -> HttpResponse:
    own = transport or AiohttpTransport()
    try:
        return await own.exchange(HttpRequest(method, url, timeout_s=timeout_s, **request))
    finally:
        if transport is None:
            await own.aclose()
            await own.aclose()  # double close is harmless


async def failure(url: str, **options: Any) -> TransportFailed:
    with pytest.raises(TransportFailed) as caught:
        await exchange(url, **options)
    return caught.value


def test_an_answer_comes_back_whole() -> None:
    async def hello(request: Request) -> Response:
        text = f"{request.method} {request.path} {request.headers['apikey']} {await request.text()}"
        return web.Response(text=text, status=418, headers={"X-Thing": "yes"})

    async def main() -> HttpResponse:
        async with served(hello) as base:
            return await exchange(f"{base}/a%2Fb", method="POST", body=b"{}", headers={"apikey": "k"})

    answer = asyncio.run(main())
    assert (answer.status, answer.headers["x-thing"]) == (418, "yes")
    assert answer.body == b"POST /a/b k {}"


def test_a_path_is_not_quoted_a_second_time() -> None:
    async def echo(request: Request) -> Response:
        return web.Response(text=request.raw_path)

    async def main() -> HttpResponse:
        async with served(echo) as base:
            return await exchange(f"{base}/s/Loja%20S%C3%A3o%2FPaulo?instanceName=a%2Bb%26c")

    assert asyncio.run(main()).body == b"/s/Loja%20S%C3%A3o%2FPaulo?instanceName=a%2Bb%26c"


def test_a_redirect_and_a_page_are_answers() -> None:
    async def away(_request: Request) -> Response:
        return web.Response(status=302, headers={"Location": "http://elsewhere.test/"})

    async def page(_request: Request) -> Response:
        return web.Response(text="<html>login</html>", content_type="text/html")

    async def main() -> tuple[HttpResponse, HttpResponse]:
        async with served(away) as base:
            first = await exchange(base)
        async with served(page) as base:
            return first, await exchange(base)

    away_answer, page_answer = asyncio.run(main())
    assert away_answer.status == 302
    assert page_answer.is_html


def test_a_refused_connection_was_surely_not_sent() -> None:
    async def main() -> TransportFailed:
        async with served(ok) as base:
            gone = base
        return await failure(gone, method="POST", body=b"{}")

    error = asyncio.run(main())
    assert (error.sent, error.timed_out, error.reason) == ("no", False, "the connection was refused")


@pytest.mark.parametrize(("url", "reason"), [("ftp://a.test/", "unknown scheme"), ("http://", ""), ("nothing", "")])
def test_a_url_that_is_none_was_surely_not_sent(url: str, reason: str) -> None:
    error = asyncio.run(failure(url))
    assert error.sent == "no"
    assert reason in error.reason


def test_a_header_that_cannot_be_written_is_a_failure_too() -> None:
    async def main() -> TransportFailed:
        async with served(ok) as base:
            return await failure(base, headers={"apikey": "a\r\nb"})

    assert asyncio.run(main()).reason.startswith("the exchange failed")


def test_a_connection_that_breaks_after_the_request_may_have_been_heard() -> None:
    async def drop(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async def main() -> tuple[TransportFailed, list[bytes]]:
        async with raw(drop) as (base, heads):
            return await failure(base, method="DELETE"), heads

    error, heads = asyncio.run(main())
    assert error.sent == "maybe"
    assert not error.ours
    assert len(heads) == 1  # a DELETE is a logout: the library must not repeat it


def test_a_kept_connection_that_turns_out_closed_is_not_tried_again() -> None:
    """The library's own repetition of GET, PUT and DELETE is off."""

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        await writer.drain()
        await reader.readuntil(b"\r\n\r\n")
        heads_seen.append("second")
        writer.transport.abort()

    heads_seen: list[str] = []

    async def main() -> tuple[TransportFailed, list[bytes]]:
        transport = AiohttpTransport()
        async with raw(once) as (base, heads):
            await exchange(base, transport=transport, method="DELETE")
            error = await failure(base, transport=transport, method="DELETE")
            await transport.aclose()
            return error, heads

    error, heads = asyncio.run(main())
    assert error.sent == "maybe"
    assert error.ours, "it may have ended long before: that is no news of the server"
    assert (len(heads), heads_seen) == (1, ["second"])


@pytest.mark.parametrize(
    "error",
    [aiohttp.ClientOSError(32, "Broken pipe"), aiohttp.ServerDisconnectedError(), ConnectionResetError()],
    ids=lambda error: type(error).__name__,
)
def test_a_connection_that_has_ended_is_told_from_one_that_ends_now(
    error: ConnectionResetError | aiohttp.ClientConnectionError,
) -> None:
    mark = driver.Mark(math.inf)
    mark.sent = "maybe"
    assert not driver.translated(error, mark, 8.0).ours
    mark.kept = True
    assert driver.translated(error, mark, 8.0).ours
    assert not driver.translated(aiohttp.ClientPayloadError(), mark, 8.0).ours, "an answer had begun"
    assert not driver.translated(TimeoutError(), mark, 8.0).ours


def test_a_time_out_that_we_were_too_busy_to_keep_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that is held up hears its timers before it hears the answers."""
    monkeypatch.setattr(driver, "LATE_S", 0.1)

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def main() -> tuple[TransportFailed, TransportFailed]:
        async with raw(silent) as (base, _):
            busy = asyncio.get_running_loop().call_later(0.1, time.sleep, 0.4)
            held_up = await failure(base, timeout_s=0.2)
            busy.cancel()
            monkeypatch.setattr(driver, "LATE_S", 60.0)
            return held_up, await failure(base, timeout_s=0.2)

    held_up, silence = asyncio.run(main())
    assert (held_up.timed_out, held_up.ours) == (True, True)
    assert (silence.timed_out, silence.ours) == (True, False)


def test_silence_is_in_doubt_and_timed_out() -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def main() -> TransportFailed:
        async with raw(silent) as (base, _):
            return await failure(base, timeout_s=0.05)

    error = asyncio.run(main())
    assert (error.sent, error.timed_out) == ("maybe", True)


def test_waiting_for_a_turn_sends_nothing_and_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "PLACE_WITHIN_S", 0.05)
    arrived = []

    async def main() -> TransportFailed:
        began, done = asyncio.Event(), asyncio.Event()

        async def silent(request: Request) -> Response:
            arrived.append(request.path)
            began.set()
            await done.wait()
            return web.Response()

        transport = AiohttpTransport(connections_per_host=1)
        async with served(silent) as base:
            first = asyncio.create_task(exchange(f"{base}/first", transport=transport, timeout_s=30))
            await began.wait()
            error = await failure(f"{base}/second", transport=transport, timeout_s=30)
            done.set()
            await first
            await exchange(f"{base}/third", transport=transport, timeout_s=30)
            await transport.aclose()
            return error

    error = asyncio.run(main())
    assert (error.sent, error.timed_out, error.crowded, arrived) == ("no", False, True, ["/first", "/third"])


def test_a_requests_own_time_begins_with_its_turn() -> None:
    """What waits behind our own requests is not taken for a server that does not answer."""

    async def main() -> list[HttpResponse]:
        began, done = asyncio.Event(), asyncio.Event()

        async def held(request: Request) -> Response:
            if request.path == "/first":
                began.set()
                await done.wait()
            return web.Response()

        transport = AiohttpTransport(connections_per_host=1)
        async with served(held) as base:
            first = asyncio.create_task(exchange(f"{base}/first", transport=transport, timeout_s=30))
            await began.wait()
            others = [asyncio.create_task(exchange(f"{base}/{n}", transport=transport, timeout_s=1)) for n in range(3)]
            async with served(held) as elsewhere:
                await exchange(f"{elsewhere}/beside", transport=transport, timeout_s=30)
            await asyncio.sleep(1.2)  # longer than their own time
            done.set()
            answers = await asyncio.gather(first, *others)
            await transport.aclose()
            return answers

    assert [answer.status for answer in asyncio.run(main())] == [200] * 4


def test_an_answer_that_breaks_off_or_never_ends_is_in_doubt() -> None:
    async def half(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{")
        await writer.drain()

    async def flood(_request: Request) -> Response:
        return web.Response(body=b"x" * 5000)

    async def main() -> tuple[TransportFailed, TransportFailed]:
        async with raw(half) as (base, _):
            broken = await failure(base)
        transport = AiohttpTransport(max_body_bytes=1000)
        async with served(flood) as base:
            large = await failure(base, transport=transport)
            await transport.aclose()
            return broken, large

    broken, large = asyncio.run(main())
    assert (broken.sent, broken.reason) == ("maybe", "the answer broke off")
    assert (large.sent, large.reason.startswith(TOO_LARGE)) == ("maybe", True)


def test_a_packed_answer_is_measured_unpacked() -> None:
    packed = gzip.compress(b"x" * 200_000)

    async def bomb(_request: Request) -> Response:
        return web.Response(body=packed, headers={"content-encoding": "gzip"})

    async def main() -> TransportFailed:
        transport = AiohttpTransport(max_body_bytes=1000)
        async with served(bomb) as base:
            error = await failure(base, transport=transport)
            await transport.aclose()
            return error

    assert len(packed) < 1000, "its length, as told, is harmless"
    assert asyncio.run(main()).reason.startswith(TOO_LARGE)


def test_a_failed_tls_handshake_sends_nothing_and_is_not_answered_by_plain_http() -> None:
    async def plain(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        await writer.drain()

    async def main() -> tuple[TransportFailed, list[bytes]]:
        async with raw(plain, hears_head=False) as (base, heads):
            return await failure(base.replace("http:", "https:"), headers={"apikey": "SECRET"}), heads

    error, heads = asyncio.run(main())
    assert (error.sent, error.reason.startswith("TLS")) == ("no", True)
    assert error.__cause__ is not None
    assert len(heads) == 1
    assert heads[0][:1] == b"\x16"  # a TLS hello, and nothing else


def own_certificate(folder: Path) -> ssl.SSLContext:
    """A server's side of TLS with a certificate that nobody but its owner trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    began = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(began)
        .not_valid_after(began + dt.timedelta(days=9))
        .sign(key, hashes.SHA256())
    )
    file = folder / "own.pem"
    unsealed = serialization.NoEncryption()
    pkcs8 = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unsealed)
    file.write_bytes(pkcs8 + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def test_each_cause_of_no_connection_has_its_own_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> tuple[TransportFailed, ...]:
        async def nowhere(*_args: str | int, **_more: Any) -> None:
            raise OSError("no such host")

        server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0, ssl=own_certificate(tmp_path))
        async with raw(broken, hears_head=False) as (plain, _), server:
            port = server.sockets[0].getsockname()[1]
            own = await failure(f"https://127.0.0.1:{port}/")
            tls = await failure(plain.replace("http:", "https:"))
            monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", nowhere)
            return own, tls, await failure("http://nobody.test/")

    async def broken(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    found = asyncio.run(main())
    assert [(error.cause, error.sent) for error in found] == [("certificate", "no"), ("tls", "no"), ("name", "no")]


def test_a_unix_socket_is_a_server_too(tmp_path: Path) -> None:
    socket = tmp_path / "e.sock"

    async def hello(request: Request) -> Response:
        return web.Response(text=request.path_qs)

    async def main() -> HttpResponse:
        async with served(hello, unix=socket):
            return await exchange(f"http+unix://{str(socket).replace('/', '%2F')}/a?b=1")

    assert asyncio.run(main()).body == b"/a?b=1"


@pytest.mark.parametrize("header", ["Authorization", "X-Access-Key"])
def test_the_trace_tells_no_secret_and_no_number(header: str) -> None:
    seen: list[Any] = []

    async def main() -> None:
        transport = AiohttpTransport(trace=seen.append)
        async with served(ok) as base:
            url = f"{base}/instance/K3Y/connect?number=5511999990001&x=K3Y"
            await exchange(url, transport=transport, headers={header: "Bearer K3Y", "Accept": "K", "X-Empty": ""})
            await failure("http://127.0.0.1:1/a", transport=transport)
            await transport.aclose()

    asyncio.run(main())
    first = seen[0]
    assert first.method == "GET"
    assert first.path == "/instance/[hidden]/connect?number=[hidden]&x=[hidden]"
    assert "K3Y" not in repr(seen)
    assert all(one.ms >= 0 for one in seen)


def test_a_cancelled_exchange_is_cancelled() -> None:
    async def main() -> None:
        began, done = asyncio.Event(), asyncio.Event()

        async def silent(_request: Request) -> Response:
            began.set()
            await done.wait()
            return web.Response()

        async with served(silent) as base:
            task = asyncio.create_task(exchange(base))
            await began.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            done.set()

    asyncio.run(main())
