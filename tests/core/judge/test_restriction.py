"""463: how it is seen, and until when it holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteio.core.judge import restriction
from esteio.core.model.session import Facts
from tests.core.rehearsal import T0


@pytest.mark.parametrize(("code", "is_one"), [("463", True), ("479", False), ("464", False)])
def test_a_code_decides_by_itself(code: str, is_one: bool) -> None:
    crowd = Facts(ack_errors=(T0, T0, T0, T0))
    assert restriction.restricted(crowd, code, T0) is is_one


def test_three_nameless_refusals_within_the_hour_are_taken_for_it() -> None:
    assert not restriction.restricted(Facts(ack_errors=(T0 - 10, T0)), "", T0)
    assert restriction.restricted(Facts(ack_errors=(T0 - 20, T0 - 10, T0)), "", T0)
    assert not restriction.restricted(Facts(ack_errors=(T0 - 3600, T0 - 10, T0)), "", T0)


def test_a_line_that_was_never_refused_holds_nobody() -> None:
    assert restriction.until(Facts(restricted_until=T0 + 99), T0) == 0


@given(st.integers(0, 10_000), st.integers(-10_000, 10_000))
def test_cold_chats_wait_an_hour_or_as_long_as_whatsapp_says(ago: int, said: int) -> None:
    facts = Facts(restricted_at=T0 - ago, restricted_until=T0 + said)
    until = restriction.until(facts, T0)
    assert until == 0 or until > T0
    assert bool(until) == (ago < restriction.FOR_S or said > 0)
    if until:
        assert until >= facts.restricted_until
