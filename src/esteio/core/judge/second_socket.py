"""What keeps a connect from becoming a second socket beside one that the provider opens by itself.

Two sockets with the same credentials disconnect each other until the provider's process ends. So where a provider has a
reconnect loop of its own, which says closed at nearly every look, a connect needs a reason to believe that no loop is
running. Never lives here: which rung comes next (`ladder`).
"""

from __future__ import annotations

import msgspec

from esteio.core.judge.diagnose import Verdict, stood_s
from esteio.core.model.capabilities import Capabilities
from esteio.core.model.recovery import OPENS_SOCKET
from esteio.core.model.server import Server
from esteio.core.model.session import Session

LOOP_S = 600.0
"""Where a loop could not be heard it must have said closed for so long, at every look."""
HEARD_S = 2.0
"""A loop tells `connecting` at least once in so long."""
SCAN_S = 90.0
"""A code that was shown, or a pairing that was told of, so recently may be in somebody's hands."""


class ServerConditions(msgspec.Struct, frozen=True):
    """What the rest of its server tells of the way to WhatsApp, and of the webhooks' way to us."""

    heard_at: float = 0.0
    """The newest event of any session of the server that a webhook told of."""
    nobody: bool = False
    """Nothing of the server lives: WhatsApp, or the way to it, may be away."""
    away: bool = False
    """The same, and not for very long."""
    together: bool = False
    """It fell with others, and that is not over."""

    @property
    def stays_dark(self) -> bool:
        """Nothing of the server lives, and has not for long."""
        return self.nobody and not self.away


NO_CONDITIONS = ServerConditions()


def nobody_reconnects(
    session: Session, server: Server, verdict: Verdict, can: Capabilities, conditions: ServerConditions
) -> bool:
    """Whether no loop of the provider's own is running for a session that says closed. Its `connecting` would have been
    heard by now; or it was ended for good; or the process has started with the row at close, which it does not connect
    by itself, and nothing was done since; or it has said closed, and nothing else, for very long."""
    facts, last = session.facts, session.recovery.last
    if not can.reconnects or facts.code_at > facts.life_at:
        return True
    if last is not None and (last.rung, last.result) == ("logout", "effect"):
        return True
    acted_at = last.opened_at if last is not None and last.rung in OPENS_SOCKET else 0.0
    if facts.listed == "closed" and server.facts.booted_at > max(acted_at, facts.life_at):
        return True
    # What came before it began to say closed all the time proves nothing of the time in which it has said so; nor does
    # an address that was read before.
    heard_by = (
        max(facts.state_read_since, acted_at) + HEARD_S
    )  # guard: loop-heard-since-own-act, loop-heard-since-closed
    # guard: loop-webhook-read-since
    address_is_right = not facts.webhook_gone_at and facts.webhook_checked_at > heard_by
    if address_is_right and max(conditions.heard_at, facts.event_pushed_at) > heard_by:
        return True
    if conditions.together and conditions.away:  # guard: outage-of-all-is-no-leave
        return False  # all of them say so: the way to WhatsApp is shut, and each has its loop
    since = max(verdict.since, acted_at)
    return facts.state_read_at - since >= LOOP_S and stood_s(facts) >= LOOP_S


def scanning_until(session: Session, can: Capabilities, now: float) -> float:
    """Until when somebody may be scanning a code: right after the scan the provider says closed for a moment, and a
    connect in that moment opens a second socket with the new credentials. 0 when nobody is."""
    facts = session.facts
    until = max(facts.qr_at, facts.paired_at) + SCAN_S
    shown = can.reconnects and facts.qr_at > facts.life_at
    return until if shown and now < until else 0.0
