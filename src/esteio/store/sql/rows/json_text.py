"""JSON text in columns: how it is written, and what every subject reads of it.

Never lives here: a column, a value of one subject.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from esteio.core.model.recovery import Outage
from esteio.core.model.state import Reason

Params = dict[str, Any]
"""What a statement is given: its parameters by name."""
T = TypeVar("T")

_encoder = msgspec.json.Encoder()
reason = msgspec.json.Decoder(Reason)
outage = msgspec.json.Decoder(Outage)
words = msgspec.json.Decoder(tuple[str, ...])
strings = msgspec.json.Decoder(dict[str, str])
_mapping = msgspec.json.Decoder(dict[str, Any])

EMPTY = "{}"


def to_text(value: Any) -> str:
    """JSON text of a value. Raises what msgspec raises for a value that JSON cannot say."""
    return _encoder.encode(value).decode()


def text_or_none(value: Any) -> str | None:
    """JSON text, or None for None."""
    return None if value is None else _encoder.encode(value).decode()


def mapping(text: str) -> dict[str, Any]:
    """An object's text as a dict of its own; the empty one, which most are, without the detour."""
    return {} if text == EMPTY else _mapping.decode(text)


def read(decoder: msgspec.json.Decoder[T], text: str | None) -> T | None:
    """The value that this text is, None for NULL. Raises `msgspec.DecodeError` for a column that is damaged."""
    return None if text is None else decoder.decode(text)
