"""A client of a stream of events at the very edge of the application, and what makes events happen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any, NoReturn, Self

from esteio.api.app import create_app
from esteio.api.dashboard.app import dashboard_routes
from esteio.core.model.ids import SessionName
from esteio.core.model.tenant import DEFAULT
from esteio.store.base import EventRow
from esteio.store.sql.db import Db
from esteio.store.sql.rows import event_params
from tests.api.conftest import ADMIN, Gateway


class Reader:
    """One client of the stream, at the very edge of the application. `takes` False: its buffers are full."""

    def __init__(
        self,
        gateway: Gateway,
        *,
        key: str | None = ADMIN,
        query: str = "",
        last_id: str | None = None,
        path: str = "/v1/events",
        cookies: str = "",
    ) -> None:
        headers = [(b"authorization", f"Bearer {key}".encode())] if key else []
        headers += [(b"last-event-id", last_id.encode())] if last_id else []
        headers += [(b"cookie", cookies.encode())] if cookies else []
        self._scope = {
            "type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": headers,
        }  # fmt: skip
        self._app = create_app(gateway.api, mounted=dashboard_routes(gateway.api))
        self.takes = asyncio.Event()
        self.takes.set()
        self.status, self.text = 0, b""
        self._came = asyncio.Event()
        self.task: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self._app(self._scope, self._receive, self._send))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def _receive(self) -> NoReturn:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
            return
        await self.takes.wait()
        self.text += message.get("body", b"")
        self._came.set()

    @property
    def told(self) -> list[tuple[int, str, dict[str, Any]]]:
        found = []
        for block in self.text.decode().split("\n\n"):
            lines = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
            if "data" in lines:
                found.append((int(lines["id"]), lines["event"], json.loads(lines["data"])))
        return found

    @property
    def places(self) -> list[int]:
        return [seq for seq, _, _ in self.told]

    async def until(self, count: int) -> None:
        async with asyncio.timeout(100):
            while len(self.told) < count:
                await self._came.wait()
                self._came.clear()


async def tell(gateway: Gateway, *kinds: str, session: str | None = "line") -> None:
    name, whose = (SessionName(session), DEFAULT) if session else (None, None)

    async def operation(db: Db) -> None:
        for kind in kinds:
            event = EventRow(kind, gateway.clock.now(), {"name": session}, name, tenant=whose)
            await db.run("event_add", event_params(event))

    await gateway.store.database.write(operation)
    gateway.waiters.event_written()
