"""A lab with subscribers: the real engine and store, virtual time, simulated endpoints."""

from __future__ import annotations

from typing import Any

from esteio.core.model.ids import SessionName
from esteio.engine.commands.requests import EndpointRequest
from esteio.sim.lab import Lab
from esteio.sim.world.subscribers import Subscriber
from esteio.store.base import EventRow
from esteio.store.delivery import Endpoint
from esteio.store.sql import rows
from esteio.store.sql.db import Db
from tests.postgres_server.raw import known_store


class Room:
    """What a test of the relay holds. Events are written as the engine writes them: rows of the log."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.store = known_store(lab.store)

    @property
    def now(self) -> float:
        return self.lab.clock.now()

    async def subscriber(self, host: str = "one.example", **ask: Any) -> tuple[Subscriber, Endpoint, str]:
        made = self.lab.subscribers.add(host)
        endpoint, secret = await self.lab.commands.webhooks.add(EndpointRequest(url=made.url, **ask))
        return made, endpoint, secret

    async def tell(self, count: int = 1, *, chat: str | None = "a", session: str | None = "s1", start: int = 0) -> None:
        """Events `start`, `start + 1` … of one chat."""

        async def operation(db: Db) -> None:
            for number in range(start, start + count):
                data = {"session": session, "chat": chat, "number": number}
                event = EventRow("message.received", self.now, data, SessionName(session) if session else None, chat)
                await db.run("event_add", rows.event_params(event))

        await self.store.database.write(operation)
        self.lab.gateway.deliveries.wake()

    async def endpoint(self, endpoint: Endpoint) -> Endpoint:
        found = await self.store.webhook_endpoints.get(endpoint.id)
        assert found is not None
        return found


def numbers(subscriber: Subscriber, chat: str = "a", session: str = "s1") -> list[int]:
    """The numbers that a subscriber took of one chat, in order."""
    bodies = [one.body["data"] for one in subscriber.taken]
    return [data["number"] for data in bodies if data["chat"] == chat and data["session"] == session]


def once(found: list[int]) -> list[int]:
    """The same without repetitions of what came before (at least once allows them)."""
    return list(dict.fromkeys(found))


def in_order(found: list[int]) -> bool:
    """Whether first appearances come in order."""
    return once(found) == sorted(once(found))
