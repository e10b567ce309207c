"""Evolution's own list of messages: is a message in doubt there, and what came while nobody listened?

Only successful writes are stored, after the write, newest first (recordings 087, 088). So a hit is a proof, and absence
is one too, when the list is known to keep messages, was read back to before the send, and the send can no longer be
under way inside the server. That it keeps messages is proved by any row: the line's own, or another line's on the same
server, for one setting serves all. Paging is bounded; at the bound the answer is `unknown`, never `absent`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

import msgspec

from esteio.core.model.address import kind_of, may_be_same_line, same_line
from esteio.core.model.content import Content
from esteio.core.model.evidence import seen
from esteio.core.model.inbound import InboundEvent, Receipt, ReceivedMessage
from esteio.providers.base import Flow, LookupOutcome, SentQuery, SessionEndpoint, WebhookReading
from esteio.providers.contents import content_of
from esteio.providers.evolution.client import LIST_S, Word, call, news, say
from esteio.providers.evolution.webhook import ACKS, received
from esteio.providers.parsing import Json, at, items, moment, number, packed, text
from esteio.providers.whatsapp import key_of

PAGE = 100
LOOKUP_PAGE = 500
LOOKUP_PAGES = 40
HISTORY_PAGES = 20
CLOCKS_S = 600.0
"""What is asked for by time is asked for with so much to either side: clocks differ."""
SETTLED_S = 65.0
"""A send may be under way for 60 s inside the server (a half-open socket), and is stored only afterwards."""
MINUTE_S = 60.0
"""`SentQuery.not_before` is the send's begin less this."""


class Page(msgspec.Struct, frozen=True):
    """One page of Evolution's list, newest first: its rows, how many there are in all, and whether it is the last."""

    records: tuple[Json, ...]
    total: int
    last: bool


def _read_page(
    where: SessionEndpoint,
    filters: Mapping[str, Json],
    page: int,
    *,
    span: tuple[float, float] | None = None,
    size: int = PAGE,
) -> Flow[tuple[Word, Page | None]]:
    """`span`: only what is dated between; servers that do not know such a filter ignore it."""
    wanted: dict[str, Json] = {"key": dict(filters)} if filters else {}
    if span is not None:
        wanted["messageTimestamp"] = {"gte": _iso(span[0]), "lte": _iso(span[1])}
    body = {"where": wanted, "page": page, "offset": size}
    word = yield from say(where, call(where, "POST", "/chat/findMessages/{}", body, timeout_s=LIST_S))
    found = at(word.body, "messages", "records")
    if word.kind != "ok" or not isinstance(found, list):
        return word, None
    total, pages = number(at(word.body, "messages", "total")), number(at(word.body, "messages", "pages"))
    return word, Page(tuple(found), int(total or 0), not found or pages is None or page >= pages)


def _iso(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# -- a message in doubt ------------------------------------------------------------------------------------------


def look_up(where: SessionEndpoint, now: float, query: SentQuery) -> Flow[LookupOutcome]:
    """Found by body, chat and time among what this instance sent. The chat's JID may be normalised (ninth digit) or
    an `@lid`, so all sent messages of the window are read, not one chat's."""
    span = (query.not_before - CLOCKS_S, (query.not_after or now) + CLOCKS_S)
    alike: list[Json] = []
    near = False
    for page in range(1, LOOKUP_PAGES + 1):
        word, found = yield from _read_page(where, {"fromMe": True}, page, span=span, size=LOOKUP_PAGE)
        if found is None:
            return LookupOutcome("unknown", detail=word.detail, evidence=news(word, now, "list"), later=True)
        if found.total == 0 and not (yield from _keeps_messages(where)):
            return LookupOutcome("unknown", detail="the list is empty: perhaps this server keeps no messages")
        fitting = [record for record in found.records if _fits(record, query, now)]
        alike += [record for record in fitting if _is_chat(record, query.to)]
        near = near or any(_may_be_chat(record, query.to) for record in fitting)
        if found.last or _older(found.records, query.not_before, now):
            return _told(alike, now, query, near=near)
    return LookupOutcome("unknown", detail=f"more than {LOOKUP_PAGE * LOOKUP_PAGES} messages around the send")


def _keeps_messages(where: SessionEndpoint) -> Flow[bool]:
    """Whether any row proves that this server keeps messages: one of this line, of whatever time and direction, or what
    the server's own list counts for the other lines."""
    _, found = yield from _read_page(where, {}, 1, size=1)
    if found is not None and found.total > 0:
        return True
    listed = yield from say(where, call(where, "GET", "/instance/fetchInstances", timeout_s=LIST_S))
    rows = listed.body if listed.kind == "ok" else None
    return any((number(at(row, "_count", "Message")) or 0) > 0 for row in items(rows))


def _told(alike: list[Json], now: float, query: SentQuery, *, near: bool) -> LookupOutcome:
    """`near`: the same words stand there for a number that may be the same line, spelled as we do not know."""
    ids = {key.id: record for record in alike if (key := key_of(at(record, "key")))}
    if len(ids) > 1:
        return LookupOutcome("unknown", detail=f"{len(ids)} messages of the same words in the same chat")
    for provider_id, record in ids.items():
        when = moment(at(record, "messageTimestamp"), now)
        evidence = (seen("send_accepted", now, "list", happened_at=when),)
        return LookupOutcome("found", provider_id, evidence=evidence)
    if not query.over and now - query.not_before - MINUTE_S < SETTLED_S:
        detail = "not there yet; the send may still be under way inside the server"
        return LookupOutcome("unknown", detail=detail, later=True)
    if near:  # guard: absence-needs-known-spelling
        return LookupOutcome("unknown", detail="the same words went to a number that ends alike: perhaps this one")
    return LookupOutcome("absent")


def _older(records: Iterable[Json], since: float, now: float) -> bool:
    """Whether the page reaches back to before `since`; a record without a time says nothing."""
    times = [when for record in records if (when := moment(at(record, "messageTimestamp"), now)) is not None]
    return bool(times) and min(times) < since


def _fits(record: Json, query: SentQuery, now: float) -> bool:
    """Whether it is what was sent, as far as direction, time and words tell."""
    key = key_of(at(record, "key"))
    when = moment(at(record, "messageTimestamp"), now)
    if key is None or not key.from_me or key.id in query.known_ids or when is None or when < query.not_before:
        return False
    if query.not_after is not None and when > query.not_after:
        return False
    return _same_words(content_of(at(record, "message")), query.content)


def _is_chat(record: Json, to: str) -> bool:
    key = key_of(at(record, "key"))
    if key is None or same_line(key.chat, to):
        return key is not None
    # A phone of ours against an `@lid` of theirs cannot be told apart: the words and the window must do.
    return {kind_of(key.chat), kind_of(to)} == {"phone", "lid"}


def _may_be_chat(record: Json, to: str) -> bool:
    key = key_of(at(record, "key"))
    return key is not None and may_be_same_line(key.chat, to)


def _same_words(theirs: Content, ours: Content) -> bool:
    if theirs.kind != ours.kind or _plain(theirs.text) != _plain(ours.text):
        return False
    if ours.reaction and theirs.reaction:
        return (ours.reaction.provider_id, ours.reaction.emoji) == (theirs.reaction.provider_id, theirs.reaction.emoji)
    if ours.location and theirs.location:
        return (
            abs(ours.location.latitude - theirs.location.latitude) < 1e-6
            and abs(ours.location.longitude - theirs.location.longitude) < 1e-6
        )
    if ours.poll and theirs.poll:
        return ours.poll.question == theirs.poll.question
    return [one.name for one in ours.contacts] == [one.name for one in theirs.contacts]


def _plain(words: str | None) -> str:
    return (words or "").replace("\r\n", "\n").strip()


# -- filling gaps ------------------------------------------------------------------------------------------------


def history(where: SessionEndpoint, now: float, since: float) -> Flow[WebhookReading]:
    """Everything since `since`, oldest first, in the form of webhooks. Messages sent through the API stand among those
    typed on the phone (`from_me`): the reader knows its own ids. The newest received one is evidence, of its date."""
    records: list[Json] = []
    note = ""
    for page in range(1, HISTORY_PAGES + 1):
        word, found = yield from _read_page(where, {}, page)
        if found is not None and found.total == 0 and not records and not (yield from _keeps_messages(where)):
            note = "the list is empty: perhaps this server keeps no messages"
            return WebhookReading(readable=True, note=note, kept=False)
        if found is None:
            if not records:
                return WebhookReading(readable=False, evidence=news(word, now, "list"), note=word.detail)
            note = f"broke off: {word.detail}"
            break
        records += found.records
        if found.last or _older(found.records, since, now):
            break
    else:
        note = f"only the last {PAGE * HISTORY_PAGES} messages"
    events = [event for record in reversed(records) for event in _events(record, now, since)]
    newest = max(
        (one.happened_at for one in events if isinstance(one, ReceivedMessage) and not one.from_me), default=None
    )
    evidence = () if newest is None else (seen("message_received", now, "list", happened_at=newest),)
    return WebhookReading(readable=True, events=tuple(events), evidence=evidence, note=note)


def _events(record: Json, now: float, since: float) -> Iterable[InboundEvent]:
    when = moment(at(record, "messageTimestamp"), now)
    if when is None or when < since:
        return
    event = received(record, now)
    if event is None:
        return
    yield msgspec.structs.replace(event, source=packed(record)) if isinstance(event, ReceivedMessage) else event
    if isinstance(event, ReceivedMessage) and event.from_me:
        yield from _receipts(record, event)


def _receipts(record: Json, event: ReceivedMessage) -> Iterable[InboundEvent]:
    """What the list remembers of acknowledgements, dated by the message: they are no later proof than that."""
    for update in items(at(record, "MessageUpdate")):
        status = text(at(update, "status"))
        state = ACKS.get(status) if status else None
        if state is not None:
            yield Receipt(event.provider_id, state, event.happened_at, event.chat, proves=status != "SERVER_ACK")
