"""What a form brought, and what was wrong with it, in words. Never lives here: what a form asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self, TypeVar
from urllib.parse import parse_qsl

import msgspec

from esteio.api.http.decode import decode
from esteio.api.http.problems import of_command_error
from esteio.core.views.catalogue import Catalogue
from esteio.engine.errors import CommandError, invalid

T = TypeVar("T")


class Form(dict[str, str]):
    """The fields by name, the last of those that share one; `every` gives them all."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__(pairs)
        self._pairs = pairs

    @classmethod
    def of(cls, body: bytes) -> Self:
        """A body as browsers encode a form without files."""
        return cls(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))

    def word(self, name: str) -> str:
        """A field without the blanks around it, "" when it was not sent."""
        return self.get(name, "").strip()

    def every(self, name: str) -> tuple[str, ...]:
        """Each value of this name, in order."""
        return tuple(value for key, value in self._pairs if key == name)

    def under(self, prefix: str) -> dict[str, str]:
        """The fields `PREFIX.NAME` that are not blank, by NAME."""
        start = f"{prefix}."
        found = {name.removeprefix(start): self.word(name) for name in self if name.startswith(start)}
        return {name: value for name, value in found.items() if value}


class Wrong(NamedTuple):
    """Why a form was refused: the field where it is about one, and a sentence."""

    field: str
    text: str


def read(shape: type[T], words: Mapping[str, Any]) -> T:
    """What the API's routes take, checked as theirs. Raises `CommandError`."""
    return decode(msgspec.json.encode(words), shape)


def number(field: str, text: str) -> float | None:
    """A number as people of both languages write one; None for nothing. Raises `CommandError`."""
    if not text:
        return None
    try:
        found = float(text.replace(",", "."))
    except ValueError:
        raise invalid(field, "must be a number") from None
    return int(found) if found.is_integer() else found


def wrong(error: CommandError, texts: Catalogue) -> Wrong:
    """An error beside its field."""
    return Wrong(error.field or "", of_command_error(error, texts).detail)
