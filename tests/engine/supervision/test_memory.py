"""What is remembered of sessions and servers: one record each, dropped in one place, kept only under the lease."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from esteio.core.judge.server import ServerInputs
from esteio.core.model.decision import PlannedProbe, View
from esteio.core.model.evidence import seen, seen_with
from esteio.core.model.ids import ServerName, SessionId, SessionName
from esteio.core.model.policy import DEFAULT
from esteio.core.model.server import Server
from esteio.core.model.session import Session
from esteio.core.model.state import Reason
from esteio.engine.runtime.leases import SoleHolder
from esteio.engine.supervision.memory import Memory, ServerRecord, SessionRecord
from esteio.providers.base import ProbeOutcome, SessionEndpoint
from esteio.providers.evolution import Evolution
from esteio.sim.lab import Lab
from tests.engine.engine_stage import linked, play

LOJA, OUTRA = SessionId(1), SessionId(2)
PROV = ServerName("prov")
EVOLUTION = Evolution().capabilities
ROW = Server(PROV, "evolution", "http://prov.test")
HERE = SessionEndpoint(PROV, "http://prov.test", {}, "loja", {})
PLANNED = PlannedProbe(at=40.0, depth="socket", wake_at=70.0, because=Reason("routine"))
SEEN = seen("socket_ok", 9.0, "probe")


def view(session_id: SessionId = LOJA, server: Server = ROW) -> View:
    session = Session(session_id, SessionName(f"s{session_id}"), server.name, server.kind, created_at=1.0)
    return View(session=session, server=server, new_evidence=(), policy=DEFAULT, can=EVOLUTION)


def full(memory: Memory, session_id: SessionId = LOJA) -> SessionRecord:
    """A record with something in each part."""
    memory.keep_view(view(session_id), PLANNED, 100.0)
    record = memory.session(session_id)
    record.awaited, record.unsaved = record.planned, (SEEN,)
    record.secrets, record.endpoint = (1.0, "token", {"apikey": "hush"}), HERE
    record.probed, record.ack_patience, record.baseline = True, (1.0, 5.0), (1.0, None)
    return record


class Revocable(SoleHolder):
    """A holder whose leases the test takes away."""

    def __init__(self) -> None:
        self.lost: set[SessionId] = set()
        self._told: list[Callable[[SessionId], None]] = []

    def holds(self, session_id: SessionId, /) -> bool:
        return session_id not in self.lost

    def on_lost(self, lost: Callable[[SessionId], None], /) -> None:
        self._told.append(lost)

    def lose(self, session_id: SessionId) -> None:
        self.lost.add(session_id)
        for told in self._told:
            told(session_id)


def test_a_session_has_one_record_and_nobody_makes_one_by_looking() -> None:
    memory = Memory(SoleHolder())
    assert memory.find(LOJA) is None
    assert memory.peek(LOJA) is None
    record = memory.session(LOJA)
    assert memory.session(LOJA) is record is memory.find(LOJA)
    assert memory.peek(LOJA) is None, "nobody has judged it yet"
    assert repr(memory) == "Memory(sessions=1, servers=0)"


def test_what_was_read_or_committed_takes_the_place_of_all_that_was_judged_and_of_nothing_else() -> None:
    memory = Memory(SoleHolder())
    record = full(memory)
    memory.keep_view(view(), None, 200.0)
    assert memory.find(LOJA) is record
    assert (record.planned, record.awaited, record.unsaved, record.save_at) == (None, None, (), 200.0)
    assert (record.secrets, record.endpoint) == ((1.0, "token", {"apikey": "hush"}), HERE)
    assert (record.probed, record.ack_patience, record.baseline) == (True, (1.0, 5.0), (1.0, None))


def test_sessions_are_listed_as_judged_all_or_of_one_server() -> None:
    memory = Memory(SoleHolder())
    other = Server(ServerName("other"), "wapi", "http://other.test")
    memory.keep_view(view(LOJA), None, 1.0)
    memory.keep_view(view(OUTRA, other), None, 1.0)
    memory.session(SessionId(3))
    assert [session.id for session in memory.judged()] == [LOJA, OUTRA]
    assert [session.id for session in memory.judged(PROV)] == [LOJA]
    assert memory.judged(ServerName("nobody")) == []


def test_a_session_that_is_gone_leaves_nothing() -> None:
    memory = Memory(SoleHolder())
    record = full(memory)
    memory.drop_session(LOJA)
    memory.drop_session(LOJA)
    assert (memory.find(LOJA), memory.judged(), memory.judged(PROV)) == (None, [], [])
    assert memory.server(PROV).sessions == set()
    assert memory.session(LOJA) is not record, "one with the same number begins anew"


def test_a_changed_address_leaves_what_was_judged() -> None:
    memory = Memory(SoleHolder())
    record = full(memory)
    memory.drop_endpoint(LOJA)
    memory.drop_endpoint(OUTRA)
    assert (record.secrets, record.endpoint) == (None, None)
    assert (record.planned, record.unsaved) == (PLANNED, (SEEN,))
    assert memory.find(OUTRA) is None


def test_a_lost_lease_drops_the_record_and_nothing_is_kept_without_one() -> None:
    leases = Revocable()
    memory = Memory(leases)
    full(memory, LOJA)
    full(memory, OUTRA)
    leases.lose(LOJA)
    assert [session.id for session in memory.judged(PROV)] == [OUTRA]
    # A pass that was under way writes what it committed to a record of its own.
    full(memory, LOJA)
    assert (memory.find(LOJA), memory.peek(LOJA)) == (None, None)
    assert memory.session(LOJA) is not memory.session(LOJA)
    assert [session.id for session in memory.judged()] == [OUTRA]
    assert memory.server(PROV).sessions == {OUTRA}


def test_of_a_server_the_address_what_was_judged_and_the_whole_are_dropped_apart() -> None:
    memory = Memory(SoleHolder())
    stored: Any = object()
    memory.keep_server(ServerInputs(ROW, (), DEFAULT), 9.0)
    record = memory.server(PROV)
    record.unsaved, record.stored, record.troubled, record.webhook_at = (SEEN,), (1.0, stored, {}), True, 8.0
    memory.drop_server_endpoint(PROV)
    kept = (record.stored is None, record.inputs is not None, record.unsaved)
    assert kept == (True, True, (SEEN,))
    assert memory.drop_server_inputs(PROV) == (SEEN,), "who reads it anew writes this"
    left = memory.server(PROV)
    assert left is record
    assert (left.inputs is None, left.unsaved == (), left.troubled, left.webhook_at) == (True, True, True, 8.0)
    assert memory.drop_server_inputs(PROV) == ()
    memory.drop_server(PROV)
    assert memory.server(PROV) is not record


def test_dropping_what_nobody_knows_makes_no_record() -> None:
    memory = Memory(SoleHolder())
    memory.drop_server(PROV)
    memory.drop_server_endpoint(PROV)
    assert memory.drop_server_inputs(PROV) == ()
    assert repr(memory) == "Memory(sessions=0, servers=0)"


def test_sessions_of_a_server_share_its_row_as_long_as_it_is_the_same() -> None:
    memory = Memory(SoleHolder())
    first, same, newer = ROW, Server(PROV, "evolution", "http://prov.test"), Server(PROV, "evolution", "http://b.test")
    assert memory.shared_row(first) is first
    assert memory.shared_row(same) is first
    assert memory.shared_row(newer) is newer


def test_sessions_share_what_was_seen_of_all_alike() -> None:
    memory = Memory(SoleHolder())
    first = ProbeOutcome((SEEN,))
    assert memory.shared_outcome(first) is first
    assert memory.shared_outcome(ProbeOutcome((seen("socket_ok", 10.0, "probe"),))) is first
    other = ProbeOutcome((seen_with("socket_ok", 9.0, "state", {}),))
    assert memory.shared_outcome(other) is other


def test_no_secret_stands_in_what_is_printed() -> None:
    memory = Memory(SoleHolder())
    assert repr(full(memory)) == "SessionRecord(s1)"
    assert repr(SessionRecord()) == "SessionRecord(?)"
    memory.server(PROV).stored = (1.0, object(), {"apikey": "hush"})  # type: ignore[assignment]
    assert repr(memory.server(PROV)) == "ServerRecord(1 sessions)"


@pytest.mark.parametrize("what", ["session", "server"])
def test_what_is_deleted_by_a_command_is_remembered_by_nobody(what: str) -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        session = await lab.session("loja")
        memory = lab.gateway.memory
        assert memory.peek(session.id) is not None
        await lab.commands.session_removal.delete("loja", "keep", "operator")
        assert memory.find(session.id) is None
        assert memory.server(ServerName("prov")).sessions == set()
        if what == "server":
            await lab.commands.servers.delete("prov")
            assert repr(memory) == "Memory(sessions=0, servers=0)"

    play(story)


def test_with_a_servers_failure_goes_the_answer_before_it_that_was_no_news() -> None:
    record = ServerRecord()
    answers = [seen("server_answered", float(at), "probe") for at in range(4)]
    first, second = (seen("server_failed", float(at), "probe") for at in (5, 6))
    assert record.news_in(answers[:1]) == []
    assert record.news_in(answers[1:2]) == []
    assert record.news_in([first]) == [answers[1], first]
    assert record.news_in([second]) == [second], "it was told"
    record.troubled = True
    assert record.news_in(answers[2:3]) == answers[2:3]
    record.troubled = False
    assert record.news_in([answers[3], first]) == [answers[3], first]
