"""Media on its way: what a caller names by URL is fetched and staged by us, so that a provider's failing download is
ours to try again; what came in is kept while its bytes are at hand.

Never lives here: a retry (`core.outbound.settle`), the guard's rule (`targets`), a provider's field.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urljoin, urlsplit

import msgspec

from esteio.clock import Clock
from esteio.core import sniff
from esteio.core.inbound import InboundEvent, ReceivedMessage
from esteio.core.model import Content, Media
from esteio.engine.refusals import Refusal
from esteio.log import logger
from esteio.providers.base import HttpRequest, HttpResponse, Transport, TransportFailed
from esteio.providers.reading import TOO_LARGE
from esteio.store.shelf import Shelf

FETCH_S = 30.0
REDIRECTS = 3
_MOVED = frozenset({301, 302, 303, 307, 308})
log = logger("media")


class Unfetchable(Exception):
    """The bytes could not be had. `for_good`: trying again does not help."""

    def __init__(self, detail: str, *, for_good: bool = False) -> None:
        super().__init__(detail)
        self.for_good = for_good


class MediaRoom:
    """Fetches, stages and hands out. `check` raises `Refusal` for a URL that may not be reached; the transport checks
    once more what it connects to."""

    def __init__(
        self, shelf: Shelf, clock: Clock, transport: Transport, *, check: Callable[[str], Awaitable[None]]
    ) -> None:
        self._shelf, self._clock, self._transport, self._check = shelf, clock, transport, check

    async def staged(self, media: Media) -> Media:
        """The same media with its bytes on our shelf; as it is when they are there or at hand. Raises `Unfetchable`,
        `StoreFull`."""
        if media.url is None or media.stored is not None:
            return media
        answer = await self._fetch(media.url)
        mime = sniff.mime_of(answer.body)
        if not sniff.fits(media.kind, mime):
            raise Unfetchable(f"the address gave {mime}, which cannot be sent as {media.kind}", for_good=True)
        claimed = answer.headers.get("content-type", "").split(";")[0].strip().lower()
        return msgspec.structs.replace(
            media,
            stored=await self._shelf.put(answer.body, self._clock.now()),
            mime=media.mime or mime or claimed or None,
            filename=media.filename or _last_part(media.url),
            size=len(answer.body),
        )

    async def loaded(self, media: Media) -> Media:
        """The same media as base64, in place of its address. Raises `Unfetchable` when our own copy is gone."""
        if media.stored is None:
            return media
        data = await self._shelf.get(media.stored)
        if data is None:
            raise Unfetchable("our copy is gone: it was kept too long ago", for_good=media.url is None)
        return msgspec.structs.replace(media, url=None, base64=b64encode(data).decode())

    async def kept(self, events: Sequence[InboundEvent]) -> tuple[InboundEvent, ...]:
        """What came in, with the bytes of its media on our shelf instead of in a row."""
        return tuple([await self._kept(event) for event in events])

    async def _kept(self, event: InboundEvent) -> InboundEvent:
        media = event.content.media if isinstance(event, ReceivedMessage) else None
        if not isinstance(event, ReceivedMessage) or media is None or not media.base64:
            return event
        return msgspec.structs.replace(event, content=await self._shelved(event.content, media))

    async def _shelved(self, content: Content, media: Media) -> Content:
        try:
            text = media.base64 or ""
            data = b64decode(text.partition(",")[2] if text.startswith("data:") else text)
        except (binascii.Error, ValueError):
            return content
        name = await self._shelf.put(data, self._clock.now())
        mime = media.mime or sniff.mime_of(data)
        kept = msgspec.structs.replace(media, base64=None, stored=name, mime=mime, size=len(data))
        return msgspec.structs.replace(content, media=kept)

    async def _fetch(self, url: str) -> HttpResponse:
        for _ in range(REDIRECTS + 1):
            answer = await self._ask(url)
            if answer.status in _MOVED and "location" in answer.headers:
                url = urljoin(url, answer.headers["location"])
                continue
            if answer.status != 200:
                raise Unfetchable(f"the address answered {answer.status}", for_good=answer.status in (404, 410))
            if not answer.body:
                raise Unfetchable("the address gave nothing")
            return answer
        raise Unfetchable("the address leads from one to the next", for_good=True)

    async def _ask(self, url: str) -> HttpResponse:
        try:
            await self._check(url)
            return await self._transport.exchange(HttpRequest("GET", url, {"accept": "*/*"}, timeout_s=FETCH_S))
        except Refusal as refusal:
            raise Unfetchable("the address may not be reached", for_good=True) from refusal
        except TransportFailed as failed:
            raise Unfetchable(failed.reason, for_good=failed.reason.startswith(TOO_LARGE)) from failed


def _last_part(url: str) -> str | None:
    name = urlsplit(url).path.rpartition("/")[2][:120]
    return name if "." in name else None
