"""Bounds of a connection, over real sockets: heads, half requests, too many; a whole request is served."""

from __future__ import annotations

import asyncio
import json
import resource
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import pytest

from esteio.cli import connections
from esteio.cli.connections import BoundedProtocol, Dropped, raise_file_limit
from esteio.cli.listen import bind, server
from tests.narrowing import of_type

LARGE = 64 * 2**20
GET = b"GET /x HTTP/1.1\r\nhost: x\r\n"


async def echo(
    scope: dict[str, Any], receive: Callable[..., Awaitable[Any]], send: Callable[..., Awaitable[None]]
) -> None:
    """Answers with the size of the body, once it is whole; `/large` with more than any buffer holds."""
    if scope["path"] == "/large":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % LARGE)]})
        await send({"type": "http.response.body", "body": bytes(LARGE)})
        return
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(str(size)))]})
    await send({"type": "http.response.body", "body": str(size).encode()})


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def ask(self, *pieces: bytes) -> tuple[int, bytes]:
        """(status, body) of the next answer."""
        await self.send(*pieces)
        return await self.answer()

    async def answer(self) -> tuple[int, bytes]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        size = next(int(line.split(":")[1]) for line in head.split("\r\n") if line.startswith("content-length"))
        return int(head.split()[1]), await self.reader.readexactly(size)

    async def ended(self) -> bool:
        try:
            return await self.reader.read() == b""
        except ConnectionResetError:
            return True


Connect = Callable[[], Awaitable[Client]]


class Real(Protocol):
    def __call__(self, test: Callable[[Connect], Awaitable[None]], **changes: Any) -> None: ...


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> Real:
    """Runs `async def test(connect)` against a real listener."""

    def runner(test: Callable[[Connect], Awaitable[None]], **changes: Any) -> None:
        for name, value in changes.items():
            monkeypatch.setattr(BoundedProtocol if name == "most" else connections, name, value)

        async def whole() -> None:
            bound = bind("127.0.0.1:0")
            running = server(echo)
            serving = asyncio.create_task(running.serve([bound]))
            opened = []

            async def connect() -> Client:
                opened.append(Client(*await asyncio.open_connection(*bound.getsockname()[:2], limit=2**20)))
                return opened[-1]

            try:
                async with asyncio.timeout(60):
                    await test(connect)
            finally:
                for one in opened:
                    one.writer.close()
                running.should_exit = True
                await serving
                bound.close()

        asyncio.run(whole())

    return runner


def test_requests_within_the_bounds_are_served_again_and_again(real: Real) -> None:
    async def test(connect: Connect) -> None:
        client = await connect()
        big = b"x-long: " + b"a" * 60_000 + b"\r\n"
        for head in (GET, GET + big, GET):
            assert await client.ask(head, b"\r\n") == (200, b"0")
        body = b"b" * 300_000
        assert await client.ask(b"POST / HTTP/1.1\r\ncontent-length: 300000\r\n\r\n", body) == (200, b"300000")
        # Pipelined.
        await client.send(GET + b"\r\n" + GET + b"\r\n")
        assert [await client.answer(), await client.answer()] == [(200, b"0"), (200, b"0")]

    real(test)


@pytest.mark.parametrize(
    "pieces",
    [
        [GET + b"x-long: " + b"a" * 80_000 + b"\r\n\r\n"],
        [GET + b"x-long: ", *([b"a" * 20_000] * 8)],
        [GET, *([b"x-many: " + b"a" * 1000 + b"\r\n"] * 100)],
        [b"GET /" + b"a" * 80_000],
        [b"\r\n" * 40_000],
        [b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1;", *([b"a" * 20_000] * 40)],
    ],
    ids=["one", "never ends", "many", "address", "blank lines", "chunk extension"],
)
def test_a_head_that_is_too_large_is_refused(real: Real, pieces: list[bytes]) -> None:
    async def test(connect: Connect) -> None:
        client = await connect()
        try:
            await client.send(*pieces)
        except ConnectionError:
            return
        status, body = await client.answer()
        assert (status, json.loads(body)["code"]) == (431, "header-too-large")
        assert await client.ended()

    real(test)


def test_unused_connections_are_kept_longer_than_clients_keep_them() -> None:
    assert server(echo).config.timeout_keep_alive >= 75


def test_what_is_no_http_is_a_problem(real: Real) -> None:
    async def test(connect: Connect) -> None:
        status, body = await (await connect()).ask(b"\x16\x03\x01 hello\r\n\r\n")
        assert (status, json.loads(body)["code"]) == (400, "invalid-http")

    real(test)


@pytest.mark.parametrize(
    "half",
    [GET, b"G", b"POST / HTTP/1.1\r\ncontent-length: 10\r\n\r\nabc"],
    ids=["head", "first byte", "body"],
)
def test_half_a_request_is_given_up(real: Real, half: bytes) -> None:
    async def test(connect: Connect) -> None:
        client = await connect()
        status, body = await client.ask(half)
        assert (status, json.loads(body)["code"]) == (408, "request-timeout")
        assert await client.ended()
        again = await connect()
        assert await again.ask(GET + b"\r\n") == (200, b"0")
        # The same on a connection that was good for a request before.
        status, _ = await again.ask(half)
        assert status == 408

    real(test, HEAD_S=0.05, BODY_STALLS_S=0.05)


def test_who_does_not_read_is_hung_up_on(real: Real) -> None:
    async def test(connect: Connect) -> None:
        client = await connect()
        transport = of_type(asyncio.Transport, client.writer.transport)
        transport.pause_reading()
        await client.send(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
        other = await connect()
        while connections.DROPPED.total["not_read"] == 0:
            assert await other.ask(GET + b"\r\n") == (200, b"0")
        transport.resume_reading()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await client.answer()

    real(test, NOT_READ_S=0.2, DROPPED=Dropped())


def test_who_says_nothing_is_hung_up_on(real: Real) -> None:
    async def test(connect: Connect) -> None:
        assert await (await connect()).ended()

    real(test, HEAD_S=0.05)


def test_at_the_most_the_oldest_that_is_not_answered_goes(real: Real) -> None:
    async def test(connect: Connect) -> None:
        halves = [await connect() for _ in range(8)]
        for half in halves:
            await half.send(GET)
        for _ in range(20):
            assert await (await connect()).ask(GET + b"\r\n") == (200, b"0")
        assert [await half.ended() for half in halves] == [True] * 8

    real(test, most=8)


class Lines:
    """The log as a list."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, Any]] = []

    def warning(self, event: str, **words: Any) -> None:
        self.lines.append((event, words))

    info = warning


def test_dropped_connections_are_said_at_once_and_then_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Lines()
    monkeypatch.setattr(connections, "log", log)
    dropped = Dropped()
    for second in range(150):
        dropped("too_many", float(second))
    assert log.lines == [("connections.dropped", {"causes": [f"too_many:{count}"]}) for count in (1, 60, 60)]


def test_the_soft_limit_of_files_is_raised_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Lines()
    monkeypatch.setattr(connections, "log", log)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        room = raise_file_limit()
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        assert soft > 256
        assert 64 <= room < soft
        assert log.lines == [("files.limit_set", {"soft": soft, "hard": before[1]})]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
