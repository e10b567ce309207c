"""What may be read in a log line: each value is shown by its key's kind (`events.KEYS`).

Phone numbers, and the digits of any address (JID, LID, group), keep their last four digits in every kind. Secrets,
queries and paths of URLs, and words that a key's kind does not take (a text where a code belongs) are never written.
A traceback keeps its frames; what its message quotes is shown as its length.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from esteio.log.events import ALWAYS, KEYS, Kind

_APART: Final = (
    r"(?:[\s()\[\]./+_\-\u00ad\u061c\u180e\u200b-\u200f\u2010-\u2015\u202a-\u202f\u2060\u2066-\u2069\u2212\ufe58\ufe63"
    r"\uff0d\ufeff]|%[2e][0-9a-f]|\\u[0-9a-f]{4}){0,4}"
)
"""What stands between the digits of a number as people, URLs and JSON write it."""
_DIGITS: Final = re.compile(
    # What is no number, and is left as it is: our ids, times, IPv4 addresses with or without a port, UUIDs, SHA-256.
    r"(?P<kept>(?<![\w-])(?:[a-z]{2,10}_[0-9a-hj-np-tv-z]{26}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z?"
    r"|\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{64})(?![\w-]|\.\d))"
    rf"|\+?(?:\d{_APART}){{6,}}\d",
    re.IGNORECASE,
)
_HAS_DIGITS: Final = re.compile(r"\d(?:[^\d]{0,30}\d){6}")
_URL: Final = re.compile(
    r"\b([a-z][a-z0-9+.-]{1,20})://(?:[^\s/?#\"'<>@]*@)?([^\s/?#\"'<>]*)([/?#][^\s\"'<>]*)?", re.IGNORECASE
)
_OPEN_SCHEMES: Final = frozenset({"http", "https", "unix"})
"""In others (a notice target's) the host is the secret."""
_SECRETS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), r"\1 ***"),
    (re.compile(r"/(in|login|pair)/[\w-]{8,}"), r"/\1/***"),
    (re.compile(r"\b(signature|token|apikey)=[^\s&\"']+"), r"\1=***"),
    (re.compile(r"\b(esk|whsec)_[\w+/=-]{6,}"), r"\1_***"),
)
_QUOTED: Final = re.compile(r"(['\"`])((?:\\.|(?!\1)[^\\\n]){1,4000})\1")
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][\w.-]{0,60}")
_WORD: Final = re.compile(r"[\w.:@/+*~-]{1,160}")
_PATH: Final = re.compile(r"[\w.:@/+*~%?&={}-]{0,512}")
_OUR_ID: Final = re.compile(r"[a-z]{2,10}_[0-9a-hj-np-tv-z]{26}")
_ADDRESS: Final = re.compile(r"\+?(\d+)(?:[:_.-]\d+)*(@[a-z.]{1,24})?")
_LAST_TIME: Final = 2.5e11
"""The year 9892, in epoch seconds."""
_TEXT_MOST: Final = 400
_TRACEBACK_MOST: Final = 8000


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: every value as its key's kind shows it."""
    for key, value in event.items():
        if key not in ALWAYS:
            event[key] = shown(key, value)
    return event


def shown(key: str, value: Any) -> Any:
    """A value as it may be written. A key that is not declared is shown as text."""
    kind: Kind = KEYS[key][0] if key in KEYS else "text"
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _BY_KIND[kind](value)
    if isinstance(value, int | float):
        return _number(kind, value)
    if isinstance(value, list | tuple | set | frozenset):
        return [shown(key, inner) for inner in value]
    size = len(value) if isinstance(value, bytes | bytearray | memoryview | Mapping) else 0
    return f"<{type(value).__name__} {size}>"


def clean_text(text: str) -> str:
    """A sentence fit for a log or a stored detail: numbers keep their last four digits, secrets go."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return _URL.sub(_host_only, _masked(text))


def _number(kind: Kind, value: float) -> Any:
    if kind == "time" and 0 <= value < _LAST_TIME:
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%dT%H:%M:%S}.{int(value * 1000) % 1000:03d}Z"
    if kind == "number":
        if isinstance(value, int):
            return value
        return round(value, 1) if math.isfinite(value) else str(value)
    return value if abs(value) < 1_000_000 else _masked(str(value))


def _masked(text: str) -> str:
    return _DIGITS.sub(_last_four, text) if _HAS_DIGITS.search(text) else text


def _last_four(found: re.Match[str]) -> str:
    if found["kept"]:
        return found[0]
    return f"***{''.join(one for one in found[0] if one.isdigit())[-4:]}"


def _host_only(found: re.Match[str]) -> str:
    scheme, host, rest = found.groups()
    if scheme.lower() not in _OPEN_SCHEMES:
        return f"{scheme}://***"
    return f"{scheme}://{host}/***" if rest and rest != "/" else f"{scheme}://{host}"


@lru_cache(maxsize=4096)
def _word(text: str) -> str:
    """The same names and codes come again and again."""
    return clean_text(text) if _WORD.fullmatch(text) else _hidden(text)


def _id(text: str) -> str:
    return text if _OUR_ID.fullmatch(text) else _word(text)


def _path(text: str) -> str:
    return clean_text(text) if _PATH.fullmatch(text) else _hidden(text)


def _address(text: str) -> str:
    found = _ADDRESS.fullmatch(text)
    return f"***{found[1][-4:]}{found[2] or ''}" if found and len(found[1]) > 4 else _word(text)


def _text(text: str) -> str:
    cut = text if len(text) <= _TEXT_MOST else f"{text[:_TEXT_MOST]}…"
    return clean_text(_QUOTED.sub(_unquoted, cut))


def _traceback(text: str) -> str:
    """Frames with their source as they are, but for numbers; messages as any text."""
    lines, frame = [], False
    for line in text[-_TRACEBACK_MOST:].splitlines():
        begins = line.lstrip(" |+-").startswith('File "')
        lines.append(_masked(line) if begins or frame else _text(line))
        frame = begins
    return "\n".join(lines)


def _unquoted(found: re.Match[str]) -> str:
    mark, inner = found.groups()
    return found[0] if _IDENTIFIER.fullmatch(inner) else f"{mark}{_hidden(inner)}{mark}"


def _hidden(text: str) -> str:
    return f"<{len(text)}>"


_BY_KIND: Final[Mapping[Kind, Callable[[str], str]]] = {
    "name": _word,
    "id": _id,
    "code": _word,
    "number": _word,
    "time": _word,
    "address": _address,
    "path": _path,
    "text": _text,
    "traceback": _traceback,
}
