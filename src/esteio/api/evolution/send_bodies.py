"""The bodies of the send calls: v1's nested form made flat, texts read as the numbers they stand for, and what
Evolution's own checks say of them, in its words (recordings 054 to 064).

Fields that nobody knows are left alone, as there. Never lives here: our normal form (`send_requests`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from esteio.api.evolution.answers import invalid

Body = dict[str, Any]

_NESTED: Final = (
    "textMessage",
    "mediaMessage",
    "audioMessage",
    "stickerMessage",
    "ptvMessage",
    "locationMessage",
    "reactionMessage",
    "pollMessage",
    "listMessage",
    "buttonMessage",
    "buttonsMessage",
    "statusMessage",
    "templateMessage",
)
_NESTING: Final = frozenset({*_NESTED, "contactMessage", "options"})
_OLD_NAMES: Final = {
    ("stickerMessage", "image"): "sticker",
    ("buttonMessage", "footerText"): "footer",
    ("buttonsMessage", "footerText"): "footer",
}
_INTEGERS: Final = frozenset({"delay", "selectableCount", "font"})
_NUMBERS: Final = frozenset({"latitude", "longitude"})
_BOOLEANS: Final = frozenset(
    {"linkPreview", "mentionsEveryOne", "everyOne", "encoding", "notConvertSticker", "allContacts", "gifPlayback"}
)
_LISTS: Final = frozenset({"mentioned", "contact", "values", "sections", "buttons", "statusJidList", "components"})
_OBJECTS: Final = frozenset({"quoted", "key"})
_STRINGS: Final = frozenset(
    {
        *("number", "text", "mediatype", "mimetype", "media", "fileName", "caption", "video", "audio", "sticker"),
        *("name", "address", "reaction", "title", "description", "footerText", "footer", "buttonText", "type"),
        *("content", "backgroundColor", "language", "thumbnailUrl"),
    }
)
_TYPES: Final[tuple[tuple[frozenset[str], str, tuple[type, ...]], ...]] = (
    (_STRINGS, "string", (str,)),
    (_INTEGERS, "integer", (int,)),
    (_NUMBERS, "number", (int, float)),
    (_BOOLEANS, "boolean", (bool,)),
    (_LISTS, "array", (list,)),
    (_OBJECTS, "object", (dict,)),
)
_TYPE_OF: Final = {name: (word, kinds) for names, word, kinds in _TYPES for name in names}
_DESCRIBED: Final = {"number": "Invalid format", "delay": "Enter a value in milliseconds"}
"""What is said in place of the type that is wrong."""


def flat(body: Mapping[str, Any]) -> Body:
    """The body in v2's form, whichever it came in: v1 nests the content by its kind, and the rest in `options`."""
    if _NESTING.isdisjoint(body):
        return {name: _read(name, value) for name, value in body.items() if value is not None}
    told: Body = {}
    options = body.get("options")
    if isinstance(options, dict):
        told |= _options(options)
    for name in _NESTED:
        part = body.get(name)
        if isinstance(part, dict):
            told |= {_OLD_NAMES.get((name, str(field)), str(field)): value for field, value in part.items()}
    if isinstance(body.get("contactMessage"), list):
        told["contact"] = body["contactMessage"]
    told |= {name: value for name, value in body.items() if name not in _NESTING}
    return {name: _read(name, value) for name, value in told.items() if value is not None}


def _options(options: Mapping[str, Any]) -> Body:
    told: Body = {name: value for name, value in options.items() if name != "mentions"}
    mentions = options.get("mentions")
    if isinstance(mentions, dict):
        told |= {"mentionsEveryOne": mentions.get("everyOne"), "mentioned": mentions.get("mentioned")}
    return told


def _read(name: str, value: Any) -> Any:
    """A number as text where text is wanted, and the other way round, as forms and old clients have it."""
    if name == "number" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if name in _INTEGERS and isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, str):
        return value
    if name in _BOOLEANS and value in ("true", "false"):
        return value == "true"
    if name in _INTEGERS | _NUMBERS:
        return _number(value, whole=name in _INTEGERS)
    return value


def _number(text: str, *, whole: bool) -> Any:
    try:
        number = int(text) if whole and len(text) <= 15 else float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


def check(body: Body, required: Iterable[str]) -> None:
    """Raises `EvolutionError` with all that Evolution's schema complains of."""
    wrong = [complaint for name, value in body.items() if (complaint := _wrong_type(name, value))]
    wrong += [f'instance requires property "{name}"' for name in required if name not in body]
    if wrong:
        raise invalid(*wrong)


def _wrong_type(name: str, value: Any) -> str:
    word, kinds = _TYPE_OF.get(name, ("", ()))
    # By their very types: to isinstance a yes is a number.
    if not kinds or type(value) in kinds:
        return ""
    return _DESCRIBED.get(name, f"{name} is not of a type(s) {word}")
