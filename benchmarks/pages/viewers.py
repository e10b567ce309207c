"""Open pages without a browser: each listens to the stream and asks for the page anew as the script does (`esteio.js`).

They are in one process and read each page whole, so that what they see is what a browser would be handed. Never lives
here: what is asked of them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

import aiohttp

REST_S = 1.0
"""Between two drawings, as in the script."""
_PAUSED = re.compile(r'id="chip-paused"><a[^>]*>.*?<b>([\d.,]+)</b>')


class Viewer:
    """One open page. `paused`: how many sessions it shows as paused; `drawings` and `bytes`: what it was sent."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http, self._url = http, url
        self.paused, self.drawings, self.bytes = 0, 0, 0
        self.true_at = 0.0
        self._changed = asyncio.Event()
        self.listening = asyncio.Event()

    async def run(self) -> None:
        """Until it is cancelled."""
        await asyncio.gather(self._listen(), self._draw())

    async def _listen(self) -> None:
        endless = aiohttp.ClientTimeout(total=None)
        async with self._http.get(f"{self._url}/live", timeout=endless) as stream:
            async for line in stream.content:
                self.listening.set()
                if line.startswith(b"data: {"):
                    self._changed.set()

    async def _draw(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._changed.wait()
            self._changed.clear()
            async with self._http.get(self._url, headers={"x-redraw": "1"}) as answer:
                text = await answer.text()
            self.drawings, self.bytes = self.drawings + 1, self.bytes + len(text)
            found = _PAUSED.search(text)
            self.paused = int(re.sub(r"\D", "", found[1])) if found else 0
            self.true_at = loop.time()
            await asyncio.sleep(REST_S)


class Viewers:
    """Many of them, while the block runs."""

    def __init__(self, url: str, cookies: dict[str, str], count: int) -> None:
        self._url, self._cookies, self._count = url, cookies, count
        self.all: Sequence[Viewer] = ()

    async def __aenter__(self) -> Self:
        """Once all of them listen."""
        connections = aiohttp.TCPConnector(limit=0)
        self._http = aiohttp.ClientSession(connector=connections, cookies=self._cookies)
        self.all = [Viewer(self._http, self._url) for _ in range(self._count)]
        self._tasks = [asyncio.create_task(one.run()) for one in self.all]
        await asyncio.gather(*(one.listening.wait() for one in self.all))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        with suppress(asyncio.CancelledError, aiohttp.ClientError):
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.close()
