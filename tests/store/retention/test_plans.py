"""What forgets reads no large table whole, in either dialect (SQLite's plans: `sqlite/test_schema`)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg
import pytest

from esteio.store.postgres.statements import STATEMENTS
from tests.store.retention.grown import POSTGRES, grown

LARGE = {"journal", "attempts", "messages", "inbound_dedupe", "idempotency", "approvals", "pending_receipts"}
ARGUMENTS = {"after": "20000", "through": "20050", "limit": "50", "before": "5000.0", "now": "1.0", "seconds": "60.0"}
FORGETS = sorted(
    name
    for name in STATEMENTS
    if name.startswith("retention_") or name in {f"purge_{table}" for table in LARGE} | {"attempts_of_messages_forget"}
)


@pytest.fixture(scope="module")
def filled(worker_database: str) -> Iterator[psycopg.Connection]:
    """A database with many rows, of which nothing stays."""
    with psycopg.connect(worker_database) as connection:
        # As on a disk without heads: at a hundred times as many rows it would be so at any price.
        connection.execute("SET LOCAL random_page_cost = 1.1")
        for text in grown(POSTGRES):
            connection.execute(text.encode())
        for table in sorted(LARGE):
            connection.execute(f"ANALYZE {table}".encode())
        yield connection
        connection.rollback()


def test_each_of_them_is_looked_at() -> None:
    assert {name.removeprefix("purge_") for name in FORGETS if name.startswith("purge_")} == LARGE


@pytest.mark.parametrize("name", FORGETS)
def test_postgresql_reads_no_large_table_whole(filled: psycopg.Connection, name: str) -> None:
    statement = STATEMENTS[name]
    text = re.sub(r"\$(\d+)", lambda place: _argument(statement.params[int(place[1]) - 1]), statement.text)
    plan = [row[0] for row in filled.execute(f"EXPLAIN {text}".encode()).fetchall()]
    assert [step for step in plan if re.search(rf"Seq Scan on ({'|'.join(LARGE)})\b", step)] == []


def _argument(name: str) -> str:
    return ARGUMENTS.get(name) or '\'["m1","m2"]\''
