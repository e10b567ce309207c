"""The faults as the page offers them: each variant a button of its own, grouped by what it strikes.

A button is a kind of `faults.KINDS` with parameters that show something within a minute or so. Its words are in
`locales/*/sandbox.po`, by its key. Never lives here: what a fault does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from esteio.sim.world.faults import KINDS, Fault

SOON: Mapping[str, Mapping[str, Any]] = {
    "drop": {"down_s": 10},
    "flap": {"for_s": 60},
    "half_open": {"forever": True},
    "network": {"for_s": 60},
    "replaced": {"times": 2},
    "server_boot": {"down_s": 3, "boot_s": 10},
    "server_down": {"for_s": 30, "boot_s": 10},
    "slow": {"seconds": (3, 8), "for_s": 60},
    "temp_banned": {"until_s": 120},
    "webhook_late": {"late_s": (20, 60)},
}
"""Parameters with which a fault is over soon enough to be watched; the others have their usual ones."""
GROUPS: Mapping[str, tuple[str, ...]] = {
    "socket": ("ghost", "half_open", "drop", "flap", "stuck_connecting", "stale_registry", "replaced"),
    "phone": ("revoked", "temp_banned", "banned"),
    "messages": ("send_dropped", "unstored", "lost_response", "ack_error_463", "ack_silent", "deaf", "stalled"),
    "webhooks": ("webhook_forgotten", "webhook_lost", "webhook_late", "webhook_doubled", "webhook_unreachable"),
    "server": ("server_boot", "server_down", "network", "pairing_broken"),
    "answers": ("key_refused", "slow", "errors_5xx", "licence_wall", "html_404"),
}
"""The kinds by what they strike, in the order of the page."""


class Button(NamedTuple):
    """One fault to choose: its key names its words."""

    key: str
    kind: str
    variant: str

    @property
    def fault(self) -> Fault:
        """What is injected."""
        variant = {"variant": self.variant} if self.variant else {}
        return Fault(self.kind, **SOON.get(self.kind, {}), **variant)


def buttons(kind: str) -> Iterator[Button]:
    """The buttons of a kind: one, or one for each variant."""
    for variant in KINDS[kind].variants or ("",):
        yield Button(f"{kind}.{variant}" if variant else kind, kind, variant)


BUTTONS: Mapping[str, Button] = {one.key: one for kind in KINDS for one in buttons(kind)}


def offered(scope: str) -> Iterator[tuple[str, list[Button]]]:
    """(group, its buttons) for a `session` or a `server`; groups without one are left out."""
    for group, kinds in GROUPS.items():
        fits = [one for kind in kinds if KINDS[kind].scope in (scope, "both") for one in buttons(kind)]
        if fits:
            yield group, fits
