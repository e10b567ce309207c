"""Chatwoot at the Evolution door: its agents' messages go through the outbox, each once; the integration stays the
server's, but for the address that the inbox writes to. A whole gateway in virtual time; Chatwoot is the test's."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from esteio.core.model.ids import SessionName
from esteio.engine.commands.chatwoot.event import Deleted, Written, read, whatsapp_text
from esteio.engine.commands.requests import KeyRequest
from esteio.providers.base import HttpRequest, HttpResponse
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.lab import Lab
from esteio.sim.providers.faces import new_world
from esteio.sim.world.transport import SimTransport
from esteio.sim.world.world import World

ADMIN = "an-admin-key-of-the-tests"
CUSTOMER = "5511999990001"
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 40
SETTINGS = {
    "enabled": True,
    "accountId": "1",
    "token": "cw-account-token",
    "url": "https://chatwoot.example",
    "signMsg": True,
    "signDelimiter": "\\n",
    "nameInbox": "Loja",
    "reopenConversation": True,
    "conversationPending": False,
}


class Chatwoot:
    """Chatwoot's part of its API, and its files."""

    def __init__(self) -> None:
        self.inboxes: list[dict[str, Any]] = []
        self.asked: list[HttpRequest] = []
        self.status = 200
        self.address = "93.184.216.35"

    async def resolve(self, _host: str) -> Sequence[str]:
        return [self.address]

    async def aclose(self) -> None:
        return None

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        if "/files/" in request.url:
            return HttpResponse(200, {"content-type": "image/png"}, PNG)
        self.asked.append(request)
        if self.status != 200:
            return HttpResponse(self.status)
        body = json.loads(request.body) if request.body else {}
        if request.method == "POST":
            channel = body["channel"]
            self.inboxes.append({"id": 7, "name": body["name"], "webhook_url": channel["webhook_url"]})
        elif request.method == "PATCH":
            (found,) = [one for one in self.inboxes if request.url.endswith(f"/{one['id']}")]
            found["webhook_url"] = body["channel"]["webhook_url"]
        return HttpResponse(200, {}, json.dumps({"payload": self.inboxes}).encode())


class Overheard(SimTransport):
    """The way to the servers, and what went along it."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.requests: list[HttpRequest] = []

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        return await super().exchange(request)

    def bodies(self, method: str, path: str) -> list[Any]:
        """What was asked of the server so."""
        asked = [one for one in self.requests if (one.method, urlsplit(one.url).path) == (method, path)]
        return [json.loads(one.body) for one in asked]


class Stage:
    """One session on one server, the door before it, and Chatwoot beside it."""

    def __init__(self, lab: Lab, chatwoot: Chatwoot, server: Overheard) -> None:
        self.lab, self.chatwoot, self.server = lab, chatwoot, server

    async def ask(self, method: str, path: str, body: Any = None, key: str = ADMIN) -> tuple[int, Any]:
        transport = httpx.ASGITransport(app=self.lab.gateway.door, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
            headers = {"apikey": key, "accept-language": "en"} if key else {}
            answer = await client.request(method, path, json=body, headers=headers)
        return answer.status_code, answer.json()

    async def set(self, **changes: Any) -> Any:
        status, row = await self.ask("POST", "/chatwoot/set/line", {**SETTINGS, **changes})
        assert status == 201, row
        return row

    async def say(self, body: dict[str, Any]) -> tuple[int, Any]:
        """What the inbox posts, without a key."""
        session = await self.lab.session("line")
        parts = urlsplit(self.lab.gateway.chatwoot.address(session))
        return await self.ask("POST", f"{parts.path.removeprefix('/evolution')}?{parts.query}", body, key="")

    async def delivered(self, count: int) -> list[str]:
        async def there() -> bool:
            return len(self.lab.texts_delivered()) >= count

        await self.lab.until(there, 60)
        return self.lab.texts_delivered()


def play(story: Callable[[Stage], Awaitable[None]]) -> None:
    async def whole() -> None:
        chatwoot, world = Chatwoot(), new_world(3)
        server = Overheard(world)
        options = {"admin_key": ADMIN}
        async with Lab(3, world=world, transport=server, media_hosts=chatwoot, settings=options) as lab:
            await lab.add_server("evo")
            await lab.adopt("evo", "line", "5511955550001")
            await lab.until_state("line", "connected", 60)
            await story(Stage(lab, chatwoot, server))

    run_virtual(whole, limit_s=86_400.0)


def written(ident: int = 11, content: str | None = "Olá", **more: Any) -> dict[str, Any]:
    """`message_created` of an agent, as an API inbox posts it."""
    sender = {"id": 3, "name": "Ana Lima", "available_name": "Ana", "type": "user"}
    message: dict[str, Any] = {"id": ident, "content": content, "sender": sender, "source_id": None, "attachments": []}
    conversation = {
        "id": 5,
        "meta": {"sender": {"identifier": f"{CUSTOMER}@s.whatsapp.net", "phone_number": f"+{CUSTOMER}"}},
        "messages": [message],
    }
    return {
        "event": "message_created",
        "id": ident,
        "content": content,
        "message_type": "outgoing",
        "private": False,
        "content_attributes": {},
        "sender": {"id": 3, "name": "Ana Lima", "type": "user"},
        "inbox": {"id": 7, "name": "Loja"},
        "conversation": conversation,
        **more,
    }


def test_an_agent_s_message_goes_through_the_outbox_signed_and_once() -> None:
    async def story(stage: Stage) -> None:
        await stage.set()
        assert await stage.say(written()) == (200, {"message": "bot"})
        assert await stage.say(written()) == (200, {"message": "bot"}), "told again by Chatwoot"
        assert await stage.say(written(12, "tudo **bem**?")) == (200, {"message": "bot"})
        assert await stage.delivered(2) == ["*Ana:*\nOlá", "*Ana:*\ntudo *bem*?"]
        page = await stage.lab.store.messages.page((await stage.lab.session("line")).id)
        assert [one.client_ref for one in page.items] == ["chatwoot:12", "chatwoot:11"]

    play(story)


def test_while_the_line_is_down_it_is_held_and_sent_later() -> None:
    async def story(stage: Stage) -> None:
        await stage.set(signMsg=False)
        await stage.lab.commands.operator_actions.pause("line", "ana")
        assert (await stage.say(written()))[0] == 200
        assert stage.lab.texts_delivered() == []
        await stage.lab.commands.operator_actions.resume("line", "ana")
        assert await stage.delivered(1) == ["Olá"]

    play(story)


def test_files_go_in_order_with_the_words_beside_the_first() -> None:
    async def story(stage: Stage) -> None:
        await stage.set(signMsg=False)
        files = [
            {"file_type": "image", "data_url": "https://chatwoot.example/files/a.png"},
            {"file_type": "file", "data_url": "https://chatwoot.example/files/b%20c.pdf"},
        ]
        assert (await stage.say(written(attachments=files)))[0] == 200
        page = await stage.lab.store.messages.page((await stage.lab.session("line")).id)
        second, first = page.items
        assert (first.content.kind, first.content.text) == ("image", "Olá")
        assert (second.content.kind, second.content.text) == ("document", None)
        assert second.content.media is not None
        assert second.content.media.filename == "b c.pdf"

    play(story)


def test_a_file_inside_the_network_is_refused_so_that_chatwoot_shows_it_as_not_sent() -> None:
    async def story(stage: Stage) -> None:
        await stage.set()
        stage.chatwoot.address = "10.0.0.8"
        files = [{"file_type": "image", "data_url": "https://chatwoot.example/files/a.png"}]
        status, refused = await stage.say(written(attachments=files))
        assert (status, refused["code"]) == (400, "target-not-allowed")

    play(story)


def test_a_wrong_token_and_an_unknown_instance_are_one_answer() -> None:
    async def story(stage: Stage) -> None:
        for path in ("line?token=x", "line", "nobody?token=x"):
            status, _ = await stage.ask("POST", f"/chatwoot/webhook/{path}", written(), key="")
            assert status == 401
        assert stage.lab.texts_delivered() == []

    play(story)


def test_the_address_of_one_session_opens_no_other() -> None:
    async def story(stage: Stage) -> None:
        await stage.lab.adopt("evo", "other", "5511955550002")
        chatwoot = stage.lab.gateway.chatwoot
        query = urlsplit(chatwoot.address(await stage.lab.session("other"))).query
        assert (await stage.ask("POST", f"/chatwoot/webhook/line?{query}", written(), key=""))[0] == 401

    play(story)


def test_set_turns_the_inbox_to_us_and_leaves_the_rest_to_the_server() -> None:
    async def story(stage: Stage) -> None:
        row = await stage.set(autoCreate=True)
        address = stage.lab.gateway.chatwoot.address(await stage.lab.session("line"))
        assert row["webhook_url"] == address
        assert address.startswith("http://gateway.sim/evolution/chatwoot/webhook/line?token=")
        assert [(one["name"], one["webhook_url"]) for one in stage.chatwoot.inboxes] == [("Loja", address)]
        assert stage.chatwoot.asked[0].headers["api_access_token"] == "cw-account-token"
        line = stage.lab.world.servers["evo"].lines["line"]
        assert line.configured["chatwoot"]["autoCreate"] is True  # type: ignore[attr-defined]
        stage.chatwoot.inboxes[0]["webhook_url"] = "http://evo.sim/chatwoot/webhook/line"
        await stage.set(autoCreate=True)
        assert [one["webhook_url"] for one in stage.chatwoot.inboxes] == [address], "turned, not made again"

    play(story)


def test_without_auto_create_chatwoot_is_not_asked() -> None:
    async def story(stage: Stage) -> None:
        assert (await stage.set())["webhook_url"]
        await stage.set(autoCreate=False)
        assert stage.chatwoot.asked == []

    play(story)


def test_an_inbox_that_chatwoot_refuses_is_said() -> None:
    async def story(stage: Stage) -> None:
        stage.chatwoot.status = 401
        status, refused = await stage.ask("POST", "/chatwoot/set/line", {**SETTINGS, "autoCreate": True})
        assert (status, refused["code"]) == (502, "chatwoot-refused")
        assert "HTTP 401" in refused["response"]["message"][0]
        line = stage.lab.world.servers["evo"].lines["line"]
        assert line.configured["chatwoot"]["autoCreate"] is False  # type: ignore[attr-defined]

    play(story)


def test_find_shows_the_account_s_token_to_those_who_may_change_it() -> None:
    async def story(stage: Stage) -> None:
        nothing = (await stage.ask("GET", "/chatwoot/find/line"))[1]
        assert (nothing["enabled"], nothing["webhook_url"]) == (False, "")
        await stage.set()
        keys = stage.lab.commands.keys
        shown = {}
        for role in ("read", "operate"):
            _, key = await keys.create(KeyRequest(role, role, ("line",)))
            status, shown[role] = await stage.ask("GET", "/chatwoot/find/line", key=key)
            assert status == 200
        assert (shown["read"]["token"], shown["operate"]["token"]) == ("***", "cw-account-token")
        where, _, token = shown["operate"]["webhook_url"].partition("?token=")
        assert len(token) == 64
        assert shown["read"]["webhook_url"] == f"{where}?token=***", "who has it can send"
        sealed = await stage.lab.store.sessions.chatwoot((await stage.lab.session("line")).id)
        assert sealed is not None
        assert b"cw-account-token" not in sealed
        await stage.set(token="***")
        assert (await stage.ask("GET", "/chatwoot/find/line"))[1]["token"] == "cw-account-token"

    play(story)


def test_what_is_the_server_s_affair_is_passed_on_as_it_came() -> None:
    async def story(stage: Stage) -> None:
        bot = written(content="/status")
        bot["conversation"]["meta"]["sender"] = {"identifier": None, "phone_number": "+123456"}
        assert read(bot) == "for-the-server"
        resolved = {"event": "conversation_status_changed", "status": "resolved", "id": 5}
        await stage.say(bot)
        await stage.say(resolved)
        assert stage.server.bodies("POST", "/chatwoot/webhook/line") == [bot, resolved]
        assert stage.lab.texts_delivered() == []

    play(story)


def test_a_message_that_an_agent_deletes_is_taken_back_or_deleted_for_everyone() -> None:
    async def story(stage: Stage) -> None:
        await stage.set(signMsg=False)
        await stage.say(written())
        await stage.delivered(1)
        gone = {**written(), "event": "message_updated", "content_attributes": {"deleted": True}}
        assert (await stage.say(gone))[0] == 200
        (sent,) = (await stage.lab.store.messages.page((await stage.lab.session("line")).id)).items
        (key,) = stage.server.bodies("DELETE", "/chat/deleteMessageForEveryone/line")
        assert key == {"id": sent.provider_id, "remoteJid": f"{CUSTOMER}@s.whatsapp.net", "fromMe": True}
        await stage.lab.commands.operator_actions.pause("line", "ana")
        await stage.say(written(12))
        await stage.say({**gone, "id": 12})
        page = await stage.lab.store.messages.page((await stage.lab.session("line")).id)
        assert page.items[0].state == "cancelled"

    play(story)


def without(body: dict[str, Any], *path: str) -> dict[str, Any]:
    """The same with an emptied part."""
    copy = json.loads(json.dumps(body))
    inner = copy
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = None
    return copy  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"event": "message_created"},
        {**written(), "private": True},
        {**written(), "message_type": "incoming"},
        {**written(), "message_type": 1},
        {**written(), "event": "message_updated"},
        {**written(), "event": "conversation_created"},
        {**written(), "source_id": "WAID:3EB0"},
        {**written(), "content": "  "},
        {**written(), "conversation": []},
        without(written(), "id"),
        without(written(), "conversation", "meta"),
        {**written(), "conversation": {**written()["conversation"], "messages": [{"id": 11, "source_id": "WAID:1"}]}},
    ],
)
def test_what_nobody_acts_on(body: dict[str, Any]) -> None:
    assert read(body) is None


def test_what_a_body_says() -> None:
    said = read(written(content_attributes={"in_reply_to_external_id": "WAID:3EB0AA"}))
    assert said == Written("11", f"{CUSTOMER}@s.whatsapp.net", "Olá", "Ana", (), "3EB0AA")
    template = read(written(message_type="template"))
    assert isinstance(template, Written)
    assert template.author is None
    phone = without(written(), "conversation", "meta", "sender", "identifier")
    assert isinstance(read(phone), Written)
    assert read({**written(), "event": "message_updated", "content_attributes": {"deleted": True}}) == Deleted("11")


@pytest.mark.parametrize(
    ("markdown", "marks"),
    [
        ("**a** e *b* e ~~c~~ e `d`", "*a* e _b_ e ~c~ e ```d```"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("linha\\\noutra\r\nmais", "linha\noutra\nmais"),
        ("```x```", "```x```"),
    ],
)
def test_marks(markdown: str, marks: str) -> None:
    assert whatsapp_text(markdown) == marks


def test_the_name_of_a_session_stays_out_of_its_token() -> None:
    async def story(stage: Stage) -> None:
        found = await stage.lab.store.sessions.by_name(SessionName("line"))
        assert found is not None
        token = stage.lab.gateway.chatwoot.address(found).partition("token=")[2]
        assert len(token) == 64
        assert set(token) <= set("0123456789abcdef")

    play(story)
