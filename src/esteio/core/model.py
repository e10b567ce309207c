"""The nouns: server, session, message, attempt, approval, and the small values they are made of.

Frozen values only; everything that changes is a new value. Times are epoch seconds (float, UTC), durations are seconds.
Never lives here: a rule (see `diagnose`, `ladder`, `decide`, `outbound`), a column name (see `store.rows`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NewType

import msgspec

ServerName = NewType("ServerName", str)
SessionName = NewType("SessionName", str)
SessionId = NewType("SessionId", int)
"""Internal and never reused; a name may come back after a delete."""
MessageId = NewType("MessageId", str)

ServerKind = str
"""The adapter's name in the registry: `evolution`, `baileys`, `wapi`."""

SessionState = Literal["connecting", "awaiting_qr", "connected", "degraded", "disconnected", "error", "paused"]
Answer = Literal["yes", "no", "unknown"]
Gate = Literal["open", "held"]
HealthState = Literal["unknown", "up", "slow", "down", "booting", "refused", "wall", "wrong-kind"]
"""`unknown` until it answered as its kind does; `refused`: our key; `wrong-kind`: something else answers there."""
UNUSABLE: frozenset[HealthState] = frozenset({"down", "refused", "wall", "wrong-kind"})
"""Nothing can be done through such a server, and nothing is to be learned of its sessions."""
Rung = Literal[
    "wait", "connect", "restart", "logout", "recreate", "create", "delete", "set_webhook", "put_back_webhook", "person"
]
"""`wait` and `person` never become work; `create` and `delete` come only at a person's word or inside `recreate`;
`set_webhook` re-asserts configuration and opens no socket; `put_back_webhook` undoes it, at a person's word."""

DESTRUCTIVE: frozenset[Rung] = frozenset({"logout", "recreate", "delete"})
OPENS_SOCKET: frozenset[Rung] = frozenset({"connect", "restart", "logout", "recreate", "create"})
"""Rungs that hold one of the server's slots while they are open (`logout` because a connect follows it)."""


class Axis(msgspec.Struct, frozen=True):
    """One of the two questions, can it send and can it receive, with the evidence that answered it and when."""

    value: Answer = "unknown"
    evidence: str | None = None
    at: float | None = None


class Reason(msgspec.Struct, frozen=True, gc=False):
    """A stable kebab code and the values its sentence needs; the sentences live in `core.errors`."""

    code: str
    args: Mapping[str, str] = {}


class Outage(msgspec.Struct, frozen=True):
    """From the first proof that something is down to the first proof that it works again."""

    id: str
    since: float
    because: str
    reopened: int = 0
    notice_due: float | None = None
    noticed: bool = False
    ended_at: float | None = None
    held_at_start: int = 0
    expected: bool = False
    """A person caused it (logout, recreate, a first pairing): no notice."""


class Attempt(msgspec.Struct, frozen=True):
    """One control act. Open until its effect was seen or `until` has passed; then it is history."""

    id: str
    rung: Rung
    number: int
    opened_at: float
    until: float
    because: str = ""
    performed_at: float | None = None
    answer: str | None = None
    result: str | None = None
    """`effect`, `no-effect`, `refused`, `exists`, `not-reached`, `interrupted`; None while it is open."""


class Recovery(msgspec.Struct, frozen=True):
    """Where the session stands on the ladder. Reset only by a stable period, a server boot or a person's word."""

    connects: int = 0
    """Connect attempts without effect in the present series."""
    restarts: int = 0
    """Restarts since the last reset: the exponent of the cool-down."""
    last_restart_at: float | None = None
    logouts: int = 0
    last_logout_at: float | None = None
    recreates: int = 0
    last_destructive_at: float | None = None
    strikes: int = 0
    """Failed ladders: the exponent of the quarantine."""
    struck_at: float = 0.0
    quarantine_until: float = 0.0
    spent: tuple[str, ...] = ()
    """Rungs that were seen to have no effect in this fall; the next choice learns from them."""
    open: Attempt | None = None
    last: Attempt | None = None
    next_at: float | None = None
    looks: int = 0
    asked_by_person: bool = False
    server_restart_proposed: bool = False
    awaiting: str | None = None
    """Id of the approval that waits for a person, if any."""
    approved: str | None = None
    """The destructive rung a person has agreed to, not yet begun."""
    then: tuple[Rung, ...] = ()
    """Steps that belong to the rung just performed: a logout is followed by connects, a delete by a create."""
    pair_phone: str | None = None
    """Phone number for a pairing code, from the person's wish to pair."""
    rejected: bool = False
    """A person said no to a destructive rung in this outage: not asked again."""

    @property
    def of_this_fall(self) -> bool:
        """Whether anything is left of a ladder that was climbed: tried, asked for, agreed to, or still to follow."""
        words = self.awaiting or self.approved or self.rejected or self.server_restart_proposed
        return bool(self.spent or words or self.then)


class Quirk(msgspec.Struct, frozen=True):
    """One known lie of one provider, as data. `versions` reads like a pip specifier, e.g. `>=2.3.1,<2.3.7`."""

    name: str
    versions: str
    text_pt: str
    text_en: str
    source: str = ""


class Capabilities(msgspec.Struct, frozen=True):
    """What a dialect can do at all; the ladder asks before it plans."""

    restart: bool
    restart_keeps_link: bool
    pairing_code: bool
    message_list: bool
    """Whether absence of a sent message can be proved by reading."""
    round_trip_probe: bool
    state_webhooks: bool
    socket_probe: bool
    list_sessions: bool
    queues_while_down: bool
    """The provider keeps sends while disconnected and sends them later (W-API): a blind resend may double."""
    history: bool = True
    """Whether what came while nobody listened can be read back; where not, nobody can tell what was missed."""
    media_bytes: bool = True
    """Whether it takes media as base64; where not, it fetches the caller's address itself."""
    connect: bool = True
    """Whether `connect` opens a socket again with the saved link. Where not (W-API), `restart` is the way back, and
    `connect` only asks for a code."""
    question_refutes: bool = False
    """Whether there is a question (does this number exist?) that a dead socket refuses. That it is answered proves
    nothing unless it was refused before, for the answer may come from a cache; so it stands in where no socket can be
    probed, and nowhere else."""
    reconnects: bool = False
    """Whether it reconnects by itself and a connect beside that opens a second socket with the same credentials: two
    that throw each other out until the process ends."""
    echoes_sends: bool = False
    """Whether each accepted send is told by a webhook of its own, at once and past its event queue."""
    code_by_connect: bool = False
    """Whether a code is read by a call that opens a socket when it comes in the wrong moment."""
    connect_pairs_after_unlink: bool = True
    """Whether `connect` after an unlink brings a fresh code. Where dead credentials stay (seed 000's server), only
    `recreate` does, and it loses nothing any more."""
    pairing_beside_qr: bool = False
    """Whether it gives a code to type while a QR is shown; others only on a closed session."""
    boots_by_list: bool = False
    """Whether a new process of the server connects those that its own list calls open or connecting, and no others."""
    tells_webhook: bool = True
    """Whether it can be read where the provider sends a session's events."""
    create_takes_over: bool = False
    """Whether `create` sets the webhook of an instance that exists already (W-API: it is bought at the vendor's)."""


class Limits(msgspec.Struct, frozen=True):
    """A server's own limits; None falls back to the policy."""

    connects_in_flight: int | None = None
    seconds_between_connects: float | None = None
    sends_per_minute: float | None = None
    sends_burst: int | None = None


class Slot(msgspec.Struct, frozen=True):
    """One open attempt that counts against a server's budget."""

    session: SessionId
    attempt: str
    until: float


MASS_FALL = "mass-fall"
"""Why an incident began, and the outage of its server that subscribers are told of."""


class Incident(msgspec.Struct, frozen=True):
    """A server-wide fall: one notice, one healer. `canary` is healed first; after it the rest in a ramp."""

    id: str
    since: float
    because: str
    canary: SessionId | None = None
    canary_at: float = 0.0
    """When its turn began, with its first act; 0 while it asked for none, and whoever needs one may take its place."""
    canary_ok_at: float | None = None
    ended_at: float | None = None
    members: int = 0


class ServerFacts(msgspec.Struct, frozen=True):
    """What has been seen of a server, folded. Zero means never."""

    answered_at: float = 0.0
    failed_at: float = 0.0
    failures: tuple[float, ...] = ()
    failed_by: str = ""
    down_since: float = 0.0
    gone_at: float = 0.0
    """When it was first seen that nobody listens there, the last time that nobody did …"""
    alive_at: float = 0.0
    """… and when it had last answered before."""
    booted_at: float = 0.0
    wall_at: float = 0.0
    wall_detail: str = ""
    auth_refused_at: float = 0.0
    refusals: int = 0
    """How often its list was refused to our key since it last answered."""
    recognised_at: float = 0.0
    """When it last answered as its kind does."""
    wrongs: int = 0
    """How often something else answered there since then …"""
    wrong_by: str = ""
    """… and by what that was seen."""
    slow_at: float = 0.0
    listed_at: float = 0.0
    version_at: float = 0.0
    back_at: float = 0.0
    """When it could be asked again, the last time that it could not."""


class Server(msgspec.Struct, frozen=True):
    """One provider deployment, with its weather and its budget. Credentials are not part of this value."""

    name: ServerName
    kind: ServerKind
    base_url: str
    limits: Limits = Limits()
    health: HealthState = "unknown"
    health_because: str = ""
    health_at: float = 0.0
    version: str | None = None
    sessions_at_server: int | None = None
    facts: ServerFacts = ServerFacts()
    slots: tuple[Slot, ...] = ()
    last_attempt_at: float = 0.0
    incident: Incident | None = None
    outage: Outage | None = None
    version_n: int = 0
    """Compare-and-set counter of this row."""
    wake_at: float | None = None


# -- messages ----------------------------------------------------------------------------------------------------

MessageState = Literal[
    "queued", "sending", "held", "in_doubt", "sent", "delivered", "read", "failed", "expired", "cancelled"
]
"""`held` is never stored: it is `queued` behind a closed gate (see `outbound.shown_state`)."""
Direction = Literal["out", "in"]
Kind = Literal[
    "text",
    "image",
    "video",
    "audio",
    "document",
    "sticker",
    "location",
    "contacts",
    "poll",
    "reaction",
    "order",
    "product",
    "unknown",
]
MEDIA_KINDS: frozenset[str] = frozenset({"image", "video", "audio", "document", "sticker"})


class Media(msgspec.Struct, frozen=True, omit_defaults=True):
    """A picture, sound, film or paper. Exactly one of `url`, `base64`, `stored` names its bytes for an outgoing one.

    One that came in is `stored`, `fetching`, or `gone` for a reason.
    """

    kind: str
    url: str | None = None
    base64: str | None = None
    stored: str | None = None
    """Name of a file in our own media store."""
    mime: str | None = None
    filename: str | None = None
    size: int | None = None
    source: Mapping[str, str] | None = None
    """What its provider must be told to hand out the bytes of one that came in; only its adapter reads it."""
    fetching: bool = False
    """The bytes are being asked for (`core.media_fetch`)."""
    gone: Reason | None = None
    """Why there are no bytes, and will not be."""


class Location(msgspec.Struct, frozen=True, omit_defaults=True):
    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None


class Contact(msgspec.Struct, frozen=True):
    name: str
    phone: str


class Poll(msgspec.Struct, frozen=True):
    question: str
    options: tuple[str, ...]
    choices: int = 1


class Reaction(msgspec.Struct, frozen=True, omit_defaults=True):
    """`message` is ours; `provider_id` is filled in before sending. An empty emoji takes the reaction back."""

    message: str
    emoji: str
    provider_id: str | None = None
    from_me: bool = False


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person chose from buttons or a list: the id that it was offered with, and its words."""

    id: str | None = None
    title: str | None = None


class Button(msgspec.Struct, frozen=True, omit_defaults=True):
    """One button or row of an offer, with what it leads to."""

    text: str | None = None
    id: str | None = None
    """What comes back as `reply.id`."""
    url: str | None = None
    phone: str | None = None
    code: str | None = None
    """To be copied (a coupon, a Pix code)."""


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """A basket from a catalogue. `id` and `token` are what its lines can be asked for with."""

    id: str
    token: str | None = None
    title: str | None = None
    items: int | None = None
    total: float | None = None
    currency: str | None = None


class Product(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing of a catalogue."""

    id: str
    title: str | None = None
    description: str | None = None
    price: float | None = None
    currency: str | None = None
    url: str | None = None
    retailer_id: str | None = None


class Content(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a message says, in one normal form for both directions."""

    kind: Kind
    text: str | None = None
    """The body of a text, the caption of a media."""
    media: Media | None = None
    location: Location | None = None
    contacts: tuple[Contact, ...] = ()
    poll: Poll | None = None
    reaction: Reaction | None = None
    reply: Reply | None = None
    buttons: tuple[Button, ...] = ()
    order: Order | None = None
    product: Product | None = None


class Message(msgspec.Struct, frozen=True):
    """One message of either direction, as the store holds it."""

    id: MessageId
    session_id: SessionId
    session: SessionName
    direction: Direction
    chat: str
    """The conversation: an address (`core.address`), in the one spelling that the session files it under. With the
    session, the lane."""
    content: Content
    state: MessageState
    created_at: float
    updated_at: float
    to: str | None = None
    sender: str | None = None
    provider_id: str | None = None
    reason: Reason | None = None
    priority: int = 5
    expires_at: float | None = None
    on_down: Literal["hold", "fail"] = "hold"
    client_ref: str | None = None
    quote: str | None = None
    mentions: tuple[str, ...] = ()
    attempts: int = 0
    due_at: float = 0.0
    closed_tries: int = 0
    """"Connection Closed" answers in the present series: the short retry of seed 004 counts them."""
    sent_at: float | None = None
    doubt_since: float | None = None
    queue_ref: str | None = None
    recovered: bool = False
    """An inbound message that was read back after a gap."""
    author: str | None = None
    """Of an inbound message in a group: its author's JID as WhatsApp's key names it (`sender` may be the phone)."""
    read_as: str | None = None
    """The region that was put in front of `to`, which came without a country code."""
    parked_at: float | None = None
    """Sent, and since then perhaps still in the provider's own queue; its chat waits (`core.parking`)."""


class AttemptRecord(msgspec.Struct, frozen=True):
    """One line of `GET /v1/messages/{id}`'s `attempts`."""

    at: float
    outcome: str
    detail: str = ""


class Approval(msgspec.Struct, frozen=True):
    """A destructive rung that waits for a person. `cost` says what will be lost (a reason code with a sentence)."""

    id: str
    session_id: SessionId
    session: SessionName
    rung: Rung
    because: str
    cost: Reason
    created_at: float
    outage: str | None = None
    state: Literal["open", "approved", "rejected", "stale"] = "open"
    decided_at: float | None = None
