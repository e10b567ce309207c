"""Every class of failure against what the retry rule does with it, through the whole gateway: how often it is tried,
when, how it ends, and that nobody gets it twice."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from esteio.core.views.sentences import sentence
from esteio.engine.commands.requests import MediaRequest, MessageRequest
from esteio.providers.base import HttpRequest, HttpResponse
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.lab import Lab
from esteio.sim.providers.faces import new_world
from esteio.sim.world.transport import SimTransport
from esteio.sim.world.world import World
from esteio.texts import catalogue
from tests.engine.engine_stage import CUSTOMER, linked, until_message


class Refusing:
    """The real road, but for the first `times` sends, which are answered so."""

    def __init__(self, world: World, status: int, body: bytes, times: int) -> None:
        self._real, self._answer, self._times = SimTransport(world), HttpResponse(status, {}, body), times
        self.sends: list[float] = []
        self._world = world

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        if "/message/send" not in request.url:
            return await self._real.exchange(request)
        self.sends.append(self._world.now())
        if len(self.sends) <= self._times:
            return self._answer
        return await self._real.exchange(request)

    async def aclose(self) -> None:
        await self._real.aclose()


def no(*words: Any, status: int = 400) -> tuple[int, bytes]:
    return status, msgspec.json.encode({"status": status, "error": "x", "response": {"message": list(words)}})


PAGE = (404, b"<html><body>nginx</body></html>")
SICK = no("Unauthorized", status=401)
ROUTER = no("Cannot POST /api/message/sendText/loja", status=404)
CLOSED = no("Error: Connection Closed")
UPLOAD = no("Media upload failed on all hosts")
STRANGER = no({"jid": "5511988887777@s.whatsapp.net", "exists": False, "number": CUSTOMER})


@pytest.mark.parametrize(
    ("answer", "times", "state", "reason", "word", "pauses"),
    [
        pytest.param(CLOSED, 1, "delivered", None, "not_sent:socket", [3], id="socket"),
        pytest.param(SICK, 2, "delivered", None, "not_sent:server", [5, 10], id="server"),
        pytest.param(PAGE, 2, "delivered", None, "not_sent:route", [5, 10], id="page"),
        pytest.param(ROUTER, 2, "delivered", None, "not_sent:route", [5, 10], id="route"),
        pytest.param(no("x", status=429), 2, "delivered", None, "not_sent:rate", [15, 30], id="rate"),
        pytest.param(UPLOAD, 2, "delivered", None, "not_sent:media", [10, 20], id="media-cured"),
        pytest.param(UPLOAD, 9, "failed", "media-failed", "not_sent:media", [10, 20], id="media-spent"),
        pytest.param(STRANGER, 9, "failed", "invalid-number", "refused:invalid-number", [], id="invalid-number"),
        pytest.param(no(['instance requires property "text"']), 9, "failed", "request-refused", "refused:request", []),
    ],
)
def test_each_class_by_its_own_rule(
    answer: tuple[int, bytes], times: int, state: str, reason: str | None, word: str, pauses: list[int]
) -> None:
    async def whole() -> None:
        world = new_world(11)
        road = Refusing(world, *answer, times)
        async with Lab(11, world=world, transport=road) as lab:
            await linked(lab)
            media = MediaRequest("image", base64="iVBORw0KGgpYWFhY")
            ask = (
                MessageRequest(CUSTOMER, media=media) if word.endswith("media") else MessageRequest(CUSTOMER, text="oi")
            )
            message = await lab.ask_message("loja", ask)
            await until_message(lab, message, state, within_s=300)
            await asyncio.sleep(600)
            found = await lab.message(message)
            assert (found.state, found.reason.code if found.reason else None) == (state, reason)
            told = [one.outcome for one in await lab.store.messages.attempts(found.id)]
            gone = state == "delivered"
            assert told == [word] * (len(pauses) + (not gone)) + ["accepted"] * gone
            waited = [round(after - before) for before, after in zip(road.sends, road.sends[1:], strict=False)]
            assert waited == pytest.approx(pauses, abs=1)
            assert len(lab.world.ledger.delivered) == gone

    run_virtual(whole, limit_s=50_000)


def test_a_wrong_prefix_holds_the_messages_names_the_server_and_blames_no_session() -> None:
    async def whole() -> None:
        world = new_world(11)
        road = Refusing(world, *ROUTER, times=3)
        async with Lab(11, world=world, transport=road) as lab:
            await linked(lab)
            message = await lab.ask_message("loja", MessageRequest(CUSTOMER, text="oi", on_down="fail"))
            await asyncio.sleep(20)
            found = await lab.message(message)
            assert found.state == "queued"
            assert found.reason is not None
            said = sentence(found.reason, catalogue("en"))
            assert said.text.startswith("The address of the server prov does not know the route of this send: C")
            assert "base_url" in said.action
            session = await lab.session("loja")
            assert (session.state, session.outage) == ("connected", None)
            await until_message(lab, message, "delivered", within_s=60)

    run_virtual(whole, limit_s=50_000)
