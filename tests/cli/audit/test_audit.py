"""The audit log and the vault from the command line: a running gateway asked, its folder read beside it, and what an
auditor is told when somebody was at the database."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.cli_processes import Installation


@pytest.fixture
def data(installation: Installation) -> Path:
    return installation.home / "data"


@pytest.fixture
def copied(data: Path, tmp_path: Path) -> Path:
    """The folder as a thief or a careless hand would have it."""
    target = tmp_path / "data"
    shutil.copytree(data, target, ignore=shutil.ignore_patterns("*.lock", "media"))
    return target


def tampered(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "esteio.db")) as raw:
        raw.execute(statement)
        raw.commit()


def test_who_did_what_is_listed_and_exported(installation: Installation, tmp_path: Path) -> None:
    assert installation.verb("keys", "create", "crm", "--role", "read").code == 0
    listed = installation.verb("audit", "list", "--action", "key", "--limit", "1")
    (cells,) = (line.split("\t") for line in listed.out.splitlines())
    assert (cells[2], cells[4], "name: crm" in cells[6]) == ("key.created", "127.0.0.1", True)
    told = json.loads(installation.verb("audit", "list", "--action", "key", "--json").out)
    assert told["items"][0]["actor"]["kind"] == "key"
    lines = installation.verb("audit", "export").out.splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert rows[0]["action"] == "audit.begun"
    file = tmp_path / "audit.ndjson"
    said = installation.verb("audit", "export", "--after", "1", "--out", str(file), "--json")
    assert json.loads(said.out) == {"file": str(file), "lines": len(file.read_text().splitlines())}
    again = installation.verb("audit", "export", "--out", str(file))
    assert (again.code, "File exists" in again.err) == (1, True)


def test_a_whole_log_is_verified_by_the_gateway_and_beside_it(installation: Installation, data: Path) -> None:
    asked = installation.verb("audit", "verify")
    assert asked.code == 0
    head = asked.out.strip()
    read = installation.verb("audit", "verify", "--data", str(data), "--head", head)
    assert (read.code, read.out.strip()) == (0, head)
    told = json.loads(installation.verb("audit", "verify", "--json").out)
    assert (told["whole"], told["head"], told["findings"]) == (True, head, [])
    for extra in (("--data", str(data)), ()):
        wrong = installation.verb("audit", "verify", "--head", "none", *extra)
        assert wrong.code in (1, 2)
        assert "SEQ:HASH" in wrong.err


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE audit_log SET actor_name = 'x' WHERE seq = 2", "changed\t2\t"),
        ("DELETE FROM audit_log WHERE seq = 2", "removed\t2\t"),
        ("DELETE FROM audit_log WHERE seq = (SELECT max(seq) FROM audit_log)", "cut-off\t"),
        ("DELETE FROM audit_head", "head-missing\t0\t"),
    ],
)
def test_what_was_done_to_the_file_is_named_with_its_own_exit_code(
    installation: Installation, copied: Path, statement: str, found: str
) -> None:
    assert installation.verb("audit", "verify", "--data", str(copied)).code == 0
    tampered(copied, statement)
    told = installation.verb("audit", "verify", "--data", str(copied))
    assert (told.code, told.out.startswith(found)) == (3, True), told.out


def test_a_cut_end_with_its_older_head_shows_against_a_head_that_was_noted(
    installation: Installation, copied: Path, data: Path
) -> None:
    """The whole database put back: every row holds, and only what was noted elsewhere tells."""
    installation.verb("keys", "create", "later", "--role", "read")
    head = installation.verb("audit", "verify").out.strip()
    assert installation.verb("audit", "verify", "--data", str(copied)).code == 0
    told = installation.verb("audit", "verify", "--data", str(copied), "--head", head)
    assert (told.code, told.out.partition("\t")[0]) == (3, "cut-off")


def test_folders_that_cannot_be_read(installation: Installation, copied: Path, tmp_path: Path) -> None:
    none = installation.verb("audit", "verify", "--data", str(tmp_path / "none"))
    assert (none.code, "ESTEIO_SECRET_KEY" in none.err) == (1, True)
    (copied / "esteio.db").unlink()
    empty = installation.verb("audit", "verify", "--data", str(copied))
    assert (empty.code, "esteio.db" in empty.err) == (1, True)
    assert not (tmp_path / "none").exists(), "no key is made where one looks"


def test_a_backup_is_recorded_while_the_gateway_runs_and_in_what_is_made_of_it(
    installation: Installation, data: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "esteio.tar"
    made = installation.verb("backup", str(archive), "--data", str(data))
    assert made.code == 0, made.err
    items = json.loads(installation.verb("audit", "list", "--action", "backup", "--json").out)["items"]
    (row,) = [one for one in items if one["after"]["file"] == archive.name]
    assert (row["actor"]["kind"], row["after"]["file"], row["after"]["secrets"]) == ("cli", "esteio.tar", True)
    restored = installation.verb("restore", str(archive), "--data", str(tmp_path / "restored"))
    assert restored.code == 0, restored.err
    told = json.loads(installation.verb("audit", "verify", "--data", str(tmp_path / "restored"), "--json").out)
    assert told["whole"]
    with closing(sqlite3.connect(tmp_path / "restored" / "esteio.db")) as raw:
        last = raw.execute("SELECT action, actor FROM audit_log ORDER BY seq DESC LIMIT 1").fetchone()
    assert last == ("backup.restored", "cli")
    assert installation.verb("audit", "verify").code == 0


def test_the_key_is_changed_while_the_gateway_runs(linked: Installation, data: Path) -> None:
    before = linked.verb("vault", "show").out.split("\t")
    assert before[1:] == ["-", "0\n"]
    rotated = linked.verb("vault", "rotate")
    assert rotated.code == 0, rotated.err
    key, others, left = rotated.out.strip().split("\t")
    assert (others, left) == (before[0], "0")
    assert key != others
    assert linked.verb("sessions", "--json").code == 0
    assert len((data / "secret.key").read_text().splitlines()) == 2
    sent = linked.verb("send", "clinic", "5511999998888", "still sealed, still sent")
    assert sent.code == 0, sent.err
    told = json.loads(linked.verb("vault", "retire", "--json").out)
    assert (told["key"], told["others"]) == (key, [])
    assert (data / "secret.key").read_text().splitlines() == (data / "secret.key").read_text().split()
    assert len((data / "secret.key").read_text().splitlines()) == 1
    rows = json.loads(linked.verb("audit", "list", "--action", "vault", "--json").out)["items"]
    assert [row["action"] for row in rows] == ["vault.key_retired", "vault.rotated"]
    assert linked.verb("audit", "verify").code == 0
    assert linked.verb("audit", "verify", "--data", str(data)).code == 0
