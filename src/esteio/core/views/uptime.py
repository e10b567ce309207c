"""How a session fared over a time: what it was when and why, how much of what was watched was good.

What nobody watched is neither good nor bad: before the session was there, while it was paused or linked to no phone,
while no gateway lived. Times are epoch seconds, shares 0 to 1. Never lives here: reading what was kept, a picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import Literal

import msgspec

from esteio.core.model.history import OutageRecord, StateChange, Unwatched
from esteio.core.model.server import MASS_FALL
from esteio.core.model.session import Session
from esteio.core.model.state import SessionState

Condition = Literal["up", "degraded", "down", "paused", "unlinked", "unwatched"]
"""`unlinked`: it was there and had no connection that anybody missed: not linked yet, or unlinked by a person."""
Cause = Literal["connection", "phone", "server"]
"""What an outage is to be blamed on: the connection to WhatsApp; what its phone's owner or WhatsApp did; the server."""
COUNTED: frozenset[Condition] = frozenset({"up", "degraded", "down"})
_ILL: tuple[Condition, ...] = ("down", "degraded")
_OF_PHONE = frozenset(
    {"logged-out", "banned", "temp-banned", "outdated", "replaced", "unpaired", "awaiting-qr", "awaiting-code",
     "wrong-identity"}
)  # fmt: skip
_OF_STATE: dict[SessionState, Condition] = {"connected": "up", "degraded": "degraded", "paused": "paused"}


class Segment(msgspec.Struct, frozen=True):
    """What it was from `since` to `until`; `because` (a reason's code) and `outage` (its id) of an outage."""

    since: float
    until: float
    condition: Condition
    because: str = ""
    outage: str = ""

    @property
    def seconds(self) -> float:
        return self.until - self.since


class Uptime(msgspec.Struct, frozen=True):
    """A window in segments without holes, in order."""

    since: float
    until: float
    segments: tuple[Segment, ...]

    @property
    def watched_s(self) -> float:
        """How many seconds count."""
        return sum(one.seconds for one in self.segments if one.condition in COUNTED)

    @property
    def down_s(self) -> float:
        return sum(one.seconds for one in self.segments if one.condition == "down")

    @property
    def share(self) -> float | None:
        """How much of what was watched was not down; None when nothing was."""
        watched = self.watched_s
        return 1 - self.down_s / watched if watched else None

    @property
    def outages(self) -> int:
        """How many outages fall into it."""
        return len({one.outage for one in self.segments if one.outage})


class Past(msgspec.Struct, frozen=True):
    """What is known of one session since a time, and of everybody: its own outages and changes of state, its server's
    outages, when no gateway lived; each oldest first."""

    outages: Sequence[OutageRecord] = ()
    states: Sequence[StateChange] = ()
    server_outages: Sequence[OutageRecord] = ()
    unwatched: Sequence[Unwatched] = ()


def cause(because: str) -> Cause:
    """What an outage with this reason is to be blamed on."""
    if because.startswith("server") or because == MASS_FALL:
        return "server"
    return "phone" if because in _OF_PHONE else "connection"


def uptime(session: Session, past: Past, since: float, now: float) -> Uptime:
    """The window from `since` to `now`. An outage goes over whatever the state was, and over a gateway's absence: it
    was down before and after."""
    levels = (
        [Segment(0.0, session.created_at, "unwatched")],
        [_outage(one, now) for one in past.outages],
        [_outage(one, now) for one in past.server_outages if one.outage.because != MASS_FALL],
        [Segment(one.since, one.until, "unwatched") for one in past.unwatched],
        list(_states(session, past.states, now)),
    )
    return Uptime(since, now, _joined(_painted(levels, since, now)))


def parts(whole: Uptime, count: int) -> tuple[Uptime, ...]:
    """The window in `count` equal parts."""
    step = (whole.until - whole.since) / count
    edges = [whole.since + step * number for number in range(count)] + [whole.until]
    return tuple(Uptime(start, end, tuple(_between(whole.segments, start, end))) for start, end in pairwise(edges))


def worst(part: Uptime) -> Segment:
    """What has to be said of a window first: its longest outage, else its longest weakness, else what it was most."""
    for condition in _ILL:
        if ill := [one for one in part.segments if one.condition == condition]:
            return max(ill, key=lambda one: one.seconds)
    return max(part.segments, key=lambda one: one.seconds)


def _outage(record: OutageRecord, now: float) -> Segment:
    outage = record.outage
    return Segment(outage.since, now if outage.ended_at is None else outage.ended_at, "down", outage.because, outage.id)


def _states(session: Session, changes: Sequence[StateChange], now: float) -> Iterator[Segment]:
    """What the states say: before the first change that is kept it was what that says it was; without any it is what it
    has been since it last changed."""
    at, state = (0.0, changes[0].previous) if changes else (session.since, session.state)
    for change in changes:
        yield Segment(at, change.at, _OF_STATE.get(state, "unlinked"))
        at, state = change.at, change.state
    yield Segment(at, now, _OF_STATE.get(state, "unlinked"))


def _painted(levels: Sequence[Sequence[Segment]], since: float, until: float) -> Iterator[Segment]:
    """Between two edges whatever the first level says that says anything. A level is in order."""
    edges = {since, until}
    for level in levels:
        edges |= {at for one in level for at in (one.since, one.until) if since < at < until}
    places = [0] * len(levels)
    for start, end in pairwise(sorted(edges)):
        for number, level in enumerate(levels):
            while places[number] < len(level) and level[places[number]].until <= start:
                places[number] += 1
        found = (level[place] for level, place in zip(levels, places, strict=True) if place < len(level))
        said = next((one for one in found if one.since <= start), Segment(start, end, "unwatched"))
        yield msgspec.structs.replace(said, since=start, until=end)


def _joined(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """Neighbours that say the same are one."""
    joined = []
    for _, group in groupby(segments, key=lambda one: (one.condition, one.because, one.outage)):
        run = list(group)
        joined.append(msgspec.structs.replace(run[0], until=run[-1].until))
    return tuple(joined)


def _between(segments: Sequence[Segment], start: float, end: float) -> Iterator[Segment]:
    for one in segments:
        if one.until > start and one.since < end:
            yield msgspec.structs.replace(one, since=max(one.since, start), until=min(one.until, end))
