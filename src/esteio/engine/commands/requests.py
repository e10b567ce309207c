"""What a caller may ask, as shapes: the bodies of the contract, decoded strictly.

Unknown fields are refused by the decoder, ranges and patterns stand in the types, so that the API's description and
its behaviour are one. Never lives here: a check that needs the store, a clock or the network (see `commands`,
`compose`, `engine.url_guard`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from esteio.core.model.content import Button, Kind, Native
from esteio.core.webhooks.delivery_policy import Format

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}\Z", description="1 to 64 of A-Za-z0-9._-")]
Wait = Annotated[float, Meta(ge=0, le=60, description="seconds")]
Time = Annotated[str, Meta(description="RFC 3339, with its offset", extra_json_schema={"format": "date-time"})]
Text = Annotated[str, Meta(min_length=1, max_length=65536)]
Short = Annotated[str, Meta(min_length=1, max_length=1024)]
Maybe = Annotated[str, Meta(max_length=1024)]
Role = Literal["admin", "operate", "send", "read"]
PublicText = Annotated[str, Meta(min_length=1, max_length=100)]
Label = Annotated[str, Meta(min_length=1, max_length=60)]
AtProvider = Literal["keep", "logout", "delete"]


class RequestBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body: unknown fields are refused."""

    def given(self) -> dict[str, Any]:
        """What was said; what was left out stays out."""
        return {name: word for name, word in msgspec.structs.asdict(self).items() if word is not UNSET}


Connects = Annotated[int, Meta(ge=1, le=1000)]
Seconds = Annotated[float, Meta(ge=0, le=3600)]
Pace = Annotated[float, Meta(ge=0, le=1_000_000)]
Burst = Annotated[int, Meta(ge=0, le=1_000_000)]


class LimitsRequest(RequestBody, frozen=True):
    """A server's own limits; null falls back to the policy."""

    connects_in_flight: Connects | None = None
    seconds_between_connects: Seconds | None = None
    sends_per_minute: Pace | None = None
    sends_burst: Burst | None = None


class LimitsChange(RequestBody, frozen=True):
    """What of a server's own limits shall be different; null falls back to the policy, what is left out stays."""

    connects_in_flight: Connects | UnsetType | None = UNSET
    seconds_between_connects: Seconds | UnsetType | None = UNSET
    sends_per_minute: Pace | UnsetType | None = UNSET
    sends_burst: Burst | UnsetType | None = UNSET


class ServerRequest(RequestBody, frozen=True):
    """A provider deployment. `credentials` are what its adapter declares (`providers.declaration`)."""

    name: Name
    kind: Short
    base_url: Short
    credentials: dict[str, str] = {}
    limits: LimitsRequest = LimitsRequest()
    tenant: Name | None = None
    """Whose it is; none: all tenants share it."""


class ServerChange(RequestBody, frozen=True):
    """What shall be different; what is left out stays."""

    base_url: Short | UnsetType = UNSET
    credentials: dict[str, str] | UnsetType = UNSET
    limits: LimitsChange | UnsetType = UNSET


class SessionRequest(RequestBody, frozen=True):
    """A new session. `ref` is what the provider calls it; by default its own name."""

    name: Name
    server: Annotated[str, Meta(max_length=64)]
    phone: str | None = None
    ref: dict[str, str] = {}
    policy: str = "default"
    adopt: bool = False
    forward: bool = False
    """Of an adoption: the webhook that stands there goes on, as a subscription in Evolution's format."""
    dry_run: bool = False
    """Of an adoption: only say what would be done."""
    wait_s: Wait | None = None
    tenant: Name | UnsetType = UNSET
    """Whose it is: the operator's to say; left out, the key's own tenant or the server's, else `default`."""


class SessionChange(RequestBody, frozen=True):
    """What shall be different; what is left out stays. `phone` null: any number. Of `ref`, what is given replaces."""

    phone: str | UnsetType | None = UNSET
    policy: str | UnsetType = UNSET
    ref: dict[str, str] | UnsetType = UNSET
    tenant: Name | UnsetType = UNSET
    """Whose it is from now on, its past with it: the operator's to say."""


class AdoptRequest(RequestBody, frozen=True):
    """Which of a server's instances to adopt, by the provider's name for them."""

    instances: Literal["all"] | Annotated[tuple[Short, ...], Meta(min_length=1, max_length=1000)]
    forward: bool = False
    dry_run: bool = False
    tenant: Name | UnsetType = UNSET
    """As of a new session."""


class PairRequest(RequestBody, frozen=True):
    """`phone_number` asks for a pairing code instead of a QR."""

    wait_s: Wait | None = None
    phone_number: str | None = None


class WaitRequest(RequestBody, frozen=True):
    """A request that only says how long to wait."""

    wait_s: Wait | None = None


class EmptyRequest(RequestBody, frozen=True):
    """A request that says nothing."""


class MediaRequest(RequestBody, frozen=True):
    """Exactly one of `url` and `base64`."""

    kind: Literal["image", "video", "audio", "document", "sticker"]
    url: Annotated[str, Meta(max_length=4096)] | None = None
    base64: str | None = None
    mime: Annotated[str, Meta(pattern=r"^[\w.+-]+/[\w.+-]+(;.*)?\Z", max_length=128)] | None = None
    filename: Annotated[str, Meta(min_length=1, max_length=255)] | None = None


class LocationRequest(RequestBody, frozen=True):
    """A place to send: degrees, WGS 84, with an optional name and address."""

    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    name: Maybe | None = None
    address: Maybe | None = None


class ContactRequest(RequestBody, frozen=True):
    """A contact's card to send; `phone` is any spelling of a phone number."""

    name: Short
    phone: str


class PollRequest(RequestBody, frozen=True):
    """`choices` is how many options one person may take."""

    question: Short
    options: Annotated[tuple[Short, ...], Meta(min_length=2, max_length=12)]
    choices: Annotated[int, Meta(ge=1, le=12)] = 1


class ReactionRequest(RequestBody, frozen=True):
    """`message` is an id of ours; an empty emoji takes the reaction back."""

    message: Short
    emoji: Annotated[str, Meta(max_length=32)]


class MessageRequest(RequestBody, frozen=True):
    """One message: exactly one of text, media, location, contacts, poll, reaction."""

    to: Annotated[str, Meta(min_length=1, max_length=128)]
    text: Text | None = None
    media: MediaRequest | None = None
    caption: Annotated[str, Meta(max_length=65536)] | None = None
    location: LocationRequest | None = None
    contacts: Annotated[tuple[ContactRequest, ...], Meta(min_length=1, max_length=100)] | None = None
    poll: PollRequest | None = None
    reaction: ReactionRequest | None = None
    quote: Short | None = None
    mentions: Annotated[tuple[str, ...], Meta(max_length=1024)] = ()
    priority: Annotated[int, Meta(ge=0, le=9)] = 5
    expires_in_s: Annotated[float, Meta(gt=0, le=31_536_000, description="seconds")] | None = None
    on_down: Literal["hold", "fail"] | None = None
    client_ref: Annotated[str, Meta(min_length=1, max_length=255)] | None = None


class NativeRequest(MessageRequest, frozen=True):
    """A message with what only one dialect can say beside it. With `kind` it is of that kind (`NATIVE_KINDS`), and
    `text`, `media` and `buttons` are what of it can be shown."""

    native: Native | None = None
    kind: Kind | None = None
    buttons: tuple[Button, ...] = ()
    fetches: tuple[Short, ...] = ()
    """Addresses that the provider itself will ask."""


Glob = Annotated[str, Meta(min_length=1, max_length=128)]
Globs = Annotated[tuple[Glob, ...], Meta(min_length=1, max_length=1000)]


class KeyRequest(RequestBody, frozen=True):
    """A new API key. `sessions` are names or globs; left out, it reaches what its maker reaches."""

    name: Annotated[str, Meta(min_length=1, max_length=128)]
    role: Role
    sessions: Globs | UnsetType = UNSET
    expires_at: str | None = None
    tenant: Name | UnsetType = UNSET
    """Whose it is: the operator's to say; left out, its maker's. An operator's key with `sessions` is of `default`."""


Quota = Annotated[int, Meta(ge=0, le=1_000_000_000)]


class QuotasRequest(RequestBody, frozen=True):
    """How much a tenant may hold; null or left out: no bound. `messages_per_day`: accepted for sending, by days of
    UTC."""

    sessions: Quota | None = None
    messages_per_day: Quota | None = None
    webhooks: Quota | None = None
    servers: Quota | None = None


class QuotasChange(RequestBody, frozen=True):
    """What shall be different; null: no bound any more; what is left out stays."""

    sessions: Quota | UnsetType | None = UNSET
    messages_per_day: Quota | UnsetType | None = UNSET
    webhooks: Quota | UnsetType | None = UNSET
    servers: Quota | UnsetType | None = UNSET


TenantName = Annotated[str, Meta(pattern=r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?\Z")]


class TenantRequest(RequestBody, frozen=True):
    """A new tenant. `name`: 1 to 32 of `a-z0-9-`, final."""

    name: TenantName
    title: PublicText
    quotas: QuotasRequest = QuotasRequest()


class TenantChange(RequestBody, frozen=True):
    """What shall be different; what is left out stays. `enabled: false`: its keys open nothing until it is true
    again."""

    title: PublicText | UnsetType = UNSET
    quotas: QuotasChange | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class StatusPageRequest(RequestBody, frozen=True):
    """A new public status page, which is off and empty."""

    name: Name
    title: PublicText
    tenant: Name | UnsetType = UNSET
    """Whose sessions it may show: the operator's to say; left out, its maker's, else `default`."""


class StatusPageChange(RequestBody, frozen=True):
    """`labels`: session → what strangers see it as; null takes it off the page; what is not named stays."""

    title: PublicText
    enabled: bool
    labels: dict[str, Label | None]


EventName = Annotated[str, Meta(min_length=1, max_length=64)]
Address = Annotated[str, Meta(min_length=1, max_length=2048)]


Headers = Annotated[
    dict[str, Annotated[str, Meta(max_length=4096)]],
    Meta(max_length=32, description="sent with every delivery; never shown again"),
]


class EndpointRequest(RequestBody, frozen=True):
    """A subscription. `events`: none means all. `sessions` are names or globs; left out, all that its maker reaches."""

    url: Address
    events: Annotated[tuple[EventName, ...], Meta(max_length=64)] = ()
    sessions: Globs | UnsetType = UNSET
    format: Format = "standard"
    media: Literal["url", "base64"] = "url"
    headers: Headers = msgspec.field(default_factory=dict)
    tenant: Name | UnsetType = UNSET
    """Whose it is: the operator's to say; left out, its maker's. An operator's with `sessions` is of `default`."""


class EndpointChange(RequestBody, frozen=True):
    """What shall be different; what is left out stays. `sessions: null` means all; `enabled: true` goes on where it
    stopped."""

    url: Address | UnsetType = UNSET
    events: Annotated[tuple[EventName, ...], Meta(max_length=64)] | UnsetType = UNSET
    sessions: Globs | UnsetType | None = UNSET
    format: Format | UnsetType = UNSET
    media: Literal["url", "base64"] | UnsetType = UNSET
    headers: Headers | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class RotateRequest(RequestBody, frozen=True):
    """For `overlap_s` every delivery carries a signature of both secrets."""

    overlap_s: Annotated[float, Meta(ge=0, le=2_592_000, description="seconds")] = 86_400.0


class ReplayRequest(RequestBody, frozen=True):
    """A range of time, RFC 3339, both ends included."""

    since: Time = msgspec.field(name="from")
    until: Time = msgspec.field(name="to")


class DeadLetterRequest(RequestBody, frozen=True):
    """Which dead letters go out again. `dry_run` only counts them."""

    kind: Literal["message", "event"] | None = None
    session: Name | None = None
    webhook: Short | None = None
    since: Time | None = msgspec.field(name="from", default=None)
    until: Time | None = msgspec.field(name="to", default=None)
    dry_run: bool = False
