"""A person's own logout: at the provider, which unlinks the phone; the session stays.

Never lives here: the act at the provider (`provider_acts`).
"""

from __future__ import annotations

from esteio.core.model.session import Session
from esteio.engine.commands.lookup import Lookup
from esteio.engine.commands.sessions.operator_evidence import OperatorEvidence
from esteio.engine.commands.sessions.provider_acts import ProviderActs
from esteio.engine.errors import CommandError
from esteio.engine.key_scope import EVERYTHING, Scope
from esteio.log import logger

log = logger("commands")


class LogoutCommands:
    """`who`: the name that the timeline shows for the person."""

    def __init__(self, lookup: Lookup, evidence: OperatorEvidence, acts: ProviderActs) -> None:
        self._lookup, self._evidence, self._acts = lookup, evidence, acts

    async def logout(self, name: str, who: str, *, scope: Scope = EVERYTHING) -> Session:
        """The session as it is afterwards. Raises `CommandError`: unknown-session, provider-refused,
        provider-unanswered (it surely was not asked), act-unanswered (what is under way goes on; asking again does not
        begin another)."""
        session = await self._lookup.session(name, scope)
        log.info("session.logout_requested", session=name, server=session.server)
        if not await self._acts.done(session, "logout", who):
            raise CommandError("act-unanswered", server=session.server)
        return await self._evidence.judged(session, lambda s: s.state not in ("connected", "degraded"))
