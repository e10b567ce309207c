"""Parked messages: what the provider took into a queue of its own is looked for there, so that its chat may go on.

Mostly an acknowledgement is faster and nothing is looked at. One read of a queue answers for all of its session. Never
lives here: how long a chat waits (`core.messages.provider_queue`), a resend, a judgement of the session.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from esteio.clock import Clock
from esteio.core.messages import provider_queue
from esteio.core.messages.doubts import opened_at
from esteio.core.messages.provider_queue import QueueOutcome
from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import MessageId, ServerName, SessionId
from esteio.core.model.message import Message
from esteio.core.model.session import Session
from esteio.engine.runtime.leases import ALONE, Leases
from esteio.engine.runtime.worker import LOOKS_APART_S, Worker, by_session
from esteio.engine.supervision.endpoints import Endpoints, EndpointUnknown
from esteio.log import logger
from esteio.providers import driver
from esteio.providers.base import Transport
from esteio.store.ports.messages import ProviderQueue
from esteio.store.ports.sessions import Sessions

BATCH = 500

log = logger("provider_queue")


class ProviderQueueWatch(Worker):
    """Looks after parked messages: a loop that naps until the next look is due. `told`: the chat of this message may go
    on; `heard`: news of a server."""

    def __init__(
        self,
        provider_queue: ProviderQueue,
        sessions: Sessions,
        clock: Clock,
        addresses: Endpoints,
        transport: Transport,
        *,
        judged: Callable[[SessionId], Session | None],
        notify: Callable[[SessionId, MessageId], None],
        heard: Callable[[ServerName, Sequence[Evidence]], None],
        leases: Leases = ALONE,
    ) -> None:
        super().__init__(clock)
        self._leases = leases
        self._provider_queue, self._sessions, self._addresses = provider_queue, sessions, addresses
        self._transport, self._judged, self._notify, self._heard = transport, judged, notify, heard

    async def _due(self) -> float | None:
        return await self._provider_queue.next_due(node=self._leases.node)

    async def _run_once(self) -> float | None:
        due = await self._provider_queue.due(self._clock.now(), BATCH, node=self._leases.node)
        await by_session(due, self._look_at)
        return self._clock.now() + LOOKS_APART_S

    async def _look_at(self, session_id: SessionId, messages: Sequence[Message]) -> None:
        session = self._judged(session_id) or await self._sessions.by_id(session_id)
        if session is None:
            return
        generation = self._leases.generation(session_id)
        held = None if generation is None else (session_id, generation)
        queue = await self._queue(session)
        if queue.evidence:
            self._heard(session.server, queue.evidence)
        now, opened = self._clock.now(), opened_at(self._judged(session_id) or session)
        settlements = [provider_queue.next_check(one, queue, opened=opened, now=now) for one in messages]
        for message_id in await self._provider_queue.settle(settlements, held=held):
            self._notify(session_id, message_id)

    async def _queue(self, session: Session) -> QueueOutcome:
        try:
            provider, where = await self._addresses.of_session(session)
            return await driver.run(provider.read_queue(where, self._clock.now()), self._transport)
        except EndpointUnknown:
            return QueueOutcome(None, "the server was deleted")
        except Exception as error:
            # A defect of ours with one session may not hold up all others.
            log.exception("queue.read_failed", session=session.name, server=session.server)
            return QueueOutcome(None, f"internal error: {type(error).__name__}")
