"""A gateway that serves on loopback, before a server of which a test writes every byte.

The engine's tasks do not run but the one that writes the journal: the judge would ask the server as well. `Stub.heads`
and `Stub.bodies` are what the server was really sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import msgspec
from cryptography.fernet import Fernet
from yarl import URL

from esteio.cli.listen import server
from esteio.clock import SystemClock
from esteio.config import Settings
from esteio.core.model.evidence import Evidence
from esteio.engine.commands.requests import KeyRequest
from esteio.engine.delivery.notices import LogNotifier
from esteio.engine.key_scope import EVERYTHING
from esteio.gateway import Gateway
from esteio.providers.driver import AiohttpTransport
from esteio.providers.forward import Forward
from esteio.providers.registry import load
from esteio.store.base import JournalEntry
from esteio.store.sqlite import SqliteStore
from esteio.texts import catalogue
from esteio.vault import Vault

ADMIN = "an-admin-key-of-the-tests"
SECRET = "the-servers-own-secret-key"
Answer = Callable[["Asked"], Awaitable[None]]


class Asked:
    """One request at the stub, and the connection that it came on."""

    def __init__(self, head: bytes, body: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *rest = head.decode("latin-1").split("\r\n")
        self.line, self.body, self.reader, self.writer = line, body, reader, writer
        self.headers = {name.lower(): text for name, _, text in (one.partition(": ") for one in rest if one)}

    async def say(self, *pieces: bytes) -> None:
        """These bytes, each in a write of its own."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0)


def plain(status: int, body: bytes, *headers: str) -> bytes:
    """A whole answer of a server."""
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Stub:
    """A server on loopback; every request is answered by `answer`."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answer: Answer = _nothing_here
        self._tasks: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks[task] = writer
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n"))[:-4]
                asked = Asked(head, b"", reader, writer)
                asked.body = await reader.readexactly(int(asked.headers.get("content-length", "0")))
                self.asked.append(asked)
                await self.answer(asked)
                if writer.is_closing():
                    break
        writer.close()

    async def stop(self) -> None:
        for task, writer in self._tasks.items():
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _nothing_here(asked: Asked) -> None:
    await asked.say(plain(404, b"{}"))


class Stage:
    """What a test holds."""

    def __init__(self, gateway: Gateway, stub: Stub, url: str, http: aiohttp.ClientSession) -> None:
        self.gateway, self.stub, self.url, self.http = gateway, stub, url, http
        self.told: list[Evidence] = []

    async def call(
        self, method: str, path: str, body: bytes | None = None, *, key: str | None = ADMIN, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """One request at the door; header names are given with underscores."""
        sent = {"accept-language": "en", **{name.replace("_", "-"): text for name, text in headers.items()}}
        if key is not None:
            sent["apikey"] = key
        async with self.http.request(
            method, URL(self.url + path, encoded=True), data=body, headers=sent, allow_redirects=False
        ) as answer:
            found = {name.lower(): text for name, text in answer.headers.items()}
            return answer.status, found, await answer.read()

    async def refused(self, method: str, path: str, body: bytes | None = None, **more: Any) -> tuple[int, str]:
        """One request that must be answered in Evolution's envelope: its status and our code."""
        status, _, text = await self.call(method, path, body, **more)
        told = msgspec.json.decode(text)
        assert told["status"] == status
        assert told["response"]["message"]
        return status, told.get("code", "")

    async def key(self, role: str, *sessions: str) -> str:
        request = KeyRequest("test", role, sessions or msgspec.UNSET)  # type: ignore[arg-type]
        return (await self.gateway.commands.keys.create(request))[1]

    async def add(self, name: str, kind: str = "evolution", **ref: str) -> None:
        """A session on a server of this kind, which is the stub."""
        headers = {"authorization": f"Bearer {ADMIN}"}
        root = self.url.removesuffix("/evolution")
        body: dict[str, Any] = {"name": name, "server": kind, "wait_s": 0, "ref": ref}
        async with self.http.post(f"{root}/v1/sessions", json=body, headers=headers) as answer:
            assert answer.status == 201, await answer.text()

    async def lines(self, name: str = "loja") -> list[JournalEntry]:
        """What the session's timeline tells of calls that were handed through."""
        await self.gateway.passed_journal.aclose(0)
        session = await self.gateway.commands.lookup.session(name, EVERYTHING)
        page = await self.gateway.store.journal.page(session.id, 0, 1000)
        return [one for one in page if one.kind == "operator"]


@contextlib.asynccontextmanager
async def staged(**settings: Any) -> AsyncIterator[Stage]:
    """The gateway, serving; the stub behind it, as servers `evolution` and `baileys`; the session `loja`."""
    stub = Stub()
    behind = await asyncio.start_server(stub.serve, "127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{behind.sockets[0].getsockname()[1]}"
    gateway = Gateway(
        Settings(admin_key=ADMIN, **settings),
        store=SqliteStore.memory(),
        clock=SystemClock(),
        transport=AiohttpTransport(),
        forward=Forward(max_body_bytes=1 << 20),
        registry=load([]),
        vault=Vault(Fernet.generate_key()),
        notifier=LogNotifier(catalogue("en")),
    )
    await gateway.store.start(gateway.clock.now())
    await gateway.audit.begin()
    await gateway.scheduler.aclose()
    serving, address = server(gateway.app), socket.create_server(("127.0.0.1", 0))
    task = asyncio.ensure_future(serving.serve(sockets=[address]))
    while not serving.started:
        await asyncio.sleep(0.001)
    http = aiohttp.ClientSession(auto_decompress=False)
    stage = Stage(gateway, stub, f"http://127.0.0.1:{address.getsockname()[1]}/evolution", http)
    gateway.passed._observed = lambda key, found: stage.told.extend(found)
    try:
        for kind in ("evolution", "baileys"):
            body = {"name": kind, "kind": kind, "base_url": base_url, "credentials": {"apikey": SECRET}}
            headers = {"authorization": f"Bearer {ADMIN}"}
            async with http.post(
                stage.url.removesuffix("/evolution") + "/v1/servers", json=body, headers=headers
            ) as one:
                assert one.status == 201, await one.text()
        await stage.add("loja", instance_name="loja 1")
        yield stage
    finally:
        await http.close()
        serving.should_exit = True
        await stub.stop()
        behind.close()
        await task
        for transport in (gateway.transport, gateway._forward):
            await transport.aclose()
        await gateway.store.aclose()


def play(test: Callable[[Stage], Awaitable[None]], **settings: Any) -> None:
    """Run one test on a fresh stage."""

    async def whole() -> None:
        async with staged(**settings) as stage:
            async with asyncio.timeout(60):
                await test(stage)

    asyncio.run(whole())
