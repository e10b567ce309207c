"""A statement for many at once, made of the one for a single one: its parameters are columns of arrays.

    SELECT … :x …                        SELECT … FROM given, LATERAL (SELECT … given.x …)
    INSERT INTO t (…) VALUES (:x …) …    INSERT INTO t (…) SELECT given.x … FROM given ORDER BY place …
    UPDATE t SET … WHERE … :x …          UPDATE t SET … FROM given WHERE … given.x …
    DELETE FROM t WHERE … :x …           DELETE FROM t USING given WHERE … given.x …

A statement costs its client and the server ten times what a row of such a set does (docs/explanation/benchmarks.md).
Never lives here: which statements are asked for in this way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from esteio.store.postgres.statements import TEXTS, Statement, fitted, translated, type_of
from esteio.store.sql.loader import PARAMETER

PLACE = "given_place"
"""The column that tells to which of the many a row belongs."""
_KINDS = {int: "bigint", float: "double precision", str: "text", bytes: "bytea"}
_INSERT = re.compile(r"INSERT INTO (?P<into>\w+ \([^()]+\))\s+VALUES \((?P<values>.*?)\)(?P<rest>\s.*)?$", re.DOTALL)
_WHERE = re.compile(r"\bWHERE\b")
_RETURNING = re.compile(r"\bRETURNING\b")


class Set(msgspec.Struct, frozen=True):
    """The statement, and whether its rows tell their place; else they are numbered in the order of the places."""

    statement: Statement
    placed: bool

    def values(self, many: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
        """A column for each parameter. Raises `KeyError` for one that is missing."""
        return [[fitted(name, one[name]) for one in many] for name in self.statement.params]


class NoSet(Exception):
    """The statement has another form."""


_MADE: dict[tuple[str, ...], Set] = {}


def set_of(name: str, one: Mapping[str, Any]) -> Set:
    """The set of a statement; `one` of the many tells the types of the keys. Raises `NoSet`."""
    key = (name, *(_KINDS[type(one[word])] for word in _untyped(name)))
    return _MADE.get(key) or _MADE.setdefault(key, _made(name, one))


_UNTYPED: dict[str, tuple[str, ...]] = {}


def _untyped(name: str) -> tuple[str, ...]:
    if name not in _UNTYPED:
        words = dict.fromkeys(word for word in PARAMETER.findall(TEXTS[name]) if word)
        _UNTYPED[name] = tuple(word for word in words if type_of(word) is None)
    return _UNTYPED[name]


def _made(name: str, one: Mapping[str, Any]) -> Set:
    text = TEXTS[name].strip()
    words = list(dict.fromkeys(word for word in PARAMETER.findall(text) if word))
    arrays = ", ".join(f":{word}" for word in words)
    columns = ", ".join(f"p_{word}" for word in words)
    given = f"unnest({arrays}) WITH ORDINALITY AS given ({columns}, {PLACE})"
    inner = PARAMETER.sub(lambda match: f"given.p_{match[1]}" if match[1] else match[0], text)
    made, placed = _formed(inner, given)
    kinds = {word: type_of(word) or _KINDS[type(one[word])] for word in words}
    return Set(translated(f"{name} each", made, lambda word: f"{kinds[word]}[]"), placed)


def _formed(text: str, given: str) -> tuple[str, bool]:
    if text.startswith(("SELECT", "WITH")):
        return f"SELECT {PLACE}, found.* FROM {given}, LATERAL ({text}) AS found", True  # noqa: S608 - texts of ours
    if insert := _INSERT.match(text):
        rest = insert["rest"] or ""
        if "given." not in rest and not ("ON CONFLICT" in rest and "RETURNING" in rest):
            into, values = insert["into"], insert["values"]
            return f"INSERT INTO {into} SELECT {values} FROM {given} ORDER BY {PLACE}{rest}", False  # noqa: S608
    verb, where = text.partition(" ")[0], _own_where(text)
    if verb in {"UPDATE", "DELETE"} and where:
        head, tail, joined = text[:where], text[where:], "FROM" if verb == "UPDATE" else "USING"
        return f"{head}{joined} {given} {_RETURNING.sub(f'RETURNING {PLACE},', tail, count=1)}", True
    raise NoSet(text)


def _own_where(text: str) -> int:
    """Where the statement's own condition begins, which is in no brackets; 0 when it has none."""
    places = (match.start() for match in _WHERE.finditer(text))
    return next((place for place in places if text.count("(", 0, place) == text.count(")", 0, place)), 0)
