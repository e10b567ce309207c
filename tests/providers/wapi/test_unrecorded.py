"""W-API, unrecorded: every shape here is from other people's clients, none from the running service."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from esteio.core.model.content import Content, Media
from esteio.core.model.inbound import Receipt, ReceivedMessage, SendEcho
from esteio.providers.base import (
    HttpRequest,
    HttpResponse,
    OutgoingMessage,
    SendOutcome,
    SentQuery,
    TransportFailed,
    WebhookReading,
)
from esteio.providers.classify import Answer
from esteio.providers.wapi import Wapi
from esteio.testing.stepping import NOW, drive, html, kinds, reply, where
from tests.narrowing import not_none, of_type

WAPI = Wapi()
HERE = where(credentials={}, ref={"instance_id": "LITE-1", "token": "TOK"})
NO = {"error": True, "message": "algo"}


def hook(**body: Any) -> WebhookReading:
    return WAPI.read_webhook(HERE, json.dumps({"instanceId": "LITE-1"} | body).encode(), "", NOW)


def test_every_call_names_the_instance_and_carries_its_token() -> None:
    _, asked = drive(WAPI.restart(HERE, NOW), reply({"error": False, "message": "ok"}))
    assert asked[0].headers["authorization"] == "Bearer TOK"
    assert parse_qs(urlsplit(asked[0].url).query) == {"instanceId": ["LITE-1"]}


@pytest.mark.parametrize(("act", "path"), [("restart", "/instance/restart"), ("logout", "/instance/disconnect")])
def test_acts_are_get_and_judged_by_the_body(act: str, path: str) -> None:
    outcome, asked = drive(getattr(WAPI, act)(HERE, NOW), reply({"error": False, "message": "feito"}))
    assert (outcome.answer, asked[0].method) == ("ok", "GET")
    assert urlsplit(asked[0].url).path.endswith(path)
    outcome, _ = drive(getattr(WAPI, act)(HERE, NOW), reply(NO))
    assert (outcome.answer, outcome.detail) == ("no", "algo")


def test_a_second_logout_has_nothing_to_do_and_there_is_no_delete() -> None:
    assert drive(WAPI.logout(HERE, NOW), reply({"error": True, "message": "Já deslogado"}))[0].answer == "noop"
    assert drive(WAPI.delete(HERE, NOW), html())[0].answer == "unsupported"


@pytest.mark.parametrize("field", ["qrcode", "qrCode", "base64", "qr"])
def test_a_code_comes_by_many_names(field: str) -> None:
    outcome, asked = drive(WAPI.connect(HERE, NOW), reply({"error": False, field: "data:image/png;base64,iVBO"}))
    assert outcome.qr is not None
    assert (outcome.answer, outcome.qr.png_base64, kinds(outcome.evidence)[-1]) == ("ok", "iVBO", "qr_shown")
    assert parse_qs(urlsplit(asked[0].url).query)["image"] == ["disable"]


def test_connect_of_a_connected_one_and_pairing_codes() -> None:
    outcome, _ = drive(WAPI.connect(HERE, NOW), reply({"connected": True}))
    assert (outcome.answer, kinds(outcome.evidence)) == ("noop", ["server_answered", "said_open"])
    outcome, asked = drive(WAPI.connect(HERE, NOW, pair_phone="5511"), reply({"error": False, "pairingCode": "AB-CD"}))
    assert outcome.qr is not None
    assert outcome.qr.pairing_code == "AB-CD"
    assert "phoneNumber=5511" in asked[0].url


def test_create_makes_the_instance_ours() -> None:
    outcome, asked = drive(WAPI.create(HERE, NOW), *[reply({"error": False})] * 5, reply({"qrcode": "2@x"}))
    assert outcome.qr is not None
    assert (outcome.answer, outcome.qr.code, len(asked)) == ("ok", "2@x", 6)
    assert [one.method for one in asked[:5]] == ["PUT"] * 5
    assert {json.loads(one.body)["value"] for one in asked[:5]} == {HERE.webhook_url}
    assert len({one.url for one in asked[:5]}) == 5
    outcome, asked = drive(WAPI.create(HERE, NOW), reply({"error": False}), reply(NO))
    assert (outcome.answer, outcome.detail, len(asked)) == ("no", "delivery: algo", 2)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply({"instanceId": "LITE-1", "connected": True}), ["server_answered", "said_open"]),
        (reply({"instanceId": "LITE-1", "connected": False}), ["server_answered", "said_closed"]),
        (reply({"connected": "yes"}), ["server_wrong_kind", "look_failed"]),
        (html(404), ["server_html", "look_failed"]),
        (reply({"message": "Instância não encontrada"}, 404), ["server_answered", "instance_missing"]),
        (reply({"message": "Not Found"}, 404), ["server_wrong_kind", "look_failed"]),
        (reply({"error": True, "message": "Tente"}), ["server_answered", "look_failed"]),
        (reply({"error": True, "message": "Token inválido"}, 403), ["server_auth_refused", "look_failed"]),
    ],
)
def test_what_a_look_sees(answer: HttpResponse, expected: list[str]) -> None:
    assert kinds(drive(WAPI.probe(HERE, NOW, "state"), answer)[0].evidence) == expected


HOOKS = ("Received", "Delivery", "Connected", "Disconnected", "Status")
OURS = dict.fromkeys([f"webhook{one}Url" for one in HOOKS], HERE.webhook_url)


def test_a_deeper_look_reads_whose_phone_it_is_and_where_its_webhooks_go() -> None:
    def looked(row: object) -> list[tuple[str, str]]:
        outcome, _ = drive(WAPI.probe(HERE, NOW, "socket"), reply({"connected": True}), reply(row))
        return [(one.kind, one.data.get("phone") or one.data.get("detail", "")) for one in outcome.evidence[2:]]

    row = {"connectedPhone": "5511955550001", **OURS}
    assert looked(row) == [("identity_seen", "5511955550001"), ("webhook_config_ok", "")]
    assert looked({**row, "webhookStatusUrl": "http://other"})[1] == ("webhook_config_gone", "webhookStatusUrl")
    assert looked([1]) == [], "that it cannot be read is for the check to say"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply({"exists": True}), ["question_asked", "question_answered"]),
        (reply({"error": True, "message": "Connection Closed"}), ["question_asked", "socket_closed"]),
        (reply({"error": True, "message": "Instância desconectada"}, 400), ["question_asked", "socket_closed"]),
        (reply({"error": True, "message": "Número inválido"}, 400), ["question_asked", "question_unanswerable"]),
        (reply({"message": "Not Found"}, 404), ["question_asked", "question_unanswerable"]),
        (reply({"message": "Too many requests"}, 429), ["question_asked", "question_unanswerable"]),
        (reply({"exists": "maybe"}), ["question_asked", "question_unanswerable"]),
        (html(404), ["question_asked"]),
        (reply({"error": "Internal Server Error"}, 500), ["question_asked"]),
        (TransportFailed("no answer", sent="maybe", timed_out=True), ["question_asked", "question_unanswered"]),
    ],
)
def test_of_the_question_that_a_dead_socket_refuses_only_the_refusal_tells(answer: Answer, expected: list[str]) -> None:
    state, row = reply({"connected": True}), reply({"connectedPhone": "5511955550001", **OURS})
    outcome, steps = drive(WAPI.probe(HERE, NOW, "roundtrip"), state, row, answer)
    told = ["server_answered", "said_open", "identity_seen", "webhook_config_ok"]
    assert kinds(outcome.evidence) == ([*expected, *told] if "socket_closed" in expected else [*told, *expected])
    assert (steps[-1].method, urlsplit(steps[-1].url).path[-22:]) == ("GET", "/contacts/phone-exists")
    assert parse_qs(urlsplit(steps[-1].url).query)["phoneNumber"] == ["5511955550001"]


def test_a_line_that_is_not_open_or_has_no_phone_is_not_asked() -> None:
    for state, row in (({"connected": False}, {"connectedPhone": "5511955550001"}), ({"connected": True}, {})):
        assert len(drive(WAPI.probe(HERE, NOW, "roundtrip"), reply(state), reply(row))[1]) == 2


def test_webhooks_are_read_back() -> None:
    row = OURS
    assert kinds(drive(WAPI.check_webhook(HERE, NOW), reply(row))[0].evidence)[-1] == "webhook_config_ok"
    outcome, _ = drive(WAPI.check_webhook(HERE, NOW), reply(row | {"webhookStatusUrl": None}))
    assert (kinds(outcome.evidence)[-1], outcome.detail) == ("webhook_config_gone", "webhookStatusUrl")
    untold = drive(WAPI.check_webhook(HERE, NOW), reply(row | dict.fromkeys(row)))[0].evidence[-1]
    assert (untold.kind, untold.data["untold"]) == ("webhook_config_gone", "yes")
    assert kinds(drive(WAPI.check_webhook(HERE, NOW), reply({"connected": True}))[0].evidence)[-1] == untold.kind
    assert kinds(drive(WAPI.check_webhook(HERE, NOW), reply([1]))[0].evidence)[-1] == "webhook_config_unread"
    assert kinds(drive(WAPI.check_webhook(HERE, NOW), reply({}, 500))[0].evidence)[-1] == "look_failed"


def sent(content: Content, answer: HttpResponse | None = None, **changes: Any) -> tuple[SendOutcome, list[HttpRequest]]:
    answer = answer or reply({"instanceId": "LITE-1", "messageId": "3EB0", "insertedId": "q1"})
    return drive(WAPI.send(HERE, NOW, OutgoingMessage("5511999990001", content, **changes), 75), answer)


@pytest.mark.parametrize(
    ("content", "path", "body"),
    [
        (Content("text", text="oi"), "send-text", {"message": "oi"}),
        (Content("image", text="c", media=Media("image", url="http://m/a")), "send-image",
         {"image": "http://m/a", "caption": "c"}),
        (Content("audio", media=Media("audio", base64="AA")), "send-audio", {"audio": "data:audio/ogg;base64,AA"}),
        (Content("audio", media=Media("audio", url="http://m/a.mp3?x=1")), "send-audio", {"audio": "http://m/a.mp3?x=1"}),
        (Content("document", media=Media("document", url="http://m/a", filename="a.pdf")), "send-document",
         {"document": "http://m/a", "fileName": "a.pdf", "extension": "pdf"}),
    ],
    ids=lambda value: None,
)  # fmt: skip
def test_translations(content: Content, path: str, body: dict[str, str]) -> None:
    outcome, asked = sent(content)
    assert (outcome.certainty, outcome.provider_id, outcome.queue_ref) == ("accepted", "3EB0", "q1")
    assert outcome.queued, "nobody knows yet whether it has left"
    assert urlsplit(asked[0].url).path.endswith(f"/message/{path}")
    assert json.loads(asked[0].body) == body | {"phone": "5511999990001"}


def test_accepted_is_queued_and_proves_no_open_socket() -> None:
    assert kinds(sent(Content("text", text="oi"))[0].evidence) == ["server_answered"]


def test_a_reply_quotes_by_id() -> None:
    assert json.loads(sent(Content("text", text="oi"), quote_provider_id="3EB1")[1][0].body)["messageId"] == "3EB1"


@pytest.mark.parametrize(
    ("content", "changes"),
    [
        (Content("poll"), {}), (Content("location"), {}), (Content("text"), {}),
        (Content("audio", media=Media("audio", url="http://m/a.wav")), {}),
        (Content("image", media=Media("image")), {}),
        (Content("image", media=Media("image", url="http://m/a")), {"quote_provider_id": "3EB1"}),
        (Content("text", text="x"), {"mentions": ("5511",)}),
    ],
)  # fmt: skip
def test_what_it_cannot_say_is_refused_without_a_request(content: Content, changes: dict[str, Any]) -> None:
    outcome, asked = sent(content, **changes)
    assert (outcome.certainty, outcome.fault, asked) == ("refused", "request", [])


@pytest.mark.parametrize(
    ("words", "certainty", "fault"),
    [
        ("Instância desconectada", "not_sent", "socket"),
        ("Você não está conectado", "not_sent", "socket"),
        ("Número inválido", "refused", "invalid-number"),
        ("phone não existe no WhatsApp", "refused", "invalid-number"),
        ("Informe IP ou porta", "not_sent", "server"),
        ("Informe o campo message", "refused", "request"),
    ],
)
def test_a_no_with_200(words: str, certainty: str, fault: str) -> None:
    outcome, _ = sent(Content("text", text="oi"), reply({"error": True, "message": words}))
    assert (outcome.certainty, outcome.fault, outcome.detail) == (certainty, fault, words)


def test_the_queue_tells_what_is_still_there_and_nothing_else() -> None:
    query = SentQuery("5511", Content("text", text="oi"), NOW - 99, queue_ref="q1")
    queue = reply({"data": [{"insertedId": "q0", "messageId": "A"}, {"insertedId": "q1", "messageId": "B"}]})
    outcome, _ = drive(WAPI.look_up(HERE, NOW, query), queue)
    assert (outcome.result, outcome.provider_id, outcome.queued) == ("found", "B", True)
    assert drive(WAPI.look_up(HERE, NOW, query), reply([]))[0].result == "unknown"


def test_an_unknown_entry_for_the_same_chat_may_be_the_one_in_doubt() -> None:
    """Without an entry's id nobody can tell, so it is neither taken for ours nor passed by."""
    query = SentQuery("5511999990001", Content("text", text="oi"), NOW - 99, known_ids=frozenset({"A"}))
    for entry, later in (
        ({"insertedId": "q1", "messageId": "B", "phone": "551199990001"}, True),
        ({"insertedId": "q1", "messageId": "A", "phone": "5511999990001"}, False),
        ({"insertedId": "q1", "messageId": "B", "phone": "5511977776666"}, False),
        ({"insertedId": "q1", "messageId": "B"}, False),
    ):
        outcome, _ = drive(WAPI.look_up(HERE, NOW, query), reply({"messages": [entry]}))
        assert (outcome.result, outcome.later) == ("unknown", later)


QUEUED = {"insertedId": "q1", "messageId": "A"}


@pytest.mark.parametrize(
    ("answer", "ids"),
    [
        (reply([]), set()),
        (reply({"total": 0}), set()),
        (reply({"total": 1, "messages": [QUEUED]}), {"q1", "A"}),
        (reply({"data": [{"_id": "q2", "messageid": "B"}, QUEUED]}), {"q1", "A", "q2", "B"}),
        (reply({"total": 9, "messages": [QUEUED]}), None),
        (reply({}), None),
        (reply({"error": True, "message": "Instância não encontrada"}), None),
        (reply({"message": "later"}, 503), None),
        (html(404), None),
        (TransportFailed("no answer", sent="maybe", timed_out=True), None),
    ],
)
def test_its_queue_is_read_whole_or_not_at_all(answer: Answer, ids: set[str] | None) -> None:
    outcome, asked = drive(WAPI.read_queue(HERE, NOW), answer)
    assert outcome.ids == (None if ids is None else frozenset(ids))
    assert urlsplit(asked[0].url).path.endswith("/quere/quere")
    assert bool(outcome.detail) == (ids is None)


def test_the_log_of_deliveries_fills_gaps() -> None:
    one = {"event": "webhookReceived", "instanceId": "LITE-1", "messageId": "A", "fromMe": False,
           "chat": {"id": "5511988887777"},
           "moment": NOW - 50, "msgContent": {"conversation": "um"}}  # fmt: skip
    two = json.dumps(one | {"messageId": "B", "moment": NOW - 80})
    old = one | {"messageId": "C", "moment": NOW - 5000}
    reading, asked = drive(WAPI.history(HERE, NOW, NOW - 100), reply({"logs": [{"data": one}, {"body": two}, old]}))
    assert [event.provider_id for event in reading.events] == ["B", "A"]
    assert len(asked) == 1


RECEIVED = {
    "event": "webhookReceived", "messageId": "3EB0", "fromMe": False, "isGroup": False, "moment": NOW - 5,
    "chat": {"id": "5511988887777"}, "sender": {"id": "5511988887777", "pushName": "Ana", "senderLid": "77@lid"},
    "msgContent": {"conversation": "oi"},
}  # fmt: skip


def lowered(value: Any) -> Any:
    return {key.lower(): lowered(held) for key, held in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize("form", [dict, lowered, lambda body: {k: v for k, v in body.items() if k != "event"}])
def test_a_message_in_its_forms(form: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    reading = hook(**form(RECEIVED))
    event = of_type(ReceivedMessage, reading.events[0])
    assert (event.chat, event.content.text, event.push_name, event.chat_lid) == ("5511988887777", "oi", "Ana", "77@lid")
    assert (reading.evidence[0].kind, reading.evidence[0].happened_at) == ("message_received", NOW - 5)


@pytest.mark.parametrize(
    ("chat", "expected"),
    [("5511988887777@c.us", "5511988887777"), ("5511988887777@s.whatsapp.net", "5511988887777"),
     ("99@lid", "5511988887777"), ("1203@g.us", "1203@g.us"), ("status", "status")],
)  # fmt: skip
def test_chats(chat: str, expected: str) -> None:
    assert hook(**RECEIVED | {"chat": {"id": chat}}).events[0].chat == expected


def test_ours_by_api_by_phone_and_untold() -> None:
    base = RECEIVED | {"event": "webhookDelivery", "fromMe": True}
    echo = hook(**base | {"fromApi": True})
    assert (type(echo.events[0]), echo.evidence) == (SendEcho, ())
    assert kinds(hook(**base | {"fromApi": False}).evidence) == ["phone_echo_received"]
    assert hook(**base).evidence == ()


@pytest.mark.parametrize(
    ("status", "state", "evidence"),
    [("SERVER_ACK", "server", "server_ack_received"), ("DELIVERY_ACK", "device", "receipt_received"),
     ("READ", "read", "receipt_received"), ("PLAYED", "played", "receipt_received"), ("ERROR", "error", "ack_error")],
)  # fmt: skip
def test_statuses(status: str, state: str, evidence: str) -> None:
    body = {"event": "webhookStatus", "status": status, "messageId": "3EB0", "fromMe": True, "moment": NOW - 900}
    reading = hook(**body)
    assert (of_type(Receipt, reading.events[0]).state, kinds(reading.evidence)) == (state, [evidence])
    assert reading.evidence[0].happened_at == NOW - 900
    assert hook(**body | {"fromMe": False}).evidence == ()
    assert hook(**body | {"status": "LEVITATED"}).events == ()


def test_connection_events_and_a_moment_in_milliseconds() -> None:
    reading = hook(event="webhookConnected", connected=True, connectedPhone="5511955550001", moment=(NOW - 9) * 1000)
    assert kinds(reading.evidence) == ["said_open", "identity_seen"]
    assert reading.evidence[0].happened_at == NOW - 9
    assert kinds(hook(event="webhookDisconnected", connected=False).evidence) == ["said_closed"]
    assert kinds(hook(connected=False).evidence) == ["said_closed"]
    assert not_none(hook(event="webhookQrCode", qrCode="2@x").qr).code == "2@x"


def test_an_event_of_another_instance_is_not_ours() -> None:
    reading = hook(**RECEIVED | {"instanceId": "LITE-2"})
    assert (reading.events, reading.evidence, reading.note) == ((), (), "for another instance")
