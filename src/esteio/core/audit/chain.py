"""The chain: each row's hash is an HMAC over the row and the hash before it, so that only who has the key can make one.

The head (how many rows there ever were, and the last one's hash) is signed in the same way. Never lives here: where
the key comes from (`engine.audit`), what a look at the rows finds (`verification`).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from esteio.core.audit.entry import Entry, Row

_HEAD: Final = re.compile(r"([0-9]{1,18}):([0-9a-f]*)")
START: Final = ""
"""Stands in the place of the hash before the first row."""


class Head(msgspec.Struct, frozen=True):
    """How many rows were ever written, and the hash of the last one; written `SEQ:HASH`."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


def read_head(text: str) -> Head:
    """A head as it is written. Raises `ValueError`."""
    found = _HEAD.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError("a head reads SEQ:HASH")
    return Head(int(found[1]), found[2])


class ChainKeys(msgspec.Struct, frozen=True):
    """The keys of the chain by their ids; the one whose number is highest makes new hashes."""

    by_id: Mapping[str, bytes]

    @property
    def newest(self) -> str:
        """The id of the key that new rows are hashed with."""
        return max(self.by_id, key=int)


def linked(head: Head, entries: Iterable[Entry], keys: ChainKeys) -> list[Row]:
    """The entries as rows that follow this head."""
    rows: list[Row] = []
    seq, previous = head.seq, head.hash
    for entry in entries:
        seq += 1
        row = _unhashed(seq, previous, entry, keys.newest)
        row = row._replace(hash=row_hash(row, keys.by_id[keys.newest]))
        rows.append(row)
        previous = row.hash
    return rows


def row_hash(row: Row, key: bytes) -> str:
    """What the row's hash has to be, in hexadecimal."""
    return hmac.digest(key, msgspec.json.encode(row[:-1]), "sha256").hex()


def head_seal(head: Head, key: bytes) -> str:
    """What is kept beside the head, so that nobody without the key moves it back."""
    return hmac.digest(key, f"head {head}".encode(), "sha256").hex()


def _unhashed(seq: int, previous: str, entry: Entry, chain_key: str) -> Row:
    actor = entry.actor
    # PostgreSQL holds no U+0000: what is hashed has to be what is stored.
    name, address = (word.replace("\0", "\ufffd") for word in (actor.name, actor.address))
    return Row(
        seq,
        entry.at,
        entry.action,
        actor.kind,
        actor.id,
        name,
        actor.tenant,
        address,
        actor.request_id,
        entry.session,
        entry.server,
        entry.target,
        actor.tenant if entry.tenant is None else entry.tenant,
        _text(entry.before),
        _text(entry.after),
        chain_key,
        previous,
        "",
    )


def _text(values: Mapping[str, object]) -> str:
    return msgspec.json.encode(values, order="deterministic").decode().replace("\\u0000", "\\ufffd")
