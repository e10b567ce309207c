"""The outbox as a machine over the real store: accept, claim, every outcome, doubt, set aside, parked in the provider's
own queue, cancel, retry, expiry, leases that run out, gates, and kill -9 between any two steps.

The model knows what must hold: nothing accepted is lost, a chat's messages go in order, at most one of a chat is under
way or in a doubt that may be resolved, nothing goes while one may lie in the provider's queue, and what can go is
offered.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from esteio.core.messages.outbox import SendSettlement
from esteio.core.messages.provider_queue import QueueSettlement
from esteio.core.messages.transitions import Event
from esteio.core.model.content import Content
from esteio.core.model.ids import MessageId, ServerName, SessionId, SessionName
from esteio.core.model.inbound import AckState, Receipt, SendEcho
from esteio.core.model.message import Message
from esteio.core.model.server import Server
from esteio.core.model.session import Session
from esteio.store.base import DecisionCommit, InboxSettlement, NewMessage, SendClaim, SendQuota
from tests.narrowing import not_none
from tests.store.store_machine import StoreMachine

SESSIONS = ["s1", "s2"]
CHATS = ["a", "a", "b"]
PICK = st.integers(0, 10_000)
ANSWERS: dict[str, Event] = {
    "sent": "accepted",
    "parked": "queued_at_provider",
    "failed": "failed",
    "queued": "not_sent",
}
ANSWERS |= {"in_doubt": "doubted", "expired": "too_late"}
LOOKS: dict[str, Event] = {**ANSWERS, "sent": "found", "in_doubt": "not_found", "aside": "set_aside"}
"""What an answer, and a look, is to a message: the event by the state that follows."""
LEASE_S = 30.0
ACKS: dict[str, AckState] = {"server": "server", "device": "device"}
BUSY = {"sending", "in_doubt", "parked"}


@dataclass
class Sent:
    """What the model knows of one message. `aside` and `parked` are parts of the state here."""

    lane: tuple[str, str]
    state: str = "queued"
    due_at: float = 0.0
    expires_at: float | None = None
    lease_until: float = 0.0
    claimed_at: float = 0.0
    doubt_since: float = 0.0
    aside_at: float = 0.0
    sent_at: float | None = None
    provider_id: str | None = None


class Outbox(StoreMachine):
    def __init__(self) -> None:
        super().__init__(1000.0)
        self.known: dict[str, Sent] = {}
        self.claims: dict[str, SendClaim] = {}
        self.open = dict.fromkeys(SESSIONS, True)
        self.echoes = 0
        self.run(self.store.servers.add(Server(ServerName("sv"), "evolution", "x"), b"", self.now))
        self.sessions: dict[str, Session] = {}
        for name in SESSIONS:
            row = Session(SessionId(0), SessionName(name), ServerName("sv"), "evolution", self.now, gate="open")
            self.sessions[name] = self.run(self.store.sessions.add(row, name, b"", self.now, [], []))

    # -- the model's small questions ------------------------------------------------------------------------------

    def any_in(self, *states: str) -> bool:
        return any(one.state in states for one in self.known.values())

    def pick(self, number: int, *states: str) -> str:
        found = [ident for ident, one in self.known.items() if one.state in states]
        return found[number % len(found)]

    def of_lane(self, lane: tuple[str, str]) -> dict[str, Sent]:
        return {ident: one for ident, one in self.known.items() if one.lane == lane}

    def lapse(self) -> None:
        for one in self.known.values():
            if one.state == "sending" and one.lease_until <= self.now:
                one.state, one.doubt_since = "in_doubt", one.claimed_at

    def expire(self) -> None:
        for one in self.known.values():
            if one.state == "queued" and one.expires_at is not None and one.expires_at <= self.now:
                one.state = "expired"

    def overtaken(self, ident: str) -> bool:
        one = self.known[ident]
        later = [o for other, o in self.of_lane(one.lane).items() if other > ident]
        gone = [o for o in later if o.sent_at is not None and o.sent_at >= one.doubt_since]
        return bool(gone) or any(o.state in {"sending", "in_doubt", "aside"} for o in later)

    @initialize(name=st.sampled_from(SESSIONS), chat=st.sampled_from(CHATS), as_far_as=st.integers(0, 4))
    def it_began(self, name: str, chat: str, as_far_as: int) -> None:
        """Deep states are rarely reached by chance: begin on the way to one, as far as this."""
        self.accept(name, chat, 5, 0, None, 3)
        steps: list[Callable[[], None]] = [
            lambda: self.claim(100, 100),
            lambda: self.an_answer_is_lost(0),
            lambda: self.nobody_can_tell(0),
            lambda: self.claim(100, 100),
        ]
        for step in steps[:as_far_as]:
            step()

    # -- what people and the engine do ----------------------------------------------------------------------------

    @precondition(lambda self: sum(one.state == "queued" for one in self.known.values()) < 4)
    @rule(
        name=st.sampled_from(SESSIONS),
        chat=st.sampled_from(CHATS),
        priority=st.integers(0, 9),
        wait=st.sampled_from([0, 5]),
        expires=st.sampled_from([None, None, None, 40]),
        many=st.integers(1, 4),
    )
    def accept(self, name: SessionName, chat: str, priority: int, wait: int, expires: int | None, many: int) -> None:
        for _ in range(many):
            self.accept_one(name, chat, priority, wait, expires)

    def accept_one(self, name: SessionName, chat: str, priority: int, wait: int, expires: int | None) -> None:
        ident = MessageId(f"m{len(self.known):04d}")
        due, until = self.now + wait, None if expires is None else self.now + expires
        message = Message(
            ident,
            self.sessions[name].id,
            name,
            "out",
            chat,
            Content("text", ident),
            "queued",
            self.now,
            self.now,
            to=chat,
            priority=priority,
            due_at=due,
            expires_at=until,
        )
        new = NewMessage(message, "key", ident, "same", self.now + 10_000)
        assert self.run(self.store.messages.accept(new)).result == "new"
        self.known[ident] = Sent((name, chat), due_at=due, expires_at=until)

    @precondition(lambda self: self.known)
    @rule(number=PICK)
    def the_client_asks_again(self, number: int) -> None:
        ident = list(self.known)[number % len(self.known)]
        name, chat = self.known[ident].lane
        again = Message(
            MessageId("again"),
            self.sessions[name].id,
            SessionName(name),
            "out",
            chat,
            Content("text", ident),
            "queued",
            self.now,
            0,
        )
        answer = self.run(self.store.messages.accept(NewMessage(again, "key", ident, "same", self.now + 10_000)))
        assert (answer.result, not_none(answer.message).id) == ("replay", ident)

    @precondition(lambda self: self.claimable() or self.any_in("sending"))
    @rule(limit=st.sampled_from([1, 3, 100, 100]), cap=st.sampled_from([1, 100, 100]))
    def claim(self, limit: int, cap: int) -> None:
        self.lapse()
        self.expire()
        wanted = self.claimable()
        got = set()
        for claim in self.run(self.store.outbox.claim(self.now, limit, LEASE_S, SendQuota(each=cap))):
            ident = claim.message.id
            assert ident in wanted, "not its turn"
            one = self.known[ident]
            one.state, one.claimed_at, one.lease_until = "sending", self.now, self.now + LEASE_S
            self.claims[ident] = claim
            got.add(ident)
        assert len(got) <= limit
        if limit == cap == 100:
            assert got == wanted, "what can go was not offered"

    def claimable(self) -> set[str]:
        """The oldest queued message of each chat with nothing in the way, when it is due and its gate is open."""
        found = set()
        for lane in {one.lane for one in self.known.values()}:
            chat = self.of_lane(lane)
            waiting = [ident for ident, one in chat.items() if one.state == "queued"]
            busy = any(one.state in BUSY for one in chat.values())
            if waiting and not busy and self.open[lane[0]] and chat[min(waiting)].due_at <= self.now:
                found.add(min(waiting))
        return found

    @precondition(lambda self: self.claims)
    @rule(
        number=PICK,
        state=st.sampled_from(["sent", "parked", "failed", "queued", "in_doubt", "expired"]),
        delay=st.integers(0, 5),
    )
    def settle(self, number: int, state: str, delay: int) -> None:
        """The answer of some attempt, perhaps of one whose claim is long over."""
        claim = list(self.claims.values())[number % len(self.claims)]
        ident = claim.message.id
        sent_at = self.now if state in {"sent", "parked"} else None
        stale = self.settlement(ident, claim.fence - 1, "failed")
        given = f"A-{ident}-{claim.fence}" if sent_at else None
        mine = self.settlement(
            ident, claim.fence, ANSWERS[state], due_at=self.now + delay, sent_at=sent_at, provider_id=given
        )
        written = self.run(self.store.outbox.settle([stale, mine]))
        assert written[0] is False
        one = self.known[ident]
        if one.state == "sending" and claim is self.claims[ident]:
            assert written[1] is True
            one.state, one.due_at, one.doubt_since = state, self.now + delay, one.claimed_at
            one.sent_at, one.provider_id = sent_at or one.sent_at, given
            del self.claims[ident]

    def settlement(self, ident: MessageId, fence: int, event: Event, **more: Any) -> SendSettlement:
        return SendSettlement(ident, self.sessions[self.known[ident].lane[0]].id, fence, event, self.now, **more)

    @precondition(lambda self: self.any_in("sending"))
    @rule(number=PICK)
    def an_answer_is_lost(self, number: int) -> None:
        claim = self.claims[self.pick(number, "sending")]
        ident = claim.message.id
        assert self.run(self.store.outbox.settle([self.settlement(ident, claim.fence, "doubted")])) == [True]
        self.known[ident].state, self.known[ident].doubt_since = "in_doubt", self.known[ident].claimed_at

    @precondition(lambda self: self.any_in("in_doubt"))
    @rule(number=PICK)
    def nobody_can_tell(self, number: int) -> None:
        self.looked(MessageId(self.pick(number, "in_doubt")), "aside")

    @precondition(lambda self: self.any_in("aside"))
    @rule(number=PICK)
    def it_is_absent_after_all(self, number: int) -> None:
        self.looked(MessageId(self.pick(number, "aside")), "queued")

    @precondition(lambda self: self.any_in("in_doubt", "aside"))
    @rule(number=PICK, state=st.sampled_from(["sent", "parked", "queued", "failed", "in_doubt", "aside"]))
    def look(self, number: int, state: str) -> None:
        self.looked(MessageId(self.pick(number, "in_doubt", "aside")), state)

    def looked(self, ident: MessageId, state: str) -> None:
        one = self.known[ident]
        sent_at = self.now if state in {"sent", "parked"} else None
        event: Event = "not_found" if state == one.state == "aside" else LOOKS[state]
        held_up = one.state == "aside" and state == "queued" and self.overtaken(ident)
        assert self.run(self.store.doubts.overtaken(ident)) == self.overtaken(ident)
        given = f"L-{ident}-{one.doubt_since}" if sent_at else None
        done = self.settlement(ident, 0, event, due_at=self.now, sent_at=sent_at, provider_id=given)
        assert self.run(self.store.doubts.settle(done)) == (not held_up)
        if held_up or (one.state == "aside" and event == "not_found"):
            return
        one.state, one.due_at, one.sent_at, one.aside_at = state, self.now, sent_at, self.now
        one.provider_id = given

    @precondition(lambda self: self.any_in("parked"))
    @rule(number=PICK, how=st.sampled_from(["looked", "echo", "server", "device", "shown"]))
    def parked_goes_on(self, number: int, how: str) -> None:
        """It is out, by whatever word, or (`shown`) it is not yet."""
        ident = self.pick(number, "parked")
        one, (name, chat) = self.known[ident], self.known[ident].lane
        if how in {"looked", "shown"}:
            due_at = self.now + 3 if how == "shown" else None
            again = QueueSettlement(MessageId(ident), "queue_shows" if due_at else "queue_left", self.now, due_at)
            freed = self.run(
                self.store.provider_queue.settle([again, QueueSettlement(MessageId("nobody"), "queue_left", self.now)])
            )
            assert freed == ([] if how == "shown" else [ident])
        else:
            out = not_none(one.provider_id)
            echo = SendEcho(out, chat, self.now, Content("text", "?"))
            event = echo if how == "echo" else Receipt(out, ACKS[how], self.now)
            done = InboxSettlement(0, self.sessions[name].id, self.now, True, (event,))
            assert self.run(self.store.inbox.settle(done)).settled_sends, "its chat is to be told"
        one.state = {"shown": "parked", "device": "delivered"}.get(how, "sent")

    @precondition(lambda self: self.any_in("in_doubt", "sending", "aside"))
    @rule(number=PICK)
    def echo(self, number: int) -> None:
        ident = self.pick(number, "in_doubt", "sending", "aside")
        one, (name, chat) = self.known[ident], self.known[ident].lane
        too_late = one.state == "aside" and one.aside_at < self.now - 60
        self.echoes += 1
        event = SendEcho(f"E-{self.echoes}", chat, self.now, Content("text", ident))
        done = InboxSettlement(0, self.sessions[name].id, self.now, True, (event,))
        assert self.run(self.store.inbox.settle(done)).settled_sends == (not too_late)
        if not too_late:
            one.state, one.sent_at = "sent", self.now

    @precondition(lambda self: len(self.known) > 8)
    @rule(number=PICK)
    def cancel(self, number: int) -> None:
        ident = list(self.known)[number % len(self.known)]
        after = self.run(self.store.messages.cancel(MessageId(ident), self.now))
        one = self.known[ident]
        one.state = "cancelled" if one.state == "queued" else one.state
        assert (not_none(after).state == "cancelled") == (one.state == "cancelled")

    @precondition(lambda self: self.any_in("failed", "expired", "cancelled", "aside"))
    @rule(number=PICK)
    def retry(self, number: int) -> None:
        ident = list(self.known)[number % len(self.known)]
        self.run(self.store.messages.retry(MessageId(ident), self.now))
        one = self.known[ident]
        if one.state in {"failed", "expired", "cancelled", "in_doubt", "aside"}:
            one.state, one.due_at, one.sent_at = "queued", self.now, None
            one.expires_at = None if one.expires_at is not None and one.expires_at <= self.now else one.expires_at

    # -- what happens ---------------------------------------------------------------------------------------------

    @precondition(lambda self: self.known)
    @rule(step=st.sampled_from([1, 6, 31]))
    def time_passes(self, step: int) -> None:
        self.now += step
        self.run(self.store.doubts.due(self.now, 100))
        self.lapse()

    @precondition(lambda self: self.any_in("queued"))
    @rule()
    def what_is_over_expires(self) -> None:
        self.run(self.store.outbox.expire(self.now, 100))
        self.expire()

    @precondition(lambda self: len(self.known) > 8)
    @rule(name=st.sampled_from(SESSIONS))
    def a_gate_moves(self, name: str) -> None:
        fresh = not_none(self.run(self.store.sessions.by_id(self.sessions[name].id)))
        self.open[name] = not self.open[name]
        decided = msgspec.structs.replace(fresh, gate="open" if self.open[name] else "held")
        assert self.run(self.store.decisions.commit_session(DecisionCommit(session=decided)))

    @precondition(lambda self: self.any_in("sending", "aside"))
    @rule()
    def killed(self) -> None:
        self.die()
        for one in self.known.values():
            if one.state == "sending":
                one.state, one.doubt_since = "in_doubt", one.claimed_at

    # -- what must hold -------------------------------------------------------------------------------------------

    @invariant()
    def nothing_accepted_is_lost_and_all_is_as_it_was_told(self) -> None:
        rows = self.store.database.db.connection.execute(
            "SELECT id, state, CASE WHEN set_aside_at > 0 THEN 'aside' WHEN provider_queued_at > 0 THEN 'parked' END"
            " FROM messages"
        ).fetchall()
        stored = {ident: mark or state for ident, state, mark in rows}
        assert stored == {ident: one.state for ident, one in self.known.items()}

    @invariant()
    def at_most_one_of_a_chat_is_under_way(self) -> None:
        for lane in {one.lane for one in self.known.values()}:
            busy = [one for one in self.of_lane(lane).values() if one.state in {"sending", "in_doubt"}]
            assert len(busy) <= 1

    @invariant()
    def every_chat_that_waits_and_nothing_else_is_on_the_list(self) -> None:
        listed = self.store.database.db.connection.execute(
            "SELECT s.name, l.chat, m.id, l.due_at FROM send_lanes l JOIN sessions s ON s.id = l.session_id"
            " JOIN messages m ON m.seq = l.head WHERE l.due_at IS NOT NULL"
        ).fetchall()
        expected = set()
        for lane in {one.lane for one in self.known.values()}:
            chat = self.of_lane(lane)
            waiting = [ident for ident, one in chat.items() if one.state == "queued"]
            if waiting and not any(one.state in BUSY for one in chat.values()):
                expected.add((*lane, min(waiting), chat[min(waiting)].due_at))
        assert set(listed) == expected


Outbox.TestCase.settings = settings(max_examples=40, stateful_step_count=50, deadline=None)
TestOutbox = Outbox.TestCase
