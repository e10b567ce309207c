"""How the driver runs a flow: answers go in, failures are thrown in."""

import asyncio

import pytest

from esteio.providers.base import HttpRequest, HttpResponse, TransportFailed
from esteio.providers.driver import MOST_STEPS, run


class Scripted:
    """A transport that plays a script."""

    def __init__(self, *script):
        self.script = list(script)
        self.asked = []

    async def exchange(self, request):
        self.asked.append(request.url)
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    async def aclose(self):
        pass


def test_run_sends_answers_in_and_throws_failures_in():
    def flow():
        first = yield HttpRequest("GET", "one")
        try:
            yield HttpRequest("GET", "two")
        except TransportFailed as failed:
            return first.status, failed.sent

    transport = Scripted(HttpResponse(204), TransportFailed("x", sent="no"))
    assert asyncio.run(run(flow(), transport)) == (204, "no")
    assert transport.asked == ["one", "two"]


def test_run_takes_a_flow_of_no_step_and_stops_one_without_end():
    def nothing():
        return 7
        yield

    def endless():
        while True:
            yield HttpRequest("GET", "again")

    assert asyncio.run(run(nothing(), Scripted())) == 7
    with pytest.raises(RuntimeError, match="steps"):
        asyncio.run(run(endless(), Scripted(*[HttpResponse(200)] * (MOST_STEPS + 1))))


def test_a_failure_that_a_flow_does_not_catch_passes_and_the_flow_is_closed():
    closed = []

    def flow():
        try:
            yield HttpRequest("GET", "one")
        finally:
            closed.append(True)

    with pytest.raises(TransportFailed):
        asyncio.run(run(flow(), Scripted(TransportFailed("x", sent="maybe"))))
    assert closed == [True]
