"""The bytes of a message's media, by its id: what is kept here, else the server's."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from esteio.api.evolution import media as door_media
from esteio.core.model.content import Media
from esteio.core.model.ids import MessageId
from esteio.engine.commands.requests import MediaRequest, MessageRequest
from esteio.providers.base import HttpResponse
from esteio.sim.lab import Lab
from esteio.sim.world.instance import Instance
from tests.api.evolution.door_stage import CUSTOMER, PHONE, Client, client, down, play, sent, settled
from tests.api.evolution.lookups.test_ids import Overheard

ROUTE = "/chat/getBase64FromMediaMessage/{}"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
ITS_OWN = HttpResponse(201, {"content-type": "application/json"}, b'{"mediaType":"audioMessage","base64":"AAAA"}')


def wanted(ident: str, **more: object) -> dict[str, Any]:
    return {"message": {"key": {"id": ident}}, **more}


async def picture(lab: Lab, session: str = "loja") -> str:
    """A picture that went out, kept here; our id."""
    media = MediaRequest("image", base64=base64.b64encode(PNG).decode(), filename="ponto.png", mime="image/png")
    ident = await lab.ask_message(session, MessageRequest(CUSTOMER, media=media, caption="legenda"))
    assert await settled(lab, ident) in ("sent", "delivered", "read")
    return ident


async def forgotten(lab: Lab, ident: str) -> None:
    """Its bytes are kept no longer."""
    content = (await lab.message(ident)).content
    assert content.media is not None
    await lab.media_store.drop([content.media.stored or ""], lab.clock.now())


def test_what_went_out_is_answered_from_what_is_kept_even_while_the_server_is_away() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        ident = await picture(lab)
        await down(lab)
        answer = await app.call("POST", ROUTE, wanted(ident))
        assert answer.status_code == 201
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert answer.json() == {
            "mediaType": "imageMessage",
            "fileName": "ponto.png",
            "caption": "legenda",
            "size": {"fileLength": str(len(PNG)), "height": None, "width": None},
            "mimetype": "image/png",
            "base64": base64.b64encode(PNG).decode(),
            "buffer": None,
        }
        assert list(answer.json())[:2] == ["mediaType", "fileName"]

    play(story)


def test_what_came_in_is_answered_by_the_providers_id_with_whatever_stands_beside_it() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        other = await picture(lab)
        data = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 1_600
        theirs = lab.world.contact_sends(PHONE, CUSTOMER, "veja", "image", data=data)
        await asyncio.sleep(5)
        heard = Overheard(lab, "getBase64")
        body = {"message": {"key": {"id": theirs}, "contextInfo": {"stanzaId": other}}}
        told = await app.said(201, "POST", ROUTE, body)
        assert base64.b64decode(told["base64"]) == data
        assert heard.asked == []

    play(story)


def test_bytes_that_are_not_kept_are_asked_of_the_server_by_its_id() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        ident = await picture(lab)
        heard = Overheard(lab, "getBase64")
        heard.answer = ITS_OWN
        film = wanted(ident, convertToMp4=True)
        assert (await app.said(201, "POST", ROUTE, film))["base64"] == "AAAA"
        await forgotten(lab, ident)
        assert (await app.said(201, "POST", ROUTE, wanted(ident)))["base64"] == "AAAA"
        theirs = (await lab.message(ident)).provider_id or ""
        assert heard.bodies == [wanted(theirs, convertToMp4=True), wanted(theirs)]
        heard.answer = None
        await down(lab)
        assert await app.refused(502, "POST", ROUTE, wanted(ident))

    play(story)


def test_a_message_without_media_and_an_unknown_one_are_refused_as_there() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        ident = await sent(lab)
        assert await app.refused(400, "POST", ROUTE, wanted(ident)) == "The message is not of the media type"
        for body in (wanted("nobody"), {"message": {"key": 5}}, {"message": 5}):
            heard = Overheard(lab, "getBase64")
            heard.answer = HttpResponse(400, {}, b'{"status":400,"response":{"message":["Message not found"]}}')
            assert await app.refused(400, "POST", ROUTE, body) == "Message not found"

    play(story)


def test_what_a_row_holds_as_base64_is_answered_too() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        for data in (b"", b"a", b"ab", b"abc"):
            ident = await picture(lab)
            content = (await lab.message(ident)).content
            media = Media("document", base64=base64.b64encode(data).decode())
            held = type(content)("document", media=media)
            await lab.store.messages.put_content(MessageId(ident), held)
            told = await app.said(201, "POST", ROUTE, wanted(ident))
            assert base64.b64decode(told["base64"]) == data
            assert told["size"]["fileLength"] == str(len(data))

    play(story)


def test_where_no_server_can_be_asked_the_reason_is_told() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        await lab.add_server("outro", "wapi")
        await lab.adopt("outro", "terceira", "5511944443333")
        other = await client(lab, "terceira")
        ident = await picture(lab, "terceira")
        assert base64.b64decode((await other.said(201, "POST", ROUTE, wanted(ident)))["base64"]) == PNG
        assert await app.refused(400, "POST", ROUTE, wanted(ident)) == "Message not found", "of another session"
        await forgotten(lab, ident)
        assert await other.refused(410, "POST", ROUTE, wanted(ident))
        content = (await lab.message(ident)).content
        for media, status in ((Media("image", fetching=True), 409), (None, 410)):
            held = type(content)("image", media=media)
            await lab.store.messages.put_content(MessageId(ident), held)
            assert await other.refused(status, "POST", ROUTE, wanted(ident))

    play(story)


def test_a_file_that_goes_while_it_is_read_breaks_the_answer_off() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        ident = await picture(lab)
        message = await lab.message(ident)
        kept = await door_media._kept(lab.media_store, message)
        assert kept is not None
        await forgotten(lab, ident)
        pieces: list[bytes] = []

        async def write(piece: bytes) -> None:
            pieces.append(piece)

        assert kept.stream is not None
        try:
            await kept.stream(write)
        except EOFError:
            assert len(pieces) == 1
        else:
            raise AssertionError("it ended as if it were whole")

    play(story)
