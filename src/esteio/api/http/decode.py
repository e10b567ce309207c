"""A body's bytes into what a route takes, strictly; and what was wrong with them, by a stable code.

msgspec decodes and checks; here its complaints become `unknown-field`, `invalid-value` and `invalid-json`, each naming
the field by its path and, for a misspelt one, the nearest field that exists at that place. Never lives here: a shape
(see `engine.commands.requests`).
"""

from __future__ import annotations

import json
import re
import types
from functools import cache
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from esteio.config import nearest
from esteio.engine.errors import CommandError

T = TypeVar("T")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*?)`(?: - at `\$\.?(.*)`)?$", re.DOTALL)
_WRONG = re.compile(r"(.*?)(?: - at `\$\.?(.*)`)?$", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*?)`")
_ENUM = re.compile(r"Invalid enum value '?(.*?)'?$", re.DOTALL)
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_HALF_OR_NUL = re.compile(rb"\\u(?:[dD][89a-fA-F]|0000)")
_NUL_IN_TEXT = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def decode(body: bytes, shape: type[T]) -> T:
    """The body as `shape`; no body at all is `{}`. Raises `CommandError`: invalid-json, unknown-field,
    invalid-value."""
    if not body.strip():
        body = b"{}"
    if b"\\u0000" in body and _NUL.search(body):
        # No database keeps it in text, and no message needs it.
        raise CommandError("invalid-value", field="body", in_body=True, why="contains the character U+0000")
    try:
        decoder: msgspec.json.Decoder[T] = _decoder(shape)  # type: ignore[arg-type]  # every class is hashable
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise command_error_of(str(error), shape) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CommandError("invalid-json", why=str(error)[:200] or "it is nested too deep") from error


def as_javascript_reads(body: bytes) -> bytes:
    """A body as Evolution's own runtime understands it, for a flow may cut a text in the middle of an emoji, and
    clients of Windows put a byte order mark before it: without that mark, with U+FFFD for half a character and nothing
    for U+0000, which no database keeps. Raises `ValueError`, `RecursionError` for what is no JSON."""
    body = body.removeprefix(_BYTE_ORDER_MARK)
    if _HALF_OR_NUL.search(body) is None:
        return body
    text = json.dumps(json.loads(body, parse_constant=_no_constant), ensure_ascii=False)
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _NUL_IN_TEXT.sub(r"\1", whole).encode()


def _no_constant(word: str) -> Any:
    raise ValueError(word)


def command_error_of(text: str, shape: type) -> CommandError:
    """What msgspec's complaint is called here."""
    unknown = _UNKNOWN.match(text)
    if unknown:
        name, path = unknown[1], unknown[2] or ""
        near = nearest(name, fields_at(shape, path))
        return CommandError(
            "unknown-field", field=_join(path, name), near=_join(path, near) if near else None, in_body=True
        )
    wrong = _WRONG.match(text)
    why, path = (wrong[1], wrong[2] or "") if wrong else (text, "")
    missing = _MISSING.match(why)
    if missing:
        return CommandError("invalid-value", field=_join(path, missing[1]), in_body=True, why="is needed")
    wrong_word = _ENUM.match(why)
    if wrong_word:
        allowed = choices_at(shape, path)
        near = nearest(wrong_word[1], allowed)
        return CommandError("invalid-value", field=path, near=near, in_body=True, allowed=", ".join(allowed))
    return CommandError("invalid-value", field=path or "body", in_body=True, why=why[:300])


def fields_at(shape: Any, path: str) -> list[str]:
    """The field names of the struct at a path such as `media` or `contacts[...]`."""
    structs = [kind for kind in _at(shape, path) if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
    return [name for kind in structs for name in kind.__struct_encode_fields__]


def choices_at(shape: Any, path: str) -> list[str]:
    """The words that the `Literal` at a path allows."""
    return [str(word) for kind in _at(shape, path) if get_origin(kind) is Literal for word in get_args(kind)]


def _at(shape: Any, path: str) -> list[Any]:
    """The alternatives of the type at a path."""
    for step in re.findall(r"[^.\[\]]+|\[\.\.\.\]|\[\d+\]", path):
        shape = _inner(shape, step)
    return _members(shape)


@cache
def _decoder(shape: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(shape)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _members(shape: Any) -> list[Any]:
    """The alternatives of a type, without `Annotated` and unions around them."""
    if hasattr(shape, "__metadata__"):
        return _members(shape.__origin__)
    if get_origin(shape) is types.UnionType or str(get_origin(shape)) == "typing.Union":
        return [one for part in get_args(shape) for one in _members(part)]
    return [shape]


def _inner(shape: Any, step: str) -> Any:
    for kind in _members(shape):
        if step.startswith("["):
            if get_args(kind):
                return get_args(kind)[0]
        elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            hints = get_type_hints(kind, include_extras=True)
            if step in hints:
                return hints[step]
    return None
