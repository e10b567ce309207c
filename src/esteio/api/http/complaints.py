"""Why a value is refused, as half a sentence: "must be text, not a whole number". The texts: `locales/*/complaints.po`.

msgspec's own complaints are recognised by their form. What our code says is English and is recognised by its text,
which is the key of its translation; an unrecognised text is left as it is. Never lives here: a text, a whole sentence
(`problems`), when something is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from esteio.core.views.catalogue import Catalogue, fill

OURS = "complaint in English"
"""The context of the phrases of our code, whose key is their English."""
_TYPE = re.compile(r"Expected `([^`]+)`, got `([^`]+)`$")
_BOUND = re.compile(r"Expected `\w+(?: \| \w+)*` (>=|<=|>|<) (\S+)$")
_LENGTH = re.compile(r"Expected `(\w+)(?: \| \w+)*` of length (>=|<=|==) (\d+)$")
_FORM = re.compile(r"Expected `str(?: \| \w+)*` matching regex .*$", re.DOTALL)


def told(why: str, texts: Catalogue) -> str:
    """The half sentence in the language of `texts`; one that nobody knows stays as it is."""
    for pattern, words in _FROM_MSGSPEC:
        if found := pattern.match(why):
            key, values = words(found, texts)
            return fill(texts.word("complaint", key), values)
    said = texts.translated(OURS, why)
    return said if said != why else texts.translated("detail in English", why)


_Words = tuple[str, Mapping[str, str]]
"""The key of a text and its values."""


def _kinds(text: str, texts: Catalogue) -> str:
    """`str | null` → "text or null"."""
    first, *rest = (texts.word("json-type", part.strip()) for part in text.split("|"))
    for other in rest:
        first = fill(texts.word("json-type", "or"), {"one": first, "other": other})
    return first


def _type(found: re.Match[str], texts: Catalogue) -> _Words:
    return "type", {"wanted": _kinds(found[1], texts), "found": _kinds(found[2], texts)}


def _bound(found: re.Match[str], texts: Catalogue) -> _Words:
    return "bound", {"bound": texts.word("bound", found[1]), "number": found[2]}


def _length(found: re.Match[str], texts: Catalogue) -> _Words:
    key = "text-length" if found[1] == "str" else "list-length"
    return key, {"bound": texts.word("bound", found[2]), "number": found[3]}


def _form(_found: re.Match[str], _texts: Catalogue) -> _Words:
    return "form", {}


_FROM_MSGSPEC: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], Catalogue], _Words]], ...] = (
    (_TYPE, _type),
    (_BOUND, _bound),
    (_LENGTH, _length),
    (_FORM, _form),
)
