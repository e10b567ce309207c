"""Servers, what declares them, and what those who run the gateway ask: readiness, metrics, the description."""

import base64
import hashlib
import json
import re
from typing import Any, cast

import httpx
import msgspec
import pytest

from esteio.api import ops
from esteio.api.app import TABLE, Operations
from esteio.api.http.problems import KINDS
from esteio.api.http.qr_image import best_form
from esteio.api.http.request import language_of
from esteio.cli.local.serve import _check_key
from esteio.config import DeclaredServer, DeclaredSession
from esteio.core.model.ids import ServerName, SessionId
from esteio.core.model.server import Limits, Slot
from esteio.core.views.catalogue import fill
from esteio.engine.errors import CommandError
from esteio.store.base import NewMessage, Qr, ServerCommit, StoreFull
from esteio.texts import translations
from esteio.vault import WrongKey
from tests.api.conftest import Gateway, Run
from tests.narrowing import not_none

SERVER = {"name": "evo", "kind": "evolution", "base_url": "http://h:1/", "credentials": {"apikey": "first-secret"}}


def test_a_server_from_birth_to_death(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        made = await gateway.call("POST", "/v1/servers", {**SERVER, "limits": {"connects_in_flight": 3}})
        assert made.status_code == 201
        document = made.json()
        assert (document["base_url"], document["health"]["state"]) == ("http://h:1", "unknown")
        assert document["budget"] == {
            "open": 0,
            "connects_in_flight": 3,
            "seconds_between_connects": 3.0,
            "last_attempt_at": None,
            "sends_per_minute": 0,
            "sends_burst": 0,
        }
        assert ("server", "evo") in gateway.bells.rung
        assert "first-secret" not in (await gateway.call("GET", "/v1/servers")).text
        change = {
            "base_url": "https://new",
            "credentials": {"apikey": "second-secret"},
            "limits": {"connects_in_flight": 5},
        }
        changed = (await gateway.call("PATCH", "/v1/servers/evo", change)).json()
        assert (changed["base_url"], changed["limits"]["connects_in_flight"]) == ("https://new", 5)
        stored = await gateway.store.servers.get(ServerName("evo"))
        assert stored is not None
        assert b"second-secret" not in stored.sealed
        assert gateway.vault.unseal(stored.sealed, "server/evo") == {"apikey": "second-secret"}
        pace = {"limits": {"sends_per_minute": 90, "sends_burst": 20}}
        changed = (await gateway.call("PATCH", "/v1/servers/evo", pace)).json()
        assert (changed["budget"]["sends_per_minute"], changed["budget"]["sends_burst"]) == (90, 20)
        assert changed["limits"]["connects_in_flight"] == 5
        usual = {"limits": {"connects_in_flight": None, "seconds_between_connects": 0}}
        changed = (await gateway.call("PATCH", "/v1/servers/evo", usual)).json()
        assert changed["limits"] == {
            "connects_in_flight": None,
            "seconds_between_connects": 0,
            "sends_per_minute": 90,
            "sends_burst": 20,
        }
        unchanged = (await gateway.call("PATCH", "/v1/servers/evo", {})).json()
        assert unchanged == changed
        assert gateway.vault.unseal(
            not_none(await gateway.store.servers.get(ServerName("evo"))).sealed, "server/evo"
        ) == {"apikey": "second-secret"}
        assert (await gateway.call("DELETE", "/v1/servers/evo")).status_code == 204
        await gateway.refused(404, "unknown-server", "GET", "/v1/servers/evo")

    run(test)


def test_the_budget_counts_open_attempts_only(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        now = gateway.clock.now()
        server = not_none(await gateway.store.servers.get(ServerName("evo"))).server
        slots = (Slot(SessionId(1), "a", now + 60), Slot(SessionId(2), "b", now - 1))
        busy = msgspec.structs.replace(server, slots=slots, version="2.3.7")
        assert await gateway.store.decisions.commit_server(ServerCommit(busy))
        document = (await gateway.call("GET", "/v1/servers/evo")).json()
        assert document["budget"]["open"] == 1
        assert document["quirks"]

    run(test)


def test_quirks_are_told_in_the_readers_language(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        english = (await gateway.call("GET", "/v1/servers/evo")).json()["quirks"]
        headers = {"accept-language": "pt"}
        portuguese = (await gateway.call("GET", "/v1/servers/evo", headers=headers)).json()["quirks"]
        assert [one["name"] for one in english] == [one["name"] for one in portuguese]
        assert english[0]["text"] != portuguese[0]["text"]

    run(test)


DECLARED = DeclaredServer("evo", "evolution", "http://h:1", {"apikey": "first-secret"})


def test_what_is_declared_is_applied_once(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        sessions = [DeclaredSession("line", "evo", adopt=True)]
        planned = await gateway.commands.declared.apply([DECLARED], [], plan=True)
        assert [(one.what, one.kind, one.name) for one in planned] == [("add", "server", "evo")]
        assert await gateway.store.servers.all() == []
        done = await gateway.commands.declared.apply([DECLARED], sessions)
        assert [(one.what, one.kind, one.name) for one in done] == [
            ("add", "server", "evo"),
            ("add", "session", "line"),
        ]
        assert await gateway.commands.declared.apply([DECLARED], sessions) == []
        changed = msgspec.structs.replace(DECLARED, credentials={"apikey": "other"}, limits=Limits(2))
        (change,) = await gateway.commands.declared.apply([changed], sessions)
        assert (change.what, change.detail) == ("change", "credentials, limits")
        stored = await gateway.store.servers.get(ServerName("evo"))
        assert stored is not None
        assert (gateway.vault.unseal(stored.sealed, "server/evo"), stored.server.limits) == (
            {"apikey": "other"},
            Limits(2),
        )

    run(test)


@pytest.mark.parametrize(
    ("server", "session", "field"),
    [
        (msgspec.structs.replace(DECLARED, name="a b"), None, "a b"),
        (msgspec.structs.replace(DECLARED, kind="wapi"), None, "servers.evo.kind"),
        (DECLARED, DeclaredSession("x", "none"), "server"),
    ],
)
def test_what_is_declared_wrongly_is_refused(
    run: Run, server: DeclaredServer, session: DeclaredSession | None, field: str
) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        with pytest.raises(CommandError) as caught:
            await gateway.commands.declared.apply([server], [] if session is None else [session])
        assert caught.value.field == field

    run(test)


def test_a_vault_that_does_not_open_what_the_store_holds(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        await _check_key(cast("Any", gateway))
        await gateway.store.servers.change(ServerName("evo"), 0.0, sealed=b"sealed by somebody else")
        with pytest.raises(WrongKey):
            await _check_key(cast("Any", gateway))

    run(test)


def test_live_and_ready(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(gateway: Gateway) -> None:
        for path in ("/livez", "/readyz"):
            answer = await gateway.call("GET", path, key=None)
            assert (answer.status_code, answer.json()) == (200, {"status": "ok"})

        async def full(_now: float) -> None:
            raise StoreFull("disk")

        monkeypatch.setattr(gateway.store, "ping", full)
        # A stranger cannot make it write, and hears what the last write came to.
        for key in (None, "esk_wrong"):
            assert (await gateway.call("GET", "/readyz", key=key)).json() == {"status": "ok"}
        assert (await gateway.call("GET", "/readyz")).json() == {"status": "full"}
        gateway.store.database.write_error = "broken"
        assert (await gateway.call("GET", "/readyz", key=None)).json() == {"status": "broken"}
        gateway.waiters.closing = True
        answer = await gateway.call("GET", "/readyz", key=None)
        assert (answer.status_code, answer.json()) == (503, {"status": "closing"})
        assert (await gateway.call("GET", "/livez", key=None)).status_code == 200
        problem = await gateway.refused(503, "closing", "GET", "/v1/sessions")
        assert problem["retry_after_s"] > 0

    run(test)


def test_the_checks_tell_of_the_database_and_of_every_node(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        alone = (await gateway.call("GET", "/v1/gateway/checks")).json()
        assert (alone["database"]["kind"], alone["nodes"], alone["unowned_sessions"]) == ("sqlite", [], None)
        await gateway.add_server()
        await gateway.add_session()
        now, nodes = gateway.clock.now(), gateway.store.nodes
        await nodes.join("late", "http://late:8700", "1.0", 1.0, now - 9)
        await nodes.leave((await nodes.join("left", "http://left:8700", "1.0", 60.0, now - 9)).epoch, now)
        await nodes.join("alive", "http://alive:8700", "1.0", 60.0, now)
        told = (await gateway.call("GET", "/v1/gateway/checks")).json()
        assert {node["id"]: node["state"] for node in told["nodes"]} == {
            name: name for name in ("alive", "late", "left")
        }
        late = next(node for node in told["nodes"] if node["id"] == "late")
        assert late["heard_s_ago"] >= 9
        assert told["unowned_sessions"] == 1

    run(test)


def test_an_unexpected_error_tells_nothing_of_the_inside(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(gateway: Gateway) -> None:
        async def broken(**_how: int | None) -> None:
            raise RuntimeError("the password is hunter2")

        monkeypatch.setattr(gateway.store.sessions, "page", broken)
        answer = await gateway.call("GET", "/v1/sessions")
        assert (answer.status_code, answer.json()["code"]) == (500, "internal")
        assert "hunter2" not in answer.text

    run(test)


def test_a_full_disk(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        await gateway.add_session()

        async def full(*_what: NewMessage) -> None:
            raise StoreFull("disk")

        monkeypatch.setattr(gateway.store.messages, "accept", full)
        body = {"to": "5511999998888", "text": "oi"}
        problem = await gateway.refused(507, "storage-full", "POST", "/v1/sessions/line/messages", body)
        assert problem["retry_after_s"] > 0

    run(test)


def test_the_description_names_every_route_and_shape(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        described = (await gateway.call("GET", "/openapi.json", key=None)).json()
        named = {f"{m.upper()} {path}" for path, methods in described["paths"].items() for m in methods}
        assert named == {f"{one.method} {re.sub(r':path', '', one.path)}" for one in TABLE}
        schemas = described["components"]["schemas"]
        references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(described)))
        assert references <= set(schemas)
        ask = schemas["MessageRequest"]
        assert ask["additionalProperties"] is False
        assert ask["properties"]["priority"]["maximum"] == 9
        assert schemas["MessageDocument"]["properties"]["from"]
        assert schemas["SessionDocument"]["required"][:4] == ["name", "server", "phone", "state"]
        send = described["paths"]["/v1/sessions/{name}/messages"]["post"]
        assert {"Idempotency-Key", "Prefer", "name", "traceparent"} == {one["name"] for one in send["parameters"]}
        assert "507" in send["responses"]

    run(test)


def test_the_pages_load_nothing_from_elsewhere(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        answer: Any = None
        for path in ("/docs",):
            answer = await gateway.call("GET", path, key=None)
            assert answer.status_code == 200
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert not re.search(r"<script[^>]", answer.text)
            assert not re.search(r"(?:src|href)=\"(?:https?:)?//", answer.text)
            for script in re.findall(r"<script>(.*?)</script>", answer.text, re.DOTALL):
                known = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
                assert f"script-src 'sha256-{known}'" in answer.headers["content-security-policy"]
        for code in KINDS:
            assert f'id="{code}"' in answer.text
        assert "/v1/sessions/{name}/pair" in answer.text

    run(test)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "pt-BR"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("pt-PT", "pt-BR"),
        ("fr, de;q=0.9", "pt-BR"),
        ("fr, en;q=0.5", "en"),
        ("en;q=0.5, pt;q=0.8", "pt-BR"),
        ("en;q=0, *", "pt-BR"),
        ("*", "pt-BR"),
        ("en;q=x", "en"),
    ],
)
def test_the_language_that_is_liked_best(header: str, language: str) -> None:
    assert language_of(header, "pt-BR", ("pt-BR", "en")) == language


def test_problems_and_documents_speak_the_callers_language(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        titles = set()
        for header in ("pt-BR", "en", "fr"):
            answer = await gateway.call("GET", "/v1/sessions/none", headers={"accept-language": header})
            titles.add((answer.json()["title"], answer.headers["content-language"]))
        assert titles == {("Sessão não encontrada", "pt-BR"), ("No such session", "en")}
        await gateway.add_server()
        await gateway.add_session()
        answer = await gateway.call("GET", "/v1/sessions/line", headers={"accept-language": "pt"})
        assert "sessão" in answer.json()["reason"]["text"]

    run(test)


def test_a_default_language_of_the_settings(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        problem = (await gateway.call("GET", "/nowhere", headers={"accept-language": "fr"})).json()
        assert problem["title"] == "Nothing at this address"

    run(test, {"language": "en"})


def test_a_sentence_leaves_out_what_it_does_not_know() -> None:
    assert fill("a[ {x}] {y}[ {z}].", {"x": "1", "y": "2"}) == "a 1 2."


def test_the_form_of_a_qr() -> None:
    assert best_form("image/*") == "image/png"
    assert best_form("image/png;q=oops, image/svg+xml;q=0.2") == "image/svg+xml"
    assert best_form("text/html") == "application/json"


def test_head_is_answered_as_get_is_without_a_body(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        session = await gateway.add_session("line")
        now = gateway.clock.now()
        await gateway.store.qr_codes.put(session.id, Qr("2@x", "", 1, now, now + 60))
        for route in (*TABLE, *ops.described(dict, translations("en"))):
            path = re.sub(r"\{\w+\}", "line", route.path)
            if route.method != "GET" or path == "/v1/events":
                continue
            got, head = await gateway.call("GET", path), await gateway.call("HEAD", path)
            assert head.content == b"", path
            assert head.status_code == got.status_code, path
            for name in ("content-type", "cache-control", "content-length"):
                if path != "/metrics" or name != "content-length":
                    assert head.headers.get(name) == got.headers.get(name), (path, name)
        assert (await gateway.call("HEAD", "/v1/nothing")).status_code == 404
        refused = await gateway.call("PUT", "/v1/servers/evo")
        assert (refused.status_code, refused.headers["allow"]) == (405, "DELETE, GET, HEAD, OPTIONS, PATCH")
        assert (await gateway.call("HEAD", "/v1/webhooks/x/test")).status_code == 405
        assert (await gateway.call("HEAD", "/v1/events")).headers["content-type"] == "text/event-stream"

    run(test)


def test_slashes_too_many_lead_to_the_same_address(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        for spelled in ("/v1/servers", "/v1/servers/", "//v1//servers"):
            assert (await gateway.call("GET", f"http://esteio{spelled}")).status_code == 200, spelled
        token = "t" * 32
        for spelled in (f"/in/{token}/", f"/in/{token}/a", f"//in/{token}/a/"):
            await gateway.refused(404, "unknown-token", "POST", f"http://esteio{spelled}", {})
        await gateway.refused(404, "not-found", "POST", "http://esteio//in//", {})

    run(test)


def test_options_tells_what_an_address_takes(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        answer = await gateway.call("OPTIONS", "/v1/sessions/line/messages", key=None)
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
        assert (await gateway.call("OPTIONS", "/v1/nothing", key=None)).status_code == 404

    run(test)


def test_every_text_names_one_character_set(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        for path in ("/docs", "/metrics"):
            assert (await gateway.call("GET", path)).headers["content-type"].count("charset") == 1

    run(test)


def test_the_listener_of_its_own_needs_no_key_and_has_nothing_else(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        alone = Operations(gateway.api)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=alone), base_url="http://own") as own:
            for path in ("/metrics", "/livez", "/readyz"):
                assert (await own.get(path)).status_code == 200
                assert (await own.head(path)).content == b""
            for path in ("/v1/sessions", "/", "/docs", "/metrics/x"):
                assert (await own.get(path)).status_code == 404
            assert (await own.post("/metrics")).status_code == 404
        assert (await gateway.call("GET", "/metrics", key=None)).status_code == 401

    run(test)
