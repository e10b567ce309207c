"""How soon the writer gets a core after a commit: Linux is asked for short time slices (`sched_setattr`, from 6.12 on).

A thread that comes back from the disk waits until whoever runs has used up a slice, which on two cores is longer than
the disk takes. One whose own slices are shorter goes before; its share of the machine stays what it was, and no right
is needed. Only the writer: a loop with short slices loses its core while it holds the interpreter, and answers later.
The C library has no name for the call yet, so it goes by its number. Never lives here: priorities.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from typing import Any

SLICE_NS = 300_000
"""About what a batch takes: with less it would lose its core in the middle of one (docs/explanation/benchmarks.md)."""
_NUMBERS = {"x86_64": (314, 315), "aarch64": (274, 275)}
"""Of `sched_setattr` and `sched_getattr`."""


class Attributes(ctypes.Structure):
    """`struct sched_attr`, its first version; `runtime` is the slice in nanoseconds."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("policy", ctypes.c_uint32),
        ("flags", ctypes.c_uint64),
        ("nice", ctypes.c_int32),
        ("priority", ctypes.c_uint32),
        ("runtime", ctypes.c_uint64),
        ("deadline", ctypes.c_uint64),
        ("period", ctypes.c_uint64),
    )


def ask_for_short_slices() -> bool:
    """For the calling thread; whether the system took it. An older Linux takes it and does nothing. A thread that runs
    under a policy of an operator's choice keeps that."""
    found = attributes()
    if found is None or found.policy != os.SCHED_OTHER:
        return False
    wanted = Attributes(size=found.size, flags=found.flags, nice=found.nice, runtime=SLICE_NS)
    return _call(0, ctypes.byref(wanted), 0)


def attributes() -> Attributes | None:
    """How the calling thread is scheduled; None where the system does not tell."""
    found = Attributes()
    return found if _call(1, ctypes.byref(found), ctypes.c_uint32(ctypes.sizeof(found)), 0) else None


def _call(which: int, *words: Any) -> bool:
    numbers = _NUMBERS.get(platform.machine()) if sys.platform == "linux" else None
    return numbers is not None and bool(ctypes.CDLL(None).syscall(numbers[which], 0, *words) == 0)
