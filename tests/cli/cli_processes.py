"""Verbs as real processes: `Running` goes on until it is told to end, `run` is one from start to end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

from esteio.cli.remote.client import Client, path

SOURCE = Path(__file__).resolve().parent.parent.parent / "src"
PATIENCE_S = 60


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def environment(**more: str) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("ESTEIO_", "LC_", "LANG"))}
    return {**kept, "PYTHONPATH": str(SOURCE), "ESTEIO_LANGUAGE": "en", "PYTHONUNBUFFERED": "1", **more}


class Running:
    """A verb that goes on until it is told to end; what it says goes into files."""

    def __init__(self, *args: str, cwd: Path, **more: str) -> None:
        self.out, self.err = (cwd / f"{args[0]}-{free_port()}.{kind}" for kind in ("out", "err"))
        with self.out.open("w") as out, self.err.open("w") as err:
            command = [sys.executable, "-m", "esteio", *args]
            self.process = subprocess.Popen(command, cwd=cwd, env=environment(**more), stdout=out, stderr=err)

    def said(self, word: str) -> str:
        """Everything on stdout, as soon as it holds the word."""
        return self._until(self.out, word)

    def logged(self, word: str) -> str:
        return self._until(self.err, word)

    def _until(self, file: Path, word: str) -> str:
        for _ in range(PATIENCE_S * 20):
            if word in (told := file.read_text()):
                return told
            assert self.process.poll() is None, told + self.err.read_text()
            Event().wait(0.05)
        raise AssertionError(file.read_text())

    def end(self) -> int:
        """Asked to end as a service supervisor asks; whatever happens, it is gone afterwards. Its exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE_S)
        finally:
            self.process.kill()
            self.process.wait()


def run(*args: str, cwd: Path, stdin: str = "", **more: str) -> SimpleNamespace:
    """One verb, start to end."""
    done = subprocess.run(
        [sys.executable, "-m", "esteio", *args],
        cwd=cwd,
        env=environment(**more),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return SimpleNamespace(code=done.returncode, out=done.stdout, err=done.stderr)


class Installation:
    """A gateway that runs, the sandbox that it speaks to, and how to ask either."""

    def __init__(self, home: Path, url: str, key: str, places: Mapping[str, str]) -> None:
        self.home, self.url, self.key, self.places = home, url, key, places
        self.client = Client(url, key, "en")

    def environment(self, **more: str) -> dict[str, str]:
        return environment(**{"ESTEIO_URL": self.url, "ESTEIO_KEY": self.key, **more})

    def verb(self, *args: str, stdin: str = "", **more: str) -> SimpleNamespace:
        return run(*args, cwd=self.home, stdin=stdin, **{"ESTEIO_URL": self.url, "ESTEIO_KEY": self.key, **more})

    def control(self, call: str, **body: Any) -> Any:
        return Client(self.places["control"], "", "en").post(f"/_sandbox/{call}", body)

    def session(self, name: str) -> Any:
        return self.client.get(path("sessions", name))

    def until(self, true: Callable[[], bool]) -> None:
        """Until the gateway's own answers say so."""
        for _ in range(300):
            if true():
                return
            Event().wait(0.1)
        raise AssertionError(self.client.get(path("sessions")))

    def timeline(self, name: str) -> list[Any]:
        return list(self.client.items(path("sessions", name, "timeline"), limit=500))

    def create(self, name: str) -> None:
        """A session that shows its code, when the provider has answered the whole of the create."""
        self.client.post(path("sessions"), {"name": name, "server": "evo", "wait_s": 10}, wait_s=10)
        self.until(lambda: any(line["data"]["code"] == "act_answered" for line in self.timeline(name)))
        self.until(lambda: self.session(name)["state"] == "awaiting_qr")
