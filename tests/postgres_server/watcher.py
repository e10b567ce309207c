"""Puts a cluster away when the last process that uses it has ended, in whatever way.

`python watcher.py FOLDER PG_CTL [USER GROUP]`. Users hold a shared lock on FOLDER/users.lock, which the kernel releases
for those that die. This process, on its own since its start, gets the lock when nobody holds it: then the server is
stopped and the folder removed. Runs without the rest of the package.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any


def main(folder: Path, pg_ctl: str, run_as: dict[str, Any]) -> None:
    if os.fork():
        return
    os.setsid()
    with (folder / "users.lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stop = [pg_ctl, "--pgdata", str(folder / "data"), "--mode", "immediate", "stop"]
        subprocess.run(
            stop, cwd="/", check=False, **run_as,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        shutil.rmtree(folder, ignore_errors=True)


def _named(words: list[str]) -> dict[str, Any]:
    return {"user": int(words[0]), "group": int(words[1]), "extra_groups": []} if words else {}


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], _named(sys.argv[3:]))
