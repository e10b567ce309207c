"""What a file is by its first bytes, whatever it is called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteio.core.model import MEDIA_KINDS
from esteio.core.sniff import fits, mime_of

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
    (b"plain words", None),
    (b"", None),
]


@pytest.mark.parametrize(("data", "mime"), FILES)
def test_bytes_show_what_they_are(data, mime):
    assert mime_of(data) == mime


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_what_follows_the_head_changes_nothing(data, more):
    mime = mime_of(data)
    if mime is not None:
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
def test_a_page_is_no_picture(kind, mime, fit):
    assert fits(kind, mime) is fit


@given(st.sampled_from([mime for _, mime in FILES]))
def test_a_document_may_be_anything(mime):
    assert fits("document", mime)


@given(st.sampled_from(sorted(MEDIA_KINDS)))
def test_what_is_not_known_may_be_sent(kind):
    assert fits(kind, None)
