"""What the HTTP API costs by itself: whole requests through the ASGI application in this process, without a socket.

The gateway is empty; what is asked for does not exist, so that a request costs what the API costs: its way in, its key,
its body, one read of the store, its problem. The figure is this process's CPU for one request: what else the machine
does hardly moves it. Every request has an address of its own, for a framework may remember addresses.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.processes import Failed, Say
from esteio.config import Settings
from esteio.gateway import Gateway
from esteio.log.output import set_up

KEY = "a-key-of-the-measurement"
_HEADERS = [(b"host", b"esteio"), (b"authorization", f"Bearer {KEY}".encode()), (b"accept-language", b"en")]
Asked = tuple[str, str, bytes, int]
"""Method, path, body, the status that is expected."""


class Requests(msgspec.Struct, frozen=True):
    """What is measured."""

    requests: int
    rounds: int


async def run(ask_for: Requests, directory: Path, say: Say, _profile: Path | None) -> dict[str, Any]:
    """µs of CPU a request: the median of the rounds, the lowest and the highest. Raises `Failed`."""
    set_up("warning")
    gateway = Gateway.from_settings(Settings(data=str(directory), admin_key=KEY))
    await gateway.start()
    figures: dict[str, list[float]] = {}
    for number in range(1, ask_for.rounds + 1):
        say(f"round {number}")
        for name, asked in _kinds(range(ask_for.requests)).items():
            figures.setdefault(name, []).append(await _cpu_us(gateway.app, asked))
    await gateway.aclose()
    return {"bench": "requests", **{name: _spread(each) for name, each in figures.items()}}


def _kinds(numbers: Sequence[int]) -> Mapping[str, Sequence[Asked]]:
    body = b'{"to":"5511999998888","text":"oi"}'
    return {
        "livez": [("GET", "/livez", b"", 200) for _ in numbers],
        "message": [("GET", f"/v1/messages/msg_{number}", b"", 404) for number in numbers],
        "send": [("POST", f"/v1/sessions/line-{number}/messages", body, 404) for number in numbers],
        "webhook": [("POST", f"/in/{number:032}/messages-upsert", b"{}", 404) for number in numbers],
        "no address": [("GET", f"/nothing/{number}", b"", 404) for number in numbers],
    }


async def _cpu_us(app: Any, asked: Sequence[Asked]) -> float:
    began = time.process_time()
    for one in asked:
        await _exchange(app, one)
    return (time.process_time() - began) / len(asked) * 1e6


async def _exchange(app: Any, asked: Asked) -> None:
    method, path, body, expected = asked
    length = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))] if body else []
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "root_path": "",
    }
    scope |= {"method": method, "path": path, "raw_path": path.encode(), "query_string": b"", "state": {}}
    scope |= {"headers": _HEADERS + length, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 1)}
    sent: list[Mapping[str, Any]] = []

    async def receive() -> Mapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    if sent[0]["status"] != expected:
        raise Failed(f"{method} {path} was answered {sent[0]['status']}")


def _spread(each: Sequence[float]) -> dict[str, float]:
    ordered = sorted(each)
    return {
        "cpu_us": round(ordered[len(ordered) // 2], 1),
        "lowest": round(ordered[0], 1),
        "highest": round(ordered[-1], 1),
    }
