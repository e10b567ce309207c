"""What goes wrong at the providers of a fleet: one answer in so many fails, and sockets die until they are restarted.

An answer fails in turn as a proxy's page (502), as an error of the provider's own database (500), and as one that comes
`LATE_S` late. A dead socket is a ghost: every list and state still says open, and whoever writes to it hears
"Connection Closed"; a restart brings it back. Nothing is drawn by lot: two runs that ask alike meet alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import cycle

from benchmarks.serving import Send, reply

LATE_S = 3.0
RESTART = "/instance/restart/"
_CLOSED = 400, b'{"status":400,"error":"Bad Request","response":{"message":["Error: Connection Closed"]}}'
_PAGE = 502, b"<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>"
_AWAY = b"Can't reach database server at `postgres:5432`"
_ERROR = 500, b'{"status":500,"error":"Internal Server Error","response":{"message":"%s"}}' % _AWAY


class Faults:
    """`share` of all answers, and of all sessions (0 to 1). `fall` begins the second."""

    def __init__(self, share: float, now: Callable[[], float]) -> None:
        self.failed = 0
        """Answers that failed."""
        self.restored: list[float] = []
        """After how many seconds each socket that had died was restarted."""
        self._every = round(1 / share) if share else 0
        self._now = now
        self._answers = 0
        self._turn = cycle((_PAGE, _ERROR, None))
        self._falls: dict[str, float] = {}

    @property
    def fallen(self) -> int:
        """Sockets that are dead now."""
        now = self._now()
        return sum(at <= now for at in self._falls.values())

    def fall(self, names: Sequence[str], within_s: float) -> None:
        """One in so many of these sockets dies from now on, spread evenly over the time and over the servers, in whose
        order they stand."""
        falling = list(names[self._every // 2 :: self._every]) if self._every else []
        falling.sort(key=lambda name: name.rpartition("-")[2])
        self._falls = {name: self._now() + within_s * place / len(falling) for place, name in enumerate(falling)}

    async def fails(self, send: Send) -> bool:
        """Whether it is this answer's turn; then it was given, or is late by now."""
        self._answers += 1
        if not self._every or self._answers % self._every:
            return False
        self.failed += 1
        answer = next(self._turn)
        if answer is None:
            await asyncio.sleep(LATE_S)
            return False
        await reply(send, *answer)
        return True

    def closed(self, name: str) -> tuple[int, bytes] | None:
        """What whoever writes to this session's socket hears if it is dead."""
        at = self._falls.get(name)
        return _CLOSED if at is not None and at <= self._now() else None

    def restart(self, name: str) -> None:
        """The socket is another one from now on."""
        at = self._falls.get(name)
        if at is not None and at <= self._now():
            del self._falls[name]
            self.restored.append(self._now() - at)
