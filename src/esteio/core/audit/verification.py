"""What a look through the chain finds: rows that were changed, removed, inserted, exchanged, or cut off at the end.

Every row is checked by itself (its hash covers its place and the hash before it), then against its neighbours, and at
last what does not hold is explained: a row whose hash is right for another place stands in the wrong one. Rows come in
order, page by page; only what is wrong is remembered. Never lives here: reading the rows.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from typing import Final, Literal

import msgspec

from esteio.core.audit.chain import START, ChainKeys, Head, head_seal, row_hash
from esteio.core.audit.entry import Row

FindingKind = Literal[
    "changed",
    "removed",
    "inserted",
    "moved",
    "unlinked",
    "cut-off",
    "head-changed",
    "not-the-head",
    "head-missing",
    "keys-unreadable",
]
MOST: Final = 300
"""So many rows that do not hold are told apart; of more only the number is said."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong, about the rows `first` to `last`. `place`: of `moved` rows, where the first of them was
    written."""

    kind: FindingKind
    first: int
    last: int
    place: int | None = None


class Verdict(msgspec.Struct, frozen=True):
    """What was found. `head` is the last row's; `since` the first row that is still there, 1 for all; `more`: rows that
    do not hold beyond those that are told apart."""

    findings: tuple[Finding, ...]
    rows: int
    since: int
    head: Head
    more: int = 0

    @property
    def whole(self) -> bool:
        """Whether the log is as it was written."""
        return not self.findings


class Verification:
    """One look through the chain: `read` the rows in order, then `verdict`. `anchor`: a head that was noted before."""

    def __init__(self, keys: ChainKeys, anchor: Head | None = None) -> None:
        self._keys, self._anchor = keys, anchor
        self._rows = self._more = 0
        self._first: Row | None = None
        self._last: Row | None = None
        self._last_holds = True
        self._broken: list[Row] = []
        self._gaps: list[tuple[int, int]] = []
        self._checkpoints: dict[int, str] = {}
        """What purges said: up to which row, and that row's hash."""
        self._found: list[Finding] = []

    def read(self, rows: Iterable[Row]) -> None:
        """The next rows, by `seq`."""
        for row in rows:
            self._rows += 1
            holds = self._holds(row)
            self._compare(row, holds=holds)
            if not holds:
                self._put_aside(row)
            elif row.action == "audit.purged":
                said = msgspec.json.decode(row.after, type=dict[str, str | int])
                self._checkpoints[int(said["through"])] = str(said["hash"])
            self._last, self._last_holds = row, holds
            self._first = self._first or row

    def verdict(self, head: Head, seal: str) -> Verdict:
        """With the head that is stored, and what is stored beside it."""
        key = self._keys.by_id[self._keys.newest]
        if not hmac.compare_digest(head_seal(head, key).encode(), seal.encode()):
            self._found.append(Finding("head-changed", head.seq, head.seq))
        self._check_start()
        self._explain(head)
        self._check_anchor()
        last = self._last
        found = tuple(sorted(self._found, key=lambda one: (one.first, one.kind)))
        since = self._first.seq if self._first is not None else 1
        return Verdict(
            found, self._rows, since, Head(0, START) if last is None else Head(last.seq, last.hash), self._more
        )

    def _holds(self, row: Row, seq: int | None = None) -> bool:
        """Whether the row's hash is right, for its own place or for another."""
        key = self._keys.by_id.get(row.chain_key)
        there = row if seq is None else row._replace(seq=seq)
        return key is not None and hmac.compare_digest(row_hash(there, key).encode(), row.hash.encode())

    def _compare(self, row: Row, *, holds: bool) -> None:
        if self._anchor is not None and row.seq == self._anchor.seq and row.hash != self._anchor.hash:
            self._found.append(Finding("not-the-head", row.seq, row.seq))
        last = self._last
        if last is None:
            return
        if row.seq > last.seq + 1:
            self._gaps.append((last.seq + 1, row.seq - 1))
        elif holds and self._last_holds and row.previous != last.hash:
            self._found.append(Finding("unlinked", row.seq, row.seq))

    def _put_aside(self, row: Row) -> None:
        if len(self._broken) < MOST:
            self._broken.append(row)
        else:
            self._more += 1

    def _check_start(self) -> None:
        """Rows before the first one may be missing only where a purge said so."""
        first = self._first
        if first is None or first.seq == 1:
            return
        if self._checkpoints.get(first.seq - 1) != first.previous:
            self._gaps.append((1, first.seq - 1))

    def _explain(self, head: Head) -> None:
        last = self._last.seq if self._last is not None else 0
        if last < head.seq:
            self._gaps.append((last + 1, head.seq))
        places = self._true_places()
        claimed = {place for place in places.values() if place is not None}
        for seq, place in places.items():
            if place is None:
                inserted = seq in claimed or seq > head.seq
                self._found.append(Finding("inserted" if inserted else "changed", seq, seq))
        self._found += _moved(places)
        left = ((seq, seq) for seq, place in places.items() if place is not None and seq <= head.seq)
        for first, end in (*self._gaps, *left):
            for begin, until in _without(first, end, claimed):
                self._found.append(Finding("cut-off" if until == head.seq > last else "removed", begin, until))
        self._found = _joined(self._found)
        if last > head.seq and not any(one.kind in ("inserted", "head-changed") for one in self._found):
            self._found.append(Finding("head-changed", head.seq, last))

    def _true_places(self) -> dict[int, int | None]:
        """By the place where it stands, where each row that does not hold was written, as far as its hash tells: only
        where no row that holds stands, for such a one was written there."""
        places: dict[int, int | None] = {}
        free = {row.seq for row in self._broken} | {end for gap in self._gaps for end in gap}
        for row in self._broken:
            beside = (place for place in (row.seq - 1, row.seq + 1) if place in free)
            order = dict.fromkeys((*beside, *sorted(free)))
            place = next((place for place in order if place != row.seq and self._holds(row, place)), None)
            places[row.seq] = place
            free.discard(place or 0)
        return places

    def _check_anchor(self) -> None:
        anchor, last = self._anchor, self._last
        if anchor is not None and anchor.seq > (last.seq if last is not None else 0):
            missing = Finding("cut-off", (last.seq if last is not None else 0) + 1, anchor.seq)
            if missing not in self._found:
                self._found.append(missing)


def _moved(places: dict[int, int | None]) -> Iterator[Finding]:
    """Rows side by side that were shifted alike are one finding."""
    begun: tuple[int, int, int] | None = None
    for seq, place in places.items():
        if place is None:
            continue
        if begun is not None and seq == begun[1] + 1 and place - seq == begun[2]:
            begun = (begun[0], seq, begun[2])
            continue
        if begun is not None:
            yield Finding("moved", begun[0], begun[1], begun[0] + begun[2])
        begun = (seq, seq, place - seq)
    if begun is not None:
        yield Finding("moved", begun[0], begun[1], begun[0] + begun[2])


def _without(first: int, last: int, claimed: set[int]) -> Iterator[tuple[int, int]]:
    """The range without these places, in pieces."""
    for place in sorted(place for place in claimed if first <= place <= last):
        if place > first:
            yield first, place - 1
        first = place + 1
    if first <= last:
        yield first, last


def _joined(findings: Iterable[Finding]) -> list[Finding]:
    """Neighbours of one kind as one."""
    joined: list[Finding] = []
    for one in sorted(set(findings), key=lambda found: (found.kind, found.first)):
        before = joined[-1] if joined else None
        if before is not None and one.kind == before.kind != "moved" and one.first <= before.last + 1:
            joined[-1] = msgspec.structs.replace(before, last=max(one.last, before.last))
        else:
            joined.append(one)
    return joined
