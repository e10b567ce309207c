"""Who is told of a commit: the one table of wake-ups inside the process.

Whoever commits something calls the method of that commit, after it is durable; the method tells exactly those for whom
something may have changed. A wake-up is only a hint: each worker reads the store, and would have read it anyway when
something fell due. The callers and the called do not know each other. Never lives here: a read, a write, a wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from esteio.core.model.decision import Decision
from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import MessageId, ServerName, SessionId
from esteio.core.model.inbound import InboundEvent, ReceivedMessage
from esteio.core.model.server import Server
from esteio.core.model.session import Session
from esteio.store.base import InboxResult, InboxSettlement


class Wakeable(Protocol):
    """A worker: it looks for something to do."""

    def wake(self) -> None:
        """Reads the store soon; may be called often, and costs nothing when a wake-up is already pending."""
        ...


class Judgements(Protocol):
    """Judges sessions and servers (`engine.supervision.scheduler`)."""

    def wake(self, key: SessionId | ServerName) -> None:
        """There may be evidence in the store."""
        ...

    def submit(self, key: SessionId | ServerName, evidence: Sequence[Evidence]) -> None:
        """Evidence that is not in the store yet."""
        ...

    def on_evidence(self, session_id: SessionId, evidence: Sequence[Evidence]) -> None:
        """This evidence was stored; what only repeats that a sound session is sound may be judged later."""
        ...


class Waits(Protocol):
    """Requests that wait for a commit (`engine.runtime.waiters`)."""

    def session_changed(self, session_id: SessionId) -> None:
        """A commit changed this session: callers that wait for it look again."""
        ...

    def message_changed(self, message_id: MessageId) -> None:
        """A commit changed this message: callers that wait for it look again."""
        ...

    def event_written(self) -> None:
        """The log of events may have grown."""
        ...


class Pace(Protocol):
    """The limits of sending, which follow how sessions and servers are (`engine.outbox.rate_limit`)."""

    def set_limits(self, session: Session) -> None:
        """Takes over the session's limits from its row; what was already sent still counts."""
        ...

    def set_server_limits(self, server: Server) -> None:
        """Takes over the server's limits from its row; what was already sent still counts."""
        ...


class SentWatch(Protocol):
    """Watches for acknowledgements (`engine.supervision.ack_watch`)."""

    def sent(self, session_id: SessionId) -> None:
        """A message of this session was sent: its acknowledgement is awaited from now on."""
        ...


class Recipients(msgspec.Struct, frozen=True, kw_only=True):
    """All that can be told something. `provider_queue`: who looks after messages that wait at a provider; `deliveries`:
    who brings events to their subscribers; `media`: who fetches media that came in."""

    waits: Waits
    judgements: Judgements
    sends: Wakeable
    work: Wakeable
    inbox: Wakeable
    doubts: Wakeable
    provider_queue: Wakeable
    deliveries: Wakeable
    media: Wakeable
    pace: Pace
    acks: SentWatch


class Routing:
    """Implements `Wakeups` for the commands, and has a method for each kind of commit that the workers make.

    Made before those that it tells; `connect` it before the first commit.
    """

    _to: Recipients

    def connect(self, recipients: Recipients) -> None:
        """From now on these are told."""
        self._to = recipients

    # -- commands -------------------------------------------------------------------------------------------------

    def session(self, session_id: SessionId) -> None:
        """Evidence about this session was stored."""
        self._to.judgements.wake(session_id)

    def server(self, name: ServerName) -> None:
        """A server was added or changed, or evidence about it was stored."""
        self._to.judgements.wake(name)

    def sends(self) -> None:
        """A message may be sent now."""
        self._to.sends.wake()

    def work(self) -> None:
        """A work row was written: a control act or a notice."""
        self._to.work.wake()

    def inbox(self) -> None:
        """A provider's webhook was stored."""
        self._to.inbox.wake()

    def deliveries(self) -> None:
        """An event was written, or is to be delivered again."""
        self._to.deliveries.wake()

    # -- judgements -----------------------------------------------------------------------------------------------

    def session_decided(self, before: Session, decision: Decision) -> None:
        """A decision was committed; `before`: the session that was judged."""
        session = decision.session
        self._to.waits.session_changed(session.id)
        if decision.events or decision.fail_queued is not None:
            self._to.deliveries.wake()
        self._to.pace.set_limits(session)
        was, now = (before.gate, before.restricted_until), (session.gate, session.restricted_until)
        if session.gate == "open" and was != now:
            self._to.sends.wake()
            self.send_unsure()

    def server_read(self, server: Server) -> None:
        """A server was read to be judged: its limits may be others."""
        self._to.pace.set_server_limits(server)

    def observed(self, key: SessionId | ServerName, evidence: Sequence[Evidence]) -> None:
        """Something was seen of a session or server, and is not in the store yet."""
        self._to.judgements.submit(key, evidence)

    # -- messages and work ----------------------------------------------------------------------------------------

    def message_moved(self, session_id: SessionId, message_id: MessageId, evidence: Sequence[Evidence]) -> None:
        """A message's state was written, and with it this evidence about its session."""
        self._to.waits.message_changed(message_id)
        self._to.acks.sent(session_id)
        self._to.deliveries.wake()
        self._to.judgements.on_evidence(session_id, evidence)

    def send_unsure(self) -> None:
        """A message is in doubt or in a provider's queue, or may be looked for again."""
        self._to.doubts.wake()
        self._to.provider_queue.wake()

    def doubt_settled(self, session_id: SessionId, message_id: MessageId, evidence: Sequence[Evidence]) -> None:
        """A look at the provider moved a message: its chat may go on."""
        self.message_moved(session_id, message_id, evidence)
        self._to.sends.wake()

    def left_provider_queue(self, session_id: SessionId, message_id: MessageId) -> None:
        """A message waits in its provider's queue no more: its chat may go on."""
        self.doubt_settled(session_id, message_id, ())

    def work_done(self, session_id: SessionId | None, server: ServerName | None) -> None:
        """A work row was settled; what it is about is judged anew."""
        if session_id is not None:
            self._to.judgements.wake(session_id)
            self._to.waits.session_changed(session_id)
        if server is not None:
            self._to.judgements.wake(server)

    # -- what comes in --------------------------------------------------------------------------------------------

    def webhook_read(self, session: Session, evidence: Sequence[Evidence]) -> None:
        """What a webhook, or the provider's history, says of the session was stored."""
        self._to.judgements.on_evidence(session.id, evidence)
        if any(one.subject == "server" for one in evidence):
            self._to.judgements.wake(session.server)

    def webhook_applied(self, session_id: SessionId, settlement: InboxSettlement, result: InboxResult) -> None:
        """What a webhook, or the provider's history, says of messages was stored."""
        if result.fresh or settlement.carried or settlement.qr is not None:
            self._to.waits.event_written()
            self._to.deliveries.wake()
        if any(_is_fetched(settlement.events[one]) for one in result.fresh):
            self._to.media.wake()
        if settlement.qr is not None or settlement.evidence:
            self._to.waits.session_changed(session_id)
        if result.settled_sends:
            self._to.sends.wake()

    def media_changed(self) -> None:
        """A media that came in was fetched or given up."""
        self._to.waits.event_written()
        self._to.deliveries.wake()


def _is_fetched(event: InboundEvent) -> bool:
    """Whether the bytes of its media are still to be asked for."""
    media = event.content.media if isinstance(event, ReceivedMessage) else None
    return media is not None and media.fetching
