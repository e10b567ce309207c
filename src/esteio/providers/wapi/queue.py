"""W-API's own queue (`/quere/quere`, as they write it): what it has taken and not sent yet.

A message leaves that queue only by being sent, so what was taken and is not in it has gone, if the whole of it was
shown. A message in doubt whose entry we know is found there; otherwise an unknown entry for the same chat may be it or
not, and only waiting tells. Unrecorded: names and nesting are from clients. Never lives here: what follows
(`core.messages.provider_queue`).
"""

from __future__ import annotations

from collections.abc import Iterator

from esteio.core.messages.content_match import same_chat
from esteio.providers.base import Flow, LookupOutcome, QueueOutcome, SentQuery, SessionEndpoint
from esteio.providers.classify import Heard, server_news
from esteio.providers.parsing import Json, at, first, number
from esteio.providers.wapi.client import call, hear_from
from esteio.providers.whatsapp import chat_of

_REFS = ("insertedId", "_id", "id")


def _ask(where: SessionEndpoint) -> Flow[Heard]:
    return hear_from(where, call(where, "GET", "/quere/quere"))


def read_queue(where: SessionEndpoint, now: float) -> Flow[QueueOutcome]:
    """Every id of every entry; None when it could not be read, or only a part of it was shown."""
    heard = yield from _ask(where)
    news = server_news(heard, now, "list")
    if heard.kind != "ok":
        return QueueOutcome(None, heard.detail, news)
    if not _is_whole(heard.body):  # guard: queue-page-is-not-whole
        return QueueOutcome(None, "not the whole queue", news)
    found = (first(entry, name) for entry in _entries(heard.body) for name in ("messageId", *_REFS))
    return QueueOutcome(frozenset(one for one in found if one), evidence=news)


def look_up(where: SessionEndpoint, now: float, query: SentQuery) -> Flow[LookupOutcome]:
    """Whether it lies in W-API's queue. It leaves the queue when it is sent, so absence says nothing."""
    heard = yield from _ask(where)
    if heard.kind != "ok":
        return LookupOutcome("unknown", detail=heard.detail, evidence=server_news(heard, now, "list"), later=True)
    entries = list(_entries(heard.body))
    for entry in entries:
        provider_id = first(entry, "messageId")
        if query.queue_ref and first(entry, *_REFS) == query.queue_ref and provider_id:
            return LookupOutcome("found", provider_id, "still in W-API's queue", queued=True)
    if any(_may_be_ours(entry, query) for entry in entries):  # guard: queue-entry-may-be-ours
        return LookupOutcome("unknown", detail="W-API's queue holds a message for this chat", later=True)
    return LookupOutcome("unknown", detail="not in W-API's queue: sent, or never taken")


def _may_be_ours(entry: Json, query: SentQuery) -> bool:
    chat = first(entry, "phone", "chatId", "to")
    known = first(entry, "messageId") in query.known_ids
    return chat is not None and not known and same_chat(chat_of(query.to), chat_of(chat))


def _entries(body: Json, depth: int = 0) -> Iterator[Json]:
    """What looks like an entry, whatever it is wrapped in."""
    if isinstance(body, dict) and first(body, "messageId", "insertedId") is not None:
        yield body
    elif isinstance(body, dict | list) and depth < 4:
        for one in body.values() if isinstance(body, dict) else body:
            yield from _entries(one, depth + 1)


def _is_whole(body: Json) -> bool:
    """Whether there is a list at all (or the word that there is none), and it is as long as it says."""
    total = number(at(body, "total"))
    rows = body if isinstance(body, list) else None
    if isinstance(body, dict):
        rows = next((one for one in body.values() if isinstance(one, list)), None)
    if rows is None:
        return total == 0
    return total is None or total <= len(rows)
