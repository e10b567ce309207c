"""The inbox as a machine over the real store: webhooks accepted, doubled, late and out of order, about sessions unknown
or deleted, read in batches, settled, settled again, torn in the middle, unreadable, purged, read back after a gap; our
own sends between them; a subscriber that takes the events; and kill -9 between any two steps.

The model knows what must hold: nothing accepted is lost, nothing appears twice, what was settled is not read again, and
each chat's events come in the order in which they were settled. It asks only what the protocol has, but for the hooks
of the dialect: `StoreMachine` knows files, `torn` breaks a statement.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import apsw
import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from esteio.core.messages.outbox import SendSettlement
from esteio.core.model.content import Content
from esteio.core.model.evidence import seen
from esteio.core.model.ids import MessageId, ServerName, SessionId, SessionName
from esteio.core.model.inbound import (
    AckState,
    DeletedMessage,
    EditedMessage,
    InboundEvent,
    Receipt,
    ReceivedMessage,
    ReceivedReaction,
    SendEcho,
)
from esteio.core.model.message import Message
from esteio.core.model.server import Server
from esteio.core.model.session import Session
from esteio.store.base import DecisionCommit, InboxResult, InboxSettlement, NewMessage, RawInbound, SendQuota
from esteio.store.delivery import DeliverySettlement, Endpoint
from tests.narrowing import not_none
from tests.store.inbox_model import REACHED, Line
from tests.store.store_machine import StoreMachine

NAMES = st.sampled_from(["s1", "s2"])
CHATS = st.sampled_from(["5511988880001", "5511988880001", "5511988880002"])
TIMES = st.sampled_from([0, 1, 1, 2])
"""How often the provider tells of it at once; later it may tell of anything."""
PICK = st.integers(0, 10_000)
FOREVER = 1e9


class Inbox(StoreMachine):
    def __init__(self) -> None:
        super().__init__(1_800_000_000.0)
        self.numbers = 0
        self.hands: list[RawInbound] = []
        self.dead: dict[int, Line] = {}
        self.log: list[Any] = []
        self.checked, self.last_seq = 0, 0
        self.delivered: list[tuple[int, Any]] = []
        self.run(self.store.servers.add(Server(ServerName("sv"), "evolution", "x"), b"", self.now))
        self.run(self.store.webhook_endpoints.add(Endpoint("ep", "http://subscriber", self.now)))
        self.lines = {name: self.new_line(SessionName(name)) for name in ("s1", "s2")}

    def number(self) -> int:
        self.numbers += 1
        return self.numbers

    def new_line(self, name: SessionName) -> Line:
        row = Session(SessionId(0), name, ServerName("sv"), "evolution", self.now, gate="open")
        made = self.run(self.store.sessions.add(row, f"token-{self.number()}", b"", self.now, [], []))
        return Line(made.id, name, self.log)

    def in_the_end(self) -> None:
        """All is read, and a subscriber that comes late gets all of it, each once."""
        self.look(10_000)
        while self.hands:
            self.settle_one(self.hands.pop(0))
        self.what_was_told_is_stored_once_and_nothing_else()
        self.each_chat_tells_what_was_settled_in_that_order()
        self.now += 10_000
        self.subscriber_takes(10_000)
        self.the_subscriber_hears_each_once_and_each_queue_in_its_order()
        assert len(self.delivered) == len(self.log), "an event never came"

    @initialize(
        name=NAMES,
        chat=CHATS,
        early=st.permutations(list(REACHED)),
        known_by=st.sampled_from(["answer", "echo", "typed"]),
        as_far_as=st.sampled_from([0, 3, 5, 7, 7]),
    )
    def it_began(self, name: str, chat: str, early: list[AckState], known_by: str, as_far_as: int) -> None:
        """Deep states are rarely reached by chance: begin on the way to a message whose receipts came before it."""
        steps: list[Callable[[], object]] = [
            lambda: (
                self.a_message(name, chat, True, 0, 0) if known_by == "typed" else self.we_send(name, chat, False, 0)
            ),
            lambda: self.something_becomes_of_it(0, early[0], 2),
            lambda: self.something_becomes_of_it(0, early[1], 1),
            lambda: self.read_some(name, 100, 100, None),
            lambda: self.its_answer(0) if known_by == "answer" else self.post(self.lines[name], [0]),
            lambda: self.read_some(name, 100, 100, None),
        ]
        for step in steps[:as_far_as]:
            step()

    # -- what the provider tells ----------------------------------------------------------------------------------

    def fact(self, line: Line, event: InboundEvent, times: int) -> None:
        """Something happened; the provider tells it now, or twice, or keeps it for later."""
        line.facts.append(event)
        for _ in range(times):
            self.post(line, [len(line.facts) - 1])

    def post(self, line: Line, numbers: list[int]) -> None:
        body = json.dumps(numbers).encode() if numbers else b"\xffjunk"
        raw = RawInbound(line.id, "/in", {"h": "v"}, body, self.now)
        ident = self.run(self.store.inbox.accept(raw))
        line.unread[ident] = msgspec.structs.replace(raw, id=ident)

    def known(self, letters: str) -> list[tuple[Line, str, str]]:
        """(line, chat, id) of the messages that the provider knows."""
        found = {
            (line.name, event.provider_id): (line, event.chat, event.provider_id)
            for line in self.lines.values()
            for event in line.facts
            if isinstance(event, ReceivedMessage | SendEcho) and event.provider_id[0] in letters
        }
        return list(found.values())

    @rule(name=NAMES, chat=CHATS, mine=st.booleans(), age=st.sampled_from([0, 5, 1500]), times=TIMES)
    def a_message(self, name: str, chat: str, mine: bool, age: int, times: int) -> None:
        """In both directions: ours was typed on the phone."""
        ident = f"{'T' if mine else 'I'}{self.number()}"
        content = Content("text", f"t-{ident}")
        self.fact(self.lines[name], ReceivedMessage(ident, chat, chat, self.now - age, content, from_me=mine), times)

    @precondition(lambda self: self.known("TP"))
    @rule(number=PICK, misread=st.booleans(), times=TIMES)
    def a_stranger_uses_an_id_of_ours(self, number: int, misread: bool, times: int) -> None:
        """Or the provider shows our own message as if it had come in."""
        line, chat, ident = self.known("TP")[number % len(self.known("TP"))]
        chat, words = (chat, f"t-{ident}") if misread else ("5511977770000", f"stranger-{ident}")
        self.fact(line, ReceivedMessage(ident, chat, chat, self.now, Content("text", words)), times)

    @precondition(lambda self: self.known("ITP"))
    @rule(number=PICK, what=st.sampled_from(["edit", "deletion", "reaction", *REACHED]), times=TIMES)
    def something_becomes_of_it(self, number: int, what: AckState, times: int) -> None:
        """Perhaps of a message whose own news is still under way."""
        line, chat, ident = self.known("ITP")[number % len(self.known("ITP"))]
        mark = self.number()
        events: dict[str, InboundEvent] = {
            "edit": EditedMessage(ident, chat, self.now + mark / 1000, f"edited-{mark}"),
            "deletion": DeletedMessage(ident, chat, self.now),
            "reaction": ReceivedReaction(f"R{mark}", ident, chat, chat, self.now, "+"),
        }
        self.fact(line, events.get(what) or Receipt(ident, what, self.now + mark / 1000), times)

    @precondition(lambda self: any(line.facts for line in self.lines.values()))
    @rule(name=NAMES, numbers=st.lists(PICK, min_size=1, max_size=4))
    def it_comes_late_or_again(self, name: str, numbers: list[int]) -> None:
        """Any of what ever happened, in any order, several in one body."""
        line = self.lines[name]
        if line.facts:
            self.post(line, [number % len(line.facts) for number in numbers])

    @rule(name=NAMES)
    def junk(self, name: str) -> None:
        self.post(self.lines[name], [])

    # -- what we send between -------------------------------------------------------------------------------------

    @rule(name=NAMES, chat=CHATS, by_phone=st.booleans(), times=TIMES)
    def we_send(self, name: SessionName, chat: str, by_phone: bool, times: int) -> None:
        """Its echo is a fact from now on; the answer may come before it, after it, or never."""
        line = self.lines[name]
        if any(line.rows[ident, "out"].chat == chat for ident in line.under_way):
            return
        ident = f"P{self.number()}"
        content = Content("text", f"t-{ident}")
        message = Message(MessageId(ident), line.id, name, "out", chat, content, "queued", self.now, self.now, to=chat)
        assert self.run(self.store.messages.accept(NewMessage(message))).result == "new"
        (line.under_way[ident],) = self.run(self.store.outbox.claim(self.now, 100, FOREVER, SendQuota()))
        line.sending(ident, chat, not_none(content.text))
        echo = ReceivedMessage(ident, chat, chat, self.now, content, from_me=True)
        self.fact(line, echo if by_phone else SendEcho(ident, chat, self.now, content), times)

    @precondition(lambda self: any(line.under_way for line in self.lines.values()))
    @rule(number=PICK)
    def its_answer(self, number: int) -> None:
        """Of a process that died since, it writes nothing."""
        waiting = [(line, ident) for line in self.lines.values() for ident in line.under_way]
        line, ident = waiting[number % len(waiting)]
        fence, alive = line.under_way[ident].fence, line.rows[ident, "out"].state == "sending"
        done = SendSettlement(
            MessageId(ident), line.id, fence, "accepted", self.now, provider_id=ident, sent_at=self.now
        )
        assert self.run(self.store.outbox.settle([done])) == [alive]
        if alive:
            line.confirm(ident)

    # -- the reader ---------------------------------------------------------------------------------------------

    def expect(self, line: Line, done: InboxSettlement, result: InboxResult) -> None:
        told = [line.apply(event) for event in done.events]
        assert result.fresh == tuple(place for place, (new, _) in enumerate(told) if new)
        assert result.settled_sends == any(settled for _, settled in told)

    def look(self, limit: int) -> None:
        """The oldest that nobody has read, as they came, whatever their session; never what was settled."""
        found = list(self.run(self.store.inbox.unread(limit)))
        waiting = {ident: raw for line in self.lines.values() for ident, raw in line.unread.items()}
        assert found == [waiting[ident] for ident in sorted(waiting)[:limit]]
        self.hands = found

    @precondition(lambda self: self.hands or any(line.unread for line in self.lines.values()))
    @rule(
        name=NAMES,
        limit=st.sampled_from([0, 1, 3, 100]),
        most=st.sampled_from([1, 2, 100]),
        breaks_at=st.sampled_from([None, None, None, 2, 3, 4, 5, 6, 8, 10, 12]),
    )
    def read_some(self, name: str, limit: int, most: int, breaks_at: int | None) -> None:
        """A batch, or what is left in hand of the last; sessions are read beside each other, each in order."""
        if limit or not self.hands:
            self.look(limit or 3)
        self.hands.sort(key=lambda raw: (raw.session_id != self.lines[name].id, raw.id))
        with self.torn(breaks_at):
            for raw in self.hands[:most]:
                self.settle_one(raw)
                self.hands.remove(raw)

    @contextmanager
    def torn(self, breaks_at: int | None) -> Iterator[None]:
        """One statement raises: nothing of the whole may stay, and it is read again."""
        statement = count(1)
        connection = self.store.database.db.connection
        connection.exec_trace = (lambda *_: next(statement) != breaks_at) if breaks_at else None
        try:
            yield
        except apsw.ExecTraceAbort:
            pass
        finally:
            connection.exec_trace = None

    def settle_one(self, raw: RawInbound) -> None:
        line = next((one for one in self.lines.values() if one.id == raw.session_id), None)
        done = self.reading(raw, line or self.dead[raw.session_id])
        result = self.run(self.store.inbox.settle(done))
        if line is None or raw.id not in line.unread:
            assert (result.fresh, result.settled_sends) == ((), False), "it was settled before"
            return
        self.expect(line, done, result)
        (line.read if done.readable else line.unreadable)[raw.id] = line.unread.pop(raw.id)
        line.evidence += [(one.data["state"], 1) for one in done.evidence]

    def reading(self, raw: RawInbound, line: Line) -> InboxSettlement:
        """What the adapter would make of it."""
        if not raw.body.startswith(b"["):
            return InboxSettlement(raw.id, line.id, self.now, False, note="junk")
        events = tuple(line.facts[number] for number in json.loads(raw.body))
        proof = seen("said_unknown", self.now, "webhook", state=f"w{raw.id}")
        return InboxSettlement(raw.id, line.id, self.now, True, events, (proof,))

    @precondition(lambda self: any(line.read or line.unreadable for line in self.lines.values()))
    @rule(number=PICK)
    def settle_again(self, number: int) -> None:
        """A reader that was slow: it is settled long since, and perhaps purged."""
        old = [raw for line in self.lines.values() for raw in (*line.read.values(), *line.unreadable.values())]
        self.settle_one(old[number % len(old)])

    @precondition(lambda self: any(line.facts for line in self.lines.values()))
    @rule(name=NAMES, number=PICK)
    def read_back(self, name: str, number: int) -> None:
        """The provider's own list after a gap, oldest first: what came is known, what was missed is new."""
        line = self.lines[name]
        events = tuple(line.facts[number % (len(line.facts) + 1) :])
        done = InboxSettlement(0, line.id, self.now, True, events, recovered=True)
        self.expect(line, done, self.run(self.store.inbox.settle(done)))

    # -- everybody else -------------------------------------------------------------------------------------------

    @precondition(lambda self: self.log)
    @rule(most=st.sampled_from([1, 5, 100]), killed=st.booleans())
    def subscriber_takes(self, most: int, killed: bool = False) -> None:
        """The events of a queue one after the other; who dies before it could note a delivery delivers it again."""
        while most > 0:
            self.run(self.store.delivery.deal(self.now, 1000))
            claims = self.run(self.store.delivery.claim(self.now, {}, 4, 10.0))
            if killed and claims:
                self.killed()
                return
            if not claims:
                return
            for claim in claims:
                self.delivered.append((claim.seq, (claim.session, claim.chat)))
            done = [DeliverySettlement(claim, "delivered", self.now, self.now, 200) for claim in claims]
            assert all(self.run(self.store.delivery.settle(done)))
            most -= len(claims)

    @precondition(lambda self: any(line.evidence for line in self.lines.values()))
    @rule(name=NAMES)
    def judged(self, name: str) -> None:
        view = not_none(self.run(self.store.decisions.session_view(self.lines[name].id, self.now)))
        if view.new_evidence:
            commit = DecisionCommit(session=view.session, folded_through=view.new_evidence[-1].seq)
            assert self.run(self.store.decisions.commit_session(commit))
            self.lines[name].evidence = []

    @rule(step=st.sampled_from([1, 30, 200]), age=st.sampled_from([0, 100, 10_000]), junk_too=st.booleans())
    def time_passes_and_bodies_go(self, step: int, age: int, junk_too: bool) -> None:
        """When they were read, and receipts of nobody; that they were read is known for good."""
        self.now += step
        before = self.now - age
        junk_before = before if junk_too else None
        self.run(
            self.store.maintenance.purge(self.now, raw_before=before, idem_before=before, unreadable_before=junk_before)
        )
        for line in self.lines.values():
            line.early = {key: at for key, at in line.early.items() if at >= before}
            if junk_too:
                line.unreadable = {i: raw for i, raw in line.unreadable.items() if raw.received_at >= before}

    @precondition(lambda self: any(len(line.facts) > 2 for line in self.lines.values()))
    @rule(name=NAMES)
    def deleted_and_made_anew(self, name: SessionName) -> None:
        """What is still in somebody's hands is nobody's; its events stay."""
        line = self.lines[name]
        assert self.run(self.store.sessions.delete(line.id, self.now))
        self.log.append(("session.deleted", name, None, None, None))
        self.dead[line.id] = line
        self.lines[name] = self.new_line(name)
        for stranger in (line.id, 10_000):
            with pytest.raises(LookupError):
                self.run(self.store.inbox.accept(RawInbound(SessionId(stranger), "/in", {}, b"[0]", self.now)))

    @precondition(lambda self: any(line.facts for line in self.lines.values()))
    @rule()
    def killed(self) -> None:
        self.die()
        self.hands = []
        waiting = {int(ident[1:]): (line, ident) for line in self.lines.values() for ident in line.under_way}
        for line, ident in (waiting[number] for number in sorted(waiting)):
            line.doubt(ident)

    # -- what must hold -------------------------------------------------------------------------------------------

    @invariant()
    def what_was_told_is_stored_once_and_nothing_else(self) -> None:
        for line in self.lines.values():
            stored = self.run(self.store.messages.page(line.id, limit=500)).items
            shown = sorted(
                (one.provider_id or one.id, one.direction, one.chat, one.content.text, one.state) for one in stored
            )
            rows = sorted(
                (ident, direction, row.chat, row.text, row.state) for (ident, direction), row in line.rows.items()
            )
            assert shown == rows
            view = self.run(self.store.decisions.session_view(line.id, self.now))
            news = not_none(view).new_evidence
            assert [(one.evidence.data["state"], one.evidence.count) for one in news] == line.evidence

    @invariant()
    def what_cannot_be_read_is_kept(self) -> None:
        junk = [raw for line in self.lines.values() for raw in line.unreadable.values()]
        kept = self.run(self.store.inbox.unreadable(1000))
        assert [(one.id, one.body) for one in kept] == sorted((raw.id, raw.body) for raw in junk)

    @invariant()
    def each_chat_tells_what_was_settled_in_that_order(self) -> None:
        for event in self.run(self.store.events.page(self.last_seq, 1000)):
            self.last_seq = event.seq
            told = (event.type, event.session, event.chat, event.data.get("provider_id"), event.data.get("state"))
            assert self.checked < len(self.log), f"nobody told {told}"
            assert told == self.log[self.checked]
            self.checked += 1
        assert self.checked == len(self.log), "an event is missing"

    @invariant()
    def the_subscriber_hears_each_once_and_each_queue_in_its_order(self) -> None:
        queues: dict[Any, int] = {}
        for seq, queue in self.delivered:
            assert seq > queues.get(queue, 0)
            queues[queue] = seq


Inbox.TestCase.settings = settings(max_examples=40, stateful_step_count=50, deadline=None)
TestInbox = Inbox.TestCase
