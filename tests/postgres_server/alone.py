"""Locks between processes that the kernel lets go of when their holder dies."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO


class Alone:
    """One process at a time."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __enter__(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._open = self._file.open("w")
        fcntl.flock(self._open, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self._open.close()


def joined(file: Path) -> IO[str] | None:
    """Held with others until it is closed, or until this process dies; None when it is gone or being put away."""
    try:
        opened = file.open("r+")
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        opened.close()
        return None
    return opened
