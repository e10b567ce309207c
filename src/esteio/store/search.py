"""What a person looks for among sessions and messages, and what is found. Frozen structs, no behaviour.

Never lives here: the looks themselves (`store.ports`).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from esteio.core.model.ids import ServerName, SessionId
from esteio.core.model.message import Direction, Message, MessageState
from esteio.core.model.state import Answer, Gate, SessionState
from esteio.core.model.tenant import ALL, Reach


class FleetFilter(msgspec.Struct, frozen=True):
    """Which sessions are meant; what is empty is not asked about. `text` is a part of a name, in whatever case, or one
    of `phones` (digits, two at most) a part of a number. `reach`: whose they may be.
    """

    states: tuple[SessionState, ...] = ()
    server: ServerName | None = None
    text: str = ""
    phones: tuple[str, ...] = ()
    reach: Reach = ALL


class Total(msgspec.Struct, frozen=True):
    """How many sessions of a server are in a state."""

    server: ServerName
    state: SessionState
    sessions: int


class FleetCounts(msgspec.Struct, frozen=True):
    """All sessions, counted: by each of their words, a word that none has left out; what waits, by its session's gate;
    and the open outages."""

    states: Mapping[SessionState, int]
    can_send: Mapping[Answer, int]
    can_receive: Mapping[Answer, int]
    waiting: Mapping[Gate, int]
    outages: int
    down_since: float | None
    """When the oldest of those outages began that nobody asked for."""


class MessageFilter(msgspec.Struct, frozen=True):
    """Which of a session's messages are meant; what is None is not asked about. Cancelled ones never are.

    `since` and `until` (epoch seconds) include themselves; `unsent`: only those going out that the provider has given
    no id yet, because they wait, are under way or in doubt, or failed."""

    chat: str | None = None
    """An address in normal form, in any of its spellings."""
    direction: Direction | None = None
    kind: str | None = None
    since: float | None = None
    until: float | None = None
    unsent: bool = False


class MessageSearch(msgspec.Struct, frozen=True):
    """Which messages a person looks for; what is None or empty is not asked about.

    `words`: an id (ours or the provider's), the caller's own `client_ref`, a part of the text, or digits of a phone.
    """

    session_id: SessionId | None = None
    """None: of all sessions inside `reach`. One that is named was found inside it."""
    reach: Reach = ALL
    state: MessageState | None = None
    dead: bool = False
    """Only those that failed or expired."""
    direction: Direction | None = None
    chat: str | None = None
    """An address in normal form, in any of its spellings."""
    words: str = ""


class FoundPage(msgspec.Struct, frozen=True):
    """What one look found, newest first. `next` is the cursor to go on from, or None when all was gone through;
    `reached_at` (epoch seconds): how far back this look came, where it ended before the page was full."""

    items: tuple[Message, ...]
    next: str | None
    reached_at: float | None = None


class FoundMessages(msgspec.Struct, frozen=True):
    """How many there are in all, and those that were asked for, newest first."""

    total: int
    items: tuple[Message, ...]
