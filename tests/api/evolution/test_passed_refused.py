"""Where a call at the door may not go, whom it is done for, and that what is owned is never handed through."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from esteio.api.evolution.passed_place import Place, place_of
from esteio.engine.errors import CommandError
from esteio.providers.evolution import Evolution
from esteio.providers.pass_through import PassedCall
from tests.api.evolution.passed_stage import ADMIN, Asked, Stage, plain, play


async def fine(asked: Asked) -> None:
    await asked.say(plain(200, b"{}", "content-type: application/json"))


def refusal(path: str, query: bytes = b"", method: str = "POST") -> str:
    with pytest.raises(CommandError) as told:
        place_of(method, path, query)
    return told.value.code


@pytest.mark.parametrize(
    "path",
    [
        "/chat/findChats/loja%2F..%2Fother", "/chat/findChats/loja%2fother", "/chat/%2e%2e/findChats/loja",
        "/chat/./findChats/loja", "/chat/findChats/..", "/chat/find;x/loja", "/chat/findChats/loja%3Bx",
        "/chat/findChats/loja%5Cother", "/chat/findChats/loja\\other", "/chat/findChats/loja%3Fx",
        "/chat/findChats/loja%23x", "/chat/findChats/loja%00", "/chat/findChats/loja%0d%0aX-Y", "/chat/x%252fy/loja",
        "/chat/%20/loja", "/instance%2flogout/x/loja",
    ],
)  # fmt: skip
def test_a_path_that_could_be_read_as_another_place_goes_nowhere(path: str) -> None:
    assert refusal(path) == "door-place-unclear"


@pytest.mark.parametrize(
    "query",
    [
        "instanceName=other", "a=1&instanceName=other", "instanceId=7", "INSTANCENAME=x", "%69nstanceName=other",
        "instanceName[]=other", "instanceName%5B%5D=other", "a=1;instanceName=other", "__proto__[instanceName]=x",
        "instanceName", "+instanceName=x",
    ],
)  # fmt: skip
def test_a_query_that_names_an_instance_would_win_over_the_path(query: str) -> None:
    assert Evolution().names_instance(PassedCall("GET", "/chat/findChats/{instance}", query))
    assert not Evolution().names_instance(PassedCall("GET", "/chat/findChats/{instance}", "name=instanceName&x=1"))


@pytest.mark.parametrize("query", [b"a=\xff", b"a=1 b", b"a=\r\nx"])
def test_a_query_that_is_none_goes_nowhere(query: bytes) -> None:
    assert refusal("/chat/findChats/loja", query, "GET") == "door-place-unclear"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/instance/anything/loja", "door-acts-on-link"),
        ("/INSTANCE/Logout/loja", "door-acts-on-link"),
        ("/%69nstance/logout/loja", "door-acts-on-link"),
        ("/baileys/sendNode/loja", "door-acts-on-link"),
        ("/message/sendHologram/loja", "door-sends-itself"),
        ("/webhook/reset/loja", "door-keeps-webhooks"),
        ("/chatwoot/import/loja", "door-keeps-webhooks"),
        ("/socket.io", "door-no-websocket"),
        ("/socket.io/a/loja", "door-no-websocket"),
        ("/manager", "door-not-here"),
        ("/metrics", "door-not-here"),
        ("/license/status/loja", "door-not-here"),
    ],
)
def test_what_could_act_on_the_link_or_is_of_the_whole_server_goes_nowhere(path: str, code: str) -> None:
    assert refusal(path) == code


@pytest.mark.parametrize("path", ["/", "/x", "/chat/findChats", "/a/b/c/d/e/f/g", "/settings/find"])
def test_what_names_no_instance_is_no_call(path: str) -> None:
    assert place_of("GET", path, b"") is None
    assert place_of("TRACE", "/chat/findChats/loja", b"") is None


@pytest.mark.parametrize(
    ("method", "path", "role"),
    [
        ("GET", "/group/fetchAllGroups/loja", "read"),
        ("HEAD", "/settings/find/loja", "read"),
        ("GET", "/typebot/fetchSessions/cm3/loja", "read"),
        ("GET", "/group/acceptInviteCode/loja", "send"),
        ("GET", "/openai/creds/loja", "operate"),
        ("GET", "/proxy/find/loja", "operate"),
        ("GET", "/n8n/find/loja", "operate"),
        ("HEAD", "/Dify/fetch/cm3/loja", "operate"),
        ("GET", "/evolutionBot/find/loja", "operate"),
        ("POST", "/chat/findChats/loja", "send"),
        ("PUT", "/Group/updateSubject/loja", "send"),
        ("POST", "/call/offer/loja", "send"),
        ("POST", "/label/handleLabel/loja", "send"),
        ("POST", "/business/getCatalog/loja", "send"),
        ("POST", "/proxy/set/loja", "operate"),
        ("DELETE", "/dify/delete/cm3/loja", "operate"),
        ("POST", "/whatever/it/loja", "operate"),
    ],
)
def test_a_look_needs_a_reader_an_act_towards_people_a_sender_and_all_else_an_operator(
    method: str, path: str, role: str
) -> None:
    place = place_of(method, path, b"a=b")
    assert place is not None
    assert (place.role, place.instance, place.query) == (role, "loja", "a=b")


def test_words_keep_their_meaning_and_lose_what_is_only_spelling() -> None:
    place = place_of("GET", "//typebot///fetchSessions/a%20b%C3%A7/loja%201/", b"x=%2F")
    assert place == Place("loja 1", "/typebot/fetchSessions/a%20b%C3%A7/{instance}", "x=%2F", "read")


# -- at the door -------------------------------------------------------------------------------------------------


def test_each_refusal_is_a_sentence_in_evolutions_shape_and_nothing_reaches_the_server() -> None:
    async def test(stage: Stage) -> None:
        stage.stub.answer = fine
        assert await stage.refused("POST", "/instance/hijack/loja") == (501, "door-acts-on-link")
        assert await stage.refused("GET", "/chat/findChats/loja%2fx") == (400, "door-place-unclear")
        assert await stage.refused("GET", "/chat/findChats/loja?instanceName=other") == (400, "door-place-unclear")
        assert await stage.refused("GET", "/chat/findChats/loja?next=/Instance") == (400, "door-place-unclear")
        assert await stage.refused("GET", "/typebot/fetch/instance/loja") == (400, "door-place-unclear")
        assert await stage.refused("GET", "/socket.io/?EIO=4") == (501, "door-no-websocket")
        upgrade: dict[str, Any] = {"connection": "Upgrade", "upgrade": "websocket"}
        assert await stage.refused("GET", "/chat/findChats/loja", **upgrade) == (501, "door-no-websocket")
        assert await stage.refused("GET", "/manager") == (404, "door-not-here")
        assert await stage.refused("GET", "/nothing") == (404, "")
        assert await stage.refused("GET", "/chat/findChats/nobody") == (404, "")
        assert stage.stub.asked == []

    play(test)


def test_a_real_websocket_handshake_is_refused() -> None:
    async def test(stage: Stage) -> None:
        with pytest.raises(aiohttp.WSServerHandshakeError) as told:
            await stage.http.ws_connect(stage.url + "/loja", headers={"apikey": ADMIN})
        assert told.value.status in (403, 501)

    play(test)


def test_nothing_is_told_or_passed_without_a_key_and_a_key_reaches_its_own_sessions() -> None:
    async def test(stage: Stage) -> None:
        stage.stub.answer = fine
        await stage.add("outra")
        key = await stage.key("operate", "loja")
        for path in ("/chat/findChats/loja", "/instance/hijack/loja", "/chat/findChats/loja%2fx"):
            assert (await stage.refused("POST", path, key=None))[0] == 401
            assert (await stage.refused("POST", path, key="wrong-key-of-somebody"))[0] == 401
        assert (await stage.call("POST", "/chat/findChats/loja", b"{}", key=key))[0] == 200
        assert (await stage.refused("POST", "/chat/findChats/outra", b"{}", key=key))[0] == 401
        assert len(stage.stub.asked) == 1

    play(test)


@pytest.mark.parametrize(("role", "passes"), [("read", 1), ("send", 2), ("operate", 3)])
def test_a_key_does_what_its_role_allows(role: str, passes: int) -> None:
    async def test(stage: Stage) -> None:
        stage.stub.answer = fine
        key = await stage.key(role)
        asked = [("GET", "/group/inviteCode/loja"), ("POST", "/chat/findChats/loja"), ("POST", "/proxy/set/loja")]
        got = [(await stage.call(method, path, b"{}", key=key))[0] for method, path in asked]
        assert got == [200] * passes + [403] * (3 - passes)
        assert len(stage.stub.asked) == passes

    play(test)


def test_a_session_on_another_kind_of_server_is_told_so() -> None:
    async def test(stage: Stage) -> None:
        await stage.add("bai", "baileys")
        assert await stage.refused("POST", "/chat/findChats/bai", b"{}") == (501, "not-passed")
        assert stage.stub.asked == []

    play(test)


def test_a_call_of_ours_in_another_case_or_with_more_slashes_is_ours() -> None:
    async def test(stage: Stage) -> None:
        stage.stub.answer = fine
        for path in ("//verify-creds", "/Verify-Creds", "/VERIFY-CREDS/"):
            status, _, body = await stage.call("POST", path)
            assert (status, b"Credentials are valid" in body) == (200, True), path
        status, _, _ = await stage.call("POST", "//chat//findChats//loja", b"{}")
        assert status == 200
        assert stage.stub.asked[0].line.startswith("POST /chat/findChats/loja%201 ")

    play(test)


def test_a_page_of_another_origin_may_read_the_answer_and_is_told_so_once() -> None:
    async def test(stage: Stage) -> None:
        async def answer(asked: Asked) -> None:
            await asked.say(plain(200, b"{}", "access-control-allow-origin: *", "access-control-allow-methods: GET"))

        stage.stub.answer = answer
        headers = {"apikey": ADMIN, "origin": "https://manager.example"}
        async with stage.http.get(stage.url + "/chat/findChats/loja", headers=headers) as answered:
            assert answered.headers.getall("access-control-allow-origin") == ["https://manager.example"]
            assert "access-control-allow-methods" not in answered.headers

    play(test)


def test_many_calls_at_once_wait_for_their_turn_and_take_no_place_of_others() -> None:
    async def test(stage: Stage) -> None:
        goes_on, under_way = asyncio.Event(), 0

        async def answer(asked: Asked) -> None:
            nonlocal under_way
            under_way += 1
            await goes_on.wait()
            under_way -= 1
            await fine(asked)

        stage.stub.answer = answer
        calls = [asyncio.ensure_future(stage.call("GET", "/chat/findChats/loja")) for _ in range(40)]
        while under_way < 32:
            await asyncio.sleep(0.01)
        assert len(stage.stub.asked) == 32
        goes_on.set()
        assert {status for status, _, _ in await asyncio.gather(*calls)} == {200}

    play(test)
