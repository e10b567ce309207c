"""How long an acknowledgement may take on this line, learned from the line itself.

A message that WhatsApp does not acknowledge is never sent again for that: a missing acknowledgement is evidence only
about the account or the session.
Never lives here: what follows from it (`diagnose`), storage.
"""

from __future__ import annotations

from collections.abc import Sequence

from esteio.core.model.policy import Policy

LEARNED_FROM = 3
"""Fewer acknowledgements than this, and nothing can be missed: some servers never tell of any."""
SAMPLES = 200
TIMES = 5.0
SHARE = 0.95
LOOK_BACK_S = 3600.0
"""What was sent longer ago is not missed any more."""
TOLD_AT_ONCE = 5
"""So many of a batch make evidence of their own; a thousand silent messages are no better witness."""


def patience(times: Sequence[float], policy: Policy) -> float | None:
    """Seconds until an acknowledgement counts as missing; None while it is not known that any ever comes. `times`:
    how long the latest acknowledged messages waited for theirs."""
    known = sorted(max(0.0, time) for time in times)
    if len(known) < LEARNED_FROM:
        return None
    usual = known[min(len(known) - 1, int(len(known) * SHARE))]
    return max(policy.ack_within_s, TIMES * usual)
