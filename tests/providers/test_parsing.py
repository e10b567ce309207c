"""A provider's bytes: what is well formed is read as it is, what is nearly so loses only what cannot be read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteio.providers.base import HttpResponse
from esteio.providers.classify import hear
from esteio.providers.parsing import iso, moment, number, read_json, text_of, whole, word

HALF = "\ufffd"


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'"a \\ud83d"', f"a {HALF}"),
        (b'"a \\ude00 b"', f"a {HALF} b"),
        (b'"\\ud83d\\ude00 \\uD83D\\uDE00"', "\U0001f600 \U0001f600"),
        (b'["\\ud83d\\ud83d\\ude00"]', [f"{HALF}\U0001f600"]),
        (b'["\\\\ud83d", "\\ud83d"]', ["\\ud83d", HALF]),
        (b'{"\\ud83d": 1}', {HALF: 1}),
        (b"\xef\xbb\xbf[1]", [1]),
        (b"[1]\x00\x00", [1]),
        ("\ufeff[1]".encode("utf-16-be"), [1]),
        ("\ufeff[1]".encode("utf-32-le"), [1]),
        ('["é"]'.encode("utf-16-le"), ["é"]),
        ('["ação, não"]'.encode("latin-1"), ["ação, não"]),
        ('["“não”"]'.encode("cp1252"), ["“não”"]),
        (b'["cortado \xf0\x9f"]', [f"cortado {HALF}"]),
        (b'["a\tb\nc"]', ["a\tb\nc"]),
        (b'{"a": NaN, "b": -Infinity, "c": 1e999, "d": 1}', {"a": None, "b": None, "c": None, "d": 1}),
        (b"[%s, 1]" % (b"9" * 5000), [None, 1]),
        (b'"\\ud83d" ', HALF),
        (b"<html></html>", None),
        (b"", None),
        (b"\x00\x00", None),
        (b"{", None),
        (b"[" * 100_000, None),
        (b'"\\ud83d", [' + b"[" * 100_000, None),
    ],
)
def test_reading(body: bytes, value: str | list[str | int | None] | dict[str, int | None] | None) -> None:
    assert read_json(body) == value


def test_a_named_charset_counts_for_what_is_no_utf_8() -> None:
    body = '["żółw"]'.encode("iso-8859-2")
    assert read_json(body, "application/json; charset=ISO-8859-2") == ["żółw"]
    assert read_json('["é"]'.encode(), "application/json; charset=latin1") == ["é"]
    for strange in ("punycode", "unicode_escape", "nobody-knows", "iso-8859-99"):
        assert read_json('["não"]'.encode("latin-1"), f"text/plain; charset={strange}") == ["não"]
    assert HttpResponse(200, {"content-type": "application/json; charset=iso-8859-2"}, body).json() == ["żółw"]


@given(st.binary(max_size=300))
def test_no_bytes_break_it_and_no_half_comes_out(body: bytes) -> None:
    text_of(body).encode()
    read_json(body)
    hear(HttpResponse(500, {}, body), ("secret",))
    json.dumps(read_json(body), ensure_ascii=False).encode()


@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(), st.lists, max_leaves=20))
def test_what_node_writes_is_read(
    value: str | int | list[int | str | list[int | str | list[str | int | None] | None] | None] | None,
) -> None:
    assert read_json(json.dumps([value, "\ud83d"]).encode()) == [value, HALF]


@pytest.mark.parametrize(
    "value",
    [
        float("inf"),
        float("nan"),
        2**63,
        -(2**63),
        10**400,
        "1e999",
        "nan",
        "9" * 5000,
        {"low": 1e308, "high": 1e308},
        {"low": 1, "high": 2**40},
        {"low": {"low": 1}},
        True,
        None,
        [],
        {},
    ],
)
def test_what_fits_into_no_column_is_no_number(value: Any) -> None:
    assert number(value) is None
    assert whole(value, 7) == 7
    assert moment(value, 2e9) is None


def test_numbers() -> None:
    assert number("12") == 12
    assert number({"low": -1, "high": 0}) == 4294967295
    assert number({"low": 5, "high": 1, "unsigned": True}) == 4294967301
    assert (whole("3.9"), whole(-1)) == (3, 0)
    assert iso("0001-01-01T00:00:00+14:00") is None
    last = iso("9999-12-31T23:59:59-14:00")
    assert last is None or last > 0
    assert (word("x" * 99), word(12), word(["x"]), word(None)) == ("x" * 40, "12", "", "")


def test_an_error_of_any_shape_is_heard() -> None:
    deep = b'{"message": ' + b"[" * 400 + b"]" * 400 + b"}"
    assert hear(HttpResponse(500, {}, deep), ()).kind == "failed"
    large = b'{"message": {"a": 123456789012345678901234567890}}'
    assert hear(HttpResponse(400, {}, large), ()).kind == "no"
    spelled = '{"message":"instância não encontrada"}'.encode("latin-1")
    assert "não encontrada" in hear(HttpResponse(400, {}, spelled), ()).words
