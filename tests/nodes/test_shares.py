"""What is allowed to all nodes together is never more for being asked at several of them."""

import pytest

from esteio.api.login.attempts import ADDRESS_TRIES, ALL_TRIES, LoginAttempts
from esteio.core.model.ids import SessionId
from esteio.engine.commands.webhook_budget import WebhookBudget

NOW = 1_800_000_000.0
COUNTS = (1, 2, 3, 7)


@pytest.mark.parametrize("nodes", COUNTS)
def test_a_session_is_brought_no_more_bytes_an_hour_by_several_nodes_than_by_one(nodes: int) -> None:
    budgets = [WebhookBudget(10_000, lambda: nodes) for _ in range(nodes)]
    taken = sum(64 for budget in budgets for _ in range(400) if budget.take(SessionId(1), 64, NOW))
    assert 10_000 - 64 * (nodes + 1) <= taken <= 10_000


def test_without_a_budget_there_is_no_share_of_it() -> None:
    assert WebhookBudget(0, lambda: 3).take(SessionId(1), 10**12, NOW)


@pytest.mark.parametrize("nodes", COUNTS)
def test_an_address_tries_no_more_keys_at_several_nodes_than_at_one(nodes: int) -> None:
    attempts = [LoginAttempts(lambda: nodes) for _ in range(nodes)]
    begun = sum(not one.begin("192.0.2.1", NOW + second) for one in attempts for second in range(60))
    assert 1 <= begun <= ADDRESS_TRIES


@pytest.mark.parametrize("nodes", COUNTS)
def test_all_addresses_together_try_no_more(nodes: int) -> None:
    attempts = [LoginAttempts(lambda: nodes) for _ in range(nodes)]
    begun = sum(not one.begin(f"192.0.{number}.1", NOW) for one in attempts for number in range(200))
    assert 1 <= begun <= ALL_TRIES


def test_who_is_left_has_all_of_it() -> None:
    living = 2
    budget = WebhookBudget(1_000, lambda: living)
    assert not budget.take(SessionId(1), 600, NOW)
    living = 1
    assert budget.take(SessionId(1), 600, NOW)
