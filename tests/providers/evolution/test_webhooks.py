"""Evolution's webhooks in the forms that the recordings do not hold."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from esteio.core.model.inbound import DeletedMessage, EditedMessage, InboundEvent, Receipt, ReceivedMessage, SendEcho
from esteio.providers.base import WebhookReading
from esteio.providers.evolution import Evolution
from esteio.testing.stepping import NOW, kinds, where
from tests.narrowing import not_none, of_type

EVOLUTION = Evolution()
KEY = {"remoteJid": "5511988887777@s.whatsapp.net", "fromMe": False, "id": "3EB0A"}


def written(at: float, hours: float = 0.0) -> str:
    """The envelope's time: local, with a false Z."""
    return (datetime.fromtimestamp(at, UTC) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def read(
    event: str | None,
    data: list[dict[str, Any]] | dict[str, Any],
    *,
    now: float = NOW,
    path: str = "",
    **envelope: str | None,
) -> WebhookReading:
    body = {"event": event, "instance": "s1", "data": data, "date_time": written(NOW)} | envelope
    body = {name: value for name, value in body.items() if value is not None}
    return EVOLUTION.read_webhook(where(), json.dumps(body).encode(), path, now)


def told(message: dict[str, Any], **changes: Any) -> InboundEvent:
    key = KEY | changes.pop("key", {})
    reading = read("messages.upsert", {"key": key, "message": message, "messageTimestamp": NOW - 3, **changes})
    return reading.events[0]


def upsert(message: dict[str, Any], **changes: Any) -> ReceivedMessage:
    return of_type(ReceivedMessage, told(message, **changes))


@pytest.mark.parametrize("zone", [0, -3, -4.5, 5.5, 13, -11])
@pytest.mark.parametrize("late", [0.0, 5.0, 300.0, 1400.0])
def test_a_late_event_is_dated_when_it_happened_whatever_the_servers_zone(zone: float, late: float) -> None:
    happened = NOW - late
    data = {"keyId": "3EB0", "remoteJid": KEY["remoteJid"], "fromMe": True, "status": "DELIVERY_ACK"}
    reading = read("messages.update", data, date_time=written(happened, zone))
    assert reading.evidence[0].kind == "receipt_received"
    assert reading.evidence[0].happened_at == pytest.approx(happened, abs=0.01)
    assert reading.events[0].happened_at == pytest.approx(happened, abs=0.01)


def test_a_clock_ahead_is_now_and_no_clock_is_as_old_as_can_be() -> None:
    assert read("application.startup", {}, date_time=written(NOW + 20)).evidence[0].happened_at == NOW
    assert read("application.startup", {}, date_time=None).evidence[0].happened_at == NOW - 1500


@pytest.mark.parametrize(
    ("event", "path"),
    [("CONNECTION_UPDATE", ""), ("connection.update", "/in/t/connection-update"), (None, "/in/t/connection-update"),
     (None, "/in/t")],
)  # fmt: skip
def test_the_event_is_known_by_any_of_its_names(event: str | None, path: str) -> None:
    reading = read(event, {"instance": "s1", "state": "connecting", "statusReason": 200}, path=path)
    assert kinds(reading.evidence) == ["said_connecting"]


def test_lower_case_keys_are_read() -> None:
    data = {"key": {"remotejid": KEY["remoteJid"], "fromme": False, "id": "3"}, "message": {"conversation": "oi"},
            "messagetimestamp": NOW}  # fmt: skip
    assert of_type(ReceivedMessage, read("messages.upsert", data).events[0]).content.text == "oi"


@pytest.mark.parametrize(("code", "kind"), [(401, "logged_out"), (402, "temp_banned"), (403, "banned"), (406, "banned"),
                                            (405, "outdated"), (440, "replaced")])  # fmt: skip
def test_terminal_codes(code: int, kind: str) -> None:
    reading = read("connection.update", {"state": "close", "statusReason": code})
    assert kinds(reading.evidence) == ["said_closed", kind]
    assert reading.evidence[1].source == "webhook"


def test_other_codes_and_unknown_words_end_nothing() -> None:
    assert kinds(read("connection.update", {"state": "close", "statusReason": 428}).evidence) == ["said_closed"]
    reading = read("connection.update", {"state": "dreaming", "statusReason": 401})
    assert (kinds(reading.evidence), reading.evidence[0].data["state"]) == (["said_unknown"], "dreaming")


def test_the_qr_limit_is_no_code() -> None:
    reading = read("qrcode.updated", {"message": "QR code limit reached, please login again", "statusCode": 500})
    assert (kinds(reading.evidence), reading.qr) == (["qr_limit"], None)


def test_a_code_that_comes_surely_too_late_is_not_shown() -> None:
    data = {"qrcode": {"code": "2@x", "base64": "data:image/png;base64,AA"}}
    assert not_none(read("qrcode.updated", data).qr).png_base64 == "AA"
    late = read("qrcode.updated", data, date_time=written(NOW - 400, -3))
    assert (kinds(late.evidence), late.qr) == (["qr_shown"], None)
    assert read("qrcode.updated", data, date_time=written(NOW, 5.75)).qr is not None  # a quarter-hour zone


def test_an_event_of_another_instance_is_not_ours() -> None:
    reading = read("connection.update", {"state": "close", "statusReason": 401}, instance="other")
    assert (reading.readable, reading.evidence, reading.note) == (True, (), "for another instance")


MEDIA_CASES = [
    ({"imageMessage": {"caption": "c", "mimetype": "image/png", "fileLength": {"low": 10, "high": 0}}, "base64": "AA"},
     ("image", "c", "AA", None, 10)),
    ({"documentWithCaptionMessage": {"message": {"documentMessage": {"fileName": "a.pdf", "caption": "c"}}},
      "mediaUrl": "http://s3/a"}, ("document", "c", None, "http://s3/a", None)),
    ({"audioMessage": {"url": "https://mmg.whatsapp.net/x.enc", "fileLength": "7"}}, ("audio", None, None, None, 7)),
    ({"viewOnceMessageV2": {"message": {"videoMessage": {}}}}, ("video", None, None, None, None)),
    ({"stickerMessage": {}}, ("sticker", None, None, None, None)),
]  # fmt: skip


@pytest.mark.parametrize(("message", "expected"), MEDIA_CASES, ids=lambda value: None)
def test_media(message: dict[str, Any], expected: tuple[str, str | None, str | None, str | None, int | None]) -> None:
    content = upsert(message).content
    assert content.media is not None
    assert (content.kind, content.text, content.media.base64, content.media.url, content.media.size) == expected


def test_texts_and_other_kinds() -> None:
    assert upsert({"extendedTextMessage": {"text": "oi"}}).content.text == "oi"
    assert upsert({"ephemeralMessage": {"message": {"conversation": "some"}}}).content.text == "some"
    assert (
        not_none(
            upsert({"liveLocationMessage": {"degreesLatitude": 1, "degreesLongitude": 2}}).content.location
        ).latitude
        == 1
    )
    vcard = "BEGIN:VCARD\nTEL;type=CELL:+55 11 9\nEND:VCARD"
    contact = upsert({"contactsArrayMessage": {"contacts": [{"displayName": "A", "vcard": vcard}]}}).content.contacts[0]
    assert (contact.name, contact.phone) == ("A", "55119")
    assert upsert({"listResponseMessage": {"title": "Sim"}}).content.text == "Sim"
    strange = upsert({"newThingMessage": {"text": "?"}}).content
    assert (strange.kind, strange.text) == ("unknown", "?")


def test_groups_lids_and_quotes() -> None:
    group = upsert({"conversation": "x"}, key={"remoteJid": "1203@g.us", "participant": "77@lid",
                                               "participantAlt": "5511977776666:3@s.whatsapp.net"})  # fmt: skip
    assert (group.chat, group.sender) == ("1203@g.us", "5511977776666")
    lid = upsert({"conversation": "x"}, key={"remoteJid": "77@lid", "remoteJidAlt": "5511977776666@s.whatsapp.net"})
    assert (lid.chat, lid.chat_lid, lid.sender) == ("5511977776666", "77@lid", "5511977776666")
    assert upsert({"conversation": "x"}, key={"remoteJid": "77@lid"}).chat == "77@lid"
    assert upsert({"conversation": "x"}, contextInfo={"stanzaId": "3EBQ"}).quoted_provider_id == "3EBQ"
    inside = {"extendedTextMessage": {"text": "x", "contextInfo": {"stanzaId": "3EBR"}}}
    assert upsert(inside).quoted_provider_id == "3EBR"


def test_a_message_from_the_phone_and_one_that_brings_its_own_age() -> None:
    data = {"key": KEY | {"fromMe": True}, "message": {"conversation": "x"}, "messageTimestamp": str(int(NOW - 7200))}
    reading = read("messages.upsert", [data])
    assert (kinds(reading.evidence), reading.evidence[0].happened_at) == (["phone_echo_received"], NOW - 7200)
    assert of_type(ReceivedMessage, reading.events[0]).from_me


def test_a_message_without_a_time_proves_nothing() -> None:
    reading = read("messages.upsert", {"key": KEY, "message": {"conversation": "x"}})
    assert (reading.evidence, len(reading.events)) == ((), 1)


def test_edits_and_revokes_in_every_form() -> None:
    protocol = {"protocolMessage": {"key": {"id": "T"}, "type": "REVOKE"}}
    assert isinstance(told(protocol), DeletedMessage)
    edit = {"protocolMessage": {"key": {"id": "T"}, "type": 14, "editedMessage": {"conversation": "novo"}}}
    event = of_type(EditedMessage, told({"editedMessage": {"message": edit}}))
    assert (type(event), event.provider_id, event.text) == (EditedMessage, "T", "novo")


def test_server_ack_never_proves_and_463_is_about_one_message() -> None:
    base = {"keyId": "3EB0", "remoteJid": KEY["remoteJid"], "fromMe": True}
    reading = read("messages.update", base | {"status": "SERVER_ACK"})
    assert reading.evidence == ()
    assert (of_type(Receipt, reading.events[0]).state, of_type(Receipt, reading.events[0]).proves) == ("server", False)
    reading = read("messages.update", [base | {"status": "ERROR", "messageStubParameters": ["463"]}])
    assert (kinds(reading.evidence), reading.evidence[0].data["code"]) == (["ack_error"], "463")
    assert of_type(Receipt, reading.events[0]).error_code == "463"
    theirs = read("messages.update", base | {"fromMe": False, "status": "READ"})
    assert (theirs.evidence, of_type(Receipt, theirs.events[0]).from_me) == ((), False)
    assert isinstance(read("messages.update", base | {"status": 3}).events[0], Receipt)


def test_shape_tells_where_no_name_does() -> None:
    data = {"key": KEY | {"fromMe": True}, "message": {"conversation": "x"}, "status": "PENDING"}
    assert isinstance(read(None, data).events[0], SendEcho)
    assert isinstance(read(None, data | {"status": "DELIVERY_ACK"}).events[0], ReceivedMessage)
    assert not read(None, {"what": 1}).readable


def test_several_envelopes_in_one_body() -> None:
    one = {"event": "connection.update", "instance": "s1", "data": {"state": "open"}, "date_time": written(NOW)}
    reading = EVOLUTION.read_webhook(where(), json.dumps([one, {"x": 1}, one]).encode(), "", NOW)
    assert (reading.readable, kinds(reading.evidence)) == (True, ["said_open", "said_open"])
