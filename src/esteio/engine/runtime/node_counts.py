"""What this node met among the others since the process started; kept as it happens, for `/metrics`.

Never lives here: what it holds now (`node_leases`), a library of metrics.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal

Loss = Literal["lapsed", "declared-dead"]
"""Why a lease was over before its node gave it up: nobody renewed it in time, or another node had said so."""


class NodeCounts:
    """Counters of one process."""

    def __init__(self) -> None:
        self.renewals_failed = 0
        self.leases_lost: Counter[Loss] = Counter()
        self.sessions_taken = 0
        """Taken from nobody, or from a node that is over."""
        self.sessions_given = 0
        """Given up to another living node."""
        self.too_late = 0
        """Acts and decisions of ours about what had changed hands meanwhile; none of them was carried out."""
