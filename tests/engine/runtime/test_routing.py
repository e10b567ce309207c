"""A commit of each kind tells exactly those for whom something may have changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from esteio.core.model.content import Content, Media
from esteio.core.model.decision import Decision
from esteio.core.model.evidence import Evidence, seen
from esteio.core.model.ids import MessageId, ServerName, SessionId, SessionName
from esteio.core.model.inbound import CarriedEvent, InboundEvent, ReceivedMessage
from esteio.core.model.server import Server
from esteio.core.model.session import Session
from esteio.core.model.state import Reason
from esteio.engine.runtime.routing import Recipients, Routing
from esteio.store.base import InboxResult, InboxSettlement, Qr

LOJA, MSG, PROV = SessionId(7), MessageId("msg_1"), ServerName("prov")
SESSION = Session(id=LOJA, name=SessionName("loja"), server=PROV, kind="evolution", created_at=0.0, gate="open")
HELD = msgspec.structs.replace(SESSION, gate="held")
SERVER = Server(name=PROV, kind="evolution", base_url="http://prov.sim")
RECEIVED = (seen("message_received", 1.0, "webhook"),)
Told = list[tuple[str, ...]]


class Recorder:
    """Stands for one recipient: every call of any of its methods is written down."""

    def __init__(self, name: str, told: Told) -> None:
        self._name, self._told = name, told

    def __getattr__(self, method: str) -> Callable[..., None]:
        def call(*args: Any) -> None:
            told = tuple(str(one) for one in args if isinstance(one, int | str))
            self._told.append((f"{self._name}.{method}", *told))

        return call


def told_by(commit: Callable[[Routing], None]) -> set[tuple[str, ...]]:
    told: Told = []
    routing = Routing()
    routing.connect(Recipients(**{name: Recorder(name, told) for name in Recipients.__struct_fields__}))
    commit(routing)
    assert len(told) == len(set(told)), "nobody is told the same twice"
    return set(told)


def decided(before: Session, after: Session = SESSION, **more: Any) -> Callable[[Routing], None]:
    decision = Decision(after, after.reason, wake_at=None, look=None, quiet=False, shown=True, **more)
    return lambda routing: routing.session_decided(before, decision)


def applied(
    *events: InboundEvent,
    known: bool = False,
    settled_sends: bool = False,
    qr: Qr | None = None,
    evidence: tuple[Evidence, ...] = (),
    carried: tuple[CarriedEvent, ...] = (),
) -> Callable[[Routing], None]:
    """`known`: the events were applied before."""
    told = {"qr": qr, "evidence": evidence, "carried": carried}
    settlement = InboxSettlement(1, LOJA, 1.0, readable=True, events=events, **told)  # type: ignore[arg-type]
    result = InboxResult(fresh=() if known else tuple(range(len(events))), settled_sends=settled_sends)
    return lambda routing: routing.webhook_applied(LOJA, settlement, result)


TEXT = ReceivedMessage("A1", "5511999990001", "5511999990001", 1.0, Content(kind="text", text="oi"))
PICTURE = msgspec.structs.replace(TEXT, content=Content(kind="image", media=Media("image", fetching=True)))


def about_server() -> Evidence:
    return seen("server_answered", 1.0, "webhook")


WAITS = ("waits.session_changed", "7")
MOVED = {("waits.message_changed", "msg_1"), ("acks.sent", "7"), ("deliveries.wake",), ("judgements.on_evidence", "7")}
WRITTEN: set[tuple[str, ...]] = {("waits.event_written",), ("deliveries.wake",)}
LOOKED_FOR: set[tuple[str, ...]] = {("doubts.wake",), ("provider_queue.wake",)}
ROUTES: dict[str, tuple[Callable[[Routing], None], set[tuple[str, ...]]]] = {
    "evidence of a command": (lambda to: to.session(LOJA), {("judgements.wake", "7")}),
    "a server was changed": (lambda to: to.server(PROV), {("judgements.wake", "prov")}),
    "a message was accepted": (lambda to: to.sends(), {("sends.wake",)}),
    "a work row was written": (lambda to: to.work(), {("work.wake",)}),
    "a provider's webhook was stored": (lambda to: to.inbox(), {("inbox.wake",)}),
    "an event is to be delivered again": (lambda to: to.deliveries(), {("deliveries.wake",)}),
    "a quiet decision": (decided(SESSION), {WAITS, ("pace.set_limits",)}),
    "a decision with an event": (
        decided(SESSION, events=("session.state_changed",)),
        {WAITS, ("pace.set_limits",), ("deliveries.wake",)},
    ),
    "a decision that fails what waits": (
        decided(SESSION, fail_queued=Reason("paused")),
        {WAITS, ("pace.set_limits",), ("deliveries.wake",)},
    ),
    "the gate opens": (decided(HELD), {WAITS, ("pace.set_limits",), ("sends.wake",), *LOOKED_FOR}),
    "the gate closes": (decided(SESSION, HELD), {WAITS, ("pace.set_limits",)}),
    "a restriction ends while the gate is open": (
        decided(msgspec.structs.replace(SESSION, restricted_until=9.0)),
        {WAITS, ("pace.set_limits",), ("sends.wake",), *LOOKED_FOR},
    ),
    "a restriction changes behind a closed gate": (
        decided(msgspec.structs.replace(HELD, restricted_until=9.0), HELD),
        {WAITS, ("pace.set_limits",)},
    ),
    "a server was read": (lambda to: to.server_read(SERVER), {("pace.set_server_limits",)}),
    "something was seen": (lambda to: to.observed(PROV, RECEIVED), {("judgements.submit", "prov")}),
    "a message moved": (lambda to: to.message_moved(LOJA, MSG, ()), MOVED),
    "a send is in doubt": (lambda to: to.send_unsure(), LOOKED_FOR),
    "a doubt was settled": (lambda to: to.doubt_settled(LOJA, MSG, ()), {*MOVED, ("sends.wake",)}),
    "a provider's queue let go": (lambda to: to.left_provider_queue(LOJA, MSG), {*MOVED, ("sends.wake",)}),
    "work for a session was done": (lambda to: to.work_done(LOJA, None), {("judgements.wake", "7"), WAITS}),
    "work for a server was done": (lambda to: to.work_done(None, PROV), {("judgements.wake", "prov")}),
    "work for both was done": (
        lambda to: to.work_done(LOJA, PROV),
        {("judgements.wake", "7"), ("judgements.wake", "prov"), WAITS},
    ),
    "a webhook speaks of its session": (
        lambda to: to.webhook_read(SESSION, RECEIVED),
        {("judgements.on_evidence", "7")},
    ),
    "a webhook speaks of its server": (
        lambda to: to.webhook_read(SESSION, (about_server(),)),
        {("judgements.on_evidence", "7"), ("judgements.wake", "prov")},
    ),
    "a webhook brought a message": (applied(TEXT), WRITTEN),
    "a webhook brought a picture": (applied(TEXT, PICTURE), {*WRITTEN, ("media.wake",)}),
    "a webhook brought again what was known": (applied(PICTURE, known=True), set()),
    "a webhook brought an event of its server's own": (applied(carried=(CarriedEvent("CALL", {}),)), WRITTEN),
    "a webhook brought a code": (applied(qr=Qr("2@x", "", 1, seen_at=1.0, expires_at=61.0)), {*WRITTEN, WAITS}),
    "a webhook brought news of its session": (applied(evidence=(seen("said_connecting", 1.0, "webhook"),)), {WAITS}),
    "a webhook settled a doubt": (applied(TEXT, settled_sends=True), {*WRITTEN, ("sends.wake",)}),
    "a media was fetched": (lambda to: to.media_changed(), {("waits.event_written",), ("deliveries.wake",)}),
}


@pytest.mark.parametrize("commit", ROUTES)
def test_a_commit_tells_exactly(commit: str) -> None:
    make, expected = ROUTES[commit]
    assert told_by(make) == expected


def test_every_route_is_in_the_table() -> None:
    """A route that is added is told of here too."""
    public = {name for name in vars(Routing) if not name.startswith("_")} - {"connect"}
    used: set[str] = set()

    class Spy:
        def __getattr__(self, name: str) -> Callable[..., None]:
            used.add(name)
            return lambda *args: None

    for make, _ in ROUTES.values():
        make(Spy())  # type: ignore[arg-type]
    assert used == public


def test_the_evidence_is_handed_on_whole() -> None:
    handed: list[tuple[Any, ...]] = []

    class Judge(Recorder):
        def on_evidence(self, *args: Any) -> None:
            handed.append(args)

    told: Told = []
    routing = Routing()
    others = {name: Recorder(name, told) for name in Recipients.__struct_fields__}
    routing.connect(Recipients(**{**others, "judgements": Judge("judgements", told)}))
    routing.message_moved(LOJA, MSG, RECEIVED)
    assert handed == [(LOJA, RECEIVED)]
