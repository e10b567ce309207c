"""What a disk that takes nothing says by that: it has no room, or it is broken (read-only, failing, gone).

Never lives here: what is done about it.
"""

from __future__ import annotations

import errno

from esteio.store.base import StoreBroken, StoreFull

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


def refused(error: Exception, number: int | None) -> StoreFull:
    """The error that callers hear; `number` is the system's own for what went wrong, where it gave one."""
    return StoreFull(str(error)) if number in NO_ROOM else StoreBroken(str(error))
