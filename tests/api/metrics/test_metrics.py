"""`/metrics`: what is counted agrees with the store, what is timed has the route's name, and nobody is named."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from esteio.core.model.ids import SessionId, SessionName
from esteio.core.model.recovery import Outage
from esteio.core.model.state import Axis
from esteio.core.webhooks.delivery_policy import EndpointHealth
from esteio.store.base import EventRow, InboxSettlement, RawInbound, Work
from esteio.store.delivery import Endpoint
from esteio.store.sql import rows
from esteio.store.sql.db import Db
from tests.api.conftest import Gateway, Run


class Seen:
    """One reading, by name and labels."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float:
        return self.samples[name, frozenset(labels.items())]


async def read(gateway: Gateway) -> Seen:
    answer = await gateway.call("GET", "/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return Seen(answer.text)


def test_sessions_servers_and_what_waits(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        for name in ("a", "b", "c"):
            await gateway.add_session(name)
        await gateway.live("b")
        for name in ("a", "a", "b"):
            await gateway.call("POST", f"/v1/sessions/{name}/messages", {"to": "5511999998888", "text": "oi"})
        seen = await read(gateway)
        assert seen("esteio_sessions", state="connecting") == 2
        assert seen("esteio_sessions", state="connected") == 1
        assert seen("esteio_sessions", state="error") == 0
        assert (seen("esteio_messages_waiting", gate="held"), seen("esteio_messages_waiting", gate="open")) == (2, 1)
        assert seen("esteio_servers", health="unknown") == 1
        assert seen("esteio_tasks") >= 1
        assert "5511999998888" not in seen.text

    run(test)


@pytest.mark.parametrize(("address", "once"), [("/metrics", []), ("/v1/sessions", ["page", "waiting_by_session"])])
def test_what_waits_is_asked_once_for_all_sessions(
    run: Run, monkeypatch: pytest.MonkeyPatch, address: str, once: list[str]
) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        for number in range(30):
            await gateway.add_session(f"s{number}")
        asked: list[str] = []
        messages, sessions = gateway.store.messages, gateway.store.sessions
        reads = [(messages, "waiting"), (messages, "waiting_by_session"), (sessions, "page"), (sessions, "by_name")]
        for port, name in reads:
            real = getattr(port, name)

            async def counted(
                *args: Any, _name: str = name, _real: Callable[..., Awaitable[Any]] = real, **how: Any
            ) -> Any:
                asked.append(_name)
                return await _real(*args, **how)

            monkeypatch.setattr(port, name, counted)
        assert (await gateway.call("GET", address)).status_code == 200
        assert sorted(asked) == once

    run(test)


def test_answers_are_timed_by_route_whatever_stands_in_the_address(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        await gateway.add_session("a")
        for name in ("a", "a", "none"):
            await gateway.call("GET", f"/v1/sessions/{name}")
        await gateway.call("POST", "/v1/sessions/a/messages", {"to": "5511999998888", "text": "oi"})
        await gateway.call("GET", "/nowhere/at/all")
        seen = await read(gateway)
        name, route = "esteio_http_request_duration_seconds", "/v1/sessions/{name}"
        assert seen(f"{name}_count", method="GET", route=route, status="2xx") == 2
        assert seen(f"{name}_count", method="GET", route=route, status="4xx") == 1
        assert seen(f"{name}_bucket", method="GET", route=route, status="2xx", le="+Inf") == 2
        assert 0 < seen(f"{name}_sum", method="GET", route=route, status="2xx") < 60
        assert seen(f"{name}_count", method="POST", route="/v1/sessions/{name}/messages", status="2xx") == 1
        assert "nowhere" not in seen.text
        assert (await read(gateway))(f"{name}_count", method="GET", route="/metrics", status="2xx") == 1

    run(test)


def test_the_relay_s_backlog(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        seen = await read(gateway)
        names = ("lanes_pending", "events_dead", "oldest_pending_seconds")
        assert [seen(f"esteio_webhook_{name}") for name in names] == [0, 0, 0]
        for host in ("hooks", "files"):
            made = await gateway.call("POST", "/v1/webhooks", {"url": f"https://{host}.example/x"})
            assert made.status_code == 201
        now = gateway.clock.now()

        async def happen(db: Db) -> None:
            for chat in ("1", "2", "2"):
                await db.run(
                    "event_add", rows.event_params(EventRow("message.received", now, {}, SessionName("a"), chat))
                )

        await gateway.store.database.write(happen)
        gateway.clock.ahead = 90.0
        assert (await read(gateway))("esteio_webhook_oldest_pending_seconds") >= 90, "not dealt yet is pending too"
        while await gateway.store.delivery.deal(gateway.clock.now(), 100):
            pass
        endpoint = (await gateway.store.webhook_endpoints.all())[0]
        grave = {
            "event": 1,
            "type": "t",
            "session_name": "a",
            "chat": "1",
            "event_at": now,
            "died_at": now,
            "attempts": 9,
        }
        await gateway.store.database.write(
            lambda db: db.run("dead_letter_add", {**grave, "endpoint_id": endpoint.id, "detail": ""})
        )
        seen = await read(gateway)
        assert seen("esteio_webhook_events_dead") == 1
        assert seen("esteio_webhook_lanes_pending") == 4
        assert 90 <= seen("esteio_webhook_oldest_pending_seconds") < 91

    run(test)


def test_what_waits_by_session(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        ids = {}
        for name, count in (("a", 2), ("b", 0), ("c", 1)):
            ids[name] = (await gateway.add_session(name)).id
            for _ in range(count):
                await gateway.call("POST", f"/v1/sessions/{name}/messages", {"to": "5511999998888", "text": "oi"})
        held = await gateway.store.messages.waiting_by_session([*ids.values()])
        assert held == {ids["a"]: 2, ids["c"]: 1}
        assert all([await gateway.store.messages.waiting(one) == held.get(one, 0) for one in ids.values()])
        assert await gateway.store.messages.waiting_by_session([ids["b"], ids["c"], SessionId(77)]) == {ids["c"]: 1}
        assert await gateway.store.messages.waiting_by_session([]) == {}
        shown = (await gateway.call("GET", "/v1/sessions")).json()["items"]
        assert [(one["name"], one["held"]) for one in shown] == [("a", 2), ("b", 0), ("c", 1)]

    run(test)


def test_who_can_send_and_how_long_the_worst_is_down(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        now = gateway.clock.now()
        asked = Outage("o1", now - 900, "asked", expected=True)
        for name, outage in (("a", Outage("o2", now - 60, "x")), ("b", Outage("o3", now - 90, "x")), ("c", asked)):
            await gateway.add_session(name)
            await gateway.judge(name, outage=outage, can_send=Axis("no"), can_receive=Axis("yes"))
        await gateway.add_session("d")
        seen = await read(gateway)
        assert [seen("esteio_sessions_can_send", answer=word) for word in ("yes", "no", "unknown")] == [0, 3, 1]
        assert [seen("esteio_sessions_can_receive", answer=word) for word in ("yes", "no", "unknown")] == [3, 0, 1]
        assert seen("esteio_sessions_in_outage") == 3
        assert 90 <= seen("esteio_outages_oldest_seconds") < 91, "one that a person asked for does not count"
        await gateway.judge("b", outage=Outage("o3", now - 90, "x", ended_at=now))
        assert 60 <= (await read(gateway))("esteio_outages_oldest_seconds") < 61

    run(test)


def test_how_long_the_oldest_has_waited_by_gate(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        for name in ("a", "b"):
            await gateway.add_session(name)
        await gateway.live("b")
        for ahead, name in ((0.0, "a"), (50.0, "a"), (80.0, "b")):
            gateway.clock.ahead = ahead
            await gateway.call("POST", f"/v1/sessions/{name}/messages", {"to": "5511999998888", "text": "oi"})
        gateway.clock.ahead = 100.0
        seen = await read(gateway)
        assert 100 <= seen("esteio_messages_oldest_waiting_seconds", gate="held") < 101
        assert 20 <= seen("esteio_messages_oldest_waiting_seconds", gate="open") < 21
        gateway.clock.ahead = -100.0
        assert (await read(gateway))("esteio_messages_oldest_waiting_seconds", gate="open") == 0, "no age below 0"

    run(test)


def test_the_inbox(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        session = await gateway.add_session("a")
        seen, now = await read(gateway), gateway.clock.now()
        assert [seen(f"esteio_inbox_{name}") for name in ("unread", "oldest_unread_seconds", "unreadable")] == [0, 0, 0]
        first, *_ = [
            await gateway.store.inbox.accept(RawInbound(session.id, "/x", {}, b"{}", now + at)) for at in (-40, -30, 0)
        ]
        assert 40 <= (await read(gateway))("esteio_inbox_oldest_unread_seconds") < 41
        await gateway.store.inbox.settle(InboxSettlement(first, session.id, now, False, note="not JSON"))
        seen = await read(gateway)
        assert 30 <= seen("esteio_inbox_oldest_unread_seconds") < 31
        assert (seen("esteio_inbox_unread"), seen("esteio_inbox_unreadable")) == (2, 1)

    run(test)


def test_endpoints_and_how_long_they_fail(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        now = gateway.clock.now()
        sick = EndpointHealth(failing_since=now - 70, failures=3)
        for name, enabled, health in (("1", True, sick), ("2", True, EndpointHealth()), ("3", False, sick)):
            await gateway.store.webhook_endpoints.add(
                Endpoint(f"wh_{name}", "https://hooks.example", now, enabled=enabled, health=health)
            )
        seen = await read(gateway)
        states = ("ok", "failing", "disabled")
        assert [seen("esteio_webhook_endpoints", state=state) for state in states] == [1, 1, 1]
        assert 70 <= seen("esteio_webhook_failing_seconds") < 71

    run(test)


def test_recovery_steps_the_store_and_the_disk(run: Run, tmp_path: Path) -> None:
    async def test(gateway: Gateway) -> None:
        gateway.recovery_steps["restart", "effect"] = 2
        seen = await read(gateway)
        assert seen("esteio_recovery_steps_total", step="restart", result="effect") == 2
        assert seen("esteio_recovery_steps_total", step="logout", result="refused") == 0
        assert seen("esteio_store_writable") == 1
        assert seen("esteio_disk_free_bytes") > 0

    run(test, {"data": str(tmp_path)})


def test_a_disk_that_cannot_be_read_rings_no_alarm(run: Run, tmp_path: Path) -> None:
    async def test(gateway: Gateway) -> None:
        assert math.isnan((await read(gateway))("esteio_disk_free_bytes"))

    run(test, {"data": str(tmp_path / "not" / "there")})


def test_work_and_approvals_that_wait(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        now = gateway.clock.now()
        await gateway.store.work.add([Work("w1", "lane", "notice", {}, due_at=now + 30, created_at=now)])
        assert (await read(gateway))("esteio_work_overdue_seconds") == 0
        gateway.clock.ahead = 45.0
        assert 15 <= (await read(gateway))("esteio_work_overdue_seconds") < 16
        assert (await read(gateway))("esteio_approvals_oldest_seconds") == 0

    run(test)
