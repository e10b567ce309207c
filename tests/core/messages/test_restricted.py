"""463: who is still written to, and what the others are told."""

import pytest

from esteio.core.judge.restriction import FOR_S
from esteio.core.messages import restricted
from esteio.core.views.sentences import sentence
from esteio.texts import catalogue

NOW = 1_800_000_000.0


def test_who_waits_is_told_until_when() -> None:
    reason = restricted.held("14:30")
    assert reason.code == restricted.HELD
    for language in ("pt-BR", "en"):
        assert "14:30" in sentence(reason, catalogue(language)).text


@pytest.mark.parametrize(
    ("chat", "warm"),
    [("5511999998888", False), ("123456789@lid", False), ("1203630@g.us", True), ("1@broadcast", True)],
)
def test_a_group_knows_who_writes_to_it_and_a_person_must_have_written(chat: str, warm: bool) -> None:
    assert restricted.always_warm(chat) is warm


def test_a_chat_is_warm_for_a_month_and_where_something_arrived_since_the_restriction_began() -> None:
    assert restricted.heard_since(NOW) == NOW - 30 * 86400
    assert restricted.reached_since(NOW + FOR_S) == NOW
