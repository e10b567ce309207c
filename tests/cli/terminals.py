"""A verb on a pseudo-terminal: what stands on its screen, keys for it, its end."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from threading import Event

from tests.cli.cli_processes import PATIENCE_S, environment


class Terminal:
    """A verb on a pseudo-terminal."""

    def __init__(self, *args: str, url: str, key: str, columns: int = 100, rows: int = 30, **more: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        given = environment(ESTEIO_URL=url, ESTEIO_KEY=key, **{"TERM": "xterm-256color", **more})
        for name in ("COLUMNS", "LINES"):
            given.pop(name, None)  # what pytest's own workers were given
        command = [sys.executable, "-m", "esteio", *args]
        self.process = subprocess.Popen(
            command, env=given, stdin=slave, stdout=slave, stderr=subprocess.PIPE, start_new_session=True
        )
        os.close(slave)
        self._told = b""

    def screen(self) -> str:
        """The latest picture: it is drawn whole, from the corner."""
        pictures = re.split(rb"\x1b\[H", self._told)
        whole = pictures[-2] if len(pictures) > 2 else pictures[-1]
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", whole.decode("utf-8", "replace"))

    def until(self, word: str, *, gone: bool = False) -> str:
        """The first picture with the word, or without it."""
        for _ in range(PATIENCE_S * 10):
            self.read(0.1)
            if (shown := self.screen()) and (word in shown) != gone:
                return shown
            assert self.process.poll() is None, self._rest()
        raise AssertionError(self.screen())

    def press(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def end(self, *, full: bool = True) -> int:
        """Its exit code, once it has ended by itself. `full`: it had the whole terminal, which must be given back."""
        for _ in range(PATIENCE_S * 10):
            self.read(0.1)
            if self.process.poll() is not None:
                break
        self.read(0.1)
        self.close()
        assert not full or b"\x1b[?1049l" in self._told, "the terminal is as it was"
        return int(self.process.returncode)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stderr:
            self.process.stderr.close()
        if self.master >= 0:
            os.close(self.master)
            self.master = -1

    @property
    def rest(self) -> str:
        """What stands on the terminal after its other screen was left."""
        return self._told.rpartition(b"\x1b[?1049l")[2].decode("utf-8", "replace")

    def read(self, wait_s: float) -> None:
        """Take what is written within so many seconds."""
        if select.select([self.master], [], [], wait_s)[0]:
            try:
                self._told += os.read(self.master, 65536)
            except OSError:  # the other side is closed
                Event().wait(wait_s)

    def _rest(self) -> str:
        return self._told.decode("utf-8", "replace") + (
            self.process.stderr.read().decode() if self.process.stderr else ""
        )
