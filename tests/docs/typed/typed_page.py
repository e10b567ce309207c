"""A page of commands as a person types it: its steps, a shell that stays open, and what must be shown.

A page's ```sh blocks are typed in order; a ```text block holds lines that the step before it must show, with `…` for
whatever stands there, and times and durations of any value. A comment before a block says what else a person does:
`<!-- until: REGEX -->` types the step before again until it shows that, `<!-- beside the others -->` types the next one
in a terminal of its own, and `<!-- from the one beside -->` expects the lines there. Never lives here: what is running.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from textwrap import dedent
from threading import Event
from typing import NamedTuple

PATIENCE_S = 90
BLOCK = re.compile(r"(?:^ *<!-- ([^\n]*) -->\n)?^ *```(sh|text)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
ANYTHING = re.compile(r"(…|\d\d:\d\d:\d\d|\b\d+ (?:s|min)\b|\b55119555\d+)")
STRICT = 'set -euo pipefail; curl() { command curl --fail --silent --show-error "$@"; }\n'


class Step(NamedTuple):
    """One block: `kind` is sh or text, `note` its comment."""

    kind: str
    note: str
    text: str


def steps(page: Path) -> list[Step]:
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [Step(kind, note, dedent(text)) for note, kind, text in found]


def missing(expected: str, shown: str) -> list[str]:
    """Lines that must be shown and are not; blank ones apart."""
    lines = (line.strip() for line in expected.splitlines())
    return [line for line in lines if line and not re.search(_pattern(line), shown)]


def _pattern(line: str) -> str:
    """The line with anything for what differs from run to run."""
    return "".join(".*" if ANYTHING.fullmatch(part) else re.escape(part) for part in ANYTHING.split(line))


class Shell:
    """A terminal that stays open: what one step exports, the next one has."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            ["bash"],
            cwd=folder,
            env=dict(environ),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.type(STRICT)

    def begin(self, block: str) -> None:
        """Type it, and do not wait for its end."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{block}\n")
        self._process.stdin.flush()

    def type(self, block: str) -> str:
        """Type it; what it shows. A block that fails fails."""
        self.begin(f"{block}\necho; echo ended-here")
        shown = ""
        for line in self.lines():
            if line == "ended-here\n":
                return shown
            shown += line
        raise AssertionError(f"this failed:\n{block}\n{shown}")

    def lines(self) -> Iterator[str]:
        """What is shown from now on, line by line."""
        assert self._process.stdout is not None
        while line := self._process.stdout.readline():
            yield line

    def until(self, block: str, sight: str) -> str:
        """Type it again and again until it shows this."""
        shown = ""
        for _ in range(PATIENCE_S * 2):
            shown = self.type(block)
            if re.search(sight, shown):
                return shown
            Event().wait(0.5)
        raise AssertionError(f"never showed {sight!r}:\n{shown}")

    def close(self) -> None:
        """End it, and what it began."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()


@contextmanager
def shell(folder: Path, environ: Mapping[str, str]) -> Iterator[Shell]:
    one = Shell(folder, environ)
    try:
        yield one
    finally:
        one.close()
