"""What must be known of one session after its webhooks were read: the inbox machine's model, without a store.

Applied once by its key; a message of ours moves forward only; what comes before the message that it speaks of waits
for it; every change is told in the order in which it was read.
"""

from dataclasses import dataclass, field

from esteio.core.inbound import (
    DeletedMessage,
    EditedMessage,
    InboundEvent,
    Receipt,
    ReceivedMessage,
    ReceivedReaction,
    SendEcho,
    dedupe_key,
)
from esteio.store.base import RawInbound, SendClaim

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

    id: int
    name: str
    log: list
    facts: list[InboundEvent] = field(default_factory=list)
    """What happened there, told or not."""
    unread: dict[int, RawInbound] = field(default_factory=dict)
    read: dict[int, RawInbound] = field(default_factory=dict)
    unreadable: dict[int, RawInbound] = field(default_factory=dict)
    applied: set[str] = field(default_factory=set)
    rows: dict[str, Row] = field(default_factory=dict)
    early: dict[tuple[str, str], float] = field(default_factory=dict)
    news: list[tuple[str, int]] = field(default_factory=list)
    under_way: dict[str, SendClaim] = field(default_factory=dict)
    """Sends that nobody has confirmed yet, by the id that the provider gives them."""

    def tell(self, kind, chat, ident, state):
        self.log.append((kind, self.name, chat, ident, state))

    def apply(self, event):
        """(whether it is new, whether it settled a send)"""
        if dedupe_key(event) in self.applied:
            return False, False
        self.applied.add(dedupe_key(event))
        before = len(self.under_way)
        self.apply_new(event, event.provider_id)
        return True, len(self.under_way) < before

    def apply_new(self, event, ident):
        row = None if ident in self.under_way else self.rows.get(ident)
        match event:
            case ReceivedMessage() | SendEcho() if ident in self.under_way:
                self.confirm(ident)
            case ReceivedMessage() if row is None:
                self.keep(event, ident)
            case Receipt() if row is None:
                self.early.setdefault((ident, event.state), event.happened_at)
            case Receipt():
                self.move(ident, REACHED[event.state])
            case EditedMessage():
                if row is not None:
                    row.text = event.text
                self.tell("message.edited", event.chat, ident, row and row.state)
            case DeletedMessage():
                self.tell("message.deleted", event.chat, ident, row and row.state)
            case ReceivedReaction():
                self.tell("message.reaction", event.chat, ident, "delivered")

    def keep(self, event, ident):
        state = "sent" if event.from_me else "delivered"
        self.rows[ident] = Row("out" if event.from_me else "in", event.chat, event.content.text, state)
        self.tell("message.received", event.chat, ident, state)
        self.catch_up(ident)

    def sending(self, ident, chat, text):
        self.rows[ident] = Row("out", chat, text, "sending")

    def confirm(self, ident):
        """A send of ours is known to have left."""
        del self.under_way[ident]
        self.move(ident, "sent")
        self.catch_up(ident)

    def catch_up(self, ident):
        """What came early of it counts now."""
        for _, state in sorted((at, state) for (whose, state), at in self.early.items() if whose == ident):
            self.move(ident, REACHED[state])
            del self.early[ident, state]

    def move(self, ident, state):
        row = self.rows[ident]
        if row.direction == "out" and ORDER[state] > ORDER[row.state]:
            row.state = state
            self.tell("message.state_changed", row.chat, ident, state)

    def doubt(self, ident):
        """The process that sent it is gone."""
        row = self.rows[ident]
        if row.state == "sending":
            row.state = "in_doubt"
            self.tell("message.state_changed", row.chat, None, "in_doubt")
