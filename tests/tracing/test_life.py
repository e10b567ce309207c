"""A message's life as spans: a whole gateway before a simulated provider, in virtual time, the SDK's exporter in
memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from esteio.config import Otel
from esteio.engine.commands.requests import EndpointRequest
from esteio.providers.base import HttpRequest, HttpResponse, TransportFailed
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.lab import BASE_URL, Lab
from esteio.sim.world.subscribers import Subscriber
from esteio.tracing import names
from tests.tracing.recorded import CALLER, PARENT, TRACE, Recorded, parent_of, seconds, span_id, trace_of

KEY = "an-admin-key-of-the-tests"
OWN, PHONE, TEXT = "5551999990000", "5551988887777", "a meia-noite em ponto"


class Room:
    """A linked session `shop`, a subscriber, and the API."""

    def __init__(self, lab: Lab, recorded: Recorded, subscriber: Subscriber) -> None:
        self.lab, self.recorded, self.subscriber = lab, recorded, subscriber
        transport = httpx.ASGITransport(app=lab.gateway.app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers={"apikey": KEY})

    async def post(self, headers: Any = None, **body: Any) -> str:
        """A message by the API; its id."""
        said = await self.http.post(
            "/v1/sessions/shop/messages", headers=headers or {}, json={"to": PHONE, "text": TEXT, **body}
        )
        assert said.status_code == 202, said.text
        return str(said.json()["id"])

    async def until(self, message_id: str, *states: str) -> None:
        async def is_so() -> bool:
            return (await self.lab.message(message_id)).state in states

        await self.lab.until(is_so, 900)

    async def until_told(self, count: int, kind: str = "message.state_changed") -> None:
        async def is_so() -> bool:
            return len([one for one in self.subscriber.taken if one.body["type"] == kind]) >= count

        await self.lab.until(is_so, 900)


def in_room(
    test: Callable[[Room], Awaitable[None]],
    *,
    recorded: Recorded | None = None,
    traced: bool = True,
    form: Any = "standard",
    kind: str = "evolution",
    **settings: Any,
) -> None:
    async def main() -> None:
        spans = recorded or Recorded()
        given = {"tracer": spans.tracer} if traced else {}
        async with Lab(3, settings={"admin_key": KEY, **settings}, **given) as lab:  # type: ignore[arg-type]
            await lab.gateway.commands.keys.ensure_admin()
            await lab.add_server("evo", kind)
            await lab.adopt("evo", "shop", OWN)
            await lab.until_state("shop", "connected", 600)
            await asyncio.sleep(60)
            subscriber = lab.subscribers.add("app.example")
            await lab.commands.webhooks.add(EndpointRequest(subscriber.url, format=form))
            room = Room(lab, spans, subscriber)
            async with room.http:
                await test(room)

    run_virtual(main, limit_s=10_000)


def test_one_trace_from_the_caller_to_the_receipt_and_the_subscriber() -> None:
    async def test(room: Room) -> None:
        message_id = await room.post({"traceparent": PARENT, "tracestate": "rojo=1"})
        await room.until(message_id, "delivered", "read")
        await room.until_told(2)
        accept = room.recorded.named("POST /v1/sessions/{name}/messages")
        assert (trace_of(accept), parent_of(accept)) == (TRACE, CALLER)
        for name in ("esteio.outbox.wait", "send whatsapp/{session}", "esteio.ack.device"):
            span = room.recorded.named(name)
            assert (trace_of(span), parent_of(span)) == (TRACE, span_id(accept)), name
        delivered = [span for span in room.recorded.spans if span.name == "deliver message.state_changed"]
        assert {(trace_of(span), parent_of(span)) for span in delivered} == {(TRACE, span_id(accept))}
        (exchange,) = [s for s in room.recorded.spans if parent_of(s) == span_id(room.recorded.named(names.SEND))]
        assert (exchange.name, (exchange.attributes or {})["http.response.status_code"]) == ("POST", 201)
        told = room.subscriber.taken[-1].request.headers
        assert told["traceparent"].split("-")[1:] == [TRACE, span_id(delivered[-1]), "01"]
        assert told["tracestate"] == "rojo=1"

    in_room(test)


def test_spans_have_the_times_of_the_row() -> None:
    async def test(room: Room) -> None:
        message_id = await room.post({"traceparent": PARENT})
        await room.until(message_id, "delivered", "read")
        await room.until_told(2)
        message = await room.lab.message(message_id)
        acks = await room.lab.store.messages.acks(message.id)
        waited, sent = room.recorded.named(names.WAIT), room.recorded.named(names.SEND)
        assert seconds(waited)[0] == pytest.approx(message.created_at, abs=1e-5)
        assert seconds(waited)[1] == seconds(sent)[0]
        began, ended = seconds(room.recorded.named(names.DEVICE_ACK))
        assert began == pytest.approx(message.sent_at, abs=1e-5)
        assert ended == pytest.approx(acks.device, abs=1e-5)

    in_room(test)


def test_spans_name_nobody_and_quote_nothing() -> None:
    async def test(room: Room) -> None:
        message_id = await room.post({"traceparent": PARENT}, client_ref="order-7")
        await room.until(message_id, "delivered", "read")
        room.lab.world.contact_sends(OWN, PHONE, "uma resposta secreta", "text")
        await room.until_told(1, "message.received")
        declared = set(names.SPANS) - {names.ACCEPT, names.EXCHANGE, names.DELIVER}
        for span in room.recorded.spans:
            assert span.name in declared or span.name.split(" ")[0] in {"POST", "GET", "deliver"}, span.name
            assert set(span.attributes or {}) <= set(names.ATTRIBUTES), span.name
            said = f"{span.name} {dict(span.attributes or {})} {span.status.description}"
            for hidden in ("88887777", "99990000", "meia-noite", "secreta", "order-7", KEY, "apikey"):
                assert hidden not in said, said

    in_room(test)


def test_what_comes_in_is_one_trace_from_the_webhook_to_the_subscriber() -> None:
    async def test(room: Room) -> None:
        room.lab.world.contact_sends(OWN, PHONE, "oi", "text")
        await room.until_told(1, "message.received")
        (delivered,) = [span for span in room.recorded.spans if span.name == "deliver message.received"]
        (processed,) = [
            span for span in room.recorded.spans if span.name == names.PROCESS and trace_of(span) == trace_of(delivered)
        ]
        assert parent_of(delivered) == span_id(processed)
        assert (processed.attributes or {})[names.EVENTS] == 1

    in_room(test)


def test_a_cloudevent_says_the_same_as_its_headers() -> None:
    async def test(room: Room) -> None:
        message_id = await room.post({"traceparent": PARENT, "tracestate": "rojo=1"})
        await room.until(message_id, "delivered", "read")
        await room.until_told(2)
        for one in room.subscriber.taken:
            if one.body["type"] == "message.state_changed":
                headers = one.request.headers
                assert (one.body["traceparent"], one.body["tracestate"]) == (headers["traceparent"], "rojo=1")
                assert TRACE in headers["traceparent"]

    in_room(test, form="cloudevents")


class Watched:
    """The road to the provider, which notes what was sent along."""

    def __init__(self, lab_transport: Any) -> None:
        self.inner, self.sent = lab_transport, []  # type: ignore[var-annotated]

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        self.sent.append(dict(request.headers))
        answer: HttpResponse = await self.inner.exchange(request)
        return answer

    async def aclose(self) -> None:
        await self.inner.aclose()


@pytest.mark.parametrize("told", [False, True])
def test_a_provider_is_told_of_the_trace_only_where_the_settings_say_so(told: bool) -> None:
    async def test(room: Room) -> None:
        watched = Watched(room.lab.gateway.transport._inner)  # type: ignore[attr-defined]
        room.lab.gateway.transport._inner = watched  # type: ignore[attr-defined]
        message_id = await room.post({"traceparent": PARENT})
        await room.until(message_id, "delivered", "read")
        parents = [one["traceparent"] for one in watched.sent if "traceparent" in one]
        assert bool(parents) is told
        assert {one.split("-")[1] for one in parents} <= {TRACE}

    in_room(test, otel=Otel(to_providers=told))


def test_without_a_tracer_the_callers_own_context_reaches_the_subscriber() -> None:
    async def test(room: Room) -> None:
        message_id = await room.post({"traceparent": PARENT})
        await room.until(message_id, "delivered", "read")
        await room.until_told(2)
        parents = [one.request.headers.get("traceparent") for one in room.subscriber.taken]
        assert parents.count(PARENT) >= 2
        assert room.recorded.spans == ()

    in_room(test, traced=False)


@pytest.mark.parametrize(
    "headers",
    [
        [("traceparent", f"00-{'0' * 32}-{CALLER}-01")],
        [("traceparent", "00-what-ever-01")],
        [("traceparent", PARENT), ("traceparent", PARENT)],
    ],
)
def test_a_hostile_traceparent_is_ignored_and_a_new_trace_begins(headers: list[tuple[str, str]]) -> None:
    async def test(room: Room) -> None:
        message_id = await room.post(httpx.Headers(headers))
        await room.until(message_id, "delivered", "read")
        sent = room.recorded.named(names.SEND)
        assert trace_of(sent) != TRACE
        assert trace_of(room.recorded.named("POST /v1/sessions/{name}/messages")) == trace_of(sent)

    in_room(test)


def test_nobody_without_a_key_begins_a_span() -> None:
    async def test(room: Room) -> None:
        before = len(room.recorded.spans)
        said = await room.http.post(
            "/v1/sessions/shop/messages", headers={"apikey": "none-of-ours", "traceparent": PARENT}, json={}
        )
        assert said.status_code == 401
        assert len(room.recorded.spans) == before

    in_room(test)


@pytest.mark.parametrize("kind", ["evolution", "wapi"])
def test_acknowledgements_that_are_faster_than_the_answer_are_told_once_each(kind: str) -> None:
    async def test(room: Room) -> None:
        inner = room.lab.gateway.transport._inner  # type: ignore[attr-defined]

        class Slow:
            async def exchange(self, request: HttpRequest) -> HttpResponse:
                answer: HttpResponse = await inner.exchange(request)
                if request.method == "POST" and TEXT.encode() in request.body:
                    await asyncio.sleep(4)
                return answer

            async def aclose(self) -> None:
                await inner.aclose()

        room.lab.gateway.transport._inner = Slow()  # type: ignore[attr-defined]
        message_id = await room.post({"traceparent": PARENT})
        await room.until(message_id, "delivered", "read")
        await asyncio.sleep(30)
        acks = await room.lab.store.messages.acks((await room.lab.message(message_id)).id)
        known = {names.SERVER_ACK: acks.server, names.DEVICE_ACK: acks.device, names.READ_ACK: acks.read}
        told = [span.name for span in room.recorded.spans if span.name in known]
        assert sorted(told) == sorted(name for name, at in known.items() if at is not None)
        assert names.DEVICE_ACK in told

    in_room(test, kind=kind)


def test_who_wakes_a_judge_does_not_own_what_it_does_from_then_on() -> None:
    async def test(room: Room) -> None:
        watched = Watched(room.lab.gateway.transport._inner)  # type: ignore[attr-defined]
        room.lab.gateway.transport._inner = watched  # type: ignore[attr-defined]
        said = await room.http.post("/v1/sessions/shop/recover", headers={"traceparent": PARENT}, json={})
        assert said.status_code == 202
        await asyncio.sleep(900)
        assert watched.sent
        assert room.recorded.of_trace(TRACE) == ["POST /v1/sessions/{name}/recover"]

    in_room(test)


def test_an_attempt_that_failed_says_why_and_the_next_is_in_the_same_trace() -> None:
    async def test(room: Room) -> None:
        inner, failures = room.lab.gateway.transport._inner, [1]  # type: ignore[attr-defined]

        class Refusing:
            async def exchange(self, request: HttpRequest) -> HttpResponse:
                if "/message/" in request.url and failures:
                    failures.pop()
                    raise TransportFailed("the connection was refused", sent="no")
                answer: HttpResponse = await inner.exchange(request)
                return answer

            async def aclose(self) -> None:
                await inner.aclose()

        room.lab.gateway.transport._inner = Refusing()  # type: ignore[attr-defined]
        message_id = await room.post({"traceparent": PARENT})
        await room.until(message_id, "delivered", "read")
        first, second = [span for span in room.recorded.spans if span.name == names.SEND]
        assert {trace_of(first), trace_of(second)} == {TRACE}
        assert (first.attributes or {})[names.STATE] == "queued"
        assert (second.attributes or {})[names.ATTEMPT] == 2
        (exchange,) = [span for span in room.recorded.spans if parent_of(span) == span_id(first)]
        assert (exchange.attributes or {})["error.type"] == "not-reached"
        waits = [span for span in room.recorded.spans if span.name == names.WAIT]
        assert seconds(waits[1])[1] == seconds(second)[0]

    in_room(test)
