"""Media on its way: what a caller names by URL is fetched and staged by us, so that a provider's failing download is
ours to try again; what came in is kept while its bytes are at hand.

Never lives here: a retry (`core.messages.outbox.settle`), the guard's rule (`engine.url_guard`), a provider's field.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urljoin

import msgspec

from esteio.clock import Clock
from esteio.core.messages import media_fetch, mime_sniff
from esteio.core.messages.outbox import Fault
from esteio.core.model.content import Media
from esteio.core.model.inbound import InboundEvent, ReceivedMessage
from esteio.core.model.message import Message
from esteio.core.model.state import Reason
from esteio.engine.errors import CommandError
from esteio.engine.media import file_names
from esteio.log import logger
from esteio.providers.base import HttpRequest, HttpResponse, Transport, TransportFailed
from esteio.providers.classify import TOO_LARGE
from esteio.providers.driver import NOT_ALLOWED
from esteio.store.media import MediaStore

FETCH_S = 30.0
REDIRECTS = 3
CARRIED_BYTES = 16 * 2**20
"""More is not put into a webhook's body; its address is there."""
URL = "url"
"""Of a `Media.source`: where the bytes lie for a while. All else in it is the adapter's."""
_MOVED = frozenset({301, 302, 303, 307, 308})
log = logger("media")


class Unfetchable(Exception):
    """The bytes could not be had. `fault` says why; all but `media` are for good: trying again does not help."""

    def __init__(self, detail: str, fault: Fault = "media") -> None:
        super().__init__(detail)
        self.fault: Fault = fault


class MediaStager:
    """Fetches, stages and hands out. `check` raises `CommandError` for a URL that may not be reached; the transport
    checks once more what it connects to."""

    def __init__(
        self,
        media_store: MediaStore,
        clock: Clock,
        transport: Transport,
        *,
        check: Callable[[str], Awaitable[None]],
        max_bytes: int,
    ) -> None:
        self._media_store, self._clock, self._transport, self._check = media_store, clock, transport, check
        self._max_bytes = max_bytes

    async def staged(self, media: Media) -> Media:
        """The same media with its bytes on our shelf; as it is when they are there or at hand. Raises `Unfetchable`,
        `StoreFull`."""
        if media.url is None or media.stored is not None:
            return media
        answer = await self._fetch(media.url)
        declared = answer.headers.get("content-type", "").split(";")[0].strip().lower()
        name = _name(media, answer)
        if mime_sniff.is_page(declared, answer.body) and mime_sniff.PAGE.isdisjoint(
            {media.mime, file_names.type_of(name)}
        ):
            raise Unfetchable("the address gave text/html", "media-is-a-page")
        mime = mime_sniff.type_of(media.kind, media.mime, declared, answer.body) or file_names.type_of(name)
        found = mime_sniff.mime_of(answer.body)
        if not mime_sniff.fits(media.kind, found):
            raise Unfetchable(f"the address gave {found}, which cannot be sent as {media.kind}", "media-unfit")
        stored = await self._media_store.put(answer.body, self._clock.now())
        filename, size = file_names.named(media.kind, name, mime), len(answer.body)
        return msgspec.structs.replace(media, stored=stored, mime=mime, filename=filename, size=size, gone=None)

    async def loaded(self, media: Media) -> Media:
        """The same media as base64, in place of its address. Raises `Unfetchable` when our own copy is gone."""
        if media.stored is None:
            if media.url is None and media.base64 is None:
                raise Unfetchable("our copy is gone: it was kept too long ago", "media-unfit")
            return media
        data = await self._media_store.get(media.stored)
        if data is None:
            raise Unfetchable(
                "our copy is gone: it was kept too long ago", "media-unfit" if media.url is None else "media"
            )
        return msgspec.structs.replace(media, url=None, base64=b64encode(data).decode())

    async def taken(self, media: Media) -> Media:
        """What a caller handed in as base64, with its bytes on our shelf instead of in a row. Raises `StoreFull`."""
        if media.base64 is None:
            return media
        stored = await self._media_store.put(b64decode(media.base64), self._clock.now())
        return msgspec.structs.replace(media, base64=None, stored=stored)

    async def carried(self, message: Message | None, shown: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
        """An event's media document with its bytes as base64, where they are on the shelf now and not too many; and
        whether they are still being fetched."""
        media = None if message is None else message.content.media
        if media is None:
            return shown, False
        state, _ = media_fetch.shown(media, message.state if message is not None else "delivered")
        if media.stored is None or (media.size or 0) > CARRIED_BYTES:
            return shown, state == "fetching"
        data = await self._media_store.get(media.stored)
        if data is None:
            return shown, False
        known = {"state": "kept", "mime": media.mime, "filename": media.filename, "size": media.size}
        return {**shown, **known, "base64": b64encode(data).decode()}, False

    async def fetched(self, url: str) -> bytes:
        """The bytes at an address that a provider named, over the guarded road. Raises `Unfetchable`."""
        answer = await self._fetch(url)
        declared = answer.headers.get("content-type", "").split(";")[0].strip().lower()
        if mime_sniff.is_page(declared, answer.body):
            raise Unfetchable("the address gave text/html", "media-is-a-page")
        return answer.body

    async def shelved(self, media: Media, data: bytes) -> Media:
        """The same media with these bytes on our shelf, or `gone` when they are more than are kept. Raises
        `StoreFull`."""
        bare = msgspec.structs.replace(media, url=None, base64=None, source=None, fetching=False)
        if len(data) > self._max_bytes:
            return msgspec.structs.replace(bare, size=len(data), gone=media_fetch.too_large(self._max_bytes))
        name = await self._media_store.put(data, self._clock.now())
        return msgspec.structs.replace(bare, stored=name, mime=media.mime or mime_sniff.mime_of(data), size=len(data))

    async def kept(self, events: Sequence[InboundEvent]) -> tuple[InboundEvent, ...]:
        """What came in, with the bytes of its media on our shelf instead of in a row; or with what they are fetched by;
        or gone, where there is nothing to ask with."""
        return tuple([await self._kept(event) for event in events])

    async def _kept(self, event: InboundEvent) -> InboundEvent:
        media = event.content.media if isinstance(event, ReceivedMessage) else None
        if not isinstance(event, ReceivedMessage) or media is None:
            return event
        content = msgspec.structs.replace(event.content, media=await self._at_hand(media))
        return msgspec.structs.replace(event, content=content)

    async def _at_hand(self, media: Media) -> Media:
        # The sender chose the name: as one segment it may stand in documents, events and folders.
        media = msgspec.structs.replace(media, filename=file_names.clean(media.filename or "") or None)
        data = _decoded(media.base64) if media.base64 else None
        if data:
            return await self.shelved(media, data)
        source = dict(media.source or {}) | ({URL: media.url} if media.url else {})
        bare = msgspec.structs.replace(media, url=None, base64=None, source=source or None, fetching=bool(source))
        if source:
            return bare
        unreadable = Reason("media-unreadable")
        return msgspec.structs.replace(bare, gone=unreadable if media.base64 else media_fetch.NOT_TOLD)

    async def _fetch(self, url: str) -> HttpResponse:
        for _ in range(REDIRECTS + 1):
            answer = await self._ask(url)
            if answer.status in _MOVED and "location" in answer.headers:
                url = urljoin(url, answer.headers["location"])
                continue
            if answer.status != 200:
                fault: Fault = "media-unfit" if answer.status in (404, 410) else "media"
                raise Unfetchable(f"the address answered {answer.status}", fault)
            if not answer.body:
                raise Unfetchable("the address gave nothing")
            return answer
        raise Unfetchable("the address leads from one to the next", "media-unfit")

    async def _ask(self, url: str) -> HttpResponse:
        try:
            await self._check(url)
            return await self._transport.exchange(HttpRequest("GET", url, {"accept": "*/*"}, timeout_s=FETCH_S))
        except CommandError as error:
            host = error.words.get("host", "")
            raise Unfetchable(f"{host or 'the address'} may not be reached", "media-not-allowed") from error
        except TransportFailed as failed:
            raise Unfetchable(failed.reason, _fault(failed)) from failed


def _decoded(text: str) -> bytes | None:
    """The bytes of base64, with or without its `data:` beginning, None when it is none."""
    try:
        return b64decode(text.partition(",")[2] if text.startswith("data:") else text)
    except (binascii.Error, ValueError):
        return None


def _fault(failed: TransportFailed) -> Fault:
    if failed.reason == NOT_ALLOWED:
        return "media-not-allowed"
    return "media-unfit" if failed.reason.startswith(TOO_LARGE) else "media"


def _name(media: Media, answer: HttpResponse) -> str:
    """What the caller said, else the server's header, else the address."""
    given = file_names.clean(media.filename or "")
    header = answer.headers.get("content-disposition", "")
    return given or file_names.of_disposition(header) or file_names.of_address(media.url or "")
