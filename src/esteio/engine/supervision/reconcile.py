"""The one caller of the judge, and the only writer of session state.

One pass: read the view, fold in what was just seen, `decide`, and commit everything that follows in one transaction, if
the session's version (and, where a slot was taken, the server's) is still the one that was judged. Otherwise the
decision is thrown away and made again on what is now the case.

A decision that changes nothing but the times of looking is kept in memory only: after a crash the first look brings it
back. What it costs is a look. Never lives here: a rule, an exchange, a wait.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext

import msgspec

from esteio.clock import Clock
from esteio.core.judge import gap, outage
from esteio.core.judge.decide import decide
from esteio.core.judge.probe_schedule import as_before, as_planned
from esteio.core.judge.server import ServerDecision, ServerInputs, changed_outage, decide_server
from esteio.core.messages import doubts
from esteio.core.model.capabilities import Capabilities
from esteio.core.model.decision import Decision, JournalLine, Notice, View
from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import ServerName, SessionId
from esteio.core.model.policy import Policy
from esteio.core.model.recovery import DESTRUCTIVE
from esteio.core.model.server import Server
from esteio.core.model.session import Session
from esteio.core.model.state import Reason
from esteio.core.nodes.chores import of_server
from esteio.core.views.documents import approval_document, session_document
from esteio.core.views.server_documents import outage_event
from esteio.engine.audit.audit_log import AuditLog
from esteio.engine.supervision.decision_log import Pass, log_decision, log_server_decision
from esteio.engine.supervision.memory import Memory, SessionRecord
from esteio.providers.registry import Registry
from esteio.store.base import DecisionCommit, EventRow, JournalEntry, ServerCommit, SessionView, Work
from esteio.store.ports.sessions import Decisions, Servers

MOST_TRIES = 8
"""How often one pass is made again when others are faster; after that the scheduler comes back later."""
TRUST_MEMORY_S = 1800.0
"""For so long a view in memory may stand for the store's while decisions on it stay quiet."""
SHOWN_WITHIN_S = 60.0
"""What people are shown of a session lags behind by so much at most."""


class Overtaken(Exception):
    """Others were faster too often, or hold it by now; look again."""

    def __init__(self, whom: SessionId | ServerName) -> None:
        super().__init__(f"{whom!r} was written by others meanwhile, or another node judges it")


class Reconciler:
    """Judges sessions and servers. `changed` is told of every session whose row was written: what it was, and the
    decision; `server_read` of every server that was read anew."""

    def __init__(
        self,
        decisions: Decisions,
        servers: Servers,
        clock: Clock,
        registry: Registry,
        policies: Callable[[str], Policy],
        *,
        memory: Memory,
        audit: AuditLog,
        changed: Callable[[Session, Decision], None],
        server_read: Callable[[Server], None],
        notice_targets: Collection[str] = (),
    ) -> None:
        """`notice_targets`: the keys of the places where people are told; each notice is a row for each of them."""
        self._targets = tuple(notice_targets) or ("",)
        self._decisions, self._servers, self._clock, self._registry = decisions, servers, clock, registry
        self._policies, self._changed, self._server_read = policies, changed, server_read
        self._memory, self._audit = memory, audit

    async def session(
        self, session_id: SessionId, new_evidence: Sequence[Evidence], *, look_into_store: bool
    ) -> Decision | None:
        """Judge one session; None when it does not exist any more. Raises `Overtaken`.

        `look_into_store`: somebody may have written evidence there; otherwise a fresh enough memory will do as long as
        the decision is quiet.
        """
        quiet = None if look_into_store else self.quietly(session_id, tuple(new_evidence))
        if quiet is not None:
            return quiet
        known = self._memory.find(session_id)
        unsaved = (*(known.unsaved if known else ()), *new_evidence)
        # As it was held when this pass began: what was lost and won again meanwhile is judged anew.
        generation = self._memory.leases.generation(session_id)
        began = self._clock.now()
        for tries in range(MOST_TRIES):
            now = self._clock.now()
            seen = await self._decisions.session_view(session_id, now)
            if seen is None:
                self._memory.drop_session(session_id)
                return None
            stored = tuple(item.evidence for item in seen.new_evidence)
            view = self._view(seen, (*stored, *unsaved))
            decision = decide(view, now)
            commit = msgspec.structs.replace(self._commit(seen, unsaved, decision, now), generation=generation)
            with self._recorded(decision):
                committed = await self._decisions.commit_session(commit)
            if committed:  # guard: overtaken-decision-not-written
                self._remember(view, decision, now)
                log_decision(view.session, decision, Pass(view.new_evidence, tries, self._clock.now() - began))
                self._changed(view.session, decision)
                return decision
            if not self._memory.leases.holds(session_id):
                self._memory.leases.too_late()
                break
        raise Overtaken(session_id)  # guard: outrun-session-told

    def quietly(self, session_id: SessionId, new_evidence: tuple[Evidence, ...]) -> Decision | None:
        """The decision on the view in memory, if it is one that need not be written; otherwise nothing has happened."""
        now = self._clock.now()
        record = self._memory.find(session_id)
        # guard: unwritten-age-bounded
        if record is None or record.view is None or (new_evidence and now > record.save_at):
            return None
        view, server = record.view, self._memory.server(record.view.session.server)
        decision = judged(record, view, new_evidence, now, server.webhook_at)
        # guard: heard-gap-written
        if not decision.quiet or gap.of_session(view.session, decision.session) is not None:
            return None
        follow(record, view, decision, new_evidence, now)
        server.webhook_at = max(server.webhook_at, decision.session.facts.event_pushed_at)
        return decision

    def _recorded(self, decision: Decision) -> AbstractContextManager[None]:
        """What may cost the link stands in the audit log from the commit on that begins it."""
        act, session = decision.act, decision.session
        if act is None or act.rung not in DESTRUCTIVE:
            return nullcontext()
        after = {"rung": act.rung, "because": act.because}
        return self._audit.records(
            "recovery.step_begun", session=session.name, server=session.server, target=act.id, after=after
        )

    def _remember(self, view: View, decision: Decision, now: float) -> None:
        session = msgspec.structs.replace(decision.session, row_version=view.session.row_version + 1)
        row = decision.server or view.server
        if decision.server is not None:
            row = msgspec.structs.replace(row, row_version=view.server.row_version + 1)
            self._memory.drop_server_inputs(session.server)  # guard: server-reread-after-booking
        row = self._memory.shared_row(row)
        view = msgspec.structs.replace(view, session=session, server=row, new_evidence=(), fallen=())
        server = self._memory.server(session.server)
        server.webhook_at = max(server.webhook_at, session.facts.event_pushed_at)
        self._memory.keep_view(view, decision.planned, now + TRUST_MEMORY_S)

    def _view(self, seen: SessionView, new_evidence: tuple[Evidence, ...]) -> View:
        return View(
            session=seen.session,
            server=seen.server,
            new_evidence=new_evidence,
            policy=self._policies(seen.session.policy),
            can=self._can(seen.session.kind),
            quirks=self._registry.quirk_names(seen.server.kind, seen.server.version),
            held=seen.held,
            fallen=seen.fallen,
            fleet=seen.fleet,
            none_alive=len({session for session, _ in seen.fallen} | {seen.session.id}) >= max(seen.fleet, 1),
            server_webhook_at=self._memory.server(seen.session.server).webhook_at,
            approval=seen.approval,
        )

    def _can(self, kind: str) -> Capabilities:
        return self._registry.get(kind).capabilities

    def _commit(
        self, seen: SessionView, new_evidence: tuple[Evidence, ...], decision: Decision, now: float
    ) -> DecisionCommit:
        session = decision.session
        return DecisionCommit(
            session=session,
            news=new_evidence,
            folded_through=seen.new_evidence[-1].seq if seen.new_evidence else 0,
            journal=tuple(_entry(line, session, now) for line in decision.lines),
            work=tuple(_work(decision, session, now, self._targets)),
            events=tuple(_events(seen, decision, now, readable=self._can(session.kind).history)),
            server=decision.server,
            approval=decision.approval,
            fail_queued=decision.fail_queued,
            drop_control=decision.drop_control,
            clear_qr=decision.clear_qr,
            outages=outage.changed(seen.session, session, now),
            previous_state=seen.session.state if session.state != seen.session.state else None,
            gap_since=gap.of_session(seen.session, session),
            gap_due=now + gap.SETTLES_S,
            doubts_due=now if doubts.reopened(seen.session, session) else None,  # guard: gate-opening-reaches-store
        )

    # -- servers --------------------------------------------------------------------------------------------------

    async def server(
        self, name: ServerName, new_evidence: Sequence[Evidence], *, look_into_store: bool
    ) -> ServerDecision | None:
        """Judge one server, in the same way; None when it does not exist any more. Raises `Overtaken`."""
        # guard: server-reread-when-store-is-newer
        quiet = None if look_into_store else self.server_quietly(name, tuple(new_evidence))
        if quiet is not None:
            return quiet
        unsaved = (*self._memory.drop_server_inputs(name), *new_evidence)
        generation = self._memory.leases.chore_generation(of_server(name))
        began = self._clock.now()
        for tries in range(MOST_TRIES):
            now = self._clock.now()
            seen = await self._servers.view(name, now)
            if seen is None:
                self._memory.drop_server(name)
                return None
            self._server_read(seen.server)
            stored = tuple(item.evidence for item in seen.new_evidence)
            case = ServerInputs(seen.server, (*stored, *unsaved), self._policies("default"), seen.fallen, seen.fleet)
            decision = decide_server(case, now)
            commit = ServerCommit(
                server=decision.server,
                generation=generation,
                news=unsaved,
                folded_through=seen.new_evidence[-1].seq if seen.new_evidence else 0,
                journal=tuple(_server_entry(line, name, now) for line in decision.lines),
                work=tuple(
                    _notice(notice, target, now, server=name) for notice in decision.notices for target in self._targets
                ),
                events=tuple(_server_events(seen.server, decision, now)),
                outage=changed_outage(seen.server, decision.server, now),
                gap_since=gap.of_server(seen.server, decision.server),
                gap_due=now + gap.SETTLES_S,
                doubts_due=now if doubts.answers_again(seen.server.facts, decision.server.facts) else None,
            )
            if await self._decisions.commit_server(commit):
                server = msgspec.structs.replace(decision.server, row_version=seen.server.row_version + 1)
                self._memory.keep_server(msgspec.structs.replace(case, server=server, new_evidence=()), now)
                log_server_decision(seen.server, decision, Pass(case.new_evidence, tries, self._clock.now() - began))
                return decision
            if not self._memory.leases.does(of_server(name)):
                self._memory.leases.too_late()
                break
        raise Overtaken(name)

    def server_quietly(self, name: ServerName, new_evidence: tuple[Evidence, ...]) -> ServerDecision | None:
        """As `quietly`. What fails is no routine: it is written at once."""
        now = self._clock.now()
        record = self._memory.server(name)
        if record.inputs is None or now - record.read_at > TRUST_MEMORY_S:  # guard: server-memory-age-bounded
            return None
        before = record.inputs.server
        decision = decide_server(msgspec.structs.replace(record.inputs, new_evidence=new_evidence), now)
        # guard: server-failure-written
        loud = not decision.quiet or decision.weather_changed or decision.server.facts.failures or before.facts.failures
        # Whether those that fell together are back stands in the store alone.
        together = before.incident is not None and before.incident.ended_at is None
        if loud or together or gap.of_server(before, decision.server) is not None:
            return None
        record.inputs = msgspec.structs.replace(record.inputs, server=decision.server)
        record.unsaved = _routine(record.unsaved, new_evidence)
        return decision


def judged(
    record: SessionRecord, view: View, new_evidence: tuple[Evidence, ...], now: float, webhook_at: float = 0.0
) -> Decision:
    """What the judge says now of a remembered view; what it has said before of this very moment it is not asked again.
    `webhook_at`: the newest event that a webhook of this server told of."""
    planned = record.planned
    # guard: planned-look-dropped-when-heard, planned-look-not-early
    if planned is not None and not new_evidence and now >= planned.at:
        return as_planned(view.session, planned, now)
    view = msgspec.structs.replace(view, new_evidence=new_evidence, server_webhook_at=webhook_at)
    if record.awaited is not None and new_evidence:
        decision = as_before(view, record.awaited, now)
        if decision is not None:
            return decision
    return decide(view, now)


def follow(
    record: SessionRecord, view: View, decision: Decision, new_evidence: tuple[Evidence, ...], now: float
) -> None:
    """A quiet decision about a remembered view: nothing of it is written yet."""
    if decision.shown:
        record.save_at = min(record.save_at, now + SHOWN_WITHIN_S)  # guard: shown-facts-lag-bounded
    record.view = msgspec.structs.replace(view, session=decision.session)
    # guard: planned-look-dropped-when-judged, same-look-only-if-nothing-heard
    record.planned, record.awaited = decision.planned, decision.awaited
    if new_evidence:
        record.unsaved = _routine(record.unsaved, new_evidence)


def _routine(unsaved: tuple[Evidence, ...], new_evidence: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """What waits to be written with the next decision that is: of each piece of news the last, counted."""
    if len(unsaved) == len(new_evidence) and all(map(Evidence.repeats, unsaved, new_evidence)):
        # Nearly always: the same look as before, which brought the same.
        return tuple(map(_counted, unsaved, new_evidence))
    kept = {(item.kind, item.source): item for item in unsaved}
    for item in new_evidence:
        before = kept.pop((item.kind, item.source), None)
        repeated = before is not None and before.repeats(item)
        kept[(item.kind, item.source)] = _counted(before, item) if before is not None and repeated else item
    return tuple(kept.values())


def _counted(before: Evidence, item: Evidence) -> Evidence:
    first = before.first_at or before.happened_at
    return msgspec.structs.replace(item, count=before.count + item.count, first_at=first)


def _server_events(before: Server, decision: ServerDecision, now: float) -> list[EventRow]:
    """Of an outage, its beginning or its end: the server as it is now, and why it was away."""
    told = decision.server.outage or before.outage
    return [EventRow(kind, now, outage_event(decision.server, told), tenant=before.tenant) for kind in decision.events]


def _entry(line: JournalLine, session: Session, now: float) -> JournalEntry:
    return JournalEntry(line.kind, now, line.code, line.args, line.data, session_id=session.id, server=session.server)


def _server_entry(line: JournalLine, name: ServerName, now: float) -> JournalEntry:
    return JournalEntry(line.kind, now, line.code, line.args, line.data, server=name)


def _work(decision: Decision, session: Session, now: float, targets: Sequence[str]) -> list[Work]:
    rows = [_notice(notice, target, now, session=session) for notice in decision.notices for target in targets]
    act = decision.act
    if act is not None:
        phone = session.recovery.pair_phone
        payload = {"rung": act.rung, "attempt": act.id, "because": act.because, "pair_phone": phone}
        rows.append(
            Work(
                id=act.id,
                lane=f"s{session.id}:control",
                kind="control",
                payload=payload,
                due_at=now,
                created_at=now,
                session_id=session.id,
                server=session.server,
                dedupe=f"control:{session.id}:{act.id}",
            )
        )
    return rows


def _notice(
    notice: Notice, target: str, now: float, *, session: Session | None = None, server: ServerName | None = None
) -> Work:
    """The dedupe key is the promise: each target is told once per outage and phase."""
    key = f"notice:{notice.id}:{notice.phase}" + (f":{target}" if target else "")
    return Work(
        id=key,
        lane=key,
        kind="notice",
        payload={
            **msgspec.to_builtins(notice),
            "session": session.name if session else None,
            "server": server,
            "target": target,
        },
        due_at=now,
        created_at=now,
        session_id=session.id if session else None,
        server=session.server if session else server,
        dedupe=key,
    )


def _events(seen: SessionView, decision: Decision, now: float, *, readable: bool) -> list[EventRow]:
    """`readable`: what was missed in an outage can be read back; the event of its end says so, or that it cannot."""
    session = decision.session
    rows = []
    for kind in decision.events:
        if kind == "approval.requested" and decision.approval is not None:
            rows.append(
                EventRow(kind, now, approval_document(decision.approval), session=session.name, tenant=session.tenant)
            )
            continue
        previous = seen.session.state if kind == "session.state_changed" else None
        document = session_document(session, seen.held, previous=previous)
        if kind == "session.outage_ended":
            missed = Reason("missed-being-read" if readable else "missed-unknowable")
            document = {**document, "missed": msgspec.to_builtins(missed)}
        rows.append(EventRow(kind, now, document, session=session.name, tenant=session.tenant))
    return rows
