"""A real gateway process, a real receiver of OTLP over HTTP and a real subscriber: one trace through all of them,
through a kill -9 too, and to the end of the process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from esteio.sim.world.world import World
from tests.cli.cli_processes import SOURCE, run
from tests.durability.gateway_process import Gateway, free_port, stage
from tests.tracing.recorded import PARENT, TRACE

CUSTOMER = "5511988887777"
LONGEST_S = 120


class Receiver:
    """Takes spans as a Collector does, and webhooks as a subscriber does."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.hooks: list[tuple[str, dict[str, str]]] = []
        """The event's type, and the headers."""
        self.url = ""

    async def export(self, request: web.Request) -> web.Response:
        asked = ExportTraceServiceRequest.FromString(await request.read())
        for resource in asked.resource_spans:
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)
        return web.Response(content_type="application/x-protobuf")

    async def hook(self, request: web.Request) -> web.Response:
        self.hooks.append(((await request.json())["type"], dict(request.headers)))
        return web.Response()

    def names(self, trace_id: str = TRACE) -> list[str]:
        """What was received of a trace."""
        return [span.name for span in self.spans if span.trace_id.hex() == trace_id]

    def parents(self) -> list[str]:
        """What came along with the events of messages."""
        return [headers.get("traceparent", "") for kind, headers in self.hooks if kind == "message.state_changed"]


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    made, app = Receiver(), web.Application()
    app.router.add_post("/v1/traces", made.export)
    app.router.add_post("/hook", made.hook)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()


async def until(true: Callable[[], bool]) -> None:
    while not true():
        await asyncio.sleep(0.05)


async def posted(gateway: Gateway) -> str:
    status, told = await gateway.ask(
        "POST", "/v1/sessions/loja/messages", {"to": CUSTOMER, "text": "oi"}, traceparent=PARENT
    )
    assert status in (200, 202), told
    return str(told["id"])


async def subscribed(gateway: Gateway, url: str) -> None:
    status, told = await gateway.ask("POST", "/v1/webhooks", {"url": f"{url}/hook"})
    assert status == 201, told


async def ended(gateway: Gateway) -> None:
    """Asked to end, and it does so well; then it runs again, as the stage expects."""
    assert gateway.process is not None
    gateway.process.send_signal(signal.SIGTERM)
    assert await gateway.process.wait() == 0
    await gateway.start()


def play(
    story: Callable[[World, Gateway, Receiver], Awaitable[None]],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    delay_ms: int = 100,
    endpoint: str | None = None,
) -> None:
    async def main() -> None:
        async with asyncio.timeout(LONGEST_S), receiver() as found:
            monkeypatch.setenv("ESTEIO_OTEL_TRACES", "1")
            monkeypatch.setenv("ESTEIO_LOG_LEVEL", "debug")
            monkeypatch.setenv("ESTEIO_ALLOW_TARGETS", "127.0.0.0/8")
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint or found.url)
            monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", str(delay_ms))
            async with stage(folder) as (world, gateway):
                await story(world, gateway, found)

    asyncio.run(main())


def lines(folder: Path) -> list[dict[str, Any]]:
    """What the process logged."""
    told = (folder / "log.txt").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in told if line.startswith("{")]


def test_one_trace_from_the_request_to_the_collector_and_the_subscriber(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue is never handed over but at the end of the process, which therefore hands over all of it."""

    async def story(world: World, gateway: Gateway, found: Receiver) -> None:
        await subscribed(gateway, found.url)
        message_id = await posted(gateway)
        await until(lambda: len(found.parents()) >= 2)
        assert {parent.split("-")[1] for parent in found.parents()} == {TRACE}
        assert found.spans == []
        await ended(gateway)
        assert set(found.names()) >= {
            "POST /v1/sessions/{name}/messages",
            "esteio.outbox.wait",
            "send whatsapp/{session}",
            "POST",
            "esteio.ack.device",
            "deliver message.state_changed",
        }
        sent = next(span for span in found.spans if span.name == "send whatsapp/{session}")
        told = {one.key: one.value.string_value for one in sent.attributes}
        assert (told["messaging.message.id"], told["messaging.destination.name"]) == (message_id, "loja")
        # The webhook that brought the acknowledgement is a trace of its own, and the two are linked.
        acked = next(span for span in found.spans if span.name == "esteio.ack.device")
        (link,) = acked.links
        assert {"POST /in/{token}", "process whatsapp/{session}"} <= set(found.names(link.trace_id.hex()))
        of_message = [line for line in lines(tmp_path) if line.get("message") == message_id]
        assert {line["trace_id"] for line in of_message} == {TRACE}
        assert {line["event"] for line in of_message} >= {"message.accepted", "message.sent"}

    play(story, tmp_path, monkeypatch, delay_ms=600_000)


def test_a_trace_goes_on_after_kill_9_between_the_accept_and_the_send(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(world: World, gateway: Gateway, found: Receiver) -> None:
        await subscribed(gateway, found.url)
        await gateway.ask("POST", "/v1/sessions/loja/pause", {})
        message_id = await posted(gateway)
        gateway.kill()
        await gateway.ended()
        assert "send whatsapp/{session}" not in found.names()
        await gateway.start()
        await gateway.ask("POST", "/v1/sessions/loja/resume", {})
        await until(lambda: "esteio.ack.device" in found.names())
        assert (await gateway.ask("GET", f"/v1/messages/{message_id}"))[1]["state"] in ("delivered", "read")
        assert {"esteio.outbox.wait", "send whatsapp/{session}", "POST"} <= set(found.names())
        await until(lambda: len(found.parents()) >= 2)
        assert {parent.split("-")[1] for parent in found.parents()} == {TRACE}

    play(story, tmp_path, monkeypatch)


def test_a_receiver_that_is_not_there_costs_no_message_and_no_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(world: World, gateway: Gateway, found: Receiver) -> None:
        message_id = await posted(gateway)
        await until(lambda: any(told.text == "oi" for told in world.ledger.delivered))
        await ended(gateway)
        assert (await gateway.ask("GET", f"/v1/messages/{message_id}"))[0] == 200
        assert found.spans == []

    play(story, tmp_path, monkeypatch, endpoint=f"http://127.0.0.1:{free_port()}")


def test_without_the_extra_serve_says_what_to_install(tmp_path: Path) -> None:
    stub = tmp_path / "without" / "opentelemetry"
    stub.mkdir(parents=True)
    (stub / "__init__.py").write_text(
        'raise ModuleNotFoundError("No module named opentelemetry", name="opentelemetry")'
    )
    way = os.pathsep.join([str(stub.parent), str(SOURCE)])
    listen = f"127.0.0.1:{free_port()}"
    told = run("serve", "--listen", listen, "--data", "data", cwd=tmp_path, PYTHONPATH=way, ESTEIO_OTEL_TRACES="1")
    assert told.code == 2
    assert 'pip install "esteio[otel]"' in told.err
    assert "Traceback" not in told.err
