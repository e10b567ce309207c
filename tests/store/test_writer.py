"""The writer's batches: one commit for many, and an operation that raises undoes itself and nobody else."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from esteio.store.sqlite.connection import Db, connect
from esteio.store.sqlite.writer import ThreadWriter


def rows_of(path: Path) -> list[int]:
    return [row[0] for row in connect(str(path), read_only=True).connection.execute("SELECT n FROM t ORDER BY rowid")]


def test_in_a_batch_only_the_one_that_raises_is_undone(tmp_path: Path) -> None:
    path = tmp_path / "w.db"
    commits: list[str] = []

    async def story() -> None:
        db = connect(str(path))
        db.do("CREATE TABLE t (n INTEGER)")
        # The hook's answer is "roll back instead?".
        db.connection.set_commit_hook(lambda: bool(commits.append("commit")))
        writer = ThreadWriter(db)

        def put(number: int, *, fails: bool = False) -> object:
            def operation(db: Db) -> int:
                db.connection.execute("INSERT INTO t VALUES (?)", (number,))
                if fails:
                    raise LookupError(number)
                return number

            return writer.run(operation)

        begun, held = threading.Event(), threading.Event()

        def wait(_db: Db) -> None:
            # Until all others stand in the queue, so that they are one batch.
            begun.set()
            held.wait(10)

        first = asyncio.ensure_future(writer.run(wait))
        await asyncio.to_thread(begun.wait, 10)
        rest = [asyncio.ensure_future(put(n, fails=n in {2, 4})) for n in range(1, 6)]  # type: ignore[arg-type]
        await asyncio.sleep(0)
        commits.clear()
        held.set()
        await first
        answers = await asyncio.gather(*rest, return_exceptions=True)
        assert [str(answer) for answer in answers] == ["1", "2", "3", "4", "5"]
        assert [isinstance(answer, LookupError) for answer in answers] == [False, True, False, True, False]
        await writer.close()
        db.connection.close()

    asyncio.run(story())
    assert rows_of(path) == [1, 3, 5]
    assert len(commits) == 2, "one of the wait, one of all that waited behind it"
