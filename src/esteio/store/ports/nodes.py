"""Nodes: who works on this database, by lease, and what each of them holds.

Leases are told by the database's own clock; where one process is alone with it, and in virtual time, that is `now`.
See the package for what holds of every method.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from esteio.core.model.ids import MessageId, SessionId
from esteio.store.values import Work


class NodeRow(msgspec.Struct, frozen=True):
    """One boot of a node. `id` names the node over its restarts, `epoch` this boot of it and no other; times are epoch
    seconds by the database's clock. `ended`: it left, or said nothing for so long that it was declared dead."""

    epoch: int
    id: str
    address: str
    version: str
    joined_at: float
    beat_at: float
    lease_until: float
    ended: Literal["left", "died"] | None
    sessions: int = 0
    """How many it holds; counted in `Nodes.all` alone."""


class Beat(msgspec.Struct, frozen=True):
    """What a node learns when its lease was given or renewed: its epoch, the database's time, and the boots that live,
    its own among them, oldest first."""

    epoch: int
    now: float
    live: tuple[NodeRow, ...]


class Held(msgspec.Struct, frozen=True):
    """What a boot holds: sessions and chores, each with its generation, which grows whenever it changes hands."""

    sessions: Mapping[SessionId, int] = {}
    chores: Mapping[str, int] = {}


class Taken(msgspec.Struct, frozen=True):
    """What one step of a take brought, and what was put right for it: acts that were under way, sends in doubt. `more`:
    there may be more to take."""

    held: Held = Held()
    interrupted: tuple[Work, ...] = ()
    doubted: tuple[MessageId, ...] = ()
    more: bool = False


class Nodes(Protocol):
    """Boots of nodes, and what they hold. A session or chore without a living holder belongs to whom rendezvous over
    the living nodes names (`core.nodes.rendezvous`)."""

    async def join(self, node_id: str, address: str, version: str, lease_s: float, now: float) -> Beat:
        """A new boot of this node, alive for `lease_s`; any earlier boot of it is over, and what it held is free.
        Raises `NodeTaken` while one of the same id lives at another address: each would end the other for ever."""
        ...

    async def beat(self, epoch: int, lease_s: float, now: float) -> Beat | None:
        """Alive for `lease_s` from now on. None: the lease had run out, or the boot is over; it never comes back."""
        ...

    async def leave(self, epoch: int, now: float) -> None:
        """The boot is over by its own word: all that it held is free at once."""
        ...

    async def take(self, epoch: int, chores: Sequence[str], limit: int, now: float) -> Taken | None:
        """Declare dead whose lease has run out, and take what is free and belongs to this node: at most `limit`
        sessions, and of `chores` and those of the servers any. In the same transaction what was under way in them is
        put right: control acts end as `interrupted` with an `act_interrupted` evidence, notices wait again, `sending`
        messages become `in_doubt`, deliveries under way wait again; of a node that died, what its sessions may have
        missed is to be read back. None: the boot is over."""
        ...

    async def release(
        self, epoch: int, sessions: Collection[SessionId], chores: Collection[str]
    ) -> tuple[frozenset[SessionId], frozenset[str]]:
        """Those of these that this boot holds and in which nothing is under way (no send, act or delivery) are free
        from now on; which they were."""
        ...

    async def held(self, epoch: int) -> Held:
        """What this boot holds."""
        ...

    async def lives(self, epoch: int, now: float) -> bool:
        """Whether the boot's lease runs."""
        ...

    async def listen(self, told: Callable[[], None], others: Callable[[], bool]) -> None:
        """For ever: `told` is called soon after another node committed something; `others`: whether any is there to be
        told of what is committed here. A hint only: everything has to be found without it."""
        ...

    async def all(self) -> Sequence[NodeRow]:
        """The latest boot of each node, by id, with how many sessions it holds."""
        ...

    async def forget(self, before: float) -> int:
        """Boots that are over since before then and hold nothing; how many."""
        ...
