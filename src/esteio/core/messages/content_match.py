"""Whether something the provider shows is one of our own messages: same chat, same content.

Used to settle doubt: a message that may or may not have left is looked for among what really left. Too strict a match
leaves doubt; too loose a one loses a message, so only what both sides carry faithfully is compared. Never lives here:
what follows from a match.
"""

from __future__ import annotations

from esteio.core.model.address import line_of, same_line
from esteio.core.model.content import Content


def same_content(ours: Content, shown: Content) -> bool:
    """Whether `shown` can be the provider's picture of `ours`. Media compare by kind and caption, not by bytes."""
    if ours.kind != shown.kind or _text(ours) != _text(shown):  # guard: echo-same-text
        return False
    match ours.kind:
        case "location":
            return _place(ours) == _place(shown)
        case "contacts":
            return [_digits(c.phone) for c in ours.contacts] == [_digits(c.phone) for c in shown.contacts]
        case "poll":
            return ours.poll is not None and shown.poll is not None and ours.poll.options == shown.poll.options
        case "reaction":
            return (
                ours.reaction is not None and shown.reaction is not None and ours.reaction.emoji == shown.reaction.emoji
            )
        case _:
            return True


def same_chat(ours: str, shown: str) -> bool:
    """Whether both name one conversation, in whatever spelling."""
    return same_line(ours, shown)


def _text(content: Content) -> str:
    if content.kind == "poll" and content.poll is not None:
        return content.poll.question.strip()
    return (content.text or "").replace("\r\n", "\n").strip() if content.kind != "reaction" else ""


def _place(content: Content) -> tuple[float, float] | None:
    spot = content.location
    return None if spot is None else (round(spot.latitude, 5), round(spot.longitude, 5))


def _digits(phone: str) -> str:
    return line_of("".join(c for c in phone if c.isdigit()))
