"""How the driver runs a flow: answers go in, failures are thrown in."""

import asyncio
from collections.abc import Generator

import pytest

from esteio.providers.base import HttpRequest, HttpResponse, TransportFailed
from esteio.providers.classify import Answer
from esteio.providers.driver import MOST_STEPS, run


class Scripted:
    """A transport that plays a script."""

    def __init__(self, *script: Answer) -> None:
        self.script = list(script)
        self.asked: list[str] = []

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(request.url)
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    async def aclose(self) -> None:
        pass


def test_run_sends_answers_in_and_throws_failures_in() -> None:
    def flow() -> Generator[HttpRequest, HttpResponse, tuple[int, str]]:
        first = yield HttpRequest("GET", "one")
        try:
            yield HttpRequest("GET", "two")
        except TransportFailed as failed:
            return first.status, failed.sent
        raise AssertionError("the second answer was no failure")

    transport = Scripted(HttpResponse(204), TransportFailed("x", sent="no"))
    assert asyncio.run(run(flow(), transport)) == (204, "no")
    assert transport.asked == ["one", "two"]


def test_run_takes_a_flow_of_no_step_and_stops_one_without_end() -> None:
    def nothing() -> Generator[HttpRequest, HttpResponse, int]:
        yield from ()
        return 7

    def endless() -> Generator[HttpRequest, HttpResponse, None]:
        while True:
            yield HttpRequest("GET", "again")

    assert asyncio.run(run(nothing(), Scripted())) == 7
    with pytest.raises(RuntimeError, match="steps"):
        asyncio.run(run(endless(), Scripted(*[HttpResponse(200)] * (MOST_STEPS + 1))))


def test_a_failure_that_a_flow_does_not_catch_passes_and_the_flow_is_closed() -> None:
    closed = []

    def flow() -> Generator[HttpRequest, HttpResponse, None]:
        try:
            yield HttpRequest("GET", "one")
        finally:
            closed.append(True)

    with pytest.raises(TransportFailed):
        asyncio.run(run(flow(), Scripted(TransportFailed("x", sent="maybe"))))
    assert closed == [True]
