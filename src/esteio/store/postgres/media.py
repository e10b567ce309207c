"""Bytes of media in the database: where several nodes work, what one took in another one sends.

They lie in pieces, so that no statement carries a whole file. A file is named first, then filled, then called whole:
only whole ones are handed out, and what a crash leaves is found by its age as any other. Never lives here: which
message carries what, how long it is kept (as in `store.media`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from esteio.store.media import PIECE, name_of
from esteio.store.postgres.database import PostgresDatabase
from esteio.store.sql.db import Db

AT_ONCE = 16
"""Pieces of one statement's turn: some megabytes, which a slow network carries in time."""


class PostgresMediaStore:
    """The `MediaStore` in the tables of a PostgreSQL."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def put(self, data: bytes, now: float) -> str:
        """The name of these bytes; durable when it returns. Raises `StoreFull`, `StoreUnavailable`."""
        name = name_of(data)
        whole = await self._database.write(lambda db: _begin(db, name, len(data), now))
        while not whole:
            starts = range(0, len(data), PIECE)
            for first in range(0, len(starts), AT_ONCE):
                await self._fill(name, data, starts[first : first + AT_ONCE])
            # Nothing to call whole: it was dropped meanwhile.
            whole = await self._database.write(lambda db: db.run("media_file_whole", {"name": name})) > 0
            whole = whole or await self._database.write(lambda db: _begin(db, name, len(data), now))
        return name

    async def _fill(self, name: str, data: bytes, starts: Sequence[int]) -> None:
        async def operation(db: Db) -> None:
            for start in starts:
                piece = {"name": name, "place": start // PIECE, "body": data[start : start + PIECE]}
                await db.put("media_piece_add", piece)

        await self._database.write(operation)

    async def get(self, name: str) -> bytes | None:
        """The bytes under this name, None for one that is not known."""
        size = await self.size(name)
        return None if size is None else await self.piece(name, 0, size)

    async def size(self, name: str) -> int | None:
        """How many bytes; None when it is not there."""
        size: int | None = await self._database.reader.value("media_file_size", {"name": name})
        return size

    async def piece(self, name: str, start: int, length: int) -> bytes:
        """A part of the bytes; fewer at the end, none when it is not there (any more)."""
        found = bytearray()
        end = (start + length + PIECE - 1) // PIECE
        for first in range(start // PIECE, end, AT_ONCE):
            which = {"name": name, "first": first, "end": min(first + AT_ONCE, end)}
            for body in await self._database.reader.values("media_pieces", which):
                found += body
        begun = start % PIECE
        return bytes(found[begun : begun + length])

    async def older(self, before: float) -> Sequence[str]:
        """Names of what was last put before then."""
        return await self._database.reader.values("media_files_older", {"put_by": before})

    async def drop(self, names: Collection[str], put_by: float) -> int:
        """Forget these, as far as they are there and nobody has put them again after `put_by`; how many went."""

        async def operation(db: Db) -> int:
            gone = 0
            for name in sorted(names):
                if await db.run("media_file_drop", {"name": name, "put_by": put_by}):
                    await db.put("media_pieces_drop", {"name": name})
                    gone += 1
            return gone

        return await self._database.write(operation)


async def _begin(db: Db, name: str, size: int, now: float) -> bool:
    """Name it, or say that it was put again, which keeps it from being dropped; whether it is whole already."""
    return bool(await db.value("media_file_put", {"name": name, "size": size, "now": now}))
