"""From when on messages may have been missed, seen from what just ended."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteio.core.judge import gap
from esteio.core.model.recovery import Outage
from esteio.core.model.server import Server, ServerFacts
from esteio.core.model.session import Facts, Session
from tests.core.rehearsal import T0, a_server, a_session

HOUR = 3600.0
DOWN = Outage(id="out_1", since=T0 - HOUR, because="closed")


def line(
    *, outage: Outage | None = None, linked: bool = True, created_at: float = T0 - 30 * 86400, **facts: Any
) -> Session:
    facts = {"receive_ok_at": T0 - 2 * HOUR, "any_evidence_at": T0, **facts}
    return a_session(outage=outage, linked=linked, created_at=created_at, facts=Facts(**facts))


ENDINGS = {
    "outage": (line(outage=DOWN), line()),
    "webhook": (line(webhook_gone_at=T0 - HOUR), line()),
    "silence": (line(silence_at=T0 - HOUR), line()),
    "stall": (line(stall_at=T0 - HOUR), line()),
}


@pytest.mark.parametrize("what", ENDINGS)
def test_what_kept_us_from_hearing_leaves_a_gap_when_it_ends(what: str) -> None:
    """From the last thing that was surely heard, two hours ago, though it was only seen an hour later."""
    before, after = ENDINGS[what]
    assert gap.of_session(before, after) == T0 - 2 * HOUR - gap.MARGIN_S


@pytest.mark.parametrize("what", ENDINGS)
def test_there_is_no_gap_to_read_while_it_lasts_nor_when_it_begins(what: str) -> None:
    before, after = ENDINGS[what]
    assert gap.of_session(before, before) is None
    assert gap.of_session(after, before) is None
    assert gap.of_session(after, after) is None


@pytest.mark.parametrize("what", ENDINGS)
def test_a_number_that_is_not_linked_missed_nothing(what: str) -> None:
    before, after = ENDINGS[what]
    assert gap.of_session(before, msgspec.structs.replace(after, linked=False)) is None


def test_a_line_that_heard_something_during_its_outage_still_reads_the_whole_of_it() -> None:
    before = line(outage=DOWN, receive_ok_at=T0 - 10)
    assert gap.of_session(before, line()) == DOWN.since - gap.MARGIN_S


def test_what_came_before_the_session_was_ours_is_not_read() -> None:
    born = T0 - 60
    never_heard = line(outage=DOWN, receive_ok_at=0.0, created_at=born)
    assert gap.of_session(never_heard, line(created_at=born)) == born


@given(
    st.floats(0, 60 * 86400), st.floats(0, 60 * 86400), st.floats(0, 60 * 86400), st.sampled_from(["webhook", "stall"])
)
def test_a_gap_is_never_older_than_the_session_nor_than_a_week_and_never_misses_the_fall(
    heard: float, fell: float, age: float, what: str
) -> None:
    began: dict[str, Any] = {f"{what}_gone_at" if what == "webhook" else "stall_at": T0 - fell}
    before = line(receive_ok_at=T0 - heard, created_at=T0 - age, **began)
    since = gap.of_session(before, line(created_at=T0 - age))
    assert since is not None
    assert since >= max(T0 - age, T0 - gap.AT_MOST_S)
    assert since <= max(T0 - fell, T0 - age, T0 - gap.AT_MOST_S)


def server(health: str = "up", *, health_at: float = T0, **facts: Any) -> Server:
    return a_server(health=health, health_at=health_at, facts=ServerFacts(**facts))


@pytest.mark.parametrize("away", ["down", "wall"])
def test_a_server_that_was_away_leaves_a_gap_for_all_since_it_left(away: str) -> None:
    before = server(away, health_at=T0 - 60, down_since=T0 - 90)
    assert gap.of_server(before, server()) == T0 - 90 - gap.MARGIN_S
    assert gap.of_server(server(away, health_at=T0 - 60), server()) == T0 - 60 - gap.MARGIN_S
    assert gap.of_server(before, server("down")) is None
    assert gap.of_server(server("slow"), server()) is None


def test_a_server_that_started_anew_was_deaf_since_it_first_failed() -> None:
    booted = server(booted_at=T0 - 10)
    assert gap.of_server(server(down_since=T0 - 40, failed_at=T0 - 30), booted) == T0 - 40 - gap.MARGIN_S
    assert gap.of_server(server(failed_at=T0 - 30), booted) == T0 - 30 - gap.MARGIN_S
    assert gap.of_server(server(), booted) == T0 - 10 - gap.MARGIN_S
    assert gap.of_server(booted, booted) is None
