"""The names of what has one holder among several nodes, and is no session.

A server's health is judged by one node; webhooks are delivered by shards of the endpoints, so that they spread; what is
done now and then for the whole database is done once. Never lives here: what any of it does.
"""

from __future__ import annotations

from collections.abc import Iterable

from esteio.core.model.ids import ServerName
from esteio.core.nodes.rendezvous import shard_of

DELIVERY_SHARDS = 16
_SERVER, _SHARD = "server:", "deliveries:"
UPKEEP = "upkeep"
"""What expires, and what is forgotten in time."""
CHORES = (UPKEEP, *(f"{_SHARD}{number}" for number in range(DELIVERY_SHARDS)))
"""Those that there are on every database; beside them there is one for each server."""


def of_server(name: str) -> str:
    """Who holds it judges this server's health."""
    return f"{_SERVER}{name}"


def of_endpoint(endpoint_id: str) -> str:
    """Who holds it delivers to this endpoint, and to others of its shard."""
    return f"{_SHARD}{shard_of(endpoint_id, DELIVERY_SHARDS)}"


def servers_among(names: Iterable[str]) -> list[ServerName]:
    """The servers whose health is among these chores."""
    return [ServerName(name.removeprefix(_SERVER)) for name in names if name.startswith(_SERVER)]
