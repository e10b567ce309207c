"""Start and end: crashes, the owner's lock, newer databases, full disks."""

import asyncio
import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest

import esteio
from esteio.core.messages.outbox import SendSettlement
from esteio.core.model.ids import MessageId, ServerName, SessionId
from esteio.core.model.session import Session
from esteio.store.base import (
    Locked,
    NewerDatabase,
    RawInbound,
    ServerCommit,
    StoreBroken,
    StoreFull,
    Work,
)
from esteio.store.media import FileMediaStore
from esteio.store.sqlite import SqliteStore
from tests.faulty_disk import FaultyDisk
from tests.narrowing import not_none
from tests.store.make import AnyStore, Make

NOW = 1_800_000_000.0
CHILD = Path(__file__).with_name("crash_child.py")
CHILD_ENV = {**os.environ, "PYTHONPATH": str(Path(esteio.__file__).parents[1])}


async def filled(store: AnyStore, make: Make) -> Session:
    await store.start(NOW)
    return await make.session(store)


async def test_what_was_under_way_when_the_process_ended_is_put_right(
    file_store: Callable[[], AnyStore], make: Make
) -> None:
    before = file_store()
    session = await filled(before, make)
    await make.accept(before, session)
    waiting = await make.accept(before, session)
    acts = [
        Work("w1", "s:control", "control", {"rung": "logout"}, NOW, NOW, session_id=session.id),
        Work("w2", "r", "notice", {}, NOW, NOW),
    ]
    assert await before.decisions.commit_server(
        ServerCommit(server=not_none(await before.servers.get(ServerName("sv"))).server, work=tuple(acts))
    )
    assert len(await before.work.claim(NOW + 1, 9, 600.0, frozenset())) == 2
    (claim,) = await make.claim(before, NOW + 2, lease_s=600)
    await before.aclose()

    after = file_store()
    report = await after.start(NOW + 50)
    assert report.doubted == (claim.message.id,)
    assert [work.id for work in report.interrupted] == ["w1"]
    doubt = await after.messages.get(claim.message.id)
    assert (not_none(doubt).state, not_none(doubt).doubt_since) == ("in_doubt", NOW + 2)
    assert [one.id for one in await after.doubts.due(NOW + 50, 9)] == [not_none(doubt).id]
    assert await make.claim(after, NOW + 50) == [], "the doubt keeps the order of its chat"
    assert not_none(await after.messages.get(waiting.id)).state == "queued"
    assert (not_none(await after.work.get("w1")).state, not_none(await after.work.get("w1")).outcome) == (
        "done",
        "interrupted",
    )
    assert [work.id for work in await after.work.claim(NOW + 50, 9, 600.0, frozenset())] == ["w2"]
    (news,) = not_none(await after.decisions.session_view(session.id, NOW)).new_evidence
    assert news.evidence.kind == "act_interrupted"
    assert not (await after.outbox.settle([make.settle(claim)]))[0]
    await after.aclose()

    third = file_store()
    assert (await third.start(NOW + 60)).doubted == ()
    await third.aclose()


async def test_what_was_in_doubt_before_is_looked_for_again_at_once(
    file_store: Callable[[], AnyStore], make: Make
) -> None:
    """Its echo may have found nobody."""
    before = file_store()
    session = await filled(before, make)
    doubts = [await make.doubted(before, session, chat=f"551190000000{n}") for n in range(2)]
    for doubt, aside in zip(doubts, (False, True), strict=True):
        later = SendSettlement(doubt.id, session.id, 0, "set_aside" if aside else "not_found", NOW, due_at=NOW + 300)
        assert await before.doubts.settle(later)
    await before.aclose()
    after = file_store()
    assert (await after.start(NOW + 9)).doubted == ()
    assert [one.id for one in await after.doubts.due(NOW + 9, 9)] == [doubts[0].id]
    assert not_none(await after.messages.get(doubts[0].id)).doubt_since == NOW
    await after.aclose()


async def test_closing_twice_is_harmless_and_closed_is_closed(file_store: Callable[[], AnyStore], make: Make) -> None:
    store = file_store()
    await filled(store, make)
    await store.aclose()
    await store.aclose()


async def test_what_was_handed_in_before_the_close_is_written(tmp_path: Path, make: Make) -> None:
    store = SqliteStore(tmp_path / "db")
    session = await filled(store, make)
    raws = [store.inbox.accept(RawInbound(session.id, "/", {}, b"x", NOW)) for _ in range(50)]
    tasks = [asyncio.ensure_future(raw) for raw in raws]
    await asyncio.sleep(0)
    await store.aclose()
    assert len(set(await asyncio.gather(*tasks))) == 50


async def test_a_second_owner_is_refused_and_the_lock_ends_with_the_first(tmp_path: Path) -> None:
    first, second = SqliteStore(tmp_path / "db"), SqliteStore(tmp_path / "db")
    await first.start(NOW)
    with pytest.raises(Locked):
        await second.start(NOW)
    await first.aclose()
    await second.start(NOW)
    await second.aclose()


def test_another_process_that_holds_the_lock_is_noticed(tmp_path: Path, runner: asyncio.Runner) -> None:
    text = (
        "import asyncio, sys\nfrom esteio.store.sqlite import SqliteStore\n"
        "async def main():\n    store = SqliteStore(sys.argv[1]); await store.start(1.0)\n"
        "    print('mine', flush=True); sys.stdin.read()\n"
        "asyncio.run(main())"
    )
    command = [sys.executable, "-c", text, str(tmp_path / "db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, env=CHILD_ENV) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "mine\n"
        with pytest.raises(Locked):
            runner.run(SqliteStore(tmp_path / "db").start(NOW))
        other.kill()
        other.wait(10)
    store = SqliteStore(tmp_path / "db")
    runner.run(store.start(NOW))
    runner.run(store.aclose())


async def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "db"
    store = SqliteStore(path)
    await store.start(NOW)
    await store.aclose()
    with apsw.Connection(str(path)) as connection:
        connection.pragma("user_version", 99)
    connection.close()
    before = path.read_bytes()
    with pytest.raises(NewerDatabase) as caught:
        await SqliteStore(path).start(NOW)
    assert caught.value.found == 99
    assert path.read_bytes() == before
    with pytest.raises(NewerDatabase):
        await SqliteStore(path).start(NOW)


def run_and_kill(path: Path, life: str, lines: int) -> list[tuple[str, str]]:
    """Let a child work until it has printed so many lines, then `kill -9`; what it had acknowledged by then."""
    command = [sys.executable, str(CHILD), str(path), life, str(NOW)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=CHILD_ENV) as child:
        said = []
        for line in not_none(child.stdout):
            said.append(line)
            if len(said) >= lines:
                break
        child.kill()
        assert child.stdout is not None
        said += child.stdout.readlines()
    assert child.returncode == -9, said
    return [(line.split()[0], line.split()[1]) for line in said if line.endswith("\n")]


async def test_nothing_acknowledged_is_lost_by_kill_9(tmp_path: Path, make: Make) -> None:
    path = tmp_path / "db"
    store = SqliteStore(path)
    session = await filled(store, make)
    await store.aclose()
    told = []
    for life in range(4):
        told += run_and_kill(path, f"life{life}", 150 + 97 * life)
        store = SqliteStore(path)
        await store.start(NOW)
        await check(store, session, told)
        await store.aclose()


async def check(store: AnyStore, session: Session, told: list[tuple[str, str]]) -> None:
    assert any(word == "sent" for word, _ in told)
    raws = {raw.body.decode() for raw in await store.inbox.unread(1_000_000)}
    for word, ident in told:
        message = await store.messages.get(MessageId(ident))
        assert message is not None, ident
        if word == "accepted":
            assert ident in raws
        elif word == "sent":
            assert message.state == "sent"
        else:
            assert message.state in {"sent", "in_doubt"}, "claimed once is never claimed again by itself"
    doubts = [one.chat for one in (await store.messages.page(session.id, state="in_doubt", limit=10_000)).items]
    assert len(doubts) == len(set(doubts))


# -- full disks --------------------------------------------------------------------------------------------------


@pytest.fixture(params=["inline", "thread"])
def faulty(
    request: pytest.FixtureRequest, tmp_path: Path, runner: asyncio.Runner
) -> Iterator[tuple[AnyStore, FaultyDisk]]:
    disk = FaultyDisk(f"faulty-{request.param}")
    store = SqliteStore(tmp_path / "db", inline=request.param == "inline", vfs=f"faulty-{request.param}")
    runner.run(store.start(NOW))
    yield store, disk
    disk.fault, disk.blind = None, False
    runner.run(store.aclose())
    disk.unregister()


unraisable = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@unraisable
@pytest.mark.parametrize(
    ("fault", "error"), [("full", StoreFull), ("read-only", StoreBroken), ("failing", StoreBroken)]
)
async def test_a_disk_that_takes_nothing_refuses_everything_and_loses_nothing(
    faulty: tuple[AnyStore, FaultyDisk], make: Make, fault: str, error: type[StoreFull]
) -> None:
    store, disk = faulty
    session = await make.session(store)
    kept = await make.accept(store, session)
    disk.fault = fault
    jobs = [store.ping(NOW), make.accept(store, session), make.claim(store), store.ping(NOW)]
    answers = await asyncio.gather(*jobs, return_exceptions=True)
    assert [type(answer) for answer in answers] == [error] * 4
    wrong = store.write_error
    assert wrong == ("full" if fault == "full" else "broken")
    assert not_none(await store.messages.get(kept.id)).state == "queued", "reads go on, and nothing was half done"
    disk.fault = None
    await store.ping(NOW)
    assert store.write_error == ""
    assert await store.messages.waiting(session.id) == 1
    assert [claim.message.id for claim in await make.claim(store)] == [kept.id]


@unraisable
async def test_a_disk_that_cannot_be_read_says_so_in_the_protocol_s_words(tmp_path: Path, make: Make) -> None:
    disk = FaultyDisk("blind")
    store = SqliteStore(tmp_path / "db", vfs="blind")
    session = await filled(store, make)
    for number in range(100):
        await make.accept(store, session, f"55119{number:08}", text="x" * 5000)
    store.database.reader.connection.pragma("cache_size", 0)
    disk.blind = True
    for question in (
        store.messages.get(MessageId("msg_000001")),
        store.messages.page(session.id, limit=100),
        store.messages.waiting(session.id),
    ):
        with pytest.raises(StoreBroken):
            await question
    disk.blind = False
    assert len((await store.messages.page(session.id, limit=1000)).items) == 100
    await store.aclose()
    disk.unregister()


@pytest.mark.parametrize(
    ("number", "error"),
    [(errno.ENOSPC, StoreFull), (errno.EDQUOT, StoreFull), (errno.EROFS, StoreBroken), (errno.EIO, StoreBroken)],
)
async def test_the_shelf_tells_a_full_disk_from_a_broken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: type[StoreFull]
) -> None:
    shelf = FileMediaStore(tmp_path / "media")
    kept = await shelf.put(b"kept", NOW)

    def refuse(*_: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", refuse)
        with pytest.raises(StoreFull) as caught:
            await shelf.put(b"new", NOW)
    assert type(caught.value) is error
    assert await shelf.get(kept) == b"kept"
    assert await shelf.get(await shelf.put(b"new", NOW)) == b"new"


async def test_one_operation_that_fails_takes_no_other_with_it(tmp_path: Path, make: Make) -> None:
    store = SqliteStore(tmp_path / "db")
    session = await filled(store, make)
    good = RawInbound(session.id, "/", {}, b"x", NOW)
    bad = RawInbound(SessionId(999), "/", {}, b"x", NOW)
    jobs = [store.inbox.accept(raw) for raw in (good, bad, good)]
    answers = await asyncio.gather(*jobs, return_exceptions=True)
    assert [type(answer) for answer in answers] == [int, LookupError, int]
    assert len(await store.inbox.unread(9)) == 2
    await store.aclose()


async def test_a_commit_is_on_the_disk_and_the_file_is_private(tmp_path: Path) -> None:
    path = tmp_path / "db"
    store = SqliteStore(path)
    await store.start(NOW)
    connection = store.database.db.connection
    assert (connection.pragma("journal_mode"), connection.pragma("synchronous")) == ("wal", 2)
    assert connection.pragma("foreign_keys") == 1
    modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert modes == {"db": 0o600, "db-wal": 0o600, "db-shm": 0o600, "db.lock": 0o600}
    await store.aclose()
    assert {file.name for file in tmp_path.iterdir()} == {"db", "db.lock"}, "the log is checkpointed at the end"


async def test_a_caller_that_gives_up_takes_nothing_back_and_hurts_nobody(tmp_path: Path, make: Make) -> None:
    store = SqliteStore(tmp_path / "db")
    session = await filled(store, make)
    raws = [
        asyncio.ensure_future(store.inbox.accept(RawInbound(session.id, "/", {}, bytes([n]), NOW))) for n in range(3)
    ]
    await asyncio.sleep(0)
    raws[1].cancel()
    answers = await asyncio.gather(*raws, return_exceptions=True)
    assert isinstance(answers[1], asyncio.CancelledError)
    await store.ping(NOW)
    assert [raw.body for raw in await store.inbox.unread(9)] == [b"\x00", b"\x01", b"\x02"]
    await store.aclose()
    with pytest.raises(StoreFull):
        await store.ping(NOW)


async def test_a_lock_file_that_was_deleted_is_taken_again(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "esteio.db")
    await store.start(NOW)
    (tmp_path / "esteio.db.lock").unlink()
    await store.ping(NOW)
    with pytest.raises(Locked):
        await SqliteStore(tmp_path / "esteio.db").start(NOW)
    await store.aclose()


async def test_who_comes_to_a_deleted_lock_file_first_owns_the_database(tmp_path: Path) -> None:
    before, after = SqliteStore(tmp_path / "esteio.db"), SqliteStore(tmp_path / "esteio.db")
    await before.start(NOW)
    (tmp_path / "esteio.db.lock").unlink()
    await after.start(NOW)
    with pytest.raises(Locked):
        await before.ping(NOW)
    await before.aclose()
    await after.ping(NOW)
    await after.aclose()
