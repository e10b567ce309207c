"""Tenants as their operator manages them: made, bounded, suspended, emptied, taken away; and what their keys hear."""

from __future__ import annotations

import asyncio

from tests.api.conftest import Gateway, Run
from tests.api.stream import Reader
from tests.api.tenants.two_tenants import MINE, SHARED, THEIRS, key_of, shared, tenant, two

SEND = {"to": "5511999998888", "text": "oi"}


def test_a_tenant_from_its_making_to_its_end(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        body = {"name": "acme", "title": "Padaria Acme", "quotas": {"sessions": 2}}
        made = await gateway.call("POST", "/v1/tenants", body)
        assert made.status_code == 201
        document = made.json()
        assert (document["name"], document["title"], document["enabled"]) == ("acme", "Padaria Acme", True)
        assert document["quotas"] == {"sessions": 2, "messages_per_day": None, "webhooks": None, "servers": None}
        assert document["usage"]["resets_at"].endswith("T00:00:00.000Z")
        await gateway.refused(409, "name-taken", "POST", "/v1/tenants", body)
        listed = (await gateway.call("GET", "/v1/tenants")).json()["items"]
        assert [(one["name"], one["created_at"] is None) for one in listed] == [("acme", False), ("default", True)]
        changed = (await gateway.call("PATCH", "/v1/tenants/acme", {"quotas": {"sessions": None, "servers": 1}})).json()
        assert changed["quotas"] == {"sessions": None, "messages_per_day": None, "webhooks": None, "servers": 1}
        key = await key_of(gateway, "acme")
        await gateway.refused(409, "tenant-in-use", "DELETE", "/v1/tenants/acme")
        assert (await gateway.call("GET", "/v1/tenants/acme")).json()["usage"]["keys"] == 1
        mine = (await gateway.call("GET", "/v1/keys", key=key)).json()["items"]
        assert [(one["name"], one["tenant"]) for one in mine] == [("of acme", "acme")]
        assert (await gateway.call("DELETE", f"/v1/keys/{mine[0]['id']}")).status_code == 204
        assert (await gateway.call("DELETE", "/v1/tenants/acme")).status_code == 204
        await gateway.refused(404, "unknown-tenant", "GET", "/v1/tenants/acme")
        await gateway.refused(404, "unknown-tenant", "DELETE", "/v1/tenants/acme")
        await gateway.refused(404, "unknown-tenant", "PATCH", "/v1/tenants/acme", {})
        await gateway.refused(409, "tenant-in-use", "DELETE", "/v1/tenants/default")

    run(test)


def test_a_slug_is_a_slug(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        for name in ("", "Acme", "a.b", "-a", "a-", "a b", "ç", "a" * 33, ":a", "a\n"):
            await gateway.refused(400, "invalid-value", "POST", "/v1/tenants", {"name": name, "title": "x"})
        for name in ("a", "a-1", "0" * 32):
            assert (await gateway.call("POST", "/v1/tenants", {"name": name, "title": "x"})).status_code == 201

    run(test)


def test_a_gateway_that_never_heard_of_tenants_says_nothing_of_them(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        await gateway.add_session("line")
        await gateway.call("POST", "/v1/webhooks", {"url": "https://hooks.example/x", "sessions": ["line"]})
        await gateway.call("POST", "/v1/webhooks", {"url": "https://hooks.example/x"})
        for body in ({"name": "k", "role": "read"}, {"name": "k", "role": "read", "sessions": ["line"]}):
            assert "tenant" not in (await gateway.call("POST", "/v1/keys", body)).text
        for path in ("sessions", "sessions/line", "servers", "servers/evo", "webhooks", "keys", "approvals"):
            assert "tenant" not in (await gateway.call("GET", f"/v1/{path}")).text, path

    run(test)


def test_the_operator_sees_whose_each_thing_is(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await two(gateway)
        for path, whose in (
            ("sessions/acme-line", "acme"), ("sessions/bravo-line", "bravo"), ("servers/server-acme", "acme"),
        ):  # fmt: skip
            assert (await gateway.call("GET", f"/v1/{path}")).json()["tenant"] == whose
        assert "tenant" not in (await gateway.call("GET", "/v1/servers/evo")).json()
        hooks = (await gateway.call("GET", "/v1/webhooks")).json()["items"]
        assert sorted(one["tenant"] for one in hooks) == ["acme", "bravo"]

    run(test)


def test_quotas_are_refused_with_their_code_in_both_languages(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await shared(gateway)
        await tenant(gateway, MINE, sessions=1, messages_per_day=1, webhooks=1, servers=0)
        key = await key_of(gateway, MINE)
        session = {"name": "a", "server": SHARED, "wait_s": 0}
        assert (await gateway.call("POST", "/v1/sessions", session, key=key)).status_code == 201
        assert (
            await gateway.call("POST", "/v1/webhooks", {"url": "https://hooks.example/x"}, key=key)
        ).status_code == 201
        assert (await gateway.call("POST", "/v1/sessions/a/messages", SEND, key=key)).status_code == 202
        server = {"name": "s", "kind": "wapi", "base_url": "http://h.example", "tenant": MINE}
        tried = (
            (409, "quota-sessions", "/v1/sessions", {**session, "name": "b"}, key),
            (409, "quota-webhooks", "/v1/webhooks", {"url": "https://hooks.example/y"}, key),
            (429, "quota-messages", "/v1/sessions/a/messages", SEND, key),
            (409, "quota-servers", "/v1/servers", server, await gateway.key("admin")),
        )
        for status, code, path, body, by in tried:
            problem = await gateway.refused(status, code, "POST", path, body, key=by)
            portuguese = await gateway.call("POST", path, body, key=by, headers={"accept-language": "pt-BR"})
            assert portuguese.json()["detail"] != problem["detail"]
            assert MINE not in problem["detail"]
        told = await gateway.call("POST", "/v1/sessions/a/messages", SEND, key=key)
        assert 0 < int(told.headers["retry-after"]) <= 86_400
        usage = (await gateway.call("GET", f"/v1/tenants/{MINE}")).json()["usage"]
        assert (usage["sessions"], usage["messages_today"], usage["webhooks"]) == (1, 1, 1)
        await gateway.call("PATCH", f"/v1/tenants/{MINE}", {"quotas": {"messages_per_day": 2}})
        assert (await gateway.call("POST", "/v1/sessions/a/messages", SEND, key=key)).status_code == 202

    run(test)


def test_a_suspended_tenant_stays_out_at_once_and_comes_back_as_it_was(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        mine, theirs = await two(gateway)
        assert (await gateway.call("GET", "/v1/sessions", key=mine.key)).status_code == 200
        assert (await gateway.call("PATCH", f"/v1/tenants/{MINE}", {"enabled": False})).json()["enabled"] is False
        for method, path in (("GET", "/v1/sessions"), ("GET", "/v1/sessions/acme-line"), ("POST", "/v1/keys")):
            await gateway.refused(403, "tenant-suspended", method, path, key=mine.key)
        assert (await gateway.call("GET", "/v1/sessions", key=theirs.key)).status_code == 200
        assert (await gateway.session("acme-line")).state == "connected", "its sessions stay"
        await gateway.call("PATCH", f"/v1/tenants/{MINE}", {"enabled": True})
        assert (await gateway.call("GET", "/v1/sessions/acme-line", key=mine.key)).status_code == 200

    run(test)


def test_a_reader_of_a_suspended_tenant_is_sent_away(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        mine, _ = await two(gateway)
        async with Reader(gateway, key=mine.key) as reader:
            await asyncio.sleep(1)
            assert not reader.task.done()
            await gateway.call("PATCH", f"/v1/tenants/{MINE}", {"enabled": False})
            await asyncio.wait_for(reader.task, 60)

    run(test)


def test_a_session_moves_to_a_tenant_and_what_is_its_goes_with_it(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        mine, theirs = await two(gateway)
        await gateway.add_session("shop")
        await gateway.refused(404, "unknown-session", "GET", "/v1/sessions/shop", key=mine.key)
        for whose in ({"tenant": "none"}, {"tenant": "default"}, {"tenant": THEIRS}):
            await gateway.refused(400, "unknown-tenant", "PATCH", "/v1/sessions/acme-line", whose, key=mine.key)
        await gateway.refused(400, "unknown-tenant", "PATCH", "/v1/sessions/shop", {"tenant": "none"})
        moved = await gateway.call("PATCH", "/v1/sessions/shop", {"tenant": MINE})
        assert moved.json()["tenant"] == MINE
        assert (await gateway.call("GET", "/v1/sessions/shop", key=mine.key)).status_code == 200
        await gateway.refused(404, "unknown-session", "GET", "/v1/sessions/shop", key=theirs.key)
        own = {"name": "own", "server": "server-acme", "wait_s": 0}
        assert (await gateway.call("POST", "/v1/sessions", own)).json()["tenant"] == MINE, "as its server is"
        await gateway.refused(409, "tenant-server", "PATCH", "/v1/sessions/own", {"tenant": THEIRS})

    run(test)


def test_what_a_key_of_a_tenant_makes_is_that_tenants(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        mine, _ = await two(gateway)
        made = await gateway.call("POST", "/v1/keys", {"name": "k", "role": "admin"}, key=mine.key)
        assert made.json()["tenant"] == MINE
        hook = await gateway.call("POST", "/v1/webhooks", {"url": "https://hooks.example/x"}, key=mine.key)
        assert hook.json()["tenant"] == MINE
        body = {"name": "new", "server": SHARED, "wait_s": 0, "tenant": MINE}
        assert (await gateway.call("POST", "/v1/sessions", body, key=mine.key)).status_code == 201
        session = await gateway.session("new")
        assert (session.tenant, session.ref) == (MINE, {"instance_name": "acme.new"})
        # A key for some sessions without a tenant is of the default one: whoever names a session so gives it nothing.
        globbed = await gateway.key("admin", "*-line")
        await gateway.refused(404, "unknown-session", "GET", "/v1/sessions/acme-line", key=globbed)
        assert (await gateway.call("GET", "/v1/sessions", key=globbed)).json()["items"] == []

    run(test)
