"""`esteio demo` as a person has it: on a terminal of its own, with the addresses and the key that it prints.

Never lives here: what is typed (`typed_page`).
"""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

from tests.cli.cli_processes import PATIENCE_S, environment

ANSI = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\r")
SCRIPT_S = 240
PLACES = {"login": r"(http\S+/login/\S+)", "sandbox": r"(http\S+)/_sandbox/", "key": r"export ESTEIO_KEY=(esk_\S+)"}
"""The last of them is printed when the script is over, and all that it counts is counted."""


class Demo:
    """A demo that runs. `places` are its login link, `url`, `sandbox` and `key`."""

    def __init__(self, process: subprocess.Popen[bytes], terminal: int) -> None:
        self.process, self._terminal, self._shown = process, terminal, bytearray()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()
        self.places = self._printed()

    def _read(self) -> None:
        with suppress(OSError):  # the terminal is gone when the process is
            while piece := os.read(self._terminal, 65536):
                self._shown += piece

    def shown(self) -> str:
        """All that the terminal got, without colours."""
        return ANSI.sub("", bytes(self._shown).decode(errors="replace"))

    def _printed(self) -> dict[str, str]:
        for _ in range(SCRIPT_S * 20):
            found = {name: re.search(rf"{pattern}\s", self.shown()) for name, pattern in PLACES.items()}
            if all(found.values()):
                places = {name: match[1] for name, match in found.items() if match}
                return places | {"url": places["login"].split("/login/")[0]}
            assert self.process.poll() is None, self.shown()
            Event().wait(0.05)
        raise AssertionError(self.shown())


@contextmanager
def demo_running(folder: Path, language: str) -> Iterator[Demo]:
    """Started in `folder`; asked to end with Ctrl-C afterwards, and gone whatever happens."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "esteio", "demo", "--listen", "127.0.0.1:0"]
    more = {"ESTEIO_LANGUAGE": language, "COLUMNS": "200", "LINES": "50", "TERM": "xterm"}
    process = subprocess.Popen(
        command, cwd=folder, env=environment(**more), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    try:
        demo = Demo(process, ours)
        yield demo
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE_S)  # whether its own stories went well, its own tests say
    finally:
        process.kill()
        process.wait()
        os.close(ours)
