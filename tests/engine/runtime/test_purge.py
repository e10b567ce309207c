"""What is forgotten in time, where more has grown old than goes in one round."""

from __future__ import annotations

import asyncio

from esteio.engine.maintenance import PURGE_EVERY_S
from esteio.sim.lab import Lab
from esteio.store.ports.maintenance import PURGED_AT_ONCE
from esteio.store.sqlite import SqliteStore
from tests.engine.engine_stage import linked, play
from tests.narrowing import of_type

OLD = """
WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :many)
INSERT INTO provider_webhooks (session_id, path, headers, body, received_at, state, note)
SELECT (SELECT max(id) FROM sessions), '', '{}', x'', 0, 'read', '' FROM number
"""


def test_everything_old_goes_however_much_came_between_two_purges() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        database = of_type(SqliteStore, lab.store).database.db.connection
        database.execute(OLD, {"many": 3 * PURGED_AT_ONCE})
        await asyncio.sleep(PURGE_EVERY_S + 60)
        ((left,),) = database.execute("SELECT count(*) FROM provider_webhooks WHERE received_at = 0")
        assert left == 0

    play(story)
