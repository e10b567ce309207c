"""A checker that cannot fail proves nothing: a gateway whose policy breaks a promise is caught by the rule for it.

The gateway follows one policy and is held to another; nothing is mocked. The rules that no policy can break are shown
what they must catch.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from esteio.core.model.content import Content
from esteio.core.model.ids import MessageId, ServerName, SessionId, SessionName
from esteio.core.model.message import Message, MessageState
from esteio.core.model.policy import DEFAULT
from esteio.core.model.recovery import Outage, Recovery
from esteio.core.model.session import Session
from esteio.core.model.state import Reason
from esteio.providers.base import HttpResponse
from esteio.sim.clock.virtual_loop import START_EPOCH
from esteio.sim.storm.checkers import Checkers
from esteio.sim.storm.plan import Plan, PlannedFault, PlannedServer, draw
from esteio.sim.storm.storm import run
from esteio.sim.world.instance import Truth
from esteio.sim.world.ledger import DUEL_GAP_S, ControlCall, Delivered, Ledger
from esteio.sim.world.server import SimServer
from esteio.store.base import Work


def story(*faults: PlannedFault, sessions: int = 6, hours: float = 0.4) -> Plan:
    """A calm fleet on one Evolution server, with just these faults."""
    plan = draw(1, sessions=sessions, hours=hours, epoch0=START_EPOCH, servers=1, storm=0.0, talk=3.0)
    return msgspec.structs.replace(plan, faults=faults)


def broken_rules(plan: Plan, **knobs: Any) -> set[str]:
    tables = {"wrong": {"inherits": "default", **knobs}}
    outcome = run(plan, "wrong", tables=tables, rules=DEFAULT)
    return {violation.rule for violation in outcome.violations}


def hit(line: int, kind: str, at: float, **params: str) -> PlannedFault:
    return PlannedFault(at, "evolution-1", f"line{line:04d}", kind, params)


def server_hit(kind: str, at: float, **params: str) -> PlannedFault:
    return PlannedFault(at, "evolution-1", None, kind, params)


ALL_STALE = tuple(hit(n, "stale_registry", 200.0) for n in range(1, 7))


def test_the_right_gateway_breaks_nothing() -> None:
    assert broken_rules(story(*ALL_STALE, hit(1, "ghost", 900.0, variant="restart_cures"))) == set()


def test_a_storm_of_connects_is_caught() -> None:
    eager = {"connects_in_flight": 99, "seconds_between_connects": 0, "mass_fall_count": 99}
    assert "budget" in broken_rules(story(*ALL_STALE), **eager)


@pytest.mark.parametrize("kind", ["evolution", "wapi", "baileys"])
def test_a_slow_eye_is_caught(kind: str) -> None:
    plan = story(hit(2, "ghost", 300.0, variant="restart_cures"))
    idle = tuple(msgspec.structs.replace(line, out_rate=0.0, in_rate=0.0) for line in plan.lines)
    plan = msgspec.structs.replace(plan, lines=idle, servers=(PlannedServer(plan.servers[0].name, kind),))
    assert broken_rules(plan) == set()
    assert "unseen" in broken_rules(plan, probe_idle_s=400)


def test_a_logout_that_nobody_agreed_to_is_caught() -> None:
    found = broken_rules(story(hit(3, "ghost", 200.0, variant="restart_noop")), inherits="seeds")
    assert "destructive" in found


def test_a_silent_fall_is_caught() -> None:
    assert "notices" in broken_rules(story(hit(4, "revoked", 200.0)), notify_after_s=90_000)


# -- rules that no policy breaks ----------------------------------------------------------------------------------


class Patient(Checkers):
    """Checkers that look at what was put off when they are told to, with no server or one."""

    def __init__(self, server: SimServer | None = None, came_up: Mapping[str, float] = MappingProxyType({})) -> None:
        self.put_off: list[Callable[[], None]] = []
        super().__init__(
            DEFAULT,
            now=lambda: 7.0,
            servers={} if server is None else {"s": server},
            usable=lambda _: True,
            later=lambda _, fn, *args: self.put_off.append(lambda: fn(*args)),
            came_up=lambda _, session: came_up.get(session, -1.0),
            probed=frozenset({"evolution"}),
        )

    def tell_all(self) -> None:
        for one in self.put_off:
            one()
        self.put_off.clear()


def a_truth(*, alive: bool, faults: tuple[str, ...] = (), claim: str = "open") -> Truth:
    """As much of it as the checkers ask for."""
    return cast("Truth", SimpleNamespace(alive=alive, faults=faults, claim=claim, linked=True))


@pytest.fixture
def checkers() -> Patient:
    return Patient()


def told(text: str, at: float = 1.0) -> Delivered:
    return Delivered(at, "s", "loja", "5511", "5522", text, "text", f"id-{text}-{at}")


def rules(checkers: Checkers) -> list[str]:
    return [violation.rule for violation in checkers.violations]


def test_a_double_and_a_wrong_order() -> None:
    checkers = among_dead_lines()
    for text in ("m1", "m3"):
        checkers.delivered(told(text))
    assert rules(checkers) == []
    checkers.delivered(told("m3", 2.0))
    checkers.delivered(told("m2", 3.0))
    assert rules(checkers) == ["doubled", "order"]


@pytest.mark.parametrize(
    ("away", "line_away", "dials", "broken"),
    [(True, False, False, True), (False, True, True, True), (False, True, False, False), (False, False, True, False)],
)
def test_an_unlink_asked_for_while_whatsapp_is_away_is_caught(
    away: bool, line_away: bool, dials: bool, broken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = SimpleNamespace(away_since=-90.0 if line_away else None, sockets={1} if dials else set(), preparing=0)
    checkers = among_dead_lines(loja=line)
    checkers.servers["s"].away_since = -90.0 if away else None
    monkeypatch.setattr(checkers.servers["s"].world, "now", lambda: 0.0, raising=False)
    asks = Recovery(awaiting="apr")
    for _ in range(2):
        checkers.session_changed(
            Session(SessionId(1), SessionName("loja"), ServerName("s"), "baileys", 0.0, recovery=asks)
        )
    assert rules(checkers) == ["asked-while-away"] * broken


@pytest.mark.parametrize(("heard", "broken"), [(False, ["doubled"]), (True, ["doubled", "doubled"])])
def test_what_no_list_has_and_no_answer_told_may_come_twice_and_not_three_times(heard: bool, broken: list[str]) -> None:
    checkers = among_dead_lines()
    ledger, answer = checkers.servers["s"].world.ledger, HttpResponse(400)
    ledger.untold["id-m1-1.0"] = answer
    ledger.heard(answer if heard else HttpResponse(400))
    for at in (1.0, 2.0, 3.0):
        checkers.delivered(told("m1", at))
    assert rules(checkers) == broken
    assert checkers.untellable == (set() if heard else {"m1"})


@pytest.mark.parametrize("lost", [True, False])
def test_a_send_that_is_neither_noted_nor_answered_is_told_apart_from_a_double(lost: bool) -> None:
    """Storm seed 40011: its database failed on just the one send whose answer was lost."""
    plan = story(*(hit(n, "unstored", 100.0) for n in range(1, 7)), hours=0.6)
    if lost:
        plan = msgspec.structs.replace(plan, faults=(*plan.faults, server_hit("lost_response", 101.0, verbs="send")))
    outcome = run(plan, "default")
    assert outcome.violations == []
    assert (outcome.messages.doubled, outcome.messages.untellable) == (0, int(lost))


def message(state: MessageState) -> Message:
    return Message(
        MessageId("m"), SessionId(1), SessionName("loja"), "out", "5522", Content("text", text="m1"), state, 0.0, 0.0
    )


def test_sent_that_never_left(checkers: Patient) -> None:
    checkers.settled(message("sent"), at_whatsapp=True)
    checkers.settled(message("sent"), at_whatsapp=False, parked=True)
    assert rules(checkers) == []
    checkers.settled(message("sent"), at_whatsapp=False)
    checkers.settled(message("failed"), at_whatsapp=False)
    checkers.missing("loja", "m2")
    assert rules(checkers) == ["lost", "reason", "lost"]


def test_a_version_that_goes_back(checkers: Patient) -> None:
    session = Session(SessionId(1), SessionName("loja"), ServerName("s"), "evolution", 0.0, row_version=4)
    checkers.session_changed(session)
    checkers.session_changed(msgspec.structs.replace(session, row_version=3))
    assert rules(checkers) == ["version"]


def notice(phase: str) -> Work:
    return Work("n", "n", "notice", {"id": "out_1", "phase": phase}, 0.0, 0.0)


def test_two_words_about_one_fall(checkers: Patient) -> None:
    checkers.noticed(notice("opened"))
    checkers.noticed(notice("closed"))
    assert rules(checkers) == []
    checkers.noticed(notice("opened"))
    assert rules(checkers) == ["notices"]


def test_an_end_that_nobody_heard_of(checkers: Patient) -> None:
    over = Outage("out_1", 100.0, "ghost-socket", ended_at=400.0)
    checkers.session_changed(
        Session(SessionId(1), SessionName("loja"), ServerName("s"), "evolution", 0.0, last_outage=over, row_version=1)
    )
    checkers.noticed(notice("opened"))
    checkers.all_told(1000.0, 0.0)
    assert rules(checkers) == ["notices"]


def opens(at: float, verb: str = "connect", session: str = "loja", effect: str = "socket") -> ControlCall:
    return ControlCall(at, "s", verb, session, alive=False, booting=False, effect=effect, status=200)


def among_dead_lines(came_up: dict[str, float] | None = None, **lines: object) -> Patient:
    world = SimpleNamespace(ledger=Ledger())
    server = SimpleNamespace(
        weather=None, calm_since=float("-inf"), lines=lines, kind="evolution", up=True, world=world
    )
    return Patient(cast("SimServer", server), came_up or {})


def test_a_slot_is_held_by_a_session_and_for_the_time_of_its_act() -> None:
    baileys = [opens(9.0 * n, "create", f"line{n % 3}") for n in range(12)]
    for calls, broken in (
        (baileys, []),
        ([opens(0.0, "restart", "a"), opens(3.0, "restart", "b"), opens(6.0, "restart", "c")], ["budget"]),
        ([opens(0.0, "create", "a"), opens(3.0, "create", "b"), opens(6.0, "create", "c")], []),
    ):
        checkers = among_dead_lines()
        for call in calls:
            checkers.controlled(call)
        checkers.tell_all()
        assert rules(checkers) == broken


@pytest.mark.parametrize(("calm_since", "broken"), [(46.0, []), (40.5, ["budget"])])
def test_what_was_held_up_on_its_way_says_nothing_of_the_pause_between_two_acts(
    calm_since: float, broken: list[str]
) -> None:
    checkers = among_dead_lines()
    checkers.servers["s"].calm_since = calm_since
    for at, session in ((50.0, "a"), (51.0, "b")):
        checkers.controlled(opens(at, session=session))
    checkers.tell_all()
    assert rules(checkers) == broken


@pytest.mark.parametrize(("calm_since", "broken"), [(35.0, []), (30.0, ["budget"])])
def test_an_act_that_was_held_up_on_its_way_has_held_its_slot_since_before_it_arrived(
    calm_since: float, broken: list[str]
) -> None:
    """Storm seed 9057."""
    checkers = among_dead_lines()
    checkers.servers["s"].calm_since = calm_since
    for at, session in ((40.0, "a"), (47.0, "b"), (58.0, "c")):
        checkers.controlled(opens(at, "restart", session))
    checkers.tell_all()
    assert rules(checkers) == broken


@pytest.mark.parametrize(("first", "second", "broken"), [
    ("none", "none", []), ("socket", "none", []), ("none", "socket", []), ("socket", "socket", ["budget"]),
])  # fmt: skip
def test_codes_that_are_read_open_nothing(first: str, second: str, broken: list[str]) -> None:
    """What a connect did is known only after the server has taken it (storm seed 7413)."""
    checkers = among_dead_lines()
    for at, effect in ((50.0, first), (50.1, second)):
        call = opens(at, effect="none")
        checkers.controlled(call)
        call.effect = effect
        checkers.tell_all()
    assert rules(checkers) == broken


@pytest.mark.parametrize(("came_up", "broken"), [(1.0, []), (-1.0, ["budget"])])
def test_an_act_whose_effect_was_there_holds_no_slot_even_if_the_line_fell_again(
    came_up: float, broken: list[str]
) -> None:
    """Storm seed 7381."""
    checkers = among_dead_lines(came_up={"a": came_up})
    for at, session in ((0.0, "a"), (3.0, "b"), (6.0, "c")):
        checkers.controlled(opens(at, "restart", session))
    checkers.tell_all()
    assert rules(checkers) == broken


@pytest.mark.parametrize(("fault", "trouble"), [("half_open", False), ("stalled", True), ("ghost", True)])
def test_where_nothing_probes_a_socket_only_a_half_open_one_looks_well_for_good(fault: str, trouble: bool) -> None:
    checkers = among_dead_lines()
    session = Session(SessionId(1), SessionName("loja"), ServerName("s"), "wapi", 0.0, state="connected")
    truth = a_truth(alive=False, faults=(fault,))
    assert bool(checkers.settled_down(session, truth)) is trouble
    assert checkers.settled_down(msgspec.structs.replace(session, kind="evolution"), truth)


@pytest.mark.parametrize(
    ("kind", "claim", "trouble"), [("wapi", "absent", 0), ("evolution", "absent", 1), ("wapi", "open", 1)]
)
def test_what_w_api_has_forgotten_only_its_owner_brings_back(kind: str, claim: str, trouble: int) -> None:
    session = Session(
        SessionId(1),
        SessionName("loja"),
        ServerName("s"),
        kind,
        0.0,
        state="disconnected",
        reason=Reason("instance-missing"),
    )
    truth = a_truth(alive=False, claim=claim)
    assert bool(among_dead_lines().settled_down(session, truth)) == trouble


def test_a_duel_that_is_said_to_be_one_only_a_restart_of_the_server_ends() -> None:
    checkers = among_dead_lines()
    session = Session(
        SessionId(1),
        SessionName("loja"),
        ServerName("s"),
        "evolution",
        0.0,
        state="connecting",
        reason=Reason("flapping"),
    )
    truth = a_truth(alive=True)
    assert checkers.settled_down(session, truth), "nobody throws anybody out"
    checkers.kicked(checkers.now(), "s", "loja", "twin")
    assert not checkers.settled_down(session, truth)
    assert checkers.settled_down(msgspec.structs.replace(session, reason=Reason("closed")), truth)
    checkers.kicked(checkers.now() - DUEL_GAP_S - 1, "s", "loja", "twin")
    assert checkers.settled_down(session, truth), "that is over"


@pytest.mark.parametrize(
    ("cause", "acts", "broken"),
    [
        ("twin", ((0.0, "socket"), (1.0, "socket")), []),
        ("connect_race", ((0.0, "socket"),), []),
        ("connect_race", ((0.0, "socket"), (DEFAULT.connect_every_s, "socket")), []),
        ("connect_race", ((0.0, "none"), (2.0, "socket")), []),
        ("connect_race", ((0.0, "socket"), (2.0, "second_socket")), ["two-actors"]),
    ],
    ids=["somebody else's", "one the server forgot", "one after the other", "a word without effect", "two at once"],
)
def test_two_sockets_of_ours(cause: str, acts: tuple[tuple[float, str], ...], broken: list[str]) -> None:
    checkers = among_dead_lines()
    for at, effect in acts:
        checkers.controlled(opens(at, effect=effect))
    checkers.kicked(8.0, "s", "loja", cause)
    assert [rule for rule in rules(checkers) if rule == "two-actors"] == broken


@pytest.mark.parametrize(
    ("verb", "effect", "lived_s", "kicked_at", "broken"),
    [
        ("connect", "socket", 30.0, 50.6, ["beside"]),
        ("connect", "second_socket", 6.0, 50.6, ["beside"]),
        ("connect", "socket", 5.0, 50.6, []),
        ("connect", "none", 30.0, 50.6, []),
        ("restart", "socket", 30.0, 50.6, []),
        ("connect", "socket", 30.0, 55.0, []),
    ],
    ids=["for long", "at the last look", "since then", "no effect", "it closes the old one", "thrown out by another"],
)
def test_a_connect_beside_a_socket_that_lives(
    verb: str, effect: str, lived_s: float, kicked_at: float, broken: list[str]
) -> None:
    checkers = among_dead_lines()
    checkers.controlled(opens(50.0, verb, effect=effect))
    checkers.kicked(kicked_at, "s", "loja", "connect_race", lived_s=lived_s)
    assert rules(checkers) == broken
