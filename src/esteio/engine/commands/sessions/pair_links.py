"""Links for the owners of phones: who has one sees the code of one session, until it is over, revoked or used.

Only the SHA-256 of a token is kept: tokens are 256 random bits, so a slow hash would protect nothing. Never lives here:
what the link's page shows.
"""

from __future__ import annotations

from esteio.clock import Clock
from esteio.core.model.session import Session
from esteio.engine.audit.audit_log import AuditLog
from esteio.engine.commands.keys import hash_of
from esteio.engine.commands.lookup import Lookup
from esteio.engine.errors import invalid, unknown
from esteio.engine.key_scope import EVERYTHING, Scope
from esteio.engine.suspensions import Suspensions
from esteio.log import logger
from esteio.store.base import JournalEntry, PairLink
from esteio.store.ports.sessions import PairLinks

LASTS_S = 1800.0
"""How long a link lasts when nobody says otherwise."""
LEAST_S, MOST_S = 60.0, 86_400.0
TITLE_MOST = 80
log = logger("commands")


class PairLinkCommands:
    """Makes, finds and revokes links; a session has at most one. `who`: the name that the timeline shows."""

    def __init__(
        self, links: PairLinks, clock: Clock, *, audit: AuditLog, lookup: Lookup, suspensions: Suspensions
    ) -> None:
        self._links, self._clock, self._audit, self._lookup = links, clock, audit, lookup
        self._suspensions = suspensions

    async def make(
        self, name: str, who: str, *, title: str = "", lasts_s: float = LASTS_S, scope: Scope = EVERYTHING
    ) -> tuple[PairLink, str]:
        """A new link and its token, which is shown this once; the session's earlier link opens nothing any more.
        Raises `CommandError`: unknown-session, invalid-value."""
        title = " ".join(title.split())
        if len(title) > TITLE_MOST:
            raise invalid("title", f"must have at most {TITLE_MOST} characters")
        if not LEAST_S <= lasts_s <= MOST_S:
            raise invalid("lasts_s", f"must be a number from {LEAST_S:.0f} to {MOST_S:.0f}")
        session = await self._lookup.session(name, scope)
        now, token = self._clock.now(), self._clock.token()
        link = PairLink(session.id, title, who, now, now + lasts_s)
        line = JournalEntry("operator", now, "pair_link_made", {"who": who})
        try:
            with self._audit.records("pair_link.created", session=session.name, after={"lasts_s": lasts_s}):
                await self._links.put(link, hash_of(token), line)
        except LookupError as error:
            raise unknown("session", name) from error
        log.info("session.pair_link_made", session=session.name, server=session.server)
        return link, token

    async def opened(self, token: str) -> PairLink | None:
        """The link with this token, while its time runs; also one that is done, which shows no code any more. None for
        a suspended tenant's."""
        link = await self._links.by_hash(hash_of(token))
        if link is None or self._clock.now() >= link.expires_at:
            return None
        # guard: suspended-tenants-links-closed
        return None if await self._suspensions.holds_session(link.session_id) else link

    async def open_link(self, session: Session) -> PairLink | None:
        """The session's link, if it still shows codes."""
        link = await self._links.get(session.id)
        return link if link is not None and link.done_at is None and self._clock.now() < link.expires_at else None

    async def revoke(self, name: str, who: str, *, scope: Scope = EVERYTHING) -> None:
        """From now on the session's link opens nothing. Raises `CommandError("unknown-session")`."""
        session = await self._lookup.session(name, scope)
        line = JournalEntry("operator", self._clock.now(), "pair_link_revoked", {"who": who})
        with self._audit.records("pair_link.revoked", session=session.name):
            dropped = await self._links.drop(session.id, line)
        if dropped:
            log.info("session.pair_link_revoked", session=session.name, server=session.server)
