"""`audit verify --database`: an auditor reads the log in a PostgreSQL, beside a gateway or without one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.cli.cli_processes import free_port, run
from tests.cli.moving.test_migrate_data import home, serve

__all__ = ["home"]


def test_the_log_is_read_where_it_is(home: Path, postgres_url: str) -> None:
    assert run("migrate-data", "--database", postgres_url, cwd=home).code == 0
    during = []
    serve(home, lambda _: during.append(verify(home, postgres_url)), ESTEIO_DATABASE=postgres_url)
    assert during[0]["whole"], "beside the gateway"
    told = verify(home, postgres_url)
    assert told["whole"]
    assert told["rows"] >= during[0]["rows"] > 1
    by_settings = run("audit", "verify", "--data", "data", "--json", cwd=home, ESTEIO_DATABASE=postgres_url)
    assert json.loads(by_settings.out) == told
    with psycopg.connect(postgres_url) as connection:
        connection.execute("UPDATE audit_log SET actor_name = 'somebody' WHERE seq = 2")
    changed = run("audit", "verify", "--database", postgres_url, cwd=home)
    assert (changed.code, changed.out.splitlines()[0]) == (3, "changed\t2\t")


def verify(home: Path, url: str) -> dict[str, Any]:
    told = run("audit", "verify", "--database", url, "--json", cwd=home)
    assert told.code == 0, told.err
    found: dict[str, Any] = json.loads(told.out)
    return found


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        ("mysql://x/y", 2, "postgresql://"),
        ("postgresql://127.0.0.1:{free}/x", 1, "127.0.0.1"),
        ("{url}", 1, "no tables of an Esteio gateway"),
    ],
)
def test_what_keeps_it_from_being_read_is_said(home: Path, postgres_url: str, url: str, code: int, said: str) -> None:
    told = run("audit", "verify", "--database", url.format(free=free_port(), url=postgres_url), cwd=home)
    assert (told.code, said in told.err) == (code, True), told.err


def test_without_the_key_nothing_is_read(home: Path, postgres_url: str) -> None:
    (home / "data" / "secret.key").rename(home / "secret.key")
    told = run("audit", "verify", "--database", postgres_url, cwd=home)
    assert (told.code, "secret.key" in told.err) == (1, True)
