"""The timeline: the journal in sentences, newest first, by kind, a page at a time. Never lives here: a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import urlencode

from esteio.api.dashboard.page import Moment, Visit
from esteio.api.http.route import teller
from esteio.api.v1.sessions import LAST_SEQ
from esteio.core.model.session import Session
from esteio.core.views import documents
from esteio.store.base import JournalEntry, JournalKind

LINES, PAGE = 30, 60
"""So many stand on the page as it is opened; so many on a page of older ones."""
KINDS: tuple[JournalKind, ...] = ("decision", "act", "evidence", "operator", "notice")
"""In the order of the page."""


class Line(NamedTuple):
    """One line. `first`: of news that was folded together, when it first came; `data`: what programs read of it."""

    seq: int
    kind: str
    text: str
    at: Moment | None
    first: Moment | None
    data: tuple[tuple[str, str], ...]


class Part(NamedTuple):
    """Lines in a row, newest first. `folded`: more of what was seen, which tells little new."""

    lines: tuple[Line, ...]
    folded: tuple[Line, ...]


KEPT = 2
"""So many pieces of evidence in a row are shown before the others are folded away, if these are as many at least."""


class Timeline(NamedTuple):
    """A page of it. `kind`: which is shown, "" for all; `older` and `newest`: where the others stand, None when there
    are none."""

    parts: tuple[Part, ...]
    kind: str
    older: str | None
    newest: str | None


async def shown(visit: Visit, session: Session) -> Timeline:
    """By the words of the query: `kind`, and `before`, the number of a line."""
    word, before = visit.request.query_word("kind"), visit.request.query_word("before")
    kind = next((one for one in KINDS if one == word), None)
    after = int(before) if before.isascii() and before.isdecimal() and len(before) < 16 else LAST_SEQ
    limit = LINES if after == LAST_SEQ and kind is None else PAGE
    found = list(await visit.api.store.journal.page_back(session.id, after, limit + 1, kind))
    tell = teller(visit.texts)
    lines = tuple(_line(visit, one, tell(one)) for one in found[:limit])
    return Timeline(
        tuple(_parts(lines)) if kind is None else (Part(lines, ()),),
        kind or "",
        older=_place(session, kind, before=lines[-1].seq) if len(found) > limit else None,
        newest=_place(session, kind) if after != LAST_SEQ else None,
    )


def _parts(lines: tuple[Line, ...]) -> Iterator[Part]:
    """Decisions, steps and people stand out between what was seen."""
    for seen, run in groupby(lines, lambda one: one.kind == "evidence"):
        found = tuple(run)
        whole = not seen or len(found) < 2 * KEPT
        yield Part(found, ()) if whole else Part(found[:KEPT], found[KEPT:])


def _place(session: Session, kind: str | None, **more: Any) -> str:
    words = urlencode(({"kind": kind} if kind else {}) | more)
    return f"/sessions/{session.name}{'?' if words else ''}{words}#timeline"


def _line(visit: Visit, one: JournalEntry, text: str) -> Line:
    told = documents.timeline(one, lambda _: text)
    data = {"code": one.code, **one.args, **{name: word for name, word in told.data.items() if name not in _ITSELF}}
    return Line(
        one.seq,
        "operator" if one.data.get("source") == "operator" else one.kind,
        text,
        visit.moment(one.at),
        visit.moment(one.first_at) if one.count > 1 else None,
        tuple((name, _flat(word)) for name, word in data.items() if word not in (None, "")),
    )


_ITSELF = frozenset({"code", "args"})


def _flat(word: Any) -> str:
    return word if isinstance(word, str) else str(word)
