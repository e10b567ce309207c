"""A machine that accepts, claims, settles, cancels and retries at will: order, single flight and nothing lost."""

import asyncio

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from esteio.core.inbound import SendEcho
from esteio.core.model import Content, Message, MessageId, Server
from esteio.core.session import Session
from esteio.store.base import InboxSettlement, NewMessage, SendSettlement
from esteio.store.sqlite import SqliteStore

SESSIONS = ["s1", "s2"]
CHATS = ["a", "b"]
PICK = st.integers(0, 10_000)


class Lanes(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.store = SqliteStore.memory()
        self.now = 1000.0
        self.order = {}
        """Ids by lane, in the order of acceptance."""
        self.state = {}
        self.lane = {}
        self.claims = {}
        self.sent = []
        self.sessions = {}
        self.run(self.store.start(self.now))
        self.run(self.store.add_server(Server("sv", "evolution", "x"), b"", self.now))
        for name in SESSIONS:
            row = Session(0, name, "sv", "evolution", self.now, gate="open")
            self.sessions[name] = self.run(self.store.add_session(row, name, b"", self.now, [], []))

    def run(self, coroutine):
        return self.runner.run(coroutine)

    def teardown(self):
        self.run(self.store.aclose())
        self.runner.close()

    def pick(self, number, *states):
        found = [ident for ident, state in self.state.items() if state in states]
        return found[number % len(found)]

    def any_in(self, *states):
        return any(state in states for state in self.state.values())

    @rule(name=st.sampled_from(SESSIONS), chat=st.sampled_from(CHATS), priority=st.integers(0, 9), wait=st.booleans())
    def accept(self, name, chat, priority, wait):
        ident = MessageId(f"m{len(self.state):04d}")
        session = self.sessions[name]
        message = Message(
            ident, session.id, name, "out", chat, Content("text", ident), "queued", self.now, self.now, to=chat
        )
        due = self.now + 5 if wait else self.now
        import msgspec

        message = msgspec.structs.replace(message, priority=priority, due_at=due)
        assert self.run(self.store.accept(NewMessage(message))).result == "new"
        self.order.setdefault((name, chat), []).append(ident)
        self.state[ident] = "queued"
        self.lane[ident] = (name, chat)

    @rule(limit=st.integers(1, 4), cap=st.integers(1, 3))
    def claim(self, limit, cap):
        for claim in self.run(self.store.claim_sends(self.now, limit, 30.0, {}, {}, cap)):
            ident = claim.message.id
            assert self.state[ident] == "queued"
            lane = self.order[self.lane[ident]]
            earlier = lane[: lane.index(ident)]
            assert all(self.state[one] != "queued" for one in earlier), "somebody was overtaken"
            assert all(self.state[one] not in {"sending", "in_doubt"} for one in lane), "two in flight in a chat"
            self.state[ident] = "sending"
            self.claims[ident] = claim

    @precondition(lambda self: self.any_in("sending"))
    @rule(number=PICK, state=st.sampled_from(["sent", "failed", "queued", "in_doubt"]), delay=st.integers(0, 5))
    def settle(self, number, state, delay):
        ident = self.pick(number, "sending")
        claim = self.claims[ident]
        one = SendSettlement(ident, claim.message.session_id, claim.fence, state, self.now, due_at=self.now + delay)
        stale = SendSettlement(ident, claim.message.session_id, claim.fence - 1, "sent", self.now)
        assert self.run(self.store.settle_sends([stale, one])) == [False, True]
        self.state[ident] = state

    @precondition(lambda self: self.any_in("in_doubt"))
    @rule(number=PICK, state=st.sampled_from(["sent", "queued", "failed"]))
    def resolve(self, number, state):
        ident = self.pick(number, "in_doubt")
        session = self.sessions[self.lane[ident][0]]
        one = SendSettlement(ident, session.id, 0, state, self.now, due_at=self.now)
        assert self.run(self.store.settle_doubt(one))
        self.state[ident] = state

    @precondition(lambda self: self.any_in("in_doubt", "sending"))
    @rule(number=PICK)
    def echo(self, number):
        ident = self.pick(number, "in_doubt", "sending")
        name, chat = self.lane[ident]
        event = SendEcho(f"P{ident}-{len(self.sent)}", chat, self.now, Content("text", ident))
        self.sent.append(ident)
        done = InboxSettlement(0, self.sessions[name].id, self.now, True, (event,))
        assert self.run(self.store.settle_inbox(done)).settled_sends
        self.state[ident] = "sent"

    @precondition(lambda self: self.any_in("queued"))
    @rule(number=PICK)
    def cancel(self, number):
        ident = self.pick(number, "queued")
        self.run(self.store.cancel_message(ident, self.now))
        self.state[ident] = "cancelled"

    @precondition(lambda self: self.any_in("failed", "cancelled", "in_doubt"))
    @rule(number=PICK)
    def retry(self, number):
        ident = self.pick(number, "failed", "cancelled", "in_doubt")
        self.run(self.store.retry_message(ident, self.now))
        self.state[ident] = "queued"

    @rule(step=st.sampled_from([1, 6, 31]))
    def time_passes(self, step):
        self.now += step
        self.run(self.store.doubted(self.now, 100))
        for ident, claim in self.claims.items():
            if self.state[ident] == "sending" and claim.lease_until <= self.now:
                self.state[ident] = "in_doubt"

    @invariant()
    def the_store_knows_what_we_know(self):
        for ident, state in self.state.items():
            assert self.run(self.store.message(ident)).state == state

    @invariant()
    def what_can_go_is_offered(self):
        """Liveness: when everything is due and nothing of its chat is under way, the head of each lane is claimable."""
        free = [
            lane
            for lane, idents in self.order.items()
            if any(self.state[one] == "queued" for one in idents)
            and not any(self.state[one] in {"sending", "in_doubt"} for one in idents)
        ]
        lanes = {
            (row[0], row[1])
            for row in self.store._db.connection.execute("SELECT session_id, chat FROM lanes WHERE due_at IS NOT NULL")
        }
        assert lanes == {(self.sessions[name].id, chat) for name, chat in free}


Lanes.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLanes = Lanes.TestCase
