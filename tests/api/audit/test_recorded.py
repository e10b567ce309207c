"""Every address that changes something leaves a row in the audit log, in the commit of the change, and says who it was.

An address that is not in `recorded_routes` fails the first test; one that leaves no row fails the walk.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from esteio.api.app import TABLE
from esteio.api.dashboard.app import TABLE as PAGE_TABLE
from esteio.api.evolution.app import TABLE as DOOR_TABLE
from esteio.core.audit.entry import ACTIONS, Row
from esteio.engine.commands.requests import KeyRequest
from esteio.providers.base import HttpResponse
from esteio.store.ports.audit import AuditFilter
from esteio.vault import new_key
from tests.api.audit.recorded_routes import API, DOOR, PAGES
from tests.api.conftest import ADMIN, Gateway, Run
from tests.api.dashboard.access.test_who_may import asks, bodies, peopled
from tests.api.dashboard.browser import Browser, visited
from tests.api.http.test_scope import address_of, one_of_everything

NAME = "mine-1"
FROM = {"x-request-id": "req-of-the-test"}
API_BODIES: dict[str, Any] = {
    "POST /v1/servers": {
        "name": "s",
        "kind": "evolution",
        "base_url": "http://h.example",
        "credentials": {"apikey": "k"},
    },
    "PATCH /v1/servers/{name}": {"base_url": "http://other.example"},
    "POST /v1/servers/{name}/adopt": {"instances": ["mine-7"]},
    "POST /v1/sessions": {"name": "new", "server": "evo", "wait_s": 0},
    "PATCH /v1/sessions/{name}": {"policy": "seeds"},
    "POST /v1/sessions/{name}/pair": {"wait_s": 0},
    "POST /v1/sessions/{name}/recreate": {"wait_s": 0},
    "POST /v1/keys": {"name": "k", "role": "read"},
    "POST /v1/tenants": {"name": "acme", "title": "Acme"},
    "PATCH /v1/tenants/{name}": {"title": "Another"},
    "POST /v1/webhooks": {"url": "https://hooks.example/x"},
    "PATCH /v1/webhooks/{id}": {"enabled": False},
    "POST /v1/webhooks/{id}/replay": {"from": "2020-01-01T00:00:00Z", "to": "2030-01-01T00:00:00Z"},
    "POST /v1/apply": {"servers": [{"name": "s", "kind": "wapi", "base_url": "http://h.example"}]},
}
MORE: dict[str, dict[str, str]] = {
    "POST /servers/new": {"credentials.apikey": "k"},
    "POST /servers/{server}/adopt": {"instance": "mine-7"},
}
"""What a form of the dashboard needs beside what `bodies` says."""
LAST = ("/delete", "/revoke", "/reject")
WALKED = sorted(route for route, actions in API.items() if isinstance(actions, tuple))


async def rows(gateway: Gateway) -> list[Row]:
    return list(await gateway.store.audit.found(AuditFilter(), 500))


def test_every_address_that_changes_something_is_in_a_table() -> None:
    for table, known in ((TABLE, API), (PAGE_TABLE, PAGES), (DOOR_TABLE, DOOR)):
        there = {f"{one.method} {one.path}" for one in table}
        assert {route for route in there if not route.startswith("GET ")} <= set(known) <= there
        for actions in known.values():
            assert isinstance(actions, str) or set(actions) <= set(ACTIONS)


@pytest.mark.parametrize("route", WALKED)
def test_a_route_of_the_api_leaves_its_row(run: Run, route: str) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        gateway.provider.answer = lambda request: None if request.method != "GET" else _listed()
        there = await one_of_everything(gateway, NAME)
        if route == "POST /v1/dead-letters/replay":
            gateway.clock.ahead = 60.0
            assert await gateway.store.outbox.expire(gateway.clock.now(), 10) == 1
        if route.startswith("POST /v1/vault"):
            gateway.vault.begin(new_key().encode())
        if route == "POST /v1/vault/retire":
            assert (await gateway.commands.vault.rotate(begin=False)).left == 0
        if route == "POST /v1/sessions/{name}/pair":
            await gateway.judge(NAME, state="disconnected", linked=False)
        if route == "POST /v1/sessions/{name}/resume":
            await gateway.judge(NAME, paused=True)
        if route == "DELETE /v1/servers/{name}":
            await gateway.add_server("unused")
            there["servers"] = "unused"
        if "{name}" in route and "tenants" in route:
            assert (await gateway.call("POST", "/v1/tenants", {"name": "acme", "title": "Acme"})).status_code == 201
            there["tenants"] = "acme"
        before = await rows(gateway)
        method, path = address_of(route, there)
        if route.startswith("DELETE /v1/sessions"):
            path += "?at_provider=keep"
        body = API_BODIES.get(route, {} if method == "POST" else None)
        given = await gateway.call(method, path, body, headers=FROM)
        assert given.status_code < 300, given.text
        new = (await rows(gateway))[len(before) :]
        assert {row.action for row in new} & set(API[route]), (route, given.text, [row.action for row in new])
        for row in new:
            assert (row.actor, row.actor_id, row.actor_name) == ("key", "admin", "ESTEIO_ADMIN_KEY")
            assert (row.address, row.request_id) == ("127.0.0.1", "req-of-the-test")
        assert (await gateway.audit.verify()).whole

    run(test)


def _listed() -> Any:
    return HttpResponse(200, {}, b'[{"name": "mine-7", "connectionStatus": "open"}]')


def test_every_form_of_the_dashboard_leaves_its_row(run: Run) -> None:
    """One after the other, those that take something away last; with the login's key in each row."""
    left: dict[str, set[str]] = {}

    async def story(gateway: Gateway, browser: Browser) -> None:
        (mine,) = await peopled(gateway, NAME)
        await gateway.add_server("unused")
        await browser.log_in()
        wanted = {route for route, actions in PAGES.items() if isinstance(actions, tuple)}
        forms = [one for one in asks(mine) if one.route in wanted and "/login" not in one.route]
        for one in sorted(forms, key=lambda form: (form.path.endswith(LAST), form.path == f"/sessions/{NAME}/delete")):
            await _prepare(gateway, one.path)
            before = await rows(gateway)
            # The operator's own tenant cannot be suspended: that is done with the one that was made before.
            there = one.path.replace("evo/delete", "unused/delete").replace("/default/", "/new/")
            sent = {**bodies(mine).get(one.route, {}), **MORE.get(one.route, {})}
            given = await (browser.get(there) if one.method == "GET" else browser.post(there, **sent))
            # Of the acts on a session's code only those that fit its state are done, and decisions are made once.
            assert given.status_code < 400 or re.search(r"{(act|decision)}", one.route), (one.route, given.text)
            new = (await rows(gateway))[len(before) :]
            left.setdefault(one.route, set()).update(row.action for row in new)
            assert {(row.actor, row.actor_id, row.address) for row in new} <= {("login", "admin", "192.0.2.1")}

    visited(run, story)
    expected = {route: set(actions) for route, actions in PAGES.items() if isinstance(actions, tuple)}
    for route in ("POST /login", "GET /login/{token}", "POST /logout"):
        del expected[route]
    assert {route: actions & expected.get(route, set()) for route, actions in left.items() if actions} == expected


async def _prepare(gateway: Gateway, path: str) -> None:
    """So that each form has something to do, whatever the form before it did."""
    await gateway.judge(NAME, state="connected", linked=True, paused=False)
    if path.startswith(f"/sessions/{NAME}/pair") and "link" not in path:
        await gateway.judge(NAME, state="disconnected", linked=False)
    if path.endswith(("/resume", "/pair/resume")):
        await gateway.judge(NAME, paused=True)
    if path == "/messages/dead-letters/events":
        gateway.store.database.db.connection.execute(
            "INSERT INTO dead_letters SELECT 1, id, 1, 'message.received', ?, '', 1, 2, 1, '' FROM webhook_endpoints",
            (NAME,),
        )


def test_logins_are_recorded_and_failed_ones_with_a_bound(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        assert (await browser.log_in("esk_wrong")).status_code == 401
        await browser.log_in()
        await browser.post("/logout")
        link = (await gateway.api.short_lived_tokens.login_link(ADMIN))[0]
        assert (await browser.get(link)).status_code == 303
        told = [(row.action, row.actor, row.actor_id, row.after) for row in await rows(gateway)][1:]
        assert told == [
            ("login.failed", "login", "", '{"by":"key","left_out":0}'),
            ("login", "login", "admin", '{"by":"key"}'),
            ("logout", "login", "admin", "{}"),
            ("login", "login", "admin", '{"by":"link"}'),
        ]
        # From many addresses, so that no address is slowed down.
        for number in range(30):
            other = Browser(gateway, address=f"198.51.100.{number}", beside=browser)
            await other.log_in("esk_wrong")
            await other.http.aclose()
        failed = [row for row in await rows(gateway) if row.action == "login.failed"]
        assert len(failed) == 10
        gateway.clock.ahead = 61.0
        await browser.http.get("/login/none")
        last = (await rows(gateway))[-1]
        assert (last.action, last.after) == ("login.failed", '{"by":"link","left_out":21}')

    visited(run, story)


def test_what_changes_nothing_is_not_recorded(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        await gateway.add_session("line")
        before = await rows(gateway)
        assert (await gateway.call("DELETE", "/v1/keys/key_none")).status_code == 404
        assert (await gateway.call("DELETE", "/v1/webhooks/none")).status_code == 404
        assert (await gateway.call("DELETE", "/v1/servers/evo")).status_code == 409
        assert (
            await gateway.call("POST", "/v1/servers", API_BODIES["POST /v1/servers"] | {"name": "evo"})
        ).status_code == 409
        assert (await gateway.call("POST", "/v1/dead-letters/replay", {"dry_run": True})).status_code == 200
        assert (await gateway.call("POST", "/v1/apply", {})).status_code == 200
        await gateway.refused(
            403, "forbidden", "POST", "/v1/keys", API_BODIES["POST /v1/keys"], key=await gateway.key("read")
        )
        assert [row.action for row in (await rows(gateway))[len(before) :]] == ["key.created"], "the test's own"

    run(test)


def test_a_row_shows_what_was_and_is_but_no_secret(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        change = {"base_url": "http://other.example", "credentials": {"apikey": "the-new-secret"}}
        await gateway.call("PATCH", "/v1/servers/evo", change)
        hook = await gateway.call(
            "POST", "/v1/webhooks", {"url": "https://hooks.example/in/t0k3n?key=s3cret", "headers": {"x-key": "h34der"}}
        )
        asked = await gateway.call("GET", "/v1/audit?about=evo&limit=1")
        (changed,) = asked.json()["items"]
        assert (changed["action"], changed["before"]) == ("server.changed", {"base_url": "http://127.0.0.1:8080"})
        assert changed["after"] == {"base_url": "http://other.example", "credentials": "set"}
        whole = (await gateway.call("GET", "/v1/audit")).text
        for secret in (
            "the-new-secret",
            "provider-secret-1",
            "t0k3n",
            "s3cret",
            "h34der",
            hook.json()["secret"],
            ADMIN,
        ):
            assert secret not in whole

    run(test)


def test_the_list_is_asked_in_pages_and_both_ways(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        for number in range(5):
            await gateway.commands.keys.create(_key(f"k{number}"))
        page = (await gateway.call("GET", "/v1/audit?action=key&limit=2")).json()
        assert [one["after"]["name"] for one in page["items"]] == ["k4", "k3"]
        page = (await gateway.call("GET", f"/v1/audit?action=key&limit=2&after={page['next']}")).json()
        assert [one["after"]["name"] for one in page["items"]] == ["k2", "k1"]
        page = (await gateway.call("GET", "/v1/audit?action=key.created&limit=4&order=oldest")).json()
        assert [one["after"]["name"] for one in page["items"]] == ["k0", "k1", "k2", "k3"]
        page = (await gateway.call("GET", f"/v1/audit?action=key&order=oldest&after={page['next']}")).json()
        assert ([one["after"]["name"] for one in page["items"]], page["next"]) == (["k4"], None)
        assert (await gateway.call("GET", "/v1/audit?who=gateway")).json()["items"] == []
        assert (await gateway.call("GET", "/v1/audit?action=ke")).json()["items"] == []

    run(test)


def _key(name: str) -> Any:
    return KeyRequest(name, "read")


def test_the_log_is_verified_against_a_head_that_was_noted(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.commands.keys.create(_key("k"))
        told = (await gateway.call("GET", "/v1/audit/verify")).json()
        assert (told["whole"], told["rows"], told["first"], told["findings"], told["more"]) == (True, 2, 1, [], 0)
        assert (await gateway.call("GET", f"/v1/audit/verify?head={told['head']}")).json()["whole"]
        false = (await gateway.call("GET", f"/v1/audit/verify?head=2:{'0' * 64}")).json()
        assert false["findings"] == [{"kind": "not-the-head", "first": 2, "last": 2, "place": None}]
        await gateway.refused(400, "invalid-value", "GET", "/v1/audit/verify?head=none")

    run(test)
