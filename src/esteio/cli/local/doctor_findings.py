"""A finding of `doctor`, and how one is worded.

Never lives here: a check.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from esteio.cli.texts import say

Result = Literal["ok", "warn", "fail"]


class Finding(NamedTuple):
    """One line: what was checked, how it stands, what was seen and what a person can do ("" when nothing)."""

    check: str
    result: Result
    text: str
    do: str = ""
    details: tuple[str, ...] = ()


def told(result: Result, check: str, key: str, **values: object) -> Finding:
    """The finding with the sentence `doctor.KEY`, and `doctor.KEY-do` where something is to be done."""
    do = say(f"doctor.{key}-do", **values) if result != "ok" else ""
    return Finding(check, result, say(f"doctor.{key}", **values), do)
