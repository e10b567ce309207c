"""What a message leaves in the database, counted once with few of them. Never a figure."""

from __future__ import annotations

from benchmarks.capacity.sizes import InPostgres, Sizes, run_sizes


def test_what_each_message_leaves_is_counted_by_table() -> None:
    line = run_sizes(Sizes(100), lambda _: None)
    assert line["out"]["tables"]["messages"][1] == line["in"]["tables"]["messages"][1] == 1.0
    assert line["out"]["tables"]["events"][1] == 2.0
    assert set(line["idle_day"]["tables"]) == {"journal"}
    assert line["out"]["bytes"] == sum(size for size, _ in line["out"]["tables"].values()) > 1000


def test_a_postgres_tells_how_large_its_tables_are_and_how_far_its_log_is(migrated_url: str) -> None:
    database = InPostgres(migrated_url)
    assert database.log() > 1_000_000
    tables = database.tables()
    assert tables["messages"][0] > 0 == tables["messages"][1]
    assert "schema_version" in tables
