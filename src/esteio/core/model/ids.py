"""Names and ids of servers, sessions and messages. Never lives here: a value made of them."""

from __future__ import annotations

from typing import NewType

ServerName = NewType("ServerName", str)
SessionName = NewType("SessionName", str)
SessionId = NewType("SessionId", int)
"""Internal and never reused; a name may come back after a delete."""
MessageId = NewType("MessageId", str)

ServerKind = str
"""The adapter's name in the registry: `evolution`, `baileys`, `wapi`."""
