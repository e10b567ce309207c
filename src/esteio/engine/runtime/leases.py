"""What this node owns: the port `Leases`, and the holder of a gateway that runs alone.

A session is judged, probed and acted for by one node at a time, the one that holds its lease; what a node keeps in
memory about a session it keeps for as long as it holds that lease. Chores (`core.nodes.chores`) have one holder in the
same way. Never lives here: what is kept (`engine.supervision.memory`), how leases are got (`node_leases`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from esteio.core.model.ids import SessionId


class Leases(Protocol):
    """The leases of this node. Asked on the hot path: an answer comes from memory and never blocks."""

    @property
    def node(self) -> int | None:
        """The epoch by which the store knows what is ours; None where we are alone, and everything is."""
        ...

    @property
    def living(self) -> int:
        """How many nodes live, this one among them: what all share is shared by so many."""
        ...

    def holds(self, session_id: SessionId, /) -> bool:
        """Whether this node owns the session now."""
        ...

    def begins(self, session_id: SessionId, /) -> bool:
        """Whether a call that acts for the session may begin now: enough is left of the lease for it to leave."""
        ...

    def generation(self, session_id: SessionId, /) -> int | None:
        """What writes about the session carry; one that nobody holds is never written. None: they carry nothing."""
        ...

    def does(self, chore: str, /) -> bool:
        """Whether this node holds the chore now."""
        ...

    def chore_generation(self, chore: str, /) -> int | None:
        """The same of a chore."""
        ...

    def too_late(self) -> None:
        """Something of ours was not carried out, for what it was about has changed hands: it is counted."""
        ...

    def look(self) -> None:
        """Something that is not ours was spoken of: it may be free, and ours to take."""
        ...

    def on_lost(self, lost: Callable[[SessionId], None], /) -> None:
        """From now on `lost` is called once for each session whose lease has ended here, before anybody else can hold
        it: in the event loop, and `holds` already says no."""
        ...

    def on_taken(self, taken: Callable[[Sequence[SessionId]], None], /) -> None:
        """From now on `taken` is called when this node has come to hold these sessions, or a chore."""
        ...

    def on_ended(self, ended: Callable[[], None], /) -> None:
        """From now on `ended` is called when the lease is over with all that it held: what is under way is broken
        off."""
        ...


class SoleHolder:
    """The only node: it owns everything for as long as it runs."""

    node: Final = None
    living: Final = 1

    def holds(self, _session_id: SessionId, /) -> bool:
        """True: a process that is alone with its database holds every lease."""
        return True

    def begins(self, _session_id: SessionId, /) -> bool:
        """True: there is no lease to end."""
        return True

    def generation(self, _session_id: SessionId, /) -> int | None:
        """None: nothing ever changes hands."""
        return None

    def does(self, _chore: str, /) -> bool:
        """True: there is nobody else to do it."""
        return True

    def chore_generation(self, _chore: str, /) -> int | None:
        """None, for the same reason."""
        return None

    def too_late(self) -> None:
        """Nothing changes hands."""

    def look(self) -> None:
        """There is nothing to take."""

    def on_lost(self, _lost: Callable[[SessionId], None], /) -> None:
        """Nothing is ever lost, so nobody is called."""

    def on_taken(self, _taken: Callable[[Sequence[SessionId]], None], /) -> None:
        """Everything is held from the start, so nobody is called."""

    def on_ended(self, _ended: Callable[[], None], /) -> None:
        """It never ends, so nobody is called."""


ALONE: Final[Leases] = SoleHolder()
