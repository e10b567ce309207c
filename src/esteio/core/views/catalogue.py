"""The product's texts in one language as a value, and how a text is filled with its values.

A text is found by its context (what it is: `reason`, `title`, `cli` …) and its key, which is the code that the program
uses. Read from `locales/*/*.po` by `esteio.texts` and handed in, so that nothing here reads a file.

Marks in a text: `{name}` is a value; `{name:one|many}` is a number with its noun; a part in `[brackets]` that asks for
a value is left out when the value is missing. No msgspec here: the command line's first sentence should not load it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

_PART = re.compile(r"\[([^\[\]]*)\]")
_VALUE = re.compile(r" ?\{(\w+)(?::([^{}|]+)\|([^{}|]+))?\}")
"""The space before a value goes with it when it is missing."""


class Catalogue:
    """All texts of one language; never changed after it was made. Two of them are equal only when they are one."""

    __slots__ = ("_plurals", "_texts", "language")

    def __init__(
        self, language: str, texts: Mapping[tuple[str, str], str], plurals: Mapping[tuple[str, str], str]
    ) -> None:
        """`texts`: (context, key) → text. `plurals`: the other form of those that have one for any number but 1."""
        self.language = language
        self._texts, self._plurals = texts, plurals

    def __repr__(self) -> str:
        return f"Catalogue({self.language!r}, {len(self._texts)} texts)"

    def __contains__(self, place: tuple[str, str]) -> bool:
        return place in self._texts

    def find(self, context: str, key: str, count: int = 1) -> str | None:
        """The text with its marks, in the form for `count`; None when there is none."""
        place = (context, key)
        return (self._plurals.get(place) if count != 1 else None) or self._texts.get(place)

    def word(self, context: str, key: str) -> str:
        """A text without values; a key that has none is given back as it is, like any word of somebody else's."""
        return self._texts.get((context, key), key)

    def translated(self, context: str, phrase: str) -> str:
        """What our code said in English, of a context whose keys are English, with its values: `the address answered
        404` is found as `the address answered {status}`. A phrase that is none of them, somebody else's words among
        them, is given back as it is."""
        for key in self.keys(context):
            if found := _form(key).fullmatch(phrase):
                return fill(self._texts[context, key], found.groupdict())
        return phrase

    def keys(self, context: str) -> tuple[str, ...]:
        """The keys of a context, in the order of the file."""
        return tuple(key for where, key in self._texts if where == context)


@cache
def _form(key: str) -> re.Pattern[str]:
    """A key in English as the form of what is said with any value in the place of each name."""
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+?)", re.escape(key)))


class Translations(NamedTuple):
    """Every language that the product speaks, and the one of the settings."""

    default: Catalogue
    by_language: Mapping[str, Catalogue]
    """`pt-BR` → its catalogue."""


def fill(text: str, values: Mapping[str, str], shown: Callable[[str, str], str] = lambda _name, value: value) -> str:
    """The text with its values. A missing or empty value leaves no hole, and a value's own brackets and braces are not
    read as marks. `shown`: (name, value) → what stands for it. Raises what `shown` raises."""

    def part(found: re.Match[str]) -> str:
        names = [value[1] for value in _VALUE.finditer(found[1])]
        if not names:
            return found[0]
        return found[1] if all(values.get(name) for name in names) else ""

    def value(found: re.Match[str]) -> str:
        name, one, many = found.groups()
        given = str(values.get(name, ""))
        told = shown(name, given) if given else ""
        if told and one:
            told = f"{told} {one if told == '1' else many}"
        return f" {told}" if told and found[0].startswith(" ") else told

    return _VALUE.sub(value, _PART.sub(part, text)).strip()
