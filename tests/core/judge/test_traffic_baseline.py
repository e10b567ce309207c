"""A line's rhythm: nights and weekends surprise nobody, business hours do, and what was quiet before may be again."""

import math
from typing import Any

import pytest

from esteio.core.judge import traffic_baseline
from esteio.core.judge.traffic_baseline import (
    SLOT_S,
    SURPRISE,
    UNIT,
    TrafficBaseline,
    is_the_day,
    learn,
    quiet_now,
    slot_of,
    surprise,
    too_long_at,
)

DAY = 86400.0
MONDAY = 1_700_438_400.0  # a midnight, UTC
NIGHTS_AND_WEEKENDS: dict[str, Any] = {"days": range(5), "hours": range(9, 18)}


def busy(
    weeks: int, *, days: range = range(7), hours: range = range(24), per_hour: int = 6, without: tuple[int, ...] = ()
) -> set[int]:
    """Slots with traffic, `per_hour` of the six in each open hour."""
    found = set()
    for day in range(weeks * 7):
        if day % 7 in days and day not in without:
            for hour in hours:
                at = slot_of(MONDAY) + day * 144 + hour * 6
                found |= {at + i for i in range(per_hour)}
    return found


def after(weeks: int, day: int = 0, hour: float = 0.0) -> float:
    return MONDAY + (weeks * 7 + day) * DAY + hour * 3600


@pytest.mark.parametrize("weeks", [0, 0.9])
def test_a_line_is_not_judged_before_it_is_known_for_a_week(weeks: float) -> None:
    now = MONDAY + weeks * 7 * DAY
    assert learn(busy(1), MONDAY, now) is None


def test_a_line_with_little_traffic_has_no_rhythm() -> None:
    slots = sorted(busy(6))[:: 6048 // (traffic_baseline.BUSY_SLOTS - 1)]
    assert len(slots) >= traffic_baseline.BUSY_SLOTS - 1
    assert learn(slots[: traffic_baseline.BUSY_SLOTS - 1], MONDAY, after(6)) is None
    assert learn(sorted(busy(6))[: traffic_baseline.BUSY_SLOTS], MONDAY, after(6)) is not None


def test_what_came_before_it_was_known_and_the_slot_under_way_are_not_learned() -> None:
    now = after(2, 0, 12)
    known = learn(busy(2), MONDAY, now)
    assert learn(busy(2) | {slot_of(MONDAY) - 5, slot_of(now), slot_of(now) + 3}, MONDAY, now) == known


def test_a_shop_is_heard_to_fall_silent_within_business_hours_and_never_at_night_or_on_weekends() -> None:
    line = learn(busy(4, **NIGHTS_AND_WEEKENDS), MONDAY, after(4))
    assert line is not None
    friday_evening, monday = after(4, 4, 18), after(5, 0, 9)
    assert monday < too_long_at(line, friday_evening) < monday + 2 * 3600
    wednesday = after(4, 2, 11)
    assert wednesday + 1800 < too_long_at(line, wednesday) < wednesday + 2 * 3600
    assert too_long_at(line, after(4, 2, 17.5)) > after(4, 3, 9)


def test_the_busier_the_line_the_sooner() -> None:
    calm = learn(busy(4, per_hour=1), MONDAY, after(4))
    brisk = learn(busy(4, per_hour=6), MONDAY, after(4))
    assert calm is not None
    assert brisk is not None
    at = after(4, 1, 10)
    assert too_long_at(brisk, at) - at < 2 * 3600 < too_long_at(calm, at) - at


def test_a_line_that_was_as_quiet_before_must_be_quieter_than_that_but_not_for_ever() -> None:
    plain = learn(busy(4, **NIGHTS_AND_WEEKENDS), MONDAY, after(4))
    holiday = learn(busy(4, **NIGHTS_AND_WEEKENDS, without=(9,)), MONDAY, after(4))
    assert plain is not None
    assert holiday is not None
    assert plain.bound == SURPRISE
    assert holiday.bound == SURPRISE * traffic_baseline.RECORD_AT_MOST
    at = after(4, 2, 9)
    assert too_long_at(plain, at) < too_long_at(holiday, at) < math.inf


def test_what_is_as_quiet_as_it_was_before_is_no_news() -> None:
    """A line with a pause of an hour in every day, in another hour each day."""
    slots = busy(6, **NIGHTS_AND_WEEKENDS)
    for day in range(42):
        start = slot_of(MONDAY) + day * 144 + (9 + day % 8) * 6
        slots -= set(range(start, start + 6))
    line = learn(slots, MONDAY, after(6))
    assert line is not None
    for hour in range(9, 16):
        at = after(6, 2, hour)
        assert too_long_at(line, at) >= at + 3600


def test_soonest_is_a_bound_from_below() -> None:
    line = learn(busy(4, **NIGHTS_AND_WEEKENDS), MONDAY, after(4))
    assert line is not None
    for day in range(7):
        for hour in range(24):
            at = after(4, day, hour)
            assert too_long_at(line, at) - at >= line.soonest_s


def test_a_line_that_was_never_busy_at_any_hour_worth_a_unit_is_never_too_quiet() -> None:
    nothing = traffic_baseline.TrafficBaseline(bytes(168), SURPRISE)
    assert nothing.soonest_s == math.inf
    assert too_long_at(nothing, MONDAY) == math.inf
    assert traffic_baseline.TrafficBaseline(bytes([UNIT] * 168), SURPRISE).soonest_s == SURPRISE * SLOT_S


def test_surprise_is_a_share_of_what_is_too_much() -> None:
    line = learn(busy(4, **NIGHTS_AND_WEEKENDS), MONDAY, after(4))
    assert line is not None
    wednesday = after(4, 2, 11)
    too_long = too_long_at(line, wednesday)
    assert surprise(line, wednesday, wednesday) == 0
    assert surprise(line, wednesday, too_long - SLOT_S) < 1 <= surprise(line, wednesday, too_long)
    assert surprise(line, after(4, 1, 18), after(4, 2, 9)) == 0, "a night"
    assert surprise(line, 0.0, wednesday) == surprise(line, wednesday - traffic_baseline.LONGEST_S - SLOT_S, wednesday)


def test_a_line_tells_that_it_is_quiet_only_where_it_would_have_been_heard() -> None:
    line = learn(busy(4, **NIGHTS_AND_WEEKENDS), MONDAY, after(4))
    assert line is not None
    noon, evening = after(4, 2, 12), after(4, 2, 22)
    assert quiet_now(line, noon - 8 * 3600, noon) is True
    assert quiet_now(line, noon - 600, noon) is False
    assert quiet_now(line, noon - 8 * 3600, evening) is None
    assert quiet_now(line, after(4, 1, 18), after(4, 2, 9.1)) is None, "its day has only begun"


@pytest.mark.parametrize(
    ("elsewhere", "shared"),
    [
        ((), None),
        ((True,), None),
        ((True, True), True),
        ((True, False), False),
        ((True, True, False), True),
        ((True, None, None), None),
        ((True, True, None), True),
    ],
)
def test_a_silence_is_the_day_s_when_most_that_can_tell_share_it(
    elsewhere: tuple[Any, ...], shared: bool | None
) -> None:
    assert is_the_day(elsewhere) is shared


EVEN = TrafficBaseline(bytes([UNIT]) * 168, 3.0)
"""Each empty slot weighs one; three are too much."""


def test_silence_is_too_long_at_the_end_of_the_slot_that_fills_the_measure() -> None:
    assert too_long_at(EVEN, MONDAY) == MONDAY + 4 * SLOT_S
    nearly = TrafficBaseline(bytes([UNIT]) * 168, 3.0 + 1 / UNIT)
    assert too_long_at(nearly, MONDAY) == MONDAY + 5 * SLOT_S


def test_the_longest_silence_is_measured_from_nothing() -> None:
    assert traffic_baseline._longest({0, 3}, 0, 4, bytes([UNIT]) * 168) == 2.0
    assert traffic_baseline._longest({0, 1}, 0, 2, bytes([UNIT]) * 168) == 0.0
