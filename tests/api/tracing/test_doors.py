"""Every door by which a message is accepted keeps the trace that its caller names."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx
import pytest

from esteio.core.model.ids import MessageId
from esteio.log import current_trace, in_trace
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.lab import BASE_URL, Lab
from tests.api.conftest import Gateway, Run
from tests.api.dashboard.browser import Browser, visited
from tests.api.evolution.test_chatwoot import written
from tests.tracing.recorded import PARENT, TRACE, Recorded, parent_of, span_id, trace_of

KEY = "an-admin-key-of-the-tests"
OWN, PHONE = "5511999990001", "5511988887777"


def in_lab(path: str, body: object, route: str, **headers: str) -> None:
    """One request; what it makes is in the caller's trace, below a span that is named by its route."""

    async def main() -> None:
        recorded = Recorded()
        async with Lab(3, settings={"admin_key": KEY}, tracer=recorded.tracer) as lab:
            await lab.gateway.commands.keys.ensure_admin()
            await lab.add_server("evo")
            await lab.adopt("evo", "shop", OWN)
            await lab.until_state("shop", "connected", 600)
            address = urlsplit(lab.gateway.chatwoot.address(await lab.session("shop")))
            asked = f"{address.path}?{address.query}" if path == "chatwoot" else path
            transport = httpx.ASGITransport(app=lab.gateway.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as http:
                told = await http.post(asked, json=body, headers={"traceparent": PARENT, **headers})
            assert told.status_code < 300, told.text

            async def sent() -> bool:
                return "send whatsapp/{session}" in recorded.of_trace(TRACE)

            await lab.until(sent, 60)
            accept = recorded.named(f"POST {route}")
            assert trace_of(accept) == TRACE
            assert parent_of(recorded.named("send whatsapp/{session}")) == span_id(accept)
            assert "token=" not in str([span.to_json() for span in recorded.spans])

    run_virtual(main, limit_s=10_000)


def test_the_evolution_door() -> None:
    body = {"number": PHONE, "text": "oi"}
    in_lab("/evolution/message/sendText/shop", body, "/evolution/message/sendText/{instance}", apikey=KEY)


def test_an_inbox_of_chatwoot() -> None:
    in_lab("chatwoot", written(), "/evolution/chatwoot/webhook/{instance}")


def test_the_form_of_the_dashboard(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await gateway.add_server()
        await gateway.add_session()
        await gateway.live()
        await browser.log_in()
        form = {"form": browser.token, "to": PHONE, "text": "oi"}
        answer = await browser.http.post("/sessions/line/send", data=form, headers={"traceparent": PARENT})
        assert answer.status_code == 303
        message = await gateway.store.messages.get(
            MessageId(answer.headers["location"].split("sent=")[1].split("#")[0])
        )
        assert message is not None
        assert message.trace_context == PARENT

    visited(run, story)


def test_a_repeat_is_the_message_of_the_first_request_and_of_its_trace(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        await gateway.add_session()
        await gateway.live()
        other = PARENT.replace(TRACE, "1" * 32)
        ids = set()
        for parent in (PARENT, other):
            headers = {"idempotency-key": "one", "traceparent": parent}
            body = {"to": PHONE, "text": "oi"}
            told = await gateway.call("POST", "/v1/sessions/line/messages", body, headers=headers)
            ids.add(told.json()["id"])
        (message_id,) = ids
        message = await gateway.store.messages.get(message_id)
        assert message is not None
        assert message.trace_context == PARENT

    run(test)


@pytest.mark.parametrize("state", ["a=b", "a=" + "b" * 600, "no state at all"])
def test_a_state_is_kept_or_left_out_and_the_trace_goes_on(run: Run, state: str) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        await gateway.add_session()
        told = await gateway.call(
            "POST",
            "/v1/sessions/line/messages",
            {"to": PHONE, "text": "oi"},
            headers={"traceparent": PARENT, "tracestate": state},
        )
        message = await gateway.store.messages.get(told.json()["id"])
        assert message is not None
        assert message.trace_context == (f"{PARENT} a=b" if state == "a=b" else PARENT)

    run(test)


def test_who_asks_next_on_the_same_connection_is_in_no_trace_of_the_one_before(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        in_trace(PARENT)
        try:
            await gateway.call("GET", "/v1/sessions")
            assert current_trace() is None
        finally:
            in_trace(None)

    run(test)
