"""What a file is by its first bytes, whatever it is called."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteio.core.messages.mime_sniff import fits, is_page, mime_of, type_of
from esteio.core.model.content import MEDIA_KINDS

FILES = [
    (b"\x89PNG\r\n\x1a\n" + b"\0" * 9, "image/png"),
    (b"\xff\xd8\xff\xe0", "image/jpeg"),
    (b"GIF89a", "image/gif"),
    (b"OggS\0", "audio/ogg"),
    (b"ID3\x04", "audio/mpeg"),
    (b"%PDF-1.7", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
    (b"RIFF\x10\0\0\0WAVEfmt ", "audio/wav"),
    (b"RIFF\x10\0\0\0AVI LIST", None),
    (b"\0\0\0\x20ftypM4A \0\0", "audio/mp4"),
    (b"\0\0\0\x20ftypqt  \0\0", "video/quicktime"),
    (b"\0\0\0\x20ftypheic\0\0", "image/heic"),
    (b"\0\0\0\x20ftypisom\0\0", "video/mp4"),
    (b"  \n<!DOCTYPE html><p>Not found", "text/html"),
    (b"<html>", "text/html"),
    (b"<?xml version='1.0'?><nfeProc>", "application/xml"),
    (b"\xef\xbb\xbf<?xml version='1.0'?><nfeProc>", "application/xml"),
    (b"<?xml version='1.0'?><html>", "text/html"),
    (b"plain words", None),
    (b"", None),
]


@pytest.mark.parametrize(("data", "mime"), FILES)
def test_bytes_show_what_they_are(data: bytes, mime: str | None) -> None:
    assert mime_of(data) == mime


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_what_follows_the_head_changes_nothing(data: bytes, more: bytes) -> None:
    mime = mime_of(data)
    if mime not in (None, "application/zip", "application/xml"):
        assert mime_of(data + more) == mime


@pytest.mark.parametrize(
    ("kind", "mime", "fit"),
    [
        ("image", "image/png", True),
        ("image", "text/html", False),
        ("image", "video/mp4", False),
        ("video", "image/gif", True),
        ("video", "audio/ogg", False),
        ("audio", "video/webm", True),
        ("audio", "image/png", False),
        ("sticker", "image/webp", True),
        ("sticker", "audio/ogg", False),
    ],
)
def test_a_page_is_no_picture(kind: str, mime: str, fit: bool) -> None:
    assert fits(kind, mime) is fit


@given(st.sampled_from([mime for _, mime in FILES]))
def test_a_document_may_be_anything(mime: str | None) -> None:
    assert fits("document", mime)


@given(st.sampled_from(sorted(MEDIA_KINDS)))
def test_what_is_not_known_may_be_sent(kind: str) -> None:
    assert fits(kind, None)


def packed(*names: str, kind: str = "") -> bytes:
    """A zip as an office program writes it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        if kind:
            file.writestr("mimetype", kind)
        for name in names:
            file.writestr(name, "x" * 99)
    return out.getvalue()


OOXML = "application/vnd.openxmlformats-officedocument."
ODF = "application/vnd.oasis.opendocument.text"


@pytest.mark.parametrize(
    ("data", "mime"),
    [
        (packed("[Content_Types].xml", "word/document.xml"), OOXML + "wordprocessingml.document"),
        (packed("[Content_Types].xml", "xl/workbook.xml"), OOXML + "spreadsheetml.sheet"),
        (packed("[Content_Types].xml", "ppt/presentation.xml"), OOXML + "presentationml.presentation"),
        (packed(*map(str, range(2000)), "xl/a.xml", "[Content_Types].xml"), OOXML + "spreadsheetml.sheet"),
        (packed("[Content_Types].xml", "other/a.xml"), "application/zip"),
        (packed("word/document.xml"), "application/zip"),
        (packed("content.xml", kind=ODF), ODF),
        (packed("content.xml", kind="not a type"), "application/zip"),
        (packed("content.xml", kind="a/\x07"), "application/zip"),
    ],
)  # fmt: skip
def test_what_a_zip_is_by_what_is_in_it(data: bytes, mime: str) -> None:
    assert mime_of(data) == mime


@pytest.mark.parametrize(
    ("kind", "asked", "declared", "data", "mime"),
    [
        ("document", "text/plain", "text/html", b"%PDF-", "text/plain"),
        ("document", None, "application/pdf", b"?", "application/pdf"),
        ("document", None, "application/octet-stream", b"%PDF-", "application/pdf"),
        ("document", None, OOXML + "spreadsheetml.sheet", b"PK\x03\x04", OOXML + "spreadsheetml.sheet"),
        ("document", None, "", b"PK\x03\x04", "application/zip"),
        ("document", None, "text/html", b"%PDF-", "application/pdf"),
        ("document", None, "text/html", b"?", "text/html"),
        ("document", None, "", b"?", None),
        ("image", None, "application/octet-stream", b"GIF89a", "image/gif"),
        ("image", None, "image/png", b"GIF89a", "image/gif"),
        ("image", None, "image/bmp", b"BM", "image/bmp"),
        ("audio", None, "audio/ogg", b"PK\x03\x04", "audio/ogg"),
    ],
)
def test_the_type_that_bytes_are_sent_as(
    kind: str, asked: str | None, declared: str, data: bytes, mime: str | None
) -> None:
    assert type_of(kind, asked, declared, data) == mime


def test_what_is_a_page() -> None:
    assert is_page("application/pdf", b"<!DOCTYPE html>")
    assert is_page("text/html", b"Sign in")
    assert not is_page("text/html", b"%PDF-1.7")
    assert not is_page("text/plain", b"Sign in")
