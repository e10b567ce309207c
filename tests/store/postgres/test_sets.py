"""A statement for many at once: PostgreSQL takes each, and it answers as the one for a single one does."""

from __future__ import annotations

from typing import Any

import msgspec
import psycopg
import pytest

from esteio.store.postgres import PostgresStore, sets
from esteio.store.postgres.sets import PLACE, NoSet, set_of
from esteio.store.postgres.statements import TEXTS
from esteio.store.sql.db import Db, Row
from esteio.store.sql.loader import PARAMETER
from tests.narrowing import of_type
from tests.store.make import NOW, Make

BUSY = {
    "attempt_add", "idempotency", "idempotency_put", "journal_add", "journal_last_news", "journal_last_server_news",
    "journal_remove", "message_add", "message_settle", "pending_receipts", "phone_file", "phone_filed",
    "phone_spelled", "send_lane_busy", "send_lane_close", "send_lane_head", "send_lane_open", "send_lane_set",
    "send_lanes_due", "session_by_id", "session_by_name", "session_locked",
}  # fmt: skip
"""What every message needs."""


@pytest.mark.parametrize("name", sorted(BUSY))
def test_what_every_message_needs_has_one(name: str, migrated_url: str) -> None:
    # Only the types of keys matter.
    one = {word: 1 for word in PARAMETER.findall(TEXTS[name]) if word}
    words = {"session_by_name": {"word": "name"}, "message_settle": {"id": "msg"}, "message_add": {"id": "msg"}}
    made = set_of(name, {**one, **words.get(name, {})})
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        connection.execute(f"PREPARE many AS {made.statement.text}".encode())


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO t (a) SELECT :a FROM u",
        "INSERT INTO t (a) VALUES (:a) ON CONFLICT DO NOTHING RETURNING a",
        "INSERT INTO t (a) VALUES (:a) ON CONFLICT (a) DO UPDATE SET b = :b",
        "UPDATE t SET a = (SELECT b FROM u WHERE c = :c)",
    ],
)
def test_a_statement_of_another_form_has_none(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sets, "TEXTS", {"other": text})
    with pytest.raises(NoSet):
        set_of("other", {"a": 1, "b": 1, "c": 1})


async def test_it_answers_as_the_statement_for_one(migrated_url: str, make: Make) -> None:
    store = PostgresStore(migrated_url, alone=True)
    await store.start(NOW)
    sessions = [await make.session(store, f"s{number}") for number in range(3)]
    for number in range(12):
        await make.accept(store, sessions[number % 2], f"55119888877{number % 3:02d}")
    lanes = [{"session_id": one.id, "chat": f"55119888877{n:02d}"} for one in sessions for n in range(4)]
    due = [{"sort_key": one.id * 10 + 4, "now": NOW, "limit": 2} for one in sessions]
    words = [{"word": word} for word in ("s2", "nobody", "s0", "s2")]

    async def both(db: Db) -> None:
        for name, many in (("send_lane_head", lanes), ("send_lanes_due", due), ("session_by_name", words)):
            alone = [[_values(row) for row in await db.rows(name, one)] for one in many]
            together = [[_values(row) for row in found] for found in await db.rows_each(name, many)]
            assert together == alone
            assert any(alone)

    await store.database.write(both)
    await store.aclose()


def _values(row: Row) -> dict[str, Any]:
    return {
        name: value for name, value in msgspec.structs.asdict(of_type(msgspec.Struct, row)).items() if name != PLACE
    }
