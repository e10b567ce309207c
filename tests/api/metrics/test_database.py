"""What `/metrics` says of the way to the database is what its statistics hold, as Prometheus reads it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from esteio.api.metrics.database import DatabaseMetrics
from esteio.store.statistics import BUCKETS_S, DatabaseStatistics, PoolUse
from tests.api.conftest import Gateway, Run


def read(statistics: DatabaseStatistics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    registry = CollectorRegistry()
    registry.register(DatabaseMetrics(statistics))
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
    }


def test_buckets_hold_the_shorter_ones_too() -> None:
    statistics = DatabaseStatistics()
    for seconds in (0.0001, 0.003, 0.003, 60.0):
        statistics.durations["write"].add(seconds)
    seen = read(statistics)
    name = "esteio_database_duration_seconds"
    told = {
        end: seen[f"{name}_bucket", frozenset({("kind", "write"), ("le", end)})]
        for end in [*(str(float(one)) for one in BUCKETS_S), "+Inf"]
    }
    assert (told["0.0005"], told["0.0025"], told["0.005"], told["10.0"], told["+Inf"]) == (1, 1, 3, 3, 4)
    assert seen[f"{name}_count", frozenset({("kind", "write")})] == 4
    assert round(seen[f"{name}_sum", frozenset({("kind", "write")})], 4) == 60.0061
    assert seen[f"{name}_count", frozenset({("kind", "read")})] == 0


def test_connections_and_retries() -> None:
    statistics = DatabaseStatistics(lambda: PoolUse(8, 7, 2))
    statistics.retries["conflict"] += 3
    seen = read(statistics)
    assert seen["esteio_database_connections", frozenset({("state", "busy")})] == 7
    assert seen["esteio_database_connections", frozenset({("state", "most")})] == 8
    assert seen["esteio_database_waiting", frozenset()] == 2
    assert seen["esteio_database_retries_total", frozenset({("reason", "conflict")})] == 3
    assert seen["esteio_database_retries_total", frozenset({("reason", "reconnect")})] == 0


def test_a_gateway_times_what_it_writes(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        before = sum(gateway.store.statistics.durations["write"].counts)
        await gateway.add_server()
        assert sum(gateway.store.statistics.durations["write"].counts) > before
        said = (await gateway.call("GET", "/metrics")).text
        assert 'esteio_database_duration_seconds_bucket{kind="write"' in said.replace('le="+Inf",', "")

    run(test)
