"""By our id a message is found, edited, deleted and marked as read, whatever the provider calls it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from esteio.providers.base import HttpRequest, HttpResponse, TransportFailed
from esteio.sim.lab import Lab
from esteio.sim.providers.evolution.instance import EvolutionInstance
from esteio.sim.world.faults import Fault, inject
from esteio.sim.world.instance import Instance
from tests.api.evolution.door_stage import CUSTOMER, JID, Client, client, down, play, sent


class Overheard:
    """What the server is asked at these routes, and perhaps another answer."""

    def __init__(self, lab: Lab, part: str) -> None:
        self._truly = lab.transport.exchange
        self._part = part
        self.asked: list[HttpRequest] = []
        self.answer: HttpResponse | None = None
        self.fails = ""
        lab.transport.exchange = self.exchange  # type: ignore[method-assign]

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        if self._part not in request.url:
            return await self._truly(request)
        self.asked.append(request)
        if self.fails:
            raise TransportFailed(self.fails, sent="maybe")
        return await self._truly(request) if self.answer is None else self.answer

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(one.body) for one in self.asked]


def edit(ident: str, text: str = "Novo") -> dict[str, Any]:
    return {"number": CUSTOMER, "key": {"id": ident, "remoteJid": JID, "fromMe": True}, "text": text}


def deletion(ident: str) -> dict[str, Any]:
    return {"id": ident, "remoteJid": JID, "fromMe": True}


async def provider_id(lab: Lab, ident: str) -> str:
    known = (await lab.message(ident)).provider_id
    assert known is not None
    return known


def test_an_edit_reaches_the_server_by_its_id_and_comes_back_by_ours() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        ident = await sent(lab)
        theirs = await provider_id(lab, ident)
        heard = Overheard(lab, "updateMessage")
        for method in ("POST", "PUT"):
            told = await app.said(201, method, "/chat/updateMessage/{}", edit(ident))
            assert told["key"]["id"] == ident
            assert told["providerId"] == theirs
        assert [one.method for one in heard.asked] == ["POST", "POST"]
        assert heard.bodies == [edit(theirs)] * 2

    play(story)


def test_the_id_that_a_send_answers_is_the_one_for_everything_after_it() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        assert isinstance(line, EvolutionInstance)
        said = await app.said(201, "POST", "/message/sendText/{}", {"number": CUSTOMER, "text": "Bom dia"})
        ident = said["key"]["id"]
        theirs = await provider_id(lab, ident)
        reply = {"number": CUSTOMER, "text": "Alô?", "quoted": {"key": {"id": ident}}}
        answered = await app.said(201, "POST", "/message/sendText/{}", reply)
        reaction = {"key": said["key"], "reaction": "👍"}
        await app.said(201, "POST", "/message/sendReaction/{}", reaction)
        (quoting,) = await app.find({"key": {"id": answered["key"]["id"]}})
        assert quoting["contextInfo"]["stanzaId"] == ident
        rows = {one["key"]["id"]: one for one in await app.find({"key": {"fromMe": True}})}
        assert len(rows) == 3
        assert rows[answered["key"]["id"]]["contextInfo"]["stanzaId"] == ident
        (reacted,) = [one for one in rows.values() if one["messageType"] == "reactionMessage"]
        assert reacted["message"]["reactionMessage"]["key"]["id"] == ident
        assert line.messages[theirs].message == {"conversation": "Bom dia"}
        await app.said(201, "POST", "/chat/updateMessage/{}", edit(ident))
        await app.said(201, "DELETE", "/chat/deleteMessageForEveryone/{}", deletion(ident))
        assert line.messages[theirs].deleted

    play(story)


def test_a_deletion_reaches_the_server_by_its_id() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        assert isinstance(line, EvolutionInstance)
        ident = await sent(lab)
        theirs = await provider_id(lab, ident)
        told = await app.said(201, "DELETE", "/chat/deleteMessageForEveryone/{}", deletion(ident))
        assert told["message"]["protocolMessage"]["key"]["id"] == ident
        assert line.messages[theirs].deleted
        words = await app.refused(400, "POST", "/chat/updateMessage/{}", edit(ident))
        assert words == "You cannot edit deleted messages"

    play(story)


def test_what_came_in_is_marked_as_read_by_the_providers_id_or_ours_in_either_spelling() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        (arrived,) = await app.find({"key": {"fromMe": False}})
        theirs = arrived["key"]["id"]
        (row,) = (await lab.store.messages.page((await lab.session("loja")).id)).items
        heard = Overheard(lab, "markMessageAsRead")
        for name, ident in (("readMessages", theirs), ("readMessages", row.id), ("read_messages", row.id)):
            key = {"remoteJid": JID, "fromMe": False, "id": ident}
            told = await app.said(201, "PUT", "/chat/markMessageAsRead/{}", {name: [key]})
            assert told["read"] == "success"
        assert heard.bodies == [{"readMessages": [{"remoteJid": JID, "fromMe": False, "id": theirs}]}] * 3

    play(story)


def test_chats_are_archived_and_marked_by_the_last_message_wherever_its_id_stands() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        ident = await sent(lab)
        theirs = await provider_id(lab, ident)
        heard = Overheard(lab, "/chat/")
        heard.answer = HttpResponse(201, {"content-type": "application/json"}, b'{"chatId":"x","archived":true}')
        for route in ("archiveChat", "markChatUnread"):
            body = {
                "lastMessage": {"key": {"id": ident, "remoteJid": JID, "fromMe": True}},
                "chat": JID,
                "archive": True,
            }
            await app.said(201, "POST", f"/chat/{route}/{{}}?instanceName=outra", body)
        assert [one["lastMessage"]["key"]["id"] for one in heard.bodies] == [theirs, theirs]
        # A word of the query would take the place of the instance in the path.
        assert heard.asked[0].url.endswith("/chat/archiveChat/loja")

    play(story)


def test_an_id_of_another_session_stays_as_it_is() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        await lab.adopt("prov", "outra", "5511955554444")
        ident = await sent(lab, session="outra")
        theirs = await provider_id(lab, ident)
        heard = Overheard(lab, "/chat/")
        words = await app.refused(400, "POST", "/chat/updateMessage/{}", edit(ident))
        unknown = await app.refused(400, "POST", "/chat/updateMessage/{}", edit("msg_nobody"))
        assert words == unknown == "Message not found"
        assert await app.find({"key": {"id": ident}}) == []
        told = await app.said(201, "DELETE", "/chat/deleteMessageForEveryone/{}", deletion(ident))
        assert theirs not in json.dumps([told, *heard.bodies])
        assert (await lab.message(ident)).state in ("sent", "delivered", "read")

    play(story)


def test_one_that_has_not_gone_is_taken_back_without_the_server() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        await down(lab)
        ident = await lab.send("loja", CUSTOMER, "Ainda não")
        for _ in range(2):
            told = await app.said(201, "DELETE", "/chat/deleteMessageForEveryone/{}", deletion(ident))
            key = {"remoteJid": JID, "fromMe": True, "id": ident}
            assert told["key"] == key
            assert told["message"] == {"protocolMessage": {"key": key, "type": "REVOKE"}}
            assert (told["status"], set(told)) == ("PENDING", {"key", "message", "messageTimestamp", "status"})
        assert (await lab.message(ident)).state == "cancelled"
        assert await app.find({"key": {"remoteJid": JID}}) != []
        assert ident not in json.dumps(await app.find())

    play(story)


def test_an_edit_of_one_that_waits_is_refused_after_a_moment_with_a_sentence() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        await down(lab)
        ident = await lab.send("loja", CUSTOMER, "Ainda não")
        began = lab.world.now()
        words = await app.refused(409, "POST", "/chat/updateMessage/{}", edit(ident))
        assert ident in words
        assert 2 <= lab.world.now() - began < 3

    play(story)


def test_an_edit_waits_for_a_message_that_is_just_going() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        ident = await lab.send("loja", CUSTOMER, "Já vai")
        told = await app.said(201, "POST", "/chat/updateMessage/{}", edit(ident))
        assert told["key"]["id"] == ident

    play(story)


def test_a_lost_answer_keeps_our_id() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        inject(lab.world, "prov", "loja", Fault("webhook_lost"))
        inject(lab.world, "prov", "loja", Fault("lost_response", happens=True, how="cut"))
        ident = await lab.send("loja", CUSTOMER, "Cadê?")

        async def is_found() -> bool:
            return (await lab.message(ident)).provider_id is not None

        await lab.until(is_found, 600)
        theirs = await provider_id(lab, ident)
        for named in (ident, theirs):
            (row,) = await app.find({"key": {"id": named}})
            assert row["key"]["id"] == ident
        rows = await app.find({"key": {"remoteJid": JID, "fromMe": True}})
        assert [one["key"]["id"] for one in rows] == [ident]
        assert (await app.said(201, "POST", "/chat/updateMessage/{}", edit(ident)))["key"]["id"] == ident

    play(story)


def test_known_secrets_are_blanked_and_what_is_no_json_comes_as_it_is() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        heard = Overheard(lab, "updateMessage")
        key = lab.world.servers["prov"].apikey
        heard.answer = HttpResponse(200, {"content-type": "application/json"}, json.dumps({"apikey": key}).encode())
        answer = await app.call("POST", "/chat/updateMessage/{}", edit("x"))
        assert key not in answer.text
        heard.answer = HttpResponse(502, {"content-type": "text/html"}, f"<h1>{key}</h1>".encode())
        answer = await app.call("POST", "/chat/updateMessage/{}", edit("x"))
        assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html")
        assert answer.text.startswith("<h1>")
        assert key not in answer.text

    play(story)


@pytest.mark.parametrize("depth", [150, 400, 600, 800, 900, 950, 980, 2_000])
def test_whatever_is_nested_however_deep_is_answered(depth: int) -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        deep = b'{"a":' * depth + b"1" + b"}" * depth
        headers = {"content-type": "application/json"}
        Overheard(lab, "/chat/").answer = HttpResponse(200, headers, deep)
        for route in ("updateMessage", "findMessages", "findStatusMessage", "getBase64FromMediaMessage"):
            for body in (deep, b"{}"):
                answer = await app.http.post(f"/chat/{route}/loja", content=body, headers=headers)
                assert answer.status_code in (200, 400), (route, answer.text[:200])

    play(story)


def test_another_kind_of_server_has_no_such_api() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        await lab.add_server("outro", "wapi")
        await lab.adopt("outro", "terceira", "5511944443333")
        other = await client(lab, "terceira")
        words = await other.refused(501, "POST", "/chat/updateMessage/{}", edit("x"))
        assert "wapi" in words

    play(story)


def test_a_key_that_only_reads_may_find_and_not_change() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        reader = await client(lab, role="read")
        assert await reader.find()
        await reader.said(403, "POST", "/chat/updateMessage/{}", edit("x"))
        stranger = Client(lab, "wrong")
        await stranger.said(401, "POST", "/chat/findMessages/{}", {})

    play(story)
