"""A third party's client in a process of its own, and a way to tell it what to do."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.clients.packages import DRIVERS

ROOT = Path(__file__).parents[2]
CLIENTS = ("evolutionapi", "pyevolutionapi", "n8n")
MAX_LINE = 16 * 1024 * 1024


class ClientError(Exception):
    """What the client told its user."""


class Client:
    """One client that talks to one base address. `verbs`: what it can do."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self._process = process
        self._turn = asyncio.Lock()
        self.verbs: frozenset[str] = frozenset()

    async def hello(self) -> None:
        self.verbs = frozenset((await self._line())["verbs"])

    async def do(self, verb: str, **words: Any) -> Any:
        """Raises `ClientError` with what the client's user sees."""
        assert self._process.stdin is not None
        async with self._turn:
            self._process.stdin.write(json.dumps({"do": verb, **words}).encode() + b"\n")
            said = await self._line()
        if "error" in said:
            raise ClientError(f"{self.name} {verb}: {said['error']}")
        return said["answer"]

    async def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        assert line, f"{self.name} has ended"
        said: dict[str, Any] = json.loads(line)
        return said


@asynccontextmanager
async def started(name: str, folder: Path, base_url: str, key: str) -> AsyncIterator[Client]:
    """A client on its way until the block ends. `folder`: where it is installed."""
    environ = {word: text for word, text in os.environ.items() if not word.startswith(("ESTEIO_", "EVOLUTION_"))}
    if name == "n8n":
        command = [str(shutil.which("node")), str(DRIVERS / "drive_n8n.js")]
        environ["NODE_PATH"] = os.pathsep.join((str(folder / "node_modules"), str(DRIVERS)))
    else:
        command = [sys.executable, str(DRIVERS / f"drive_{name}.py")]
        environ["PYTHONPATH"] = os.pathsep.join((str(folder), str(ROOT)))
    process = await asyncio.create_subprocess_exec(
        *command,
        base_url,
        key,
        cwd=folder,
        env=environ,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=MAX_LINE,
    )
    client = Client(name, process)
    try:
        await client.hello()
        yield client
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
