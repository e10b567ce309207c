"""The `next` of a page and the `after` that comes back: opaque, and recognised, so that anything else is a 400.

A cursor names the list it belongs to and the place of the last item that was shown; it never holds anything that the
caller was not shown. Never lives here: what a place means to the store.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final

from esteio.core.model.state import TROUBLED_FIRST
from esteio.engine.errors import invalid

PLACES: Final[Mapping[str, re.Pattern[str]]] = {
    "fleet": re.compile(
        rf"(?:{'|'.join(TROUBLED_FIRST)}):\d{{1,12}}(?:\.\d{{1,20}})?:\d{{1,18}}:[A-Za-z0-9._-]{{1,64}}"
    ),
    "sessions": re.compile(r"[A-Za-z0-9._-]{1,64}"),
    "messages": re.compile(r"-?\d{1,12}(?:\.\d{1,20})?(?:e[+-]?\d{1,2})?:\d{1,18}"),
}
"""What a place looks like in each list with opaque cursors."""
_LONGEST = 512


def made(kind: str, place: str) -> str:
    """The cursor for a place."""
    return base64.urlsafe_b64encode(f"{kind}:{place}".encode()).decode().rstrip("=")


def place(words: Mapping[str, str], kind: str, name: str = "after") -> str | None:
    """The place behind a cursor of this list; None when there is none. Raises `CommandError("invalid-value")`."""
    cursor = words.get(name)
    if cursor is None:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        text = ""
    found_kind, _, found = text.partition(":")
    if found_kind != kind or not PLACES[kind].fullmatch(found) or len(cursor) > _LONGEST:
        raise invalid(name, "must be the `next` of a page of this list")
    return found
