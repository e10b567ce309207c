"""The loader of the statements (the `*.sql` beside it) and of the numbered migrations.

The states that a statement compares or writes are pieces too, taken from the table of moves in core.messages:
`{{before_EVENT}}` and `{{under_way}}`, `{{left}}` are comparisons, `{{after_EVENT}}` is a state.

A statement is found by its name, once, at import; an unknown name or piece is an error then and not at night. Never
lives here: a statement, a driver.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib import resources

from esteio.core.messages.transitions import LEFT, MOVES, STATE_AFTER, UNDER_WAY, states_before

_TEXTS = (
    "queries.sql",
    "nodes.sql",
    "delivery.sql",
    "history.sql",
    "message_search.sql",
    "retention.sql",
    "audit.sql",
    "sealed.sql",
    "tenants.sql",
)
_HEAD = re.compile(r"^-- (name|part): (\w+)$")
_PIECE = re.compile(r"\{\{(\w+)\}\}")
PARAMETER = re.compile(r"'(?:[^']|'')*'|:(\w+)")
"""A parameter, or a text, which may hold what looks like one."""


class SqlTextError(Exception):
    """The text of the statements is wrong: a name twice, an unknown piece, a statement without a name."""


def parse(text: str, given: Mapping[str, str] = {}, twins: str = "") -> dict[str, str]:
    """Statements by name, pieces (those `given` too) filled in, comments and blank lines gone. What stands in `twins`
    takes the place of the statement or piece of the same name.

    Raises `SqlTextError`.
    """
    parts = dict(given)
    names: dict[str, str] = {}
    for kind, name, body in _sections(text):
        target = parts if kind == "part" else names
        if name in target:
            raise SqlTextError(f"{kind} {name!r} stands there twice")
        target[name] = body
    for kind, name, body in _sections(twins):
        target = parts if kind == "part" else names
        if name not in target:
            raise SqlTextError(f"{kind} {name!r} is nobody's twin")
        target[name] = body
    return {name: _filled(name, body, parts) for name, body in names.items()}


def _sections(text: str) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, list[str]]] = []
    for line in text.splitlines():
        if head := _HEAD.match(line):
            found.append((head[1], head[2], []))
        elif line.strip() and not line.lstrip().startswith("--"):
            if not found:
                raise SqlTextError(f"a statement without a name: {line!r}")
            found[-1][2].append(line.rstrip())
    return [(kind, name, "\n".join(lines)) for kind, name, lines in found]


def _filled(name: str, body: str, parts: Mapping[str, str]) -> str:
    def piece(match: re.Match[str]) -> str:
        if match[1] not in parts:
            raise SqlTextError(f"statement {name!r} wants the unknown piece {match[1]!r}")
        return _filled(name, parts[match[1]], parts)

    return _PIECE.sub(piece, body)


def migrations(serial: str) -> tuple[tuple[int, str], ...]:
    """(number, text) of all migrations in order; `serial` is the dialect's type of an ever-growing primary key. Raises
    `SqlTextError` when a number is missing or twice there."""
    found: list[tuple[int, str]] = []
    for entry in (resources.files("esteio.store.sql") / "migrations").iterdir():
        if entry.name.endswith(".sql"):
            number = int(entry.name.split("_", 1)[0])
            found.append((number, entry.read_text("utf-8").replace("{{serial}}", serial)))
    found.sort()
    if [number for number, _ in found] != list(range(1, len(found) + 1)):
        raise SqlTextError("migrations are not numbered 1, 2, 3 …")
    return tuple(found)


def state_pieces() -> dict[str, str]:
    """What statements take from the table of moves."""
    before = {f"before_{event}": _among(states_before(event)) for event in MOVES}
    after = {f"after_{event}": f"'{state}'" for event, state in STATE_AFTER.items()}
    return before | after | {"under_way": _among(UNDER_WAY), "left": _among(LEFT)}


def _among(states: Sequence[str]) -> str:
    """A comparison, written as the partial indexes write it."""
    listed = ", ".join(f"'{state}'" for state in states)
    return f"= {listed}" if len(states) == 1 else f"IN ({listed})"


def statements(twins: str = "") -> dict[str, str]:
    """All statements by name, as a dialect has them."""
    folder = resources.files("esteio.store.sql")
    return parse("".join((folder / name).read_text("utf-8") for name in _TEXTS), state_pieces(), twins)


SQL: Mapping[str, str] = statements()
"""All statements by name, in the text that is common to all dialects (and whole on SQLite)."""
