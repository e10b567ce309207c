"""The token in the address that a session's Chatwoot writes to: derived, one for each session.

Never lives here: the settings that it is kept with after a change of the vault's key (`chatwoot_commands`).
"""

from __future__ import annotations

import hmac
from typing import Final

PURPOSE: Final = "chatwoot webhooks"
"""What the vault's key for it is called."""
KEPT: Final = "token"
"""Among the sealed settings: the token of an older key, which Chatwoot goes on to use."""


def webhook_token(key: bytes, session_id: int, created_at: float) -> str:
    """In hexadecimal."""
    return hmac.new(key, f"{session_id}:{created_at!r}".encode(), "sha256").hexdigest()
