"""Told to end in the middle of work: callers that wait are answered, nothing fails, and it is over in time."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from esteio.cli.listen import DRAIN_S
from esteio.engine.runtime.lifecycle import STOP_PATIENCE_S
from tests.cli.cli_processes import Running, free_port

KEY = "a-key-of-sixteen-or-more"
CONTAINERS_KILL_AFTER_S = 10


ANSWERS = {
    "connectionState": {"instance": {"instanceName": "loja", "state": "open"}},
    "fetchInstances": [{"name": "loja", "connectionStatus": "open"}],
}


class Provider(http.server.BaseHTTPRequestHandler):
    """Open, and a send is never answered."""

    protocol_version = "HTTP/1.1"
    over = threading.Event()

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        if "sendText" in self.path:
            self.over.wait(60)
        body = json.dumps(next((told for part, told in ANSWERS.items() if part in self.path), {})).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - the library's names

    def log_message(self, *args: str) -> None:
        pass

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            super().handle()


@pytest.fixture
def provider() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    Provider.over.set()
    server.shutdown()
    server.server_close()


def test_who_waits_for_a_send_is_answered_when_the_gateway_ends(tmp_path: Path, provider: str) -> None:
    url = f"http://127.0.0.1:{free_port()}"

    def call(path: str, body: dict[str, Any] | None, **headers: Any) -> tuple[int, dict[str, Any]]:
        headers |= {"apikey": KEY, "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url + path, data, headers)
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)

    gateway = Running("serve", "--listen", url.removeprefix("http://"), cwd=tmp_path, ESTEIO_ADMIN_KEY=KEY)
    try:
        gateway.logged("gateway.started")
        call("/v1/servers", {"name": "evo", "kind": "evolution", "base_url": provider, "credentials": {"apikey": "k"}})
        call("/v1/sessions", {"name": "loja", "server": "evo", "adopt": True})
        stream = urllib.request.urlopen(urllib.request.Request(url + "/v1/events?after=0", headers={"apikey": KEY}))
        answers = []
        message = {"to": "5511999998888", "text": "x"}
        waiting = threading.Thread(
            target=lambda: answers.append(call("/v1/sessions/loja/messages", message, Prefer="wait=60"))
        )
        waiting.start()
        while b"session.state_changed" not in stream.readline():
            pass
        while not call("/v1/sessions/loja/messages?state=sending", None)[1]["items"]:
            time.sleep(0.05)
    finally:
        code = gateway.end()
    waiting.join(30)
    assert code == 0
    assert [status for status, _ in answers] == [202]
    told = gateway.err.read_text()
    assert "Traceback" not in told
    assert all(line.startswith("{") for line in told.splitlines()), told


def test_the_patience_of_the_parts_together_ends_before_a_container_is_killed() -> None:
    assert DRAIN_S + STOP_PATIENCE_S <= CONTAINERS_KILL_AFTER_S - 2
