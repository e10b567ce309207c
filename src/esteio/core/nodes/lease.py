"""How long a node may act: the rules of its lease, by the node's own monotonic clock.

A node holds all its sessions by one lease, a row with a time in the database's clock. Of that time it knows only that
it began after the renewal was sent; so it counts from before it was sent, and stops first. A renewal that failed is
*unknown*: the row may say either, and the time that was known stands. Never lives here: a clock, a row.
"""

from __future__ import annotations

import msgspec

LEASE_S = 6.0
"""A node that says nothing for so long has lost its sessions."""
BEAT_EVERY_S = 2.0
"""So often a node renews, so that two renewals may fail: with a lease of 6 s and a look of the others every 2 s a dead
node's sessions are taken over 4 to 8 s after its death."""
BEAT_AGAIN_S = 0.5
"""So soon after a renewal that failed another is tried."""
MARGIN_S = 0.5
"""A node stops so long before its lease ends: by so much may two clocks run apart within a lease."""
BEGIN_S = 1.0
"""No call at a provider begins with less than this left of the lease: so long may it take until its bytes have left.
What is under way when a lease ends is broken off, and looked for by the next owner as after a crash."""


class Lease(msgspec.Struct, frozen=True):
    """What a node knows of its own lease. `epoch`: the boot that it belongs to; `ends_at`: when acting stops, by the
    node's monotonic clock."""

    epoch: int
    ends_at: float

    def acts(self, now: float, takes_s: float = 0.0) -> bool:
        """Whether something may be begun now that takes so long."""
        return now + takes_s < self.ends_at  # guard: lease-ends-acting


def granted(epoch: int, sent_at: float) -> Lease:
    """The lease that was asked for at `sent_at`, and given."""
    return Lease(epoch, sent_at + LEASE_S - MARGIN_S)  # guard: lease-from-before-sending


def next_beat_at(sent_at: float, *, answered: bool) -> float:
    """When the lease is to be renewed again, after a renewal that was sent then."""
    return sent_at + (BEAT_EVERY_S if answered else BEAT_AGAIN_S)
