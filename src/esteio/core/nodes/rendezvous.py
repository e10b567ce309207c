"""Which node a session or a chore belongs to: rendezvous hashing (highest random weight), all nodes weighing alike.

Every node computes the same owner from the same names, without asking anybody. When a node comes or goes, only what
comes to it or was its own moves. Never lives here: who is alive, and who holds what until it has moved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from esteio.core.model.ids import SessionId


def owner_of(key: str, nodes: Iterable[str]) -> str | None:
    """The one of these node ids to which the key belongs, whatever their order; None without any."""
    return max(nodes, key=lambda node: (_weight(node, key), node), default=None)


def session_key(session_id: SessionId) -> str:
    """By what a session is placed."""
    return f"session:{session_id}"


def shard_of(name: str, shards: int) -> int:
    """The shard of a name among so many, the same on any machine."""
    return int.from_bytes(_digest(name), "big") % shards


def share(cap: int, nodes: int) -> int:
    """How much of a cap that all share one of so many nodes may use: together never more than the cap, as long as
    there are no more nodes than it allows at once; at least 1, for a node with none would stand still."""
    return max(1, cap // max(1, nodes))


def _weight(node: str, key: str) -> bytes:
    # The length keeps two pairs of names from reading alike.
    return _digest(f"{len(node)}:{node}{key}")


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=8).digest()
