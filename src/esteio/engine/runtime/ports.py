"""The two ports between commands and workers: `Wakeups` wakes who reads what was written, `Waiter` waits for a commit.

A wake-up is only a hint: whoever is woken reads the store, and would have read it anyway when something fell due.
Never lives here: an implementation (`routing`, `waiters`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from esteio.core.model.ids import MessageId, ServerName, SessionId
from esteio.core.model.message import Message
from esteio.core.model.session import Session


class Wakeups(Protocol):
    """Wakes workers after a commit. Never blocks, never fails."""

    def session(self, session_id: SessionId) -> None:
        """There is evidence to judge."""
        ...

    def server(self, name: ServerName) -> None:
        """A server's row or its evidence was written: its judge looks at it."""
        ...

    def sends(self) -> None:
        """There is a message to send."""
        ...

    def work(self) -> None:
        """There is a work row to perform."""
        ...

    def inbox(self) -> None:
        """There is a webhook to read."""
        ...

    def deliveries(self) -> None:
        """There is an event to deliver."""
        ...


class NotFound(LookupError):
    """What was waited for does not exist any more."""


class Waiter(Protocol):
    """Waits for commits. All times in seconds; a wait that runs out returns what is then the case."""

    async def wait_session(self, session_id: SessionId, done: Callable[[Session], bool], timeout_s: float) -> Session:
        """The session as soon as `done` says so, or as it is at the end. Raises `NotFound`."""
        ...

    async def wait_message(self, message_id: MessageId, timeout_s: float) -> Message:
        """The message as soon as it has settled (sent or further, failed, expired, cancelled). Raises `NotFound`."""
        ...

    async def wait_look(self, session_id: SessionId, look: Callable[[], Awaitable[bool]], timeout_s: float) -> bool:
        """Look again after every commit about the session; whether `look` came true in time."""
        ...
