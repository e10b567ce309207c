"""The load client's process: a plan in (one JSON text on stdin), what it saw out (one JSON line on stdout).

Two ways to press. *Closed*: each connection sends its next request when the last was answered, so the rate is the
server's. *Open* (`rate` > 0): request k is due at k / rate, whatever the server does, and its latency counts from then,
so that a server that stalls is charged for everybody who waited. The bodies are made before the clock starts. A chat
belongs to one connection, so that its messages are handed in one after the other and their order can be asked for.

Never lives here: what the figures mean.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from typing import Literal

import msgspec
import uvloop

from benchmarks.wire import Line, NotUnderstood, open_line, request
from esteio.clock import SystemClock


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to send. `paths` are taken in turn, a chat belongs to one of them; `first` numbers the first request.

    `message`: `{"to", "text"}` with `text` = "chat number" and its place in the chat; `evolution`: the same as
    Evolution takes it, `{"number", "text"}`; `webhook`: Evolution's `messages.upsert` as it was recorded, each with its
    own id, of the instance in `names` that goes with its path; `empty`: `{}`.
    """

    port: int
    paths: tuple[str, ...]
    count: int
    kind: Literal["message", "evolution", "webhook", "empty"] = "message"
    connections: int = 64
    chats: int = 500
    rate: float = 0.0
    first: int = 0
    headers: dict[str, str] = {}
    names: tuple[str, ...] = ("bench",)
    host: str = "127.0.0.1"


class Seen(msgspec.Struct, frozen=True):
    """What the load saw. Times of day are epoch seconds, latencies milliseconds."""

    count: int
    began_at: float
    ended_at: float
    per_s: float
    statuses: dict[str, int]
    p50_ms: float
    p99_ms: float
    most_ms: float
    cpu_s: float = 0.0
    """What the load itself spent, from the first request to the last answer."""


def chat_number(chat: int) -> str:
    """A Brazilian mobile number for a chat."""
    return f"55119{70000000 + chat}"


def text_of(chat: int, place: int) -> str:
    """What the stub reads back to see order and doubles."""
    return f"{chat} {place} Seu pedido saiu para entrega e chega hoje entre 14h e 18h."


def _message(plan: Plan, number: int) -> tuple[str, bytes]:
    chat, place = number % plan.chats, number // plan.chats
    body = {"to": chat_number(chat), "text": text_of(chat, place)}
    return plan.paths[chat % len(plan.paths)], msgspec.json.encode(body)


def _webhook(plan: Plan, number: int) -> tuple[str, bytes]:
    chat = number % plan.chats
    key = {"remoteJid": f"{chat_number(chat)}@s.whatsapp.net", "fromMe": False, "id": f"3EB0{number:018X}"}
    data = {
        "key": {**key, "participant": "", "addressingMode": "pn"},
        "pushName": "Maria",
        "status": "DELIVERY_ACK",
        "message": {"conversation": text_of(chat, number // plan.chats)},
        "contextInfo": None,
        "messageType": "conversation",
        "messageTimestamp": int(SystemClock().now()),
        "instanceId": "ded7fbae-0736-4d7e-a5fe-575009a67a69",
        "source": "android",
    }
    path = plan.paths[chat % len(plan.paths)]
    envelope = {
        "event": "messages.upsert",
        "instance": plan.names[chat % len(plan.names)],
        "data": data,
        "apikey": None,
    }
    return path, msgspec.json.encode({**envelope, "destination": path, "server_url": "http://127.0.0.1"})


def _evolution(plan: Plan, number: int) -> tuple[str, bytes]:
    chat, place = number % plan.chats, number // plan.chats
    body = {"number": chat_number(chat), "text": text_of(chat, place)}
    return plan.paths[chat % len(plan.paths)], msgspec.json.encode(body)


def _empty(plan: Plan, number: int) -> tuple[str, bytes]:
    return plan.paths[number % len(plan.paths)], b"{}"


_watch = time.perf_counter
"""A stopwatch: the loop's own time is too coarse for latencies."""
_MAKERS = {"message": _message, "evolution": _evolution, "webhook": _webhook, "empty": _empty}


def queues(plan: Plan) -> list[deque[tuple[int, bytes]]]:
    """The requests of each connection, with their place in the whole. Open: one queue for all."""
    head = {"host": f"{plan.host}:{plan.port}", **plan.headers}
    ready: list[deque[tuple[int, bytes]]] = [deque() for _ in range(1 if plan.rate else plan.connections)]
    for number in range(plan.first, plan.first + plan.count):
        path, body = _MAKERS[plan.kind](plan, number)
        mine = ready[(number % plan.chats) % len(ready)]
        mine.append((number - plan.first, request(path, head, body)))
    return ready


class _Press:
    """One run of a plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self._queues = plan, queues(plan)
        self._waits: list[float] = []
        self._statuses: Counter[str] = Counter()
        self._start = 0.0

    async def run(self) -> Seen:
        plan = self._plan
        lines = [await open_line(plan.host, plan.port) for _ in range(plan.connections)]
        began_at, self._start, spent = SystemClock().now(), _watch(), time.process_time()
        await asyncio.gather(*(self._keep(line, self._queues[i % len(self._queues)]) for i, line in enumerate(lines)))
        took, cpu_s = _watch() - self._start, time.process_time() - spent
        for line in lines:
            line.close()
        return self._seen(began_at, took, cpu_s)

    async def _keep(self, line: Line, mine: deque[tuple[int, bytes]]) -> None:
        while mine:
            place, whole = mine.popleft()
            due = await self._due(place)
            try:
                status, _ = await line.ask(whole)
            except NotUnderstood as error:
                self._statuses[str(error)] += 1
                return
            self._waits.append(_watch() - due)
            self._statuses[str(status)] += 1

    async def _due(self, place: int) -> float:
        """From when this request's latency counts."""
        if not self._plan.rate:
            return _watch()
        due = self._start + place / self._plan.rate
        early = due - _watch()
        if early > 0:
            await asyncio.sleep(early)
        return due

    def _seen(self, began_at: float, took: float, cpu_s: float) -> Seen:
        waits = sorted(self._waits) or [0.0]
        p50, p99, most = _quantiles(waits)
        return Seen(
            count=len(self._waits),
            began_at=began_at,
            ended_at=began_at + took,
            per_s=len(self._waits) / took if took else 0.0,
            statuses=dict(self._statuses),
            p50_ms=p50,
            p99_ms=p99,
            most_ms=most,
            cpu_s=cpu_s,
        )


def _quantiles(waits: list[float]) -> Iterator[float]:
    for share in (0.5, 0.99, 1.0):
        yield round(waits[min(len(waits) - 1, int(len(waits) * share))] * 1000, 2)


async def press(plan: Plan) -> Seen:
    """Run a plan to its end."""
    return await _Press(plan).run()


def main() -> None:
    """Reads a plan from stdin, presses the server accordingly, and writes one line of JSON to stdout."""
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    seen = uvloop.run(press(plan))
    sys.stdout.buffer.write(msgspec.json.encode(seen) + b"\n")


if __name__ == "__main__":
    main()
