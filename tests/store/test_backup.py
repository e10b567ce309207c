"""Backups of a folder that is in use: whole, checked, and put back as they were."""

from __future__ import annotations

import asyncio
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from esteio.store import backup
from esteio.store.media import FileMediaStore
from esteio.store.sqlite import SqliteStore
from esteio.store.values import ApiKey

NOW = 1_800_000_000.0


@pytest.fixture
def used(tmp_path: Path, runner: asyncio.Runner) -> Iterator[Path]:
    """A data folder with a running store on it: its rows are in the write-ahead log."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "secret.key").write_text("k" * 44)
    store = SqliteStore(data / "esteio.db")
    runner.run(store.start(NOW))
    runner.run(store.ping(NOW))
    runner.run(store.keys.add(ApiKey("key_1", "first", "admin", NOW), b"hash"))
    runner.run(FileMediaStore(data / "media").put(b"a photo", NOW))
    yield data
    runner.run(store.aclose())


def take(data: Path, target: Path, **more: Any) -> backup.Manifest:
    return backup.create(data, target, now=NOW, program="0.1.0", **more)


async def keys_in(data: Path) -> list[str]:
    store = SqliteStore(data / "esteio.db")
    await store.start(NOW)
    try:
        return [key.id for key in await store.keys.all()]
    finally:
        await store.aclose()


async def test_a_backup_of_a_running_gateway_holds_what_is_only_in_the_log(used: Path, tmp_path: Path) -> None:
    made = take(used, tmp_path / "b.tar")
    assert (tmp_path / "b.tar").stat().st_mode & 0o777 == 0o600
    put = backup.restore(tmp_path / "b.tar", tmp_path / "new", now=NOW)
    assert put == made
    assert await keys_in(tmp_path / "new") == ["key_1"]
    assert (tmp_path / "new" / "secret.key").read_text() == "k" * 44
    assert [path.read_bytes() for path in (tmp_path / "new" / "media").iterdir()] == [b"a photo"]
    assert {path.name for path in tmp_path.iterdir()} == {"data", "b.tar", "new"}, "nothing half is left"


async def test_a_copy_of_the_database_file_alone_would_have_been_empty(used: Path, tmp_path: Path) -> None:
    """The fault that the verb exists for."""
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "esteio.db").write_bytes((used / "esteio.db").read_bytes())
    assert await keys_in(alone) == []


async def test_the_key_can_be_left_out(used: Path, tmp_path: Path) -> None:
    assert not take(used, tmp_path / "b.tar", secrets=False).secrets
    backup.restore(tmp_path / "b.tar", tmp_path / "new", now=NOW)
    assert not (tmp_path / "new" / "secret.key").exists()


async def test_nothing_is_overwritten(used: Path, tmp_path: Path) -> None:
    take(used, tmp_path / "b.tar")
    with pytest.raises(backup.BackupError, match="file-exists"):
        take(used, tmp_path / "b.tar")
    with pytest.raises(backup.BackupError, match="not-empty"):
        backup.restore(tmp_path / "b.tar", used, now=NOW)
    with pytest.raises(backup.BackupError, match="no-database"):
        take(tmp_path, tmp_path / "c.tar")


async def test_one_changed_byte_is_found_and_nothing_is_restored(used: Path, tmp_path: Path) -> None:
    take(used, tmp_path / "b.tar")
    whole = (tmp_path / "b.tar").read_bytes()
    (tmp_path / "bad.tar").write_bytes(whole.replace(b"a photo", b"a phota"))
    with pytest.raises(backup.BackupError, match="damaged: media/"):
        backup.restore(tmp_path / "bad.tar", tmp_path / "new", now=NOW)
    (tmp_path / "cut.tar").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(backup.BackupError, match="not-a-backup"):
        backup.restore(tmp_path / "cut.tar", tmp_path / "new", now=NOW)
    assert not (tmp_path / "new").exists()


async def test_a_name_that_no_backup_has_is_refused(used: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "odd.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("elsewhere.txt"))
    with pytest.raises(backup.BackupError, match=r"not-a-backup: elsewhere\.txt"):
        backup.verify(tmp_path / "odd.tar")


async def test_a_damaged_database_is_not_backed_up_as_if_it_were_one(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "esteio.db").write_bytes(b"not a database at all" * 300)
    with pytest.raises(backup.BackupError, match="damaged"):
        take(tmp_path / "data", tmp_path / "b.tar")
    assert not (tmp_path / "b.tar").exists()


async def test_while_rows_are_written_the_backup_holds_all_that_came_before_it(used: Path, tmp_path: Path) -> None:
    connection = apsw.Connection(str(used / "esteio.db"))
    connection.set_busy_timeout(5000)
    done, stop = [0], asyncio.Event()

    async def write() -> None:
        while not stop.is_set():
            number = done[0] + 1
            row = (f"key_x{number}", "n", "read", NOW, "[]", b"%d" % number)
            connection.execute(
                "INSERT INTO api_keys (id, name, role, created_at, sessions, hash) VALUES (?, ?, ?, ?, ?, ?)", row
            )
            done[0] = number
            await asyncio.sleep(0)

    writing = asyncio.create_task(write())
    try:
        for turn in range(5):
            await asyncio.sleep(0.02)
            before = done[0]
            await asyncio.to_thread(take, used, tmp_path / f"b{turn}.tar")
            backup.restore(tmp_path / f"b{turn}.tar", tmp_path / f"new{turn}", now=NOW)
            held = {key for key in await keys_in(tmp_path / f"new{turn}") if key.startswith("key_x")}
            assert {f"key_x{number}" for number in range(1, before + 1)} <= held
            assert held == {f"key_x{number}" for number in range(1, len(held) + 1)}, "in order, without a hole"
    finally:
        stop.set()
        await writing
        connection.close()
