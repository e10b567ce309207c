"""How long an acknowledgement may take is learned from the line, and never less than the policy says."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies._internal.random import ArtificialRandom

from esteio.core.judge import ack_timeout
from esteio.core.model.policy import DEFAULT

LEAST = DEFAULT.ack_within_s
waits = st.lists(
    st.floats(min_value=-1e4, max_value=1e4), min_size=ack_timeout.LEARNED_FROM, max_size=ack_timeout.SAMPLES
)


@pytest.mark.parametrize("times", [(), (1.0,), (1.0, 2.0)])
def test_a_line_that_never_told_of_any_misses_none(times: tuple[float, ...]) -> None:
    assert ack_timeout.patience(times, DEFAULT) is None


def test_a_fast_line_has_the_policy_s_time_and_a_slow_one_five_times_its_own() -> None:
    assert ack_timeout.patience((0.1, 0.2, 0.3), DEFAULT) == LEAST
    assert ack_timeout.patience((LEAST, LEAST, LEAST), DEFAULT) == 5 * LEAST


def test_one_straggler_among_many_is_not_what_is_usual() -> None:
    assert ack_timeout.patience([1.0] * 99 + [LEAST * 100], DEFAULT) == LEAST
    assert ack_timeout.patience([1.0] * 90 + [LEAST * 100] * 10, DEFAULT) == 500 * LEAST


@given(waits, st.randoms(use_true_random=False))
def test_patience_is_at_least_the_policy_s_and_the_order_of_times_says_nothing(
    times: list[float], dice: ArtificialRandom
) -> None:
    patience = ack_timeout.patience(times, DEFAULT)
    assert patience is not None
    assert patience >= LEAST
    dice.shuffle(times)
    assert ack_timeout.patience(times, DEFAULT) == patience


@given(waits, st.floats(min_value=1, max_value=1e4))
def test_a_policy_with_more_patience_never_gives_less(times: list[float], more: float) -> None:
    patient = msgspec.structs.replace(DEFAULT, ack_within_s=LEAST + more)
    patience, least = ack_timeout.patience(times, patient), ack_timeout.patience(times, DEFAULT)
    assert patience is not None
    assert least is not None
    assert patience >= least
