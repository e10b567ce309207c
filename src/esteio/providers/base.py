"""What a provider adapter is, and the few words it shares with the rest of the house.

Lives here: the HTTP values, the `Transport` port, the `Flow` shape, the outcomes of each operation and the
`Provider` protocol. Never lives here: a URL of any provider, a retry, a clock, a socket.

An adapter's operation is a *flow*: a generator that yields `HttpRequest` and receives `HttpResponse`, and returns an
outcome. Those that the core settles (`SendOutcome`, `LookupOutcome`, `QueueOutcome`) are its values, named here again.
It neither waits nor retries; `driver.run` is the only thing that turns requests into traffic, and it throws
`TransportFailed` *into* the flow when no answer came, so that the flow (which knows what the step meant) decides what
that proves. A flow always catches it and says so in its outcome; `driver.run` lets one that was not caught pass.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, Literal, Protocol, TypeVar

import msgspec

from esteio.core.messages.doubts import LookupOutcome
from esteio.core.messages.outbox import SendOutcome
from esteio.core.messages.provider_queue import QueueOutcome
from esteio.core.model.capabilities import Capabilities, Quirk
from esteio.core.model.content import Content
from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import ServerName
from esteio.core.model.inbound import CarriedEvent, InboundEvent
from esteio.core.model.state import Reason
from esteio.providers.declaration import Declaration
from esteio.providers.parsing import Json, read_json, text_of

__all__ = [
    "ActOutcome",
    "DownloadOutcome",
    "Flow",
    "HttpRequest",
    "HttpResponse",
    "InventoryEntry",
    "InventoryOutcome",
    "LookupOutcome",
    "OutgoingMessage",
    "ProbeDepth",
    "ProbeOutcome",
    "Provider",
    "QrCode",
    "QueueOutcome",
    "SendOutcome",
    "SentQuery",
    "SessionEndpoint",
    "StandingWebhook",
    "Transport",
    "TransportFailed",
    "WebhookReading",
]

# -- the wire ----------------------------------------------------------------------------------------------------


class HttpRequest(msgspec.Struct, frozen=True, gc=False):
    """One request. `url` is absolute; `timeout_s` bounds the whole exchange, connect included."""

    method: str
    url: str
    headers: Mapping[str, str] = {}
    body: bytes = b""
    timeout_s: float = 10.0


class HttpResponse(msgspec.Struct, frozen=True):
    """One answer. Header names are lower case. `body` is complete and bounded by the transport."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""

    def json(self) -> Json:
        """The decoded body, or None when it is not JSON (an HTML page, an empty body). Read leniently, never raises."""
        return read_json(self.body, self.headers.get("content-type", ""))

    def text(self) -> str:
        """The body as text, whatever its charset. Never raises."""
        return text_of(self.body, self.headers.get("content-type", ""))

    @property
    def is_html(self) -> bool:
        """Whether this is a page for people: the mark of a wrong path, a proxy, or a login wall."""
        kind = self.headers.get("content-type", "")
        begins = self.body[:200].lstrip(b"\xef\xbb\xbf \t\r\n")[:15].lower()
        return "text/html" in kind or begins.startswith((b"<!doctype", b"<html"))


class TransportFailed(Exception):
    """No complete answer came.

    `sent` says whether the request may have reached the other side: "no" (connection refused, DNS, TLS: surely not
    processed) or "maybe" (time-out, reset after sending, answer cut or too large). `crowded`: it was never asked, for
    too many requests of ours were under way there; that speaks of us, not of the server. So does `ours`: a connection
    kept from an earlier exchange, which may have ended at any time since; a time-out that we were too busy to keep.
    `cause`: why there was no connection, beside the common refusal: the `name` leads nowhere, the `certificate`
    was not accepted, the `tls` handshake failed.
    """

    def __init__(
        self,
        reason: str,
        *,
        sent: Literal["no", "maybe"],
        timed_out: bool = False,
        crowded: bool = False,
        ours: bool = False,
        cause: Literal["", "name", "certificate", "tls"] = "",
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent: Literal["no", "maybe"] = sent
        self.timed_out = timed_out
        self.crowded = crowded
        self.ours = ours
        self.cause: Literal["", "name", "certificate", "tls"] = cause


class Transport(Protocol):
    """The one door to the network: aiohttp in service, the simulated world in virtual time."""

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        """Perform one exchange. Raises `TransportFailed` and nothing else."""
        ...

    async def aclose(self) -> None:
        """Close what is held open. Double close is harmless."""
        ...


T = TypeVar("T")
Flow = Generator[HttpRequest, HttpResponse, T]


# -- what operations return --------------------------------------------------------------------------------------


class QrCode(msgspec.Struct, frozen=True):
    """A code to scan. `code` is the raw text; `png_base64` (no data: prefix) may be empty, then it is drawn by us."""

    code: str
    png_base64: str = ""
    count: int = 0
    pairing_code: str | None = None


class ActOutcome(msgspec.Struct, frozen=True):
    """What a control act (create, connect, restart, logout, delete, set_webhook) was *answered*; never its effect.

    `answer`: `ok` the provider said yes; `no` it said no (also with HTTP 200 and an error body); `noop` it said that
    there is nothing to do (restart on a closed instance); `exists` create of a name that is taken; `missing` the
    instance is unknown; `unsupported` this provider has no such call; `unanswered` no answer in time;
    `not_reached` surely not processed.
    """

    answer: Literal["ok", "no", "noop", "exists", "missing", "unsupported", "unanswered", "not_reached"]
    detail: str = ""
    evidence: tuple[Evidence, ...] = ()
    qr: QrCode | None = None
    """Only a code that this very answer proves fresh (`count` grew, or the instance was never paired)."""
    ref: Mapping[str, str] = {}
    """What the provider calls the session now, when the act changed or learned it."""


class ProbeOutcome(msgspec.Struct, frozen=True):
    """What a look saw: evidence about the session and, where it speaks of the server, about the server."""

    evidence: tuple[Evidence, ...]
    qr: QrCode | None = None
    detail: str = ""


class DownloadOutcome(msgspec.Struct, frozen=True):
    """What a provider gave for one media: its bytes (`data`), or a public address where they lie for a while (`url`,
    which the engine fetches over the guarded road), or nothing. Then `said_no`: it answered, and has not got it;
    otherwise it could not be asked. `gone`: there is no use in asking again."""

    data: bytes = b""
    url: str | None = None
    mime: str | None = None
    filename: str | None = None
    said_no: bool = False
    gone: Reason | None = None
    detail: str = ""


class InventoryEntry(msgspec.Struct, frozen=True, gc=False):
    """One row of the provider's list: a hint, never a proof. `claim`: its state as the kind of evidence it is.
    `messages`: how many the instance's own list of messages holds; None where the server does not tell."""

    key: str
    state: str
    claim: str = "said_unknown"
    phone: str | None = None
    messages: int | None = None


class InventoryOutcome(msgspec.Struct, frozen=True):
    """One list call: what the server says it holds, its version where it tells, and evidence about the server."""

    entries: tuple[InventoryEntry, ...] | None
    evidence: tuple[Evidence, ...] = ()
    version: str | None = None


class StandingWebhook(msgspec.Struct, frozen=True, omit_defaults=True):
    """The webhook that stands at the provider, whoever set it.

    `foreign`: somebody else's; `ours`: it points at `where.webhook_url`; `none`: no address is set; `missing`: the
    instance is unknown; `unreadable`: this provider cannot tell; `unanswered`: this look brought no answer.
    `url` and `events` are what people are shown; `more` are other addresses beside it, with what each is told; `row` is
    all that `put_back_webhook` needs, as the provider said it. Event names are Evolution's.
    """

    found: Literal["foreign", "ours", "none", "missing", "unreadable", "unanswered"]
    url: str = ""
    events: tuple[str, ...] = ()
    more: Mapping[str, tuple[str, ...]] = {}
    headers: Mapping[str, str] = {}
    by_events: bool = False
    row: Mapping[str, Json] = {}
    detail: str = ""


class WebhookReading(msgspec.Struct, frozen=True):
    """What one provider webhook says. `readable` False: kept as it came, counted, shown, never dropped."""

    readable: bool
    evidence: tuple[Evidence, ...] = ()
    events: tuple[InboundEvent, ...] = ()
    qr: QrCode | None = None
    note: str = ""
    carried: tuple[CarriedEvent, ...] = ()
    kept: bool = True
    """Of a history: whether there is a list at all. Where not, nobody can tell what it would have held."""


# -- where and what ----------------------------------------------------------------------------------------------


InstanceSettings = Mapping[str, Any]
"""What a client sets of an instance at its provider, in the provider's own words (calls, groups, presence)."""


class SessionEndpoint(msgspec.Struct, frozen=True, gc=False):
    """The provider's side of a session: everything a flow needs to address it. Credentials are in clear here."""

    server: ServerName
    base_url: str
    credentials: Mapping[str, str]
    session: str
    """Our name of the session; "" when the call is about the server only."""
    ref: Mapping[str, str] = {}
    """What the provider calls it: the fields of `Declaration.ref`, secrets among them."""
    version: str | None = None
    phone: str | None = None
    login_named: bool = False
    """Whether its login is known to have a name."""
    webhook_url: str = ""
    """Where the provider shall post its events for this session."""
    more_events: tuple[str, ...] = ()
    """What it shall post beside those that its adapter reads, in the provider's own names."""
    settings: InstanceSettings = {}
    """For a create: what a client set of the instance before."""


class OutgoingMessage(msgspec.Struct, frozen=True):
    """A message ready to be translated. `to` and `mentions` are addresses (`core.model.address`)."""

    to: str
    content: Content
    quote_provider_id: str | None = None
    mentions: tuple[str, ...] = ()
    quote_author: str | None = None
    """JID of who wrote the quoted message, in a group …"""
    reaction_author: str | None = None
    """… and of who wrote the one that this reacts to."""


class SentQuery(msgspec.Struct, frozen=True):
    """A message in doubt, as it can be recognised at the provider: chat, body and the time window of the send."""

    to: str
    content: Content
    not_before: float
    """Epoch seconds: when the attempt began, less a minute for the provider's clock."""
    queue_ref: str | None = None
    known_ids: frozenset[str] = frozenset()
    """Provider ids already matched to other messages; they are not this one."""
    not_after: float | None = None
    """What the list dates later is another message of the same words, sent since."""
    over: bool = False
    """The provider has answered this send, or its process is a new one: it is not under way there any more."""


ProbeDepth = Literal["state", "pulse", "socket", "roundtrip"]
"""How much a probe reads. `state`: the provider's own word; `pulse`: the cheapest that proves a line which is believed
to live, and where it does not, as much as `socket`; `socket`: also the socket; `roundtrip`: also an answer of WhatsApp.
An adapter that has no such read does what comes nearest."""


class Provider(Protocol):
    """A dialect. Stateless and pure: every method is a flow or a reading.

    Every flow may take several requests. `now` (epoch seconds) stamps the evidence; flows never read a clock. For
    evidence that depends on how long an exchange took, `seen_at = now` is early by at most the exchange.
    """

    kind: str
    """The server's kind, as a person writes it; also the name of the adapter's entry point."""
    capabilities: Capabilities
    declaration: Declaration
    """What has to be said to use a server and an instance, and what of it is secret."""

    def quirks(self, version: str | None) -> tuple[Quirk, ...]:
        """The known lies that are in force for this version; for None all that may be."""
        ...

    def create(self, where: SessionEndpoint, now: float, *, pair_phone: str | None = None) -> Flow[ActOutcome]:
        """Makes the instance at the server, with our webhook; `exists` for a name that is taken. `pair_phone`: the
        digits to pair with by code instead of a QR."""
        ...

    def connect(self, where: SessionEndpoint, now: float, *, pair_phone: str | None = None) -> Flow[ActOutcome]:
        """Begins to connect an existing instance, by its stored credentials or by a new QR, or a pairing code for
        `pair_phone`."""
        ...

    def restart(self, where: SessionEndpoint, now: float) -> Flow[ActOutcome]:
        """Connects anew with the stored credentials; whether the link survives is `Capabilities.restart_keeps_link`.
        `unsupported` where the server has no such call."""
        ...

    def logout(self, where: SessionEndpoint, now: float) -> Flow[ActOutcome]:
        """Unlinks the device at WhatsApp; the instance stays, and only a new pairing connects it again."""
        ...

    def delete(self, where: SessionEndpoint, now: float) -> Flow[ActOutcome]:
        """Takes the instance away at the server, its credentials with it; `missing` for an unknown one."""
        ...

    def set_webhook(self, where: SessionEndpoint, now: float) -> Flow[ActOutcome]:
        """Has the provider post its events to `where.webhook_url`, in place of whatever address stood there."""
        ...

    def check_webhook(self, where: SessionEndpoint, now: float) -> Flow[ProbeOutcome]:
        """Whether the provider still posts to `where.webhook_url` all that we need: `webhook_config_ok` or `_gone`;
        `_unread` where the provider answers and cannot tell."""
        ...

    def standing_webhook(self, where: SessionEndpoint, now: float) -> Flow[StandingWebhook]:
        """What stands there before ours is set. A read."""
        ...

    def put_back_webhook(self, where: SessionEndpoint, now: float, kept: StandingWebhook) -> Flow[ActOutcome]:
        """What stood there before ours, set again; where nothing stood, ours is taken away. Only while ours is there:
        `noop` otherwise."""
        ...

    def probe(self, where: SessionEndpoint, now: float, depth: ProbeDepth) -> Flow[ProbeOutcome]:
        """Reads the instance's state, as deep as `depth` asks; gives evidence, and acts on nothing."""
        ...

    def inventory(self, where: SessionEndpoint, now: float) -> Flow[InventoryOutcome]:
        """Which instances the server holds, with the state that it reports of each. A read."""
        ...

    def read_qr(self, where: SessionEndpoint, now: float) -> Flow[ProbeOutcome]:
        """A fresh look for a QR, without side effect. Where the dialect cannot tell a fresh one: no `qr`."""
        ...

    def send(self, where: SessionEndpoint, now: float, message: OutgoingMessage, timeout_s: float) -> Flow[SendOutcome]:
        """Hands one message over, within `timeout_s` seconds. The outcome says whether it was accepted, refused, or may
        have gone; never tried again here."""
        ...

    def look_up(self, where: SessionEndpoint, now: float, query: SentQuery) -> Flow[LookupOutcome]:
        """Whether a message whose send is in doubt is in the provider's list: found, surely absent, or `unknown` where
        the list cannot tell."""
        ...

    def read_queue(self, where: SessionEndpoint, now: float) -> Flow[QueueOutcome]:
        """The provider's own queue, where an accepted send may be `queued`."""
        ...

    def history(self, where: SessionEndpoint, now: float, since: float) -> Flow[WebhookReading]:
        """What the provider's own list holds since `since`, in the normal form of webhooks, for filling gaps."""
        ...

    def is_own_address(self, where: SessionEndpoint, url: str) -> bool:
        """Whether a media's address is the provider's own, so that `download` fetches it and no guard is asked."""
        ...

    def download(
        self, where: SessionEndpoint, now: float, kind: str, source: Mapping[str, str]
    ) -> Flow[DownloadOutcome]:
        """The bytes of a media that came in; `source` as this adapter put it into `Media.source`, with `url` where
        the media's address is its own."""
        ...

    def read_webhook(self, where: SessionEndpoint, body: bytes, path: str, now: float) -> WebhookReading:
        """Pure and total: junk gives `readable=False`, unknown events give an empty reading with a note."""
        ...
