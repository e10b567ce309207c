"""What the doctor makes of the database's and the nodes' own words."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from esteio.api.v1.gateway import ChecksDocument, NodeDocument
from esteio.cli.local.doctor_database import findings, size_of
from esteio.cli.local.doctor_findings import Finding
from esteio.clock import SystemClock
from esteio.store.ports.inspection import DatabaseFacts
from esteio.store.sqlite import SqliteStore

WELL = DatabaseFacts(
    kind="postgresql",
    version="18.4",
    schema=1,
    schema_known=1,
    size_bytes=12_000_000,
    durability={"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"},
    transport="tls",
    connections=12,
    connections_most=100,
    round_trip_s=0.001,
    clock_off_s=0.2,
    oldest_transaction_s=3.0,
)
A = NodeDocument("a", "a:8700", "1.0", "alive", 1.0, 40)
B = NodeDocument("b", "b:8700", "1.0", "alive", 2.0, 1)


@pytest.fixture(autouse=True)
def in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESTEIO_LANGUAGE", "en")


def told(
    facts: DatabaseFacts = WELL, *nodes: NodeDocument, unowned: int | None = None, url: str = "https://esteio.example"
) -> list[Finding]:
    """As it comes from the API."""
    document = ChecksDocument("1.0", facts, nodes, unowned)
    return list(findings(json.loads(msgspec.json.encode(document)), url))


def changed(**more: Any) -> list[Finding]:
    return told(msgspec.structs.replace(WELL, **more))


def test_a_database_that_is_well_is_one_line() -> None:
    (finding,) = told()
    assert finding == Finding("database", "ok", "PostgreSQL 18.4, schema 1, 12.0 MB")
    assert "pooler" in changed(pooled=True)[0].text


@pytest.mark.parametrize(
    ("more", "result", "word"),
    [
        ({"durability": {"fsync": "off"}}, "fail", "fsync is off"),
        ({"durability": {"synchronous_commit": "off"}}, "fail", "synchronous_commit is off"),
        ({"durability": {"full_page_writes": "off"}}, "fail", "full_page_writes is off"),
        ({"disk_free_bytes": 100_000_000}, "fail", "100.0 MB free"),
        ({"disk_free_bytes": 1_500_000_000}, "warn", "1.5 GB free"),
        ({"log_bytes": 900_000_000}, "warn", "900.0 MB"),
        ({"connections": 96}, "fail", "96 of 100"),
        ({"connections": 85}, "warn", "85 of 100"),
        ({"transport": "plain"}, "warn", "not encrypted"),
        ({"round_trip_s": 0.03}, "warn", "30 ms"),
        ({"clock_off_s": -7.0}, "warn", "7 s apart"),
        ({"oldest_transaction_s": 7200.0}, "warn", "2 h"),
    ],
)
def test_each_trouble_of_the_database_says_what_to_do(more: dict[str, Any], result: str, word: str) -> None:
    well, trouble = changed(**more)
    assert (well.result, trouble.result) == ("ok", result)
    assert word in trouble.text
    assert trouble.do


@pytest.mark.parametrize(("more", "result"), [({"schema": 2}, "warn"), ({"standby": True}, "fail")])
def test_a_database_that_is_another_than_it_should_be(more: dict[str, Any], result: str) -> None:
    (finding,) = changed(**more)
    assert finding.result == result
    assert finding.do


def test_what_is_not_known_is_no_trouble() -> None:
    nothing = DatabaseFacts(kind="sqlite", version="3.46", schema=1, schema_known=1)
    assert [one.result for one in told(nothing)] == ["ok"]


@pytest.mark.parametrize("word", ["on", "local", "remote_write", "remote_apply"])
def test_a_commit_that_waits_for_the_disk_here_is_safe(word: str) -> None:
    assert [one.result for one in changed(durability={"synchronous_commit": word})] == ["ok"]


def test_nodes_that_live_say_what_they_hold() -> None:
    _, first, second = told(WELL, A, B, unowned=0)
    assert (first.check, first.result) == ("node a", "ok")
    assert first.text == "version 1.0, heard from 1 s ago; 40 sessions"
    assert second.text.endswith("1 session")


def test_webhooks_that_go_to_one_node_of_several_are_told() -> None:
    found = told(WELL, A, B, unowned=0, url="http://b:8700")
    assert [(one.check, one.result) for one in found[3:]] == [("nodes", "warn")]
    assert "node b alone" in found[3].text
    assert "ESTEIO_PUBLIC_URL" in found[3].do
    assert len(told(WELL, B, unowned=0, url="http://b:8700")) == 2


def test_a_node_that_left_in_order_is_not_told_and_one_that_died_is() -> None:
    left, died, late = (msgspec.structs.replace(B, id=state, state=state) for state in ("left", "died", "late"))
    found = told(WELL, A, left, died, late, unowned=0)
    assert [(one.check, one.result) for one in found[2:]] == [("node died", "warn"), ("node late", "warn")]
    assert all(one.do for one in found[2:])


def test_two_versions_are_told_of_nodes_that_live() -> None:
    newer = msgspec.structs.replace(B, version="2.0")
    assert told(WELL, A, newer, unowned=0)[-1].text == "nodes of different versions: 1.0, 2.0"
    dead = msgspec.structs.replace(newer, state="died")
    assert not [one for one in told(WELL, A, dead, unowned=0) if one.check == "nodes"]


def test_sessions_without_a_holder_are_told() -> None:
    found = told(WELL, A, unowned=7)[-1]
    assert (found.check, found.result) == ("nodes", "warn")
    assert "7 sessions" in found.text


def test_a_real_file_is_well(tmp_path: Path) -> None:
    async def look() -> DatabaseFacts:
        store = SqliteStore(tmp_path / "esteio.db")
        await store.start(1_700_000_000.0)
        try:
            assert await store.inspection.unowned_sessions() == 0
            return await store.inspection.facts(SystemClock().now)
        finally:
            await store.aclose()

    facts = asyncio.run(look())
    assert facts.kind == "sqlite"
    assert facts.schema == facts.schema_known
    assert facts.durability == {"journal_mode": "wal"}
    assert min(facts.size_bytes or 0, facts.disk_free_bytes or 0) > 0
    assert facts.log_bytes is not None
    assert told(facts)[0].result == "ok"


@pytest.mark.parametrize(("number", "text"), [(900, "1 kB"), (12_345_678, "12.3 MB"), (3_500_000_000, "3.5 GB")])
def test_sizes_are_told_in_the_unit_that_fits(number: int, text: str) -> None:
    assert size_of(number) == text
