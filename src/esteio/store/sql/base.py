"""Base of the store's subjects, and how an event is made of a message.

Never lives here: a subject.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from esteio.core.model.ids import SessionId
from esteio.core.model.message import Message
from esteio.core.views import documents
from esteio.core.views.documents import Document
from esteio.store.audit_trail import waiting
from esteio.store.base import EventRow
from esteio.store.sql import rows
from esteio.store.sql.db import Batch, Database, Db, Item, Operation, Rollback, alone
from esteio.store.sql.recording import changed, with_record

T = TypeVar("T")


class SqlSubject:
    """One port over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._snapshot = database.snapshot

    @property
    def _reader(self) -> Db:
        return self._database.reader

    async def _write(self, operation: Operation[T], *, first: bool = False) -> T:
        """In one transaction, and with it what waits to be recorded of it in the audit log."""
        recording = waiting()
        if recording is None:
            return await self._database.write(operation, first=first)
        answer = await self._database.write(with_record(operation, recording), first=first)
        recording.written = changed(answer)
        return answer

    async def _write_first(self, operation: Operation[T]) -> T:
        """Before what our own loops write: a client waits for its answer."""
        return await self._write(operation, first=True)

    async def _write_each(self, operation: Batch[Item, T], item: Item) -> T:
        """The same for one of many that may wait at this moment (`Database.write_each`)."""
        if waiting() is None:
            return await self._database.write_each(operation, item)
        return await self._write_first(lambda db: alone(operation, db, item))

    async def _write_or_false(self, operation: Operation[Any]) -> bool:
        """False when the operation rolled itself back."""
        try:
            await self._write(operation)
        except Rollback:
            return False
        return True


async def lives(db: Db, node: int | None, now: float) -> bool:
    """Whether this boot of a node still has its lease; until the transaction ends nobody takes over what it holds.
    Without a node the process is alone."""
    return node is None or await db.row("node_lives", {"node": node, "now": await db.clock(now)}) is not None


async def check_held(db: Db, session_id: SessionId, generation: int | None) -> None:
    """Raises `Rollback` where the session has changed hands since it was held with this generation."""
    # guard: older-holder-writes-nothing
    if generation is not None and await db.value("session_generation", {"session_id": session_id}) != generation:
        raise Rollback(session_id)


async def check_chore(db: Db, name: str, generation: int | None) -> None:
    """The same of a chore. Raises `Rollback`."""
    if generation is not None and await db.value("chore_generation", {"name": name}) != generation:
        raise Rollback(name)


async def quoted_of(db: Db, message_id: str, session: str) -> Document:
    """What a reply answers, short: whose it is and its words."""
    row = await db.row("message", {"id": message_id})
    if row is None:
        return {"id": message_id}
    quoted = rows.message_of(row, session)
    own = await db.value("session_phone", {"id": quoted.session_id}) if quoted.direction == "out" else None
    shown: Document = {
        "id": quoted.id,
        "provider_id": quoted.provider_id,
        "direction": quoted.direction,
        "from": own if quoted.direction == "out" else (quoted.sender or quoted.chat),
        "kind": quoted.content.kind,
        "text": quoted.content.text,
    }
    return {name: word for name, word in shown.items() if word is not None}


async def add_message_event(db: Db, kind: str, message: Message, at: float, **extra: Any) -> None:
    """Append the event that shows a message as it now is; `extra` joins the document."""
    await db.put("event_add", await _event_params(db, kind, message, at, extra))


async def add_message_events(db: Db, kind: str, messages: Sequence[tuple[Message, float]]) -> None:
    """The same for several, each with its time, in their order."""
    await db.put_each("event_add", [await _event_params(db, kind, message, at, {}) for message, at in messages])


async def _event_params(db: Db, kind: str, message: Message, at: float, extra: Document) -> rows.Params:
    event = EventRow(
        type=kind,
        at=at,
        data=extra,
        session=message.session,
        chat=message.chat,
        trace_context=message.trace_context,
    )
    if message.quote is None and not extra:
        # Nearly all; written as it is, for half of what it costs as a mapping.
        return rows.event_params(event, rows.to_text(documents.message(message, documents.plain_reason)))
    document = documents.message_document(message)
    if message.quote is not None and "quoted" not in extra:
        document["quoted"] = await quoted_of(db, message.quote, message.session)
    return rows.event_params(event, rows.to_text({**document, **extra}))
