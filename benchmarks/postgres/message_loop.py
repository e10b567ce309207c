"""Our side of `store-postgres`, by the store's ports: messages accepted, claimed, settled.

Producers hand in one message after the other, each of a chat of its own turn; one loop claims what is due and settles
it as a provider's answer would, with its attempt and its evidence. Arguments: address, messages, producers.
"""

from __future__ import annotations

import asyncio
import sys
import time

import msgspec
import uvloop

from benchmarks.load import text_of
from benchmarks.postgres.job_loop import BATCH, Looped
from benchmarks.store import accepted
from esteio.core.model.content import Content
from esteio.core.model.ids import MessageId, ServerName, SessionName
from esteio.core.model.message import Message
from esteio.core.model.server import Server
from esteio.core.model.session import Session
from esteio.store.base import NewMessage, SendQuota, Store
from esteio.store.postgres import PostgresStore

NOW = 1_800_000_000.0
SESSIONS = 20
CHATS = 500
_LEASE_S = 60.0


async def loop(url: str, messages: int, producers: int) -> Looped:
    """Run them all."""
    store = PostgresStore(url)
    await store.start(NOW)
    sessions = await _sessions(store)
    numbers, bell, settled = iter(range(messages)), asyncio.Event(), 0

    async def produce() -> None:
        for number in numbers:
            await store.messages.accept(NewMessage(_message(sessions[number % CHATS % SESSIONS], number)))
            bell.set()

    began, spent = time.perf_counter(), time.process_time()
    producing = [asyncio.create_task(produce()) for _ in range(producers)]
    while settled < messages:
        bell.clear()
        claims = await store.outbox.claim(NOW, BATCH, _LEASE_S, SendQuota(each=BATCH))
        if claims:
            settled += sum(await store.outbox.settle([accepted(claim) for claim in claims]))
        else:
            await bell.wait()
    took, cpu_s = time.perf_counter() - began, time.process_time() - spent
    await asyncio.gather(*producing)
    await store.aclose()
    return Looped(messages / took, cpu_s / messages * 1e6)


async def _sessions(store: Store) -> list[Session]:
    server = ServerName("server")
    await store.servers.add(Server(name=server, kind="evolution", base_url="http://provider"), b"", NOW)
    found = []
    for number in range(SESSIONS):
        name = SessionName(f"s{number}")
        session = Session(id=0, name=name, server=server, kind="evolution", created_at=NOW, gate="open")  # type: ignore[arg-type]
        found.append(await store.sessions.add(session, f"token-{number}", b"", NOW, [], []))
    return found


def _message(session: Session, number: int) -> Message:
    chat = f"55119{number % CHATS:08}"
    return Message(
        id=MessageId(f"msg_{number:012}"),
        session_id=session.id,
        session=session.name,
        direction="out",
        chat=chat,
        to=chat,
        content=Content(kind="text", text=text_of(number % CHATS, number)),
        state="queued",
        created_at=NOW,
        updated_at=NOW,
    )


if __name__ == "__main__":
    address, *counts = sys.argv[1:]
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(loop(address, *map(int, counts)))) + b"\n")
