"""Small storms over a real PostgreSQL in virtual time, which stands still while a database call is open.

One on every run; more: `make sim SIM=postgres STORMS=5`. The order of answers is the machine's, so such a run has no
digest to compare.
"""

import os

import pytest

from esteio.sim.storm import report, simulate
from esteio.sim.storm.storm import run
from esteio.store.postgres import PostgresStore

STORMS = int(os.environ.get("STORMS", "1"))
SESSIONS, HOURS = 8, 0.5


@pytest.mark.parametrize("seed", range(1000, 1000 + STORMS))
def test_no_rule_is_broken_on_postgresql(seed: int, postgres_url: str) -> None:
    plan = simulate.swarm_plan(seed, SESSIONS, HOURS)
    outcome = run(plan, "default", store=lambda: PostgresStore(postgres_url, alone=True))
    assert not outcome.violations, report.broken(outcome)
    assert (outcome.messages.lost, outcome.messages.doubled) == (0, 0)
