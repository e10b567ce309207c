"""What an instance takes from the server that holds it, and how either reaches WhatsApp."""

from __future__ import annotations

from typing import Literal, Protocol

from esteio.sim.world.environment import Environment

WhatsAppPath = Literal["ok", "refused", "shut", "blackhole", "non101", "flap"]
"""The network between an instance and WhatsApp: fine; refused at once (DNS, no route); the same where the look-up
before each try takes longest, so that memory says `close` at nearly every look (`shut`); swallowed (the upgrade hangs
and times out); a non-101 answer to the upgrade, such as 503 (hangs for ever); let in and thrown out about once a
second."""


class Host(Protocol):
    """What an instance takes from the server that holds it (`server.SimServer`)."""

    name: str
    kind: str
    world: Environment
    up: bool
    epoch: int
    """Counts the server's processes."""
    flap_opens: float
    answer_s: tuple[float, float]

    @property
    def road(self) -> WhatsAppPath:
        """The server's way to WhatsApp."""
        ...

    @property
    def loop_pause_s(self) -> float:
        """The pause in loops that the real one runs without any."""
        ...
