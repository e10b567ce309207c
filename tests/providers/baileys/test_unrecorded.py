"""The Baileys server of seed 000, unrecorded: shapes from its source, not from a running one."""

import json
from typing import Any

import msgspec
import pytest

from esteio.core.model.content import Content, Media
from esteio.core.model.inbound import ReceivedMessage
from esteio.providers.baileys import Baileys
from esteio.providers.base import (
    HttpRequest,
    HttpResponse,
    OutgoingMessage,
    ProbeDepth,
    SendOutcome,
    TransportFailed,
    WebhookReading,
)
from esteio.providers.classify import Answer
from esteio.testing.stepping import NOW, drive, html, kinds, reply, where
from tests.narrowing import not_none, of_type

BAILEYS = Baileys()
HERE = where(ref={"session": "loja 1"})


def info(status: str, **changes: str) -> HttpResponse:
    row = {"name": "loja 1", "status": status, "phoneNumber": None, "hasQrCode": False} | changes
    return reply({"success": True, "data": row})


def refused(words: str, status: int = 500) -> HttpResponse:
    return reply({"success": False, "error": words}, status)


def hook(event: str, payload: dict[str, Any], session: str = "loja 1") -> WebhookReading:
    body = json.dumps({"event": event, "session": session, "payload": payload}).encode()
    return BAILEYS.read_webhook(HERE, body, "", NOW)


def test_create_names_the_session_and_its_webhook() -> None:
    outcome, asked = drive(BAILEYS.create(HERE, NOW), info("connecting"))
    assert (outcome.answer, kinds(outcome.evidence)) == ("ok", ["server_answered", "said_connecting"])
    assert asked[0].url.endswith("/sessions")
    assert asked[0].headers["x-api-key"] == "SECRET-KEY-1"
    assert json.loads(asked[0].body) == {"name": "loja 1", "webhookUrl": HERE.webhook_url}
    assert outcome.ref == {"session": "loja 1"}


def test_a_refusal_is_a_no_in_its_words() -> None:
    outcome, _ = drive(BAILEYS.create(HERE, NOW), refused("Session name is required", 400))
    assert (outcome.answer, outcome.detail) == ("no", "Session name is required")
    outcome, _ = drive(BAILEYS.create(HERE, NOW), reply({"success": False, "error": "Disk full"}))
    assert (outcome.answer, outcome.detail) == ("no", "Disk full")


def test_connect_is_the_same_call_and_nothing_to_do_on_a_connected_session() -> None:
    outcome, asked = drive(BAILEYS.connect(HERE, NOW), info("connected", phoneNumber="5511955550001"))
    assert (outcome.answer, asked[0].method) == ("noop", "POST")
    assert kinds(outcome.evidence) == ["server_answered", "said_open", "identity_seen"]
    assert drive(BAILEYS.connect(HERE, NOW), info("disconnected"))[0].answer == "ok"


def test_logout_and_delete_are_one_call() -> None:
    for flow in (BAILEYS.logout(HERE, NOW), BAILEYS.delete(HERE, NOW)):
        outcome, asked = drive(flow, reply({"success": True, "message": "Session deleted"}))
        assert (outcome.answer, asked[0].method) == ("ok", "DELETE")
        assert asked[0].url.endswith("/sessions/loja%201")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (info("connected"), ["server_answered", "said_open"]),
        (info("connecting"), ["server_answered", "said_connecting"]),
        (info("disconnected"), ["server_answered", "said_closed"]),
        (refused("Session not found", 404), ["server_answered", "instance_missing"]),
        (html(404), ["server_html", "look_failed"]),
        (refused("Not here", 404), ["server_answered", "look_failed"]),
        (reply({"success": True, "data": {}}), ["server_answered", "look_failed"]),
    ],
)
def test_what_a_look_sees(answer: HttpResponse, expected: list[str]) -> None:
    outcome, asked = drive(BAILEYS.probe(HERE, NOW, "roundtrip"), answer)
    assert kinds(outcome.evidence) == expected
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply({"success": True, "data": {"exists": True}}), ["question_asked", "question_answered"]),
        (refused("Connection Closed"), ["question_asked", "socket_closed"]),
        (refused("Session not connected"), ["question_asked", "socket_closed"]),
        (refused("undefined is not iterable"), ["question_asked"]),
        (refused("rate-overlimit"), ["question_asked", "question_unanswerable"]),
        (refused("Route not found", 404), ["question_asked", "question_unanswerable"]),
        (html(404), ["question_asked"]),
        (TransportFailed("no answer", sent="maybe", timed_out=True), ["question_asked", "question_unanswered"]),
    ],
)
def test_of_the_question_that_a_dead_socket_refuses_only_the_refusal_tells(answer: Answer, expected: list[str]) -> None:
    here = msgspec.structs.replace(HERE, phone="+55 11 95555-0001")
    outcome, steps = drive(BAILEYS.probe(here, NOW, "roundtrip"), info("connected"), answer)
    told = ["server_answered", "said_open"]
    assert kinds(outcome.evidence) == ([*expected, *told] if "socket_closed" in expected else [*told, *expected])
    assert steps[-1].url.endswith("/sessions/loja%201/contacts/5511955550001@s.whatsapp.net")
    lesser: tuple[tuple[ProbeDepth, str], ...] = (("socket", "connected"), ("roundtrip", "connecting"))
    for depth, status in lesser:
        assert len(drive(BAILEYS.probe(here, NOW, depth), info(status))[1]) == 1


@pytest.mark.parametrize(
    ("data", "code", "png"),
    [
        ({"qrCode": "data:image/png;base64,iVBO", "format": "raw"}, "", "iVBO"),
        ({"qrCode": "2@abc", "format": "base64"}, "2@abc", ""),
        ({"qr": "2@abc"}, "2@abc", ""),
    ],
)
def test_a_qr_is_what_it_looks_like(data: dict[str, str], code: str, png: str) -> None:
    outcome, _ = drive(BAILEYS.read_qr(HERE, NOW), info("connecting"), reply({"success": True, "data": data}))
    assert outcome.qr is not None
    assert (outcome.qr.code, outcome.qr.png_base64) == (code, png)
    assert kinds(outcome.evidence)[-1] == "qr_shown"


def test_no_qr_is_not_yet_and_a_connected_session_is_not_asked() -> None:
    outcome, _ = drive(
        BAILEYS.read_qr(HERE, NOW), info("connecting"), reply({"success": True, "data": {"qrCode": None}})
    )
    assert (outcome.qr, kinds(outcome.evidence)[-1]) == (None, "no_qr_yet")
    outcome, asked = drive(BAILEYS.read_qr(HERE, NOW), info("connected"))
    assert (outcome.qr, len(asked)) == (None, 1)


def test_the_list() -> None:
    row = {"name": "a", "status": "connected", "phoneNumber": "5511955550001"}
    outcome, _ = drive(BAILEYS.inventory(HERE, NOW), reply({"success": True, "data": [row]}))
    assert outcome.entries is not None
    entry = outcome.entries[0]
    assert (entry.key, entry.state, entry.phone) == ("a", "connected", "5511955550001")


SENT = reply({"success": True, "data": {"messageId": "3EB0", "status": "sent"}})


def sent(content: Content, answer: HttpResponse = SENT, **changes: Any) -> tuple[SendOutcome, list[HttpRequest]]:
    return drive(BAILEYS.send(HERE, NOW, OutgoingMessage("5511999990001", content, **changes), 75), answer)


def test_texts_and_media_by_url() -> None:
    outcome, asked = sent(Content("text", text="oi"))
    assert (outcome.certainty, outcome.provider_id) == ("accepted", "3EB0")
    assert json.loads(asked[0].body) == {"to": "5511999990001", "text": "oi"}
    _, asked = sent(Content("image", text="c", media=Media("image", url="http://m/a.png")))
    assert asked[0].url.endswith("/send/media")
    assert json.loads(asked[0].body) == {
        "to": "5511999990001", "mediaUrl": "http://m/a.png", "mediaType": "image", "caption": "c"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "changes"),
    [
        (Content("image", media=Media("image", base64="AA")), {}),
        (Content("poll"), {}),
        (Content("sticker", media=Media("sticker", url="http://m/a")), {}),
        (Content("text", text="x"), {"quote_provider_id": "3EB1"}),
        (Content("text", text="x"), {"mentions": ("5511",)}),
        (Content("text"), {}),
    ],
)
def test_what_it_cannot_say_is_refused_without_a_request(content: Content, changes: dict[str, Any]) -> None:
    outcome, asked = sent(content, **changes)
    assert (outcome.certainty, outcome.fault, asked) == ("refused", "request", [])


@pytest.mark.parametrize(
    ("answer", "certainty", "fault", "evidence"),
    [
        (refused("Session not found"), "not_sent", "missing", ["server_answered", "instance_missing"]),
        (refused("Session not connected"), "not_sent", "socket", ["server_answered", "send_closed"]),
        (refused("Connection Closed"), "not_sent", "socket", ["server_answered", "send_closed"]),
        (refused("to is required", 400), "refused", "request", ["server_answered"]),
        (refused("kaboom"), "in_doubt", "server", ["server_failed"]),
    ],
)
def test_what_an_answer_makes_of_a_send(answer: HttpResponse, certainty: str, fault: str, evidence: list[str]) -> None:
    outcome, _ = sent(Content("text", text="oi"), answer)
    assert (outcome.certainty, outcome.fault, kinds(outcome.evidence)) == (certainty, fault, evidence)


def test_status_webhooks() -> None:
    reading = hook("session.status", {"status": "WORKING", "me": {"id": "5511955550001:4@s.whatsapp.net"}})
    assert kinds(reading.evidence) == ["said_open", "identity_seen"]
    assert reading.evidence[1].data["phone"] == "5511955550001"
    reading = hook("session.status", {"status": "STOPPED"})
    assert [(one.kind, one.source) for one in reading.evidence] == [
        ("said_closed", "webhook"),
        ("logged_out", "webhook"),
    ]
    assert kinds(hook("session.status", {"status": "NAPPING"}).evidence) == ["said_unknown"]
    assert hook("session.status", {"status": "STOPPED"}, session="other").evidence == ()
    assert not_none(hook("qr.update", {"qrCode": "data:image/png;base64,AA"}).qr).png_base64 == "AA"


MESSAGE = {
    "id": "3EB0", "from": "5511988887777", "rawJid": "77@lid", "fromMe": False, "isGroup": False, "isLid": True,
    "body": "oi", "timestamp": NOW - 5, "pushName": "Ana", "participant": None, "type": "text", "hasMedia": False,
    "mimetype": None, "filename": None, "mediaUrl": None,
}  # fmt: skip


def test_messages() -> None:
    reading = hook("message", MESSAGE)
    event = of_type(ReceivedMessage, reading.events[0])
    assert (event.chat, event.chat_lid, event.content.text, event.happened_at) == (
        "5511988887777",
        "77@lid",
        "oi",
        NOW - 5,
    )
    assert (reading.evidence[0].kind, reading.evidence[0].happened_at) == ("message_received", NOW - 5)
    group = hook(
        "message", MESSAGE | {"from": "1203@g.us", "rawJid": "1203@g.us", "participant": "5511@s.whatsapp.net"}
    )
    assert (group.events[0].chat, of_type(ReceivedMessage, group.events[0]).sender) == (
        "1203@g.us",
        "5511@s.whatsapp.net",
    )
    media = hook("message", MESSAGE | {"type": "image", "mediaUrl": "http://m/1", "mimetype": "image/png"})
    content = of_type(ReceivedMessage, media.events[0]).content
    assert (not_none(content.media).url, content.text) == ("http://m/1", "oi")


def test_ours_cannot_be_told_from_the_phones_and_prove_nothing() -> None:
    reading = hook("message", MESSAGE | {"fromMe": True})
    assert (reading.evidence, of_type(ReceivedMessage, reading.events[0]).from_me) == ((), True)
    assert hook("message", MESSAGE | {"timestamp": None}).evidence == ()
