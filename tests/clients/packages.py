"""The clients as anybody installs them: from their registries, pinned, into a temporary folder, once for all."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

DRIVERS = Path(__file__).parent / "drivers"
PINNED = {
    "evolutionapi": """
        evolutionapi==0.1.2 bidict==0.24.1 certifi==2026.10.19.post1 charset_normalizer==3.5.3 h11==0.16.0 idna==3.20
        python_engineio==4.15.1 python_socketio==5.18.1 requests==2.34.2 requests_toolbelt==1.0.0
        simple_websocket==1.1.0 typing_extensions==4.16.0 urllib3==2.8.0 wsproto==1.3.2
    """,
    "pyevolutionapi": """
        pyevolutionapi==0.1.1 annotated_types==0.8.0 anyio==4.16.0 certifi==2026.10.19.post1 h11==0.16.0
        httpcore==1.0.9 httpx==0.28.1 idna==3.20 pydantic==2.14.4 pydantic_core==2.50.5 python_dotenv==1.2.4
        typing_extensions==4.16.0 typing_inspection==0.4.5
    """,
}
UNREACHABLE = (
    "NewConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ProxyError", "Temporary failure in name",
    "EAI_AGAIN", "ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "EHOSTUNREACH",
)  # fmt: skip
"""What pip and npm say when nobody is there; every other failure is one."""


class Unavailable(Exception):
    """Why a client cannot be had on this machine."""


def installed(name: str, root: Path) -> Path:
    """The folder that holds a client and what it needs. Raises `Unavailable`."""
    folder = root / name
    root.mkdir(parents=True, exist_ok=True)
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            if name == "n8n":
                npm_ci(DRIVERS, folder)
            else:
                _pip(name, folder)
            (folder / ".done").touch()
    return folder


def _pip(name: str, folder: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--retries", "1", "install"]
    _run([*pip, "--quiet", "--no-deps", "--no-compile", "--target", str(folder), *PINNED[name].split()], folder, name)


def npm_ci(drivers: Path, folder: Path) -> None:
    """Into `folder`, what the lock file in `drivers` names. Raises `Unavailable`."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise Unavailable("packages of npm are tried only where node and npm are installed, and here they are not")
    for file in ("package.json", "package-lock.json"):
        shutil.copy(drivers / file, folder)
    quiet = ("--no-audit", "--no-fund", "--fetch-retries", "1")
    _run([npm, "ci", "--ignore-scripts", "--legacy-peer-deps", *quiet], folder, f"what {drivers.name} need")


def _run(command: Sequence[str], folder: Path, name: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=os.environ | {"NO_COLOR": "1"})
    said = done.stdout + done.stderr
    if done.returncode and any(word in said for word in UNREACHABLE):
        raise Unavailable(f"the registry that has {name} cannot be reached from here")
    assert done.returncode == 0, said
