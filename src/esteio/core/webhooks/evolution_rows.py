"""Rows of Evolution's tables of messages and their updates, joined with what Esteio knows.

The server's list and ours are one list to a client: what never reached the server stands among its rows, each of ours
once and under our id, with the further status of both. Never lives here: an id's translation (`evolution_ids`), how a
message looks (`evolution_format`), a query.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from esteio.core.model.address import jid_of
from esteio.core.model.message import Message, MessageState
from esteio.core.views import documents
from esteio.core.webhooks import evolution_format

DEEPEST: Final = 5_000
"""Lists of ours go so deep, and a page of the joined list is no longer."""
Json = Any
Row = dict[str, Json]
_REACHED: Final[Mapping[MessageState, tuple[str, ...]]] = {
    "delivered": ("DELIVERY_ACK",),
    "read": ("DELIVERY_ACK", "READ"),
    "failed": ("ERROR",),
    "expired": ("ERROR",),
}
"""The updates that Evolution would have written; of all other states none."""
_ORDER: Final = ("ERROR", "PENDING", "SERVER_ACK", "DELIVERY_ACK", "READ", "PLAYED")
KINDS: Final[Mapping[str, str]] = {
    "conversation": "text",
    "extendedTextMessage": "text",
    "imageMessage": "image",
    "videoMessage": "video",
    "audioMessage": "audio",
    "documentMessage": "document",
    "stickerMessage": "sticker",
    "locationMessage": "location",
    "contactMessage": "contacts",
    "contactsArrayMessage": "contacts",
    "pollCreationMessageV3": "poll",
    "reactionMessage": "reaction",
    "orderMessage": "order",
    "productMessage": "product",
    "listMessage": "list",
    "viewOnceMessage": "buttons",
    "templateMessage": "template",
    "unknownMessage": "unknown",
}
"""Evolution's `messageType` and our kind of content. A status has the type of what it shows."""


# -- pages of two lists ------------------------------------------------------------------------------------------


class Window(NamedTuple):
    """Which of the server's rows a page of the joined list may need: `size` rows from the `start`-th (0 is the first)
    on, as `pages` of so many. `skip`: how many of the joined rows stand before the page."""

    start: int
    size: int
    skip: int

    @property
    def pages(self) -> tuple[int, ...]:
        """The server's pages, the first is 1, that hold them."""
        first = self.start // self.size + 1
        return (first,) if self.start % self.size == 0 else (first, first + 1)

    def cut(self, rows: Sequence[Row]) -> Sequence[Row]:
        """The window's rows out of those of its `pages`."""
        before = self.start % self.size
        return rows[before : before + self.size]


def window(page: int, size: int, more: int) -> Window:
    """For a page of a list that `more` rows of ours are put into, wherever each belongs: no row of the server's can be
    pushed back by more than so many."""
    begin = (page - 1) * size
    start = max(0, begin - more)
    return Window(start, begin + size - start, begin - start)


def joined(theirs: Sequence[Row], ours: Sequence[Row], skip: int, size: int) -> list[Row]:
    """A page of both, newest first, after `skip` of them. What stands in both is the server's."""
    named = {id_of(row) for row in theirs}
    rows = [*theirs, *(row for row in ours if id_of(row) not in named)]
    rows.sort(key=_seconds_of, reverse=True)
    return rows[skip : skip + size]


class Page(NamedTuple):
    """One page of the server's messages."""

    records: Sequence[Row]
    total: int


def page_in(answer: Json) -> Page | None:
    """The page in a server's answer to a look for messages; None for any other answer."""
    found = answer.get("messages") if isinstance(answer, dict) else None
    if not isinstance(found, dict):
        return None
    records = found.get("records")
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        return None
    total = found.get("total")
    return Page(records, total if isinstance(total, int) else len(records))


def page_of(rows: Sequence[Row], *, total: int, page: int, size: int) -> Row:
    """The whole answer of a look for messages."""
    return {"messages": {"total": total, "pages": -(-total // size), "currentPage": page, "records": rows}}


def id_of(row: Row) -> Json:
    """The id in a row's key."""
    key = row.get("key")
    return key.get("id") if isinstance(key, dict) else None


def _seconds_of(row: Row) -> float:
    when = row.get("messageTimestamp")
    return when if isinstance(when, int | float) else 0.0


# -- rows of ours ------------------------------------------------------------------------------------------------


def row(message: Message, instance_id: str, quoted: Message | None = None, link: documents.Link | None = None) -> Row:
    """One message that Esteio has, as Evolution's table would show it, with the `status` that it has reached. `quoted`:
    what it answers; `link` signs the address of its media."""
    document = documents.as_data(documents.message(message, documents.plain_reason, link=link))
    if quoted is not None:
        document["quoted"] = _quoted(quoted)
    told = [{"status": one} for one in reached(message)]
    shown = evolution_format.row(document, instance_id)
    beside = {"providerId": shown.pop("providerId")} if "providerId" in shown else {}
    return {**shown, "MessageUpdate": told, "status": _last(reached(message)), **beside}


def reached(message: Message) -> tuple[str, ...]:
    """The updates of a message, oldest first."""
    return _REACHED.get(message.state, ())


def further(theirs: Row, message: Message) -> Row:
    """The server's row of a message of ours, with what we know beyond it."""
    updates = theirs.get("MessageUpdate")
    told = [one for one in updates if isinstance(one, dict)] if isinstance(updates, list) else []
    known = [*told, *({"status": status} for status in _beyond([one.get("status") for one in told], message))]
    return {**theirs, "status": _last([str(one.get("status")) for one in known]), "MessageUpdate": known}


def _beyond(told: Iterable[Json], message: Message) -> list[str]:
    """The updates of a message that lead further than what the server tells of it."""
    best = max((_place(word) for word in told), default=-1)
    return [status for status in reached(message) if _place(status) > best]


def updates(message: Message, instance_id: str) -> list[Row]:
    """The rows of a message in the table of updates (recording 089), oldest first."""
    outgoing = message.direction == "out"
    beside = {"providerId": message.provider_id} if outgoing and message.provider_id else {}
    return [
        {
            "id": f"{message.id}:{status}",
            "keyId": message.id if outgoing else message.provider_id or message.id,
            "remoteJid": jid_of(message.chat),
            "fromMe": outgoing,
            "participant": None,
            "pollUpdates": None,
            "status": status,
            "messageId": message.id,
            "instanceId": instance_id,
            **beside,
        }
        for status in reached(message)
    ]


def _place(status: Json) -> int:
    """How far a status is; one that is not known says nothing."""
    return _ORDER.index(status) if status in _ORDER else -1


def _last(statuses: Sequence[str]) -> str:
    return statuses[-1] if statuses else "PENDING"


def _quoted(message: Message) -> Row:
    """What a reply answers, as `evolution_format` takes it."""
    shown = {
        "id": message.id,
        "provider_id": message.provider_id,
        "direction": message.direction,
        "from": None if message.direction == "out" else (message.sender or message.chat),
        "kind": message.content.kind,
        "text": message.content.text,
    }
    return {name: word for name, word in shown.items() if word is not None}
