"""Whether a session's inbound events arrive: the suspicion, what a check of the provider's list finds, what it proves.

Two things raise a suspicion: a silence that the session's usual traffic does not explain (`traffic_baseline`), and
sends that are accepted while no event comes back. Both only start a check: read the provider's own list and its
webhook configuration, and query WhatsApp. Messages in the list that no webhook brought prove a stuck event queue (a
stall); a list with nothing new, beside events that do come, proves a deaf socket. The difference matters: restarting
the session fixes a deaf socket, but makes a stalled queue worse: the reconnect event would wait in the same queue.
Never lives here: the reading of the list (`engine.supervision.probes`), the act that follows (`recovery`).
"""

from __future__ import annotations

from esteio.core.model.decision import Draft
from esteio.core.model.session import Facts

LISTEN_EVERY_S = 60.0
"""While in doubt the list is read this often; what it holds beyond what was told is fetched as a gap."""
LISTEN_ANYWAY_S = 600.0
"""… and this often where something else tells that it has not moved."""
LATE_S = 60.0
"""A message that is younger than this may still be on its way to us."""
UNANSWERED = 3
"""So many sends without any acknowledgement, and without any event since the first of them, make a doubt …"""
STILL_S = 900.0
"""… and a stall when nothing has come back for so long. Before that it may be WhatsApp that keeps silent (an account in
trouble): on a line that lives something else is told meanwhile, and then it is no stall."""
TOLD_WITHIN_S = 60.0
"""The webhook that tells of an accepted send comes at once; a provider tries again after 5 s and 15 s."""
CLOCK_S = 2.0
"""Providers' clocks know seconds only."""


def doubt_at(facts: Facts) -> float:
    """Since when it is doubtful that we hear this line; 0 when it is not."""
    if not (facts.silence_at or facts.stall_at or facts.acks_missing):
        return 0.0
    return max(facts.silence_at, facts.missed_at if unanswered(facts) else 0.0, facts.stall_at)


def unanswered(facts: Facts) -> bool:
    """Sends are accepted and nothing comes back: no acknowledgement, no message, no word of any state."""
    if len(facts.acks_missing) < UNANSWERED:
        return False
    heard = max(facts.acked_at, facts.event_pushed_at)
    return sum(1 for sent in facts.acks_missing if sent > heard) >= UNANSWERED


def unreachable_since(facts: Facts, now: float) -> float:
    """Since when it is proved that webhooks do not reach us: what should have come did not, or none ever came and the
    list holds a message that nobody told us of. 0 while it is not."""
    if facts.webhook_missing_since and now - facts.webhook_missing_since >= TOLD_WITHIN_S:
        return facts.webhook_missing_since
    unheard = not facts.webhook_received_at and facts.list_only_newest_at and now - facts.list_only_oldest_at >= LATE_S
    return facts.list_only_oldest_at if unheard else 0.0


def list_check_due(facts: Facts, now: float) -> bool:
    """Whether a look shall read the provider's list as well: in doubt, and while no webhook is proved to arrive."""
    doubt = doubt_at(facts)
    if doubt and facts.list_compared_at < doubt:
        return True
    wanted = bool(doubt) or not facts.webhook_received_at or bool(unreachable_since(facts, now))
    return wanted and now - facts.list_compared_at >= LISTEN_EVERY_S


def only_unheard(facts: Facts) -> bool:
    """Whether the list is read for no other reason than that no webhook ever came, and never held anything new."""
    other = doubt_at(facts) or facts.webhook_missing_since or facts.list_only_newest_at
    return not other and not facts.webhook_received_at


def stalled(facts: Facts, now: float) -> bool:
    """Proved that the provider's events stand still: it was looked at since the doubt, its address for us is right,
    and either its list moves without a word to us, or WhatsApp answers it and nobody answers our sends."""
    if not _looked_into(facts) or unreachable_since(facts, now):
        return False
    if facts.list_only_newest_at > facts.event_pushed_at + CLOCK_S:
        return now - max(facts.list_only_oldest_at, facts.event_pushed_at) >= LATE_S
    if not unanswered(facts) or now - facts.unanswered_from < STILL_S:
        return False
    return facts.round_trip_ok_at >= facts.missed_at and not facts.unanswered_probes


def deaf(facts: Facts) -> bool:
    """Proved that events come and messages do not: nothing in the list either, something else was told to us in the
    later half of the silence, and it is not the day that is quiet (where other servers' lines can tell)."""
    # guard: holiday-is-not-deafness
    if not facts.silence_at or facts.silence_shared or not _looked_into(facts) or facts.stall_at:
        return False
    return _nothing_new(facts) and facts.event_pushed_at > (facts.message_pushed_at + facts.silence_at) / 2


def quiet(facts: Facts) -> bool:
    """A silence that was looked into and stays unexplained: worth showing to people, too little to act on."""
    return bool(facts.deaf_at) or (bool(facts.silence_at) and _looked_into(facts) and _nothing_new(facts))


def _nothing_new(facts: Facts) -> bool:
    return facts.list_only_newest_at <= facts.message_pushed_at + CLOCK_S


def _looked_into(facts: Facts) -> bool:
    doubt = max(facts.silence_at, facts.missed_at if unanswered(facts) else 0.0)
    if not doubt or facts.webhook_gone_at:
        return False
    return facts.list_compared_at >= doubt


def update_health(draft: Draft) -> None:
    """Note what is proved, and when; a new process of the server has a new queue and new ears."""
    facts, booted_at = draft.session.facts, draft.server.facts.booted_at
    doubt = doubt_at(facts)
    if not doubt:
        return
    if booted_at > doubt:
        draft.facts(silence_at=0.0, deaf_at=0.0, stall_at=0.0, acks_missing=(), renewed_at=booted_at)
    elif not facts.stall_at and stalled(facts, draft.now):
        draft.facts(stall_at=draft.now, deaf_at=0.0)
    elif not facts.deaf_at and deaf(facts):
        draft.facts(deaf_at=draft.now)
