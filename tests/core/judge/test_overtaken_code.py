"""A pushed code whose news was overtaken by the opening that it brought about."""

from __future__ import annotations

import pytest

from esteio.core.judge.facts import OVERTAKEN_S, apply_evidence, is_overtaken
from esteio.core.model.evidence import Source, seen
from esteio.core.model.policy import DEFAULT
from esteio.core.model.session import Facts


@pytest.mark.parametrize(
    ("opened", "road", "at", "unpaired"),
    [
        (100.0, "webhook", 103.0, 0.0),
        (100.0, "webhook", 159.0, 0.0),
        (100.0, "webhook", 161.0, 161.0),
        (100.0, "probe", 103.0, 103.0),
        (None, "webhook", 103.0, 103.0),
    ],
)
def test_a_pushed_code_that_the_opening_overtook_unpairs_nobody(
    opened: float | None, road: Source, at: float, unpaired: float
) -> None:
    """By webhook, without a time of its own, and within a minute of a proved opening."""
    facts = Facts(qr_at=90.0, unpaired_at=90.0)
    if opened is not None:
        facts = apply_evidence(facts, seen("said_open", opened, "state"), DEFAULT, trust_claims=True)
        assert (facts.life_at, facts.unpaired_at) == (opened, 0.0)
    facts = apply_evidence(facts, seen("qr_shown", at, road), DEFAULT, trust_claims=True)
    assert facts.unpaired_at == (unpaired or (0.0 if opened else at))


def test_a_claim_of_open_without_proof_overtakes_no_code() -> None:
    facts = apply_evidence(Facts(), seen("said_open", 100.0, "state"), DEFAULT, trust_claims=False)
    assert apply_evidence(facts, seen("qr_shown", 103.0, "webhook"), DEFAULT, trust_claims=False).unpaired_at == 103.0


def test_a_minute_after_the_opening_a_code_is_new() -> None:
    facts = Facts(state_read="open", opened_at=100.0, life_at=100.0)
    assert is_overtaken(facts, 100.0 + OVERTAKEN_S - 1)
    assert not is_overtaken(facts, 100.0 + OVERTAKEN_S)
