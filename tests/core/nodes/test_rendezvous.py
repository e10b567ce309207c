"""Whose a key is among nodes that come and go."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from esteio.core.model.ids import SessionId
from esteio.core.nodes.rendezvous import owner_of, session_key, shard_of, share

KEYS = [session_key(SessionId(n)) for n in range(3000)]
names = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=6, unique=True)


def test_nobody_owns_anything_where_there_is_no_node() -> None:
    assert owner_of("session:1", ()) is None


@given(names, st.text(max_size=20), st.randoms())
def test_every_node_names_the_same_owner_whatever_the_order(nodes: list[str], key: str, dice: object) -> None:
    turned = [*reversed(nodes)]
    assert owner_of(key, nodes) == owner_of(key, turned)


@given(names, st.text(min_size=9, max_size=9), st.text(max_size=20))
def test_a_node_that_comes_takes_from_all_and_moves_nothing_between_them(
    nodes: list[str], comes: str, key: str
) -> None:
    before, after = owner_of(key, nodes), owner_of(key, [*nodes, comes])
    assert after in (before, comes)


def test_a_node_that_goes_leaves_what_others_have_in_its_place() -> None:
    before = {key: owner_of(key, "abc") for key in KEYS}
    after = {key: owner_of(key, "ab") for key in KEYS}
    moved = {key for key in KEYS if before[key] != after[key]}
    assert moved == {key for key in KEYS if before[key] == "c"}


def test_nodes_weigh_alike() -> None:
    spread = Counter(owner_of(key, ["node-1", "node-2", "node-3"]) for key in KEYS)
    assert all(900 < count < 1100 for count in spread.values()), spread


def test_the_owner_is_the_same_on_any_machine_and_in_any_version() -> None:
    """It may change only with all nodes at once."""
    assert [owner_of(f"session:{n}", ("a", "b", "c")) for n in range(1, 9)] == [*"bcbbccac"]


def test_pairs_of_names_that_read_alike_are_not_one() -> None:
    """`n` and `ab…`, and `na` and `b…`, would be drawn for together if the two were only put side by side."""
    drawn = [(owner_of(f"ab{n}", ("n", "m")), owner_of(f"b{n}", ("na", "m"))) for n in range(64)]
    assert any((first == "m") != (second == "m") for first, second in drawn)


def test_shards_are_stable_and_all_used() -> None:
    assert {shard_of(f"ep_{n}", 16) for n in range(300)} == set(range(16))
    assert shard_of("ep_1", 16) == shard_of("ep_1", 16)


@given(st.integers(1, 500), st.integers(0, 50))
def test_shares_never_come_to_more_than_the_cap(cap: int, nodes: int) -> None:
    assert share(cap, nodes) >= 1
    assert share(cap, nodes) * min(nodes, cap) <= cap
