"""The statements as this driver takes them the fastest: `?1` for `:name`, and what puts the parameters in that order.

By name, the driver makes a word of each parameter and looks it up at every run: two fifths of the time of an insertion
(docs/explanation/benchmarks.md). Never lives here: a statement's text (`store.sql`), a connection.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any, NamedTuple

from esteio.store.sql.loader import PARAMETER, SQL

Values = Callable[[Mapping[str, Any]], tuple[Any, ...]]


class Statement(NamedTuple):
    """One statement. `values`: of parameters by name, in the order of `?1`, `?2` …; raises `KeyError` for one that is
    missing."""

    text: str
    values: Values


def numbered(text: str) -> Statement:
    """A statement of the portable text."""
    names: dict[str, int] = {}

    def place(match: re.Match[str]) -> str:
        name = match[1]
        return match[0] if name is None else f"?{names.setdefault(name, len(names) + 1)}"

    text = PARAMETER.sub(place, text)
    return Statement(text, _values(tuple(names)))


def _values(names: tuple[str, ...]) -> Values:
    if len(names) > 1:
        return itemgetter(*names)
    if names:
        (name,) = names
        return lambda params: (params[name],)
    return lambda _params: ()


STATEMENTS: Mapping[str, Statement] = {name: numbered(text) for name, text in SQL.items()}
"""All statements by name."""
