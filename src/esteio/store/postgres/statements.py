"""The statements as the driver takes them: `$1` for `:name`, each parameter cast to its type, values made fit.

A parameter has one type by its name, the same in all statements, so that a statement is prepared once whatever comes:
the server cannot tell the type of `:state IS NULL`, and an int where a float stands would be another statement. Never
lives here: a statement's text (`store/sql`, `twins.sql`), a connection.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from typing import Any

import msgspec

from esteio.store.sql.db import Row
from esteio.store.sql.loader import PARAMETER, parse, statements

_FLOATS = frozenset(
    """
    again_at ahead at created_at decided_at device_ack_at died_at doubt_since due_at ended_at event_at
    expires_at filled_at first_at floor_at gate_since happened_at health_at last_attempt_at lease_until let_pass_after
    now open_until outage_since put_by read_at received_at restricted_until resume_until revoked_at seconds
    seen_at sent_at since slot_s tokens until updated_at wake_at
    """.split()  # noqa: SIM905 - a table that many hands add to
)
_INTEGERS = frozenset(
    """
    all applied attempt attempts base_seq below by_events bytes count cursor each enabled end epoch event expected
    fence first floor head held_at_start last limit linked moved node noticed offset paused place priority
    provider_queued provider_webhook_id reach recovered refresh_count reopened row_version scoped seq session_id
    max_messages_per_day max_servers max_sessions max_webhooks sessions_at_server set_aside shown size
    socket_closed_count sort_key status through took_ms
    """.split()  # noqa: SIM905 - a table that many hands add to
)
_BYTES = frozenset({"body", "chatwoot", "encrypted", "key_id", "replaced", "sealed", "settings", "token_hash"})
_BY_VALUE = frozenset({"after", "before", "hash", "id", "word"})
"""Keys, times, names or hashes, as the statement wants; never NULL, so that their values tell."""

_WRITES = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM)\b")
_EVENTS = re.compile(r"\bevents\b")
_WILD = {"*": ".*", "?": "."}
_IN_BRACKETS = re.compile(r"[\\\[\]^]")
_ESCAPE = r"\\\g<0>"
_ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


class Statement(msgspec.Struct, frozen=True):
    """One statement, and how its parameters are handed over."""

    name: str
    text: str
    params: tuple[str, ...]
    """Their names, in the order of `$1`, `$2` …"""
    writes: bool
    needs_events: bool
    """It asks for events, or how many there are: those of its own transaction have to be there."""

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        """The values in order. Raises `KeyError` for one that is missing."""
        return [fitted(name, given[name]) for name in self.params]


def fitted(name: str, value: Any) -> Any:
    """A value as PostgreSQL takes it: text without U+0000, which it cannot hold, neither as such nor in JSON."""
    kind = type(value)
    if kind is str:
        if "\0" in value:
            value = value.replace("\0", "\ufffd")
        if "\\u0000" in value:
            value = _ESCAPED_NUL.sub(r"\1\\ufffd", value)
        return regex_of_globs(value) if name == "globs" else value
    if kind is int and name in _FLOATS:
        return float(value)
    if kind is bool:
        return int(value)
    return value


def regex_of_globs(listed: str) -> str:
    """A JSON list of `fnmatch` patterns as one regular expression of PostgreSQL's."""
    return f"^(?:{'|'.join(map(_regex, msgspec.json.decode(listed, type=list[str])))})$"


def _regex(glob: str) -> str:
    pieces, rest = [], glob
    while rest:
        letter, rest = rest[0], rest[1:]
        if letter == "[" and (end := rest.find("]", 2 if rest.startswith("!") else 1)) > 0:
            inside, rest = rest[:end], rest[end + 1 :]
            outside = "^" if inside.startswith("!") else ""
            pieces.append(f"[{outside}{_IN_BRACKETS.sub(_ESCAPE, inside.removeprefix('!'))}]")
        else:
            pieces.append(_WILD.get(letter) or (letter if letter.isalnum() else "\\" + letter))
    return "".join(pieces)


def type_of(name: str) -> str | None:
    """The type of a parameter, None for one whose value tells."""
    if name in _FLOATS:
        return "double precision"
    if name in _INTEGERS:
        return "bigint"
    if name in _BYTES:
        return "bytea"
    return None if name in _BY_VALUE else "text"


def translated(name: str, text: str, type_of: Callable[[str], str | None] = type_of) -> Statement:
    """A statement of the portable text."""
    params: list[str] = []

    def place(match: re.Match[str]) -> str:
        word = match[1]
        if word is None:
            return match[0]
        if word not in params:
            params.append(word)
        number, kind = f"${params.index(word) + 1}", type_of(word)
        return number if kind is None else f"CAST({number} AS {kind})"

    text = PARAMETER.sub(place, text)
    return Statement(name, text, tuple(params), bool(_WRITES.search(text)), bool(_EVENTS.search(text)))


def _append_events(text: str) -> Statement:
    """All events of a transaction in one statement, made of the one that adds a single one."""
    names = [name.strip() for name in text[text.index("(") + 1 : text.index(")")].split(",")]
    columns = ", ".join(names)
    arrays = ", ".join(f":{name}" for name in names)
    # As the single one does: an event that does not say whose it is, is its session's.
    whose = "coalesce(e.tenant, (SELECT s.tenant FROM sessions s WHERE s.name = e.session_name))"
    taken = ", ".join(whose if name == "tenant" else f"e.{name}" for name in names)
    made = (
        "WITH raised AS (UPDATE event_counter SET seq = seq + :many WHERE id = 1 RETURNING seq - :many AS base) "  # noqa: S608 - names of ours
        f"INSERT INTO events (seq, {columns}) SELECT raised.base + e.place, {taken} "
        f"FROM raised, unnest({arrays}) WITH ORDINALITY AS e ({columns}, place)"
    )
    return translated("events_append", made, lambda name: "bigint" if name == "many" else f"{type_of(name)}[]")


_FOLDER = resources.files("esteio.store.postgres")
TEXTS: Mapping[str, str] = {
    **statements((_FOLDER / "twins.sql").read_text("utf-8")),
    **parse((_FOLDER / "media.sql").read_text("utf-8")),
}
"""All statements by name, with parameters by name."""
STATEMENTS: Mapping[str, Statement] = {
    **{name: translated(name, text) for name, text in TEXTS.items()},
    "events_append": _append_events(TEXTS["event_add"]),
}
"""All statements by name."""

_NAMED: dict[str, Callable[..., Row]] = {}
"""One class a statement, its fields the columns (as in `store.sqlite.connection`)."""


def row_class(name: str, columns: Callable[[], Sequence[str]]) -> Callable[..., Row]:
    """What makes the rows of this statement; `columns` is asked once."""
    return _NAMED.get(name) or _learn(name, columns())


def _learn(name: str, columns: Sequence[str]) -> Callable[..., Row]:
    made: Callable[..., Any] = msgspec.defstruct(name, [(column, Any) for column in columns], gc=False)
    return _NAMED.setdefault(name, made)
