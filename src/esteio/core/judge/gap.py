"""Gaps: from when on messages may have been missed, seen from what just ended.

Nothing that was missed comes by itself: webhooks that a provider could not or did not post are gone. So after whatever
kept us from hearing (an outage, a deaf line, a lost webhook configuration, a server's or our own restart) the
provider's list is read back once, from the last time that we surely heard. Never lives here: the reading.
"""

from __future__ import annotations

from esteio.core.judge.inbound_health import TOLD_WITHIN_S
from esteio.core.model.server import UNUSABLE, Server
from esteio.core.model.session import Session

MARGIN_S = 300.0
"""Read back from this long before: clocks differ, and what is late on the way is not yet missed."""
AT_MOST_S = 7 * 86400.0
"""Read back no further."""
SETTLES_S = 20.0
"""Wait this long before reading: after a reconnect WhatsApp brings what waited, and the provider has to store it."""
AGAIN_S = 30.0
AGAIN_AT_MOST_S = 900.0
TRIES = 20
"""So many readings that fail, and the gap is given up with a line in the timeline."""


def of_session(before: Session, after: Session) -> float | None:
    """Since when this session may have missed something, if the time in which it might have ends now."""
    was, facts = before.facts, after.facts
    over = before.outage is not None and after.outage is None
    over = over or bool(was.webhook_gone_at and not facts.webhook_gone_at)
    over = over or bool(was.silence_at and not facts.silence_at) or bool(was.stall_at and not facts.stall_at)
    over = over or facts.list_only_newest_at > was.list_only_newest_at
    missed = (
        was.webhook_missing_since
        if not facts.webhook_missing_since and facts.webhook_received_at - was.webhook_missing_since >= TOLD_WITHIN_S
        else 0.0
    )
    over = over or bool(missed)
    if not over or not after.linked:
        return None
    began = [at for at in (was.webhook_gone_at, was.silence_at, was.stall_at, missed) if at]
    if before.outage is not None:
        began.append(before.outage.since)
    # A line that is quiet by nature was last heard long ago; before that everything came.
    heard = was.receive_ok_at or after.created_at
    return _bounded(min([*began, heard]), after.created_at, facts.any_evidence_at or heard)


def of_server(before: Server, after: Server) -> float | None:
    """The same for all sessions of a server that was away, or has started anew."""
    if after.facts.booted_at > before.facts.booted_at:
        down = before.facts.down_since or before.facts.failed_at or after.facts.booted_at
        return min(down, after.facts.booted_at) - MARGIN_S
    was_away = before.health in UNUSABLE and after.health not in UNUSABLE
    return min(before.facts.down_since or before.health_at, before.health_at) - MARGIN_S if was_away else None


def _bounded(since: float, created_at: float, now: float) -> float:
    """What came before the session was ours is not ours to tell."""
    return max(since - MARGIN_S, created_at, now - AT_MOST_S)
