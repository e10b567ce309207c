"""A real `esteio serve` before the sandbox, both as processes, and what a test does beside the browser: it asks the API
with the admin's key and breaks what the sandbox simulates.

    stage.ask("POST", "/v1/sessions", {...})     the gateway's API; the document, after asserting the status
    stage.sandbox("fault", kind="ghost", session="shop")      what a hand at the sandbox does
    stage.server(); stage.session("shop")        one that is there, and one that is scanned and connected
    stage.stop(); stage.start()                  the gateway's process; kill -9 is `stop(signal.SIGKILL)`
"""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.cli.cli_processes import PATIENCE_S, Running, free_port

KEY = "an-admin-key-for-the-browser-tests"
SANDBOX_KEY = "sandbox-key"
SETTINGS = """
allow_targets = ["127.0.0.0/8"]

[policy.default]
send_timeout_s = 5
probe_idle_s = 5
seconds_between_connects = 0
restart_cooldown_s = 5
ramp_s = 5
"""


class Stage:
    """Both processes; `url` is the gateway's address."""

    def __init__(self, folder: Path, *, key: str = KEY, settings: str = SETTINGS) -> None:
        """`key`: "" lets the first start make one and print it."""
        self.folder, self.key = folder, key
        self.marks: dict[str, str] = {}
        """What stands for a mark of an address, where a test has made it."""
        self.port, self._control = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.at = {kind: free_port() for kind in ("evolution", "baileys", "wapi")}
        self._settings = folder / "esteio.toml"
        self._settings.write_text(settings, encoding="utf-8")
        homes = [word for kind, port in self.at.items() for word in (f"--{kind}", f"127.0.0.1:{port}")]
        self._providers = Running("sandbox", *homes, "--control", f"127.0.0.1:{self._control}", cwd=folder)
        self.http = httpx.Client(timeout=30.0)
        self.start()
        self.until(lambda: self.http.get(f"http://127.0.0.1:{self._control}/_sandbox/truth"))

    def start(self) -> None:
        """The gateway, until it answers."""
        more = {"ESTEIO_ADMIN_KEY": self.key} if self.key else {}
        where = ("--listen", f"127.0.0.1:{self.port}", "--data", "data", "--config", str(self._settings))
        self.gateway = Running("serve", *where, cwd=self.folder, **more)
        self.until(lambda: self.http.get(f"{self.url}/readyz").status_code == 200)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """The gateway's process is gone afterwards."""
        self.gateway.process.send_signal(how)
        self.gateway.process.wait(PATIENCE_S)

    def close(self) -> None:
        """Everything."""
        self.http.close()
        for one in (self.gateway, self._providers):
            one.process.kill()
            one.process.wait(PATIENCE_S)

    def ask(self, method: str, path: str, body: Any = None, status: int = 0) -> Any:
        """The gateway's API. `status`: what is expected; 0: any success."""
        answer = self.http.request(method, self.url + path, json=body, headers={"apikey": self.key})
        assert answer.status_code == status if status else answer.is_success, answer.text
        return answer.json() if answer.content else None

    def sandbox(self, act: str, **words: Any) -> Any:
        """One of the sandbox's control calls (docs/how-to/sandbox.md)."""
        answer = self.http.post(f"http://127.0.0.1:{self._control}/_sandbox/{act}", json=words)
        assert answer.is_success, answer.text
        return answer.json()

    @property
    def sandbox_page(self) -> str:
        """The address of the sandbox's own page."""
        return f"http://127.0.0.1:{self._control}/_sandbox/"

    def truth(self) -> Any:
        """What is so at the sandbox."""
        return self.http.get(f"http://127.0.0.1:{self._control}/_sandbox/truth").json()

    def ledger(self) -> Any:
        """What was really sent, received and called there."""
        return self.http.get(f"http://127.0.0.1:{self._control}/_sandbox/ledger").json()

    def address_of(self, kind: str) -> str:
        """Where a server of this kind stands."""
        return f"http://127.0.0.1:{self.at[kind]}{'/v1' if kind == 'wapi' else ''}"

    def server(self, name: str = "evo", kind: str = "evolution") -> None:
        """One that the gateway knows."""
        credentials = {} if kind == "wapi" else {"apikey": SANDBOX_KEY}
        where = {"name": name, "kind": kind, "base_url": self.address_of(kind)}
        self.ask("POST", "/v1/servers", {**where, "credentials": credentials}, 201)

    def session(self, name: str, server: str = "evo") -> None:
        """One that was scanned and is connected."""
        self.ask("POST", "/v1/sessions", {"name": name, "server": server}, 201)
        self.until(lambda: self.ask("GET", f"/v1/sessions/{name}")["state"] == "awaiting_qr")
        self.sandbox("scan", session=name)
        self.until(lambda: self.ask("GET", f"/v1/sessions/{name}")["state"] == "connected")

    def unlinked(self, name: str) -> str:
        """The session's phone is unlinked by its owner; the id of the outage that begins."""
        self.sandbox("unlink", session=name)
        self.until(lambda: self.ask("GET", f"/v1/sessions/{name}")["outage"])
        return str(self.ask("GET", f"/v1/sessions/{name}")["outage"]["id"])

    def status_page(self, name: str, session: str, label: str) -> None:
        """A public page that shows one session; made by its forms, for no API makes one."""
        with httpx.Client(base_url=self.url, timeout=30.0) as admin:

            def filled(shown: str, sent: str, **words: str) -> None:
                token = re.search(r'name="form" value="(\w+)"', admin.get(shown).text)
                assert token is not None, shown
                assert admin.post(sent, data={"form": token[1], **words}).status_code == 303, sent

            filled("/login", "/login", key=self.key)
            filled("/settings/status", "/settings/status", name=name, title=name)
            chosen = {"seen": session, "show": session, f"label.{session}": label}
            filled(f"/settings/status/{name}", f"/settings/status/{name}", title=name, enabled="on", **chosen)

    def login_link(self) -> str:
        """A link that lets a browser in once."""
        return self.url + str(self.ask("POST", "/v1/login-links", {})["path"])

    def until(self, holds: Callable[[], object]) -> None:
        """Waits until it holds."""
        last: object = None
        for _ in range(PATIENCE_S * 20):
            try:
                if holds():
                    return
            except httpx.TransportError as error:
                last = error
            assert self.gateway.process.poll() is None, self.gateway.err.read_text()
            time.sleep(0.05)
        raise AssertionError(f"not within {PATIENCE_S} s; {last}")
