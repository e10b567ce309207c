"""An answer that is word for word the one before leads where it led before, whatever comes between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteio.providers import driver
from esteio.providers.base import (
    Flow,
    HttpRequest,
    HttpResponse,
    InventoryOutcome,
    ProbeOutcome,
    SessionEndpoint,
    TransportFailed,
)
from esteio.providers.probe_cache import run_memoized, run_recognised
from esteio.providers.registry import load

JSON = {"content-type": "application/json"}
WHERE = SessionEndpoint(
    server="prov",  # type: ignore[arg-type]
    base_url="http://prov.test",
    credentials={"apikey": "secret-key"},
    session="loja",
    ref={"instance_name": "loja", "session": "loja", "instance_id": "loja", "token": "t"},
    version="2.3.7",
    phone="5511911112222",
)


def _json(status: int, body: object, **headers: str) -> HttpResponse:
    return HttpResponse(status, {**JSON, **headers}, msgspec.json.encode(body))


ROW = {"name": "loja", "connectionStatus": "open", "ownerJid": "5511911112222@s.whatsapp.net", "pad": "x" * 100}
ANSWERS: tuple[HttpResponse | TransportFailed, ...] = (
    _json(200, {"instance": {"instanceName": "loja", "state": "open"}}),
    _json(200, {"instance": {"instanceName": "loja", "state": "open"}}, date="later"),
    _json(200, {"instance": {"instanceName": "loja", "state": "connecting"}}),
    _json(200, {"instance": {"instanceName": "loja", "state": "close"}}),
    _json(201, {"presence": "unavailable"}),
    _json(500, {"status": 500, "error": "Internal Server Error", "response": {"message": ["Connection Closed"]}}),
    _json(200, [ROW]),
    _json(200, [{**ROW, "connectionStatus": "close", "disconnectionReasonCode": 401}]),
    _json(200, {"error": False, "data": {"status": "connected", "phone": "5511911112222"}}),
    HttpResponse(502, {"content-type": "text/html"}, b"<html>Bad Gateway</html>"),
    HttpResponse(200, {"content-type": "text/html"}, b'{"instance":{"instanceName":"loja","state":"open"}}'),
    TransportFailed("no answer", sent="maybe", timed_out=True),
    TransportFailed("refused", sent="no"),
)


class Told:
    """A transport that answers in turn, the last answer for ever; it keeps what it was asked."""

    def __init__(self, answers: Sequence[HttpResponse | TransportFailed]) -> None:
        self._answers, self.asked = list(answers), list[HttpRequest]()

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        answer = self._answers[min(len(self.asked), len(self._answers) - 1)]
        self.asked.append(request)
        if isinstance(answer, TransportFailed):
            raise TransportFailed(answer.reason, sent=answer.sent, timed_out=answer.timed_out)
        return answer

    async def aclose(self) -> None:
        return None


Seen = TypeVar("Seen", ProbeOutcome, InventoryOutcome)


class Counted:
    """A flow that tells how often it was begun."""

    def __init__(self) -> None:
        self.begun = 0

    def flow(self) -> Generator[HttpRequest, HttpResponse, bytes]:
        self.begun += 1
        first = yield HttpRequest("GET", "http://prov.test/1")
        second = yield HttpRequest("GET", "http://prov.test/2")
        return first.body + second.body


def test_as_long_as_all_is_answered_as_before_nothing_is_read_again() -> None:
    counted = Counted()

    async def story() -> None:
        told = Told([ANSWERS[0], ANSWERS[4]])
        outcome, last = await run_memoized(counted.flow(), told, None)
        for _ in range(3):
            again = Told([ANSWERS[1], ANSWERS[4]])
            assert (await run_memoized(counted.flow(), again, last))[0] is outcome
            assert again.asked == told.asked, "it is asked all the same"

    asyncio.run(story())
    assert counted.begun == 1


def test_a_page_that_is_written_like_the_answer_before_is_none() -> None:
    async def story() -> None:
        flow = load().get("evolution").probe
        outcome, last = await run_memoized(flow(WHERE, 1.0, "state"), Told([ANSWERS[0]]), None)
        page, _ = await run_memoized(flow(WHERE, 2.0, "state"), Told([ANSWERS[10]]), last)
        assert [one.kind for one in outcome.evidence] == ["server_answered", "said_open"]
        assert [one.kind for one in page.evidence] == ["server_html", "look_failed"]

    asyncio.run(story())


@pytest.mark.parametrize("kind", ["evolution", "baileys", "wapi"])
@given(looks=st.lists(st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=4), min_size=2, max_size=5))
def test_who_memos_again_sees_what_a_fresh_look_sees(kind: str, looks: list[list[HttpResponse]]) -> None:
    provider = load().get(kind)

    async def each(flow: Callable[[float], Flow[Seen]]) -> None:
        last = None
        for number, answers in enumerate(looks):
            fresh, told = Told(answers), Told(answers)
            wanted = await driver.run(flow(float(number)), fresh)
            outcome, last = await run_memoized(flow(float(number)), told, last)
            assert _undated(outcome) == _undated(wanted)
            assert told.asked == fresh.asked

    async def story() -> None:
        await each(lambda now: provider.probe(WHERE, now, "pulse"))
        await each(lambda now: provider.probe(WHERE, now, "socket"))
        await each(lambda now: provider.probe(WHERE, now, "roundtrip"))
        await each(lambda now: provider.inventory(WHERE, now))

    asyncio.run(story())


def _undated(outcome: Seen) -> Seen:
    evidence = [msgspec.structs.replace(one, happened_at=0.0, seen_at=0.0) for one in outcome.evidence]
    return msgspec.structs.replace(outcome, evidence=tuple(evidence))


def test_an_answer_that_is_known_again_is_not_read_and_any_other_is() -> None:
    open_ = _json(200, {"state": "open"})
    page = HttpResponse(200, {"content-type": "text/html"}, open_.body)
    read: list[bytes] = []

    def flow() -> Flow[bytes]:
        answer = yield HttpRequest("GET", "http://prov.test/1")
        read.append(answer.body)
        return answer.body

    async def story() -> None:
        outcome, mark = await run_recognised(flow(), Told([open_]), 0)
        assert (outcome, len(read)) == (open_.body, 1)
        assert await run_recognised(flow(), Told([_json(200, {"state": "open"}, date="later")]), mark) == (None, mark)
        assert len(read) == 1
        for other in (_json(201, {"state": "open"}), _json(200, {"state": "shut"}), page):
            told, anew = await run_recognised(flow(), Told([other]), mark)
            assert (told, anew != mark) == (other.body, True)

    asyncio.run(story())


def test_what_takes_several_questions_or_brings_no_answer_has_no_mark() -> None:
    async def story() -> None:
        counted = Counted()
        told = await run_recognised(counted.flow(), Told([_json(200, {}), _json(200, [])]), 0)
        assert told == (b"{}[]", 0)
        with pytest.raises(TransportFailed):
            await run_recognised(counted.flow(), Told([TransportFailed("refused", sent="no")]), 0)

    asyncio.run(story())
