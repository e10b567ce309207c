"""Examples of the documents, and how they are run: shell blocks by bash, Python here, JavaScript by Node.

A block of a page that is to be run stands below a line `<!-- run -->` (what follows the word is for the reader:
`<!-- run: add the server -->`). `marked` reads them in their order; `test_marked_examples.py` runs those of every page,
but for the pages of `OWN_STORY`, whose tests need a world of their own. Never lives here: what an example says.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
MARKED = re.compile(r"^<!-- run\b[^\n]*-->\n+ *```(\w+)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
OWN_STORY = {
    "docs/how-to/moving-from-evolution.md": "tests/clients/test_moving_page.py",
    "docs/how-to/moving-from-evolution.pt-BR.md": "tests/clients/test_moving_page.py",
}
"""Pages whose marked examples are run by a test of their own: the page → the test."""
NEEDS = {"sh": ("bash", "curl"), "python": (), "js": ("node",)}
"""Of each language that can be run, the programs that do it."""
PATIENCE_S = 60.0
FAILS = 'set -euo pipefail; curl() { command curl --fail-with-body --silent --show-error "$@"; }\n'


class Example(NamedTuple):
    """One block: the language of its fence, and what is typed."""

    language: str
    text: str

    def with_words(self, own: Mapping[str, str]) -> Example:
        """The same with what stands for something of the reader's own put in."""
        text = self.text
        for word, ours in own.items():
            text = text.replace(word, ours)
        return Example(self.language, text)


def marked(page: str) -> list[Example]:
    """The examples of a page (its path in the repository) that are to be run."""
    return [Example(*found) for found in MARKED.findall((ROOT / page).read_text(encoding="utf-8"))]


def needed(language: str) -> None:
    """Skip, in words, where an example's program is not installed; in the CI that is a failure."""
    missing = [program for program in NEEDS[language] if shutil.which(program) is None]
    if missing:
        words = f"examples in {language} need {' and '.join(missing)}, which are not here"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)


def surroundings(url: str, key: str) -> dict[str, str]:
    """The variables of the examples, and `esteio` of this installation first on the path."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    return {**os.environ, "ESTEIO_URL": url, "ESTEIO_KEY": key, "ESTEIO_LANGUAGE": "en", "PATH": path}


class Runner:
    """Runs examples one after another, before one gateway, in a folder of their own."""

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        self._environ, self._folder = environ, folder
        self._node: asyncio.subprocess.Process | None = None

    async def run(self, example: Example) -> str:
        """What it prints. One that fails, or is refused, fails."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._runs(example)
        except TimeoutError:
            raise AssertionError(f"does not end: {example.text}") from None

    async def _runs(self, example: Example) -> str:
        match example.language:
            case "sh":
                return await self._shell(example.text)
            case "python":
                return await asyncio.to_thread(self._python, example.text)
            case "js":
                return await self._javascript(example.text)
        raise AssertionError(f"nobody runs {example.language}")

    async def _shell(self, text: str, until: bytes = b"\ndata:") -> str:
        """A stream (`curl -N`) has done its part with its first event."""
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", FAILS + text, env=self._environ, cwd=self._folder,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        assert process.stdout is not None
        if "curl -N" in text:
            told = (await process.stdout.readuntil(until)).decode()
            os.killpg(process.pid, 15)
            await process.communicate()
            return told
        told = (await process.communicate())[0].decode(errors="replace")
        assert process.returncode == 0, f"{text}\n{told}"
        return told

    def _python(self, text: str) -> str:
        told, names = io.StringIO(), dict[str, Any]()
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(told):
            patch.setenv("ESTEIO_URL", self._environ["ESTEIO_URL"])
            patch.setenv("ESTEIO_KEY", self._environ["ESTEIO_KEY"])
            exec(compile(text, "example", "exec"), names)
        assert getattr(names.get("answer"), "status_code", 200) < 400, f"{text}\n{told.getvalue()}"
        return told.getvalue()

    async def _javascript(self, text: str) -> str:
        if self._node is None:
            self._node = await asyncio.create_subprocess_exec(
                "node", str(Path(__file__).with_name("run_examples.mjs")), env=self._environ, cwd=self._folder,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=16 * 1024 * 1024,
            )  # fmt: skip
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.write(json.dumps(text).encode() + b"\n")
        line = await self._node.stdout.readline()
        assert line, "node has ended"
        said = json.loads(line)
        assert not said["failed"], f"{text}\n{said}"
        return str(said["told"])

    async def aclose(self) -> None:
        """Ends what was started."""
        if self._node is not None and self._node.stdin is not None:
            self._node.stdin.close()
            await self._node.wait()


@asynccontextmanager
async def running(url: str, key: str, folder: Path) -> AsyncIterator[Runner]:
    """A runner of examples for the gateway at `url`, until the block ends."""
    runner = Runner(surroundings(url, key), folder)
    try:
        yield runner
    finally:
        await runner.aclose()
