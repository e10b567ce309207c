"""What a message or an event says, from its column: one that cannot be read any more hides no other.

Never lives here: the other columns (`rows`).
"""

from __future__ import annotations

import re
from typing import Any, get_args

import msgspec

from esteio.core.model.content import Content, Kind, Media

_content = msgspec.json.Decoder(Content)
_document = msgspec.json.Decoder(dict[str, Any])
_KIND = re.compile(r'"kind":"(\w+)"')
_STORED = re.compile(r'"stored":"([^"\\\\]+)"')


def document_of(text: str) -> dict[str, Any]:
    """An event's document; of one that is damaged nothing, so that the events behind it go on. Total."""
    try:
        return _document.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def content_of(text: str) -> Content:
    """The content; of one that is damaged its kind, and which file holds its bytes. Total."""
    try:
        return _content.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _remains(text)


def _remains(text: str) -> Content:
    kind, stored = _KIND.search(text), _STORED.search(text)
    media = Media(kind[1] if kind else "document", stored=stored[1]) if stored else None
    known: Kind = kind[1] if kind and kind[1] in get_args(Kind) else "unknown"  # type: ignore[assignment]
    return Content(known, media=media)


def stored_name(content: Content) -> str | None:
    """The name of its media in the media store."""
    return content.media.stored if content.media is not None else None
