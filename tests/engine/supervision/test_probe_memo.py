"""What a look may take over from the last one: nothing of another depth, place or session, no code that ended one."""

from __future__ import annotations

import asyncio
from typing import Any

from esteio.clock import SystemClock
from esteio.core.model.decision import Depth
from esteio.core.model.evidence import Evidence, seen, seen_with
from esteio.core.model.ids import ServerName, SessionId
from esteio.engine.runtime.leases import SoleHolder
from esteio.engine.supervision.memory import Memory
from esteio.engine.supervision.probes import Prober
from esteio.providers.base import Flow, HttpRequest, HttpResponse, ProbeOutcome, SessionEndpoint
from esteio.providers.registry import load

HERE = SessionEndpoint(ServerName("prov"), "http://here.test", {}, "loja", {})
THERE = SessionEndpoint(ServerName("prov"), "http://there.test", {}, "loja", {})
LOJA, OUTRA = SessionId(1), SessionId(2)


class Same:
    """A provider whose every answer is the same word; it keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(request.url)
        return HttpResponse(200, {"content-type": "application/json"}, b"{}")

    async def aclose(self) -> None:
        return None


class Reading:
    """An adapter that reads the same into it, and counts how often it is asked to."""

    def __init__(self, *told: Evidence, kind: str = "evolution") -> None:
        self.told, self.read = told, 0
        self.capabilities = load().get(kind).capabilities

    def probe(self, where: SessionEndpoint, now: float, depth: Depth) -> Flow[ProbeOutcome]:
        yield HttpRequest("GET", f"{where.base_url}/{depth}")
        self.read += 1
        return ProbeOutcome(self.told)


Step = tuple[SessionId, Reading, SessionEndpoint, Depth]


def looks(*steps: Step) -> tuple[list[ProbeOutcome], list[str]]:
    same = Same()
    nothing: Any = None

    async def story() -> list[ProbeOutcome]:
        memory = Memory(SoleHolder())
        lookout = Prober(nothing, SystemClock(), nothing, same, memory=memory)
        return [await lookout._probe(memory.session(one), how, where, depth, 9.0) for one, how, where, depth in steps]  # type: ignore[arg-type]

    return asyncio.run(story()), same.asked


def test_a_plain_answer_that_is_as_before_is_asked_for_and_not_read_again() -> None:
    plain = Reading(seen("socket_ok", 9.0, "probe"))
    step: Step = (LOJA, plain, HERE, "socket")
    _, asked = looks(step, step, step)
    assert (plain.read, len(asked)) == (1, 3)


def test_what_ended_a_session_is_read_anew_at_every_look() -> None:
    """It dates itself: another day's reading of it is not this one's."""
    ended = Reading(seen("logged_out", 9.0, "state"))
    step: Step = (LOJA, ended, HERE, "state")
    looks(step, step, step)
    assert ended.read == 3


def test_a_deep_look_is_asked_for_as_such_and_where_the_session_is_now() -> None:
    plain = Reading(seen("socket_ok", 9.0, "probe"))
    steps: tuple[tuple[SessionEndpoint, Depth], ...]
    steps = (HERE, "socket"), (HERE, "roundtrip"), (THERE, "roundtrip"), (THERE, "socket")
    _, asked = looks(*((LOJA, plain, where, depth) for where, depth in steps))
    assert asked == [f"{where.base_url}/{depth}" for where, depth in steps]


def test_where_a_question_is_the_usual_look_it_displaces_the_other() -> None:
    """W-API's socket cannot be asked: once it was looked at without the question, each look with it was read anew."""
    plain = [Reading(seen("question_answered", 9.0, "probe"), kind=kind) for kind in ("evolution", "wapi")]
    for reading in plain:
        looks(*((LOJA, reading, HERE, depth) for depth in ("socket", "roundtrip", "roundtrip", "roundtrip")))
    assert [one.read for one in plain] == [4, 2]


def test_what_was_seen_of_one_session_is_not_told_of_another() -> None:
    phones = ("5511999990001", "5511999990002")
    told = [Reading(seen_with("identity", 9.0, "probe", {"phone": phone})) for phone in phones]
    found, _ = looks((LOJA, told[0], HERE, "socket"), (OUTRA, told[1], HERE, "socket"))
    steps: list[Step] = [(LOJA, told[0], HERE, "socket"), (OUTRA, told[1], HERE, "socket")]
    again = looks(*steps, *steps)[0]
    assert [one.evidence[0].data["phone"] for one in (*found, *again)] == [*phones] * 3
