"""One real `esteio serve` on a database that others use too: started, killed, frozen, thawed, cut off from it.

Never lives here: what must hold of it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp

from tests.durability.gateway_process import KEY, SETTINGS, free_port
from tests.durability.nodes import marked_node

ROOT = Path(__file__).parents[3]
ANSWER_S = 5.0
"""So long a caller waits for one node before it turns to the next."""
SEALING_KEY = "all-nodes-seal-with-this-one-0123456789"


class Unanswered(Exception):
    """Nobody knows whether it was done."""


class Node:
    """A process by the name that the database knows it by. A restart has the same name, folder and port."""

    def __init__(self, name: str, folder: Path, client: aiohttp.ClientSession, database: str, skew_s: float) -> None:
        self.name, self.folder, self.port = name, folder, free_port()
        self._client, self._database, self._skew_s = client, database, skew_s
        self._process: asyncio.subprocess.Process | None = None
        folder.mkdir()
        (folder / "esteio.toml").write_text(SETTINGS, encoding="utf-8")

    async def start(self) -> None:
        environ = {
            **os.environ,
            "ESTEIO_ADMIN_KEY": KEY,
            "ESTEIO_SECRET_KEY": SEALING_KEY,
            "ESTEIO_NODE": self.name,
            "ESTEIO_ALLOW_TARGETS": "127.0.0.0/8",
            "ESTEIO_LANGUAGE": "en",
            "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
            "SKEW_S": str(self._skew_s),
        }
        words = ["serve", "--listen", f"127.0.0.1:{self.port}", "--data", "data", "--config", "esteio.toml"]
        with (self.folder / "log.txt").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, marked_node.__file__, *words, "--database", self._database,
                cwd=self.folder, env=environ, stdout=log, stderr=log,
            )  # fmt: skip

    async def ready(self) -> None:
        """Until it serves."""
        while True:
            try:
                if (await self.ask("GET", "/readyz"))[0] == 200:
                    return
            except Unanswered:
                pass
            assert self._process is not None
            assert self._process.returncode is None, (self.folder / "log.txt").read_text(encoding="utf-8")[-4000:]
            await asyncio.sleep(0.1)

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    async def kill(self) -> None:
        """kill -9, of a frozen one too."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """As at a deployment."""
        await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._signal(how)
            await self._process.wait()

    def _signal(self, which: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(which)

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """One request, once. Raises `Unanswered`."""
        try:
            async with self._client.request(
                method,
                f"http://127.0.0.1:{self.port}{path}",
                json=body,
                headers={"apikey": KEY, **headers},
                timeout=aiohttp.ClientTimeout(total=ANSWER_S),
            ) as answer:
                return answer.status, await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Unanswered from error

    async def hook(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """A provider's webhook. Raises `Unanswered`."""
        try:
            async with self._client.post(
                f"http://127.0.0.1:{self.port}{path}",
                data=body,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=ANSWER_S),
            ) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unanswered from error
