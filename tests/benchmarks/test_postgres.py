"""The measurements over PostgreSQL, with tiny counts: that they run from end to end. Never a figure."""

from __future__ import annotations

import asyncio
from typing import get_args

import pytest

from benchmarks.postgres.driver_work import SCHEMA, Driver, Kind, Work, worked
from benchmarks.postgres.drivers import alike
from benchmarks.postgres.job_loop import loop
from tests.benchmarks.test_bench import bench
from tests.postgres_server.cluster import Cluster

SIZE = ("--messages", "60", "--sessions", "2", "--chats", "4", "--connections", "4", "--rounds", "1")


@pytest.mark.slow
def test_the_bare_loop_on_postgresql_says_who_spent_what() -> None:
    line = bench("deliver-postgres", "--nodes", "0", "--delay-ms", "1", small=SIZE)
    assert line["bench"] == "deliver-postgres"
    assert min(line["bare_per_s"], line["bare_delayed_per_s"]) > 0
    assert set(line["sides"]) == {"bare", "bare_delayed"}
    assert set(line["sides"]["bare"]["cpu_us"]) == {"bare", "stub", "postgres", "load"}


@pytest.mark.slow
@pytest.mark.parametrize("driver", get_args(Driver))
def test_each_driver_does_each_work(driver: Driver, postgres: Cluster, postgres_url: str) -> None:
    postgres.execute(SCHEMA, postgres_url.rsplit("/", 1)[1])
    for kind in [one for one in get_args(Kind) if not alike(driver, one)]:
        found = asyncio.run(worked(Work(driver, postgres_url, False, kind, 4, 2, 0.01)))
        assert min(found.per_s, found.p50_ms, found.p99_ms) > 0


@pytest.mark.slow
@pytest.mark.parametrize("each", [1, 8])
def test_pgqueuer_does_every_job(each: int, postgres_url: str) -> None:
    assert asyncio.run(loop(postgres_url, 50, 4, each)).per_s > 0


@pytest.mark.slow
def test_nodes_share_what_is_watched_and_what_falls_meanwhile_is_restarted() -> None:
    size = ("--sessions", "40", "--servers", "2", "--seconds", "3", "--period-s", "1", "--faults", "0.05")
    line = bench("supervise-nodes", small=size)
    assert (line["bench"], line["sessions"], line["fell"]) == ("supervise-nodes", 40, 2)
    assert line["looks_per_s"] > 0
    assert line["restored"] == 2
    assert [one["counted"]["leases_lost"] for one in line["nodes_each"]] == [0, 0]
    assert sum(one["counted"]["sessions"] for one in line["nodes_each"]) == 40
    assert all(one["rss_mb"] > 0 for one in line["nodes_each"])
    assert line["late_p50_s"] <= line["late_p99_s"] <= line["late_most_s"]
