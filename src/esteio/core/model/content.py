"""What a message says: text, media, location, contacts, poll, reaction, offers, and what comes with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from esteio.core.model.state import Reason

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
    "list",
    "buttons",
    "template",
    "status",
    "unknown",
]
MEDIA_KINDS: frozenset[str] = frozenset({"image", "video", "audio", "document", "sticker"})

NATIVE_KINDS: frozenset[str] = frozenset({"list", "buttons", "template", "status"})
"""What only the dialect of its `Native` can send, and what nobody can recognise in a provider's list."""


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
    """The bytes are being asked for (`core.messages.media_fetch`)."""
    gone: Reason | None = None
    """Why there are no bytes, and will not be."""


class Location(msgspec.Struct, frozen=True, omit_defaults=True):
    """A place on the map: degrees, WGS 84, north and east positive."""

    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None


class Contact(msgspec.Struct, frozen=True):
    """A contact's card: the name shown, and the phone number."""

    name: str
    phone: str


class Poll(msgspec.Struct, frozen=True):
    """A question with its options; at most `choices` of them may be picked."""

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


class Native(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an outgoing message asks for beside its normal form, in the words of one dialect: only an adapter of that
    dialect reads it, the others send what the content says without it, or refuse the kind (`NATIVE_KINDS`)."""

    dialect: str
    """The adapter's kind."""
    call: str
    """What that dialect calls the request: `sendPtv`."""
    fields: Mapping[str, Any] = {}
    """Of its body, by name: what goes before the adapter's own."""


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
    native: Native | None = None
