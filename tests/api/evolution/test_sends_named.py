"""Quotes and reactions at the door: by our id, by the provider's, by one that nobody knows."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.evolution.send_stage import ADMIN, CUSTOMER, JID, PHONE, Stage, at_door


async def received(stage: Stage, text: str) -> str:
    """The provider's id of a message that came in and is in our store."""
    provider_id = stage.lab.world.contact_sends(PHONE, CUSTOMER, text)
    session = await stage.lab.session("loja")

    async def is_there() -> bool:
        return await stage.lab.store.messages.by_provider_id(session.id, provider_id) is not None

    await stage.lab.until(is_there, 60)
    return provider_id


def quoting(message_id: str, **more: Any) -> dict[str, Any]:
    return {"number": CUSTOMER, "text": "resposta", "quoted": {"key": {"id": message_id}, **more}}


def test_our_id_and_the_providers_are_quoted_by_the_providers() -> None:
    async def story(stage: Stage) -> None:
        first = await stage.sent("sendText", {"number": CUSTOMER, "text": "um"})
        theirs = (await stage.settled(first)).provider_id
        told = await stage.sent("sendText", quoting(first["key"]["id"], message={"conversation": "another's words"}))
        assert stage.sends[-1][1]["quoted"] == {"key": {"id": theirs}}
        assert told["contextInfo"]["stanzaId"] == first["key"]["id"]
        assert told["contextInfo"]["quotedMessage"] == {"conversation": "um"}
        came = await received(stage, "oi")
        told = await stage.sent("sendText", {"number": CUSTOMER, "text": "a", "options": quoting(came)})
        assert stage.sends[-1][1]["quoted"] == {"key": {"id": came}}
        assert told["contextInfo"]["quotedMessage"] == {"conversation": "oi"}

    at_door(story)


def test_an_id_that_nobody_knows_is_left_to_the_server() -> None:
    async def story(stage: Stage) -> None:
        told = await stage.sent("sendText", quoting("3EB0UNKNOWN", message={"conversation": "old"}))
        assert stage.sends[-1][1]["quoted"] == {"key": {"id": "3EB0UNKNOWN"}, "message": {"conversation": "old"}}
        assert told["contextInfo"]["stanzaId"] == "3EB0UNKNOWN"
        await stage.settled(told)

    at_door(story)


@pytest.mark.parametrize("quoted", ["x", [], {}, {"key": None}, {"key": {}}, {"key": {"id": 5}}])
def test_a_quote_that_is_none_loses_nothing(quoted: Any) -> None:
    async def story(stage: Stage) -> None:
        answer = await stage.call("sendText", {"number": CUSTOMER, "text": "oi", "quoted": quoted})
        assert answer.status_code == (201 if isinstance(quoted, dict) else 400)

    at_door(story)


def test_a_message_that_quotes_one_that_was_never_sent_goes_all_the_same() -> None:
    async def story(stage: Stage) -> None:
        stage.lab.world.not_on_whatsapp.add("5511911112222")
        answer = await stage.call("sendText", {"number": "5511911112222", "text": "um"})
        assert answer.status_code == 400
        session = await stage.lab.session("loja")
        failed = (await stage.lab.store.messages.page(session.id)).items[0]
        await stage.settled(await stage.sent("sendText", quoting(failed.id)))

    at_door(story)


def test_reactions_to_ours_to_theirs_and_to_what_only_the_server_knows() -> None:
    async def story(stage: Stage) -> None:
        first = await stage.sent("sendText", {"number": CUSTOMER, "text": "um"})
        ours = (await stage.settled(first)).provider_id
        came = await received(stage, "oi")
        for message_id, from_me, there in (
            (first["key"]["id"], True, ours),
            (came, False, came),
            ("3EB0UNKNOWN", True, "3EB0UNKNOWN"),
        ):
            key = {"remoteJid": JID, "fromMe": from_me, "id": message_id}
            told = await stage.sent("sendReaction", {"reactionMessage": {"key": key, "reaction": "👍"}})
            assert "contextInfo" not in told
            assert told["messageType"] == "reactionMessage"
            assert told["message"]["reactionMessage"]["text"] == "👍"
            assert stage.sends[-1] == ("sendReaction", {"key": {**key, "id": there}, "reaction": "👍"})
            await stage.settled(told)

    at_door(story)


@pytest.mark.parametrize("path", ["/message/send%54ext/loja", "/%4Dessage//SENDTEXT/%6Coja/"])
def test_a_call_is_what_it_is_however_its_address_is_encoded(path: str) -> None:
    async def story(stage: Stage) -> None:
        answer = await stage.http.post(path, headers={"apikey": ADMIN}, json={"number": CUSTOMER, "text": "oi"})
        assert answer.status_code == 201, answer.text
        message = await stage.settled(answer.json())
        rows = await stage.http.post("/chat/find%4Dessages/loja", headers={"apikey": ADMIN}, json={})
        assert [one["key"]["id"] for one in rows.json()["messages"]["records"]] == [message.id]

    at_door(story)
