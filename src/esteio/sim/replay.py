"""A recorded journal through the judge again: what it would decide under another policy, and where it differs.

A journal is JSON lines: a head about the session, then its timeline with the evidence, as `export` writes it. The judge
sees each piece of evidence when it was seen then, and is woken when it asked to be; what it decides is laid beside what
was decided. Two things a journal cannot hold: answers to acts that were not performed then (such an act is shown and
closed as unanswered), and the server's own health (assumed up). Repeated news is recorded as one counted
line, so times are compared with a tolerance. Never lives here: a rule; only `reconcile` calls the judge beside it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from esteio.core.judge.decide import decide
from esteio.core.model.decision import Decision, JournalLine, View
from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import ServerName, SessionId, SessionName
from esteio.core.model.policy import Policy
from esteio.core.model.server import Server
from esteio.core.model.session import Session
from esteio.engine.commands.journal_export import FORMAT, Entry, Head
from esteio.providers.registry import Registry, load

TOGETHER_S = 5.0
"""Decisions of the same meaning within this are the same decision."""
WAKES_AT_MOST = 200_000
LEAST_WAKE_S = 0.5
"""A look that was asked for is not taken here, so the judge may ask again at once."""
TELLING = frozenset({"state", "begin", "approval-asked", "outage-started", "outage-ended", "notice-opened",
                     "notice-closed", "quarantined", "server-restart-proposed"})  # fmt: skip
"""Lines that are compared; the others say the same in more words."""
_WORDS = {"state": ("to", "because"), "begin": ("rung",), "approval-asked": ("rung",)}


class BadJournal(ValueError):
    """This is no journal of ours; the message names the line."""


class Difference(msgspec.Struct, frozen=True):
    """A decision that only one of the two made."""

    at: float
    side: Literal["then", "now"]
    what: str


class Replayed(msgspec.Struct, frozen=True):
    """What a replay came to. `pieces` counts the evidence that was read."""

    head: Head
    policy: str
    pieces: int
    same: int
    differences: tuple[Difference, ...]


# -- reading ------------------------------------------------------------------------------------------------------


def read(lines: Iterable[bytes | str]) -> tuple[Head, list[Entry]]:
    """The head and the entries in order of time, of a journal or of what `esteio why NAME --json` printed. Raises
    `BadJournal`."""
    text = [line if isinstance(line, bytes) else line.encode() for line in lines]
    told = _told(b"\n".join(text))
    if told is not None:
        return told
    head: Head | None = None
    entries: list[Entry] = []
    for number, line in enumerate(text, 1):
        if not line.strip():
            continue
        try:
            if head is None:
                head = msgspec.json.decode(line, type=Head)
            else:
                entries.append(msgspec.json.decode(line, type=Entry))
        except msgspec.DecodeError as error:
            raise BadJournal(f"line {number}: {error}") from error
    if head is None:
        raise BadJournal("line 1: a journal begins with its head")
    if head.esteio_journal > FORMAT:
        raise BadJournal(f"line 1: journal format {head.esteio_journal} is newer than this program's {FORMAT}")
    return head, sorted(entries, key=lambda one: (one.at, one.seq))


def _told(text: bytes) -> tuple[Head, list[Entry]] | None:
    """The same out of `why --json`: one document with the session, its server and a part of its timeline. The session's
    own number is not in it, so jitter is drawn from another."""
    try:
        document = msgspec.json.decode(text)
        session, server, lines = document["session"], document["server"] or {}, document["timeline"]
        head = Head(
            FORMAT,
            session["name"],
            session["server"],
            server["kind"],
            session["policy"],
            _epoch(session["created_at"]),
            phone=session["phone"],
            version=server.get("version"),
        )
        entries = [_entry_of(line) for line in lines]
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        return None
    return head, sorted(entries, key=lambda one: (one.at, one.seq))


def _entry_of(line: Mapping[str, Any]) -> Entry:
    data = dict(line["data"])
    code, args = data.pop("code"), data.pop("args", {})
    if "happened_at" in data:
        data["happened_at"] = _epoch(data["happened_at"])
    first = line.get("first_at")
    return Entry(
        line["seq"], _epoch(line["at"]), line["kind"], code, args, data, line["count"], _epoch(first) if first else None
    )


def _epoch(stamp: str | float) -> float:
    return stamp if isinstance(stamp, int | float) else datetime.fromisoformat(stamp).timestamp()


def replay(head: Head, entries: list[Entry], policy: Policy, registry: Registry | None = None) -> Replayed:
    """Judge the recorded evidence again under `policy`. Raises `LookupError` for a kind without an adapter."""
    bench = _Bench(head, policy, registry or load())
    pieces = 0
    for at, news in _moments(entries):
        bench.until(at)
        bench.hear(at, news)
        pieces += len(news)
    then = [(one.at, _what(one.code, one.args)) for one in entries if one.code in TELLING and one.kind != "evidence"]
    same, differences = _compared(then, bench.decided)
    return Replayed(head, policy.name, pieces, same, differences)


def _moments(entries: Iterable[Entry]) -> Iterator[tuple[float, tuple[Evidence, ...]]]:
    """Evidence that was seen at the same moment was judged together."""
    news: list[Evidence] = []
    for entry in entries:
        if entry.kind not in ("evidence", "operator") or "source" not in entry.data:
            continue
        if news and entry.at > news[0].seen_at:
            yield news[0].seen_at, tuple(news)
            news = []
        news.append(_evidence(entry))
    if news:
        yield news[0].seen_at, tuple(news)


def _evidence(entry: Entry) -> Evidence:
    happened = float(entry.data.get("happened_at", entry.at))
    return Evidence(entry.code, happened, entry.at, entry.data["source"], entry.args, entry.count, entry.first_at)


# -- judging ------------------------------------------------------------------------------------------------------


class _Bench:
    """The session before the judge, as it would have become."""

    def __init__(self, head: Head, policy: Policy, registry: Registry) -> None:
        provider = registry.get(head.kind)
        session = Session(
            id=SessionId(head.id),
            name=SessionName(head.session),
            server=ServerName(head.server),
            kind=head.kind,
            created_at=head.created_at,
            phone=head.phone,
            policy=policy.name,
            since=head.created_at,
        )
        server = Server(name=ServerName(head.server), kind=head.kind, base_url="", version=head.version)
        quirks = frozenset(quirk.name for quirk in provider.quirks(head.version))
        self.view = View(session, server, (), policy, provider.capabilities, quirks)
        self.decided: list[tuple[float, str]] = []
        self._wake: float | None = None
        self._wakes = 0

    def until(self, at: float) -> None:
        """Let time pass: the judge is woken when it asked to be."""
        wake = self._wake
        while wake is not None and wake < at and self._wakes < WAKES_AT_MOST:
            self._wakes += 1
            self._judge(wake, ())
            if self._wake is not None:
                self._wake = max(self._wake, wake + LEAST_WAKE_S)
            wake = self._wake

    def hear(self, at: float, news: tuple[Evidence, ...]) -> None:
        """Evidence comes."""
        self._judge(at, tuple(self._addressed(one) for one in news))

    def _addressed(self, evidence: Evidence) -> Evidence:
        """Attempts have other ids now: the answer of the same rung is the answer of the open one."""
        opened = self.view.session.recovery.open
        if evidence.kind not in ("act_answered", "act_interrupted") or opened is None or opened.answer is not None:
            return evidence
        if evidence.data.get("rung", opened.rung) != opened.rung:
            return evidence
        return msgspec.structs.replace(evidence, data={**evidence.data, "attempt": opened.id})

    def _judge(self, at: float, news: tuple[Evidence, ...]) -> None:
        decision = decide(msgspec.structs.replace(self.view, new_evidence=news), at)
        self.decided += [(at, _what(line.code, line.args)) for line in _telling(decision)]
        session = decision.session
        if not decision.quiet:
            session = msgspec.structs.replace(session, row_version=session.row_version + 1)
        approval = decision.approval or self.view.approval
        if approval is not None and approval.state != "open":
            approval = None
        server = decision.server or self.view.server
        self.view = msgspec.structs.replace(
            self.view, session=session, server=server, approval=approval, new_evidence=()
        )
        self._wake = decision.wake_at


def _telling(decision: Decision) -> Iterator[JournalLine]:
    return (line for line in decision.lines if line.code in TELLING)


def _what(code: str, args: Mapping[str, str]) -> str:
    words = [args[name] for name in _WORDS.get(code, ()) if name in args]
    return " ".join((code, *words))


def _compared(then: list[tuple[float, str]], now: list[tuple[float, str]]) -> tuple[int, tuple[Difference, ...]]:
    """Pairs of the same meaning and nearly the same time are the same; the rest differs."""
    waiting: dict[str, list[float]] = defaultdict(list)
    for at, what in now:
        waiting[what].append(at)
    same, differences = 0, []
    for at, what in then:
        near = next((other for other in waiting[what] if abs(other - at) <= TOGETHER_S), None)
        if near is None:
            differences.append(Difference(at, "then", what))
        else:
            waiting[what].remove(near)
            same += 1
    differences += [Difference(at, "now", what) for what, times in waiting.items() for at in times]
    return same, tuple(sorted(differences, key=lambda one: (one.at, one.side, one.what)))
