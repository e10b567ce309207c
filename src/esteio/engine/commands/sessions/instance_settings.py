"""What a client set of an instance at its provider (calls, groups, presence): kept, so that it is known while the
provider is down, and set again when the instance is made anew.

Never lives here: what the words mean (the provider's), the call that sets them.
"""

from __future__ import annotations

from esteio.core.model.session import Session
from esteio.engine.audit.audit_log import AuditLog
from esteio.engine.supervision.endpoints import Endpoints
from esteio.log import logger
from esteio.providers.base import InstanceSettings

log = logger("commands")


class InstanceSettingsCommands:
    """Keeps them, encrypted: one of them may be a token."""

    def __init__(self, addresses: Endpoints, audit: AuditLog) -> None:
        self._addresses, self._audit = addresses, audit

    async def kept(self, session: Session) -> InstanceSettings | None:
        """As they were last set here, or last read; None where neither was."""
        return await self._addresses.kept_settings(session)

    async def keep(self, session: Session, settings: InstanceSettings) -> None:
        """On disk when this returns."""
        with self._audit.records("session.settings_changed", session=session.name, after={"names": sorted(settings)}):
            await self._addresses.keep_settings(session, settings)
        log.info("session.settings_kept", session=session.name, server=session.server)
