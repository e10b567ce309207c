"""How often each recovery step ended with which result, since the process started.

Counted from decisions after they are durable. Never lives here: which step comes next, what a result means.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from esteio.core.model.decision import Decision
from esteio.core.model.session import Session


class RecoverySteps:
    """`ended`: by rung and result. Whoever has to hear of a decision beside it is `told`."""

    def __init__(self, told: Callable[[Session, Decision], None]) -> None:
        self.ended: Counter[tuple[str, str]] = Counter()
        self._told = told

    def decided(self, before: Session, decision: Decision) -> None:
        """A decision was committed; `before`: the session that was judged."""
        tried, last = before.recovery.open, decision.session.recovery.last
        if tried is not None and last is not None and last.id == tried.id and last.result is not None:
            self.ended[last.rung, last.result] += 1
        self._told(before, decision)
