"""The normal form of what arrives: messages, edits, deletions, reactions, receipts.

Adapters translate a provider's webhook into these values. Never lives here: a provider's field name, what
follows from an event (`core.messages.inbound`, `core.messages.receipts`).
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from esteio.core.model.content import Content

AckState = Literal["error", "pending", "server", "device", "read", "played"]


class ReceivedMessage(msgspec.Struct, frozen=True, tag="message"):
    """A message that came in, or one of ours typed on the phone (`from_me`)."""

    provider_id: str
    chat: str
    """An address in normal form (`core.model.address`)."""
    sender: str
    happened_at: float
    content: Content
    from_me: bool = False
    push_name: str | None = None
    chat_lid: str | None = None
    """The `@lid` that the same message named beside the phone: joined and remembered."""
    quoted_provider_id: str | None = None
    author: str | None = None
    """In a group: the author's JID as the message's own key names it, without its device. Who reacts must say it."""
    source: bytes | None = None
    """The provider's own row, where it came from a list and not by a webhook (which is kept as it came)."""


class SendEcho(msgspec.Struct, frozen=True, tag="echo"):
    """The provider's own event about a message sent through its API: settles sends in doubt."""

    provider_id: str
    chat: str
    happened_at: float
    content: Content


class Receipt(msgspec.Struct, frozen=True, tag="receipt"):
    """How far one of our messages got. `proves` is False for an update that carried no status of its own."""

    provider_id: str
    state: AckState
    happened_at: float
    chat: str | None = None
    from_me: bool = True
    error_code: str | None = None
    proves: bool = True


class EditedMessage(msgspec.Struct, frozen=True, tag="edited"):
    """The message of this id now reads `text`; None when the provider does not say how. `happened_at`: epoch
    seconds."""

    provider_id: str
    chat: str
    happened_at: float
    text: str | None = None


class DeletedMessage(msgspec.Struct, frozen=True, tag="deleted"):
    """The message of this id was deleted for everybody in its chat. `happened_at`: epoch seconds."""

    provider_id: str
    chat: str
    happened_at: float


class ReceivedReaction(msgspec.Struct, frozen=True, tag="reaction"):
    """A reaction to the message `target_provider_id`; an empty `emoji` takes it back."""

    provider_id: str
    """Of the reaction itself."""
    target_provider_id: str
    chat: str
    sender: str
    happened_at: float
    emoji: str
    from_me: bool = False


class CarriedEvent(msgspec.Struct, frozen=True):
    """What Esteio does not model, to be handed on in its server's own words to those who asked for it."""

    name: str
    data: Any


InboundEvent = ReceivedMessage | SendEcho | Receipt | EditedMessage | DeletedMessage | ReceivedReaction
