"""What is forgotten in time: where more has grown old than goes in one round, and over weeks, table by table."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

import pytest

from esteio.config import Retention
from esteio.engine.commands.requests import EndpointRequest
from esteio.engine.maintenance import PURGE_EVERY_S
from esteio.sim.lab import Lab
from esteio.sim.world.faults import Fault, inject
from esteio.store.ports.maintenance import PURGED_AT_ONCE
from tests.engine.engine_stage import CUSTOMER, PHONE, linked, play
from tests.postgres_server.raw import raw

DAY = 86_400.0
WEEKS = int(os.environ.get("WEEKS", "0"))
OLD = """
WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :many)
INSERT INTO provider_webhooks (session_id, path, headers, body, received_at, state, note)
SELECT (SELECT max(id) FROM sessions), '', '{}', :body, 0, 'read', '' FROM number
"""
GROWS = {
    "attempts",
    "audit_log",
    "deliveries",
    "events",
    "inbound_dedupe",
    "journal",
    "messages",
    "outages",
    "provider_webhooks",
    "state_changes",
    "work",
}
"""Tables that this life fills day by day."""
SHORT = Retention(
    bodies_s=DAY,
    media_s=DAY,
    webhooks_s=DAY,
    unreadable_s=DAY,
    history_s=4 * DAY,
    audit_s=4 * DAY,
    messages_s=4 * DAY,
    timeline_s=2 * DAY,
    dedupe_s=2 * DAY,
)


def rows_of(lab: Lab) -> Mapping[str, int]:
    """How many rows each table has."""
    database = raw(lab.store)
    counts = {name: database.rows(f'SELECT count(*) FROM "{name}"') for name in database.tables()}
    return {name: many for name, ((many,),) in counts.items()}


def test_everything_old_goes_however_much_came_between_two_purges() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        raw(lab.store).run(OLD, many=3 * PURGED_AT_ONCE, body=b"")
        await asyncio.sleep(PURGE_EVERY_S + 60)
        ((left,),) = raw(lab.store).rows("SELECT count(*) FROM provider_webhooks WHERE received_at = 0")
        assert left == 0

    play(story)


async def a_day(lab: Lab) -> None:
    """Messages both ways each hour, and a fall."""
    for hour in range(24):
        await lab.send("loja", CUSTOMER, f"às {hour}")
        lab.world.phone(CUSTOMER).send(PHONE, f"de volta às {hour}")
        if hour == 12:
            inject(lab.world, "prov", "loja", Fault("drop", down_s=600))
        await asyncio.sleep(3600)


@pytest.mark.skipif(WEEKS < 3, reason="a whole gateway's weeks are long: `make sim`; its store's: store/retention")
def test_no_table_grows_over_weeks() -> None:
    """Events stay a week, all else less: from the second week on there is as much as there was."""
    found: list[Mapping[str, int]] = []

    async def story(lab: Lab) -> None:
        await linked(lab)
        one = lab.subscribers.add("one.example")
        await lab.commands.webhooks.add(EndpointRequest(one.url))
        for _ in range(WEEKS):
            for _ in range(7):
                await a_day(lab)
            found.append(rows_of(lab))

    policy = {"default": {"probe_idle_s": 1800.0}}
    play(story, settings={"retention": SHORT, "policy": policy}, limit_s=(WEEKS * 7 + 1) * DAY)
    second, last = found[1], found[-1]
    assert {table for table in GROWS if not second[table]} == set()
    assert {table: (second[table], many) for table, many in last.items() if many > second[table] * 1.1 + 10} == {}
