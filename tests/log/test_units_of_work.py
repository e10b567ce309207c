"""The canonical line of each unit of work (a message accepted, an attempt at it, a provider's webhook, a decision, a
delivery), written by the real engine in virtual time; and nothing of what people wrote or of their numbers in any."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import msgspec
import pytest

from esteio.core.messages.outbox import SendSettlement
from esteio.core.model.ids import MessageId
from esteio.core.webhooks import delivery_policy
from esteio.engine.commands.requests import EndpointRequest, MessageRequest
from esteio.log.events import EVENTS
from esteio.providers.base import HttpRequest, HttpResponse
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.lab import Lab
from esteio.sim.providers.faces import new_world
from esteio.sim.world.faults import Fault, inject
from esteio.sim.world.subscribers import Subscriber
from esteio.sim.world.transport import SimTransport
from esteio.sim.world.world import World
from esteio.store.base import SendClaim
from tests.log.conftest import Lines
from tests.narrowing import not_none

PHONE, CUSTOMER, TEXT = "5511999990001", "5511988887777", "encontro às nove"


class Refusing:
    """The way to the world, on which every send is answered so. None: it is answered there."""

    def __init__(self, world: World) -> None:
        self._real = SimTransport(world)
        self.answer: tuple[int, object] | None = None

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        if self.answer is None or "/message/send" not in request.url:
            return await self._real.exchange(request)
        status, words = self.answer
        return HttpResponse(status, {}, json.dumps({"status": status, "response": {"message": [words]}}).encode())

    async def aclose(self) -> None:
        await self._real.aclose()


Story = Callable[[Lab, Refusing], Awaitable[None]]
Play = Callable[[Story], None]


@pytest.fixture
def play(lines: Lines) -> Play:
    """Runs a story before one linked session, with the log of what came before it taken away; checks every line."""

    def runner(story: Story) -> None:
        async def whole() -> None:
            world = new_world(7)
            road = Refusing(world)
            async with Lab(7, world=world, transport=road) as lab:
                await lab.add_server("prov")
                await lab.adopt("prov", "loja", PHONE)
                await asyncio.sleep(40)
                lines.out.truncate(0)
                lines.out.seek(0)
                await story(lab, road)

        run_virtual(whole, limit_s=500_000)
        for line in lines.all:
            assert line["event"] in EVENTS
        for secret in (PHONE, CUSTOMER, CUSTOMER[2:], TEXT):
            assert secret not in lines.out.getvalue()

    return runner


async def send(lab: Lab, **more: Any) -> str:
    message = await lab.ask_message("loja", MessageRequest(CUSTOMER, text=TEXT, client_ref="conv-12", **more))
    return (await lab.message(message)).id


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


async def settled(lab: Lab, message: str, *states: str) -> None:
    async def is_so() -> bool:
        return (await lab.message(message)).state in states

    await lab.until(is_so, 3600)


WHO = {"session": "loja", "server": "prov"}


def test_a_message_accepted(lines: Lines, play: Play) -> None:
    async def story(lab: Lab, road: Refusing) -> None:
        message = await send(lab)
        (line,) = lines.of("message.accepted")
        told = {"message": message, "chat": "***7777", "client_ref": "conv-12", "kind": "text", "state": "queued"}
        assert line.items() >= {**WHO, **told, "level": "debug", "reason": None}.items()
        assert line["duration_ms"] >= 0

    play(story)


def test_a_message_sent(lines: Lines, play: Play) -> None:
    async def story(lab: Lab, road: Refusing) -> None:
        message = await send(lab)
        await settled(lab, message, "delivered")
        (line,) = lines.of("message.sent")
        told = {"message": message, "chat": "***7777", "client_ref": "conv-12", "kind": "text", "attempt": 1}
        assert line.items() >= {**WHO, **told, "outcome": "accepted", "reason": None, "level": "debug"}.items()
        assert 0 < line["duration_ms"] <= line["age_ms"]

    play(story)


def test_an_attempt_that_did_not_send_says_when_the_next_is_due(lines: Lines, play: Play) -> None:
    async def story(lab: Lab, road: Refusing) -> None:
        before, road.answer = lab.clock.now(), (500, "Error: Connection Closed")
        message = await send(lab)
        await asyncio.sleep(1)
        road.answer = None
        await settled(lab, message, "delivered")
        (line,) = lines.of("message.requeued")
        assert line.items() >= {**WHO, "message": message, "attempt": 1, "outcome": "not_sent:socket"}.items()
        assert moment(line["next_at"]) > before
        assert lines.of("message.sent", message=message, attempt=2)

    play(story)


def test_a_message_failed_says_why_and_quotes_nothing(lines: Lines, play: Play) -> None:
    async def story(lab: Lab, road: Refusing) -> None:
        road.answer = (400, {"jid": f"{CUSTOMER}@s.whatsapp.net", "exists": False, "number": CUSTOMER, "text": TEXT})
        message = await send(lab)
        await settled(lab, message, "failed")
        (line,) = lines.of("message.failed")
        told = {"message": message, "attempt": 1, "outcome": "refused:invalid-number", "reason": "invalid-number"}
        assert line.items() >= {**WHO, **told, "level": "warning"}.items()

    play(story)


def test_a_message_in_doubt_and_what_became_of_it(lines: Lines, play: Play) -> None:
    async def story(lab: Lab, road: Refusing) -> None:
        await settled(lab, await send(lab), "delivered")
        inject(lab.world, "prov", "loja", Fault("webhook_lost"))
        inject(lab.world, "prov", "loja", Fault("lost_response", happens=True, how="cut"))
        message = await send(lab)
        await settled(lab, message, "sent", "delivered")
        (doubt,) = lines.of("message.in_doubt")
        assert doubt.items() >= {**WHO, "message": message, "attempt": 1, "reason": "in-doubt"}.items()
        assert doubt["next_at"]
        (line,) = lines.of("message.doubt_settled")
        told = {"message": message, "client_ref": "conv-12", "state": "sent", "result": "found", "level": "info"}
        assert line.items() >= {**WHO, **told}.items()

    play(story)


def test_a_settlement_whose_lease_was_lost_is_logged_and_nothing_else(
    lines: Lines, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(lab: Lab, road: Refusing) -> None:
        inject(lab.world, "prov", "loja", Fault("webhook_lost"))
        performers = lab.gateway.sends._performers
        real = performers.send

        async def late(claim: SendClaim) -> SendSettlement:
            return msgspec.structs.replace(await real(claim), fence=claim.fence - 1)

        monkeypatch.setattr(performers, "send", late)
        message = await send(lab)
        await asyncio.sleep(5)
        (line,) = lines.of("message.fence_lost")
        assert line.items() >= {**WHO, "message": message, "attempt": 1, "level": "warning"}.items()
        assert not lines.of("message.sent")
        assert not_none(await lab.store.messages.get(MessageId(message))).state == "sending"

    play(story)


def test_a_providers_webhook_received_and_read(lines: Lines, play: Play) -> None:
    async def story(lab: Lab, road: Refusing) -> None:
        found = await lab.session("loja")
        key = {"remoteJid": f"{CUSTOMER}@s.whatsapp.net", "fromMe": False, "id": "A1"}
        data = {"key": key, "message": {"conversation": TEXT}, "messageTimestamp": int(lab.clock.now())}
        body = msgspec.json.encode({"event": "messages.upsert", "instance": "loja", "data": data})
        row = await lab.commands.provider_webhooks.accept(found, "/messages-upsert", {}, body)
        await asyncio.sleep(2)
        (received,) = lines.of("provider_webhook.received", provider_webhook=row)
        assert received.items() >= {**WHO, "path": "/messages-upsert", "size": len(body), "level": "debug"}.items()
        (read,) = lines.of("provider_webhook.read", provider_webhook=row)
        assert read.items() >= {**WHO, "count": 1, "size": len(body), "level": "debug"}.items()
        assert read["evidence"]
        assert 0 <= read["duration_ms"] <= read["age_ms"]

    play(story)


def test_a_providers_webhook_that_cannot_be_read_is_one_line_a_minute(lines: Lines, play: Play) -> None:
    async def story(lab: Lab, road: Refusing) -> None:
        found = await lab.session("loja")
        row = 0
        for _ in range(3):
            row = await lab.commands.provider_webhooks.accept(found, "", {}, f"{{{TEXT} {CUSTOMER}".encode())
            await asyncio.sleep(1)
        await asyncio.sleep(60)
        await lab.commands.provider_webhooks.accept(found, "", {}, b"{")
        await asyncio.sleep(1)
        first, later = lines.of("provider_webhook.unreadable")
        assert first.items() >= {**WHO, "provider_webhook": row - 2, "suppressed": 0, "level": "warning"}.items()
        assert later["suppressed"] == 2
        assert not lines.of("provider_webhook.read", provider_webhook=row)

    play(story)


def test_a_webhook_over_the_budget_is_refused_in_a_line(
    lines: Lines, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(lab: Lab, road: Refusing) -> None:
        monkeypatch.setattr(lab.commands.provider_webhooks._tally, "take", lambda *_: False)
        with pytest.raises(Exception, match="webhook-budget"):
            await lab.commands.provider_webhooks.accept(await lab.session("loja"), "", {}, b"{}")
        assert lines.of("provider_webhook.refused", **WHO, size=2, level="warning")

    play(story)


def test_a_decision_and_the_fall_and_cure_that_it_was_about(lines: Lines, play: Play) -> None:
    async def story(lab: Lab, road: Refusing) -> None:
        inject(lab.world, "prov", "loja", Fault("stuck_connecting"))
        await lab.until_state("loja", "connected", 3600)
        await asyncio.sleep(900)
        made = lines.of("decision.committed", session="loja", server="prov")
        assert made
        for line in made:
            assert line.keys() >= {
                "state",
                "reason",
                "rung",
                "attempt_id",
                "evidence",
                "tries",
                "duration_ms",
                "next_at",
            }
            assert line["level"] == "debug"
        changed = lines.of("session.state_changed", **WHO)
        assert [(one["before"], one["after"]) for one in changed][-1][1] == "connected"
        (started,), (ended,) = lines.of("session.outage_started"), lines.of("session.outage_ended")
        assert started["outage"] == ended["outage"]
        assert ended["duration_ms"] > 0
        for begun in lines.of("session.attempt_started"):
            assert lines.of("work.performed", **WHO, work=begun["attempt_id"], rung=begun["rung"])
        assert lines.of("decision.committed", session="loja", state=changed[0]["after"])

    play(story)


async def subscribed(lab: Lab) -> tuple[Subscriber, str]:
    made = lab.subscribers.add("one.example")
    endpoint, _ = await lab.commands.webhooks.add(EndpointRequest(url=made.url, events=("message.state_changed",)))
    return made, endpoint.id


def test_a_delivery(lines: Lines, play: Play) -> None:
    async def story(lab: Lab, road: Refusing) -> None:
        subscriber, endpoint = await subscribed(lab)
        await settled(lab, await send(lab), "delivered")
        await asyncio.sleep(5)
        done = lines.of("delivery.succeeded", endpoint=endpoint)
        assert len(done) == len(subscriber.taken) > 0
        told = {"session": "loja", "event_type": "message.state_changed", "attempt": 1, "status": 200, "level": "debug"}
        assert done[0].items() >= told.items()
        assert 0 < done[0]["duration_ms"] <= done[0]["age_ms"]
        assert done[0]["event_seq"] > 0

    play(story)


@pytest.mark.parametrize(
    ("status", "up", "reason"),
    [(500, True, "http-status"), (302, True, "redirect"), (None, False, "not-reached")],
)
def test_why_a_webhook_was_not_delivered_stands_in_one_line(
    lines: Lines, play: Play, status: int | None, up: bool, reason: str
) -> None:
    async def story(lab: Lab, road: Refusing) -> None:
        subscriber, endpoint = await subscribed(lab)
        subscriber.up, subscriber.status = up, status or 200
        before = lab.clock.now()
        await send(lab)
        await asyncio.sleep(10)
        line = lines.of("delivery.failed", endpoint=endpoint)[0]
        told = {"session": "loja", "event_type": "message.state_changed", "attempt": 1, "outcome": "failed"}
        assert line.items() >= {**told, "status": status, "reason": reason, "level": "warning"}.items()
        assert moment(line["next_at"]) > before
        assert line["event_seq"] > 0

    play(story)


def test_an_event_that_is_given_up_says_so(lines: Lines, play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """After three hours here, and not three days: a log at this level takes its time to write."""
    monkeypatch.setattr(delivery_policy, "GIVE_UP_S", 3 * 3600.0)

    async def story(lab: Lab, road: Refusing) -> None:
        subscriber, _ = await subscribed(lab)
        subscriber.status = 500
        await send(lab)
        await asyncio.sleep(4 * 3600)
        assert lines.of("delivery.failed", outcome="dead", next_at=None) or lines.of("delivery.given_up")

    play(story)


def test_a_subscriber_that_wants_no_more_is_two_lines(lines: Lines, play: Play) -> None:
    async def story(lab: Lab, road: Refusing) -> None:
        subscriber, endpoint = await subscribed(lab)
        subscriber.status = 410
        await send(lab)
        await asyncio.sleep(10)
        assert lines.of("delivery.failed", endpoint=endpoint, outcome="gone", status=410, reason="gone", next_at=None)
        assert lines.of("endpoint.disabled", endpoint=endpoint, reason="gone", level="warning")

    play(story)


def test_below_the_level_no_line_is_put_together(lines: Lines, play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(lab: Lab, road: Refusing) -> None:
        lines.set_up("info")
        monkeypatch.setattr("esteio.log.redaction.shown", None)
        await settled(lab, await send(lab), "delivered")
        assert lines.all == []

    play(story)
