"""How many series `/metrics` has does not depend on how many sessions, servers, keys or addresses there are."""

from __future__ import annotations

import re

from prometheus_client.parser import text_string_to_metric_families

from esteio.engine.commands.requests import ServerRequest, SessionRequest
from tests.api.conftest import Gateway, Run

MANY = 1_000
MOST = 2_000
"""Series in all: states, routes and buckets, and nothing that anybody can make more of."""


async def series(gateway: Gateway) -> set[tuple[str, frozenset[tuple[str, str]]]]:
    answer = await gateway.call("GET", "/metrics")
    return {
        (sample.name, frozenset(sample.labels.items()))
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def ask_all(gateway: Gateway, name: str) -> None:
    """Every address that holds a name of somebody's choice, once."""
    await gateway.call("GET", f"/v1/sessions/{name}")
    await gateway.call("POST", f"/v1/sessions/{name}/messages", {"to": "5511999998888", "text": "oi"})
    await gateway.call("GET", f"/v1/messages/{name}")
    await gateway.call("GET", f"/nowhere/{name}")
    await gateway.call("POST", f"/in/{name}", {})


async def add(gateway: Gateway, number: int) -> None:
    """One more of each, without the way through HTTP."""
    server, session = f"server-{number}", f"session-{number}"
    await gateway.commands.servers.add(ServerRequest(server, "evolution", "http://127.0.0.1:8080", {"apikey": "x"}))
    await gateway.commands.sessions.create(SessionRequest(session, server, wait_s=0), "test")
    await gateway.key("read", session)


def test_a_thousand_sessions_servers_and_keys_add_no_series(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server("server-0")
        await gateway.add_session("session-0", server="server-0")
        await gateway.key("read", "session-0")
        await ask_all(gateway, "session-0")
        await series(gateway)
        before = await series(gateway)
        for number in range(1, MANY):
            await add(gateway, number)
        for number in range(1, MANY, 50):
            await ask_all(gateway, f"session-{number}")
        after = await series(gateway)
        assert len(before) < MOST
        assert after == before
        said = " ".join(word for _, labels in after for _, word in labels)
        assert not re.search(r"session-\d|server-\d", said)

    run(test)
