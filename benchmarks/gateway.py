"""A gateway as people run it (`esteio serve`, SQLite in a new directory), with sessions adopted at the stub.

Everything is asked for through the API, and what became of the messages is read there too.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from benchmarks.processes import Child, Failed, child, free_port
from benchmarks.stub import Tally

KEY = "bench-admin-key-0123456789"
SEALED_WITH = "bench-word-0123456789"
"""What nodes of one database seal its secrets with."""
PROVIDER_KEY = "provider-key-that-nothing-else-spells"
READY_S = 30.0
SETTLED_S = 120.0
LOOK_EVERY_S = 0.05
PAGE = 500


class Api:
    """A client of one gateway."""

    def __init__(self, http: aiohttp.ClientSession, port: int, process: Child) -> None:
        self._http, self.port, self.process = http, port, process

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """The answer's JSON. Raises `Failed` when it is no success."""
        url = f"http://127.0.0.1:{self.port}{path}"
        async with self._http.request(method, url, json=body, headers={"apikey": KEY}) as answer:
            text = await answer.read()
            if answer.status >= 300:
                raise Failed(f"{method} {path} answered {answer.status}: {text[:500]!r}")
            return msgspec.json.decode(text) if text else None

    async def text(self, path: str) -> str:
        """What stands there, as it is. Raises `Failed` when it is no success."""
        url = f"http://127.0.0.1:{self.port}{path}"
        async with self._http.get(url, headers={"apikey": KEY}) as answer:
            if answer.status >= 300:
                raise Failed(f"GET {path} answered {answer.status}")
            return await answer.text()

    async def adopt(self, provider_port: int, sessions: int) -> list[str]:
        """Sessions that are connected at the stub: their names."""
        base_url = f"http://127.0.0.1:{provider_port}"
        server = {"name": "stub", "kind": "evolution", "base_url": base_url, "credentials": {"apikey": PROVIDER_KEY}}
        await self.call("POST", "/v1/servers", server)
        names = [f"bench-{number:03d}" for number in range(sessions)]
        for name in names:
            await self.call("POST", "/v1/sessions", {"name": name, "server": "stub", "adopt": True, "wait_s": 0})
        for name in names:
            await self._connected(name)
        return names

    async def _connected(self, name: str) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + READY_S
        while (found := await self.call("GET", f"/v1/sessions/{name}"))["state"] != "connected":
            if loop.time() > end:
                raise Failed(f"session {name} is not connected: {found['state']}, {found['reason']}")
            await asyncio.sleep(LOOK_EVERY_S)

    async def states(self, names: list[str], direction: str = "out") -> tuple[Counter[str], float]:
        """How many messages stand in which state, and when the last of them was written (epoch seconds)."""
        states: Counter[str] = Counter()
        last = ""
        for name in names:
            after: str | None = None
            while True:
                query = f"?direction={direction}&limit={PAGE}" + (f"&after={after}" if after else "")
                page = await self.call("GET", f"/v1/sessions/{name}/messages{query}")
                states.update(item["state"] for item in page["items"])
                last = max(last, *(item["updated_at"] for item in page["items"])) if page["items"] else last
                after = page["next"]
                if after is None:
                    break
        return states, dt.datetime.fromisoformat(last).timestamp() if last else 0.0


@asynccontextmanager
async def gateway(
    directory: Path,
    profile: Path | None = None,
    *,
    data: Path | None = None,
    settings: Path | None = None,
    database: str | None = None,
    trace: Path | None = None,
) -> AsyncIterator[Api]:
    """The gateway while the block runs. `profile`: it runs under cProfile, and its figures mean nothing. `trace`: it
    notes its steps there (`tail`). `data`: what it finds there; without it, nothing. `database`: the address of one
    that several may share."""
    port = free_port()
    data = data or directory / f"data-{port}"
    serve = ["serve", "--listen", f"127.0.0.1:{port}", "--data", str(data)]
    serve += ["--config", str(settings)] if settings else []
    serve += ["--database", database] if database else []
    watched = ["-m", "cProfile", "-o", str(profile), "-m", "esteio"] if profile else ["-m", "esteio"]
    watched = ["-m", "benchmarks.tail.traced", str(trace), "esteio"] if trace else watched
    async with (
        child(
            [*watched, *serve],
            directory,
            f"gateway-{port}",
            extra={
                "ESTEIO_ADMIN_KEY": KEY,
                "ESTEIO_ALLOW_TARGETS": "127.0.0.0/8",
                **({"ESTEIO_SECRET_KEY": SEALED_WITH, "ESTEIO_NODE": f"node-{port}"} if database else {}),
            },
            # Only this one lets who watches write what it has.
            end_by=signal.SIGINT if profile or trace else signal.SIGTERM,
            output=asyncio.subprocess.DEVNULL,
        ) as running,
        aiohttp.ClientSession() as http,
    ):
        api = Api(http, port, running)
        await _ready(api)
        yield api


async def _ready(api: Api) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + READY_S
    while True:
        try:
            await api.call("GET", "/readyz")
            return
        except (aiohttp.ClientError, Failed) as error:
            if loop.time() > end or not api.process.alive:
                raise Failed(f"the gateway did not start: {api.process.last_words()}") from error
        await asyncio.sleep(LOOK_EVERY_S)


async def seen_by(provider_port: int) -> Tally:
    """What the stub has seen."""
    url = f"http://127.0.0.1:{provider_port}/_bench/seen"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        return msgspec.json.decode(await answer.read(), type=Tally)


async def until_seen(provider_port: int, messages: int) -> Tally:
    """Wait until the stub has seen so many. Raises `Failed` when it does not in time."""
    loop = asyncio.get_running_loop()
    end = loop.time() + SETTLED_S
    while (tally := await seen_by(provider_port)).messages < messages:
        if loop.time() > end:
            raise Failed(f"only {tally.messages} of {messages} messages reached the provider")
        await asyncio.sleep(LOOK_EVERY_S)
    return tally
