"""Names of files as messages carry them: from a header, an address or a caller, cleaned, with their type's extension.

Pure. A name is one segment: no folder, no escape, no control character. Never lives here: what bytes are
(`core.messages.mime_sniff`).
"""

from __future__ import annotations

import re
from email.message import Message as Header
from email.utils import collapse_rfc2231_value
from typing import Final
from urllib.parse import quote, unquote, urlsplit

LONGEST: Final = 120
_EXTENSIONS: Final[dict[str, str]] = {
    "application/pdf": "pdf",
    "application/zip": "zip",
    "application/x-zip-compressed": "zip",
    "application/xml": "xml",
    "text/xml": "xml",
    "application/json": "json",
    "application/rtf": "rtf",
    "application/vnd.rar": "rar",
    "application/x-7z-compressed": "7z",
    "application/msword": "doc",
    "application/vnd.ms-excel": "xls",
    "application/vnd.ms-powerpoint": "ppt",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.oasis.opendocument.text": "odt",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/vnd.oasis.opendocument.presentation": "odp",
    "application/epub+zip": "epub",
    "application/vnd.android.package-archive": "apk",
    "application/was": "was",
    "text/plain": "txt",
    "text/csv": "csv",
    "text/html": "html",
    "text/calendar": "ics",
    "text/vcard": "vcf",
    "text/x-vcard": "vcf",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/heic": "heic",
    "image/avif": "avif",
    "image/svg+xml": "svg",
    "image/tiff": "tiff",
    "image/bmp": "bmp",
    "audio/ogg": "ogg",
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
    "audio/aac": "aac",
    "audio/amr": "amr",
    "audio/wav": "wav",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/quicktime": "mov",
    "video/3gpp": "3gp",
}
_TYPES: Final = {"jpeg": "image/jpeg", "htm": "text/html"} | {
    extension: mime for mime, extension in reversed(_EXTENSIONS.items())
}
"""Of two types with one extension the one that is named first."""
_EXTENSION = re.compile(r"\.(?=[A-Za-z0-9]{0,8}$)(?=[0-9]*[A-Za-z])")
_ESCAPED = re.compile(r"%[0-9A-Fa-f]{2}")
_NOT_IN_NAMES = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(name: str) -> str:
    """One segment, escapes decoded, nothing that cannot be seen, at most `LONGEST` characters with its extension kept;
    "" when nothing is left."""
    if _ESCAPED.search(name):
        name = unquote(name, errors="replace")
    name = _NOT_IN_NAMES.sub("", name.replace("\\", "/").rstrip("/").rpartition("/")[2]).strip().lstrip(".").strip()
    if len(name) <= LONGEST:
        return name
    found = _EXTENSION.search(name)
    end = name[found.start() :] if found else ""
    return name[: LONGEST - len(end)].rstrip() + end


def of_disposition(header: str) -> str:
    """The name that a Content-Disposition header gives, in either of its forms; "" for none. Total."""
    holder = Header()
    try:
        holder["Content-Disposition"] = re.sub(r"[\r\n]+", " ", header)
        given = holder.get_params([], header="Content-Disposition") or []
    except (ValueError, LookupError):
        return ""
    found = [value for name, value in given if name.lower() == "filename"]
    # The form with a charset is the whole name, whichever stands first.
    found.sort(key=lambda value: isinstance(value, str))
    return clean(collapse_rfc2231_value(found[0])) if found else ""


def of_address(url: str) -> str:
    """The last segment of a URL's path, where it looks like a file's name; "" otherwise."""
    name = clean(urlsplit(url).path)
    return name if _EXTENSION.search(name) else ""


def extension_of(mime: str | None) -> str:
    """The extension of a type, without its dot; "" for one that has none here."""
    return _EXTENSIONS.get((mime or "").partition(";")[0].strip().lower(), "")


def type_of(name: str) -> str | None:
    """The type that a name's extension stands for, None where it tells nothing."""
    found = _EXTENSION.search(name)
    return _TYPES.get(name[found.end() :].lower()) if found else None


def with_extension(name: str, mime: str | None) -> str:
    """The name with the extension of its type, unless it has one."""
    extension = extension_of(mime)
    return name if not extension or _EXTENSION.search(name) else f"{name}.{extension}"


def named(kind: str, name: str, mime: str | None) -> str | None:
    """A name for a file of this kind and type; only a paper must have one."""
    return with_extension(name or "document", mime) if name or kind == "document" else None


def disposition(name: str, *, inline: bool) -> str:
    """A Content-Disposition header that gives this name (RFC 6266): plain for old readers, whole for the others."""
    plain = re.sub(r'[^ -~]|["\\%]', "_", name)
    return f"{'inline' if inline else 'attachment'}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
