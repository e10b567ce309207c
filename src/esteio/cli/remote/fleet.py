"""The fleet as a running gateway tells it, and how it is kept fresh: read whole, then what the stream of events names.

Two threads: one listens to the stream, one reads what has changed; when the stream breaks, both try on and the fleet is
read whole again. The gateway's documents are kept as they came. Never lives here: drawing, keys of a keyboard.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from esteio.cli import texts
from esteio.cli.errors import Failed, Refused
from esteio.cli.remote.client import STREAM_AGAIN_S, Client, Document, path
from esteio.clock import SystemClock, stopwatch

PAGE = 500
ONE_BY_ONE = 20
"""More changed sessions than these are read with the whole fleet."""
SETTLE_S = 0.3
"""Events of a moment are read together."""
WHOLE_EVERY_S = 10.0
"""The age of a proof changes without an event."""
WHOLE_REST, REST = 20.0, 3.0
"""Reading rests so many times as long as it took, so that many sessions do not keep the gateway busy."""
NO_RIGHT = frozenset({401, 403})
NEEDS_PERSON = frozenset({"awaiting_qr", "error"})
RANKS: Mapping[str, int] = {"disconnected": 2, "degraded": 3, "connecting": 3, "paused": 4, "connected": 5}
UNHEARD_OF = 2
CALM = 4
"""From this rank on nobody needs to look."""


class Fleet(NamedTuple):
    """The gateway's documents: sessions by name, servers, approvals that wait."""

    sessions: Mapping[str, Document]
    servers: list[Document]
    approvals: list[Document]


def read(client: Client) -> Fleet:
    """Everything, page after page. What this key may not see is left out. Raises `Failed`."""
    sessions = {one["name"]: one for one in client.items(path("sessions"), limit=PAGE)}
    return Fleet(sessions, *read_around(client))


def read_around(client: Client) -> tuple[list[Document], list[Document]]:
    """The servers and the approvals. Raises `Failed`."""
    return _allowed(client, "servers"), _allowed(client, "approvals")


def _allowed(client: Client, what: str) -> list[Document]:
    try:
        return list(client.items(path(what)))
    except Refused as error:
        if error.status == 403:
            return []
        raise


def rank(session: Document, asked: Iterable[str]) -> int:
    """0 waits for a decision (its name is among those asked), 1 needs a person, then what heals by itself, what is
    paused, and what works."""
    state = session["state"]
    if session["name"] in asked:
        return 0
    if state in NEEDS_PERSON:
        return 1
    place = RANKS.get(state, UNHEARD_OF)
    return 1 if place < CALM and session["reason"]["action"] else place


def ordered(fleet: Fleet) -> list[tuple[int, Document]]:
    """The sessions with their ranks: what needs a person first, what has been so for longest before the rest."""
    asked = {one["session"] for one in fleet.approvals}
    ranked = [(rank(one, asked), one) for one in fleet.sessions.values()]
    return sorted(ranked, key=lambda row: (row[0], row[1]["since"] if row[0] < CALM else "", row[1]["name"]))


class Watch:
    """A fleet that stays fresh. `lost` is a sentence while the gateway is not heard; `failure` ends it; `version`
    counts the changes."""

    def __init__(self, client: Client, listener: Client) -> None:
        self._client, self._listener = client, listener
        self._clock = SystemClock()
        self._lock, self._wake = threading.Lock(), threading.Event()
        self._dirty: set[str] = set()
        self._around = self._whole = self._open = False
        self._read_at = self._took = 0.0
        self.fleet = Fleet({}, [], [])
        self.ahead = 0.0
        self.lost: str | None = None
        self.failure: Failed | None = None
        self.version = 0

    def __repr__(self) -> str:
        return f"Watch(sessions={len(self.fleet.sessions)}, lost={self.lost!r})"

    def begin(self) -> None:
        """Read once, then go on in the background. Raises `Failed` when the first reading does."""
        self._read_whole()
        for work in (self._listen, self._keep_reading):
            threading.Thread(target=work, daemon=True).start()

    def now(self) -> float:
        """The gateway's clock, in epoch seconds."""
        return self._clock.now() + self.ahead

    # -- listening -------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        place: int | None = None
        while self.failure is None:
            try:
                for told in self._listener.stream(place):
                    if told is None:
                        self._opened()
                    else:
                        place = told[0]
                        self._heard(told[1], told[2])
                self._lose(Failed("top.stream-ended"))
            except Failed as error:
                if isinstance(error, Refused) and error.code == "place-ahead":
                    place = None  # another database stands there now
                self._lose(error)
            time.sleep(STREAM_AGAIN_S)

    def _opened(self) -> None:
        """The first sign of life of a connection: what happened before it has not been told."""
        with self._lock:
            if not self._open:
                self._open = self._whole = True
                self._wake.set()

    def _heard(self, kind: str, document: Document) -> None:
        data = document.get("data") or {}
        name = document.get("session") or data.get("session") or data.get("name")
        with self._lock:
            if isinstance(name, str) and not kind.startswith("server."):
                self._dirty.add(name)
            self._around |= not kind.startswith("message.")
            self._wake.set()

    def _lose(self, error: Failed, *, heard: bool = False) -> None:
        """Said until the stream is open (it may still be `heard`) and the fleet has been read."""
        with self._lock:
            if isinstance(error, Refused) and error.status in NO_RIGHT:
                self.failure = error
            self._open, self._whole = heard, True
            self.lost = texts.say(error.key, **error.values)
            self.version += 1

    # -- reading ---------------------------------------------------------------------------------------------------

    def _keep_reading(self) -> None:
        while self.failure is None:
            self._wake.wait(STREAM_AGAIN_S)
            self._wake.clear()
            started = stopwatch()
            try:
                self._refresh()
            except Failed as error:
                self._lose(error, heard=self._open)
            time.sleep(SETTLE_S + REST * (stopwatch() - started))

    def _refresh(self) -> None:
        due = stopwatch() - self._read_at > max(WHOLE_EVERY_S, WHOLE_REST * self._took)
        with self._lock:
            names, around = self._dirty, self._around
            whole = self._whole or due or len(names) > ONE_BY_ONE
            self._dirty, self._around, self._whole = set(), False, False
        if whole:
            self._read_whole()
        elif names or around:
            self._read_some(names, around=around)

    def _read_whole(self) -> None:
        started, opened = stopwatch(), self._open
        fleet = read(self._client)
        self._read_at, self._took = stopwatch(), stopwatch() - started
        self._show(fleet, heard=opened)

    def _read_some(self, names: Iterable[str], *, around: bool) -> None:
        sessions = dict(self.fleet.sessions)
        for name in names:
            try:
                sessions[name] = self._client.get(path("sessions", name))
            except Refused as error:
                if error.status != 404:
                    raise
                sessions.pop(name, None)
        others = read_around(self._client) if around else (self.fleet.servers, self.fleet.approvals)
        self._show(Fleet(sessions, *others), heard=False)

    def _show(self, fleet: Fleet, *, heard: bool) -> None:
        """`heard`: the stream was open before the reading began, so nothing is missing."""
        with self._lock:
            self.fleet = fleet
            self.ahead = 0.0 if self._client.at is None else self._client.at - self._clock.now()
            self.version += 1
            if heard and self._open:
                self.lost = None
