"""Not before when: delays, jitter, the server's budget, the ramp."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteio.core.judge import pacing
from esteio.core.model.ids import SessionId
from esteio.core.model.policy import DEFAULT, SEEDS, Policy
from esteio.core.model.recovery import Attempt, Recovery, Rung
from esteio.core.model.server import Limits, ServerFacts, Slot
from tests.core.rehearsal import T0, a_server


def attempt(number: int, until: float = T0 + 20) -> Attempt:
    return Attempt(id=f"a{number}", rung="restart", number=1, opened_at=T0, until=until)


def test_a_servers_own_pace_goes_before_the_policys() -> None:
    policy = msgspec.structs.replace(DEFAULT, server_sends_per_minute=120, server_sends_burst=7)
    assert pacing.server_pace(a_server(), DEFAULT) == (0, 0)
    assert pacing.server_pace(a_server(), policy) == (120, 7)
    assert pacing.server_pace(a_server(limits=Limits(sends_per_minute=0.0)), policy) == (0, 7)
    assert pacing.server_pace(a_server(limits=Limits(sends_per_minute=60.0, sends_burst=0)), policy) == (60, 0)


@given(session=st.integers(0, 10**9), number=st.integers(0, 1000), spread=st.floats(0, 1e6))
def test_jitter_is_a_share_and_the_same_again(session: int, number: int, spread: float) -> None:
    once = pacing.jitter(SessionId(session), number, spread)
    assert 0 <= once <= spread
    assert once == pacing.jitter(SessionId(session), number, spread)


@given(
    session=st.integers(0, 10**9),
    begun=st.floats(0, 1e6),
    gaps=st.lists(st.floats(0, 700), max_size=60),
    every=st.sampled_from([30.0, 600.0]),
)
def test_turns_are_half_their_time_apart_at_least_and_never_late(
    session: int, begun: float, gaps: list[float], every: float
) -> None:
    last = now = T0 + begun
    for gap in gaps:
        now += gap
        came = pacing.is_due(SessionId(session), last, now, every)
        assert not came or now - last >= every / 2
        assert came or now - last < every + 1e-3  # the clock itself knows no finer
        last = now if came else last


def test_a_fleet_that_was_begun_with_at_once_comes_due_spread_over_the_whole_time() -> None:
    """Looked at every five minutes it came due at every second look, all of it together."""
    due = [
        sum(pacing.is_due(SessionId(n), T0 + first, T0 + now, 600) for n in range(1000))
        for first, now in ((0, 300), (0, 450), (0, 600))
    ]
    assert due[2] == 1000
    assert 400 < due[0] < 600
    assert 680 < due[1] < 820


def test_jitter_spreads_a_fleet() -> None:
    shares = {round(pacing.jitter(SessionId(n), 0, 10)) for n in range(200)}
    assert len(shares) == 11


@pytest.mark.parametrize(("times", "pause"), [(-3, 5), (0, 5), (1, 10), (3, 40), (10, 300), (10**9, 300)])
def test_doubling_has_an_end(times: int, pause: int) -> None:
    assert pacing.doubling(5, 300, times) == pause


@pytest.mark.parametrize(
    ("restarts", "policy", "pause"),
    [(1, DEFAULT, 60), (2, DEFAULT, 120), (3, DEFAULT, 240), (9, DEFAULT, 1800), (1, SEEDS, 1800), (5, SEEDS, 1800)],
)
def test_restarts_cool_down_longer_each_time(restarts: int, policy: Policy, pause: int) -> None:
    recovery = Recovery(restarts=restarts, last_restart_at=T0)
    assert pacing.restart_allowed_at(recovery, policy) == T0 + pause


def test_the_first_restart_and_the_first_logout_wait_for_nothing() -> None:
    assert pacing.restart_allowed_at(Recovery(), DEFAULT) == 0
    assert pacing.logout_allowed_at(Recovery(), DEFAULT) == 0


def test_logouts_are_two_minutes_apart() -> None:
    assert pacing.logout_allowed_at(Recovery(last_logout_at=T0), SEEDS) == T0 + 120


def test_quarantine_doubles_forgets_what_was_tried_and_does_not_march_in_step() -> None:
    pauses = []
    recovery = Recovery(spent=("restart",), connects=3, then=("create",))
    for strike in range(1, 9):
        recovery = pacing.quarantine(recovery, DEFAULT, T0, SessionId(1))
        assert (recovery.strikes, recovery.spent, recovery.connects, recovery.then) == (strike, (), 0, ())
        assert recovery.struck_at == T0
        pauses.append(recovery.quarantine_until - T0)
    for strike, pause in enumerate(pauses):
        plain = min(3600, 60 * 2**strike)
        assert plain <= pause <= plain * 1.1
    other = pacing.quarantine(Recovery(), DEFAULT, T0, SessionId(2))
    assert other.quarantine_until - T0 != pauses[0]


def test_a_server_without_attempts_is_free_now() -> None:
    assert pacing.slot_free_at(a_server(), SessionId(1), DEFAULT, T0) == T0


def test_attempts_are_spaced() -> None:
    server = a_server(last_attempt_at=T0 - 1)
    assert pacing.slot_free_at(server, SessionId(1), DEFAULT, T0) == T0 + 2
    assert pacing.slot_free_at(server, SessionId(1), DEFAULT, T0 + 60) == T0 + 60


def test_the_server_s_own_limits_go_before_the_policy_s() -> None:
    server = a_server(last_attempt_at=T0, limits=Limits(connects_in_flight=1, seconds_between_connects=0.0))
    assert pacing.slot_free_at(server, SessionId(1), DEFAULT, T0) == T0
    full = pacing.take_slot(server, SessionId(2), attempt(2), T0)
    assert pacing.slot_free_at(full, SessionId(1), DEFAULT, T0) == T0 + 20


def test_a_full_server_is_free_when_enough_slots_are_over() -> None:
    server = a_server()
    for number, until in ((2, T0 + 30), (3, T0 + 10), (4, T0 + 20)):
        server = pacing.take_slot(server, SessionId(number), attempt(number, until), T0)
    assert len(server.slots) == 3
    assert pacing.slot_free_at(server, SessionId(1), DEFAULT, T0) == T0 + 20
    assert pacing.slot_free_at(server, SessionId(1), DEFAULT, T0 + 21) == T0 + 21


def test_a_session_s_own_slot_does_not_stand_in_its_way_and_is_never_doubled() -> None:
    server = pacing.take_slot(a_server(), SessionId(1), attempt(1), T0)
    server = pacing.take_slot(server, SessionId(1), attempt(2), T0 + 1)
    assert [slot.attempt for slot in server.slots] == ["a2"]
    server = pacing.take_slot(server, SessionId(2), attempt(3), T0 + 2)
    assert pacing.slot_free_at(server, SessionId(1), DEFAULT, T0 + 10) == T0 + 10


def test_slots_are_freed_by_their_attempt_or_by_time() -> None:
    server = pacing.take_slot(a_server(), SessionId(1), attempt(1), T0)
    assert pacing.free_slot(server, "a9") is server
    assert pacing.free_slot(server, "a1").slots == ()
    assert pacing.open_slots(server, T0 + 19) == (Slot(SessionId(1), "a1", T0 + 20),)
    assert pacing.open_slots(server, T0 + 20) == ()


@pytest.mark.parametrize(
    ("rung", "costs"),
    [
        ("connect", True),
        ("restart", True),
        ("logout", True),
        ("recreate", True),
        ("create", True),
        ("delete", False),
        ("set_webhook", False),
        ("wait", False),
        ("person", False),
    ],
)
def test_what_opens_a_socket_costs_a_slot(rung: Rung, costs: bool) -> None:
    assert pacing.costs_slot(rung) is costs


@pytest.mark.parametrize(
    ("booted", "now", "grace"), [(0, T0, False), (T0, T0, True), (T0, T0 + 179, True), (T0, T0 + 180, False)]
)
def test_boot_grace_is_three_minutes_after_a_start(booted: float, now: float, grace: bool) -> None:
    assert pacing.in_boot_grace(a_server(facts=ServerFacts(booted_at=booted)), DEFAULT, now) is grace


def test_the_pace_comes_back_from_a_tenth() -> None:
    assert pacing.ramp(0, T0, DEFAULT, T0) == 0
    assert pacing.ramp(60, T0, DEFAULT, T0) == 6
    assert pacing.ramp(60, T0, DEFAULT, T0 - 5) == 6
    assert pacing.ramp(60, T0, DEFAULT, T0 + 30) == 33
    assert pacing.ramp(60, T0, DEFAULT, T0 + 60) == 60
    assert pacing.ramp(60, T0, msgspec.structs.replace(DEFAULT, ramp_s=0), T0) == 60


@given(st.floats(0, 1e6))
def test_after_a_quiet_time_five_seconds_worth_may_go_at_once_and_never_less_than_one(per_minute: float) -> None:
    assert pacing.burst(per_minute, 0) == pytest.approx(max(1.0, per_minute * 5 / 60))
    assert pacing.burst(per_minute, 3) == 3


@given(st.integers(1, 100), st.floats(-100, 100), st.floats(0, 100))
def test_chats_at_once_grow_from_one_to_all_and_never_shrink_meanwhile(most: int, since: float, more: float) -> None:
    early = pacing.ramped_cap(most, T0, DEFAULT, T0 + since)
    late = pacing.ramped_cap(most, T0, DEFAULT, T0 + since + more)
    assert 1 <= early <= late <= most


@pytest.mark.parametrize(("after", "chats"), [(0, 1), (-5, 1), (30, 5), (59, 9), (60, 10), (999, 10)])
def test_a_session_that_came_back_writes_to_one_chat_first(after: int, chats: int) -> None:
    assert pacing.ramped_cap(10, T0, DEFAULT, T0 + after) == chats


def test_a_gate_that_never_closed_and_a_policy_without_a_ramp_let_all_go() -> None:
    assert pacing.ramped_cap(10, 0.0, DEFAULT, T0) == 10
    assert pacing.ramped_cap(10, T0, msgspec.structs.replace(DEFAULT, ramp_s=0), T0) == 10


def test_without_a_ramp_a_gate_that_opens_later_than_now_holds_nobody_back() -> None:
    assert pacing.ramp(60, T0, msgspec.structs.replace(DEFAULT, ramp_s=0), T0 - 5) == 60


def test_a_bucket_fills_with_time_to_its_brim_and_its_first_token_is_there_at_once() -> None:
    fresh = pacing.Tokens().filled(0.5, 3.0, T0)
    assert (fresh.whole, fresh.rests_until(0.5)) == (1, 0.0)
    empty = fresh.taken(1)
    assert (empty.whole, empty.rests_until(0.5)) == (0, T0 + 2)
    assert empty.filled(0.5, 3.0, T0 + 2).whole == 1
    assert empty.filled(0.5, 3.0, T0 + 99).whole == 3
    assert empty.filled(0.5, 3.0, T0 - 5).whole == 0, "a clock that was put back fills nothing"


def test_what_was_overdrawn_is_paid_by_those_behind() -> None:
    owed = pacing.Tokens(1.0, T0).taken(3)
    assert (owed.whole, owed.rests_until(1.0)) == (-2, T0 + 3)
    assert owed.rests_until(0.0) == 0.0, "without a pace nobody rests"


def test_a_token_grown_of_many_small_parts_is_a_whole_one() -> None:
    bucket = pacing.Tokens(0.0, T0)
    for step in range(1, 11):
        bucket = bucket.filled(0.1, 5.0, T0 + step)
    assert bucket.whole == 1
