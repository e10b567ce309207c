"""The measurement's children: started with their own words, awaited until they listen, always ended.

What a child writes to stderr goes to a file in the measurement's directory, and its end is quoted when the child fails.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from benchmarks.load import Plan, Seen

ROOT = Path(__file__).resolve().parents[1]
START_S = 30.0
END_S = 20.0
LOAD_S = 300.0
"""The longest that any one load may take."""


Say = Callable[[str], None]
"""Told of each step, for a person who waits."""


class Failed(Exception):
    """A measurement that cannot be made; the sentence says why."""


def free_port() -> int:
    """A port of loopback that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def new_file(directory: Path) -> str:
    """Where a database of the bare loop may be made."""
    return str(directory / f"bare-{free_port()}.db")


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Ours without the user's own settings of a gateway, with the very packages that are running here."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ESTEIO_")}
    return {**kept, "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT))), **extra}


class Child:
    """A running process of ours."""

    def __init__(self, process: asyncio.subprocess.Process, errors: Path) -> None:
        self._process, self._errors = process, errors
        self.port = 0

    def cpu_s(self) -> float:
        """What it has spent on all its threads so far, in seconds; 0 where the system does not tell (no /proc)."""
        try:
            words = Path(f"/proc/{self._process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mb(self, *, peak: bool = False) -> float:
        """What it holds in memory now (or held at most), in megabytes; 0 where the system does not tell."""
        try:
            told = Path(f"/proc/{self._process.pid}/status").read_text("ascii")
        except OSError:
            return 0.0
        field = "VmHWM:" if peak else "VmRSS:"
        return next((int(line.split()[1]) / 1024 for line in told.splitlines() if line.startswith(field)), 0.0)

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    def last_words(self) -> str:
        """The end of what it wrote to stderr."""
        return self._errors.read_text("utf-8", "replace")[-2000:].strip()

    async def learn_port(self) -> None:
        """Reads the port from the first line that the child prints. Raises `Failed`, with its last words, when there is
        none."""
        told = self._process.stdout
        line = b"" if told is None else await asyncio.wait_for(told.readline(), START_S)
        if not line.strip().isdigit():
            raise Failed(f"a child did not start: {self.last_words()}")
        self.port = int(line)

    async def end(self, how: signal.Signals) -> None:
        """Ask it to end, and see that it does."""
        if self.alive:
            self._process.send_signal(how)
            try:
                await asyncio.wait_for(self._process.wait(), END_S)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()


@asynccontextmanager
async def child(
    arguments: Sequence[str],
    directory: Path,
    name: str,
    *,
    extra: Mapping[str, str] | None = None,
    end_by: signal.Signals = signal.SIGTERM,
    output: int | None = asyncio.subprocess.PIPE,
    given: int | None = None,
) -> AsyncIterator[Child]:
    """`python ARGUMENTS…` while the block runs."""
    errors = directory / f"{name}.stderr"
    with errors.open("wb") as sink:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *arguments),
            stdin=given,
            stdout=output,
            stderr=sink,
            env=environment(extra or {}),
            cwd=directory,
        )
    running = Child(process, errors)
    try:
        yield running
    finally:
        await running.end(end_by)


@asynccontextmanager
async def listening(
    module: str, directory: Path, name: str, *arguments: str, trace: Path | None = None
) -> AsyncIterator[Child]:
    """A module that serves (see `serving`) while the block runs. `trace`: it notes its steps there (`tail`)."""
    watched = ["benchmarks.tail.traced", str(trace)] if trace else []
    end_by = signal.SIGINT if trace else signal.SIGTERM
    async with child(["-m", *watched, module, *arguments], directory, name, end_by=end_by) as running:
        await running.learn_port()
        yield running


async def load(plan: Plan) -> Seen:
    """A load in its own process, and what it saw. Raises `Failed` when an answer was not a success."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.load"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment({}),
    )
    try:
        out, errors = await asyncio.wait_for(process.communicate(msgspec.json.encode(plan)), LOAD_S)
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    if process.returncode != 0:
        raise Failed(f"the load failed: {errors.decode(errors='replace')[-2000:]}")
    seen = msgspec.json.decode(out, type=Seen)
    wrong = {status: many for status, many in seen.statuses.items() if not status.startswith("2")}
    if wrong or seen.count != plan.count:
        raise Failed(f"the load was not answered as it should: {wrong or seen.count}")
    return seen


async def ask(port: int, path: str) -> Any:
    """The JSON under a path of one of our own servers."""
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}{path}") as answer:
        return msgspec.json.decode(await answer.read())
