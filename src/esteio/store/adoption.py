"""What the store keeps of an adoption: whose an instance is, and the webhook that stood at the provider before ours.

Part of `Store`. Never lives here: an implementation (`sqlite.sessions`).
"""

from __future__ import annotations

from typing import Protocol

from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import ServerName, SessionId, SessionName
from esteio.core.model.session import Session


class InstanceTaken(Exception):
    """The instance of this server belongs to another session."""


class AdoptionStore(Protocol):
    """See the module's head."""

    async def instance_taken(self, server: ServerName, instance: str) -> SessionName | None: ...
    async def replaced_webhook(self, session_id: SessionId) -> bytes | None: ...
    async def keep_webhook(self, session_id: SessionId, replaced: bytes) -> None: ...
    async def amend_session(
        self, session: Session, sealed: bytes, instance: str | None, evidence: Evidence, *, moved: bool
    ) -> bool:
        """Phone, policy, ref and its secrets, with `evidence` of it; False when the session is gone. `moved`: it is
        another instance, and what was kept of the one before is forgotten. Raises `InstanceTaken`."""
        ...
