"""What a tenant holds, what a reading for one returns, and the days by which its messages are counted."""

from __future__ import annotations

import pytest

from esteio.core.model.tenant import ALL, DEFAULT, Reach, Usage, day_of, name_on_shared, next_day

MIDNIGHT = 1_796_083_200.0
"""2026-12-01T00:00:00Z."""


@pytest.mark.parametrize("held", ["sessions", "webhooks", "servers", "keys", "status_pages"])
def test_a_tenant_to_whom_something_belongs_is_not_empty(held: str) -> None:
    assert not Usage(**{held: 1}).empty


def test_what_it_sent_today_does_not_keep_a_tenant() -> None:
    assert Usage(messages_today=40).empty


def test_a_name_is_inside_where_one_pattern_matches_or_there_is_none() -> None:
    some = Reach(globs=("shop-*", "line"))
    assert [some.named(name) for name in ("shop-1", "line", "lines", "Shop-1")] == [True, True, False, False]
    assert ALL.named("anything")


def test_a_row_is_inside_its_own_tenant_and_all_are_inside_none() -> None:
    one = Reach(tenant="acme")
    assert [one.owns(tenant) for tenant in ("acme", "other", DEFAULT, None)] == [True, False, False, False]
    assert ALL.owns("acme")
    assert ALL.owns(None)


def test_on_a_shared_server_the_slug_stands_before_the_name() -> None:
    assert (name_on_shared("acme", "shop"), name_on_shared(DEFAULT, "shop")) == ("acme.shop", "shop")


def test_a_day_is_one_of_utc_and_the_next_begins_after_its_last_second() -> None:
    assert (day_of(MIDNIGHT - 1), day_of(MIDNIGHT)) == ("2026-11-30", "2026-12-01")
    assert (next_day(MIDNIGHT - 1), next_day(MIDNIGHT)) == (MIDNIGHT, MIDNIGHT + 86400)
