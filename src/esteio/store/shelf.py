"""The shelf: bytes of media, each once, under the hash of what they are.

Files lie beside the database, made whole before they get their name, so that a crash leaves no half of one. Never lives
here: which message carries what, how long it is kept.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from esteio.store.disk import refused


class Shelf(Protocol):
    """Names are made here; a name that is not known has no bytes."""

    async def put(self, data: bytes, now: float) -> str:
        """The name of these bytes; durable when it returns. Raises `StoreFull`."""
        ...

    async def get(self, name: str) -> bytes | None: ...

    async def drop(self, names: Collection[str]) -> None:
        """Forget these, as far as they are there."""
        ...

    async def purge(self, before: float, keep: Collection[str]) -> int:
        """Forget what was last put before then, but for `keep`; how many went."""
        ...


def name_of(data: bytes) -> str:
    """The same for the same bytes, on any machine."""
    return hashlib.sha256(data).hexdigest()


class MemoryShelf:
    """For virtual time: nothing touches a disk."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[float, bytes]] = {}

    async def put(self, data: bytes, now: float) -> str:
        """See `Shelf`."""
        name = name_of(data)
        self._held[name] = (now, data)
        return name

    async def get(self, name: str) -> bytes | None:
        """See `Shelf`."""
        found = self._held.get(name)
        return None if found is None else found[1]

    async def drop(self, names: Collection[str]) -> None:
        """See `Shelf`."""
        for name in names:
            self._held.pop(name, None)

    async def purge(self, before: float, keep: Collection[str]) -> int:
        """See `Shelf`."""
        old = [name for name, (at, _) in self._held.items() if at < before and name not in keep]
        for name in old:
            del self._held[name]
        return len(old)


class FileShelf:
    """Files in a folder of their own, readable by their owner only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, data: bytes, now: float) -> str:
        """See `Shelf`."""
        return await asyncio.to_thread(self._put, data, now)

    async def get(self, name: str) -> bytes | None:
        """See `Shelf`."""
        return await asyncio.to_thread(self._get, name)

    async def drop(self, names: Collection[str]) -> None:
        """See `Shelf`."""
        await asyncio.to_thread(self._drop, frozenset(names))

    async def purge(self, before: float, keep: Collection[str]) -> int:
        """See `Shelf`."""
        return await asyncio.to_thread(self._purge, before, frozenset(keep))

    def _put(self, data: bytes, now: float) -> str:
        name = name_of(data)
        path = self._folder / name
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists():
                self._write(path, data)
            os.utime(path, (now, now))
        except OSError as error:
            raise refused(error, error.errno) from error
        return name

    def _write(self, path: Path, data: bytes) -> None:
        half = path.with_suffix(".half")
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
        folder = os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _get(self, name: str) -> bytes | None:
        if not name.isalnum():
            return None
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def _drop(self, names: frozenset[str]) -> None:
        for name in names:
            if name.isalnum():
                (self._folder / name).unlink(missing_ok=True)

    def _purge(self, before: float, keep: frozenset[str]) -> int:
        if not self._folder.is_dir():
            return 0
        old = [path for path in self._folder.iterdir() if path.name not in keep and path.stat().st_mtime < before]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)
