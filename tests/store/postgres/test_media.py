"""Where bytes of media lie: in memory, in files, in PostgreSQL; each keeps what it was given, and drops what is old."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from esteio.store.media import PIECE, FileMediaStore, MediaStore, MemoryMediaStore, name_of
from esteio.store.postgres import PostgresStore
from esteio.store.postgres.media import AT_ONCE, PostgresMediaStore

NOW = 1_800_000_000.0
LARGE = bytes(range(256)) * (PIECE // 256 * (AT_ONCE + 1)) + b"and a little more"


@pytest.fixture(params=["memory", "files", "postgres"])
def media(request: pytest.FixtureRequest, tmp_path: Path, runner: asyncio.Runner) -> Iterator[MediaStore]:
    if request.param == "memory":
        yield MemoryMediaStore()
    elif request.param == "files":
        yield FileMediaStore(tmp_path)
    else:
        store = PostgresStore(request.getfixturevalue("migrated_url"), alone=True)
        runner.run(store.start(NOW))
        yield PostgresMediaStore(store.database)
        runner.run(store.aclose())


@pytest.mark.parametrize("data", [b"", b"x", b"y" * PIECE, LARGE], ids=["empty", "small", "a piece", "large"])
async def test_what_was_put_is_there_whole_and_in_parts(media: MediaStore, data: bytes) -> None:
    name = await media.put(data, NOW)
    assert name == name_of(data)
    assert await media.get(name) == data
    assert await media.size(name) == len(data)
    for start, length in ((0, 10), (PIECE - 3, 7), (len(data) - 2, 100), (len(data), 5), (1, len(data))):
        assert await media.piece(name, max(0, start), length) == data[max(0, start) : max(0, start) + length]


async def test_what_is_not_there_has_no_bytes(media: MediaStore) -> None:
    name = name_of(b"never put")
    assert (await media.get(name), await media.size(name), await media.piece(name, 0, 9)) == (None, None, b"")
    assert await media.drop([name], NOW) == 0


async def test_what_is_old_is_dropped_unless_it_was_put_again(media: MediaStore) -> None:
    old, again, new = [await media.put(word, NOW) for word in (b"old", b"again", b"new")]
    await media.put(b"again", NOW + 100)
    await media.put(b"new", NOW + 200)
    assert await media.older(NOW + 50) == [old]
    assert await media.drop([old, again, new], NOW + 100) == 2
    assert [await media.get(name) for name in (old, again, new)] == [None, None, b"new"]
    assert await media.put(b"old", NOW + 300) == old
    assert await media.get(old) == b"old"


async def test_two_nodes_that_put_the_same_have_it_once(postgres_media: PostgresMediaStore) -> None:
    names = await asyncio.gather(*(postgres_media.put(LARGE, NOW + n) for n in range(4)))
    assert set(names) == {name_of(LARGE)}
    assert await postgres_media.get(names[0]) == LARGE
    assert await postgres_media.older(NOW + 3) == []


async def test_half_of_a_file_is_not_handed_out_and_made_whole_by_the_next_who_puts_it(
    postgres_media: PostgresMediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill, left = postgres_media._fill, [1]

    async def broken(name: str, data: bytes, starts: range) -> None:
        if not left:
            raise KeyboardInterrupt
        left.pop()
        await fill(name, data, starts)

    monkeypatch.setattr(postgres_media, "_fill", broken)
    with pytest.raises(KeyboardInterrupt):
        await postgres_media.put(LARGE, NOW)
    monkeypatch.undo()
    name = name_of(LARGE)
    assert (await postgres_media.get(name), await postgres_media.piece(name, 0, 9)) == (None, b"")
    assert await postgres_media.older(NOW + 1) == [name]
    assert await postgres_media.put(LARGE, NOW) == name
    assert await postgres_media.get(name) == LARGE


async def test_what_is_dropped_while_it_is_put_is_there_in_the_end(
    postgres_media: PostgresMediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session is removed with its media while another one takes in the same."""
    fill, drops = postgres_media._fill, [1]

    async def dropped(name: str, data: bytes, starts: range) -> None:
        await fill(name, data, starts)
        if drops:
            drops.pop()
            assert await postgres_media.drop([name], NOW + 1) == 1

    monkeypatch.setattr(postgres_media, "_fill", dropped)
    assert await postgres_media.get(await postgres_media.put(LARGE, NOW)) == LARGE


@pytest.fixture
def postgres_media(migrated_url: str, runner: asyncio.Runner) -> Iterator[PostgresMediaStore]:
    store = PostgresStore(migrated_url, alone=True)
    runner.run(store.start(NOW))
    yield PostgresMediaStore(store.database)
    runner.run(store.aclose())
