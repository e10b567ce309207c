"""Memo of repeated reads: a flow whose answers are byte for byte those of last time is not run again.

Flows are pure: the same answers lead to the same requests and the same outcome, but for the time it is stamped with.
So a repeated probe sends the requests of last time, and only runs the flow once an answer differs; nearly all looks at
a healthy fleet end without. Never lives here: an act, a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from sys import intern
from typing import Any, Generic, TypeVar

import msgspec

from esteio.providers import driver
from esteio.providers.base import Flow, HttpRequest, HttpResponse, Transport, TransportFailed

T = TypeVar("T")
_MOST_STEPS = 3
"""Longer flows are not kept: they are no routine."""
_WHOLE = 64
"""A longer body is kept by its hash, whose key is this process's secret: a list may be long, and there are as many
sessions as there are."""

Words = tuple[int, str, bytes]
"""Of an answer what a flow may read: status, content type, body. Other headers (a date) change with each."""


class ProbeMemo(msgspec.Struct, Generic[T], frozen=True, gc=False):
    """What was asked, what was answered, and what it came to."""

    asked: tuple[HttpRequest, ...]
    answered: tuple[Words, ...]
    outcome: T


async def run_memoized(flow: Flow[T], transport: Transport, last: ProbeMemo[T] | None) -> tuple[T, ProbeMemo[T] | None]:
    """The flow's outcome, and the memo to hand in next time (None when it is not worth keeping). `last` is the memo of
    the same flow; where every answer is as it was then, the outcome is the very same value, stamps included."""
    tape: list[tuple[HttpRequest, HttpResponse | TransportFailed]] = []
    if last is not None and await _as_before(last, transport, tape):
        flow.close()
        return last.outcome, last
    outcome = await driver.run(_taped(flow, tape), transport)
    return outcome, _kept(tape, outcome)


async def _as_before(
    last: ProbeMemo[T], transport: Transport, tape: list[tuple[HttpRequest, HttpResponse | TransportFailed]]
) -> bool:
    for request, words in zip(last.asked, last.answered, strict=True):
        try:
            answer = await transport.exchange(request)
        except TransportFailed as failed:
            tape.append((request, failed))
            return False
        tape.append((request, answer))
        if _words(answer) != words:  # guard: memo-same-bytes
            return False
    return True


async def run_recognised(flow: Flow[T], transport: Transport, known: int) -> tuple[T | None, int]:
    """The flow's outcome, and the mark of its answer to hand in next time. None where the answer is, byte for byte, the
    one that had the mark `known`. 0 marks nothing: a flow of several questions, or one that was not answered."""
    ear = _Ear(transport, known)
    try:
        outcome = await driver.run(flow, ear)
    except _Recognised:
        return None, known
    return outcome, ear.mark if ear.asked == 1 else 0


class _Recognised(Exception):
    """The answer is that of last time."""


class _Ear:
    """A transport on which the first answer is known again."""

    __slots__ = ("_inner", "_known", "asked", "mark")

    def __init__(self, inner: Transport, known: int) -> None:
        self._inner, self._known, self.asked, self.mark = inner, known, 0, 0

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        self.asked += 1
        answer = await self._inner.exchange(request)
        if self.asked == 1:
            self.mark = hash((answer.status, answer.headers.get("content-type", ""), answer.body))
            if self.mark == self._known:  # guard: recognised-same-bytes
                raise _Recognised
        return answer

    async def aclose(self) -> None:
        """It is the other's to close."""


def _taped(flow: Flow[T], tape: list[tuple[HttpRequest, HttpResponse | TransportFailed]]) -> Flow[T]:
    """The flow, which hears first what is on the tape already; what it asks then is put there too."""
    try:
        request = next(flow)
        for _, answer in list(tape):
            request = flow.throw(answer) if isinstance(answer, TransportFailed) else flow.send(answer)
        while True:
            try:
                answer = yield request
            except TransportFailed as failed:
                answer = failed
            tape.append((request, answer))
            request = flow.throw(answer) if isinstance(answer, TransportFailed) else flow.send(answer)
    except StopIteration as done:
        outcome: T = done.value
        return outcome
    finally:
        flow.close()


def _kept(tape: Sequence[tuple[HttpRequest, HttpResponse | TransportFailed]], outcome: T) -> ProbeMemo[T] | None:
    if len(tape) > _MOST_STEPS:
        return None
    answered: tuple[Words, ...] = tuple(_once(_words(answer)) for _, answer in tape if isinstance(answer, HttpResponse))
    if len(answered) < len(tape):
        return None
    asked = tuple(msgspec.structs.replace(request, body=_once(request.body)) for request, _ in tape)
    return ProbeMemo(asked, answered, outcome)


def _words(answer: HttpResponse) -> Words:
    body = answer.body
    if len(body) > _WHOLE:
        body = b"%d bytes, %x" % (len(body), hash(body))
    return answer.status, intern(answer.headers.get("content-type", "")), body  # guard: memo-same-content-type


@lru_cache(512)
def _once(value: Any) -> Any:
    """One value for all sessions that ask or are answered the same."""
    return value
