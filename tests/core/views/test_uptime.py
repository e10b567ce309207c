"""How a session fared: which word goes over which, what counts, and what is the worst of a part."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteio.core.model.history import OutageRecord, StateChange, Unwatched
from esteio.core.model.ids import ServerName
from esteio.core.model.recovery import Outage
from esteio.core.model.session import Session
from esteio.core.model.state import SessionState
from esteio.core.views.uptime import Past, Uptime, cause, parts, uptime, worst
from tests.core.rehearsal import a_session

HOUR = 3600.0
NOW = 1_800_000_000.0
SINCE = NOW - 24 * HOUR


def line(state: SessionState = "connected", created_at: float = 0.0) -> Session:
    return a_session(state=state, created_at=created_at)


def fell(since: float, until: float | None, because: str = "ghost-socket", ident: str = "o") -> OutageRecord:
    ended = None if until is None else SINCE + until * HOUR
    return OutageRecord(Outage(ident, SINCE + since * HOUR, because, ended_at=ended), ServerName("srv"))


def changed(at: float, previous: SessionState, state: SessionState) -> StateChange:
    return StateChange(SINCE + at * HOUR, previous, state)


def told(whole: Uptime) -> list[tuple[str, float]]:
    return [(one.condition, one.seconds / HOUR) for one in whole.segments]


def of(past: Past, session: Session | None = None) -> Uptime:
    return uptime(session or line(), past, SINCE, NOW)


def test_a_session_of_which_nothing_is_kept_was_what_it_is() -> None:
    whole = of(Past())
    assert (told(whole), whole.share, whole.outages) == ([("up", 24.0)], 1.0, 0)
    assert of(Past(), line("degraded")).share == 1.0, "weak is not down"
    assert of(Past(), line("paused")).share is None


def test_what_was_not_kept_yet_is_not_known() -> None:
    """Of a store that an earlier version wrote."""
    late = msgspec.structs.replace(line(), since=SINCE + 20 * HOUR)
    assert told(of(Past(), late)) == [("unwatched", 20), ("up", 4)]


def test_an_outage_is_down_and_its_reason_stays_with_it() -> None:
    whole = of(Past(outages=[fell(6, 12), fell(18, None, "banned", "p")], states=[changed(6, "connected", "error")]))
    assert told(whole) == [("up", 6), ("down", 6), ("unlinked", 6), ("down", 6)]
    assert [one.because for one in whole.segments] == ["", "ghost-socket", "", "banned"]
    assert (whole.watched_s, whole.down_s, whole.outages) == (18 * HOUR, 12 * HOUR, 2)
    assert whole.share == pytest.approx(1 / 3)


def test_what_nobody_watched_is_neither_up_nor_down() -> None:
    whole = of(Past(unwatched=[Unwatched(SINCE + 6 * HOUR, SINCE + 12 * HOUR)]), line(created_at=SINCE + 3 * HOUR))
    assert told(whole) == [("unwatched", 3), ("up", 3), ("unwatched", 6), ("up", 12)]
    assert whole.share == 1.0


def test_who_was_down_before_and_after_an_absence_was_down_in_it() -> None:
    absence = Unwatched(SINCE + 6 * HOUR, SINCE + 12 * HOUR)
    assert told(of(Past(outages=[fell(5, 13)], unwatched=[absence]))) == [("up", 5), ("down", 8), ("up", 11)]
    assert told(of(Past(outages=[fell(5, 8)], unwatched=[absence])))[1:3] == [("down", 3), ("unwatched", 4)]


def test_states_before_the_first_change_are_what_that_says_it_was() -> None:
    states = [
        changed(4, "awaiting_qr", "connected"),
        changed(8, "connected", "degraded"),
        changed(9, "degraded", "paused"),
    ]
    whole = of(Past(states=states), line("paused"))
    assert told(whole) == [("unlinked", 4), ("up", 4), ("degraded", 1), ("paused", 15)]
    assert whole.watched_s == 5 * HOUR


def test_a_server_that_is_away_takes_its_sessions_with_it_and_a_mass_fall_those_that_fell() -> None:
    away = Past(server_outages=[fell(2, 4, "server_unreachable"), fell(6, 8, "mass-fall")])
    assert told(of(away)) == [("up", 2), ("down", 2), ("up", 20)]
    both = Past(outages=[fell(3, 7)], server_outages=[fell(2, 4, "server_unreachable", "s")])
    assert [(one.because, one.seconds / HOUR) for one in of(both).segments if one.condition == "down"] == [
        ("server_unreachable", 1),
        ("ghost-socket", 4),
    ]


@pytest.mark.parametrize(
    ("because", "blamed"),
    [
        ("ghost-socket", "connection"),
        ("deaf", "connection"),
        ("server_unreachable", "server"),
        ("server-wall", "server"),
        ("mass-fall", "server"),
        ("logged-out", "phone"),
        ("banned", "phone"),
        ("a-later-word", "connection"),
    ],
)
def test_each_reason_has_somebody_to_blame(because: str, blamed: str) -> None:
    assert cause(because) == blamed


def test_parts_are_equal_and_the_worst_of_each_is_named() -> None:
    short = fell(1, 1.5, "banned", "b")
    whole = of(Past(outages=[short, fell(1.5, 3, "ghost-socket", "g")], states=[changed(20, "connected", "degraded")]))
    hours = parts(whole, 24)
    assert [(one.since, one.until) for one in hours][:2] == [(SINCE, SINCE + HOUR), (SINCE + HOUR, SINCE + 2 * HOUR)]
    assert hours[-1].until == NOW
    assert [worst(one).condition for one in hours] == ["up", "down", "down", *["up"] * 17, *["degraded"] * 4]
    assert worst(parts(whole, 8)[0]).because == "ghost-socket", "the longer one"


times = st.floats(-5, 30)
spans = st.tuples(times, st.floats(0, 10))


@given(
    outages=st.lists(spans, max_size=6),
    servers=st.lists(spans, max_size=3),
    absences=st.lists(spans, max_size=3),
    states=st.lists(st.tuples(times, st.sampled_from(["connected", "degraded", "paused", "error"])), max_size=6),
    created=times,
    count=st.integers(1, 60),
)
def test_segments_have_no_hole_and_no_two_neighbours_say_the_same(
    outages: list[tuple[float, float]],
    servers: list[tuple[float, float]],
    absences: list[tuple[float, float]],
    states: list[tuple[float, SessionState]],
    created: float,
    count: int,
) -> None:
    past = Past(
        outages=[fell(at, at + lasted, ident=f"o{at}") for at, lasted in sorted(outages)],
        states=[changed(at, "connecting", state) for at, state in sorted(states)],
        server_outages=[fell(at, at + lasted, "server_failed", f"s{at}") for at, lasted in sorted(servers)],
        unwatched=[Unwatched(SINCE + at * HOUR, SINCE + (at + lasted) * HOUR) for at, lasted in sorted(absences)],
    )
    whole = of(past, line(created_at=SINCE + created * HOUR))
    assert (whole.segments[0].since, whole.segments[-1].until) == (SINCE, NOW)
    for one, after in zip(whole.segments, whole.segments[1:], strict=False):
        assert one.until == after.since > one.since
        assert msgspec.structs.replace(one, since=0, until=0) != msgspec.structs.replace(after, since=0, until=0)
    assert whole.share is None or 0 <= whole.share <= 1
    cut = parts(whole, count)
    assert sum(one.watched_s for one in cut) == pytest.approx(whole.watched_s)
    for part in cut:
        assert (part.segments[0].since, part.segments[-1].until) == (part.since, part.until)
        assert (worst(part).condition == "down") == (part.down_s > 0)
