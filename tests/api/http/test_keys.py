"""Who may do what: the whole table of routes against every role, keys that end, sessions out of reach."""

import re

import pytest

from esteio.api.app import TABLE
from esteio.engine.commands.requests import Role
from tests.api.conftest import Gateway, Run

ROLES = ("admin", "operate", "send", "read")
# By hand, so that a route whose role is changed by mistake is seen here.
NEEDED = {
    "POST /v1/servers": "admin",
    "GET /v1/servers": "read",
    "GET /v1/servers/{name}": "read",
    "PATCH /v1/servers/{name}": "admin",
    "DELETE /v1/servers/{name}": "admin",
    "POST /v1/sessions": "operate",
    "GET /v1/sessions": "read",
    "GET /v1/sessions/{name}": "read",
    "DELETE /v1/sessions/{name}": "operate",
    "POST /v1/sessions/{name}/pair": "operate",
    "GET /v1/sessions/{name}/qr": "operate",
    "POST /v1/sessions/{name}/recover": "operate",
    "POST /v1/sessions/{name}/recreate": "operate",
    "POST /v1/sessions/{name}/pause": "operate",
    "POST /v1/sessions/{name}/resume": "operate",
    "GET /v1/sessions/{name}/timeline": "read",
    "POST /v1/sessions/{name}/messages": "send",
    "GET /v1/sessions/{name}/messages": "read",
    "GET /v1/messages/{id}": "read",
    "GET /v1/messages/{id}/raw": "read",
    "GET /v1/messages/{id}/media": "read",
    "POST /v1/messages/{id}/retry": "send",
    "POST /v1/messages/{id}/cancel": "send",
    "GET /v1/approvals": "read",
    "POST /v1/approvals/{id}/approve": "operate",
    "POST /v1/approvals/{id}/reject": "operate",
    "PATCH /v1/sessions/{name}": "operate",
    "GET /v1/servers/{name}/instances": "operate",
    "POST /v1/servers/{name}/adopt": "operate",
    "POST /v1/keys": "admin",
    "GET /v1/keys": "admin",
    "DELETE /v1/keys/{id}": "admin",
    "GET /v1/contacts/{address}/export": "admin",
    "POST /v1/contacts/{address}/erase": "admin",
    "GET /v1/inbox": "operate",
    "POST /v1/webhooks": "admin",
    "GET /v1/webhooks": "admin",
    "GET /v1/webhooks/{id}": "admin",
    "PATCH /v1/webhooks/{id}": "admin",
    "DELETE /v1/webhooks/{id}": "admin",
    "POST /v1/webhooks/{id}/test": "admin",
    "POST /v1/webhooks/{id}/rotate": "admin",
    "GET /v1/webhooks/{id}/deliveries": "admin",
    "POST /v1/webhooks/{id}/replay": "admin",
    "GET /v1/dead-letters": "read",
    "POST /v1/dead-letters/replay": "operate",
    "GET /v1/sessions/{name}/export": "read",
    "POST /v1/apply": "admin",
    "POST /v1/notices/test": "admin",
    "GET /v1/gateway": "operate",
    "GET /v1/vault": "admin",
    "POST /v1/vault/rotate": "admin",
    "POST /v1/vault/retire": "admin",
    "GET /v1/audit": "admin",
    "GET /v1/audit/verify": "admin",
    "GET /v1/gateway/checks": "operate",
    "GET /v1/events": "read",
    "POST /v1/events/token": "read",
    "POST /v1/login-links": "read",
    "POST /v1/tenants": "admin",
    "GET /v1/tenants": "admin",
    "GET /v1/tenants/{name}": "admin",
    "PATCH /v1/tenants/{name}": "admin",
    "DELETE /v1/tenants/{name}": "admin",
    "GET /metrics": "read",
}
ENOUGH = {
    "read": {"read", "send", "operate", "admin"},
    "send": {"send", "operate", "admin"},
    "operate": {"operate", "admin"},
    "admin": {"admin"},
}


def test_every_guarded_route_is_in_this_table() -> None:
    assert {f"{one.method} {one.path}": one.role for one in TABLE if one.role is not None} == NEEDED


@pytest.mark.parametrize("role", ROLES)
def test_every_route_against_every_role(run: Run, role: Role) -> None:
    async def test(gateway: Gateway) -> None:
        key = await gateway.key(role)
        for address, needed in NEEDED.items():
            method, path = address.split()
            path = re.sub(r"\{\w+\}", "none", path)
            if path == "/v1/events":
                # A stream has no end: ask from a place that is none.
                path += "?after=none"
            await gateway.refused(401, "unauthorized", method, path, key=None)
            await gateway.refused(401, "unauthorized", method, path, key="esk_wrong")
            answer = await gateway.call(method, path, key=key)
            if role in ENOUGH[needed]:
                assert answer.status_code not in (401, 403), (address, answer.text)
            else:
                assert answer.status_code == 403, (address, answer.text)
                assert answer.json()["code"] == "forbidden"

    run(test)


def test_the_ways_to_send_a_key(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        key = await gateway.key("read")
        for headers in ({"apikey": key}, {"authorization": f"bearer {key}"}, {"APIKEY": key}):
            assert (await gateway.call("GET", "/v1/sessions", key=None, headers=headers)).status_code == 200
        for headers in ({"authorization": f"Basic {key}"}, {"apikey": ""}, {"authorization": "Bearer"}):
            answer = await gateway.call("GET", "/v1/sessions", key=None, headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
        assert (await gateway.call("GET", f"/v1/sessions?apikey={key}", key=None)).status_code == 401

    run(test)


def test_a_key_is_shown_once_and_ends(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        made = await gateway.call("POST", "/v1/keys", {"name": "crm", "role": "read"})
        secret, key_id = made.json()["key"], made.json()["id"]
        assert made.status_code == 201
        listed = await gateway.call("GET", "/v1/keys")
        assert secret not in listed.text
        assert listed.json()["items"][0]["name"] == "crm"
        assert (await gateway.call("GET", "/v1/sessions", key=secret)).status_code == 200
        assert (await gateway.call("DELETE", f"/v1/keys/{key_id}")).status_code == 204
        await gateway.refused(401, "unauthorized", "GET", "/v1/sessions", key=secret)
        assert (await gateway.call("GET", "/v1/keys")).json()["items"][0]["revoked_at"]

    run(test)


def test_a_key_expires(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        body = {"name": "short", "role": "read", "expires_at": "2099-01-01T00:00:00Z"}
        secret = (await gateway.call("POST", "/v1/keys", body)).json()["key"]
        assert (await gateway.call("GET", "/v1/sessions", key=secret)).status_code == 200
        gateway.clock.ahead = 100 * 365 * 86400
        await gateway.refused(401, "unauthorized", "GET", "/v1/sessions", key=secret)

    run(test)


def test_sessions_out_of_reach(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        for name in ("shop-1", "shop-2", "bank"):
            await gateway.add_session(name)
            await gateway.live(name)
        key = await gateway.key("operate", "shop-*")
        body = {"to": "5511999998888", "text": "oi"}
        bank = (await gateway.call("POST", "/v1/sessions/bank/messages", body)).json()["id"]
        for method, path in (
            ("GET", "/v1/sessions/bank"),
            ("DELETE", "/v1/sessions/bank"),
            ("POST", "/v1/sessions/bank/pause"),
            ("POST", "/v1/sessions/bank/pair"),
            ("POST", "/v1/sessions/bank/recover"),
            ("POST", "/v1/sessions/bank/recreate"),
            ("GET", "/v1/sessions/bank/qr"),
            ("GET", "/v1/sessions/bank/timeline"),
            ("GET", "/v1/sessions/bank/messages"),
            ("POST", "/v1/sessions/bank/messages"),
            ("GET", f"/v1/messages/{bank}"),
            ("POST", f"/v1/messages/{bank}/cancel"),
            ("POST", f"/v1/messages/{bank}/retry"),
        ):
            await gateway.refused(403, "session-out-of-reach", method, path, key=key)
        new = {"name": "bank-2", "server": "evo", "wait_s": 0}
        await gateway.refused(403, "session-out-of-reach", "POST", "/v1/sessions", new, key=key)
        listed = (await gateway.call("GET", "/v1/sessions", key=key)).json()["items"]
        assert [one["name"] for one in listed] == ["shop-1", "shop-2"]
        assert (await gateway.call("POST", "/v1/sessions/shop-1/messages", body, key=key)).status_code == 202

    run(test)


def test_the_first_admin_key(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        secret = await gateway.commands.keys.ensure_admin()
        assert secret is not None
        assert (await gateway.call("GET", "/v1/keys", key=secret)).status_code == 200
        assert await gateway.commands.keys.ensure_admin() is None

    run(test, {"admin_key": ""})


def test_a_given_admin_key_makes_no_other(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        assert await gateway.commands.keys.ensure_admin() is None
        assert (await gateway.call("GET", "/v1/keys")).json()["items"] == []

    run(test)
