"""The address that a client gives for its webhooks, and what came there."""

from __future__ import annotations

import asyncio
import mimetypes
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from esteio.sim.providers.evolution.payloads import BLANK_PNG

PATIENCE_S = 60.0
PICTURE = BLANK_PNG.partition(",")[2]


class Hooks:
    """Every event that came, in order. `url`: where they come; `files`: where `a.png`, `a.mp4` and `a.mp3` can be
    fetched."""

    def __init__(self) -> None:
        self.url = self.files = ""
        self.events: list[dict[str, Any]] = []
        self._came = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        self.events.append(await request.json())
        self._came.set()
        return web.Response()

    async def show(self, request: web.Request) -> web.Response:
        kind = mimetypes.guess_type(request.match_info["name"])[0] or ""
        return web.Response(body=b64decode(PICTURE) if kind == "image/png" else bytes(64), content_type=kind)

    def of(self, instance: str, kind: str) -> list[Any]:
        """What the events of one kind hold as their data."""
        return [one["data"] for one in self.events if one["instance"] == instance and one["event"] == kind]

    async def until(self, what: str, holds: Callable[[], bool]) -> None:
        """Wait until it holds."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not holds():
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            told = [(one["event"], one["instance"], one.get("data")) for one in self.events]
            raise AssertionError(f"never came: {what}; came: {told}") from None


@asynccontextmanager
async def listening() -> AsyncIterator[Hooks]:
    hooks = Hooks()
    app = web.Application(client_max_size=16 * 1024 * 1024)
    app.router.add_get("/files/{name}", hooks.show)
    app.router.add_post("/{tail:.*}", hooks.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        hooks.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        hooks.files = f"http://127.0.0.1:{runner.addresses[0][1]}/files"
        yield hooks
    finally:
        await runner.cleanup()
