"""A QR in the form that was asked for: JSON, PNG or SVG.

Drawn from the code's text, never a picture that a provider sent, so that what is scanned is what is meant. Never lives
here: whether a code may be shown (`engine.desk.current_qr`).
"""

from __future__ import annotations

import base64
import io

import msgspec
import segno

from esteio.api.call import Answer, answer
from esteio.core import documents
from esteio.store.base import Qr

PNG, SVG = "image/png", "image/svg+xml"
_FRESH = {"cache-control": "no-store"}


def in_form(qr: Qr, accept: str) -> Answer:
    """The code by `Accept`: PNG or SVG when that is what the caller likes best, otherwise JSON with the PNG inside."""
    form = best_form(accept)
    if form == PNG:
        return Answer(200, png(qr.code), PNG, _FRESH)
    if form == SVG:
        return Answer(200, svg(qr.code), SVG, _FRESH)
    document = documents.qr(qr)
    if not document.png_base64 or not document.png_base64.isascii():
        document = msgspec.structs.replace(document, png_base64=base64.b64encode(png(qr.code)).decode())
    return answer(document, cache_control="no-store")


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
    out = io.BytesIO()
    segno.make(code, error="l", micro=False).save(out, kind="png", scale=6, border=4)
    return out.getvalue()


def svg(code: str) -> bytes:
    """The same as a drawing."""
    out = io.BytesIO()
    segno.make(code, error="l", micro=False).save(out, kind="svg", scale=6, border=4, light="#ffffff")
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
