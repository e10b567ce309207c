"""Which sessions this node owns: the port `Leases`, and the holder of a gateway that runs alone.

A session is judged and probed by one node at a time, the one that holds its lease; what a node keeps in memory about a
session it keeps for as long as it holds that lease. Never lives here: what is kept (`engine.supervision.memory`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from esteio.core.model.ids import SessionId


class Leases(Protocol):
    """The leases of this node, by session. Asked on the hot path: an answer comes from memory and never blocks."""

    def holds(self, session_id: SessionId, /) -> bool:
        """Whether this node owns the session now."""
        ...

    def on_lost(self, lost: Callable[[SessionId], None], /) -> None:
        """From now on `lost` is called once for each session whose lease has ended here, before anybody else can hold
        it: in the event loop, and `holds` already says no."""
        ...


class SoleHolder:
    """The only node: it owns every session for as long as it runs."""

    def holds(self, _session_id: SessionId, /) -> bool:
        """True: a process that is alone with its database holds every lease."""
        return True

    def on_lost(self, _lost: Callable[[SessionId], None], /) -> None:
        """Nothing is ever lost, so nobody is called."""
