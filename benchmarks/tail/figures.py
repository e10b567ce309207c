"""Figures of a traced run: for each load by itself, where its requests' time went, and that of the slowest hundredth.

A load is a stretch of requests without a pause of `PAUSE_S`. Milliseconds throughout, as they were, and as they were
without the time for which the thread in charge stood ready and others had the cores: the second holds on a machine with
other work. Never lives here: the noting.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any, NamedTuple

from benchmarks.tail.notes import STEPS, Batch, Moment, Notes

PAUSE_S = 0.1
LEAST = 100
"""Fewer requests are no load."""
STALL_S = 0.005
"""A beat of the loop that comes so much after the one before is a stall."""
PARTS = {
    "read": "loop, until the handler begins",
    "begun": "loop, the handler until it hands in",
    "queued": "writer, the batch before",
    "batch": "writer, statements",
    "commit": "writer, commit",
    "durable": "loop, until it hears",
    "resolved": "loop, until the answer is written",
}
Steps = dict[str, Moment]


class Used(NamedTuple):
    """Of one stretch of one thread, in seconds."""

    whole: float
    cpu: float
    ready: float

    @property
    def alone(self) -> float:
        """Without the wait for a core."""
        return max(0.0, self.whole - self.ready)

    @property
    def rest(self) -> float:
        """Neither computing nor ready: it waits for the interpreter, for the disk, or for work."""
        return max(0.0, self.alone - self.cpu)


def figures(notes: Notes) -> list[dict[str, Any]]:
    """One for each load, in order."""
    return [_figures(notes, load) for load in _loads(sorted(notes.requests, key=lambda one: one["read"].at))]


def _figures(notes: Notes, load: Sequence[Steps]) -> dict[str, Any]:
    begin, end = load[0]["read"].at, load[-1]["written"].at
    whole = [sum(_part(one, step).whole for step in PARTS) for one in load]
    alone = [sum(_part(one, step).alone for step in PARTS) for one in load]
    return {
        "requests": len(load),
        "per_s": round(len(load) / (end - begin)),
        "whole": _spread(whole),
        "alone": _spread(alone),
        "parts": _parts(load),
        "slowest_hundredth": _parts(_slowest(load, whole)),
        "slowest_hundredth_alone": _parts(_slowest(load, alone)),
        "writer": _writer([one for one in notes.batches if begin <= one.began.at <= end]),
        "loop": _loop([one for one in notes.beats if begin <= one.at <= end]),
    }


def _loads(requests: Iterable[Steps]) -> list[list[Steps]]:
    loads: list[list[Steps]] = [[]]
    for one in requests:
        if loads[-1] and one["read"].at - loads[-1][-1]["read"].at > PAUSE_S:
            loads.append([])
        loads[-1].append(one)
    return [load for load in loads if len(load) >= LEAST]


def _slowest(load: Sequence[Steps], took: Sequence[float]) -> list[Steps]:
    order = sorted(range(len(load)), key=took.__getitem__)
    return [load[place] for place in order[-max(1, len(load) // 100) :]]


def _part(one: Steps, step: str) -> Used:
    begin, end = one[step], one[STEPS[STEPS.index(step) + 1]]
    if PARTS[step].startswith("writer"):
        return Used(end.at - begin.at, 0.0, end.writer_ready - begin.writer_ready)
    return Used(end.at - begin.at, 0.0, end.loop_ready - begin.loop_ready)


def _parts(load: Sequence[Steps]) -> dict[str, dict[str, float]]:
    """The mean of each part."""
    found = {}
    for step, name in PARTS.items():
        used = [_part(one, step) for one in load]
        found[name] = {"whole": _ms(fmean(one.whole for one in used)), "alone": _ms(fmean(one.alone for one in used))}
    return found


def _writer(batches: Sequence[Batch]) -> dict[str, Any]:
    done = [one for one in batches if one.commit is not None and one.ended is not None]
    if not done:
        return {}
    return {
        "batches": len(done),
        "operations": round(fmean(one.size for one in done), 1),
        "of_requests": round(fmean(one.asked for one in done), 1),
        "statements": _used([_stretch(one.began, one.commit, "writer") for one in done]),
        "commit": _used([_stretch(one.commit, one.ended, "writer") for one in done]),
    }


def _loop(beats: Sequence[Moment]) -> dict[str, Any]:
    apart = [_stretch(one, after, "loop") for one, after in pairwise(beats)]
    stalls = [one for one in apart if one.whole >= STALL_S]
    took = sum(one.whole for one in apart) or 1.0
    return {
        "cpu_share": round(sum(one.cpu for one in apart) / took, 3),
        "stalls": len(stalls),
        "stalled_share": round(sum(one.whole for one in stalls) / took, 3),
        "of_a_stall": _used(stalls) if stalls else {},
    }


def _stretch(one: Moment | None, after: Moment | None, thread: str) -> Used:
    if one is None or after is None:
        return Used(0.0, 0.0, 0.0)
    ready = after.writer_ready - one.writer_ready if thread == "writer" else after.loop_ready - one.loop_ready
    return Used(after.at - one.at, after.cpu - one.cpu, ready)


def _used(parts: Sequence[Used]) -> dict[str, dict[str, float]]:
    return {name: _spread([getattr(one, name) for one in parts]) for name in ("whole", "cpu", "ready", "rest")}


def _spread(times: Sequence[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        "mean": _ms(fmean(ordered)),
        "p50": _ms(ordered[len(ordered) // 2]),
        "p99": _ms(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]),
    }


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
