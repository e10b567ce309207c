"""The witnesses notice what must not be: each of their rules, on notes made up."""

from __future__ import annotations

from tests.durability.nodes.witness import Act, Owner, overlaps, returns, trespasses

OWNERS = [Owner(10.0, "s", 1, "red", 1), Owner(20.0, "s", 2, "blue", 2)]
LEASES = [(9.0, 1, 15.0), (14.0, 1, 19.5), (19.0, 2, 30.0)]


def act(began: float, node: str, took: float = 0.1) -> Act:
    return Act(began, began + took, node, "s", "send")


def test_an_owner_under_its_lease_trespasses_nowhere() -> None:
    acts = [act(10.5, "red"), act(19.4, "red"), act(20.1, "blue")]
    assert trespasses(acts, OWNERS, LEASES) == []
    assert overlaps(acts) == []
    assert returns(acts, OWNERS) == []


def test_who_acts_after_another_took_over_trespasses() -> None:
    (found,) = trespasses([act(20.2, "red")], OWNERS, LEASES)
    assert "held by blue" in found


def test_who_acts_after_its_lease_trespasses_though_nobody_took_over() -> None:
    (found,) = trespasses([act(19.6, "red")], OWNERS, LEASES)
    assert "its lease ended at 19.500" in found


def test_two_at_one_session_at_once_overlap() -> None:
    assert len(overlaps([act(19.4, "red", took=1.0), act(20.1, "blue")])) == 1
    assert overlaps([act(19.4, "red", took=1.0), act(19.9, "red")]) == []


def test_who_comes_back_without_having_been_given_the_session_took_a_turn_too_many() -> None:
    (found,) = returns([act(19.0, "red"), act(20.1, "blue"), act(20.5, "red")], OWNERS)
    assert found == "s: 2 turns in 2 generations"
