"""Whatever a body holds, a send at the door is taken or refused: never a failure of ours."""

from __future__ import annotations

from typing import Any

import pytest

from esteio.config import Door
from tests.api.evolution.send_stage import CUSTOMER, JID, Stage, at_door

DEEP: Any = []
for _ in range(60):
    DEEP = [DEEP]
JUNK: list[Any] = [
    *(None, True, 0, -1, 1.5, 10**30, 2**63, "", " ", "x", "5" * 400, "\u0000", "ﾟ", "true", "1e999", "nan"),
    *(
        [],
        [None],
        [[]],
        ["x"],
        [5],
        [{}],
        {},
        {"x": {}},
        {"key": {}},
        {"key": {"id": "a"}},
        DEEP,
        [10**40],
        {"a": 10**40},
    ),
    *({"text": 5}, [{"rows": 5}], [{"rows": [5]}], [{"fullName": 1, "phoneNumber": []}]),
    *(
        [{"fullName": "a", "phoneNumber": "b"}],
        "http://",
        "http://[",
        "https://files.example:0/a",
        "data:,",
        "AAAA",
        "A",
    ),
]
BODIES: dict[str, dict[str, Any]] = {
    "sendText": {
        "text": "oi",
        "delay": 1,
        "linkPreview": True,
        "quoted": {},
        "mentioned": [],
        "options": {},
        "textMessage": {},
    },
    "sendMedia": {
        "mediatype": "image",
        "media": "AAAA",
        "caption": "c",
        "fileName": "a",
        "mimetype": "image/png",
        "mediaMessage": {},
    },
    "sendPtv": {"video": "AAAA"},
    "sendWhatsAppAudio": {"audio": "AAAA", "audioMessage": {}, "encoding": True},
    "sendSticker": {"sticker": "AAAA", "stickerMessage": {}},
    "sendLocation": {"latitude": 1, "longitude": 2, "name": "a", "address": "b"},
    "sendContact": {"contact": [{"fullName": "a", "phoneNumber": "5511988887777", "wuid": "x"}], "contactMessage": []},
    "sendPoll": {"name": "a", "selectableCount": 1, "values": ["a", "b"]},
    "sendReaction": {"key": {"id": "x", "remoteJid": JID, "fromMe": False}, "reaction": "x"},
    "sendList": {"title": "t", "description": "d", "buttonText": "b", "footerText": "f", "sections": []},
    "sendButtons": {
        "title": "t",
        "description": "d",
        "footer": "f",
        "buttons": [{"type": "reply"}],
        "thumbnailUrl": "x",
    },
    "sendTemplate": {"name": "t", "language": "pt", "components": []},
    "sendStatus": {
        "type": "text",
        "content": "x",
        "allContacts": True,
        "backgroundColor": "#000",
        "font": 1,
        "caption": "c",
    },
}


@pytest.mark.parametrize("name", sorted(BODIES))
def test_each_field_with_anything_in_it(name: str) -> None:
    async def story(stage: Stage) -> None:
        await stage.lab.commands.operator_actions.pause("loja", "a test")
        good = {"number": CUSTOMER, **BODIES[name]}
        for field in good:
            for junk in JUNK:
                answer = await stage.call(name, {**good, field: junk})
                assert answer.status_code in (201, 400, 413), (field, junk, answer.text)
                told = answer.json()
                assert "key" in told if answer.status_code == 201 else told["response"]["message"], (field, junk)

    at_door(story, door=Door(wait_s=0))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"5", b"null", b'"x"', b"\xff\xfe", b"{", b"[" * 100_000, b'{"number": 1e999}']
)
def test_bodies_that_are_no_object(body: bytes) -> None:
    async def story(stage: Stage) -> None:
        for name in BODIES:
            assert (await stage.call(name, body)).status_code == 400

    at_door(story)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (b'"oi \\ud83d"', "oi \ufffd"),
        (b'"\\ude00 oi \\ud83d\\ude00"', "\ufffd oi \U0001f600"),
        (b'"o\\u0000i \\\\u0000"', "oi \\u0000"),
        (b'"ol\xc3\xa1"', "ol\xe1"),
    ],
    ids=["half an emoji", "its other half", "U+0000", "a byte order mark"],
)
def test_what_javascript_reads_is_read(said: bytes, text: str) -> None:
    async def story(stage: Stage) -> None:
        told = await stage.sent("sendText", b'\xef\xbb\xbf{"number": "%s", "text": %s}' % (CUSTOMER.encode(), said))
        assert (await stage.settled(told)).content.text == text
        assert stage.sends[-1][1]["text"] == text

    at_door(story)


@pytest.mark.parametrize(
    "body", [b'{"a": NaN, "b": "\\ud83d"}', b'{"b": "\\ud83d"', b"[" * 100_000 + b'"\\ud83d"', b"\xef\xbb\xbf"]
)
def test_what_no_javascript_reads_stays_refused(body: bytes) -> None:
    async def story(stage: Stage) -> None:
        assert (await stage.call("sendText", body)).status_code == 400
        assert stage.sends == []

    at_door(story)
