"""A backup: one tar file with the database as of one moment, the media, the key to the secrets, and a manifest.

The database is copied first, the media after it: what the copy speaks of was on the disk before, so a file can be
missing only because it was purged meanwhile. Everything is listed in the manifest with its size and SHA-256 and checked
again before the archive gets its name, and before anything of it is restored. Never lives here: SQL.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import msgspec

from esteio.store.base import Damaged
from esteio.store.disk_errors import sync_folder
from esteio.store.sqlite import snapshot

DATABASE, KEY, MEDIA, MANIFEST = "esteio.db", "secret.key", "media", "manifest.json"
FORMAT = 1
_CHUNK = 1 << 20


class BackupError(Exception):
    """It cannot be done. `code` is one of: no-database, damaged, file-exists, not-a-backup, newer-backup, not-empty."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code, self.detail = code, detail


class Entry(msgspec.Struct, frozen=True):
    """One file of the archive."""

    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What an archive holds. `taken_at` (epoch seconds): everything that was accepted before it is in there. `counts`:
    rows by table, `schema`, and `waiting` (messages that were queued or under way)."""

    format: int
    program: str
    taken_at: float
    secrets: bool
    counts: Mapping[str, int]
    files: Mapping[str, Entry]


def create(data: Path, target: Path, *, now: float, program: str, secrets: bool = True) -> Manifest:
    """Write a backup of the data folder `data` to the new file `target` (mode 0600), also while a gateway runs on it.

    Raises `BackupError` (no-database, damaged, file-exists) and `OSError`; then nothing is left at `target`.
    """
    if not (data / DATABASE).is_file():
        raise BackupError("no-database", str(data))
    if target.exists():
        raise BackupError("file-exists", str(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".esteio-backup-", dir=target.parent) as folder:
        copy, half = Path(folder) / DATABASE, Path(folder) / "half"
        try:
            snapshot.take(data / DATABASE, copy)
            counts = snapshot.check(copy)
        except Damaged as error:
            raise BackupError("damaged", str(error)) from error
        sources = {DATABASE: copy, **_beside(data, secrets=secrets)}
        manifest = _pack(half, sources, Manifest(FORMAT, program, now, KEY in sources, counts, {}))
        verify(half)
        os.link(half, target)
    sync_folder(target.parent)
    return manifest


def _beside(data: Path, *, secrets: bool) -> dict[str, Path]:
    found = {KEY: data / KEY} if secrets and (data / KEY).is_file() else {}
    media = sorted((data / MEDIA).iterdir()) if (data / MEDIA).is_dir() else []
    # A name with a dot is a file that is just being written.
    return found | {f"{MEDIA}/{path.name}": path for path in media if path.name.isalnum()}


def _pack(half: Path, sources: Mapping[str, Path], manifest: Manifest) -> Manifest:
    files: dict[str, Entry] = {}
    handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as out:
        with tarfile.open(fileobj=out, mode="w") as archive:
            for name, path in sources.items():
                try:
                    with path.open("rb") as file:
                        files[name] = _add(archive, name, file, os.fstat(file.fileno()).st_size, manifest.taken_at)
                except FileNotFoundError:
                    continue  # purged since the folder was listed
            manifest = msgspec.structs.replace(manifest, files=files)
            text = msgspec.json.format(msgspec.json.encode(manifest))
            _add(archive, MANIFEST, io.BytesIO(text), len(text), manifest.taken_at)
        out.flush()
        os.fsync(out.fileno())
    return manifest


def _add(archive: tarfile.TarFile, name: str, file: BinaryIO, size: int, now: float) -> Entry:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, now
    hashed = _Hashed(file)
    archive.addfile(info, hashed)
    return Entry(size, hashed.digest.hexdigest())


class _Hashed:
    """A file that is hashed while it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        self.digest.update(block)
        return block


def verify(archive: Path, into: Path | None = None) -> Manifest:
    """Read a whole backup and compare each file with the manifest; write them to the folder `into`, where given.

    Raises `BackupError` (not-a-backup, newer-backup, damaged) and `OSError`.
    """
    found: dict[str, Entry] = {}
    text = b""
    try:
        with tarfile.open(archive, mode="r:") as tar:
            for info in tar:
                file = tar.extractfile(info) if info.isfile() and _expected(info.name) else None
                if file is None:
                    raise BackupError("not-a-backup", info.name)
                if info.name == MANIFEST:
                    text = file.read()
                else:
                    found[info.name] = _read(file, info.size, into / info.name if into is not None else None)
        manifest = msgspec.json.decode(text, type=Manifest)
    except (tarfile.TarError, msgspec.DecodeError) as error:
        raise BackupError("not-a-backup", str(error)) from error
    if manifest.format > FORMAT:
        raise BackupError("newer-backup", manifest.program)
    wrong = [name for name in {*found, *manifest.files} if found.get(name) != manifest.files.get(name)]
    if wrong or DATABASE not in found:
        raise BackupError("damaged", ", ".join(sorted(wrong)[:3]) or DATABASE)
    return manifest


def _expected(name: str) -> bool:
    folder, _, file = name.rpartition("/")
    return name in {DATABASE, KEY, MANIFEST} or (folder == MEDIA and file.isalnum())


def _read(file: object, size: int, path: Path | None) -> Entry:
    digest = hashlib.sha256()
    if path is not None:
        path.parent.mkdir(mode=0o700, exist_ok=True)
    out = None if path is None else os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    try:
        while block := file.read(_CHUNK):  # type: ignore[attr-defined]
            digest.update(block)
            if out is not None:
                out.write(block)
        if out is not None:
            out.flush()
            os.fsync(out.fileno())
    finally:
        if out is not None:
            out.close()
    return Entry(size, digest.hexdigest())


def restore(archive: Path, data: Path, *, now: float, expire_waiting: bool = False) -> Manifest:
    """Make the data folder `data` out of a backup: checked whole, then put in place in one step.

    `expire_waiting`: what was still to be sent goes to the dead letters instead (the gateway that the backup was taken
    from may have sent it since). Raises `BackupError` (not-empty and as `verify`), `NewerDatabase`, `OSError`.
    """
    if data.exists() and any(data.iterdir()):
        raise BackupError("not-empty", str(data))
    data.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".esteio-restore-", dir=data.parent) as folder:
        whole = Path(folder) / "data"
        whole.mkdir(mode=0o700)
        manifest = verify(archive, whole)
        try:
            snapshot.check(whole / DATABASE)
        except Damaged as error:
            raise BackupError("damaged", str(error)) from error
        if expire_waiting:
            snapshot.expire_waiting(whole / DATABASE, now)
        if data.exists():
            data.rmdir()
        whole.rename(data)
    sync_folder(data.parent)
    return manifest
