"""What this node remembers of sessions and servers between looks: one record each, one owner, one place to drop them.

Everything in here can be read from the store or learned from the provider again: losing it costs reads and looks, never
a fact that somebody relies on. A session's record may be kept only while this node holds the session's lease. Who reads
and writes which part:

* `reconcile`: the view as judged, the planned look, evidence that waits to be written;
* `endpoints`: rows, addresses and unsealed secrets;
* `probes`: the last answers, to recognise the same again;
* `ack_watch` and `silence_watch`: what they learned of a session's usual traffic.

A record that was taken before an `await` and dropped meanwhile is nobody's: writing to it does no harm. Never lives
here: a rule, a read, and what is no cache (work under way, token buckets, places at a server).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from esteio.core.judge.server import ServerInputs
from esteio.core.judge.traffic_baseline import TrafficBaseline
from esteio.core.model.decision import Depth, PlannedProbe, View
from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import ServerName, SessionId
from esteio.core.model.server import Server
from esteio.core.model.session import Session
from esteio.engine.runtime.leases import Leases
from esteio.providers.base import InventoryEntry, InventoryOutcome, ProbeOutcome, SessionEndpoint
from esteio.providers.probe_cache import ProbeMemo
from esteio.store.base import StoredServer


class SessionRecord(msgspec.Struct, gc=False, eq=False):
    """What is remembered of one session; each part is empty until somebody needed it. It holds unsealed secrets, which
    its `repr` does not show. Times are in seconds since the epoch."""

    view: View | None = None
    """As last read or committed here, and judged quietly since; None: it has to be read."""
    planned: PlannedProbe | None = None
    """The look that the judge wants next if nothing is heard before it."""
    awaited: PlannedProbe | None = None
    """The look that is under way and was planned: if it brings what it brought before, the judge need not be asked."""
    save_at: float = 0.0
    """From then on the view no longer stands for the store when there is news."""
    unsaved: tuple[Evidence, ...] = ()
    """Evidence that was judged and is written with the next decision that is."""
    secrets: tuple[float, str, Mapping[str, str]] | None = None
    """When they were read; the webhook's address, which holds its token; the unsealed secrets."""
    more_events: tuple[str, ...] = ()
    """See `SessionEndpoint`; read with the secrets."""
    endpoint: SessionEndpoint | None = None
    """The very same value while it leads to the same place."""
    probe: tuple[SessionEndpoint, Depth, ProbeMemo[ProbeOutcome]] | None = None
    """Where and how deep the last plain look was, and what was asked and answered."""
    webhook: tuple[SessionEndpoint, int, ProbeOutcome] | None = None
    """Where the provider's webhook for us was last read, the mark of the answer (`probe_cache.run_recognised`), and
    what it came to."""
    list_read: tuple[SessionEndpoint, int, bool] | None = None
    """The same of the provider's list of messages, which held nothing beyond what we knew, or (False) could not be
    read."""
    list_count: int | None = None
    """How many messages it held then at most, by the server's list of instances."""
    probed: bool = False
    """Whether this process has looked at it."""
    ack_patience: tuple[float, float | None] | None = None
    """When it was learned, and how many seconds an acknowledgement may take (None: none was ever seen)."""
    baseline: tuple[float, TrafficBaseline | None] | None = None
    """When it was learned, and the usual traffic (None: not known for long enough)."""

    def __repr__(self) -> str:
        return f"SessionRecord({self.view.session.name if self.view else '?'})"


class ServerRecord(msgspec.Struct, gc=False, eq=False):
    """The same of one server."""

    inputs: ServerInputs | None = None
    """As last read or committed here, and judged quietly since; None: it has to be read."""
    read_at: float = 0.0
    """When `inputs` were read."""
    unsaved: tuple[Evidence, ...] = ()
    """Evidence that was judged and is written with the next decision that is."""
    row: Server | None = None
    """One value for all sessions whose views were read while the row was like this."""
    webhook_at: float = 0.0
    """When the newest event happened that a webhook of any of its sessions told of; 0: none did."""
    stored: tuple[float, StoredServer, Mapping[str, str]] | None = None
    """When the row was read for its address, the row, and the unsealed credentials."""
    inventory: tuple[SessionEndpoint, ProbeMemo[InventoryOutcome]] | None = None
    """Where the last list was read, and what was asked and answered."""
    listed: tuple[float, Mapping[str, InventoryEntry]] | None = None
    """When the last list that could be read was asked for, and its rows."""
    troubled: bool = False
    """Whether it is news that this server answered."""
    answered: Evidence | None = None
    """Its last answer to a look of ours that was no news."""
    sessions: set[SessionId] = msgspec.field(default_factory=set)
    """Those of its sessions that have a view here."""

    def __repr__(self) -> str:
        return f"ServerRecord({len(self.sessions)} sessions)"

    def row_of(self, session: Session) -> InventoryEntry | None:
        """The row that the last list has for this session."""
        return row_of(session, self.listed[1]) if self.listed is not None else None

    def news_in(self, evidence: Sequence[Evidence]) -> list[Evidence]:
        """What of this is to be told. With the first failure goes the answer before it, of which nobody was told: a
        server that fails now and then is not away."""
        news: list[Evidence] = []
        for piece in evidence:
            if piece.kind == "server_answered" and not self.troubled:
                self.answered = piece
                continue
            if self.answered is not None:  # guard: answer-between-failures-told
                news.append(self.answered)
                self.answered = None
            news.append(piece)
        return news


def row_of(session: Session, rows: Mapping[str, InventoryEntry]) -> InventoryEntry | None:
    """The row for this session among those of its server's list."""
    return next((rows[key] for key in (*session.ref.values(), session.name) if key in rows), None)


class Memory:
    """The records of this node."""

    def __init__(self, leases: Leases) -> None:
        self.leases = leases
        """Whose sessions and servers these are; whoever reads this memory goes by the same."""
        self._sessions: dict[SessionId, SessionRecord] = {}
        self._servers: dict[ServerName, ServerRecord] = {}
        self._plain: dict[tuple[tuple[str, str], ...], ProbeOutcome] = {}
        leases.on_lost(self.drop_session)

    def __repr__(self) -> str:
        return f"Memory(sessions={len(self._sessions)}, servers={len(self._servers)})"

    # -- reading and keeping --------------------------------------------------------------------------------------

    def find(self, session_id: SessionId) -> SessionRecord | None:
        """The session's record, if there is one."""
        return self._sessions.get(session_id)

    def session(self, session_id: SessionId) -> SessionRecord:
        """The session's record, a new one where there is none. Without the session's lease it is for the caller alone
        and not kept."""
        record = self._sessions.get(session_id)
        if record is None:
            record = SessionRecord()
            if self.leases.holds(session_id):
                self._sessions[session_id] = record
        return record

    def server(self, name: ServerName) -> ServerRecord:
        """The server's record, a new one where there is none."""
        record = self._servers.get(name)
        if record is None:
            record = self._servers[name] = ServerRecord()
        return record

    def peek(self, session_id: SessionId) -> Session | None:
        """The session as last judged here, without a read."""
        record = self._sessions.get(session_id)
        return record.view.session if record is not None and record.view is not None else None

    def judged(self, server: ServerName | None = None) -> list[Session]:
        """Every session, or every one of a server, as last judged here."""
        ids = self._sessions if server is None else self.server(server).sessions
        return [session for one in ids if (session := self.peek(one)) is not None]

    def keep_view(self, view: View, planned: PlannedProbe | None, save_at: float) -> None:
        """What was just read or committed takes the place of all that was judged before."""
        session = view.session
        record = self.session(session.id)
        record.view, record.planned, record.save_at = view, planned, save_at
        record.awaited, record.unsaved = None, ()
        if session.id in self._sessions:
            self.server(session.server).sessions.add(session.id)

    def keep_server(self, inputs: ServerInputs, read_at: float) -> None:
        """The same of a server."""
        record = self.server(inputs.server.name)
        record.inputs, record.read_at, record.unsaved = inputs, read_at, ()

    def shared_row(self, server: Server) -> Server:
        """One value for all sessions of a server that were read while it was like this."""
        record = self.server(server.name)
        if record.row != server:
            record.row = server
            return server
        return record.row

    def shared_outcome(self, outcome: ProbeOutcome) -> ProbeOutcome:
        """One value for all sessions of which the same was seen. The outcome says nothing of its session but kinds and
        sources of evidence; its times are given anew in any case."""
        return self._plain.setdefault(tuple([(one.kind, one.source) for one in outcome.evidence]), outcome)

    # -- dropping -------------------------------------------------------------------------------------------------

    def drop_session(self, session_id: SessionId) -> None:
        """The session is gone, or its lease is lost."""
        record = self._sessions.pop(session_id, None)
        if record is not None and record.view is not None:
            self.server(record.view.session.server).sessions.discard(session_id)

    def drop_endpoint(self, session_id: SessionId) -> None:
        """The session's address or secrets have changed. What was judged of it stands."""
        record = self._sessions.get(session_id)
        if record is not None:
            record.secrets = record.endpoint = None

    def drop_server(self, name: ServerName) -> None:
        """The server is gone (a server with sessions cannot be deleted)."""
        self._servers.pop(name, None)

    def drop_server_endpoint(self, name: ServerName) -> None:
        """The server's address, credentials or version has changed. What was judged of it stands."""
        record = self._servers.get(name)
        if record is not None:
            record.stored = None

    def drop_server_inputs(self, name: ServerName) -> tuple[Evidence, ...]:
        """The store knows something newer about this server: it is read before it is judged again. Gives the evidence
        that was not written yet, which the caller writes or lets go."""
        record = self._servers.get(name)
        if record is None:
            return ()
        unsaved, record.inputs, record.unsaved = record.unsaved, None, ()
        return unsaved
