"""A session as Esteio knows it: its facts and its state. Any state may follow any other: the verdict alone decides.

`Session` is the row that only `engine.supervision.reconcile` writes. `Facts` is what its evidence folded into; it is
small and bounded, so that a session with a million pieces of evidence costs no more than a new one. `gc=False`: these
structs hold no reference cycles; excluding them keeps garbage collections short with many sessions. Never lives here:
how facts are folded (`core.judge.facts`), what to do (`ladder`, `decide`).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from esteio.core.model.ids import ServerKind, ServerName, SessionId, SessionName
from esteio.core.model.recovery import Outage, Recovery
from esteio.core.model.state import Axis, Gate, Reason, SessionState
from esteio.core.model.tenant import DEFAULT

KEEP_CLOSED = 4
"""How many refusals are remembered; two decide."""
KEEP_FLAPS = 16
"""How many pushed `connecting`, and how many `open`, are remembered; `flap_count` of one of them decide."""


class Facts(msgspec.Struct, frozen=True, omit_defaults=True):
    """What has been seen of a session, folded. Times are epoch seconds of *happening*; 0 means never."""

    life_at: float = 0.0
    life_by: str = ""
    life_seen_at: float = 0.0
    send_ok_at: float = 0.0
    send_ok_by: str = ""
    receive_ok_at: float = 0.0
    receive_ok_by: str = ""
    socket_ok_at: float = 0.0
    closed: tuple[float, ...] = ()
    """Times of "Connection Closed" since the last proof of life."""
    closed_by: tuple[str, ...] = ()
    dead_at: float = 0.0
    """When death was proved (second witness); 0 while it is not."""
    probe_unanswered_at: float = 0.0
    """A round trip that nobody answered."""
    unanswered_probes: int = 0
    state_read: str = ""
    """The freshest claim of the provider's own memory: open, connecting, closed, or a word we do not know."""
    state_read_at: float = 0.0
    state_read_since: float = 0.0
    """Since when it has said just that, look after look …"""
    state_read_times: int = 0
    """… and how many looks in a row."""
    last_connecting_at: float = 0.0
    """When anybody last said connecting."""
    socket_open_while_claimed_closed_at: float = 0.0
    """When its socket was last seen open beside a claim that it is not."""
    state_pushed: str = ""
    """The freshest claim pushed by a webhook, or of a list."""
    state_pushed_at: float = 0.0
    listed: str = ""
    listed_at: float = 0.0
    listed_since: float = 0.0
    """Since when the server's list has said just that, as far as we were told."""
    code: int = 0
    """The last disconnect code that means something by itself (401, 402, 403, 405, 406, 440)."""
    code_at: float = 0.0
    code_source: str = ""
    code_until: float = 0.0
    """End of a temporary ban, where known."""
    qr_at: float = 0.0
    no_qr_at: float = 0.0
    unpaired_at: float = 0.0
    missing_at: float = 0.0
    """When the provider last said that it does not know the instance …"""
    missing_since: float = 0.0
    """… and when it said so first, with nothing else between."""
    paired_at: float = 0.0
    connecting: tuple[float, ...] = ()
    opens: tuple[float, ...] = ()
    """Times a webhook said connecting, and open."""
    reopened: tuple[float, ...] = ()
    """Times at which a look found it open that had found it otherwise before."""
    opened_at: float = 0.0
    """When someone last said open after not saying it."""
    phone_seen: str = ""
    login_named: bool = False
    """Whether the login is known to have a name: Baileys sends no presence without one, and says nothing of it."""
    identity_at: float = 0.0
    acks_missing: tuple[float, ...] = ()
    unanswered_from: float = 0.0
    """The first send of those that nothing has answered since."""
    missed_at: float = 0.0
    """When we last noticed that one is missing."""
    ack_errors: tuple[float, ...] = ()
    restricted_at: float = 0.0
    """When WhatsApp last refused a message to a new contact (463)."""
    restricted_until: float = 0.0
    """Until when, where it said so."""
    acked_at: float = 0.0
    """When WhatsApp last acknowledged one of our messages."""
    silence_at: float = 0.0
    """When the line had been silent for longer than its own rhythm explains."""
    silence_shared: bool = False
    """Whether lines of other servers were quiet then as well."""
    deaf_at: float = 0.0
    """When it was proved that nothing comes in on a line that is told of other things."""
    stall_at: float = 0.0
    """When it was proved that the provider's events stand still."""
    message_pushed_at: float = 0.0
    """The newest message that was told to us, not read from a list."""
    event_pushed_at: float = 0.0
    """The newest event that was told to us, of those that pass through the provider's queue."""
    webhook_received_at: float = 0.0
    """When a webhook of it last came, whatever it told …"""
    webhook_missing_since: float = 0.0
    """… and since when one that should have come has not: the first accepted send since then."""
    list_only_newest_at: float = 0.0
    """The newest message that only the provider's list told of …"""
    list_only_oldest_at: float = 0.0
    """… and the oldest of them."""
    list_compared_at: float = 0.0
    """When the list was last read for that."""
    round_trip_ok_at: float = 0.0
    """When WhatsApp last answered a question through this session."""
    renewed_at: float = 0.0
    """When its socket was last made anew on purpose: a restart of the session, or of the server's process."""
    connect_at: float = 0.0
    """When we last asked the provider to connect it."""
    webhook_gone_at: float = 0.0
    webhook_checked_at: float = 0.0
    webhook_set_at: float = 0.0
    """When the provider last said yes to our address."""
    webhook_unread_at: float = 0.0
    """Since when the provider cannot tell where it sends its events; 0 where it can."""
    adopted_at: float = 0.0
    looked_at: float = 0.0
    look_failed_at: float = 0.0
    queued_at: float = 0.0
    """When the provider last took a message of ours into a queue of its own."""
    questioned_at: float = 0.0
    """When the provider was last asked what a dead socket refuses to answer …"""
    unanswerable_at: float = 0.0
    """… when it said that it does not know the question, or hears it too often …"""
    unanswered_at: float = 0.0
    """… when it left it open …"""
    answered_at: float = 0.0
    """… and when it answered it after that, which comes from no cache."""
    act_at: float = 0.0
    """When the last control act was answered: readings older than this are about the time before it."""
    changed_at: float = 0.0
    """The same of those that may have changed something: where a question was refused, not those to which the provider
    says that all is open already."""
    interrupted_at: float = 0.0
    recover_at: float = 0.0
    pair_at: float = 0.0
    refused_at: float = 0.0
    refused_detail: str = ""
    """The provider refused a create or pair in its own words."""
    any_evidence_at: float = 0.0
    """When anything at all was last heard from the provider about this session."""


def passed_at(facts: Facts) -> float:
    """When a message, or word of one, last passed through the line: not only an open socket claimed."""
    return max(facts.send_ok_at, facts.receive_ok_at)


class Session(msgspec.Struct, frozen=True, gc=False):
    """One WhatsApp number on one server. `version` is the compare-and-set counter of the row."""

    id: SessionId
    name: SessionName
    server: ServerName
    kind: ServerKind
    created_at: float
    phone: str | None = None
    ref: Mapping[str, str] = {}
    policy: str = "default"
    state: SessionState = "connecting"
    since: float = 0.0
    reason: Reason = Reason("created")
    can_send: Axis = Axis()
    can_receive: Axis = Axis()
    gate: Gate = "held"
    gate_since: float = 0.0
    outage: Outage | None = None
    last_outage: Outage | None = None
    recovery: Recovery = Recovery()
    facts: Facts = Facts()
    paused: bool = False
    linked: bool = False
    """Whether it has ever been connected: before that, waiting for a QR is no fall."""
    row_version: int = 0
    wake_at: float | None = None
    restricted_until: float = 0.0
    """Until when people who do not know this number are not written to (463); 0: everybody is."""
    tenant: str = DEFAULT


SENDS: Mapping[SessionState, bool] = {
    "connected": True,
    "degraded": True,
    "connecting": False,
    "awaiting_qr": False,
    "disconnected": False,
    "error": False,
    "paused": False,
}
"""Whether a session in this state may send at all; `degraded` sends what its reason allows."""
