"""A provider's bytes as JSON, read leniently: one bad character or number costs only itself.

Every Node server writes half a surrogate pair after a `substring()`; proxies add a byte order mark, change the charset
or cut a character in two; `NaN` and numbers of 400 digits occur as well. Halves become U+FFFD, such numbers None. What
is well formed is decoded at once and not touched. The narrowing functions below take any value and never raise.
Never lives here: what a field means, an answer's status (`classify`).
"""

from __future__ import annotations

import codecs
import datetime as dt
import json
import math
import re
from collections.abc import Mapping
from typing import Any

import msgspec

Json = Any
"""A decoded JSON value of a stranger; narrow it before use."""
LARGEST = 2**63
"""Numbers from here on fit into no column."""
_MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    # The longer mark first: UTF-32 little endian begins like UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_AROUND = "\ufeff\x00 \t\r\n"
_CHARSET = re.compile(r"charset\s*=\s*\"?([\w.:-]{1,40})", re.IGNORECASE)
# Python knows more codecs than text has charsets, and some take their time.
_KNOWN = re.compile(r"(?:iso-?8859-?\d{1,2}|latin-?\d|windows-125\d|cp(?:437|85\d|125\d)|us-ascii)", re.IGNORECASE)
_CUT = re.compile(rb"[\xc2-\xf4][\x80-\xbf]")
"""The mark of UTF-8: the beginning of a character of several bytes. Hardly a word of another charset has it."""
_HALVES = re.compile(
    r"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
"""A backslash that stands for itself, or a whole pair; or else a half."""


def read_json(body: bytes, content_type: str = "") -> Json:
    """The decoded value, None when it is no JSON. Total, and no string in it holds half a surrogate pair."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _leniently(text_of(body, content_type))


def text_of(body: bytes, content_type: str = "") -> str:
    """The bytes as text: by their mark, as UTF-8, by the charset that is named, or by what they look like. Total."""
    for mark, name in _MARKS:
        if body.startswith(mark):
            return body.decode(name, "replace")
    if b"\x00" in body[:4] and len(body) > 1:
        return body.decode(json.detect_encoding(body), "replace")
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode(_charset(body, content_type), "replace")


def _charset(body: bytes, content_type: str) -> str:
    """Of what is no UTF-8 as a whole."""
    named = _CHARSET.search(content_type)
    if named and _KNOWN.fullmatch(named[1]):
        try:
            return codecs.lookup(named[1]).name
        except LookupError:
            pass
    return "utf-8" if _CUT.search(body) else "cp1252"


def _leniently(text: str) -> Any:
    text = text.strip(_AROUND)
    if not text or text[0] == "<":
        return None
    if "\\u" in text:
        text = _HALVES.sub(lambda found: found[1] or "\ufffd", text)
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None


def _whole(literal: str) -> int | None:
    found = int(literal) if len(literal) <= 20 else LARGEST
    return found if -LARGEST <= found < LARGEST else None


def _fraction(literal: str) -> float | None:
    found = float(literal)
    return found if abs(found) < LARGEST else None


_DECODER = json.JSONDecoder(strict=False, parse_int=_whole, parse_float=_fraction, parse_constant=lambda _: None)


# -- narrowing ---------------------------------------------------------------------------------------------------


def at(value: Json, *path: str) -> Json:
    """The value under `path`, keys compared without case (`msgContent`, `msgcontent`); None where there is none."""
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value[name] if name in value else _folded(value, name)
    return value


def _folded(value: Mapping[str, Json], name: str) -> Json:
    # Most names that are asked for are not there, and most keys have another length.
    wanted, length = name.lower(), len(name)
    for key, held in value.items():
        if len(key) == length and key.lower() == wanted:
            return held
    return None


def text(value: Json) -> str | None:
    """A string that is not blank, else None."""
    return value if isinstance(value, str) and value.strip() else None


def first(value: Json, *names: str) -> str | None:
    """The first of the named fields that holds a string: dialects and clients disagree about names."""
    return next((found for name in names if (found := text(at(value, name)))), None)


def items(value: Json) -> list[Json]:
    """A list as it is, one value as a list of one, nothing as an empty list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def number(value: Json) -> float | None:
    """A finite number of at most 64 bits, also as a string or as a protobuf Long (`{low, high, unsigned}`): whatever
    comes of it fits into a column."""
    if isinstance(value, dict):
        low, high = _scalar(value.get("low")), _scalar(value.get("high"))
        if low is None:
            return None
        return _bounded((high or 0.0) * 4294967296.0 + (low + 4294967296.0 if low < 0 else low))
    return _scalar(value)


def _scalar(value: Json) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return _bounded(float(value))
    except (ValueError, OverflowError):
        return None


def _bounded(found: float) -> float | None:
    return found if math.isfinite(found) and abs(found) < LARGEST else None


def whole(value: Json, default: int = 0) -> int:
    """A whole number from 0 on, `default` where there is none."""
    found = number(value)
    return default if found is None or found < 0 else int(found)


def moment(value: Json, now: float) -> float | None:
    """Epoch seconds from seconds or milliseconds, never later than `now`; None when it is no plausible time."""
    found = number(value)
    if found is None or found < 1e9:
        return None
    return min(found / 1000.0 if found > 1e11 else found, now)


def iso(value: Json) -> float | None:
    """Epoch seconds of an ISO 8601 string (without a zone: UTC), None when it is none or lies before 1970."""
    if not isinstance(value, str):
        return None
    try:
        when = dt.datetime.fromisoformat(value)
        found = (when if when.tzinfo else when.replace(tzinfo=dt.UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return found if found >= 0 else None


def word(value: Json) -> str:
    """A short word as it came, for showing; "" for what is none."""
    return str(value)[:40] if isinstance(value, str | int | float) else ""


def digits(value: Json) -> str:
    """Only the digits of a string."""
    return re.sub(r"\D", "", value) if isinstance(value, str) else ""


def decode(body: bytes) -> Json:
    """The decoded JSON, None when it is none. Lenient and total."""
    return read_json(body)


def packed(value: Json) -> bytes | None:
    """JSON again; None for what cannot be written (a number of more than 64 bits, lists in lists without end)."""
    try:
        return msgspec.json.encode(value)
    except (msgspec.MsgspecError, OverflowError, RecursionError):
        return None
