"""The contract's documents: session, message, approval, timeline entry, QR, as everybody outside sees them.

Pure builders: values and a voice in, one frozen struct out. The voice (`Say`, `Tell`) turns a reason or a journal line
into words of one language; `plain_reason` is the voice without words, for event rows, which are read in many languages
later. The `…_document` functions give the same as plain mappings. Field names are the public contract's; times are
RFC 3339 UTC with milliseconds. Never lives here: a server (`server_documents`), a rule, a query, a sentence, a secret
(credentials, webhook tokens and the bytes of media are no part of any document).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, Protocol

import msgspec
from msgspec import UNSET, UnsetType

from esteio.core.messages import media_fetch
from esteio.core.messages.media_fetch import MediaState
from esteio.core.model.address import AddressKind, answerable, kind_of
from esteio.core.model.content import (
    Button,
    Contact,
    Content,
    Kind,
    Location,
    Media,
    Order,
    Poll,
    Product,
    Reaction,
    Reply,
)
from esteio.core.model.message import AttemptRecord, Direction, Message, MessageState
from esteio.core.model.recovery import Approval, Outage, Recovery, Rung
from esteio.core.model.session import Session
from esteio.core.model.state import Answer, Axis, Reason, SessionState
from esteio.core.model.tenant import DEFAULT

Document = dict[str, Any]
RestrictionKind = Literal["new-chats", "account"]


def timestamp(at: float) -> str:
    """Epoch seconds as `2026-11-21T07:50:56.797Z`."""
    second, thousandth = divmod(round(at * 1000), 1000)
    return f"{_second(second)}.{thousandth:03d}Z"


@lru_cache(maxsize=4096)  # a document names several times, and most lie in the same few seconds
def _second(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()[:19]


def maybe_timestamp(at: float | None) -> str | None:
    """The same; None for never."""
    return None if not at else timestamp(at)


def as_data(document: msgspec.Struct) -> Document:
    """The document as a plain mapping, for event rows."""
    data: Document = msgspec.to_builtins(document)
    return data


# -- the shapes --------------------------------------------------------------------------------------------------


class ReasonDocument(msgspec.Struct, frozen=True):
    """A stable code, what it means, and what a person can do about it."""

    code: str
    text: str
    action: str | None


class PlainReason(msgspec.Struct, frozen=True):
    """A reason that is not put into words yet: its code and what its sentence needs."""

    code: str
    args: Mapping[str, str]


Say = Callable[[Reason], ReasonDocument]


class AxisDocument(msgspec.Struct, frozen=True):
    """Can it send, can it receive; by which evidence and when."""

    value: Answer
    evidence: str | None
    at: str | None


class OutageDocument(msgspec.Struct, frozen=True):
    """An outage that is not over: since when, why (a reason's code), and how often it opened again."""

    id: str
    since: str
    because: str
    reopened: int


class RecoveryDocument(msgspec.Struct, frozen=True):
    """Where the session stands on the ladder: the open attempt, or else the next step (`rung` null while it is not
    chosen) and when it may come."""

    rung: Rung | None
    attempt: int
    next_at: str | None


class RestrictionDocument(msgspec.Struct, frozen=True):
    """What WhatsApp keeps a number from: `new-chats`, people who never wrote to it (463), or `account`, everything
    (402). `until` null: it did not say; `because`: a reason's code."""

    kind: RestrictionKind
    until: str | None
    because: str


class QrDocument(msgspec.Struct, frozen=True):
    """A code to scan, current when it was read."""

    code: str
    png_base64: str
    count: int
    seen_at: str
    expires_at: str


class ApprovalDocument(msgspec.Struct, frozen=True):
    """A destructive rung that waits for a person; `cost` says what will be lost."""

    id: str
    session: str
    rung: Rung
    because: str
    cost: str
    created_at: str
    state: str


class ReplacedWebhookDocument(msgspec.Struct, frozen=True):
    """The webhook that stood at the provider before ours. It is put back when the session is deleted with `keep`."""

    url: str
    events: tuple[str, ...]


class SessionDocument(msgspec.Struct, frozen=True):
    """One WhatsApp number on one server."""

    name: str
    server: str
    phone: str | None
    state: SessionState
    since: str
    reason: ReasonDocument
    can_send: AxisDocument
    can_receive: AxisDocument
    outage: OutageDocument | None
    last_restart_at: str | None
    recovery: RecoveryDocument | None
    held: int
    policy: str
    ref: Mapping[str, str]
    created_at: str
    quota: None = None
    """New chats, `{used, total, resets_at}`, where the provider can tell; none of ours can, so it is null."""
    restriction: RestrictionDocument | None = None
    qr: QrDocument | UnsetType = UNSET
    """Only in the answer of create, pair and recreate."""
    pairing_code: str | UnsetType = UNSET
    approval: ApprovalDocument | UnsetType = UNSET
    replaced_webhook: ReplacedWebhookDocument | UnsetType = UNSET
    """Only in the answer of an adoption and by the session's own address, where there was one."""
    retry_after_s: int | UnsetType = UNSET
    previous: SessionState | UnsetType = UNSET
    """Only in `session.state_changed`."""
    tenant: str | UnsetType = UNSET
    """Whose it is, where that is not `default`."""


class MediaDocument(msgspec.Struct, frozen=True):
    """What is known of a media. `url` hands out the bytes for a while (or is the caller's own, of one that goes out and
    is not fetched yet); `reason` says why they are gone."""

    kind: str
    url: str | None
    mime: str | None
    filename: str | None
    size: int | None
    state: MediaState
    reason: ReasonDocument | UnsetType = UNSET


class AttemptDocument(msgspec.Struct, frozen=True):
    """One try at sending: when, what came of it, and the provider's own words where it had any."""

    at: str
    outcome: str
    detail: str


class MessageDocument(msgspec.Struct, frozen=True):
    """One message of either direction. `to` when it goes out, `from` when it came in."""

    id: str
    session: str
    direction: Direction
    chat: str
    kind: Kind
    text: str | None
    media: MediaDocument | None
    state: MessageState
    reason: ReasonDocument | None
    provider_id: str | None
    created_at: str
    updated_at: str
    to: str | UnsetType = UNSET
    sender: str | UnsetType = msgspec.field(default=UNSET, name="from")
    location: Location | UnsetType = UNSET
    contacts: tuple[Contact, ...] | UnsetType = UNSET
    poll: Poll | UnsetType = UNSET
    reaction: Reaction | UnsetType = UNSET
    reply: Reply | UnsetType = UNSET
    """What was chosen from buttons or a list; `text` says it in words."""
    buttons: tuple[Button, ...] | UnsetType = UNSET
    """What a business message offers beside its words."""
    order: Order | UnsetType = UNSET
    product: Product | UnsetType = UNSET
    raw: str | UnsetType = UNSET
    """Where to read what the provider sent; given when this kind of message is not known here."""
    quote: str | UnsetType = UNSET
    mentions: tuple[str, ...] | UnsetType = UNSET
    chat_kind: AddressKind = "phone"
    answerable: bool | UnsetType = UNSET
    """False where nothing can be sent to `chat`: a status, a channel, a broadcast list."""
    read_as: str | UnsetType = UNSET
    """The region that was put in front of a `to` without a country code."""
    client_ref: str | UnsetType = UNSET
    expires_at: str | UnsetType = UNSET
    recovered: bool | UnsetType = UNSET
    attempts: tuple[AttemptDocument, ...] | UnsetType = UNSET
    """Only by the message's own address."""


class TimelineDocument(msgspec.Struct, frozen=True):
    """One line of a session's journal; `count` pieces of the same news were folded into it since `first_at`."""

    seq: int
    at: str
    kind: str
    text: str
    data: Mapping[str, Any]
    count: int = 1
    first_at: str | None = None


class TimelineLine(Protocol):
    """What a journal line must have; the store's `JournalEntry` is one."""

    @property
    def seq(self) -> int: ...
    @property
    def at(self) -> float: ...
    @property
    def kind(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def args(self) -> Mapping[str, str]: ...
    @property
    def data(self) -> Mapping[str, Any]: ...
    @property
    def count(self) -> int: ...
    @property
    def first_at(self) -> float | None: ...


Tell = Callable[[TimelineLine], str]
"""A journal line as a sentence."""


class QrValue(Protocol):
    """What a stored QR must have."""

    @property
    def code(self) -> str: ...
    @property
    def png_base64(self) -> str: ...
    @property
    def count(self) -> int: ...
    @property
    def seen_at(self) -> float: ...
    @property
    def expires_at(self) -> float: ...


# -- the builders ------------------------------------------------------------------------------------------------


def plain_reason(value: Reason) -> Any:
    """The voice without words: a `PlainReason`, which stands where a `ReasonDocument` will when it is read."""
    return PlainReason(value.code, dict(value.args))


def axis(value: Axis) -> AxisDocument:
    """One answer with the evidence that gave it."""
    return AxisDocument(value.value, value.evidence, maybe_timestamp(value.at))


def outage(value: Outage | None) -> OutageDocument | None:
    """None also for one that has ended."""
    if value is None or value.ended_at is not None:
        return None
    return OutageDocument(value.id, timestamp(value.since), value.because, value.reopened)


def recovery(value: Recovery) -> RecoveryDocument | None:
    """The open attempt, else the step that comes next as far as it is known; None when there is nothing to recover."""
    if value.open is not None:
        return RecoveryDocument(value.open.rung, value.open.number, maybe_timestamp(value.next_at or value.open.until))
    if value.awaiting is not None:
        return RecoveryDocument("person", value.last.number if value.last else 0, maybe_timestamp(value.next_at))
    if value.next_at is not None:
        coming: Rung | None = value.then[0] if value.then else None
        return RecoveryDocument(coming, 0, timestamp(value.next_at))
    return None


def restriction(value: Session) -> RestrictionDocument | None:
    """None while it may do everything, as far as was seen."""
    if value.reason.code == "temp-banned":
        return RestrictionDocument("account", maybe_timestamp(value.facts.code_until), "temp-banned")
    if value.restricted_until:
        return RestrictionDocument("new-chats", timestamp(value.restricted_until), "restricted-463")
    return None


def session(value: Session, held: int, say: Say, *, previous: SessionState | None = None) -> SessionDocument:
    """`held` is the number of messages that wait."""
    return SessionDocument(
        name=value.name,
        server=value.server,
        phone=value.phone or value.facts.phone_seen or None,
        state=value.state,
        since=timestamp(value.since),
        reason=say(value.reason),
        can_send=axis(value.can_send),
        can_receive=axis(value.can_receive),
        outage=outage(value.outage),
        last_restart_at=maybe_timestamp(value.recovery.last_restart_at),
        recovery=recovery(value.recovery),
        held=held,
        policy=value.policy,
        ref=value.ref,
        created_at=timestamp(value.created_at),
        restriction=restriction(value),
        previous=UNSET if previous is None else previous,
        tenant=UNSET if value.tenant == DEFAULT else value.tenant,
    )


def qr(value: QrValue) -> QrDocument:
    """The code as it is held; whether it may be shown is the caller's question."""
    return QrDocument(value.code, value.png_base64, value.count, timestamp(value.seen_at), timestamp(value.expires_at))


Link = Callable[[str, Media], str]
"""(Message id, its media) → an address that hands out the bytes for a while."""


def media(value: Message, say: Say, link: Link | None = None) -> MediaDocument | None:
    """What is known of a message's media, without its bytes. `link` None: no address, for a document that is kept."""
    found = value.content.media
    if found is None:
        return None
    state, reason = media_fetch.shown(found, value.state)
    url = found.url
    if url is None and link is not None and state != "gone":
        url = link(value.id, found)
    told = UNSET if reason is None else say(reason)
    return MediaDocument(found.kind, url, found.mime, found.filename, found.size, state, told)


def _content_parts(content: Content) -> dict[str, Any]:
    """Of each kind its own part; most have none."""
    return {name: part for name in _PARTS if (part := getattr(content, name))}


_PARTS = ("location", "contacts", "poll", "reaction", "reply", "buttons", "order", "product")


def message(
    value: Message,
    say: Say,
    *,
    gate_open: bool = True,
    attempts: Iterable[AttemptRecord] | None = None,
    link: Link | None = None,
) -> MessageDocument:
    """`gate_open`: whether its session may send now; behind a closed gate `queued` is shown as `held`. `link` signs the
    address of its media."""
    outgoing = value.direction == "out"
    return MessageDocument(
        id=value.id,
        session=value.session,
        direction=value.direction,
        chat=value.chat,
        kind=value.content.kind,
        text=value.content.text,
        media=media(value, say, link),
        state="held" if value.state == "queued" and not gate_open else value.state,
        reason=None if value.reason is None else say(value.reason),
        provider_id=value.provider_id,
        created_at=timestamp(value.created_at),
        updated_at=timestamp(value.updated_at),
        to=(value.to or value.chat) if outgoing else UNSET,
        sender=UNSET if outgoing else (value.sender or value.chat),
        quote=value.quote or UNSET,
        mentions=value.mentions or UNSET,
        chat_kind=kind_of(value.chat),
        answerable=UNSET if answerable(value.chat) else False,
        read_as=value.read_as or UNSET,
        client_ref=value.client_ref or UNSET,
        expires_at=timestamp(value.expires_at) if outgoing and value.expires_at else UNSET,
        recovered=True if value.recovered else UNSET,
        raw=f"/v1/messages/{value.id}/raw" if value.content.kind == "unknown" else UNSET,
        attempts=UNSET if attempts is None else tuple(attempt(line) for line in attempts),
        **_content_parts(value.content),
    )


def attempt(value: AttemptRecord) -> AttemptDocument:
    """One line of a message's `attempts`."""
    return AttemptDocument(timestamp(value.at), value.outcome, value.detail)


def approval(value: Approval, say: Say) -> ApprovalDocument:
    """A rung that waits for a person, with what it would cost."""
    cost: Any = say(value.cost)
    return ApprovalDocument(
        id=value.id,
        session=value.session,
        rung=value.rung,
        because=value.because,
        cost=getattr(cost, "text", value.cost.code),
        created_at=timestamp(value.created_at),
        state=value.state,
    )


def _shown(name: str, word: Any) -> Any:
    """Times inside a line's data are epoch seconds; outside they are RFC 3339 like all others."""
    return timestamp(word) if name.endswith("_at") and isinstance(word, int | float) and word else word


def timeline(line: TimelineLine, tell: Tell) -> TimelineDocument:
    """One line of the journal as a sentence, beside its code and data."""
    return TimelineDocument(
        seq=line.seq,
        at=timestamp(line.at),
        kind=line.kind,
        text=tell(line),
        data={
            "code": line.code,
            "args": dict(line.args),
            **{name: _shown(name, word) for name, word in line.data.items()},
        },
        count=line.count,
        first_at=maybe_timestamp(line.first_at),
    )


# -- the same as plain mappings, without words, for event rows ---------------------------------------------------


def message_document(value: Message) -> Document:
    """A message event's data."""
    return as_data(message(value, plain_reason))


def session_document(value: Session, held: int, *, previous: SessionState | None = None) -> Document:
    """A session event's data."""
    return as_data(session(value, held, plain_reason, previous=previous))


def approval_document(value: Approval) -> Document:
    """An approval event's data."""
    return as_data(approval(value, plain_reason))
