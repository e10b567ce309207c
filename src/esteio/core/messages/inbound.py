"""The rules of what comes in: what is applied once, what is new, and which of our sends an echo is about.

Pure values in, pure values out; the store reads the rows that a rule asks about and writes what it answers. Never lives
here: a provider's field name, what an event proves about a session, storage.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from esteio.core.messages.content_match import same_chat, same_content
from esteio.core.model.address import may_be_same_line
from esteio.core.model.content import Content
from esteio.core.model.inbound import (
    DeletedMessage,
    EditedMessage,
    InboundEvent,
    Receipt,
    ReceivedMessage,
    ReceivedReaction,
    SendEcho,
)
from esteio.core.model.message import Direction, Message, MessageState

CLOCKS_APART_S = 60.0
"""How far a provider's clock may be behind ours."""


def dedupe_key(event: InboundEvent) -> str:
    """The key under which this event is accepted once for good, within its session."""
    match event:
        case ReceivedMessage():
            # Who sent it is part of WhatsApp's own key: a stranger may use an id of ours.
            return f"{'o' if event.from_me else 'm'}:{event.provider_id}"  # guard: stranger-with-our-id
        case SendEcho():
            return f"e:{event.provider_id}"
        case Receipt():
            # An update without a status of its own is no acknowledgement, and may not stand in the way of one.
            return f"{'r' if event.proves else 'u'}:{event.provider_id}:{event.state}"
        case EditedMessage():
            return f"x:{event.provider_id}:{event.happened_at:.3f}"
        case DeletedMessage():
            return f"d:{event.provider_id}"
        case _:
            return f"a:{event.provider_id}"


def departure_keys(provider_id: str) -> tuple[str, ...]:
    """The keys of the events that show that a message of ours has left: what the provider told of before it answered
    the send is not in its queue any more."""
    receipts = tuple(f"r:{provider_id}:{state}" for state in ("server", "device", "read", "played"))
    return (f"e:{provider_id}", f"o:{provider_id}", *receipts)


def born(event: ReceivedMessage | ReceivedReaction) -> tuple[Direction, MessageState]:
    """How a message that is first heard of begins: typed on the phone it has left, from outside it has arrived."""
    return ("out", "sent") if event.from_me else ("in", "delivered")


def is_known(event: ReceivedMessage, chat: str, alike: Sequence[Message]) -> bool:
    """Whether a message that came is one of those with its id. Ids are their senders': with the id of a message of the
    other direction it is another message, unless it says the same in the same chat. Then it is that one, misread."""
    # guard: second-source-is-same-message
    if any((one.direction == "out") == event.from_me for one in alike):
        return True
    # guard: our-echo-not-doubled
    return any(same_chat(one.chat, chat) and same_content(one.content, event.content) for one in alike)


def is_own(phone: str | None, sender: str) -> bool:
    """Whether the sender is our own phone, in a spelling that we may not know: then a message with the id of one of
    ours is that one, misread."""
    return phone is not None and (same_chat(phone, sender) or may_be_same_line(phone, sender))


def is_echo_of(ours: Message, chat: str, content: Content, happened_at: float) -> bool:
    """Whether what was seen leaving then is this message, of which nobody knows whether it left. What was there before
    its send began is something else of the same words (news may come late), and so is what left after it was set
    aside."""
    began = ours.updated_at if ours.doubt_since is None else ours.doubt_since
    if happened_at + CLOCKS_APART_S < began:  # guard: echo-not-older-than-send
        return False
    if ours.set_aside_at is not None and ours.set_aside_at < let_pass_after(happened_at):
        return False
    return same_chat(ours.chat, chat) and same_content(ours.content, content)  # guard: echo-same-chat


def let_pass_after(happened_at: float) -> float:
    """What was set aside before that time did not leave at this one."""
    return happened_at - CLOCKS_APART_S


def as_stored(content: Content) -> Content:
    """What a message says, without what only the fetch of its media needs to know."""
    if content.media is None or content.media.source is None:
        return content
    return msgspec.structs.replace(content, media=msgspec.structs.replace(content.media, source=None))


def edited(content: Content, text: str) -> Content:
    """What a message says once its words were changed."""
    return msgspec.structs.replace(content, text=text)
