"""A disk that takes nothing while a test says so: SQLite's own files over the machine's, with errors of our choice."""

from __future__ import annotations

from collections.abc import Mapping

import apsw

ERRORS: Mapping[str, type[apsw.Error]] = {
    "full": apsw.FullError,
    "read-only": apsw.ReadOnlyError,
    "failing": apsw.IOError,
}


class FaultyDisk(apsw.VFS):
    """A VFS by name. `fault` is one of `ERRORS` for everything that writes, or None; `blind`: reading fails too."""

    def __init__(self, name: str) -> None:
        self.fault: str | None = None
        self.blind = False
        super().__init__(name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> _File:  # noqa: N802 - SQLite's name
        return _File(self, name, flags)


class _File(apsw.VFSFile):
    def __init__(self, disk: FaultyDisk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._disk = disk
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        if self._disk.fault is not None:
            raise ERRORS[self._disk.fault](f"the disk is {self._disk.fault}")
        super().xWrite(data, offset)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 - SQLite's name
        if self._disk.blind:
            raise ERRORS["failing"]("the disk cannot be read")
        return super().xRead(amount, offset)
