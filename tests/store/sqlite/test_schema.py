"""The loader of statements, and that no statement reads a whole large table."""

import re
from collections.abc import Iterator

import apsw
import pytest

from esteio.store.sql.loader import SQL, SqlTextError, migrations, parse
from esteio.store.sqlite.connection import Db, connect, migrate

ONCE_WHOLE = {"clock_back_send_lanes", "sealed_left", "fleet_words"}
"""Walked whole: once, when the clock was put back (lanes are only of chats that wait) and at the end of a rotation; and
to count all sessions for `/metrics`, 0.14 s at 100,000."""
LARGE = (
    "messages",
    "journal",
    "work",
    "attempts",
    "idempotency",
    "provider_webhooks",
    "inbound_dedupe",
    "events",
    "send_lanes",
    "sessions",
)
SMALL_BY_INDEX = {
    "work_performing": "work_leases",
    "messages_sending": "messages_leases",
    "provider_webhooks_unread_sizes": "provider_webhooks_unread",
    "sessions_restricted": "sessions_restricted",
    "fleet_waiting": "messages_waiting",
    "search_waiting_many": "messages_waiting",
    "outbox_set_aside": "messages_set_aside",
    # The totals count every session, in an index that holds all that is asked: 0.5 ms at 10,000.
    "fleet_totals": "sessions_totals",
    "inbox_backlog": "provider_webhooks_unread provider_webhooks_unreadable",
    "purge_unreadable": "provider_webhooks_unreadable",
    "clock_back_messages": "messages_waiting messages_doubts messages_provider_queue_due",
    "messages_unsent_media": "messages_waiting messages_doubts messages_leases",
}
"""What may be walked whole: partial indexes over the few rows that are in such a state."""

RARE = {"clock_back_send_lanes", "clock_back_messages"}
"""Asked once, when the machine's clock was put back."""


def test_pieces_are_filled_in_and_comments_go() -> None:
    text = "-- about\n-- part: cols\na,\nb\n-- name: one\n-- why\nSELECT {{cols}}\nFROM t\n"
    assert parse(text) == {"one": "SELECT a,\nb\nFROM t"}


@pytest.mark.parametrize(
    "text",
    ["SELECT 1", "-- name: a\nSELECT 1\n-- name: a\nSELECT 2", "-- name: a\nSELECT {{nothing}}"],
)
def test_a_text_that_is_wrong_is_refused(text: str) -> None:
    with pytest.raises(SqlTextError):
        parse(text)


def test_migrations_are_numbered_from_one_and_have_the_dialects_key() -> None:
    steps = migrations("KEY OF THIS DIALECT")
    assert [number for number, _ in steps] == list(range(1, len(steps) + 1))
    assert "{{" not in "".join(text.split("\n\n", 1)[1] for _, text in steps)
    assert "id KEY OF THIS DIALECT" in steps[0][1]


@pytest.fixture(scope="module")
def db() -> Iterator[Db]:
    made = connect(":memory:")
    migrate(made)
    yield made
    made.connection.close()


@pytest.mark.parametrize("name", sorted(SQL))
def test_every_statement_is_good_and_reads_no_large_table_whole(db: Db, name: str) -> None:
    nothing = dict.fromkeys(re.findall(r":(\w+)", SQL[name]))
    plan = [row[3] for row in db.connection.execute(f"EXPLAIN QUERY PLAN {SQL[name]}", nothing)]
    whole = [step for step in plan if step.startswith("SCAN ") and step.split()[1] in LARGE]
    if name in RARE:
        return
    if name in SMALL_BY_INDEX:
        assert whole
        assert {step.rpartition(" INDEX ")[2] for step in whole} == set(SMALL_BY_INDEX[name].split())
    else:
        assert whole == [] or name in ONCE_WHOLE


def test_the_schema_itself_forbids_two_in_flight_in_a_chat(db: Db) -> None:
    columns = "id, session_id, direction, chat, content, state, created_at, updated_at, priority, on_down, attempts"
    rest = "due_at, socket_closed_count, recovered, fence, lease_until"
    values = "?, 1, 'out', 'c', '{}', ?, 0, 0, 5, 'hold', 0, 0, 0, 0, 0, ?"
    text = f"INSERT INTO messages ({columns}, {rest}) VALUES ({values})"
    db.connection.pragma("foreign_keys", 0)
    db.connection.execute(text, ("a", "sending", 1.0))
    for ident, state, lease in (
        ("b", "sending", 1.0),
        ("c", "held", None),
        ("d", "queued", 1.0),
        ("e", "in_doubt", None),
    ):
        with pytest.raises(apsw.ConstraintError):
            db.connection.execute(text, (ident, state, lease))


@pytest.mark.parametrize(("state", "claimed"), [("queued", 1), ("failed", 0), ("sent", 0)])
def test_only_what_waits_can_be_claimed_whatever_its_lane_says(db: Db, state: str, claimed: int) -> None:
    columns = "id, session_id, direction, chat, content, state, created_at, updated_at, priority, on_down, attempts"
    rest = "due_at, socket_closed_count, recovered, fence"
    values = f"'{state}', 1, 'out', 'to {state}', '{{}}', '{state}', 0, 0, 5, 'hold', 0, 0, 0, 0, 0"
    db.connection.pragma("foreign_keys", 0)
    db.connection.execute(f"INSERT INTO messages ({columns}, {rest}) VALUES ({values})")
    bound = {"listed": f"[{db.connection.last_insert_rowid()}]", "now": 1.0, "lease_until": 2.0}
    assert len(list(db.connection.execute(SQL["messages_claim"], bound))) == claimed
