"""A QR in the form that was asked for: JSON, PNG or SVG.

Drawn from the code's text, so that what is scanned is what is meant; where the provider gave a picture only, that
picture. Never lives here: whether a code may be shown (`engine.commands.sessions.pairing`).
"""

from __future__ import annotations

import base64
import io
import struct

import msgspec

from esteio.api.http.request import ApiResponse, answer
from esteio.core.views import documents
from esteio.store.base import Qr

PNG, SVG = "image/png", "image/svg+xml"
_PNG_MARK, _PNG_HEAD = b"\x89PNG\r\n\x1a\n", 24
"""How every PNG begins, and how many bytes of it end with the size."""
_FRESH = {"cache-control": "no-store"}


def in_form(qr: Qr, accept: str) -> ApiResponse:
    """The code by `Accept`: PNG or SVG when that is what the caller likes best, otherwise JSON with the PNG inside; 204
    where there is neither a text nor a picture."""
    form, picture = best_form(accept), png(qr.code) if qr.code else provided(qr.png_base64)
    if picture is None:
        return ApiResponse(204, headers=_FRESH)
    if form == PNG:
        return ApiResponse(200, picture, PNG, _FRESH)
    if form == SVG:
        return ApiResponse(200, svg(qr.code) if qr.code else framed(picture), SVG, _FRESH)
    document = msgspec.structs.replace(documents.qr(qr), png_base64=base64.b64encode(picture).decode())
    return answer(document, cache_control="no-store")


def provided(png_base64: str) -> bytes | None:
    """The provider's picture, also out of a `data:` URL; None when it is no PNG."""
    try:
        picture = base64.b64decode(png_base64.rpartition(",")[2], validate=True)
    except ValueError:
        return None
    return picture if picture.startswith(_PNG_MARK) and len(picture) >= _PNG_HEAD else None


def framed(picture: bytes) -> bytes:
    """A PNG inside an SVG of its size."""
    width, height = struct.unpack(">II", picture[16:_PNG_HEAD])
    size = f'width="{width}" height="{height}"'
    data = base64.b64encode(picture).decode()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width} {height}">'
        f'<image {size} href="data:image/png;base64,{data}"/></svg>'
    ).encode()


def best_form(accept: str) -> str:
    """The best of an `Accept` among JSON, PNG and SVG; the first named wins a tie."""
    best, quality = "application/json", 0.0
    for part in accept.split(",")[:20]:
        kind, _, parameters = part.partition(";")
        found = {PNG: PNG, SVG: SVG, "image/*": PNG, "application/json": "application/json", "*/*": "application/json"}
        form = found.get(kind.strip().lower())
        weight = _weight(parameters)
        if form is not None and weight > quality:
            best, quality = form, weight
    return best


def png(code: str) -> bytes:
    """A picture of about 300 pixels."""
    return _drawn(code, kind="png")


def svg(code: str) -> bytes:
    """The same as a drawing."""
    return _drawn(code, kind="svg", light="#ffffff")


def _drawn(code: str, **form: str) -> bytes:
    import segno  # noqa: PLC0415 - several megabytes, which a gateway needs only while lines are paired

    out = io.BytesIO()
    segno.make(code, error="l", micro=False).save(out, scale=6, border=4, **form)
    return out.getvalue()


def _weight(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
