"""What must be known of one session after its webhooks were read: the inbox machine's model, without a store.

Applied once by its key; a message of ours moves forward only; what comes before the message that it speaks of waits
for it; every change is told in the order in which it was read.
"""

from dataclasses import dataclass, field
from typing import Any

from esteio.core.messages.inbound import dedupe_key
from esteio.core.model.ids import SessionId
from esteio.core.model.inbound import (
    DeletedMessage,
    EditedMessage,
    InboundEvent,
    Receipt,
    ReceivedMessage,
    ReceivedReaction,
    SendEcho,
)
from esteio.store.base import RawInbound, SendClaim
from tests.narrowing import not_none

REACHED = {"server": "sent", "device": "delivered", "read": "read"}
ORDER = {"sending": 0, "in_doubt": 0, "sent": 1, "delivered": 2, "read": 3}


@dataclass
class Row:
    """A message as it must be stored."""

    direction: str
    chat: str
    text: str
    state: str


@dataclass
class Line:
    """One session in one life. `log` is everybody's: (type, session, chat, provider's id, state)."""

    id: SessionId
    name: str
    log: list[Any]
    facts: list[InboundEvent] = field(default_factory=list)
    """What happened there, told or not."""
    unread: dict[int, RawInbound] = field(default_factory=dict)
    read: dict[int, RawInbound] = field(default_factory=dict)
    unreadable: dict[int, RawInbound] = field(default_factory=dict)
    applied: set[str] = field(default_factory=set)
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    early: dict[tuple[str, str], float] = field(default_factory=dict)
    evidence: list[tuple[str, int]] = field(default_factory=list)
    under_way: dict[str, SendClaim] = field(default_factory=dict)
    """Sends that nobody has confirmed yet, by the id that the provider gives them."""

    def tell(self, kind: str, chat: str, ident: str | None, state: str | None) -> None:
        self.log.append((kind, self.name, chat, ident, state))

    def apply(self, event: InboundEvent) -> tuple[bool, bool]:
        """(whether it is new, whether it settled a send)"""
        if dedupe_key(event) in self.applied:
            return False, False
        self.applied.add(dedupe_key(event))
        before = len(self.under_way)
        self.apply_new(event, event.provider_id)
        return True, len(self.under_way) < before

    def apply_new(self, event: InboundEvent, ident: str) -> None:
        match event:
            case SendEcho() | ReceivedMessage(from_me=True) if ident in self.under_way:
                self.confirm(ident)
            case ReceivedMessage():
                self.keep(event, ident)
            case Receipt() if (ident, "out") not in self.rows or ident in self.under_way:
                self.early.setdefault((ident, event.state), event.happened_at)
            case Receipt():
                self.move(ident, REACHED[event.state])
            case EditedMessage() | DeletedMessage():
                self.change(event, ident)
            case ReceivedReaction():
                self.tell("message.reaction", event.chat, ident, "delivered")

    def alike(self, ident: str) -> list[Row]:
        """The messages of this id whose id is known; in both directions it may be two."""
        found = [row for (whose, _), row in self.rows.items() if whose == ident]
        return [row for row in found if row.direction == "in" or ident not in self.under_way]

    def keep(self, event: ReceivedMessage, ident: str) -> None:
        direction, state = ("out", "sent") if event.from_me else ("in", "delivered")
        alike = self.alike(ident)
        misread = [row for row in alike if (row.chat, row.text) == (event.chat, event.content.text)]
        if not misread and direction not in [row.direction for row in alike]:
            self.rows[ident, direction] = Row(direction, event.chat, event.content.text or "", state)
            self.tell("message.received", event.chat, ident, state)
            self.catch_up(ident) if event.from_me else None

    def change(self, event: EditedMessage | DeletedMessage, ident: str) -> None:
        row = min(self.alike(ident), key=lambda row: row.chat != event.chat, default=None)
        if row is not None and isinstance(event, EditedMessage):
            row.text = not_none(event.text)
        word = "message.edited" if isinstance(event, EditedMessage) else "message.deleted"
        self.tell(word, not_none(event.chat if row is None else row.chat), ident, None if row is None else row.state)

    def sending(self, ident: str, chat: str, text: str) -> None:
        self.rows[ident, "out"] = Row("out", chat, text, "sending")

    def confirm(self, ident: str) -> None:
        """A send of ours is known to have left."""
        del self.under_way[ident]
        self.move(ident, "sent")
        self.catch_up(ident)

    def catch_up(self, ident: str) -> None:
        """What came early of it counts now."""
        for _, state in sorted((at, state) for (whose, state), at in self.early.items() if whose == ident):
            self.move(ident, REACHED[state])
            del self.early[ident, state]

    def move(self, ident: str, state: str) -> None:
        row = self.rows[ident, "out"]
        if ORDER[state] > ORDER[row.state]:
            row.state = state
            self.tell("message.state_changed", row.chat, ident, state)

    def doubt(self, ident: str) -> None:
        """The process that sent it is gone."""
        row = self.rows[ident, "out"]
        if row.state == "sending":
            row.state = "in_doubt"
            self.tell("message.state_changed", row.chat, None, "in_doubt")
