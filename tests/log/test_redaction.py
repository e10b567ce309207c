"""Numbers, bodies and secrets never reach a line, whatever key they come by."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteio.log import logger
from esteio.log.events import EVENTS, KEYS
from esteio.log.redaction import clean_text, redact, shown
from tests.log.conftest import Lines

DIGITS = st.text("0123456789", min_size=9, max_size=13).filter(lambda text: text[0] != "0")
APART = ["", " ", "-", ".", "\u00a0", "\u2011", "\u202f", "\u200e", ") ", "%20", "/", "_", "\\u200e"]
AROUND = [
    "{}",
    "+{}",
    "{}@s.whatsapp.net",
    "{}:12@s.whatsapp.net",
    "{}_1:3@s.whatsapp.net",
    "{}@c.us",
    "{}@lid",
    "{}@hosted",
    "{}@newsletter",
    "{}@broadcast",
    "{}-1612345678@g.us",
    "tel:+{}",
    "whatsapp:{}",
    "wa.me/{}",
    "wa{}x",
    "line_{}",
    "line-{}-b",
    "%2B{}",
    "{}%40s.whatsapp.net",
    "a={};b",
    '{{"number":"{}","exists":false}}',
    "'{}'",
    "400: the number {} is not on WhatsApp",
    "/message/sendText/{}?n={}",
    "https://api.example/chat/{}/x?to={}",
    "\u202a+{}\u202c",
    "（{}）",
]


@st.composite
def phones(draw: st.DrawFn) -> tuple[str, str]:
    """A number as people, providers and WhatsApp write it, inside whatever stands around it; and its digits."""
    digits = draw(DIGITS)
    cuts = draw(st.lists(st.integers(1, len(digits) - 1), max_size=4, unique=True).map(sorted))
    apart = draw(st.sampled_from(APART))
    parts = [digits[start:end] for start, end in zip([0, *cuts], [*cuts, len(digits)], strict=True)]
    text = draw(st.sampled_from(AROUND)).format(apart.join(parts), apart.join(parts))
    return digits, text


def forms(text: str) -> list[Any]:
    """The value as a caller may hand it over: bare, as bytes, within a list, a mapping, an exception."""
    return [text, text.encode(), [text], (text,), {"to": text}, {text}, ValueError(text), [[{"a": text}]]]


def digits_in(line: str) -> str:
    # A percent escape and a JSON escape are no digits of the number.
    plain = re.sub(r"%[0-9A-Fa-f]{2}|\\+u[0-9a-fA-F]{4}", "", line)
    return "".join(one for one in plain if one.isdigit())


@given(phones(), st.sampled_from(sorted(KEYS)))
def test_a_number_never_reaches_a_line_by_any_key(phone: tuple[str, str], key: str) -> None:
    digits, text = phone
    for value in forms(text):
        line = json.dumps(shown(key, value), ensure_ascii=False)
        assert digits not in digits_in(line), (key, value, line)
        assert digits[:-4] not in line


@given(phones(), st.sampled_from(sorted(KEYS)))
def test_a_number_written_in_other_digits_neither(phone: tuple[str, str], key: str) -> None:
    digits, text = phone
    arabic = text.translate({ord(str(n)): chr(0x660 + n) for n in range(10)})
    line = json.dumps(shown(key, arabic), ensure_ascii=False)
    assert digits[:-4].translate({ord(str(n)): chr(0x660 + n) for n in range(10)}) not in line


@given(DIGITS, st.sampled_from(sorted(key for key, (kind, _) in KEYS.items() if kind not in ("number", "time"))))
def test_a_number_handed_over_as_an_integer_neither(digits: str, key: str) -> None:
    assert digits not in json.dumps(shown(key, int(digits)))


WORDS = ["meet", "me", "at", "nine", "segredo", "amanhã", "às", "nove", "😀", "ok?", "<b>", "R$ 10"]
BODIES = st.lists(st.sampled_from(WORDS), min_size=2, max_size=12).map(" ".join)


@given(BODIES, st.sampled_from(sorted(key for key, (kind, _) in KEYS.items() if kind not in ("text", "traceback"))))
def test_a_body_never_reaches_a_line_by_a_key_that_is_no_sentence(body: str, key: str) -> None:
    for value in (body, body.encode(), [body], {"text": body}, ValueError(body)):
        line = json.dumps(shown(key, value), ensure_ascii=False)
        assert not any(word in line for word in body.split() if len(word) > 3), (key, value, line)


@given(BODIES, st.sampled_from(["text", "error", "detail", "note", "exception"]), st.sampled_from("'\"`"))
def test_what_a_sentence_of_ours_quotes_is_shown_as_its_length(body: str, key: str, mark: str) -> None:
    assert shown(key, f"cannot send {mark}{body}{mark} now") == f"cannot send {mark}<{len(body)}>{mark} now"


@pytest.mark.parametrize("key", sorted(KEYS))
@pytest.mark.parametrize(
    ("secret", "text"),
    [
        ("abcdefghijkl", "Bearer abcdefghijkl"),
        ("QWxhZGRpbjpvcGVu", "refused: Basic QWxhZGRpbjpvcGVu"),
        ("tok_abcdefgh12345", "http://h/in/tok_abcdefgh12345/connection-update"),
        ("tok_abcdefgh12345", "/in/tok_abcdefgh12345"),
        ("hunter2", "https://bob:hunter2@hooks.example/x"),
        ("B0123/zzz", "https://hooks.example/services/T0/B0123/zzz?key=1"),
        ("123:ABC", "tgram://123:ABC/987"),
        ("c2VjcmV0", "whsec_c2VjcmV0"),
        ("abcdefgh", "esk_abcdefgh"),
        ("s3cr3t", "/media?signature=s3cr3t"),
    ],
)
def test_a_secret_never_reaches_a_line(key: str, secret: str, text: str) -> None:
    assert secret not in json.dumps(shown(key, text))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("message", "msg_01234567890tzs12zc63h9833w"),
        ("message", "msg_01m7ywxaa4tzs12zc63h9833pw"),
        ("session", "line-1"),
        ("session", "vendas.sul_2"),
        ("client_ref", "conversation/4711"),
        ("reason", "media-too-large"),
        ("outcome", "not_sent:socket"),
        ("event_type", "message.received"),
        ("evidence", ["said_open", "send_accepted"]),
        ("listen", "http://127.0.0.1:8700"),
        ("host", "192.168.100.200"),
        ("path", "/message/sendText/line-1?number=***"),
        ("route", "/v1/messages/{id}"),
        ("size", 123456789012),
        ("event_seq", 12345678),
        ("status", None),
        ("new", True),
        ("error", "the task returned unexpectedly"),
        ("error", "at 2026-11-21T11:12:21.500Z: 'NoneType' object, 10.0.0.1:8080"),
    ],
)
def test_ids_codes_amounts_and_times_stay_readable(key: str, value: str | int | list[str] | None) -> None:
    assert shown(key, value) == value


@pytest.mark.parametrize(
    ("given_", "read"),
    [
        ("5511999998888", "***8888"),
        ("5511999998888@s.whatsapp.net", "***8888@s.whatsapp.net"),
        ("5511999998888:12@s.whatsapp.net", "***8888@s.whatsapp.net"),
        ("120363041234567890@g.us", "***7890@g.us"),
        ("5511999998888-1612345678@g.us", "***8888@g.us"),
        ("123456789012345@lid", "***2345@lid"),
        ("status@broadcast", "status@broadcast"),
        ("erased_01m7ywxaa4tzs12zc63h9833pw", "erased_01m7ywxaa4tzs12zc63h9833pw"),
    ],
)
def test_a_chat_is_shown_by_its_last_four_digits_and_its_kind(given_: str, read: str) -> None:
    assert shown("chat", given_) == read


def test_a_moment_is_shown_as_one_and_a_fraction_is_rounded() -> None:
    assert shown("next_at", 1795950741.5) == "2026-11-29T11:12:21.500Z"
    assert shown("duration_ms", 12.3456) == 12.3
    assert shown("next_at", float("inf")) == "inf"
    assert shown("duration_ms", float("nan")) == "nan"


@given(st.text(max_size=300) | st.text("'\"`0123456789 -+()/:@.", max_size=300), st.sampled_from(sorted(KEYS)))
def test_whatever_comes_there_is_a_value_that_can_be_written(text: str, key: str) -> None:
    json.dumps(shown(key, text))
    clean_text(text)


def test_every_event_is_redacted_in_each_of_its_keys() -> None:
    for name, event in EVENTS.items():
        line = redact(None, "info", {"event": name, **dict.fromkeys(event.keys, "5511999998888")})
        assert "5511999998888" not in json.dumps(line)


def test_a_traceback_keeps_its_frames_and_hides_what_its_message_quotes(lines: Lines) -> None:
    try:
        int("meet me at nine, 5511999998888")
    except ValueError:
        logger("test").exception("task.failed", task="inbox")
    (line,) = lines.all
    assert re.search(r'File ".*test_redaction\.py", line \d+', line["exception"])
    assert line["exception"].endswith("ValueError: invalid literal for int() with base 10: '<30>'")


def test_an_exception_in_a_group_is_cleaned_too(lines: Lines) -> None:
    group = ExceptionGroup("two of 5511999998888", [KeyError("meet me at nine"), ValueError("x")])
    logger("test").error("task.failed", task="inbox", exc_info=group)
    (line,) = lines.all
    assert "5511999998888" not in line["exception"]
    assert "meet me" not in line["exception"]
