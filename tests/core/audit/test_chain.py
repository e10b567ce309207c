"""Rows of the audit log are bound to their place by a key; the head is written so that people can keep it."""

from __future__ import annotations

from typing import Any

import pytest

from esteio.core.audit.chain import ChainKeys, Head, head_seal, linked, read_head, row_hash
from esteio.core.audit.entry import ACTIONS, GATEWAY, Actor, Entry

KEYS = ChainKeys({"1": b"1" * 32, "10": b"9" * 32, "9": b"2" * 32})
ANA = Actor("key", "key_1", "Ana", "203.0.113.7", "req-1")


def test_rows_follow_one_another_and_the_newest_key_hashes_them() -> None:
    entries = [
        Entry(at=1.0, action="server.changed", actor=ANA, server="evo", before={"b": 1, "a": 2}, after={"a": 3}),
        Entry(at=2.0, action="login", actor=GATEWAY),
    ]
    first, second = linked(Head(4, "ab"), entries, KEYS)
    assert (first.seq, first.previous, first.chain_key) == (5, "ab", "10")
    assert (second.seq, second.previous) == (6, first.hash)
    assert (first.before, first.after) == ('{"a":2,"b":1}', '{"a":3}')
    assert (first.actor, first.actor_id, first.actor_name, first.address, first.request_id) == (
        "key", "key_1", "Ana", "203.0.113.7", "req-1",
    )  # fmt: skip
    assert first.hash == row_hash(first, KEYS.by_id["10"])


def test_nothing_to_link_is_nothing() -> None:
    assert linked(Head(0, ""), [], KEYS) == []


def test_the_hash_covers_every_column() -> None:
    (row,) = linked(Head(0, ""), [Entry(at=1.0, action="login", actor=ANA)], KEYS)
    for name in row._fields[:-1]:
        more: Any = getattr(row, name) + 1 if name in ("seq", "at") else "x"
        changed = row._replace(**{name: more})
        assert row_hash(changed, KEYS.by_id["10"]) != row.hash, name


def test_the_head_and_what_is_kept_beside_it() -> None:
    assert head_seal(Head(1, "ab"), b"k") != head_seal(Head(2, "ab"), b"k") != head_seal(Head(2, "ab"), b"l")
    assert read_head(f" {Head(12, 'AB' * 32)} ") == Head(12, "ab" * 32)
    assert read_head("0:") == Head(0, "")


@pytest.mark.parametrize("text", ["", "12", "x:ab", "12:xyz", "١:ab", "-1:ab"])
def test_what_is_no_head(text: str) -> None:
    with pytest.raises(ValueError, match="SEQ:HASH"):
        read_head(text)


def test_actions_are_words_with_a_dot_at_most() -> None:
    assert all(action.replace("_", "").replace(".", "", 1).isalpha() for action in ACTIONS)
