"""The relay's schedule: steps, jitter, giving up, and what makes an endpoint open."""

from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from esteio.core.webhooks import delivery_policy
from esteio.core.webhooks.delivery_policy import EndpointHealth

NOW = 1_800_000_000.0
HOUR = 3600.0
WELL = EndpointHealth(last_ok_at=NOW + 1)
times = st.floats(min_value=0, max_value=200 * HOUR)


def retry(
    event: int, failures: int, *, event_at: float = NOW, health: EndpointHealth = WELL, now: float = NOW
) -> float | None:
    return delivery_policy.retry_at(
        "wh_1", event, failures, event_at=event_at, tried_since=NOW, began_at=now, health=health, now=now
    )


def series(event: int, *, healthy: bool) -> list[float]:
    """The times at which one event is tried until it is given up, every attempt failing."""
    now, health, tries = NOW, EndpointHealth(last_ok_at=NOW + 1 if healthy else 0.0), [NOW]
    while True:
        if not healthy:
            health = delivery_policy.after_failure(health, "wh_1", "lane", now, now)
        at = retry(event, len(tries), health=health, now=now)
        if at is None:
            return tries
        assert at > now
        tries.append(at)
        now = at


@given(st.integers(min_value=1, max_value=10**9), st.booleans())
@example(362_879, True)  # the last but one falls into the last second: the last keeps its distance
def test_an_event_is_tried_for_72_hours_and_not_longer(event: int, healthy: bool) -> None:
    tries = series(event, healthy=healthy)
    assert delivery_policy.GIVE_UP_S <= tries[-1] - tries[0] < delivery_policy.GIVE_UP_S + delivery_policy.LEAST_PAUSE_S
    pauses = [b - a for a, b in pairwise(tries)]
    assert max(pauses) <= delivery_policy.THEN_EVERY_S
    assert min(pauses) >= delivery_policy.LEAST_PAUSE_S


@given(st.integers(min_value=1, max_value=10**9))
def test_the_steps_of_an_event_at_an_endpoint_that_works(event: int) -> None:
    tries = series(event, healthy=True)
    steps = [*delivery_policy.STEPS_S, *[delivery_policy.THEN_EVERY_S] * len(tries)]
    for (a, b), most in zip(pairwise(tries), steps, strict=False):
        assert b - a <= most


@given(st.integers(min_value=1, max_value=10**9))
def test_while_nothing_gets_through_at_least_every_30_s_in_the_first_hour(event: int) -> None:
    tries = series(event, healthy=False)
    first = [at for at in tries if at - NOW < HOUR]
    assert all(b - a <= delivery_policy.OLDEST_EVERY_S for a, b in pairwise(first))


def test_jitter_is_the_same_every_time_and_differs_between_events() -> None:
    assert series(5, healthy=True) == series(5, healthy=True)
    assert len({series(event, healthy=True)[3] for event in range(50)}) == 50


def test_jitter_is_full() -> None:
    """Over many events the pauses fill the whole step, not only its end."""
    pauses = sorted((retry(event, 5) or NOW) - NOW for event in range(1000))
    step = delivery_policy.STEPS_S[4]
    assert pauses[0] < step * 0.05
    assert pauses[-1] > step * 0.95
    assert 0.4 < pauses[500] / step < 0.6


@given(times, times)
def test_an_untried_event_is_given_up_only_when_it_and_the_failing_are_72_hours_old(
    age: float, failing_for: float
) -> None:
    health = EndpointHealth(failing_since=NOW - failing_for, failures=1) if failing_for else EndpointHealth()
    due = delivery_policy.overdue(NOW - age, health, NOW)
    assert due == (bool(failing_for) and min(age, failing_for) >= delivery_policy.GIVE_UP_S)


def test_an_old_event_at_an_endpoint_that_just_stumbled_is_not_given_up() -> None:
    """The gateway was off for a week: its events may not die of one refused connection."""
    health = delivery_policy.after_failure(EndpointHealth(last_ok_at=NOW - 1), "wh_1", "lane", NOW, NOW + 1)
    assert retry(7, 1, event_at=NOW - 7 * 24 * HOUR, health=health) is not None


def test_an_endpoint_s_health_in_a_word() -> None:
    once = delivery_policy.after_failure(EndpointHealth(), "wh_1", "a", NOW, NOW)
    twice = delivery_policy.after_failure(once, "wh_1", "b", NOW, NOW)
    assert [repr(health) for health in (WELL, once, twice)] == [
        "EndpointHealth(ok, failures=0)",
        "EndpointHealth(failing, failures=1)",
        "EndpointHealth(open, failures=2)",
    ]


def test_one_failing_lane_does_not_open_an_endpoint_and_two_do() -> None:
    health = EndpointHealth()
    for number in range(20):
        health = delivery_policy.after_failure(health, "wh_1", "live:s1:poison", NOW + number, NOW + number)
        assert not health.opened
    health = delivery_policy.after_failure(health, "wh_1", "live:s1:other", NOW + 20, NOW + 20)
    assert health.opened
    assert delivery_policy.after_success(health, NOW + 21) == EndpointHealth(
        last_ok_at=NOW + 21, last_failed_at=NOW + 20
    )


@given(st.integers(min_value=2, max_value=500), st.floats(min_value=0, max_value=15))
def test_an_open_endpoint_is_tried_with_its_oldest_every_30_s_in_the_first_hour_and_then_seldom(
    rounds: int, takes_s: float
) -> None:
    health, began, oldest = EndpointHealth(), NOW, []
    for number in range(rounds):
        if number < 2 or delivery_policy.probes_oldest(health):
            oldest.append(began)
        health = delivery_policy.after_failure(health, "wh_1", f"lane{number}", began, began + takes_s)
        assert began + takes_s <= health.probe_at <= began + 1800.0
        began = health.probe_at
    early = [at for at in oldest if at - NOW < HOUR]
    assert all(b - a <= 30.001 for a, b in pairwise(early))
    late = [at for at in oldest if at - NOW >= HOUR]
    assert all(b - a >= 2 * 300 * 0.7 for a, b in pairwise(late))


@given(times, times)
def test_waking_never_delays_and_leaves_the_just_tried_a_moment(waits: float, ago: float) -> None:
    at = delivery_policy.woken_at(NOW + waits, NOW - ago, NOW)
    assert at <= NOW + waits
    assert at <= NOW + delivery_policy.WOKEN_AFTER_S
    assert at >= min(NOW + waits, NOW - ago + delivery_policy.WOKEN_AFTER_S, NOW)


def test_who_wants_what() -> None:
    assert delivery_policy.wants((), "session.qr")
    assert not delivery_policy.wants((), delivery_policy.PROVIDER_EVENT)
    assert not delivery_policy.wants(("message.received",), "session.qr")


def test_who_may_be_told_what() -> None:
    hears = delivery_policy.hears
    assert hears(None, (), "acme", "s1")
    assert hears(None, ("shop-*", "x"), "acme", "shop-1")
    assert not hears(None, ("shop-*", "x"), "acme", "other")
    assert hears("acme", (), "acme", "s1")
    assert not hears("acme", (), "other", "s1")
    assert not hears("acme", ("shop-*",), "acme", "other")
    assert hears("acme", ("shop-*",), "acme", None), "its own server"
    assert not hears("acme", (), "other", None), "another tenant's server"
    assert hears("acme", (), None, None), "a server that all share"


@given(st.floats(min_value=0.5, max_value=1e9))
def test_a_subscriber_that_asks_for_time_gets_it_up_to_an_hour(asked_s: float) -> None:
    until = delivery_policy.not_before(asked_s, NOW)
    assert until == NOW + min(asked_s, HOUR)
    health = delivery_policy.after_failure(
        EndpointHealth(), "wh_1", "a", NOW, NOW, waits_until=until, status=429, detail="slow down"
    )
    assert health.opened, "no other chat is tried meanwhile"
    assert health.probe_at >= until
    assert (health.last_status, health.last_detail) == (429, "slow down")
    at = delivery_policy.retry_at(
        "wh_1", 1, 1, event_at=NOW, tried_since=NOW, began_at=NOW, health=health, now=NOW, waits_until=until
    )
    assert at is not None
    assert at >= until


def test_who_asks_for_no_time_is_tried_by_the_steps() -> None:
    assert [delivery_policy.not_before(asked, NOW) for asked in (None, 0.0, -3.0)] == [0.0, 0.0, 0.0]
    assert not delivery_policy.after_failure(EndpointHealth(), "wh_1", "a", NOW, NOW).opened
