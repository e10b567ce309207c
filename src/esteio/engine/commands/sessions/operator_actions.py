"""Pause, resume and recover: what a person may ask of a session that exists.

Each is evidence (`operator_…`) and a wake-up; the judge decides what follows. Never lives here: a change of a session's
state.
"""

from __future__ import annotations

from esteio.core.model.session import Session
from esteio.engine.commands.lookup import Lookup
from esteio.engine.commands.sessions.operator_evidence import OperatorEvidence
from esteio.engine.key_scope import EVERYTHING, Scope
from esteio.log import logger

log = logger("commands")


class OperatorActions:
    """`who`, everywhere: the name that the timeline shows for the person."""

    def __init__(self, lookup: Lookup, evidence: OperatorEvidence) -> None:
        self._lookup, self._evidence = lookup, evidence

    async def recover(self, name: str, who: str, *, scope: Scope = EVERYTHING) -> Session:
        """Look now, and start the ladder from its first rung. Raises `CommandError`: unknown-session,
        session-paused."""
        session = await self._lookup.unpaused_session(name, scope)
        await self._evidence.add(session, "operator_recover", {"who": who})
        log.info("session.recover_requested", session=name, server=session.server)
        return await self._evidence.judged(session, lambda s: s.row_version > session.row_version)

    async def pause(self, name: str, who: str, *, scope: Scope = EVERYTHING) -> Session:
        """Watched, but never acted on. Raises `CommandError("unknown-session")`."""
        session = await self._lookup.session(name, scope)
        if not session.paused:
            await self._evidence.add(session, "operator_paused", {"who": who})
            log.info("session.paused", session=name, server=session.server)
        return await self._evidence.judged(session, lambda s: s.paused)

    async def resume(self, name: str, who: str, *, scope: Scope = EVERYTHING) -> Session:
        """Acted on again. Raises `CommandError("unknown-session")`."""
        session = await self._lookup.session(name, scope)
        if session.paused:
            await self._evidence.add(session, "operator_resumed", {"who": who})
            log.info("session.resumed", session=name, server=session.server)
        return await self._evidence.judged(session, lambda s: not s.paused)
