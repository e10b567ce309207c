"""A provider's bytes as JSON, read leniently: one bad character or number costs only itself.

Every Node server writes half a surrogate pair after a `substring()`; proxies add a byte order mark, change the charset
or cut a character in two; `NaN` and numbers of 400 digits occur as well. Halves become U+FFFD, such numbers None. What
is well formed is decoded at once and not touched. Never lives here: what a field means, an answer's status (`reading`).
"""

from __future__ import annotations

import codecs
import json
import re
from typing import Any

import msgspec

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


def read_json(body: bytes, content_type: str = "") -> Any:
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


def _whole(digits: str) -> int | None:
    found = int(digits) if len(digits) <= 20 else LARGEST
    return found if -LARGEST <= found < LARGEST else None


def _fraction(digits: str) -> float | None:
    found = float(digits)
    return found if abs(found) < LARGEST else None


_DECODER = json.JSONDecoder(strict=False, parse_int=_whole, parse_float=_fraction, parse_constant=lambda _: None)
