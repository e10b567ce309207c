"""Accepts, claims and settles without end and prints what was acknowledged, until it is killed."""

import asyncio
import sys
from itertools import count

from esteio.core.messages.outbox import SendSettlement
from esteio.core.model.content import Content
from esteio.core.model.ids import MessageId, SessionName
from esteio.core.model.message import Message
from esteio.store.base import NewMessage, RawInbound, SendQuota
from esteio.store.sqlite import SqliteStore


def say(*words: str) -> None:
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


async def main(path: str, life: str, now: float) -> None:
    store = SqliteStore(path)
    await store.start(now)
    session = await store.sessions.by_name(SessionName("s1"))
    assert session is not None
    session_id = session.id
    numbers = count()

    async def accept(task: int) -> None:
        for number in numbers:
            ident = MessageId(f"{life}-{number}")
            content = Content(kind="text", text="x" * 200)
            message = Message(
                ident,
                session_id,
                SessionName("s1"),
                "out",
                f"c{number % 50}",
                content,
                "queued",
                now,
                now,
                expires_at=now + 9999,
            )
            await store.messages.accept(NewMessage(message, "api", ident, "f", now + 9999))
            await store.inbox.accept(RawInbound(session_id, "/", {}, ident.encode(), now))
            say("accepted", ident)

    async def send() -> None:
        while True:
            claims = await store.outbox.claim(now, 20, 60.0, SendQuota(each=10))
            for claim in claims:
                say("claimed", claim.message.id)
            await asyncio.sleep(0)
            done = [
                SendSettlement(one.message.id, session_id, one.fence, "accepted", now, provider_id=f"P{one.message.id}")
                for one in claims
            ]
            await store.outbox.settle(done)
            for claim in claims:
                say("sent", claim.message.id)

    await asyncio.gather(*[accept(task) for task in range(16)], send())


asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
