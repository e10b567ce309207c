"""The shelf: bytes of media, each once, under the hash of what they are.

Files lie beside the database, made whole before they get their name, so that a crash leaves no half of one. A file is
put before the row that names it is written: what a crash leaves unnamed is found by its age. Never lives here: which
message carries what, how long it is kept.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from threading import Lock
from typing import Protocol, TypeVar

from esteio.store.disk_errors import refused, sync_folder

T = TypeVar("T")
PIECE = 256 * 1024


class MediaStore(Protocol):
    """Names are made here; a name that is not known has no bytes."""

    async def put(self, data: bytes, now: float) -> str:
        """The name of these bytes; durable when it returns. Raises `StoreFull`."""
        ...

    async def get(self, name: str) -> bytes | None:
        """The bytes under this name, None for one that is not known."""
        ...

    async def size(self, name: str) -> int | None:
        """How many bytes; None when it is not there."""
        ...

    async def piece(self, name: str, start: int, length: int) -> bytes:
        """A part of the bytes; fewer at the end, none when it is not there (any more)."""
        ...

    async def older(self, before: float) -> Sequence[str]:
        """Names of what was last put before then."""
        ...

    async def drop(self, names: Collection[str], put_by: float) -> int:
        """Forget these, as far as they are there and nobody has put them again after `put_by`; how many went."""
        ...


def name_of(data: bytes) -> str:
    """The same for the same bytes, on any machine."""
    return hashlib.sha256(data).hexdigest()


class MemoryMediaStore:
    """For virtual time: nothing touches a disk."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[float, bytes]] = {}

    async def put(self, data: bytes, now: float) -> str:
        """Keeps the bytes with the time they were put; the same bytes again only renew it."""
        name = name_of(data)
        self._held[name] = (now, data)
        return name

    async def get(self, name: str) -> bytes | None:
        """The bytes under this name, None for one that is not known."""
        found = self._held.get(name)
        return None if found is None else found[1]

    async def size(self, name: str) -> int | None:
        """Their length in bytes, None for a name that is not known."""
        found = self._held.get(name)
        return None if found is None else len(found[1])

    async def piece(self, name: str, start: int, length: int) -> bytes:
        """At most `length` bytes from `start` on; empty for a name that is not known."""
        return (await self.get(name) or b"")[start : start + length]

    async def older(self, before: float) -> Sequence[str]:
        """Names that were last put before this time, in epoch seconds."""
        return [name for name, (at, _) in self._held.items() if at < before]

    async def drop(self, names: Collection[str], put_by: float) -> int:
        """Forgets those of the names that were last put by then; gives how many."""
        gone = [name for name in names if name in self._held and self._held[name][0] <= put_by]
        for name in gone:
            del self._held[name]
        return len(gone)


class FileMediaStore:
    """Files in a folder of their own, readable by their owner only. `inline`: without threads, for virtual time."""

    def __init__(self, folder: Path, *, inline: bool = False) -> None:
        self._folder = folder
        self._inline = inline
        self._lock = Lock()
        """Between a look at a file's time and its removal nobody may put it anew."""

    async def put(self, data: bytes, now: float) -> str:
        """Writes a file of the bytes' hash, whole and synced before it gets its name. Raises `StoreFull`."""
        return await self._do(lambda: self._put(data, now))

    async def get(self, name: str) -> bytes | None:
        """The whole file's bytes, None for a name that is not known."""
        return await self._do(lambda: self._get(name))

    async def size(self, name: str) -> int | None:
        """The file's length in bytes, None for a name that is not known."""
        return await self._do(lambda: self._size(name))

    async def piece(self, name: str, start: int, length: int) -> bytes:
        """At most `length` bytes of the file from `start` on; empty for a name that is not known."""
        return await self._do(lambda: self._piece(name, start, length))

    async def older(self, before: float) -> Sequence[str]:
        """Names whose files were last put before this time, in epoch seconds."""
        return await self._do(lambda: self._older(before))

    async def drop(self, names: Collection[str], put_by: float) -> int:
        """Deletes those of the files that were last put by then; gives how many."""
        return await self._do(lambda: sum(self._drop(name, put_by) for name in names))

    async def _do(self, work: Callable[[], T]) -> T:
        return work() if self._inline else await asyncio.to_thread(work)

    def _put(self, data: bytes, now: float) -> str:
        name = name_of(data)
        path = self._folder / name
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._lock:
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
        sync_folder(self._folder)

    def _get(self, name: str) -> bytes | None:
        if not name.isalnum():
            return None
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def _size(self, name: str) -> int | None:
        try:
            return (self._folder / name).stat().st_size if name.isalnum() else None
        except FileNotFoundError:
            return None

    def _piece(self, name: str, start: int, length: int) -> bytes:
        try:
            with (self._folder / name).open("rb") as file:
                file.seek(start)
                return file.read(length)
        except FileNotFoundError:
            return b""

    def _older(self, before: float) -> list[str]:
        """Halves of files too: a crash leaves one."""
        if not self._folder.is_dir():
            return []
        return [entry.name for entry in os.scandir(self._folder) if entry.stat().st_mtime < before]

    def _drop(self, name: str, put_by: float) -> int:
        path = self._folder / name
        if not name.removesuffix(".half").isalnum():
            return 0
        with self._lock:
            try:
                # Times of files are kept a little coarser than ours.
                if path.stat().st_mtime > put_by + 0.001:
                    return 0
                path.unlink()
            except FileNotFoundError:
                return 0
        return 1
