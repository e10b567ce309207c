"""A process that is killed while it forgets: whole pieces went, and the next one goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import apsw

import esteio
from esteio.store.sqlite import SqliteStore
from tests.narrowing import not_none
from tests.store.retention.grown import MANY, SQLITE, grown

CHILD = Path(__file__).with_name("purge_child.py")
CHILD_ENV = {**os.environ, "PYTHONPATH": str(Path(esteio.__file__).parents[1])}
OLD = MANY // 2
"""Of the messages as many are older than this time, each by a second."""


def forget_and_kill(path: Path, pieces: int) -> int:
    """Let a child forget until it has said so many pieces, then `kill -9`; how many messages it had said are gone."""
    command = [sys.executable, str(CHILD), str(path), str(OLD)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=CHILD_ENV) as child:
        said = [not_none(child.stdout).readline() for _ in range(pieces)]
        child.kill()
        said += not_none(child.stdout).readlines()
    return sum(int(line.split()[0]) for line in said if line.endswith("\n"))


def left(path: Path) -> tuple[int, int, int]:
    """Messages; attempts; attempts at no message."""
    with apsw.Connection(str(path)) as connection:
        (found,) = connection.execute(
            "SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM attempts),"
            " (SELECT count(*) FROM attempts a WHERE NOT EXISTS (SELECT 1 FROM messages WHERE id = a.message_id))"
        )
    connection.close()
    return int(found[0]), int(found[1]), int(found[2])


async def test_what_was_forgotten_is_whole_and_the_next_process_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "esteio.db"
    store = SqliteStore(path)
    await store.start(0)
    await store.aclose()
    with apsw.Connection(str(path)) as connection:
        for text in grown(SQLITE):
            connection.execute(text)
    connection.close()
    told = 0
    for pieces in (2, 4, 3):
        told += forget_and_kill(path, pieces)
        messages, attempts, orphans = left(path)
        assert MANY - messages >= told > 0
        assert (attempts, orphans) == (messages, 0)
    store = SqliteStore(path)
    await store.start(0)
    after: int | None = 0
    while after is not None:
        after = (await store.maintenance.purge_piece("messages", OLD, after, OLD * 9)).through
    await store.aclose()
    assert left(path) == (MANY - OLD + 1, MANY - OLD + 1, 0)
