"""Media that came in without its bytes: asked of its provider at once, again for a while, and kept or given up.

What is owed is a row that was written with the message, so a crash forgets nothing; to ask twice does no harm. The
bytes are on the shelf before the row ends, and the row ends with the event that tells. Nothing here holds up a message.
Never lives here: when it is tried again (`core.messages.media_fetch`), a provider's call.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import msgspec

from esteio.clock import Clock
from esteio.core.messages import media_fetch as law
from esteio.core.model.content import Media
from esteio.core.model.ids import MessageId, ServerName
from esteio.core.nodes.rendezvous import share
from esteio.engine.media.stager import URL, MediaStager, Unfetchable
from esteio.engine.runtime.leases import ALONE, Leases
from esteio.engine.runtime.worker import AT_ONCE, Worker
from esteio.engine.supervision.endpoints import Endpoints, EndpointUnknown
from esteio.log import logger
from esteio.providers import driver
from esteio.providers.base import DownloadOutcome, Transport
from esteio.providers.classify import DETAIL
from esteio.store.base import MediaFetch, MediaSettlement, StoreFull
from esteio.store.media import MediaStore
from esteio.store.ports import inbox
from esteio.store.ports.messages import Messages
from esteio.store.ports.sessions import Sessions

FETCHES_AT_ONCE = 4
"""Each may hold the largest media, and its base64, in memory."""
OF_A_SERVER = 2
LOOKED_AT = 200
FULL_S = 30.0
GONE_SESSION = DownloadOutcome(said_no=True, detail="the session was deleted")
log = logger("media")


class MediaFetcher(Worker):
    """The loop of fetches. `told`: the log of events has news."""

    def __init__(
        self,
        clock: Clock,
        addresses: Endpoints,
        transport: Transport,
        *,
        media: inbox.Media,
        messages: Messages,
        sessions: Sessions,
        stager: MediaStager,
        media_store: MediaStore,
        notify: Callable[[], None],
        leases: Leases = ALONE,
    ) -> None:
        super().__init__(clock)
        self._leases = leases
        self._media, self._messages, self._sessions = media, messages, sessions
        self._addresses, self._transport = addresses, transport
        self._stager, self._media_store, self._notify = stager, media_store, notify
        self._flying: dict[MessageId, ServerName] = {}

    def __repr__(self) -> str:
        return f"MediaFetcher(flying={len(self._flying)})"

    async def _due(self) -> float | None:
        found = await self._next()
        return None if found is None else found.due_at

    async def _run_once(self) -> float | None:
        found = await self._next()
        if found is None or found.due_at > self._clock.now():
            return None if found is None else found.due_at
        self._flying[found.message_id] = found.server
        self._start(self._fetch(found))
        return AT_ONCE

    async def _next(self) -> MediaFetch | None:
        """The earliest that may begin: not under way, and at a server that has a place."""
        if len(self._flying) >= FETCHES_AT_ONCE:
            return None
        taken = Counter(self._flying.values())
        for one in await self._media.fetches(LOOKED_AT, node=self._leases.node):
            if one.message_id not in self._flying and taken[one.server] < share(OF_A_SERVER, self._leases.living):
                return one
        return None

    async def _fetch(self, fetch: MediaFetch) -> None:
        try:
            await self._settle(await self._tried(fetch))
        except StoreFull:
            # Its place is held meanwhile: to fetch again at once would only be to throw away again.
            log.warning("store.full")
            await asyncio.sleep(FULL_S)
        finally:
            self._flying.pop(fetch.message_id, None)
            self.wake()

    async def _tried(self, fetch: MediaFetch) -> MediaSettlement:
        message = await self._messages.get(fetch.message_id)
        media = None if message is None else message.content.media
        if media is None:
            return MediaSettlement(fetch.message_id, self._clock.now())
        try:
            outcome = await self._asked(fetch, media)
            if outcome.data:
                return await self._got(fetch, media, outcome)
        except StoreFull:
            raise
        except Exception as error:
            log.exception("media.fetch_crashed", server=fetch.server, message=fetch.message_id)
            outcome = DownloadOutcome(said_no=True, detail=f"internal error: {type(error).__name__}")
        return self._without(fetch, media, outcome)

    async def _got(self, fetch: MediaFetch, media: Media, outcome: DownloadOutcome) -> MediaSettlement:
        known = msgspec.structs.replace(
            media, mime=media.mime or outcome.mime, filename=media.filename or outcome.filename
        )
        kept = await self._stager.shelved(known, outcome.data)
        log.debug("media.fetched", server=fetch.server, message=fetch.message_id, size=len(outcome.data))
        return MediaSettlement(fetch.message_id, self._clock.now(), kept)

    def _without(self, fetch: MediaFetch, media: Media, outcome: DownloadOutcome) -> MediaSettlement:
        now = self._clock.now()
        gone = outcome.gone
        if gone is None:
            again = law.after_failure(
                fetch.session_id, fetch.since, fetch.tries + 1, now, said_no=outcome.said_no, detail=outcome.detail
            )
            if again.due_at is not None:
                log.debug(
                    "media.fetch_failed",
                    server=fetch.server,
                    message=fetch.message_id,
                    detail=outcome.detail,
                    next_at=again.due_at,
                )
                return MediaSettlement(fetch.message_id, now, due_at=again.due_at)
            gone = again.gone
        log.warning(
            "media.given_up",
            server=fetch.server,
            message=fetch.message_id,
            reason=gone.code if gone else None,
            detail=outcome.detail,
        )
        return MediaSettlement(fetch.message_id, now, msgspec.structs.replace(media, fetching=False, gone=gone))

    async def _asked(self, fetch: MediaFetch, media: Media) -> DownloadOutcome:
        """The address first, where there is one: it expires. Then the provider, which may name another address."""
        session = await self._sessions.by_id(fetch.session_id)
        if session is None:
            return GONE_SESSION
        try:
            provider, where = await self._addresses.of_session(session)
        except EndpointUnknown:
            return GONE_SESSION
        source, detail = dict(fetch.source), ""
        if URL in source and not provider.is_own_address(where, source[URL]):
            outcome = await self._at(source.pop(URL))
            if outcome.data or not source:
                return outcome
            detail = f"; {outcome.detail}"
        outcome = await driver.run(provider.download(where, self._clock.now(), media.kind, source), self._transport)
        if outcome.url is not None:
            outcome = await self._at(outcome.url)
        return msgspec.structs.replace(outcome, detail=f"{outcome.detail}{detail}"[:DETAIL])

    async def _at(self, url: str) -> DownloadOutcome:
        try:
            return DownloadOutcome(data=await self._stager.fetched(url))
        except Unfetchable as error:
            # An address that has expired, or may not be reached, will not do later.
            return DownloadOutcome(said_no=error.fault != "media", detail=str(error))

    async def _settle(self, settlement: MediaSettlement) -> None:
        if await self._media.settle(settlement):
            if settlement.media is not None:
                self._notify()
        elif settlement.media is not None and (name := settlement.media.stored) is not None:
            await self._media_store.drop(await self._media.unused([name]), self._clock.now())
