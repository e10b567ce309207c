"""What a disk that takes nothing says by that: it has no room, or it is broken (read-only, failing, gone).

Never lives here: what is done about it.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from esteio.store.base import StoreBroken, StoreFull

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


def refused(error: Exception, number: int | None) -> StoreFull:
    """The error that callers hear; `number` is the system's own for what went wrong, where it gave one."""
    return StoreFull(str(error)) if number in NO_ROOM else StoreBroken(str(error))


def sync_folder(folder: Path) -> None:
    """Make names in this folder durable: a file's own fsync does not. Raises `OSError`."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
