"""Uptime strips: the last day, week and month of a session as rows of bars, each with a sentence that says the same.

A bar is as high as what stands: all of it was up, the cut at its top was down or weak, a short one does not count; what
was down has a mark beneath, by its cause. Never lives here: what counts as up (`core.views.uptime`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from esteio.api.dashboard.page import Visit
from esteio.core.model.ids import SessionId
from esteio.core.model.session import Session
from esteio.core.views.sentences import duration
from esteio.core.views.uptime import COUNTED, Past, Segment, Uptime, cause, parts, uptime, worst
from esteio.store.ports.history import History

DAY = 86_400.0


class Window(NamedTuple):
    """A time up to now: its text, its seconds, its bars."""

    key: str
    seconds: float
    bars: int


DAY_LONG = Window("uptime.day", DAY, 48)
WEEK_LONG = Window("uptime.week", 7 * DAY, 56)
MONTH_LONG = Window("uptime.month", 30 * DAY, 30)
WINDOWS = (DAY_LONG, WEEK_LONG, MONTH_LONG)
WORDS = {
    "up": "uptime.up",
    "degraded": "uptime.degraded",
    "connection": "uptime.connection",
    "down": "uptime.down",
    "phone": "uptime.phone",
    "server": "uptime.server",
    "paused": "uptime.paused",
    "unlinked": "uptime.unlinked",
    "unwatched": "uptime.unwatched",
}
"""What a bar may be, and how it is called; the order of the legend."""
_HIGH, _SHORT, _STEP, _WIDE = 24, 8, 5, 4


class Told(NamedTuple):
    """A bar that is not simply up: where it begins, and what happened in it."""

    x: int
    text: str


class Strip(NamedTuple):
    """One window as a picture. `paths`: (what it is, an SVG path), in the order of drawing; the picture is `width` wide
    and 32 high. `kinds`: what occurs in it, for the legend."""

    key: str
    title: str
    share: str
    sentence: str
    width: int
    paths: tuple[tuple[str, str], ...]
    told: tuple[Told, ...]
    kinds: tuple[str, ...]


class Known(NamedTuple):
    """One entry of the legend: what, its text, a bar that shows it."""

    kind: str
    text: str
    path: str


def legend(visit: Visit, drawn: Sequence[Strip]) -> list[Known]:
    """What occurs in any of these strips, in words."""
    there = {one for strip in drawn for one in strip.kinds}
    return [Known(one, visit.say(key), _EXAMPLES[one]) for one, key in WORDS.items() if one in there]


async def pasts(history: History, sessions: Sequence[Session], since: float) -> Mapping[SessionId, Past]:
    """What is known of each of these sessions since then, in four questions however many they are."""
    ids = [one.id for one in sessions]
    outages, states = await history.outages_of(ids, since), await history.states_of(ids, since)
    servers, unwatched = await history.server_outages(since), await history.unwatched(since)
    return {
        one.id: Past(
            outages.get(one.id, ()),
            states.get(one.id, ()),
            [record for record in servers if record.server == one.server],
            unwatched,
        )
        for one in sessions
    }


async def strips(visit: Visit, sessions: Sequence[Session], *windows: Window) -> dict[SessionId, list[Strip]]:
    """A strip for each window, of each session."""
    now = visit.api.clock.now()
    known = await pasts(visit.api.store.history, sessions, now - max(one.seconds for one in windows))
    return {
        session.id: [
            strip(visit, window, uptime(session, known[session.id], now - window.seconds, now)) for window in windows
        ]
        for session in sessions
    }


async def marked(visit: Visit, sessions: Sequence[Session], window: Window) -> dict[SessionId, Strip]:
    """Small strips of those that were down in this time: of the others there is nothing to say."""
    now = visit.api.clock.now()
    known = await pasts(visit.api.store.history, sessions, now - window.seconds)
    wholes = {one.id: uptime(one, known[one.id], now - window.seconds, now) for one in sessions}
    return {id_: strip(visit, window, whole, worded=False) for id_, whole in wholes.items() if whole.outages}


def strip(visit: Visit, window: Window, whole: Uptime, *, blame: bool = True, worded: bool = True) -> Strip:
    """A window as its picture and its sentence. `blame`: whether what was down says by what; `worded`: whether each bar
    has words of its own."""
    drawn = parts(whole, window.bars)
    bars = [list(_bar(number * _STEP, one, blame)) for number, one in enumerate(drawn)]
    paths = {kind: "".join(path for bar in bars for of, path in bar if of == kind) for kind in WORDS}
    kinds = tuple(kind for kind in WORDS if paths[kind])
    return Strip(
        key=window.key.rpartition(".")[2],
        title=visit.say(window.key),
        share=percent(whole.share, visit.texts.language),
        sentence=sentence(visit, whole),
        width=window.bars * _STEP - 1,
        paths=tuple((kind, paths[kind]) for kind in kinds),
        told=tuple(
            _told(visit, number * _STEP, one, whole.until, blame)
            for number, one in enumerate(drawn)
            if worded and _tells(one)
        ),
        kinds=kinds,
    )


def percent(share: float | None, language: str) -> str:
    """A share as people write it, never rounded up to all of it; a dash for none."""
    if share is None:
        return "–"
    shown = f"{math.floor(share * 10_000 + 1e-6) / 100:.2f}".rstrip("0").rstrip(".")
    return f"{shown.replace('.', ',')}%" if language == "pt-BR" else f"{shown}%"


def sentence(visit: Visit, whole: Uptime) -> str:
    """What the picture shows, for those who do not see it."""
    if whole.share is None:
        return visit.say("uptime.nothing")
    weak = sum(one.seconds for one in whole.segments if one.condition == "degraded")
    away = sum(one.seconds for one in whole.segments if one.condition not in COUNTED)
    return visit.say(
        "uptime.sentence",
        share=percent(whole.share, visit.texts.language),
        times=whole.outages or "",
        down=_length(whole.down_s),
        weak=_length(weak),
        away=_length(away),
    )


def _kind(segment: Segment, blame: bool) -> str:
    """What a segment is called: its condition, or of an outage its cause."""
    return cause(segment.because) if blame and segment.condition == "down" else segment.condition


def _length(seconds: float) -> str:
    return duration(seconds) if seconds >= 1 else ""


def _bar(x: int, part: Uptime, blame: bool) -> Iterator[tuple[str, str]]:
    """One bar as (what, path): what stood, what is cut off at its top, and the mark of it beneath."""
    said = worst(part)
    cut = sum(one.seconds for one in part.segments if one.condition == said.condition)
    whole = part.until - part.since
    if said.condition not in ("down", "degraded"):
        yield said.condition, _box(x, 0 if said.condition == "up" else _HIGH - _SHORT, _HIGH)
        return
    top = min(_HIGH, max(5, round(_HIGH * cut / whole)))
    rest = [one for one in part.segments if one.condition != said.condition]
    if rest and top < _HIGH:
        stood = max(rest, key=lambda one: one.seconds)
        low = stood.condition not in COUNTED
        yield _kind(stood, blame), _box(x, max(top + 1, _HIGH - _SHORT) if low else top + 1, _HIGH)
    yield _kind(said, blame), _box(x, 0, top) + _MARKS[_kind(said, blame)].format(x=x, middle=x + 2)


_MARKS = {
    "degraded": "M{x} 29h4v2h-4z",
    "connection": "M{x} 32l2-5 2 5z",
    "down": "M{x} 32l2-5 2 5z",
    "phone": "M{middle} 27l2 2.5-2 2.5-2-2.5z",
    "server": "M{x} 27h4v5h-4z",
}


def _box(x: int, top: int, bottom: int) -> str:
    return f"M{x} {top}h{_WIDE}v{bottom - top}h-{_WIDE}z"


_EXAMPLES = {
    one: (_box(0, 0, _HIGH) if one in ("up", *_MARKS) else _box(0, _HIGH - _SHORT, _HIGH))
    + _MARKS.get(one, "").format(x=0, middle=2)
    for one in WORDS
}


def _tells(part: Uptime) -> bool:
    return worst(part).condition != "up"


def _told(visit: Visit, x: int, part: Uptime, now: float, blame: bool) -> Told:
    said = worst(part)
    lasted = sum(one.seconds for one in part.segments if one.condition == said.condition)
    ago = visit.say("ago", time=duration(now - part.since))
    return Told(
        x, visit.say("uptime.told", ago=ago, what=visit.say(WORDS[_kind(said, blame)]), lasted=duration(lasted))
    )
