"""A public status page as its row holds it: which sessions it shows to strangers, each under a name made for them.

Times are epoch seconds (UTC). Never lives here: what is shown of a session (`core.views.uptime`).
"""

from __future__ import annotations

import msgspec

from esteio.core.model.ids import SessionId, SessionName
from esteio.core.model.tenant import DEFAULT


class Listed(msgspec.Struct, frozen=True):
    """A session on a page; strangers see the label alone."""

    session_id: SessionId
    session: SessionName
    label: str


class StatusPage(msgspec.Struct, frozen=True):
    """`name` is its address, `title` its heading; while `enabled` is False there is no such page for strangers."""

    name: str
    title: str
    enabled: bool = False
    sessions: tuple[Listed, ...] = ()
    created_at: float = 0.0
    tenant: str = DEFAULT
    """Whose sessions it may show."""
