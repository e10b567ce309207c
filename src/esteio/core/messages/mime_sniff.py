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
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"{\\rtf", "application/rtf"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
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
_PAGES = (b"<!doctype html", b"<html", b"<head", b"<body")
_ZIP = b"PK\x03\x04"
_OFFICE: tuple[tuple[bytes, str], ...] = (
    (b"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (b"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (b"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
)
_NAMED_TYPE = b"mimetype"
_NAME_AT = 30
"""Where the name of a zip's entry begins, in bytes after the entry's mark; its length stands two fields before."""
_LOOKED_AT = 64 * 1024
"""Names of a zip's entries are looked for in so many bytes at its beginning, and at its end, where its list is."""
GENERIC = frozenset(
    {"", "application/octet-stream", "binary/octet-stream", "application/x-download", "application/force-download",
     "application/zip", "application/x-zip-compressed", "application/x-ole-storage", "application/unknown", "*/*"}
)  # fmt: skip
"""Types that say only that there are bytes, or how they are packed."""
PAGE = frozenset({"text/html", "application/xhtml+xml"})
_FITS: dict[str, tuple[str, ...]] = {
    "image": ("image/",),
    "sticker": ("image/", "video/"),
    "video": ("video/", "image/gif"),
    "audio": ("audio/", "video/mp4", "video/webm"),
}


def mime_of(data: bytes) -> str | None:
    """The MIME type that the bytes show, None when they show none that we know."""
    if data.startswith(_ZIP):
        return _packed(data)
    for start, mime in _STARTS:
        if data.startswith(start):
            return mime
    if data[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(data[8:12])
    if data[4:8] == b"ftyp":
        return next((mime for brand, mime in _BRANDS if data[8:12].startswith(brand)), "video/mp4")
    head = data[:512].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if head.startswith(b"<?xml"):
        return "text/html" if b"<html" in head or b"<!doctype html" in head else "application/xml"
    return "text/html" if head.startswith(_PAGES) else None


def _packed(data: bytes) -> str:
    """What a zip is by the names inside it: an office file, or one whose first entry names its own type."""
    size = int.from_bytes(data[18:22], "little")
    begin = _NAME_AT + int.from_bytes(data[26:28], "little") + int.from_bytes(data[28:30], "little")
    if data[_NAME_AT : _NAME_AT + len(_NAMED_TYPE)] == _NAMED_TYPE and 0 < size <= 100:
        named = data[begin : begin + size].decode("ascii", "replace").strip()
        if "/" in named and named.isprintable():
            return named
    looked_at = data[:_LOOKED_AT] + data[-_LOOKED_AT:]
    if b"[Content_Types].xml" in looked_at:
        for folder, mime in _OFFICE:
            if folder in looked_at:
                return mime
    return "application/zip"


def is_page(declared: str, data: bytes) -> bool:
    """Whether these bytes are a page for people: by what they are, or by their header where the bytes say nothing."""
    found = mime_of(data)
    return found == "text/html" or (found is None and declared in PAGE)


def type_of(kind: str, asked: str | None, declared: str, data: bytes) -> str | None:
    """The type to send bytes as: what the caller said; for pictures, sounds and films what they are; for papers what
    their server declared, unless that says nothing."""
    found = mime_of(data)
    if asked:
        return asked
    if declared in PAGE:
        return found or declared
    if found and (found not in GENERIC or declared in GENERIC) and (kind != "document" or declared in GENERIC):
        return found
    return declared if declared not in GENERIC else found


def fits(kind: str, mime: str | None) -> bool:
    """Whether bytes of this type can be sent as this kind; a document may be anything, and the unknown may fit."""
    return mime is None or kind not in _FITS or mime.startswith(_FITS[kind])
