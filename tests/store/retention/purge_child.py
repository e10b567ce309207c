"""Forgets messages piece by piece, and says each piece that is forgotten for good, until it is killed."""

import asyncio
import sys

from esteio.store.sqlite import SqliteStore


async def main(path: str, before: float) -> None:
    store = SqliteStore(path)
    await store.start(0)
    after: int | None = 0
    while after is not None:
        piece = await store.maintenance.purge_piece("messages", before, after, before)
        after = piece.through
        sys.stdout.write(f"{piece.gone} {after}\n")
        sys.stdout.flush()


asyncio.run(main(sys.argv[1], float(sys.argv[2])))
