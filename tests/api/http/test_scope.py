"""What a key for some sessions may see and do: every route of the table, every role, against somebody else's session.

A route that is not in `FOREIGN` fails the first test; one that shows or changes what is not its caller's fails the
second. The rule itself (`engine.key_scope`) is tried against the truth of every short name below.
"""

import itertools
import re
from fnmatch import fnmatchcase
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteio.api.app import TABLE, _respond
from esteio.api.http import scopes
from esteio.api.http.request import ApiRequest, ApiResponse, answer
from esteio.api.http.route import ApiContext, Route, Unguarded
from esteio.core.model.recovery import Approval
from esteio.core.model.state import Reason
from esteio.engine.commands.requests import EndpointRequest, Role
from esteio.engine.errors import CommandError
from esteio.engine.key_scope import EVERYTHING, Scope
from esteio.providers.base import HttpResponse
from esteio.store.base import DecisionCommit, InboxSettlement, RawInbound
from esteio.store.delivery import DeliveryClaim, Endpoint
from tests.api.conftest import Gateway, Run
from tests.narrowing import not_none

ADMIN = "an-admin-key-of-the-tests"
ROLES = ("admin", "operate", "send", "read")
REFUSED, ABSENT, HIDDEN = (403,), (404,), (200, 202)
"""A foreign thing's name in the address; a foreign thing's id; an answer that holds nothing foreign."""
TO = {"to": "5511999998888", "text": "oi"}
NEW_SESSION = {"name": "other-2", "server": "evo", "wait_s": 0}
OWN_NAME = {"name": "mine-2", "server": "evo", "wait_s": 0}
HOOK = {"url": "https://hooks.example/x"}
# Route → (what a scoped key must meet, bodies that name or make foreign things).
FOREIGN: dict[str, tuple[tuple[int, ...] | None, list[Any]]] = {
    "POST /v1/servers": (REFUSED, [{"name": "s", "kind": "evolution", "base_url": "http://h.example"}]),
    "GET /v1/servers": (HIDDEN, []),
    "GET /v1/servers/{name}": (HIDDEN, []),
    "PATCH /v1/servers/{name}": (REFUSED, [{"base_url": "http://thief.example"}, {}]),
    "DELETE /v1/servers/{name}": (REFUSED, []),
    "GET /v1/servers/{name}/instances": (HIDDEN, []),
    "POST /v1/servers/{name}/adopt": (REFUSED, [{"instances": ["other-9"]}, {"instances": ["mine-2/../other-9"]}]),
    "POST /v1/sessions": (
        REFUSED,
        [
            NEW_SESSION,
            {**OWN_NAME, "ref": {"instance_name": "other-9"}},
            {**OWN_NAME, "ref": {"instance_name": "mine-2/../other-9"}},
            {**OWN_NAME, "ref": {"instance_name": "other-9"}, "adopt": True},
            {**OWN_NAME, "ref": {"instance_name": "other-9", "token": "made up"}},
            {**OWN_NAME, "ref": {"instance_id": "other-9"}},
            {**OWN_NAME, "ref": {"instance_id": "other-9", "token": ""}},
        ],
    ),
    "GET /v1/sessions": (HIDDEN, []),
    "GET /v1/sessions/{name}": (REFUSED, []),
    "PATCH /v1/sessions/{name}": (REFUSED, [{"policy": "seeds"}]),
    "DELETE /v1/sessions/{name}": (REFUSED, []),
    "POST /v1/sessions/{name}/pair": (REFUSED, []),
    "GET /v1/sessions/{name}/qr": (REFUSED, []),
    "POST /v1/sessions/{name}/recover": (REFUSED, []),
    "POST /v1/sessions/{name}/recreate": (REFUSED, []),
    "POST /v1/sessions/{name}/pause": (REFUSED, []),
    "POST /v1/sessions/{name}/resume": (REFUSED, []),
    "GET /v1/sessions/{name}/timeline": (REFUSED, []),
    "GET /v1/sessions/{name}/export": (REFUSED, []),
    "POST /v1/apply": (REFUSED, [{}, {"sessions": [NEW_SESSION | {"adopt": True}]}]),
    "POST /v1/notices/test": (REFUSED, []),
    "GET /v1/gateway": (REFUSED, []),
    "GET /v1/gateway/checks": (REFUSED, []),
    "POST /v1/sessions/{name}/messages": (REFUSED, [TO]),
    "GET /v1/sessions/{name}/messages": (REFUSED, []),
    "GET /v1/messages/{id}": (REFUSED, []),
    "GET /v1/messages/{id}/raw": (REFUSED, []),
    "GET /v1/messages/{id}/media": (REFUSED, []),
    "POST /v1/messages/{id}/retry": (REFUSED, []),
    "POST /v1/messages/{id}/cancel": (REFUSED, []),
    "GET /v1/approvals": (HIDDEN, []),
    "POST /v1/approvals/{id}/approve": (REFUSED, []),
    "POST /v1/approvals/{id}/reject": (REFUSED, []),
    "POST /v1/keys": (
        REFUSED,
        [{"name": "k", "role": "read", "sessions": globs} for globs in (["*"], ["other-9"], ["mine-*", "other-*"])],
    ),
    "GET /v1/keys": (HIDDEN, []),
    "DELETE /v1/keys/{id}": (ABSENT, []),
    "GET /v1/contacts/{address}/export": (HIDDEN, []),
    "POST /v1/contacts/{address}/erase": (HIDDEN, []),
    "GET /v1/inbox": (HIDDEN, []),
    "POST /v1/webhooks": (REFUSED, [{**HOOK, "sessions": ["other-9"]}, {**HOOK, "sessions": ["*"]}]),
    "GET /v1/webhooks": (HIDDEN, []),
    "GET /v1/webhooks/{id}": (ABSENT, []),
    "PATCH /v1/webhooks/{id}": (ABSENT, [{"enabled": False}]),
    "DELETE /v1/webhooks/{id}": (ABSENT, []),
    "POST /v1/webhooks/{id}/test": (ABSENT, []),
    "POST /v1/webhooks/{id}/rotate": (ABSENT, []),
    "GET /v1/webhooks/{id}/deliveries": (ABSENT, []),
    "POST /v1/webhooks/{id}/replay": (ABSENT, [{"from": "2020-01-01T00:00:00Z", "to": "2030-01-01T00:00:00Z"}]),
    "GET /v1/dead-letters": (HIDDEN, []),
    "POST /v1/dead-letters/replay": (HIDDEN, [{}, {"session": "other-9"}, {"dry_run": True}]),
    "GET /v1/vault": (REFUSED, []),
    "POST /v1/vault/rotate": (REFUSED, [{}, {"begin": True}]),
    "POST /v1/vault/retire": (REFUSED, []),
    "GET /v1/audit": (REFUSED, []),
    "GET /v1/audit/verify": (REFUSED, []),
    "POST /v1/events/token": ((201,), [{}]),
    "POST /v1/login-links": ((201,), [{}]),
    "POST /v1/tenants": (REFUSED, [{"name": "acme", "title": "Acme"}]),
    "GET /v1/tenants": (REFUSED, []),
    "GET /v1/tenants/{name}": (REFUSED, []),
    "PATCH /v1/tenants/{name}": (REFUSED, [{"quotas": {"sessions": None}}]),
    "DELETE /v1/tenants/{name}": (REFUSED, []),
    "GET /metrics": (REFUSED, []),
    # The stream never ends: see test_events.
    "GET /v1/events": (None, []),
}
ENOUGH = {
    "read": {"read", "send", "operate", "admin"},
    "send": {"send", "operate", "admin"},
    "operate": {"operate", "admin"},
    "admin": {"admin"},
}


def test_every_guarded_route_is_in_this_table() -> None:
    assert {f"{one.method} {one.path}" for one in TABLE if one.role is not None} == set(FOREIGN)


def test_a_route_without_a_scope_cannot_be_made() -> None:
    with pytest.raises(Unguarded):
        Route("GET", "/v1/new", _listing, "read", "A new one", {200: None})


async def _listing(_api: ApiContext, _call: ApiRequest) -> ApiResponse:
    return answer({"items": ["other-9"]})


def test_a_handler_that_ignores_the_scope_shows_nothing(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        route = Route("GET", "/v1/new", _listing, "read", "A new one", {200: None}, scope=scopes.ITEMS)
        for key, status in ((ADMIN, 200), (await gateway.key("read"), 200), (await gateway.key("read", "mine-*"), 500)):
            scope = {"headers": [(b"apikey", key.encode())], "query_string": b""}
            given_back = await _respond(gateway.api, route, ApiRequest(scope, None, {}, gateway.api.texts))
            assert given_back.status == status

    run(test)


async def one_of_everything(gateway: Gateway, name: str, **whose: str) -> dict[str, str]:
    """A session with a message that failed, an approval, a webhook and a key, and what stands in their place. `whose`:
    the tenant, if it is another one than the default."""
    session = await gateway.add_session(name, **whose)
    await gateway.live(name)
    number = (await gateway.call("POST", f"/v1/sessions/{name}/messages", {**TO, "text": f"to {name}"})).json()["id"]
    await gateway.store.messages.cancel(number, gateway.clock.now())
    await gateway.call("POST", f"/v1/sessions/{name}/messages", {**TO, "on_down": "hold", "expires_in_s": 1})
    body = f'raw {name} {{"server_url": "http://127.0.0.1:8080"}}'.encode()
    row = await gateway.store.inbox.accept(RawInbound(session.id, "", {}, body, gateway.clock.now()))
    await gateway.store.inbox.settle(InboxSettlement(row, session.id, gateway.clock.now(), False, note="no JSON"))
    asked = Approval(
        f"apr_{name}", session.id, session.name, "logout", "ghost", Reason("cost-logout"), gateway.clock.now()
    )
    changed = await gateway.session(name)
    assert await gateway.store.decisions.commit_session(DecisionCommit(session=changed, approval=asked))
    hook = await gateway.call(
        "POST", "/v1/webhooks", {"url": f"https://hooks.example/{name}", "sessions": [name], **whose}
    )
    key = await gateway.call("POST", "/v1/keys", {"name": f"key {name}", "role": "read", "sessions": [name], **whose})
    return {
        "sessions": name, "servers": "evo", "messages": number, "approvals": f"apr_{name}",
        "webhooks": hook.json()["id"], "keys": key.json()["id"], "contacts": "5511999998888",
    }  # fmt: skip


def address_of(route: str, there: dict[str, str]) -> tuple[str, str]:
    method, path = route.split()
    room = path.removeprefix("/v1").split("/")[1]
    return method, re.sub(r"\{\w+\}", there.get(room, "none"), path)


@pytest.mark.parametrize("role", ROLES)
def test_every_route_with_every_role_and_a_foreign_session(run: Run, role: Role) -> None:
    needed = {f"{one.method} {one.path}": one.role for one in TABLE}

    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        held = b'[{"name": "other-9", "connectionStatus": "open"}, {"name": "other-10"}]'
        gateway.provider.answer = lambda request: HttpResponse(200, {}, held)
        mine, other = await one_of_everything(gateway, "mine-1"), await one_of_everything(gateway, "other-9")
        key = await gateway.key(role, "mine-*")
        foreign = ("other-9", "127.0.0.1:8080", *(word for word in other.values() if word not in mine.values()))
        for route, (met, bodies) in FOREIGN.items():
            if met is None:
                continue
            method, path = address_of(route, other)
            for body in bodies or [None]:
                given_back = await gateway.call(method, path, body, key=key)
                if role not in ENOUGH[not_none(needed[route])]:
                    assert given_back.status_code == 403, route
                    continue
                assert given_back.status_code in met, (route, body, given_back.text)
                told = [word for word in foreign if word in given_back.text and word not in path]
                assert not told, (route, given_back.text)
        await untouched(gateway, other)

    run(test)


async def untouched(gateway: Gateway, other: dict[str, str]) -> None:
    """Whatever a scoped key tried, what is not its own is as it was."""
    for room in ("sessions", "messages", "webhooks"):
        assert (await gateway.call("GET", f"/v1/{room}/{other[room]}")).status_code == 200
    assert (await gateway.call("GET", f"/v1/messages/{other['messages']}")).json()["text"] == "to other-9"
    keys = {one["id"]: one for one in (await gateway.call("GET", "/v1/keys")).json()["items"]}
    assert keys[other["keys"]]["revoked_at"] is None
    assert (await gateway.call("GET", "/v1/servers/evo")).json()["base_url"] == "http://127.0.0.1:8080"
    assert other["approvals"] in (await gateway.call("GET", "/v1/approvals")).text


def test_what_a_scoped_admin_makes_lies_inside_its_scope(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        key = await gateway.key("admin", "mine-*", "shop")
        made = await gateway.call("POST", "/v1/keys", {"name": "k", "role": "admin"}, key=key)
        assert made.json()["sessions"] == ["mine-*", "shop"]
        for globs in (["mine-1"], ["mine-a*"], ["mine-[12]", "shop"], ["mine-?"], ["mine-*"]):
            made = await gateway.call("POST", "/v1/keys", {"name": "k", "role": "read", "sessions": globs}, key=key)
            assert (made.status_code, made.json()["sessions"]) == (201, globs)
            assert (await gateway.call("DELETE", f"/v1/keys/{made.json()['id']}", key=key)).status_code == 204
        hook = (await gateway.call("POST", "/v1/webhooks", HOOK, key=key)).json()
        assert hook["sessions"] == ["mine-*", "shop"]
        at = f"/v1/webhooks/{hook['id']}"
        assert (await gateway.call("PATCH", at, {"sessions": ["shop"]}, key=key)).json()["sessions"] == ["shop"]
        assert (await gateway.call("PATCH", at, {"sessions": None}, key=key)).json()["sessions"] == ["mine-*", "shop"]
        await gateway.refused(403, "session-out-of-reach", "PATCH", at, {"sessions": ["*"]}, key=key)
        # For the whole gateway again: from now on it is no longer the scoped key's.
        assert (await gateway.call("PATCH", at, {"sessions": None})).json()["sessions"] == []
        await gateway.refused(404, "unknown-webhook", "GET", at, key=key)
        # Nor is the key itself, which nobody but the whole gateway's admin made.
        listed = (await gateway.call("GET", "/v1/keys", key=key)).json()["items"]
        assert {one["name"] for one in listed} == {"k", "test"}

    run(test)


def test_an_empty_list_is_refused(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        for body in ({"name": "k", "role": "read", "sessions": []}, {"name": "k", "role": "read", "sessions": None}):
            await gateway.refused(400, "invalid-value", "POST", "/v1/keys", body)
        await gateway.refused(400, "invalid-value", "POST", "/v1/webhooks", {**HOOK, "sessions": []})
        hook = (await gateway.call("POST", "/v1/webhooks", HOOK)).json()["id"]
        await gateway.refused(400, "invalid-value", "PATCH", f"/v1/webhooks/{hook}", {"sessions": []})
        assert (await gateway.call("GET", "/v1/keys")).json()["items"] == []
        with pytest.raises(CommandError):
            EVERYTHING.narrowed(())

    run(test)


def test_a_session_of_ones_own_may_be_made_and_its_ref_named(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        await gateway.add_server("wapi", "wapi")
        key = await gateway.key("operate", "mine-*")
        named = {**OWN_NAME, "ref": {"instance_name": "mine-at-the-provider"}}
        assert (await gateway.call("POST", "/v1/sessions", named, key=key)).status_code == 201
        # Whoever has an instance's own token may use it: W-API names its instances itself.
        token = {"name": "mine-3", "server": "wapi", "wait_s": 0, "ref": {"instance_id": "T3-X", "token": "its-own"}}
        assert (await gateway.call("POST", "/v1/sessions", token, key=key)).status_code == 201

    run(test)


def test_pages_of_a_scoped_key_are_full_and_name_nobody_else(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        for name in ("a-1", "b-1", "a-2", "b-2", "b-3", "a-3", "z-9"):
            await gateway.add_session(name)
        key = await gateway.key("read", "b-*")
        seen, after = [], ""
        while True:
            page = (await gateway.call("GET", f"/v1/sessions?limit=2{after}", key=key)).json()
            seen.append([one["name"] for one in page["items"]])
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
        assert seen == [["b-1", "b-2"], ["b-3"]]

    run(test)


def test_a_server_event_tells_a_scoped_subscriber_no_address(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        document = {"name": "evo", "base_url": "http://127.0.0.1:8080", "sessions_at_server": 12, "health": {}}
        made = await gateway.commands.webhooks.add(msgspec.convert({"url": "https://hooks.example/x"}, _ask()))
        scoped = msgspec.structs.replace(made[0], sessions=("mine-*",))
        for endpoint, shown in ((made[0], "127.0.0.1"), (scoped, None)):
            await gateway.courier.deliver(_claim(endpoint, document))
            body = gateway.outside.requests[-1].body
            assert (b"127.0.0.1" in body) == (shown is not None)
            assert msgspec.json.decode(body)["data"]["name"] == "evo"

    run(test)


def _ask() -> type[EndpointRequest]:
    from esteio.engine.commands.requests import EndpointRequest

    return EndpointRequest


def _claim(endpoint: Endpoint, document: dict[str, Any]) -> DeliveryClaim:
    from esteio.store.delivery import DeliveryClaim

    return DeliveryClaim(endpoint, "live", "", "", 1, "server.outage_started", 1.0, document, attempt=1, fence=1)


NAMES = ["".join(word) for size in range(4) for word in itertools.product("ab]", repeat=size)]
PATTERN = st.text(alphabet="ab*?[]!", min_size=1, max_size=5)


@given(st.lists(PATTERN, min_size=1, max_size=3), PATTERN)
def test_a_pattern_that_is_let_through_matches_nothing_outside(outer: list[str], inner: str) -> None:
    if Scope(globs=tuple(outer)).holds([inner], None):
        assert all(any(fnmatchcase(name, glob) for glob in outer) for name in NAMES if fnmatchcase(name, inner))


def test_what_it_reaches() -> None:
    assert EVERYTHING.reaches("x", "acme")
    assert EVERYTHING.reaches(None, "acme")
    assert EVERYTHING.holds((), None)
    one = Scope(None, ("a*",))
    assert (one.reaches("ab", "x"), one.reaches("b", "x"), one.reaches(None, "x")) == (True, False, False)
    assert not one.holds((), None)
