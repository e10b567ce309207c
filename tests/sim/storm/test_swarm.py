"""Fifty small storms on every run, and the proof that a seed is the same story everywhere.

Thousands: `make sim ARGS="--swarm 2000 --within-s 3600"`.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from esteio.sim.storm import report, simulate
from esteio.sim.storm.storm import run

SEEDS = range(1000, 1050)
SESSIONS, HOURS = 8, 0.5
TWICE = 1031

ONCE_MORE = f"""
from esteio.sim.storm import simulate
from esteio.sim.storm.storm import run
print(run(simulate.swarm_plan({TWICE}, {SESSIONS}, {HOURS}), "default").digest)
"""


@pytest.mark.parametrize("seed", SEEDS)
def test_no_rule_is_broken(seed: int) -> None:
    outcome = run(simulate.swarm_plan(seed, SESSIONS, HOURS), "default")
    again = simulate.command_of(seed, SESSIONS, HOURS, ["default"], swarm=True)
    assert not outcome.violations, f"{report.broken(outcome)}\nrepeat it with: {again}"
    assert outcome.messages.lost == 0
    assert outcome.messages.doubled == 0


def test_the_seeds_are_no_calm() -> None:
    plans = [simulate.swarm_plan(seed, SESSIONS, HOURS) for seed in SEEDS]
    kinds = {fault.kind for plan in plans for fault in plan.faults}
    assert len(kinds) > 20
    assert sum(len(plan.faults) for plan in plans) > 400


def test_one_seed_is_one_story() -> None:
    plan = simulate.swarm_plan(TWICE, SESSIONS, HOURS)
    first, second = run(plan, "default"), run(plan, "default")
    other = run(simulate.swarm_plan(TWICE + 1, SESSIONS, HOURS), "default")
    assert first.digest == second.digest
    assert first.digest != other.digest


@pytest.mark.parametrize("hash_seed", ["1", "4711"])
def test_the_story_does_not_hang_on_the_hashes_of_a_process(hash_seed: str) -> None:
    root = Path(__file__).parents[3] / "src"
    done = subprocess.run(
        [sys.executable, "-c", ONCE_MORE],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.strip() == run(simulate.swarm_plan(TWICE, SESSIONS, HOURS), "default").digest
