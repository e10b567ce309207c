"""Requests that wait for a commit: those about one session or message, and those that wait for any event.

In this process only. Another node's commits wake nobody here, so every wait also looks again by itself once in
`LOOK_EVERY_S`: a lost wake-up costs latency, never an answer. Never lives here: a write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Literal, TypeVar

from esteio.core.model.ids import MessageId, SessionId
from esteio.core.model.message import Message, MessageState
from esteio.core.model.session import Session
from esteio.engine.runtime.ports import NotFound
from esteio.store.ports.messages import Messages
from esteio.store.ports.sessions import Sessions

LOOK_EVERY_S = 1.0
SETTLED: Final[frozenset[MessageState]] = frozenset({"sent", "delivered", "read", "failed", "expired", "cancelled"})
"""Message states after which a caller need not wait any longer."""

Key = tuple[Literal["session", "message", "event"], int | str]
EVENTS: Final[Key] = ("event", 0)
T = TypeVar("T")


class Waiters:
    """Wakes the waits for a session, a message or an event after a commit. Implements `Waiter`."""

    def __init__(self, sessions: Sessions, messages: Messages) -> None:
        self._sessions, self._messages = sessions, messages
        self._futures: dict[Key, set[asyncio.Future[None]]] = {}
        self.closing = False
        """Whether the process is stopping: nothing new is accepted, and it is not ready."""

    def __repr__(self) -> str:
        return f"Waiters(waiting={sum(len(futures) for futures in self._futures.values())})"

    def session_changed(self, session_id: SessionId) -> None:
        """Call after every commit that touched this session: its row, its QR, its approval, its work."""
        self._wake(("session", session_id))
        self.event_written()

    def message_changed(self, message_id: MessageId) -> None:
        """Call after every commit that moved this message."""
        self._wake(("message", message_id))
        self.event_written()

    def event_written(self) -> None:
        """Call after every commit that may have written an event."""
        self._wake(EVENTS)

    def close(self) -> None:
        """The process is stopping: every wait ends now with what it last saw, and none begins."""
        self.closing = True
        for key in list(self._futures):
            self._wake(key)

    async def wait_session(self, session_id: SessionId, done: Callable[[Session], bool], timeout_s: float) -> Session:
        """The session once `done` holds of it, or as it is after `timeout_s` seconds. Raises `NotFound` when it is
        deleted."""

        async def look() -> tuple[Session, bool]:
            session = await self._sessions.by_id(session_id)
            if session is None:
                raise NotFound(session_id)
            return session, done(session)

        return await self._until(("session", session_id), look, timeout_s)

    async def wait_message(self, message_id: MessageId, timeout_s: float) -> Message:
        """The message once it has settled, or as it is after `timeout_s` seconds. Raises `NotFound` when it is
        deleted."""

        async def look() -> tuple[Message, bool]:
            message = await self._messages.get(message_id)
            if message is None:
                raise NotFound(message_id)
            return message, message.state in SETTLED

        return await self._until(("message", message_id), look, timeout_s)

    async def wait_look(self, session_id: SessionId, look: Callable[[], Awaitable[bool]], timeout_s: float) -> bool:
        """True once `look` gives True, False after `timeout_s` seconds; it is asked again after every commit of the
        session."""

        async def both() -> tuple[bool, bool]:
            seen = await look()
            return seen, seen

        return await self._until(("session", session_id), both, timeout_s)

    async def wait_event(self, timeout_s: float) -> None:
        """Until there may be an event, or the time is over."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._futures.setdefault(EVENTS, set()).add(future)
        try:
            await asyncio.wait({future}, timeout=timeout_s)
        finally:
            self._forget(EVENTS, future)

    def _wake(self, key: Key) -> None:
        for future in self._futures.pop(key, ()):
            if not future.done():
                future.set_result(None)

    async def _until(self, key: Key, look: Callable[[], Awaitable[tuple[T, bool]]], timeout_s: float) -> T:
        """What `look` saw when it said so, or last. The future exists before each look, so that no commit falls
        between."""
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout_s
        while True:
            future: asyncio.Future[None] = loop.create_future()
            self._futures.setdefault(key, set()).add(future)
            try:
                seen, enough = await look()
                left = end - loop.time()
                if enough or left <= 0 or self.closing:
                    return seen
                await asyncio.wait({future}, timeout=min(left, LOOK_EVERY_S))
            finally:
                self._forget(key, future)

    def _forget(self, key: Key, future: asyncio.Future[None]) -> None:
        futures = self._futures.get(key)
        if futures is not None:
            futures.discard(future)
            if not futures:
                del self._futures[key]
