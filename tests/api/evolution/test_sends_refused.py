"""What a send is refused for at the door, in Evolution's own words and statuses (recordings 053 to 064)."""

from __future__ import annotations

from typing import Any

import pytest

from esteio.config import Door
from esteio.sim.world.faults import Fault, inject
from tests.api.evolution.send_stage import ADMIN, CUSTOMER, JID, Stage, at_door

NUMBER = {"number": CUSTOMER}


def needs(*names: str) -> list[list[str]]:
    return [[f'instance requires property "{name}"' for name in names]]


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("sendText", NUMBER, needs("text")),
        ("sendText", {"text": "x"}, needs("number")),
        ("sendText", {**NUMBER, "text": ""}, ["Text is required"]),
        ("sendText", {**NUMBER, "text": 5}, [["text is not of a type(s) string"]]),
        ("sendText", {"number": ["5511"], "text": "x"}, [["Invalid format"]]),
        ("sendText", {**NUMBER, "text": "x", "delay": "soon"}, [["Enter a value in milliseconds"]]),
        ("sendText", {**NUMBER, "text": "x", "delay": True}, [["Enter a value in milliseconds"]]),
        ("sendMedia", {**NUMBER, "media": "http://files.example/x.png"}, needs("mediatype")),
        ("sendMedia", {**NUMBER, "mediatype": "image"}, ["Owned media must be a url or base64"]),
        ("sendMedia", {**NUMBER, "mediatype": "image", "media": "no base64!"}, ["Owned media must be a url or base64"]),
        (
            "sendMedia",
            {**NUMBER, "mediatype": "gif", "media": "AAAA"},
            [["mediatype is not one of enum values: image,document,video,audio"]],
        ),
        (
            "sendMedia",
            {**NUMBER, "mediatype": "document", "media": "AAAA"},
            ["For base64 the file name must be informed."],
        ),
        (
            "sendWhatsAppAudio",
            NUMBER,
            ["Owned media must be a url, base64, or valid file with buffer"],
        ),
        ("sendLocation", {**NUMBER, "latitude": 1, "longitude": 1}, needs("name", "address")),
        ("sendContact", {**NUMBER}, needs("contact")),
        ("sendPoll", {**NUMBER, "name": "a"}, needs("selectableCount", "values")),
        ("sendReaction", {"reaction": "x"}, needs("key")),
        ("sendList", {**NUMBER, "title": "t"}, needs("footerText", "buttonText", "sections")),
        ("sendButtons", {**NUMBER, "buttons": []}, ["At least one button is required"]),
        ("sendTemplate", {**NUMBER, "name": "t"}, needs("language")),
        ("sendStatus", {}, needs("type")),
        ("sendStatus", {"type": "text", "content": "x"}, ["StatusJidList is required"]),
        ("sendStatus", {"type": "text", "allContacts": True}, ["Content is required"]),
        ("sendStatus", {"type": "text", "content": "x", "allContacts": True}, ["Background color is required"]),
        ("sendText", {"number": "abc", "text": "x"}, [{"jid": "@s.whatsapp.net", "exists": False, "number": "abc"}]),
    ],
)
def test_what_cannot_be_sent(name: str, body: dict[str, Any], message: Any) -> None:
    async def story(stage: Stage) -> None:
        await stage.refused(400, message, name, body)
        assert stage.sends == []
        session = await stage.lab.session("loja")
        assert (await stage.lab.store.messages.page(session.id)).items == ()

    at_door(story)


def test_an_unknown_instance_a_wrong_key_and_no_json() -> None:
    async def story(stage: Stage) -> None:
        body = {**NUMBER, "text": "x"}
        await stage.refused(404, ['The "ghost" instance does not exist'], "sendText", body, to="ghost")
        await stage.refused(401, "Unauthorized", "sendText", body, key="wrong-key-wrong-key")
        await stage.refused(400, "Unexpected end of JSON input", "sendText", b'{"number":')

    at_door(story)


def test_a_key_sends_through_its_own_sessions_and_not_without_its_role() -> None:
    async def story(stage: Stage) -> None:
        body = {**NUMBER, "text": "x"}
        await stage.sent("sendText", body, key=await stage.key("send", "loja"))
        await stage.refused(401, "Unauthorized", "sendText", body, key=await stage.key("send", "outra"))
        assert (await stage.call("sendText", body, key=await stage.key("read"))).status_code == 403

    at_door(story)


def test_a_number_without_whatsapp_is_told_as_evolution_tells_it() -> None:
    async def story(stage: Stage) -> None:
        stage.lab.world.not_on_whatsapp.add(CUSTOMER)
        told = [{"jid": JID, "exists": False, "number": "+55 11 98888-7777"}]
        await stage.refused(400, told, "sendText", {"number": "+55 11 98888-7777", "text": "x"})
        await stage.refused(400, ["[object Object]"], "sendText", {"number": "120363000000000001@g.us", "text": "x"})

    at_door(story)


def test_media_that_the_server_cannot_read() -> None:
    async def story(stage: Stage) -> None:
        words = ["Error: Input buffer contains unsupported image format"]
        await stage.refused(500, words, "sendMedia", {**NUMBER, "mediatype": "image", "media": "lixo"})

    at_door(story)


def test_an_address_inside_the_network_names_the_line_that_permits_it() -> None:
    async def story(stage: Stage) -> None:
        for name, field in (("sendMedia", "media"), ("sendPtv", "video"), ("sendButtons", "thumbnailUrl")):
            body = {**NUMBER, "mediatype": "image", "buttons": [{"type": "reply"}], field: "http://10.1.2.3/x.png"}
            answer = await stage.call(name, body)
            assert (answer.status_code, answer.json()["code"]) == (400, "target-not-allowed")
            assert 'allow_targets = ["10.1.2.3/32"]' in answer.json()["response"]["message"][0]

    at_door(story)


def test_a_session_that_is_down_holds_the_message_and_answers_201() -> None:
    async def story(stage: Stage) -> None:
        inject(stage.lab.world, "evo", "loja", Fault("ghost", variant="restart_cures"))
        first = await stage.sent("sendText", {**NUMBER, "text": "um"})
        await stage.lab.until_state("loja", "connecting", 300)
        second = await stage.sent("sendText", {**NUMBER, "text": "dois"})
        await stage.settled(first)
        await stage.settled(second)
        assert stage.lab.texts_delivered(CUSTOMER) == ["um", "dois"]

    at_door(story)


def test_a_policy_that_fails_what_cannot_go_says_connection_closed() -> None:
    async def story(stage: Stage) -> None:
        session = await stage.lab.session("loja")
        await stage.lab.commands.operator_actions.pause("loja", "a test")
        await stage.refused(400, ["Error: Connection Closed"], "sendText", {**NUMBER, "text": "x"})
        page = await stage.lab.store.messages.page(session.id)
        assert [one.state for one in page.items] == ["failed"]

    at_door(story, policy={"on_down": "fail"})


def test_what_is_too_large() -> None:
    async def story(stage: Stage) -> None:
        large = {**NUMBER, "text": "x" * 70_000}
        assert (await stage.call("sendText", large)).status_code == 400
        assert (await stage.call("sendText", {**NUMBER, "text": "x" * 2_000_000})).status_code == 413
        assert (await stage.call("sendMedia", {**NUMBER, "caption": "x" * 2_000_000})).status_code == 413

    at_door(story, door=Door(wait_s=0))


@pytest.mark.parametrize("kind", ["baileys", "wapi"])
def test_what_only_evolution_can_send_is_refused_at_once_elsewhere(kind: str) -> None:
    async def story(stage: Stage) -> None:
        answer = await stage.call("sendButtons", {**NUMBER, "title": "t", "buttons": [{"type": "reply"}]})
        assert (answer.status_code, answer.json()["code"]) == (501, "call-unsupported")
        assert f"kind {kind}" in answer.json()["response"]["message"][0]
        told = await stage.sent("sendText", {**NUMBER, "text": "oi", "delay": 5, "linkPreview": False})
        await stage.settled(told)

    at_door(story, kind=kind)


def test_what_another_kind_of_server_cannot_do_is_said_in_the_callers_language() -> None:
    async def story(stage: Stage) -> None:
        body = {"number": CUSTOMER, "mediatype": "image", "media": "AAAA"}
        told = await stage.call("sendMedia", body, headers={"accept-language": "pt-BR"})
        assert told.json()["response"]["message"] == ["este servidor só aceita mídia por URL"]
        await stage.refused(400, ["this server takes media by URL only"], "sendMedia", body)

    at_door(story, kind="baileys")


def test_a_number_beside_a_code_that_can_only_be_scanned_is_no_error() -> None:
    async def story(stage: Stage) -> None:
        await stage.lab.create("evo", "nova")
        shown = await stage.http.get("/instance/connect/nova", params={"number": CUSTOMER}, headers={"apikey": ADMIN})
        assert shown.status_code == 200, shown.text
        assert shown.json()["base64"].startswith("data:image/png;base64,")

    at_door(story, kind="baileys")


def test_what_another_kind_of_server_cannot_undo_is_said_in_the_callers_language() -> None:
    async def story(stage: Stage) -> None:
        told = await stage.http.delete("/instance/delete/loja", headers={"apikey": ADMIN, "accept-language": "pt-BR"})
        assert told.status_code == 400, told.text
        assert told.json()["response"]["message"] == ["uma instância da W-API é cancelada no painel da própria W-API"]

    at_door(story, kind="wapi")
