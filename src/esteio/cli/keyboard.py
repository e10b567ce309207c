"""The keyboard of a terminal: keys as they are pressed, unechoed; the terminal's settings are put back afterwards.

Never lives here: what a key does.
"""

from __future__ import annotations

import os
import re
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

KEY = re.compile(r"\x1b[\[O][0-9;]*[A-Za-z~]|.", re.DOTALL)
Keys = Callable[[float], list[str] | None]
"""Waits so many seconds for keys; None when there is no keyboard any more."""


def end_by_signal() -> None:
    """SIGINT and SIGTERM raise `KeyboardInterrupt`. Both by name: a shell that starts us in the background hands SIGINT
    down ignored."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


@contextmanager
def keyboard() -> Iterator[Keys]:
    """Keys as they are pressed. Without a keyboard only time passes."""
    if not sys.stdin.isatty():
        yield _no_keys
        return
    board = sys.stdin.fileno()
    before = termios.tcgetattr(board)
    tty.setcbreak(board)
    try:
        yield lambda wait_s: _pressed(board, wait_s)
    finally:
        termios.tcsetattr(board, termios.TCSADRAIN, before)


def _no_keys(wait_s: float) -> list[str]:
    time.sleep(wait_s)
    return []


def _pressed(board: int, wait_s: float) -> list[str] | None:
    if not select.select([board], [], [], wait_s)[0]:
        return []
    told = os.read(board, 1024)
    return KEY.findall(told.decode("utf-8", "replace")) if told else None
