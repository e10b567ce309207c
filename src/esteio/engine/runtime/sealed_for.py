"""For which place a value is sealed: the row and column that it stands in, by what never changes of that row.

A value that is moved to another row opens no more. Never lives here: sealing (`vault`), the rows.
"""

from __future__ import annotations

from typing import Final, Literal

from esteio.core.model.session import Session

SessionColumn = Literal["encrypted", "replaced", "chatwoot", "settings"]
AUDIT_KEYS: Final = "audit/keys"
"""The keys of the audit log's chain."""


def server(name: str) -> str:
    """A server's credentials."""
    return f"server/{name}"


def session(of: Session, column: SessionColumn) -> str:
    """A session's secrets (`encrypted`), the webhook that stood before ours, its Chatwoot, its instance's settings."""
    return session_row(of.name, of.created_at, column)


def session_row(name: str, created_at: float, column: SessionColumn) -> str:
    """The same of a row: a name may be given again, but not at the same moment."""
    return f"session/{name}/{created_at!r}/{column}"


def webhook(endpoint_id: str) -> str:
    """A subscription's secret and headers."""
    return f"webhook/{endpoint_id}"


def short_lived(purpose: str, token: str) -> str:
    """The key that a short-lived token stands for; whoever holds the database and the vault's key, and not the token,
    opens nothing."""
    return f"short-lived/{purpose}/{token}"
