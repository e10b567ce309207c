"""`migrate-data`: a gateway that has lived on SQLite goes on over PostgreSQL, and what keeps it from that is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.cli.cli_processes import Running, free_port, run

ADMIN = "an-admin-key-of-the-tests"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """With the data of a gateway that knew one server."""
    serve(tmp_path, lambda _: None)
    return tmp_path


def serve(home: Path, ask: Callable[[str], object], **more: str) -> None:
    """A gateway for as long as `ask` asks it, by its address."""
    listen = f"127.0.0.1:{free_port()}"
    (home / "esteio.toml").write_text(
        f'listen = "{listen}"\ndata = "data"\n'
        '[[servers]]\nname = "evo"\nkind = "evolution"\nbase_url = "http://127.0.0.1:9"\n'
        'credentials = { apikey = "secret-of-the-server" }\n'
    )
    gateway = Running("serve", cwd=home, ESTEIO_ADMIN_KEY=ADMIN, **more)
    try:
        gateway.logged("gateway.started")
        ask(f"http://{listen}")
    finally:
        assert gateway.end() == 0


def test_a_gateway_goes_on_over_postgresql(home: Path, postgres_url: str) -> None:
    told = run("migrate-data", "--database", postgres_url, "--json", cwd=home)
    assert told.code == 0, told.err
    tables = json.loads(told.out)
    assert tables["servers"]["rows"] == 1
    seen = []

    def look(url: str) -> None:
        seen.append(run("servers", "--json", cwd=home, ESTEIO_URL=url, ESTEIO_KEY=ADMIN).out)

    serve(home, look, ESTEIO_DATABASE=postgres_url)
    assert [one["name"] for one in json.loads(seen[0])["items"]] == ["evo"]
    again = run("migrate-data", "--database", postgres_url, cwd=home)
    assert (again.code, (home / "data" / "esteio.moved.db").exists()) == (2, True)
    assert "no Esteio database" in again.err


def test_what_was_moved_is_said_in_words(home: Path, postgres_url: str) -> None:
    told = run("migrate-data", cwd=home, ESTEIO_DATABASE=postgres_url)
    assert "the same on both sides" in told.out
    assert "secret.key" in told.out
    (home / "data" / "esteio.moved.db").rename(home / "data" / "esteio.db")
    told = run("migrate-data", cwd=home, ESTEIO_DATABASE=postgres_url, ESTEIO_LANGUAGE="pt-BR")
    assert "nada é sobrescrito" in told.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "The target is missing"),
        (("--database", "mysql://x/y"), 2, "postgresql://"),
        (("--database", "postgresql://127.0.0.1:9/x"), 1, "127.0.0.1"),
        (("--database", "postgresql://127.0.0.1:9/x", "--data", "nowhere"), 2, "no Esteio database"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(home: Path, words: tuple[str, ...], code: int, said: str) -> None:
    told = run("migrate-data", *words, cwd=home)
    assert (told.code, told.out) == (code, "")
    assert said in told.err
    assert len(told.err.splitlines()) == 1, told.err


def test_no_gateway_starts_on_a_copy_that_is_not_finished(home: Path, postgres_url: str) -> None:
    assert run("migrate-data", "--database", postgres_url, cwd=home).code == 0
    with psycopg.connect(postgres_url) as postgres:
        postgres.execute("CREATE TABLE data_migration (name TEXT)")
    told = run("serve", "--listen", "127.0.0.1:0", cwd=home, ESTEIO_DATABASE=postgres_url)
    assert told.code == 1
    assert "`esteio migrate-data` again" in told.err
