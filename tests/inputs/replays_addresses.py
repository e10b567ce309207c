"""Inputs about numbers and chats: whose they are, and how they are written."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from esteio.core.model.message import Message
from tests.inputs.input_lab import InputLab


async def to(lab: InputLab, body: dict[str, str], status: int = 202) -> dict[str, Any]:
    answer: dict[str, Any] = await lab.asked("POST", "/v1/sessions/e/messages", body, status=status)
    return answer


async def replay_02(lab: InputLab, given: dict[str, Any]) -> None:
    """A number that is valid in two countries is nobody's, until the session knows the chat; then it is that chat's."""
    peru, chile, denmark, spain, padded, short = given["requests"]
    for body in (peru, denmark, spain):
        problem = await to(lab, body, 400)
        assert problem["code"] == "ambiguous-phone"
        assert problem["candidates"] == [f"+{body['to']}", f"+55{body['to']}"]
    assert (await to(lab, chile))["chat"] == chile["to"]
    assert (await to(lab, padded))["chat"] == "5511987654321"
    assert (await to(lab, short, 400))["code"] == "invalid-phone"

    await lab.post_all(given["webhooks"])
    for provider_id in ("IN02A", "IN02B"):
        got = await lab.received(provider_id)
        answer = await to(lab, {"to": got["from"], "text": "respuesta"})
        assert answer["chat"] == answer["to"] == got["chat"]
        assert "read_as" not in answer
    await lab.settles()
    assert [one["number"] for one in lab.wire.sends()] == [chile["to"], "5511987654321", peru["to"], chile["to"]]


async def replay_03(lab: InputLab, given: dict[str, Any]) -> None:
    """Mexico's 1: read with it, answered by the chat's own name, and one chat with the number that lacks it."""
    path = "/v1/sessions/e/messages"
    for body in given["requests"]:
        assert (await lab.asked("POST", path, body, status=202))["chat"] == "5215512345678"
    await lab.post_all(given["webhooks"])
    got = await lab.received("IN03")
    assert (await lab.asked("POST", path, {"to": got["chat"], "text": "r"}, status=202))["chat"] == got["chat"]
    assert (await lab.asked("POST", path, {"to": "+525512345678", "text": "r"}, status=202))["chat"] == got["chat"]
    await lab.settles()
    assert {one["number"] for one in lab.wire.sends()} == {"5215512345678"}


CHATS = {"IN15A": "98765432100999@lid", "IN15B": "98765432100888@lid", "IN15C": "98765432100889@lid"}


async def replay_15(lab: InputLab, given: dict[str, Any]) -> None:
    """Digits that are those of the LID named beside them are no phone."""
    await lab.post_all(given["webhooks"])
    for provider_id, chat in CHATS.items():
        got = await lab.received(provider_id)
        assert (got["chat"], got["from"], got["chat_kind"]) == (chat, chat, "lid")
        assert "answerable" not in got
        path = f"/v1/sessions/{got['session']}/messages"
        assert (await lab.asked("POST", path, {"to": got["chat"], "text": "oi"}, status=202))["chat"] == chat


DIRECT = {
    "IN16A": "5511966660005",
    "IN16B": "5511977770008",
    "IN16F": "5511966660006",
    "IN16G": "98765432100779@lid",
}
MUTE = {
    "IN16C": ("120363000000000006@newsletter", "newsletter"),
    "IN16D": ("status@broadcast", "status"),
    "IN16E": ("status@broadcast", "status"),
}


async def replay_16(lab: InputLab, given: dict[str, Any]) -> None:
    """A list's message is its sender's, device parts go, and what cannot be answered says so and is refused."""
    await lab.post_all(given["webhooks"])
    for provider_id, chat in DIRECT.items():
        got = await lab.received(provider_id)
        assert (got["chat"], got["from"]) == (chat, chat)
        assert "answerable" not in got
        answer = await send(lab, got, 202)
        assert answer["chat"] == chat
    for provider_id, (chat, kind) in MUTE.items():
        got = await lab.received(provider_id)
        assert (got["chat"], got["chat_kind"], got["answerable"]) == (chat, kind, False)
        assert (await send(lab, got, 400))["code"] == "chat-not-answerable"
    assert (await lab.received("IN16D"))["from"] == "5511977770007"
    assert (await lab.received("IN16E"))["from"] == "5511966660004"


async def send(lab: InputLab, got: Mapping[str, Any], status: int) -> dict[str, Any]:
    path, body = f"/v1/sessions/{got['session']}/messages", {"to": got["chat"], "text": "oi"}
    answer: dict[str, Any] = await lab.asked("POST", path, body, status=status)
    return answer


async def replay_21(lab: InputLab, given: dict[str, Any]) -> None:
    """A send whose answer was lost is found by its echo, and in the provider's list, in the other spelling."""
    await by_echo(lab, given)
    for mine, theirs in (("5491123456780", "541123456780"), ("+525512345678", "5215512345678")):
        await by_list(lab, mine, theirs)
    await unknown_spelling(lab)


async def by_echo(lab: InputLab, given: dict[str, Any]) -> None:
    lab.loses_answers("/message/sendText/")
    sent = await lab.asked("POST", "/v1/sessions/e/messages", given["request"], status=202)
    await asyncio.sleep(2)
    assert (await lab.message(sent["id"])).state == "in_doubt"
    await lab.post_all(given["webhooks"])
    assert (await lab.message(sent["id"])).state == "sent"
    assert len(lab.wire.sends()) == 1
    lab.wire.answers.clear()


def record(lab: InputLab, jid: str, text: str, provider_id: str) -> dict[str, Any]:
    key = {"remoteJid": f"{jid}@s.whatsapp.net", "fromMe": True, "id": provider_id}
    return {"key": key, "message": {"conversation": text}, "messageTimestamp": int(lab.clock.now())}


async def in_doubt(lab: InputLab, to: str, jid: str, text: str) -> Message:
    """Sent without an answer, and the list shows it for `jid`; half an hour later."""
    before = len(lab.wire.sends())
    lab.loses_answers("/message/sendText/")
    listed = [record(lab, jid, text, f"LIST{before}"), record(lab, "5511900000000", "outra", f"OTHER{before}")]
    page = {"messages": {"total": 2, "pages": 1, "currentPage": 1, "records": listed}}
    lab.answers("POST", "/chat/findMessages/", 200, page)
    sent = await lab.asked("POST", "/v1/sessions/e/messages", {"to": to, "text": text}, status=202)
    await asyncio.sleep(1800)
    assert len(lab.wire.sends()) == before + 1
    lab.wire.answers.clear()
    return await lab.message(sent["id"])


async def by_list(lab: InputLab, mine: str, theirs: str) -> None:
    assert (await in_doubt(lab, mine, theirs, f"para {mine}")).state == "sent"


async def unknown_spelling(lab: InputLab) -> None:
    """A spelling that we do not know: nobody can tell, so it is not sent again."""
    message = await in_doubt(lab, "+4915112345678", "49015112345678", "Hallo")
    assert message.reason is not None
    assert (message.state, message.reason.code) == ("in_doubt", "in-doubt-held")
