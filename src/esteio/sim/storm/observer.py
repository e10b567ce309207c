"""The eye over one run: what the world did, what the supervisor believed, and how long lay between.

`Observer` is a ledger that also notifies listeners. It follows each line from the moment its socket really died to the
moment it
was seen, and from there to the moment it carried messages again. Never lives here: what is allowed (`checkers`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from esteio.sim.world.instance import Instance
from esteio.sim.world.ledger import ControlCall, Delivered, FaultMark, Ledger

T = TypeVar("T")

NOT_OF_SOCKETS = frozenset(
    {"drop", "webhook_forgotten", "ack_error_463", "ack_silent", "send_dropped", "unstored", "deaf"}
)
"""Faults that keep no line from coming back."""
SAME_FALL_S = 30.0
"""A line that falls again so soon after it came up is still falling."""


class Fall(msgspec.Struct):
    """One time that a line could not carry messages. Zero means: not yet, or never."""

    server: str
    session: str
    kind: str
    """The fault that did it; `self` when the supervisor's own act closed the socket."""
    variant: str
    down_at: float
    sent_at: float = 0.0
    """When the application first wanted to send into it."""
    seen_at: float = 0.0
    up_at: float = 0.0
    back_at: float = 0.0
    rough: bool = False
    """The way to the server was bad at some time during it: nobody could look."""
    many: bool = False
    """Others of the same server were down with it."""

    @property
    def name(self) -> str:
        return f"{self.kind}/{self.variant}" if self.variant else self.kind


class Return(msgspec.Struct):
    """A line that was down when its server could reach WhatsApp again, and when it was back; 0 when it was not."""

    server: str
    session: str
    at: float
    back_at: float = 0.0
    spoiled: bool = False
    """Something else went wrong with it before it was back."""


class Listener(Protocol):
    """Who wants to know at once."""

    def delivered(self, told: Delivered) -> None:
        """A message reached its contact, once more or for the first time."""
        ...

    def controlled(self, call: ControlCall) -> None:
        """A provider's server was asked for a control act."""
        ...

    def went_down(self, fall: Fall) -> None:
        """A session's socket closed that was up before."""
        ...

    def kicked(self, at: float, server: str, session: str, cause: str) -> None:
        """Another login with the same credentials closed this session's socket."""
        ...


class Tape(list[T]):
    """A list that tells of what is put on it."""

    def __init__(self, hear: Callable[[T], None], items: Iterable[T] = ()) -> None:
        super().__init__(items)
        self._hear = hear

    def append(self, item: T, /) -> None:
        """Puts the item at the end, then calls the listener with it."""
        super().append(item)
        self._hear(item)


class Observer(Ledger):
    """A ledger that tells a listener, and keeps the falls. `rough` says whether a server can be looked at now,
    `lines` which instances it holds."""

    def __init__(
        self, listener: Listener, rough: Callable[[str], bool], lines: Callable[[str], Mapping[str, Instance]]
    ) -> None:
        super().__init__()
        self.listener = listener
        self._rough = rough
        self._lines = lines
        self.delivered: list[Delivered] = Tape(listener.delivered)
        self.control: list[ControlCall] = Tape(listener.controlled)
        self.faults: list[FaultMark] = Tape(self._marked)
        self.falls: list[Fall] = []
        self.down: dict[tuple[str, str], Fall] = {}
        """The fall each line is in, until it is back."""
        self.false_alarms: list[tuple[float, str, str]] = []
        self.returns: list[Return] = []
        self._awaited: dict[tuple[str, str], Return] = {}
        self._last: dict[tuple[str, str], FaultMark] = {}
        self._up_since: dict[tuple[str, str], float] = {}
        self._held: set[tuple[str, str]] = set()

    def is_up(self, server: str, session: str) -> bool:
        """Whether the line's socket can really carry messages now."""
        return (server, session) in self._open

    def came_up(self, server: str, session: str) -> float:
        """When its socket last came up, whatever became of it since; 0 when it never did."""
        return self._up_since.get((server, session), 0.0)

    def alive_for(self, server: str, session: str, at: float) -> float:
        """For how many seconds it has been so; 0 when it is not."""
        return at - self._up_since[server, session] if self.is_up(server, session) else 0.0

    # -- truth ----------------------------------------------------------------------------------------------------

    def socket_up(self, at: float, server: str, session: str) -> None:
        key = (server, session)
        known = key in self._open
        super().socket_up(at, server, session)
        if known:
            return
        self._up_since[key] = at
        if fall := self.down.get(key):
            fall.up_at = at
            self._maybe_over(key, fall, at)

    def socket_down(self, at: float, server: str, session: str, why: str) -> None:
        key = (server, session)
        known = key in self._open
        super().socket_down(at, server, session, why)
        if not known:
            return
        fall = self.down.get(key)
        if fall is not None:
            fall.up_at = 0.0
            return
        fall = self._again(key, at) or self._new(key, at, why)
        self.down[key] = fall
        self.listener.went_down(fall)

    def _again(self, key: tuple[str, str], at: float) -> Fall | None:
        last = next((one for one in reversed(self.falls[-200:]) if (one.server, one.session) == key), None)
        if last is None or at - max(last.back_at, last.up_at) > SAME_FALL_S:
            return None
        last.up_at = last.back_at = 0.0
        return last

    def _new(self, key: tuple[str, str], at: float, why: str) -> Fall:
        server, session = key
        mark = self._last.get(key)
        if mark is None or mark.at < at:
            mark = self._last.get((server, ""))
        if mark is not None and mark.at >= at - 0.001:
            fall = Fall(server, session, mark.kind, str(mark.params.get("variant", "")), at)
        else:
            fall = Fall(server, session, "boot" if why == "process stopped" else "self", why, at)
        fall.rough = self._rough(server)
        fall.many = any(name == server for name, _ in self.down)
        for other in self.down.values():
            if other.server == server:
                other.many = True
        if key in self._held:
            fall.seen_at = at
        self.falls.append(fall)
        return fall

    def _marked(self, mark: FaultMark) -> None:
        if mark.healed:
            return
        self._last[mark.server, mark.session] = mark
        for key, awaited in list(self._awaited.items()):
            if key[0] == mark.server and mark.session in ("", key[1]) and not mark.kind.startswith("webhook_"):
                awaited.spoiled = True
                del self._awaited[key]

    def answers_again(self, at: float, server: str) -> None:
        for key, fall in self.down.items():
            line = self._lines(server).get(key[1]) if key[0] == server else None
            if line is not None and not fall.rough and _can_come_back(line):
                self._awaited[key] = Return(server, line.name, at)
                self.returns.append(self._awaited[key])

    def kicked(self, at: float, server: str, session: str, cause: str) -> None:
        super().kicked(at, server, session, cause)
        self.listener.kicked(at, server, session, cause)

    # -- what the supervisor believes ------------------------------------------------------------------------------

    def wanted_to_send(self, at: float, server: str, session: str) -> None:
        """The application sends into this line now."""
        fall = self.down.get((server, session))
        if fall is not None and not fall.sent_at and not fall.seen_at:
            fall.sent_at = at

    def believed(self, at: float, server: str, session: str, *, usable: bool) -> None:
        """The supervisor holds this line for usable, or not."""
        key = (server, session)
        if usable == (key not in self._held):
            return
        fall = self.down.get(key)
        if usable:
            self._held.discard(key)
            if fall is not None:
                self._maybe_over(key, fall, at)
            return
        self._held.add(key)
        if fall is not None:
            if not fall.seen_at:
                fall.seen_at = at
        elif not self._rough(server) and at - self._up_since.get(key, at) > SAME_FALL_S:
            self.false_alarms.append((at, server, session))

    def roughened(self, server: str) -> None:
        """The way to this server is bad now: falls that stand cannot be looked at."""
        for fall in self.down.values():
            if fall.server == server:
                fall.rough = True

    def _maybe_over(self, key: tuple[str, str], fall: Fall, at: float) -> None:
        if key in self._open and key not in self._held:
            fall.back_at = at if fall.seen_at else 0.0
            if awaited := self._awaited.pop(key, None):
                awaited.back_at = at
            fall.up_at = fall.up_at or at
            del self.down[key]


def _can_come_back(line: Instance) -> bool:
    """Whether nothing but its server's way to WhatsApp was in its way, and it, or a harmless act, brings it back."""
    linked = line.in_memory and line.link is not None and line.link.linked
    # No restart there, and nothing times out what was answered with a 503.
    hangs = line.server.kind == "baileys" and line.sock is not None and line.sock.state == "dialing"
    return linked and line.road is None and not hangs and set(line.faults) <= NOT_OF_SOCKETS


def plain(fall: Fall) -> dict[str, Any]:
    """The fall as JSON values."""
    return msgspec.to_builtins(fall)  # type: ignore[no-any-return]
