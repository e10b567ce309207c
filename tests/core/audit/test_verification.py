"""Whatever is done to the rows of the audit log without its key is found, and named."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from esteio.core.audit.chain import ChainKeys, Head, head_seal, linked
from esteio.core.audit.entry import GATEWAY, Entry, Row
from esteio.core.audit.verification import MOST, Finding, Verdict, Verification

KEY, THEIRS = b"k" * 32, b"t" * 32
KEYS = ChainKeys({"1": KEY})
ROWS = 10


def made(count: int = ROWS, key: bytes = KEY, *, after: Head | None = None, name: str = "row") -> list[Row]:
    begun = 0 if after is None else after.seq
    entries = [
        Entry(at=float(n), action="login", actor=GATEWAY, target=f"{name} {begun + n + 1}") for n in range(count)
    ]
    return linked(after or Head(0, ""), entries, ChainKeys({"1": key}))


ALL = made()
HEAD = Head(ROWS, ALL[-1].hash)


def look(
    rows: Sequence[Row], head: Head = HEAD, *, key: bytes = KEY, anchor: Head | None = None, keys: ChainKeys = KEYS
) -> Verdict:
    """What is found of the rows in two pages; `key`: who sealed the head."""
    verification = Verification(keys, anchor)
    verification.read(rows[:4])
    verification.read(rows[4:])
    return verification.verdict(head, head_seal(head, key))


def told(verdict: Verdict) -> list[tuple[str, int, int] | tuple[str, int, int, int]]:
    return [
        (one.kind, one.first, one.last) if one.place is None else (one.kind, one.first, one.last, one.place)
        for one in verdict.findings
    ]


def test_what_was_not_touched_is_whole() -> None:
    assert look(ALL) == Verdict((), ROWS, 1, HEAD)
    assert look(ALL).whole
    assert look(ALL, anchor=Head(7, ALL[6].hash)).whole
    assert look([], Head(0, "")).whole


def changed(rows: list[Row]) -> list[Row]:
    rows[4] = rows[4]._replace(actor_name="somebody else")
    return rows


def changed_with_its_hash(rows: list[Row]) -> list[Row]:
    rows[4] = rows[4]._replace(after='{"role":"admin"}', hash="00" * 32)
    return rows


def two_side_by_side(rows: list[Row]) -> list[Row]:
    rows[4], rows[5] = rows[4]._replace(at=99.0), rows[5]._replace(at=99.0)
    return rows


def without_the_fifth(rows: list[Row]) -> list[Row]:
    return rows[:4] + rows[5:]


def without_three(rows: list[Row]) -> list[Row]:
    return rows[:4] + rows[7:]


def without_the_last(rows: list[Row]) -> list[Row]:
    return rows[:-1]


def without_the_first(rows: list[Row]) -> list[Row]:
    return rows[1:]


def none_left(rows: list[Row]) -> list[Row]:
    return rows[:0]


def swapped(rows: list[Row]) -> list[Row]:
    rows[3], rows[6] = rows[6]._replace(seq=4), rows[3]._replace(seq=7)
    return rows


def inserted_at_the_end(rows: list[Row]) -> list[Row]:
    return [*rows, rows[-1]._replace(seq=ROWS + 1)]


def inserted_between(rows: list[Row]) -> list[Row]:
    return [*rows[:4], rows[3]._replace(seq=5, action="logout"), *(row._replace(seq=row.seq + 1) for row in rows[4:])]


def removed_and_closed_up(rows: list[Row]) -> list[Row]:
    return [*rows[:4], *(row._replace(seq=row.seq - 1) for row in rows[5:])]


def of_another_chain(rows: list[Row]) -> list[Row]:
    return made(key=THEIRS)


@pytest.mark.parametrize(
    ("tamper", "found"),
    [
        (changed, [("changed", 5, 5)]),
        (changed_with_its_hash, [("changed", 5, 5)]),
        (two_side_by_side, [("changed", 5, 6)]),
        (without_the_fifth, [("removed", 5, 5)]),
        (without_three, [("removed", 5, 7)]),
        (without_the_last, [("cut-off", 10, 10)]),
        (without_the_first, [("removed", 1, 1)]),
        (none_left, [("cut-off", 1, 10)]),
        (swapped, [("moved", 4, 4, 7), ("moved", 7, 7, 4)]),
        (inserted_at_the_end, [("inserted", 11, 11)]),
        (inserted_between, [("inserted", 5, 5), ("moved", 6, 11, 5)]),
        (removed_and_closed_up, [("moved", 5, 9, 6), ("removed", 5, 5)]),
        (of_another_chain, [("changed", 1, 10)]),
    ],
)
def test_what_was_done_to_the_rows(tamper: Callable[[list[Row]], list[Row]], found: list[tuple[object, ...]]) -> None:
    assert told(look(tamper(list(ALL)))) == found


def test_a_chain_rewritten_without_the_key_with_its_head() -> None:
    theirs = made(key=THEIRS)
    found = told(look(theirs, Head(ROWS, theirs[-1].hash), key=THEIRS))
    assert found == [("changed", 1, 10), ("head-changed", 10, 10)]


def test_a_key_that_is_not_known() -> None:
    rows = [row._replace(chain_key="2") for row in ALL]
    assert told(look(rows)) == [("changed", 1, 10)]


def test_an_end_that_was_cut_off_with_an_older_head_in_its_place() -> None:
    """Who has kept the head of before may put it back: only a head that was noted elsewhere tells."""
    before = Head(8, ALL[7].hash)
    assert look(ALL[:8], before).whole
    assert told(look(ALL[:8], before, anchor=HEAD)) == [("cut-off", 9, 10)]
    assert told(look(ALL, before)) == [("head-changed", 8, 10)]
    assert told(look([], Head(0, ""), anchor=HEAD)) == [("cut-off", 1, 10)]
    assert told(look(ALL[:-1], anchor=HEAD)) == [("cut-off", 10, 10)]


def test_a_log_that_went_on_otherwise_since_the_head_was_noted() -> None:
    """As after a restored backup: every row holds, and the head of then is none of this log."""
    other = [*ALL[:8], *made(3, after=Head(8, ALL[7].hash), name="other")]
    assert told(look(other, Head(11, other[-1].hash), anchor=HEAD)) == [("not-the-head", 10, 10)]


def test_rows_that_hold_and_do_not_follow_one_another() -> None:
    other = made(name="other")
    mixed = [*ALL[:5], *other[5:]]
    assert told(look(mixed, Head(ROWS, other[-1].hash))) == [("unlinked", 6, 6)]


def test_rows_that_went_with_a_row_that_says_so() -> None:
    said = Entry(at=99.0, action="audit.purged", actor=GATEWAY, after={"through": 4, "hash": ALL[3].hash})
    purged = [*ALL[4:], *linked(HEAD, [said], KEYS)]
    head = Head(ROWS + 1, purged[-1].hash)
    assert look(purged, head) == Verdict((), 7, 5, head)
    assert told(look(purged[1:], head)) == [("removed", 1, 5)]
    assert look(purged, head, anchor=Head(3, ALL[2].hash)).whole, "what is gone cannot be compared"
    false = [row._replace(after='{"hash":"00","through":4}') if row.action == "audit.purged" else row for row in purged]
    assert told(look(false, head)) == [("removed", 1, 4), ("changed", 11, 11)]


def test_a_newer_key_after_an_older_one() -> None:
    keys = ChainKeys({"1": KEY, "2": THEIRS})
    later = linked(HEAD, [Entry(at=1.0, action="vault.rotated", actor=GATEWAY)], keys)
    rows, head = [*ALL, *later], Head(ROWS + 1, later[0].hash)
    assert look(rows, head, key=THEIRS, keys=keys).whole
    rows[2] = rows[2]._replace(address="10.0.0.1")
    assert told(look(rows, head, key=THEIRS, keys=keys)) == [("changed", 3, 3)]


def test_of_very_many_rows_that_do_not_hold_the_rest_is_counted() -> None:
    theirs = made(MOST + 5, THEIRS)
    verdict = look(theirs, Head(MOST + 5, theirs[-1].hash))
    assert (verdict.findings, verdict.more) == ((Finding("changed", 1, MOST),), 5)


def test_rows_moved_apart_are_told_apart() -> None:
    rows = list(ALL)
    rows[0], rows[1] = rows[1]._replace(seq=1), rows[0]._replace(seq=2)
    rows[7], rows[9] = rows[9]._replace(seq=8), rows[7]._replace(seq=10)
    assert told(look(rows)) == [("moved", 1, 1, 2), ("moved", 2, 2, 1), ("moved", 8, 8, 10), ("moved", 10, 10, 8)]


def test_a_row_in_the_place_of_another_beside_a_gap() -> None:
    rows = [*ALL[:5], ALL[6]._replace(seq=8), *ALL[8:]]
    assert told(look(rows)) == [("removed", 6, 6), ("moved", 8, 8, 7), ("removed", 8, 8)]
