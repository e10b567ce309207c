"""What the browser tests need and pip does not bring: Debian's Chromium by apt, axe-core by npm.

Each is taken where it stands, else installed from its registry. Where neither goes the tests are skipped with the
reason; under `CI` they fail with it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tarfile
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
)  # fmt: skip
AXE = "4.14.1"
AXE_HOLDS = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="


class Unavailable(Exception):
    """Why this machine cannot have it."""


def left_out(why: Unavailable) -> NoReturn:
    """Skips the test, with the reason; in the CI it fails, for nobody notices a skipped one there."""
    if os.environ.get("CI"):
        pytest.fail(f"the browser tests have to run here: {why}")
    pytest.skip(str(why))


@cache
def chromium(root: Path) -> str:
    """Where Chromium is. `root`: a folder that all workers share. Raises `Unavailable`."""
    with _Alone(root / "chromium.lock"):
        found = _standing()
        if found is None:
            _apt()
            found = _standing()
    if found is None:
        raise Unavailable("Debian's package chromium brings no chromium here")
    return found


def _standing() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


def _apt() -> None:
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        raise Unavailable(
            "there is no Chromium here, and only root on a Debian installs one (apt-get install chromium)"
        )
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (
        ["update", "-qq"],
        ["install", "-qq", "--yes", "--no-install-recommends", "chromium", "fonts-dejavu-core"],
    ):
        done = subprocess.run([apt, *words], env=quiet, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unavailable(f"apt-get {words[0]} failed: {(done.stdout + done.stderr)[-500:]}")


@cache
def axe(root: Path) -> str:
    """axe-core's script, as its package ships it. Raises `Unavailable`."""
    with _Alone(root / "axe.lock"):
        script = root / f"axe-{AXE}.js"
        if not script.exists():
            _npm(root, script)
    return script.read_text(encoding="utf-8")


def _npm(root: Path, script: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable("axe-core comes by npm, and there is no npm here")
    folder = root / "axe"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    done = subprocess.run(
        [npm, "pack", f"axe-core@{AXE}", "--silent"], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Unavailable(f"npm pack axe-core failed: {(done.stdout + done.stderr)[-500:]}")
    packed = next(folder.glob("*.tgz"))
    assert b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode() == AXE_HOLDS, "another axe-core"
    with tarfile.open(packed) as archive:
        inside = archive.extractfile("package/axe.min.js")
        assert inside is not None
        part = script.with_suffix(".part")
        part.write_bytes(inside.read())
    part.rename(script)


class _Alone:
    """One worker at a time."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __enter__(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._open = self._file.open("w")
        fcntl.flock(self._open, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self._open.close()
