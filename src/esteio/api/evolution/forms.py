"""The body of a call that may carry a file: JSON, a form in parts (multipart) or a plain form, as one mapping.

In a form everything is text: numbers, yes and no, and objects (`quoted`) are read out of it. `multipart` and not
Starlette's own parser: the body is in memory already and within its limit, so that files of their own and threads to
write them would only be in the way. Never lives here: what a field means.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from esteio.api.evolution.answers import EvolutionError
from esteio.api.evolution.route import DoorCall

MOST_PARTS: Final = 100
FILE: Final = "file"
"""The field under which a part's bytes stand."""


class Upload(msgspec.Struct, frozen=True):
    """One file of a form: its bytes as base64, with the name and type that it was sent with."""

    base64: str
    filename: str | None
    mime: str | None


async def read_body(call: DoorCall) -> dict[str, Any]:
    """The body by name; a file is an `Upload` under `file`. Raises `EvolutionError`, `CommandError("too-large")`."""
    kind = call.request.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        return parts(await call.request.body(), kind)
    if kind.startswith("application/x-www-form-urlencoded"):
        text = (await call.request.body()).decode("utf-8", "replace")
        return {name: _unpacked(value) for name, value in parse_qsl(text, keep_blank_values=True)}
    return await call.document()


def parts(body: bytes, content_type: str) -> dict[str, Any]:
    """A form by name, as `read_body`. Raises `EvolutionError`."""
    try:
        boundary = parse_options_header(content_type)[1].get("boundary", "")
        return dict(_part(head, bytes(data)) for head, data in _segments(body, boundary))
    except (MultipartError, UnicodeError) as error:
        raise EvolutionError(400, f"Multipart: {error}", "Bad Request") from error


def _segments(body: bytes, boundary: str) -> list[tuple[MultipartSegment, bytearray]]:
    found: list[tuple[MultipartSegment, bytearray]] = []
    with PushMultipartParser(boundary, content_length=len(body), max_segment_count=MOST_PARTS) as parser:
        for event in (*parser.parse(body), *([] if parser.closed else parser.parse(b""))):
            if isinstance(event, MultipartSegment):
                found.append((event, bytearray()))
            elif event:
                found[-1][1].extend(event)
    return found


def _part(head: MultipartSegment, data: bytes) -> tuple[str, Any]:
    if head.filename is not None:
        return FILE, Upload(b64encode(data).decode(), head.filename or None, head.content_type)
    return head.name or "", _unpacked(data.decode("utf-8", "replace"))


def _unpacked(text: str) -> Any:
    """An object or a list inside a form's text; other text as it is."""
    if not text.startswith(("{", "[")):
        return text
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
