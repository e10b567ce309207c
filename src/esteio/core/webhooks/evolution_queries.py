"""What a client of Evolution asks its tables of messages: the body of `findMessages` and `findStatusMessage`.

Never lives here: the rows (`evolution_rows`), a query of ours.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import floor, isfinite
from typing import Any, Final

import msgspec

from esteio.core.model.address import of_jid
from esteio.core.webhooks.evolution_rows import DEEPEST, KINDS

Json = Any
PAGE: Final = 50
_WHERE: Final = frozenset({"key", "messageTimestamp", "messageType"})
_KEY: Final = frozenset({"id", "remoteJid", "fromMe"})


class Query(msgspec.Struct, frozen=True):
    """One look. `page` begins with 1; `size` is what Evolution calls `offset`."""

    id: str | None = None
    """As the client wrote it."""
    chat: str | None = None
    """An address (`core.model.address`)."""
    from_me: bool | None = None
    since: float | None = None
    until: float | None = None
    kind: str | None = None
    page: int = 1
    size: int = PAGE
    beyond_us: bool = False
    """Whether something is asked that only the server's own table knows."""
    empty_key: bool = False
    """Whether a part of the key is there and empty, which Evolution refuses (recording 128)."""


def messages_query(body: Json) -> Query:
    """A look for messages. What cannot be read is as if it were not there."""
    where = _object(_object(body).get("where"))
    key = _object(where.get("key"))
    asked = {name for name, word in where.items() if word is not None}
    kind, chat = _text(where.get("messageType")), _text(key.get("remoteJid"))
    since, until = _span(_object(where.get("messageTimestamp")))
    return Query(
        id=_text(key.get("id")),
        chat=None if chat is None else of_jid(chat),
        from_me=_truth(key.get("fromMe")),
        since=since,
        until=until,
        kind=None if kind is None else KINDS.get(kind, kind),
        page=_whole(_object(body).get("page"), 1),
        size=min(_whole(_object(body).get("offset"), PAGE), DEEPEST),
        beyond_us=not (asked <= _WHERE and key.keys() <= _KEY),
        empty_key=any(word in (None, "") for word in key.values()),
    )


def updates_query(body: Json) -> Query:
    """A look for updates of messages: `where` names the message's id and its chat."""
    where = _object(_object(body).get("where"))
    chat = _text(where.get("remoteJid"))
    return Query(
        id=_text(where.get("id")),
        chat=None if chat is None else of_jid(chat),
        page=_whole(_object(body).get("page"), 1),
        size=min(_whole(_object(body).get("offset"), PAGE), DEEPEST),
    )


def _span(bounds: dict[str, Json]) -> tuple[float | None, float | None]:
    """Whole seconds, the last one to its end. Only both together count, as there."""
    since, until = _moment(bounds.get("gte")), _moment(bounds.get("lte"))
    if since is None or until is None:
        return None, None
    return floor(since), floor(until) + 0.999_999


def _moment(word: Json) -> float | None:
    """Epoch seconds of an ISO date, in UTC where it names no zone, or of JavaScript's milliseconds."""
    if isinstance(word, str):
        try:
            read = datetime.fromisoformat(word)
            return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return None
    known = isinstance(word, int | float) and not isinstance(word, bool) and isfinite(word)
    return word / 1000 if known else None


def _object(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None


def _truth(value: Json) -> bool | None:
    words = {"true": True, "false": False}
    return value if isinstance(value, bool) else words.get(value) if isinstance(value, str) else None


def _whole(value: Json, otherwise: int) -> int:
    """A number from 1 on, also one written as text."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 9:
        value = int(value)
    sound = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 10**9
    return value if sound else otherwise
