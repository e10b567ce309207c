"""The writer's batches: one commit for many, and an operation that raises undoes itself and nobody else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from esteio.store.sql.db import Db as AnyDb
from esteio.store.sqlite.connection import Db, connect
from esteio.store.sqlite.writer import ThreadWriter


@asynccontextmanager
async def at_work(writer: ThreadWriter) -> AsyncIterator[None]:
    """Its thread is at an operation that ends with the block: what is handed in meanwhile stands in the queue."""
    begun, held = threading.Event(), threading.Event()

    async def wait(_db: Db) -> None:
        begun.set()
        held.wait(10)

    first = asyncio.ensure_future(writer.run(wait))
    await asyncio.to_thread(begun.wait, 10)
    yield
    await asyncio.sleep(0)
    held.set()
    await first


def rows_of(path: Path) -> list[int]:
    return [row[0] for row in connect(str(path), read_only=True).connection.execute("SELECT n FROM t ORDER BY rowid")]


def test_in_a_batch_only_the_one_that_raises_is_undone(tmp_path: Path) -> None:
    path = tmp_path / "w.db"
    commits: list[str] = []

    def note() -> bool:
        commits.append("commit")
        return False

    async def story() -> None:
        db = connect(str(path))
        db.do("CREATE TABLE t (n INTEGER)")
        # The hook's answer is "roll back instead?".
        db.connection.set_commit_hook(note)
        writer = ThreadWriter(db)

        def put(number: int, *, fails: bool = False) -> Awaitable[int]:
            async def operation(db: Db) -> int:
                db.connection.execute("INSERT INTO t VALUES (?)", (number,))
                if fails:
                    raise LookupError(number)
                return number

            return writer.run(operation)

        async with at_work(writer):
            rest = [asyncio.ensure_future(put(n, fails=n in {2, 4})) for n in range(1, 6)]
            await asyncio.sleep(0)
            commits.clear()
        answers = await asyncio.gather(*rest, return_exceptions=True)
        assert [str(answer) for answer in answers] == ["1", "2", "3", "4", "5"]
        assert [isinstance(answer, LookupError) for answer in answers] == [False, True, False, True, False]
        await writer.close()
        db.connection.close()

    asyncio.run(story())
    assert rows_of(path) == [1, 3, 5]
    assert len(commits) == 2, "one of the wait, one of all that waited behind it"


def test_who_waits_for_an_answer_goes_before_a_backlog_and_the_backlog_moves_with_every_commit(tmp_path: Path) -> None:
    path = tmp_path / "w.db"

    async def story() -> None:
        db = connect(str(path))
        db.do("CREATE TABLE t (n INTEGER)")
        writer = ThreadWriter(db)
        loop = asyncio.get_running_loop()
        clients: list[asyncio.Future[None]] = []

        def put(number: int) -> Callable[[Db], Coroutine[None, None, None]]:
            async def operation(db: Db) -> None:
                db.connection.execute("INSERT INTO t VALUES (?)", (number,))

            return operation

        def come(number: int) -> Callable[[Db], Coroutine[None, None, None]]:
            """While this one of ours is written, a client comes."""

            async def operation(db: Db) -> None:
                await put(number)(db)
                there = threading.Event()

                def client() -> None:
                    clients.append(asyncio.ensure_future(writer.run(put(1000 + number), first=True)))
                    loop.call_soon(there.set)

                loop.call_soon_threadsafe(client)
                assert there.wait(10)

            return operation

        async with at_work(writer):
            ours = [asyncio.ensure_future(writer.run(come(n) if n in {3, 15} else put(n))) for n in range(1, 31)]
        await asyncio.gather(*ours)
        await asyncio.gather(*clients)
        closing = [asyncio.ensure_future(writer.run(put(2000 + n), first=n % 2 == 0)) for n in range(4)]
        await asyncio.sleep(0)
        await writer.close()
        assert all(future.done() for future in closing)
        db.connection.close()

    asyncio.run(story())
    eight, more = list(range(1, 9)), list(range(9, 17))
    assert rows_of(path)[:32] == [*eight, 1003, *more, 1015, *range(17, 31)]
    assert sorted(rows_of(path)[32:]) == [2000, 2001, 2002, 2003]


def test_items_that_wait_for_one_batch_are_written_together_and_each_has_its_own_answer(tmp_path: Path) -> None:
    path = tmp_path / "w.db"
    asked: list[list[int]] = []

    async def batch(_db: AnyDb, items: Sequence[int]) -> list[int | Exception]:
        asked.append(list(items))
        for item in items:
            opened[0].connection.execute("INSERT INTO t VALUES (?)", (item,))
        if 7 in items:
            raise ValueError(7)
        return [LookupError(item) if item % 2 else item for item in items]

    opened: list[Db] = []

    async def story() -> None:
        db = connect(str(path))
        opened.append(db)
        db.do("CREATE TABLE t (n INTEGER)")
        writer = ThreadWriter(db)

        async def together(*items: int) -> list[int | BaseException]:
            async with at_work(writer):
                rest = [asyncio.ensure_future(writer.run_each(batch, item)) for item in items]
            return await asyncio.gather(*rest, return_exceptions=True)

        assert [str(answer) for answer in await together(1, 2, 3, 4)] == ["1", "2", "3", "4"]
        assert asked == [[1, 2, 3, 4]], "one call for all"
        # Where the batch itself fails, each is run again alone, and nobody hears another one's error.
        assert [type(answer) for answer in await together(6, 7, 8)] == [int, ValueError, int]
        assert asked[1:] == [[6, 7, 8], [6], [7], [8]]
        await writer.close()
        db.connection.close()

    asyncio.run(story())
    assert rows_of(path) == [1, 2, 3, 4, 6, 8]
