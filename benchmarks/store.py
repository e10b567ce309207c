"""What the store's busy operations cost by themselves: in this process, in memory, without a loop around them.

The figure is this process's CPU for one message, one look or one delivery: what else the machine does hardly moves it.
Messages are accepted, claimed, settled and delivered as the engine does it; what is read is read often, each time from
the rows.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from benchmarks.processes import Failed, Say
from esteio.core.messages.outbox import SendSettlement
from esteio.core.model.content import Content
from esteio.core.model.evidence import seen
from esteio.core.model.ids import MessageId, ServerName, SessionName
from esteio.core.model.message import AttemptRecord, Message
from esteio.core.model.server import Server
from esteio.core.model.session import Session
from esteio.store.base import NewMessage, SendClaim, SendQuota
from esteio.store.delivery import DeliverySettlement, Endpoint
from esteio.store.sqlite import SqliteStore

NOW = 1_800_000_000.0
_AT_ONCE = 64
_LEASE_S = 60.0


class StoreCosts(msgspec.Struct, frozen=True):
    """What is measured: so many messages in each of so many sessions, in as many chats."""

    sessions: int
    messages: int
    rounds: int


async def run(ask: StoreCosts, _directory: Path, say: Say, _profile: Path | None) -> dict[str, Any]:
    """µs of CPU by operation, the median of the rounds. Raises `Failed`."""
    figures: dict[str, list[float]] = {}
    for number in range(1, ask.rounds + 1):
        say(f"round {number}")
        store = SqliteStore.memory()
        await store.start(NOW)
        for name, cost in (await _Round(store, ask).costs()).items():
            figures.setdefault(name, []).append(cost)
        await store.aclose()
    return {"bench": "store", **{name: round(median(each), 2) for name, each in figures.items()}}


class _Round:
    """One store from its first message to the last delivery."""

    def __init__(self, store: SqliteStore, ask: StoreCosts) -> None:
        self._store, self._ask = store, ask
        self._sessions: list[Session] = []

    async def costs(self) -> dict[str, float]:
        await self._prepare()
        total = self._ask.sessions * self._ask.messages
        found = {"accept": await _cpu_us(self._accept, total)}
        found["next_due"] = await _cpu_us(lambda: self._store.outbox.next_due(NOW), 1, times=200)
        found |= await self._sends(total)
        found["due_sessions"] = await _cpu_us(lambda: self._store.decisions.due_sessions(NOW), 1, times=200)
        found["session_view"] = await _cpu_us(self._views, self._ask.sessions, times=20)
        found["message"] = await _cpu_us(self._reads, total)
        found["timeline"] = await _cpu_us(self._timelines, self._ask.sessions, times=5)
        return found | await self._deliveries()

    async def _prepare(self) -> None:
        store, server = self._store, ServerName("server")
        await store.servers.add(Server(name=server, kind="evolution", base_url="http://provider"), b"", NOW)
        for number in range(self._ask.sessions):
            name = SessionName(f"s{number}")
            session = Session(id=0, name=name, server=server, kind="evolution", created_at=NOW, gate="open")  # type: ignore[arg-type]
            self._sessions.append(await store.sessions.add(session, f"token-{number}", b"", NOW, [], []))
        await store.webhook_endpoints.add(Endpoint(id="endpoint", url="http://subscriber", created_at=NOW))

    async def _accept(self) -> None:
        for session in self._sessions:
            for number in range(self._ask.messages):
                await self._store.messages.accept(NewMessage(_message(session, number)))

    async def _sends(self, total: int) -> dict[str, float]:
        outbox, quota = self._store.outbox, SendQuota(each=1)
        claiming, settling = _Timed(), _Timed()
        for _ in range(total):
            with claiming:
                claims = await outbox.claim(NOW, _AT_ONCE, _LEASE_S, quota)
            if not claims:
                break
            settlements = [accepted(claim) for claim in claims]
            with settling:
                settled = await outbox.settle(settlements)
            claiming.count += len(claims)
            settling.count += sum(settled)
        if settling.count != total:
            raise Failed(f"{settling.count} of {total} messages were sent")
        return {"claim": claiming.cpu_us, "settle": settling.cpu_us}

    async def _deliveries(self) -> dict[str, float]:
        delivery = self._store.delivery
        claiming, settling = _Timed(), _Timed()
        while await delivery.deal(NOW, 500):
            pass
        while True:
            with claiming:
                claims = await delivery.claim(NOW, {}, _AT_ONCE, _LEASE_S)
            if not claims:
                return {"delivery_claim": claiming.cpu_us, "delivery_settle": settling.cpu_us}
            settlements = [DeliverySettlement(claim, "delivered", NOW, NOW) for claim in claims]
            with settling:
                await delivery.settle(settlements)
            claiming.count += len(claims)
            settling.count += len(claims)

    async def _views(self) -> None:
        for session in self._sessions:
            await self._store.decisions.session_view(session.id, NOW)

    async def _timelines(self) -> None:
        for session in self._sessions:
            await self._store.journal.page(session.id, 0, 100)

    async def _reads(self) -> None:
        for session in self._sessions:
            for number in range(self._ask.messages):
                await self._store.messages.get(_id(session, number))


class _Timed:
    """CPU of this process inside the `with`, and what it was spent on."""

    def __init__(self) -> None:
        self._spent = 0.0
        self.count = 0

    def __enter__(self) -> None:
        self._spent -= time.process_time()

    def __exit__(self, *_: object) -> None:
        self._spent += time.process_time()

    @property
    def cpu_us(self) -> float:
        return self._spent / self.count * 1e6


async def _cpu_us(work: Callable[[], Awaitable[object]], count: int, times: int = 1) -> float:
    timed = _Timed()
    with timed:
        for _ in range(times):
            await work()
    timed.count = count * times
    return timed.cpu_us


def _id(session: Session, number: int) -> MessageId:
    return MessageId(f"msg_{session.id:04}_{number:06}")


def _message(session: Session, number: int) -> Message:
    chat = f"55119{number:08}"
    return Message(
        id=_id(session, number),
        session_id=session.id,
        session=session.name,
        direction="out",
        chat=chat,
        to=chat,
        content=Content(kind="text", text="hello there"),
        state="queued",
        created_at=NOW,
        updated_at=NOW,
    )


def accepted(claim: SendClaim) -> SendSettlement:
    """What a provider that took the message makes of a claim."""
    return SendSettlement(
        claim.message.id,
        claim.message.session_id,
        claim.fence,
        "accepted",
        NOW,
        provider_id=f"P{claim.message.id}",
        sent_at=NOW,
        attempt=AttemptRecord(NOW, "sent"),
        evidence=(seen("send_ok", NOW, "send"), seen("server_up", NOW, "send")),
    )
