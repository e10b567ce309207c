"""How often a link of a pairing page may be tried and used: wrong links by address, codes asked for and pages open by
link. Kept in memory: a restart forgets it. Never lives here: whether a link is right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from esteio.api.login.attempts import LoginAttempts
from esteio.core.model.ids import SessionId


class PairVisits:
    """What visitors without a login did of late."""

    def __init__(self, nodes: Callable[[], int] = lambda: 1) -> None:
        """`nodes`: how many share the tries of links. Codes are asked for, and pages open, on each by itself."""
        self.wrong = LoginAttempts(nodes)
        """Links that open nothing."""
        self.asks = LoginAttempts()
        """Codes that were asked for."""
        self._open: Counter[SessionId] = Counter()

    def entered(self, session_id: SessionId, most: int) -> bool:
        """Whether one more page of this session's link may be open, which counts from now on."""
        if self._open[session_id] >= most:
            return False
        self._open[session_id] += 1
        return True

    def left(self, session_id: SessionId) -> None:
        """One that was open is not any more."""
        self._open[session_id] -= 1
        if self._open[session_id] <= 0:
            del self._open[session_id]
