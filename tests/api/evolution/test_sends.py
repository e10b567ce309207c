"""Every send call of the door, in v2's form, in v1's, and as a form with a file: what is answered, and what the server
behind it receives."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import Any

import pytest

from esteio.api.http.large_bodies import PLACES
from esteio.config import Door
from esteio.core.model.session import Session
from esteio.core.webhooks.evolution_names import instance_id
from esteio.engine.commands.messages import MessageCommands
from tests.api.evolution.send_stage import CUSTOMER, JID, PICTURE, Stage, at_door

B64 = b64encode(PICTURE).decode()
SECTIONS = [{"title": "s", "rows": [{"title": "r", "description": "d", "rowId": "1"}]}]
CARD = {"fullName": "Fulano", "wuid": "5511988887777", "phoneNumber": "+55 11 98888-7777", "organization": "Esteio"}
BUTTONS = [
    {"type": "reply", "displayText": "Sim", "id": "1"},
    {"type": "url", "displayText": "Site", "url": "https://x"},
]
LIST = {"title": "t", "description": "d", "buttonText": "b", "footerText": "f", "sections": SECTIONS}
STATUS = {"type": "text", "content": "promo", "backgroundColor": "#008000", "font": 1, "statusJidList": [CUSTOMER]}

TEXT = {"text": "oi", "linkPreview": False}
IMAGE = {"mediatype": "image", "media": B64, "caption": "c"}
PAPER = {"mediatype": "document", "media": B64, "fileName": "a.bin"}
PLACE = {"latitude": -23.5, "longitude": -46.5, "name": "Loja", "address": "Rua 1"}
POLL = {"name": "Qual?", "selectableCount": 1, "values": ["a", "b"]}
OFFER = {"title": "t", "description": "d", "footer": "f", "buttons": BUTTONS}
STORY = {"type": "image", "content": B64, "caption": "c", "allContacts": True}
OLD_TEXT = {"textMessage": {"text": "oi"}, "options": {"delay": 5, "linkPreview": False}}
OLD_AUDIO = {"audioMessage": {"audio": B64}, "options": {"encoding": False}}
OLD_BUTTONS = {"buttonMessage": {"title": "t", "description": "d", "footerText": "f", "buttons": BUTTONS}}

CASES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("sendText", {**TEXT, "delay": 1200}, {**TEXT, "delay": 1200}, "conversation"),
    ("sendText", OLD_TEXT, {**TEXT, "delay": 5}, "conversation"),
    ("sendMedia", IMAGE, IMAGE, "imageMessage"),
    ("sendMedia", {"mediaMessage": PAPER}, PAPER, "documentMessage"),
    ("sendMedia", {"mediatype": "audio", "media": B64}, {"mediatype": "audio", "media": B64}, "audioMessage"),
    ("sendPtv", {"video": B64}, {"video": B64}, "videoMessage"),
    ("sendWhatsAppAudio", {"audio": B64, "encoding": True}, {"audio": B64, "encoding": True}, "audioMessage"),
    ("sendWhatsAppAudio", OLD_AUDIO, {"audio": B64, "encoding": False}, "audioMessage"),
    ("sendSticker", {"sticker": B64}, {"sticker": B64}, "stickerMessage"),
    ("sendSticker", {"stickerMessage": {"image": B64}}, {"sticker": B64}, "stickerMessage"),
    ("sendLocation", PLACE, PLACE, "locationMessage"),
    ("sendLocation", {"locationMessage": PLACE}, PLACE, "locationMessage"),
    ("sendContact", {"contact": [CARD]}, {"contact": [CARD]}, "contactMessage"),
    ("sendContact", {"contactMessage": [CARD]}, {"contact": [CARD]}, "contactMessage"),
    ("sendPoll", POLL, POLL, "pollCreationMessageV3"),
    (
        "sendPoll",
        {"pollMessage": {**POLL, "selectableCount": 0}},
        {**POLL, "selectableCount": 2},
        "pollCreationMessageV3",
    ),
    ("sendList", LIST, LIST, "listMessage"),
    ("sendList", {"listMessage": LIST}, LIST, "listMessage"),
    ("sendButtons", OFFER, OFFER, "viewOnceMessage"),
    ("sendButtons", OLD_BUTTONS, OFFER, "viewOnceMessage"),
    ("sendStatus", STATUS, STATUS, "conversation"),
    ("sendStatus", {"statusMessage": STORY}, STORY, "imageMessage"),
]


@pytest.mark.parametrize(
    ("name", "body", "received", "kind"), CASES, ids=[f"{one[0]}-{at}" for at, one in enumerate(CASES)]
)
def test_each_call_is_taken_and_received(name: str, body: dict[str, Any], received: dict[str, Any], kind: str) -> None:
    async def story(stage: Stage) -> None:
        told = await stage.sent(name, {"number": CUSTOMER, "nobodyKnows": 1, **body})
        assert list(told)[:4] == ["key", "pushName", "status", "message"]
        assert [part for part in told if part not in ("contextInfo", "providerId")][4:] == [
            "messageType",
            "messageTimestamp",
            "instanceId",
            "source",
        ]
        chat = "status@broadcast" if name == "sendStatus" else JID
        assert told["key"] == {"remoteJid": chat, "fromMe": True, "id": (await stage.message(told)).id}
        assert (told["pushName"], told["status"], told["messageType"]) == ("Você", "PENDING", kind)
        assert told["instanceId"] == instance_id(await stage.lab.session("loja"))
        assert stage.sends[0][0] == name
        assert stage.sends[0][1] == stage.sends[0][1] | received
        assert len(stage.sends) == 1
        if name != "sendList":
            assert told["providerId"] == (await stage.settled(told)).provider_id

    at_door(story)


def test_a_file_of_a_form_with_its_numbers_as_text() -> None:
    async def story(stage: Stage) -> None:
        file = {"file": ("foto.jpg", PICTURE, "image/jpeg")}
        form = {"number": CUSTOMER, "delay": "5", "mediatype": "image", "caption": "c", "mentionsEveryOne": "false"}
        told = await stage.sent("sendMedia", data=form, files=file)
        assert told["messageType"] == "imageMessage"
        assert told["message"]["imageMessage"]["mimetype"] == "image/jpeg"
        assert await stage.lab.media_store.get((await stage.message(told)).content.media.stored) == PICTURE  # type: ignore[union-attr, arg-type]
        for name, field in (("sendPtv", "video"), ("sendWhatsAppAudio", "audio"), ("sendSticker", "sticker")):
            await stage.sent(name, data={"number": CUSTOMER, "delay": "7"}, files=file)
            assert stage.sends[-1] == (name, {"number": CUSTOMER, "delay": 7, field: B64})
        await stage.sent("sendStatus", data={"type": "image", "allContacts": "true"}, files=file)
        assert stage.sends[-1][1] == {"type": "image", "content": B64, "allContacts": True}
        expected = {"number": CUSTOMER, "media": B64, "mediatype": "image", "delay": 5, "mentionsEveryOne": False}
        assert stage.sends[0] == (
            "sendMedia",
            {**expected, "caption": "c", "mimetype": "image/jpeg", "fileName": "foto.jpg"},
        )

    at_door(story)


def test_a_form_without_a_file_and_one_that_is_none() -> None:
    async def story(stage: Stage) -> None:
        await stage.sent("sendText", data={"number": CUSTOMER, "text": "oi", "quoted": '{"key": {"id": "X1"}}'})
        assert stage.sends[-1][1] == {"number": CUSTOMER, "text": "oi", "quoted": {"key": {"id": "X1"}}}
        for body in (b"--x\r\n", b"no form", b"--x\r\nContent-Disposition: form-data\r\n\r\n--x--"):
            headers = {"content-type": "multipart/form-data; boundary=x"}
            assert (await stage.call("sendMedia", body, headers=headers)).status_code == 400

    at_door(story)


@pytest.mark.parametrize(
    ("number", "jid"),
    [
        ("+55 (11) 98888-7777", "5511988887777@s.whatsapp.net"),
        ("5511988887777@s.whatsapp.net", "5511988887777@s.whatsapp.net"),
        ("5511988887777:12@s.whatsapp.net", "5511988887777@s.whatsapp.net"),
        (5511988887777, "5511988887777@s.whatsapp.net"),
        ("5548999998888", "554899998888@s.whatsapp.net"),
        ("5521999998888", "5521999998888@s.whatsapp.net"),
        ("5215512345678", "525512345678@s.whatsapp.net"),
        ("5491122334455", "541122334455@s.whatsapp.net"),
        ("123456789012345@lid", "123456789012345@lid"),
        ("1 415 555 2671", "14155552671@s.whatsapp.net"),
    ],
)
def test_a_number_is_read_as_evolution_reads_it(number: Any, jid: str) -> None:
    async def story(stage: Stage) -> None:
        told = await stage.sent("sendText", {"number": number, "text": "oi"})
        assert told["key"]["remoteJid"] == jid
        await stage.settled(told)

    at_door(story)


def test_mentions_are_told_in_groups_only() -> None:
    async def story(stage: Stage) -> None:
        stage.lab.world.groups.add("120363041234567890@g.us")
        body = {"text": "oi", "mentioned": ["5511988887777"], "mentionsEveryOne": True}
        told = await stage.sent("sendText", {"number": "120363041234567890@g.us", **body})
        assert stage.sends[-1][1]["mentioned"] == ["5511988887777"]
        assert stage.sends[-1][1]["mentionsEveryOne"] is True
        assert told["contextInfo"]["mentionedJid"] == ["5511988887777@s.whatsapp.net"]
        await stage.sent(
            "sendText", {"number": CUSTOMER, "options": {"mentions": {"everyOne": True, "mentioned": ["5"]}}, **body}
        )
        assert "mentioned" not in stage.sends[-1][1]

    at_door(story)


def test_of_large_bodies_a_few_are_taken_in_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    at_work: list[str] = []
    most: list[int] = []
    real = MessageCommands.send

    async def slow(self: MessageCommands, session: Session, request: Any, **more: Any) -> Any:
        if request.media is None:
            return await real(self, session, request, **more)
        at_work.append(session.name)
        most.append(len(at_work))
        await asyncio.sleep(1)
        at_work.pop()
        return await real(self, session, request, **more)

    async def story(stage: Stage) -> None:
        large = {"number": CUSTOMER, "mediatype": "document", "media": "A" * 1_200_000, "fileName": "a.bin"}
        taken = [asyncio.create_task(stage.sent("sendMedia", {**large, "caption": str(one)})) for one in range(6)]
        await asyncio.sleep(0.5)
        await stage.sent("sendText", {"number": CUSTOMER, "text": "not behind them"})
        assert not any(one.done() for one in taken)
        await asyncio.gather(*taken)
        assert max(most) == PLACES

    monkeypatch.setattr(MessageCommands, "send", slow)
    at_door(story, door=Door(wait_s=0))
