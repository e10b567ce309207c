"""Told to end in the middle of work: callers that wait are answered, nothing fails, and it is over in time."""

from __future__ import annotations

import contextlib
import http.server
import json
import signal
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from esteio.cli.errors import Failed
from esteio.cli.listen import DRAIN_S
from esteio.cli.remote.client import Client, path
from esteio.config import Settings
from tests.cli.cli_processes import Running, free_port

KEY = "a-key-of-sixteen-or-more"
CONTAINERS_KILL_AFTER_S = 10


ANSWERS: dict[str, Any] = {
    "sendText": {"key": {"id": "3EB0A1B2C3D4E5F60718", "remoteJid": "5511999998888@s.whatsapp.net", "fromMe": True}},
    "connectionState": {"instance": {"instanceName": "loja", "state": "open"}},
    "fetchInstances": [{"name": "loja", "connectionStatus": "open"}],
}


class Provider(http.server.BaseHTTPRequestHandler):
    """Open; a send is answered when it is let go."""

    protocol_version = "HTTP/1.1"
    over = threading.Event()
    sent: ClassVar[list[str]] = []

    def answer(self) -> None:
        asked = self.rfile.read(int(self.headers.get("content-length") or 0))
        if "sendText" in self.path:
            self.sent.append(json.loads(asked)["text"])
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
    Provider.over.clear()
    Provider.sent.clear()
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


def test_a_load_balancer_hears_it_first_and_a_send_under_way_is_settled(tmp_path: Path, provider: str) -> None:
    """Unready, it still takes what comes; then nothing more, and it ends when the provider has answered."""
    address = f"127.0.0.1:{free_port()}"
    client = Client(f"http://{address}", KEY, "en")
    settings = {"ESTEIO_ADMIN_KEY": KEY, "ESTEIO_DRAIN_UNREADY_S": "4", "ESTEIO_DRAIN_CALLS_S": "60"}

    def send(text: str) -> str:
        body = {"to": "5511999998888", "text": text}
        return str(client.post(path("sessions", "loja", "messages"), body)["id"])

    gateway = Running("serve", "--listen", address, cwd=tmp_path, **settings)
    try:
        gateway.logged("gateway.started")
        server = {"name": "evo", "kind": "evolution", "base_url": provider, "credentials": {"apikey": "k"}}
        client.post(path("servers"), server)
        client.post(path("sessions"), {"name": "loja", "server": "evo", "adopt": True})
        under_way = send("under way")
        until(lambda: Provider.sent == ["under way"])
        gateway.process.send_signal(signal.SIGTERM)
        gateway.logged("gateway.unready")
        assert client.ask("GET", "/readyz", any_status=True).status == 503
        late = send("late")
        gateway.logged("gateway.stopping")
        with pytest.raises(Failed):
            client.get(path("sessions"))
        assert gateway.process.poll() is None, "it waits for the provider's answer"
        Provider.over.set()
        assert gateway.process.wait(60) == 0
    finally:
        gateway.end()
    again = Running("serve", "--listen", address, cwd=tmp_path, ESTEIO_ADMIN_KEY=KEY)
    try:
        again.logged("gateway.started")
        for message in (under_way, late):
            until(lambda one=message: client.get(path("messages", one))["state"] == "sent")  # type: ignore[misc]
        assert Provider.sent == ["under way", "late"], "the second is of the same chat, and waited its turn"
        attempts = client.get(path("messages", under_way))["attempts"]
        assert [one["outcome"] for one in attempts] == ["accepted"]
    finally:
        again.end()


def until(true: Callable[[], bool]) -> None:
    for _ in range(1200):
        if true():
            return
        threading.Event().wait(0.05)
    raise AssertionError(Provider.sent)


def test_the_patience_of_the_parts_together_ends_before_a_container_is_killed() -> None:
    drain = Settings().drain
    assert drain.unready_s + DRAIN_S + drain.calls_s <= CONTAINERS_KILL_AFTER_S - 2
