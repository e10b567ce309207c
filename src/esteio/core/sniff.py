"""What a file is by its first bytes, as far as messages carry such files; and whether it fits what it is sent as.

A name or a header says what somebody believes. Never lives here: reading a file.
"""

from __future__ import annotations

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf1", "audio/aac"),
    (b"#!AMR", "audio/amr"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
)
_BRANDS: tuple[tuple[bytes, str], ...] = (
    (b"M4A", "audio/mp4"),
    (b"M4B", "audio/mp4"),
    (b"qt  ", "video/quicktime"),
    (b"3gp", "video/3gpp"),
    (b"heic", "image/heic"),
    (b"avif", "image/avif"),
)
_PAGES = (b"<!doctype html", b"<html", b"<?xml", b"<head", b"<body")
_FITS: dict[str, tuple[str, ...]] = {
    "image": ("image/",),
    "sticker": ("image/", "video/"),
    "video": ("video/", "image/gif"),
    "audio": ("audio/", "video/mp4", "video/webm"),
}


def mime_of(data: bytes) -> str | None:
    """The MIME type that the bytes show, None when they show none that we know."""
    for start, mime in _STARTS:
        if data.startswith(start):
            return mime
    if data[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(data[8:12])
    if data[4:8] == b"ftyp":
        return next((mime for brand, mime in _BRANDS if data[8:12].startswith(brand)), "video/mp4")
    head = data[:512].lstrip().lower()
    return "text/html" if head.startswith(_PAGES) else None


def fits(kind: str, mime: str | None) -> bool:
    """Whether bytes of this type can be sent as this kind; a document may be anything, and the unknown may fit."""
    return mime is None or kind not in _FITS or mime.startswith(_FITS[kind])
