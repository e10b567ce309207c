"""The page that says what bounds each table names every table that there is, in either dialect."""

from __future__ import annotations

import re
from pathlib import Path

import apsw
import psycopg
import pytest

from esteio.store.sqlite.connection import connect, migrate

HOW_TO = Path(__file__).parents[3] / "docs" / "how-to"


@pytest.mark.parametrize("page", ["retention.md", "retention.pt-BR.md"])
def test_every_table_has_its_bound(page: str, migrated_url: str) -> None:
    made = connect(":memory:")
    migrate(made)
    tables = tables_of(made.connection)
    made.connection.close()
    with psycopg.connect(migrated_url) as connection:
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    text = (HOW_TO / page).read_text("utf-8").rpartition("\n## ")[2]
    rows = re.findall(r"^\| (`.+?) \|", text, re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert len(named) == len(set(named))
    assert set(named) == tables | {str(name) for (name,) in found}


def tables_of(database: apsw.Connection) -> set[str]:
    names = {str(name) for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    return {name for name in names if not name.startswith("sqlite_")}
