"""Every way to ask wrongly: a stable code, a sentence, and nothing half done (contract §6)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from esteio.config import Settings
from tests.api.conftest import Gateway, Run

MESSAGES = "/v1/sessions/line/messages"
GOOD = {"to": "5511999998888", "text": "oi"}


async def ready(gateway: Gateway) -> None:
    await gateway.add_server()
    await gateway.add_session()
    await gateway.live()


async def nothing_accepted(gateway: Gateway) -> None:
    page = await gateway.call("GET", MESSAGES)
    assert page.json()["items"] == []


BODIES: list[tuple[Any, str, str | None, str | None]] = [
    # not JSON at all
    (b"{", "invalid-json", None, None),
    (b"<html>", "invalid-json", None, None),
    (b'{"to": "\xff"}', "invalid-json", None, None),
    (b"[" * 5000, "invalid-value", "body", None),
    (b"[1]", "invalid-value", "body", None),
    (b"null", "invalid-value", "body", None),
    (b'{"to":"5511999998888","text":"a\\u0000b"}', "invalid-value", "body", None),
    # fields
    ({**GOOD, "txt": "x"}, "unknown-field", "txt", "text"),
    ({**GOOD, "piority": 1}, "unknown-field", "piority", "priority"),
    ({"to": "5511999998888", "media": {"kind": "image", "ulr": "x"}}, "unknown-field", "media.ulr", "media.url"),
    (
        {"to": "5511999998888", "contacts": [{"nam": "x", "phone": "1"}]},
        "unknown-field",
        "contacts[0].nam",
        "contacts[0].name",
    ),
    ({"text": "oi"}, "invalid-value", "to", None),
    ({"to": "5511999998888"}, "invalid-value", "text", None),
    ({**GOOD, "location": {"latitude": 1, "longitude": 1}}, "invalid-value", "location", None),
    ({**GOOD, "caption": "x"}, "invalid-value", "caption", None),
    # types, enumerations, ranges
    ({**GOOD, "text": 1}, "invalid-value", "text", None),
    ({**GOOD, "text": ""}, "invalid-value", "text", None),
    ({**GOOD, "priority": 10}, "invalid-value", "priority", None),
    ({**GOOD, "priority": True}, "invalid-value", "priority", None),
    ({**GOOD, "priority": "5"}, "invalid-value", "priority", None),
    ({**GOOD, "expires_in_s": 0}, "invalid-value", "expires_in_s", None),
    ({**GOOD, "on_down": "wait"}, "invalid-value", "on_down", None),
    ({"to": "5511999998888", "location": {"latitude": 91, "longitude": 0}}, "invalid-value", "location.latitude", None),
    ({"to": "5511999998888", "poll": {"question": "?", "options": ["a"]}}, "invalid-value", "poll.options", None),
    ({"to": "5511999998888", "poll": {"question": "?", "options": ["a", "a"]}}, "invalid-value", "poll.options", None),
    (
        {"to": "5511999998888", "poll": {"question": "?", "options": ["a", "b"], "choices": 3}},
        "invalid-value",
        "poll.choices",
        None,
    ),
    ({"to": "5511999998888", "media": {"kind": "image"}}, "invalid-value", "media", None),
    ({"to": "5511999998888", "media": {"kind": "gif", "url": "x"}}, "invalid-value", "media.kind", None),
    ({"to": "5511999998888", "media": {"kind": "image", "base64": "###"}}, "invalid-value", "media.base64", None),
    ({"to": "5511999998888", "media": {"kind": "image", "base64": ""}}, "invalid-value", "media.base64", None),
    (
        {"to": "5511999998888", "media": {"kind": "image", "url": "file:///etc/passwd"}},
        "invalid-value",
        "media.url",
        None,
    ),
    # phones
    ({**GOOD, "to": "nobody"}, "invalid-phone", "to", None),
    ({**GOOD, "to": "123"}, "invalid-phone", "to", None),
    ({**GOOD, "to": "5511999998888@g.us.evil"}, "invalid-phone", "to", None),
    ({**GOOD, "mentions": ["5511999998888", "x"]}, "invalid-phone", "mentions[1]", None),
    ({"to": "5511999998888", "contacts": [{"name": "A", "phone": "x"}]}, "invalid-phone", "contacts[0].phone", None),
    # what it names elsewhere
    ({**GOOD, "quote": "msg_none"}, "unknown-message", "quote", None),
    (
        {"to": "5511999998888", "reaction": {"message": "msg_none", "emoji": "👍"}},
        "unknown-message",
        "reaction.message",
        None,
    ),
    *[
        ({"to": "5511999998888", "media": {"kind": "image", "url": url}}, "target-not-allowed", "media.url", None)
        for url in (
            "http://127.0.0.1/a.png",
            "http://localhost/a.png",
            "http://[::1]/a.png",
            "http://[::ffff:10.0.0.1]/a",
            "http://169.254.169.254/latest/meta-data",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://10.0.0.8:80/a",
            "http://100.64.0.1/",
            "http://inside.example/a.png",
            "https://nowhere.example/a.png",
        )
    ],
]


@pytest.mark.parametrize(("body", "code", "field", "near"), BODIES)
def test_a_message_that_cannot_be(
    run: Run, body: bytes | dict[str, Any], code: str, field: str | None, near: str | None
) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        problem = await gateway.refused(400, code, "POST", MESSAGES, body)
        assert problem.get("field") == field
        if near is not None:
            assert near in problem["detail"]
        await nothing_accepted(gateway)

    run(test)


def test_sizes(run: Run, settings: Settings) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        await gateway.refused(413, "too-large", "POST", MESSAGES, {**GOOD, "text": "x" * settings.max_body_bytes})
        media: dict[str, Any] = {"to": GOOD["to"], "media": {"kind": "image", "base64": "QUJD" * 7000}}
        assert (await gateway.call("POST", MESSAGES, media)).status_code == 202
        media["media"]["base64"] = "QUJD" * 20_004
        await gateway.refused(413, "too-large", "POST", MESSAGES, media)
        await gateway.refused(413, "too-large", "POST", MESSAGES, b" " * (settings.max_carried_bytes + 1))
        await gateway.refused(413, "too-large", "POST", "/v1/servers", b" " * (settings.max_body_bytes + 1))

        async def unannounced() -> AsyncIterator[bytes]:
            for _ in range(100):
                yield b" " * 4096

        await gateway.refused(413, "too-large", "POST", "/v1/servers", content=unannounced())

    run(test)


def test_an_allowed_network_may_be_pointed_into(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        media: dict[str, Any] = {"to": GOOD["to"], "media": {"kind": "image", "url": "http://inside.example/a.png"}}
        assert (await gateway.call("POST", MESSAGES, media)).status_code == 202
        media["media"]["url"] = "http://192.168.0.1/a.png"
        await gateway.refused(400, "target-not-allowed", "POST", MESSAGES, media)

    run(test, {"allow_targets": ("10.0.0.0/8",)})


SERVER = {"name": "s", "kind": "evolution", "base_url": "http://h:1", "credentials": {"apikey": "abcdef"}}
SESSION = {"name": "two", "server": "evo", "wait_s": 0}


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "field"),
    [
        ("/v1/servers", {**SERVER, "name": "a b"}, 400, "invalid-value", "name"),
        ("/v1/servers", {**SERVER, "name": "a\n"}, 400, "invalid-value", "name"),
        ("/v1/servers", {**SERVER, "name": "x" * 65}, 400, "invalid-value", "name"),
        ("/v1/servers", {**SERVER, "kind": "evolutoin"}, 400, "invalid-value", "kind"),
        ("/v1/servers", {**SERVER, "base_url": "ftp://h"}, 400, "invalid-value", "base_url"),
        ("/v1/servers", {**SERVER, "base_url": "http://u:p@h"}, 400, "invalid-value", "base_url"),
        ("/v1/servers", {**SERVER, "credentials": {}}, 400, "invalid-value", "credentials.apikey"),
        (
            "/v1/servers",
            {**SERVER, "credentials": {"apikey": "x", "tok": "y"}},
            400,
            "unknown-field",
            "credentials.tok",
        ),
        ("/v1/servers", {**SERVER, "limits": {"connects": 1}}, 400, "unknown-field", "limits.connects"),
        ("/v1/servers", {**SERVER, "name": "evo"}, 409, "name-taken", "name"),
        ("/v1/sessions", {**SESSION, "name": "../x"}, 400, "invalid-value", "name"),
        ("/v1/sessions", {**SESSION, "server": "evx"}, 400, "unknown-server", "server"),
        ("/v1/sessions", {**SESSION, "policy": "defualt"}, 400, "invalid-value", "policy"),
        ("/v1/sessions", {**SESSION, "phone": "12"}, 400, "invalid-phone", "phone"),
        ("/v1/sessions", {**SESSION, "wait_s": 61}, 400, "invalid-value", "wait_s"),
        ("/v1/sessions", {**SESSION, "ref": {"token": "x"}}, 400, "unknown-field", "ref.token"),
        ("/v1/sessions", {**SESSION, "name": "line"}, 409, "name-taken", "name"),
        ("/v1/sessions/line/pair", {"phone_number": "x"}, 400, "invalid-phone", "phone_number"),
        ("/v1/sessions/line/recover", {"now": True}, 400, "unknown-field", "now"),
        ("/v1/keys", {"name": "k", "role": "root"}, 400, "invalid-value", "role"),
        ("/v1/keys", {"name": "k", "role": "read", "expires_at": "tomorrow"}, 400, "invalid-value", "expires_at"),
        (
            "/v1/keys",
            {"name": "k", "role": "read", "expires_at": "2020-01-01T00:00:00Z"},
            400,
            "invalid-value",
            "expires_at",
        ),
    ],
)
def test_servers_sessions_and_keys_that_cannot_be(
    run: Run, path: str, body: dict[str, Any], status: int, code: str, field: str
) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        problem = await gateway.refused(status, code, "POST", path, body)
        assert problem["field"] == field
        assert len((await gateway.call("GET", "/v1/servers")).json()["items"]) == 1
        assert len((await gateway.call("GET", "/v1/sessions")).json()["items"]) == 1
        assert (await gateway.call("GET", "/v1/keys")).json()["items"] == []

    run(test)


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/v1/servers/none", "unknown-server"),
        ("PATCH", "/v1/servers/none", "unknown-server"),
        ("DELETE", "/v1/servers/none", "unknown-server"),
        ("GET", "/v1/sessions/none", "unknown-session"),
        ("DELETE", "/v1/sessions/none", "unknown-session"),
        ("GET", "/v1/sessions/none/qr", "unknown-session"),
        ("GET", "/v1/sessions/none/timeline", "unknown-session"),
        ("GET", "/v1/sessions/none/messages", "unknown-session"),
        ("POST", "/v1/sessions/none/messages", "unknown-session"),
        ("POST", "/v1/sessions/none/pause", "unknown-session"),
        ("GET", "/v1/messages/none", "unknown-message"),
        ("POST", "/v1/messages/none/retry", "unknown-message"),
        ("POST", "/v1/messages/none/cancel", "unknown-message"),
        ("POST", "/v1/approvals/none/approve", "unknown-approval"),
        ("POST", "/v1/approvals/none/reject", "unknown-approval"),
        ("DELETE", "/v1/keys/none", "unknown-key"),
        ("POST", "/in/none", "unknown-token"),
        ("POST", "/in/none/connection-update", "unknown-token"),
        ("GET", "/v1/nothing", "not-found"),
        ("GET", "/v2/sessions", "not-found"),
    ],
)
def test_what_does_not_exist(run: Run, method: str, path: str, code: str) -> None:
    async def test(gateway: Gateway) -> None:
        body: dict[str, Any] | None = {} if method != "GET" else None
        if path.endswith("messages"):
            body = GOOD if method == "POST" else None
        await gateway.refused(404, code, method, path, body)

    run(test)


def test_a_method_that_is_not_taken(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        problem = await gateway.refused(405, "method-not-allowed", "PUT", "/v1/servers", {})
        assert "PUT" in problem["detail"]
        await gateway.refused(405, "method-not-allowed", "GET", "/in/token")

    run(test)


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("stat=connected", "unknown-field", "stat"),
        ("state=conected", "invalid-value", "state"),
        ("limit=0", "invalid-value", "limit"),
        ("limit=501", "invalid-value", "limit"),
        ("limit=-1", "invalid-value", "limit"),
        ("limit=²", "invalid-value", "limit"),
        ("limit=99999999999999999999", "invalid-value", "limit"),
    ],
)
def test_a_query_that_cannot_be(run: Run, query: str, code: str, field: str) -> None:
    async def test(gateway: Gateway) -> None:
        problem = await gateway.refused(400, code, "GET", f"/v1/sessions?{query}")
        assert problem["field"] == field

    run(test)


def test_a_server_with_sessions_stays(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        await gateway.refused(409, "in-use", "DELETE", "/v1/servers/evo")
        await gateway.call("DELETE", "/v1/sessions/line")
        assert (await gateway.call("DELETE", "/v1/servers/evo")).status_code == 204

    run(test)


@pytest.mark.parametrize(
    "cursor", ["xyz", "0", "1", "-1", "%F0%9F%98%80", "====", "bmFtZTp4", "a" * 5000, "c2Vzc2lvbnM6", "m"]
)
@pytest.mark.parametrize(
    "path",
    [
        "/v1/sessions",
        MESSAGES,
        "/v1/sessions/line/timeline",
        "/v1/inbox",
        "/v1/dead-letters",
        "/v1/webhooks/{hook}/deliveries",
    ],
)
def test_a_cursor_that_is_none(run: Run, path: str, cursor: str) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        hook = (await gateway.call("POST", "/v1/webhooks", {"url": "https://hooks.example/x"})).json()["id"]
        at = path.format(hook=hook)
        answer = await gateway.call("GET", f"{at}?after={cursor}")
        # Where the place is a plain number (contract: `timeline?after=`), any number is one.
        number = cursor in ("0", "1") and at not in ("/v1/sessions", MESSAGES, "/v1/dead-letters")
        if number and not (cursor == "0" and "deliveries" in at):
            assert answer.status_code == 200
        else:
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid-value")
            assert answer.json()["field"] == "after"

    run(test)


def test_a_cursor_of_another_list_is_none(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        for name in ("line", "other"):
            await gateway.add_session(name)
            for _ in range(2):
                await gateway.call("POST", f"/v1/sessions/{name}/messages", GOOD)
        sessions = (await gateway.call("GET", "/v1/sessions?limit=1")).json()["next"]
        messages = (await gateway.call("GET", f"{MESSAGES}?limit=1")).json()["next"]
        assert len((await gateway.call("GET", f"/v1/sessions?limit=1&after={sessions}")).json()["items"]) == 1
        assert len((await gateway.call("GET", f"{MESSAGES}?limit=1&after={messages}")).json()["items"]) == 1
        await gateway.refused(400, "invalid-value", "GET", f"/v1/sessions?after={messages}")
        await gateway.refused(400, "invalid-value", "GET", f"{MESSAGES}?after={sessions}")

    run(test)


@pytest.mark.parametrize("name", [".", ".."])
def test_names_that_are_paths(run: Run, name: str) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        server = {"name": name, "kind": "evolution", "base_url": "http://h.example", "credentials": {"apikey": "k"}}
        await gateway.refused(400, "invalid-value", "POST", "/v1/servers", server)
        await gateway.refused(400, "invalid-value", "POST", "/v1/sessions", {"name": name, "server": "evo"})
        body = {"name": "new", "server": "evo", "ref": {"instance_name": name}}
        problem = await gateway.refused(400, "invalid-value", "POST", "/v1/sessions", body)
        assert problem["field"] == "ref.instance_name"

    run(test)


HOOK = {"url": "https://hooks.example/x"}
MEDIA = {"to": "5511999998888", "media": {"kind": "foto"}}
WAHA = {"name": "s", "kind": "waha", "base_url": "http://h.example"}
FORMATS = "standard, evolution, cloudevents"


@pytest.mark.parametrize(
    ("method", "path", "body", "field", "allowed"),
    [
        ("POST", MESSAGES, MEDIA, "media.kind", "image, video, audio, document, sticker"),
        ("POST", MESSAGES, {**GOOD, "on_down": "wait"}, "on_down", "hold, fail"),
        ("POST", "/v1/keys", {"name": "k", "role": "root"}, "role", "admin, operate, send, read"),
        ("POST", "/v1/webhooks", {**HOOK, "format": "xml"}, "format", FORMATS),
        ("PATCH", "/v1/webhooks/{hook}", {"format": "xml"}, "format", FORMATS),
        ("POST", "/v1/webhooks", {**HOOK, "events": ["messages"]}, "events", "message.received"),
        ("POST", "/v1/servers", WAHA, "kind", "baileys, evolution, wapi"),
        ("POST", "/v1/sessions", {"name": "s", "server": "evo", "policy": "kind"}, "policy", "default"),
        ("GET", "/v1/sessions?state=open", None, "state", "connecting, awaiting_qr, connected"),
        ("GET", "/v1/dead-letters?kind=x", None, "kind", "message, event"),
    ],
)
def test_what_is_allowed_is_said_in_the_readers_language(
    run: Run, method: str, path: str, body: dict[str, Any] | None, field: str, allowed: str
) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        hook = (await gateway.call("POST", "/v1/webhooks", HOOK)).json()["id"]
        for language, word in (("en", "Allowed: "), ("pt-BR", "Valores aceitos: ")):
            at = path.format(hook=hook)
            answer = await gateway.call(method, at, body, headers={"accept-language": language})
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid-value")
            assert answer.json()["field"] == field
            assert word in answer.json()["detail"]
            assert allowed in answer.json()["detail"]

    run(test)
