"""The names of what has one holder."""

from esteio.core.nodes.chores import CHORES, UPKEEP, of_endpoint, of_server, servers_among


def test_a_servers_chore_names_it() -> None:
    assert servers_among([of_server("evo:1"), UPKEEP, of_endpoint("ep_1")]) == ["evo:1"]


def test_every_endpoint_is_of_a_shard_that_is_there() -> None:
    assert {of_endpoint(f"ep_{n}") for n in range(300)} == {*CHORES} - {UPKEEP}
