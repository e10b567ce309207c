"""Many providers in one process: a stub on as many ports as asked for, each with its share of idle sessions.

It sees when each session is looked at, so that lateness is measured from outside: a look comes a period after the one
before it, and what it comes later than that is late. `/_bench/fleet` tells, `/_bench/begin` forgets what was measured
so far. Arguments: how many ports, the period in seconds, how many sessions each holds, and which share of answers and
sessions is faulty (`faults`); sockets die within `/_bench/begin?SECONDS`.
"""

from __future__ import annotations

import socket
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any
from urllib.parse import parse_qs

import msgspec

from benchmarks.serving import Receive, Send, reply, serve
from benchmarks.stub import Stub
from benchmarks.watching.faults import RESTART, Faults
from esteio.clock import SystemClock
from esteio.providers.evolution.control import EVENTS

_ROW = (
    '{"id":"23e34ab9-3b7f-4c0c-95b9-ad99e5959bf7","name":"%s","connectionStatus":"open",'
    '"ownerJid":"%s@s.whatsapp.net","profileName":"Bench","profilePicUrl":null,"integration":"WHATSAPP-BAILEYS",'
    '"number":null,"businessId":null,"token":"9E6F3BCE-8500-4D06-A81B-301F4A1D431C","clientName":"evolution_exchange",'
    '"disconnectionReasonCode":null,"disconnectionObject":null,"disconnectionAt":null,'
    '"createdAt":"2026-11-21T07:44:53.563Z","updatedAt":"2026-11-21T07:44:53.563Z","Chatwoot":null,"Proxy":null,'
    '"Rabbitmq":null,"Nats":null,"Sqs":null,"Websocket":null,"Setting":{"id":"cmwq3rmtb00010t7dcvfizaed",'
    '"rejectCall":false,"msgCall":"","groupsIgnore":false,"alwaysOnline":false,"readMessages":false,'
    '"readStatus":false,"syncFullHistory":false,"wavoipToken":"","createdAt":"2026-11-21T07:44:53.567Z",'
    '"updatedAt":"2026-11-21T07:44:53.567Z","instanceId":"23e34ab9-3b7f-4c0c-95b9-ad99e5959bf7"},'
    '"_count":{"Message":1,"Contact":0,"Chat":0}}'
)
"""One row of the list, as long as a real one."""
GATEWAY_URL = "http://gateway.bench"
"""Where the webhooks of all sessions point, as if they had been set long ago; nothing is ever sent there."""
HOOK = "/webhook/find/"
UNPAIRED = "bench-unpaired"
"""A session that waits for its phone, whoever asks."""
SOCKET, STATE = "/instance/setPresence/", "/instance/connectionState/"
"""The questions one of which every look at a session begins with."""
ONE_LOOK_S = 4.0
"""Questions that follow one another within so much, or a quarter of the period, belong to one look."""


class Watched(msgspec.Struct):
    """What the fleet has seen. `late_*_s`: by how much looks came later than their period; `soonest_s`, the shortest
    time between two looks at one session."""

    ports: list[int]
    looked_at: int = 0
    """Sessions that were looked at since `begin`."""
    looks: int = 0
    requests: int = 0
    requests_by_kind: dict[str, int] = {}
    """The same by their path, less the instance's name; a list that is asked for one row counts apart."""
    late_p50_s: float = 0.0
    late_p99_s: float = 0.0
    late_most_s: float = 0.0
    soonest_s: float = 0.0
    failed: int = 0
    """Answers that failed."""
    fallen: int = 0
    """Sockets that are dead now."""
    restored: int = 0
    """Those that were dead and were restarted, and how long that took, at the median and at most."""
    restored_p50_s: float = 0.0
    restored_most_s: float = 0.0


def session_name(server: int, number: int) -> str:
    """What the session is called, at the provider and in the gateway."""
    return f"bench-{server:02d}-{number:05d}"


def phone(server: int, number: int) -> str:
    """The digits of the phone that belongs to session `number` of server `server`, distinct over all servers."""
    return f"5511{900_000_000 + server * 1_000_000 + number}"


class Fleet(Stub):
    """An ASGI app that answers for every port of the fleet, and notes how late each look at a session comes."""

    def __init__(self, ports: list[int], period_s: float, each: int, faults: float = 0.0) -> None:
        super().__init__()
        self._ports, self._period_s, self._each = ports, period_s, each
        self._lists = {port: _listed(place, range(each)) for place, port in enumerate(ports)}
        self._looked: dict[str, float] = {}
        self._now = SystemClock().now
        self._faults = Faults(faults, SystemClock().now)
        self._begin()

    def _begin(self, falls_s: float = 0.0) -> Watched:
        self._faults.failed, self._faults.restored = 0, []
        if falls_s:
            places = range(len(self._ports))
            self._faults.fall([session_name(one, number) for one in places for number in range(self._each)], falls_s)
        self._waits: list[float] = []
        self._seen: set[str] = set()
        self._requests: Counter[str] = Counter()
        return self._watched()

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path, query = scope["path"], scope["query_string"]
        if not path.startswith("/_bench/"):
            self._requests[kind_of(path, query)] += 1
        if path == "/_bench/begin":
            await reply(send, 200, msgspec.json.encode(self._begin(float(query or 0))))
            return
        if path.startswith((SOCKET, STATE)):
            self._note(path)
        if not path.startswith("/_bench/") and await self._faults.fails(send):
            return
        if path == "/instance/fetchInstances":
            await reply(send, 200, self._rows(scope["server"][1], query))
        else:
            await super().__call__(scope, receive, send)

    def _answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        if path.startswith(SOCKET) and (closed := self._faults.closed(path.removeprefix(SOCKET))) is not None:
            return closed
        return super()._answer(path, body)

    def _rows(self, port: int, query: bytes) -> bytes:
        """The whole list, or the row of the one that is asked for."""
        asked = parse_qs(query.decode()).get("instanceName")
        if asked is None:
            return self._lists[port]
        if asked[0] == UNPAIRED:
            return f"[{_ROW % (UNPAIRED, '')}]".replace('"open"', '"connecting"').encode()
        _, place, number = asked[0].split("-")
        return _listed(int(place), range(int(number), int(number) + 1))

    def _look(self, path: str, body: bytes) -> Any:
        if path == "/_bench/fleet":
            return self._watched()
        if path == f"/instance/connectionState/{UNPAIRED}":
            return {"instance": {"instanceName": UNPAIRED, "state": "connecting"}}
        if path == SOCKET + UNPAIRED:
            return None
        if path.startswith(RESTART):
            name = path.removeprefix(RESTART)
            self._faults.restart(name)
            return {"instance": {"instanceName": name, "state": "open"}}
        if path.startswith(HOOK):
            url = f"{GATEWAY_URL}/in/{path.removeprefix(HOOK)}"
            return {"enabled": True, "url": url, "webhookByEvents": False, "events": EVENTS}
        return super()._look(path, body)

    def _note(self, path: str) -> None:
        """A look begins or goes on, whatever it is answered."""
        name = path.rpartition("/")[2]
        now, before = self._now(), self._looked.get(name)
        if before is not None and now - before < min(ONE_LOOK_S, self._period_s / 4):
            return
        self._looked[name] = now
        self._seen.add(name)
        if before is not None:
            self._waits.append(now - before)

    def _watched(self) -> Watched:
        waits = sorted(self._waits)
        told = Watched(self._ports, len(self._seen), len(waits), self._requests.total(), dict(self._requests))
        if waits:
            told.soonest_s = round(waits[0], 3)
            shares = (0.5, 0.99, 1.0)
            late = [max(0.0, waits[min(len(waits) - 1, int(len(waits) * s))] - self._period_s) for s in shares]
            told.late_p50_s, told.late_p99_s, told.late_most_s = (round(s, 3) for s in late)
        told.failed, told.fallen, told.restored = self._faults.failed, self._faults.fallen, len(self._faults.restored)
        if self._faults.restored:
            told.restored_p50_s = round(median(self._faults.restored), 1)
            told.restored_most_s = round(max(self._faults.restored), 1)
        return told


def kind_of(path: str, query: bytes) -> str:
    """What is asked, whoever is meant."""
    if path == "/instance/fetchInstances":
        return f"{path}?instanceName" if query else path
    return path.rpartition("/")[0] or path


def _listed(server: int, numbers: Iterable[int]) -> bytes:
    rows = (_ROW % (session_name(server, number), phone(server, number)) for number in numbers)
    return f"[{','.join(rows)}]".encode()


if __name__ == "__main__":
    many, period, sessions = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    share = float(sys.argv[4]) if len(sys.argv) > 4 else 0.0
    listening = [socket.create_server(("127.0.0.1", 0), backlog=1024) for _ in range(many)]
    serve(Fleet([one.getsockname()[1] for one in listening], period, sessions, share), sockets=listening)
