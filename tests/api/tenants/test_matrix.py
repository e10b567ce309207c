"""Every guarded route × every role × a key of one tenant against another's things: what it meets, and that what is
foreign answers exactly like what does not exist.

A route that is not in `MET` fails the first test. `None`: the stream, which never ends (see test_attacks).
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from esteio.api.app import TABLE
from esteio.engine.commands.requests import Role
from tests.api.conftest import Gateway, Run
from tests.api.dashboard.access.two_owners import changes, snapshot
from tests.api.http.test_scope import ENOUGH, FOREIGN, ROLES
from tests.api.tenants.two_tenants import ADDRESS, MINE, SHARED, THEIRS, Customer, customer, key_of, shared, two
from tests.narrowing import not_none

REFUSED, ABSENT, OWN, UNKNOWN = (403,), (404,), (200,), (400,)
"""The operator's alone; as if it were not there; an answer that holds nothing foreign; an unknown thing in a body."""
TAKEN = (409,)
"""A name of a session is one's in the whole gateway; whose, is not said."""
MET: dict[str, tuple[int, ...] | None] = {
    "POST /v1/servers": REFUSED,
    "GET /v1/servers": OWN,
    "GET /v1/servers/{name}": ABSENT,
    "PATCH /v1/servers/{name}": REFUSED,
    "DELETE /v1/servers/{name}": REFUSED,
    "GET /v1/servers/{name}/instances": ABSENT,
    "POST /v1/servers/{name}/adopt": ABSENT,
    "POST /v1/sessions": UNKNOWN,
    "GET /v1/sessions": OWN,
    "GET /v1/sessions/{name}": ABSENT,
    "PATCH /v1/sessions/{name}": ABSENT,
    "DELETE /v1/sessions/{name}": ABSENT,
    "POST /v1/sessions/{name}/pair": ABSENT,
    "GET /v1/sessions/{name}/qr": ABSENT,
    "POST /v1/sessions/{name}/recover": ABSENT,
    "POST /v1/sessions/{name}/recreate": ABSENT,
    "POST /v1/sessions/{name}/pause": ABSENT,
    "POST /v1/sessions/{name}/resume": ABSENT,
    "GET /v1/sessions/{name}/timeline": ABSENT,
    "GET /v1/sessions/{name}/export": ABSENT,
    "POST /v1/apply": REFUSED,
    "POST /v1/notices/test": REFUSED,
    "GET /v1/gateway": REFUSED,
    "POST /v1/sessions/{name}/messages": ABSENT,
    "GET /v1/sessions/{name}/messages": ABSENT,
    "GET /v1/messages/{id}": ABSENT,
    "GET /v1/messages/{id}/raw": ABSENT,
    "GET /v1/messages/{id}/media": ABSENT,
    "POST /v1/messages/{id}/retry": ABSENT,
    "POST /v1/messages/{id}/cancel": ABSENT,
    "GET /v1/approvals": OWN,
    "POST /v1/approvals/{id}/approve": ABSENT,
    "POST /v1/approvals/{id}/reject": ABSENT,
    "POST /v1/keys": UNKNOWN,
    "GET /v1/keys": OWN,
    "DELETE /v1/keys/{id}": ABSENT,
    "GET /v1/contacts/{address}/export": OWN,
    "POST /v1/contacts/{address}/erase": OWN,
    "GET /v1/inbox": OWN,
    "POST /v1/webhooks": UNKNOWN,
    "GET /v1/webhooks": OWN,
    "GET /v1/webhooks/{id}": ABSENT,
    "PATCH /v1/webhooks/{id}": ABSENT,
    "DELETE /v1/webhooks/{id}": ABSENT,
    "POST /v1/webhooks/{id}/test": ABSENT,
    "POST /v1/webhooks/{id}/rotate": ABSENT,
    "GET /v1/webhooks/{id}/deliveries": ABSENT,
    "POST /v1/webhooks/{id}/replay": ABSENT,
    "GET /v1/dead-letters": OWN,
    "POST /v1/dead-letters/replay": OWN,
    "POST /v1/events/token": (201,),
    "POST /v1/login-links": (201,),
    "POST /v1/tenants": REFUSED,
    "GET /v1/tenants": REFUSED,
    "GET /v1/tenants/{name}": REFUSED,
    "PATCH /v1/tenants/{name}": REFUSED,
    "DELETE /v1/tenants/{name}": REFUSED,
    "GET /v1/gateway/checks": REFUSED,
    "GET /v1/vault": REFUSED,
    "POST /v1/vault/rotate": REFUSED,
    "POST /v1/vault/retire": REFUSED,
    "GET /v1/audit": OWN,
    "GET /v1/audit/verify": REFUSED,
    "GET /metrics": REFUSED,
    "GET /v1/events": None,
}
HOOK = {"url": "https://hooks.example/x"}
BODIES: dict[str, list[Any]] = {
    "POST /v1/sessions": [
        {"name": "acme-2", "server": "server-bravo", "wait_s": 0},
        {"name": "acme-2", "server": SHARED, "wait_s": 0, "tenant": THEIRS},
        {"name": "acme-2", "server": SHARED, "wait_s": 0, "tenant": "default"},
    ],
    "POST /v1/servers/{name}/adopt": [{"instances": "all"}, {"instances": ["bravo-line"]}],
    "POST /v1/keys": [{"name": "k", "role": "admin", "tenant": whose} for whose in (THEIRS, "default", "none")],
    "POST /v1/webhooks": [{**HOOK, "tenant": THEIRS}, {**HOOK, "tenant": "default"}],
    "POST /v1/dead-letters/replay": [{"session": "bravo-line"}, {"webhook": "{webhooks}"}, {"dry_run": True}],
    "PATCH /v1/sessions/{name}": [{"policy": "seeds"}, {"tenant": MINE}],
}
"""What names foreign things in bodies, where it differs from what a scoped key is tried with."""
ON_OWN = {"POST /v1/contacts/{address}/erase", "POST /v1/dead-letters/replay"}
"""What does something to the caller's own things, whoever's are named."""
GHOST = {
    "sessions": "ghost-line", "messages": "msg_00000000000000000000000000", "approvals": "apr_ghost",
    "keys": "key_ghost", "webhooks": "wh_ghost", "servers": "server-ghost", "tenants": "ghost",
}  # fmt: skip
"""The same kinds of things, which are nowhere."""


def test_every_guarded_route_is_in_this_table() -> None:
    assert {f"{one.method} {one.path}" for one in TABLE if one.role is not None} == set(MET)


def needed(route: str) -> Role:
    return not_none({f"{one.method} {one.path}": one.role for one in TABLE}[route])


def aimed(route: str, things: dict[str, str]) -> tuple[str, str]:
    """The address of this thing of somebody's; a server is their own one."""
    method, path = route.split()
    room = path.removeprefix("/v1").split("/")[1]
    named = things.get("own", things.get(room, "none")) if room == "servers" else things.get(room, "none")
    return method, re.sub(r"\{\w+\}", named, path)


def bodies(route: str, things: dict[str, str]) -> list[Any]:
    tried = BODIES.get(route) or FOREIGN[route][1] or [None]
    return [
        {name: word.format(**things) if isinstance(word, str) else word for name, word in one.items()} if one else one
        for one in tried
    ]


@pytest.mark.parametrize("role", ROLES)
def test_every_route_with_every_role_and_anothers_things(run: Run, role: Role) -> None:
    async def test(gateway: Gateway) -> None:
        _, theirs = await two(gateway)
        key = await key_of(gateway, MINE, role)
        before = snapshot(gateway)
        for route, met in sorted(MET.items(), key=lambda one: one[0] in ON_OWN):
            if route in ON_OWN and before:
                # That somebody read out what is their own, is recorded; links and tokens are the caller's own.
                assert set(changes(before, snapshot(gateway))) <= {"audit_log", "audit_head", "short_lived_tokens"}
                before = {}
            if met is None:
                continue
            for body in bodies(route, theirs.things):
                method, path = aimed(route, theirs.things)
                told = await gateway.call(method, path, body, key=key)
                if role not in ENOUGH[needed(route)]:
                    assert told.status_code == 403, route
                    continue
                assert told.status_code in met, (route, body, told.text)
                hidden = [word for word in (*theirs.words(), ADDRESS) if word not in f"{path}{body}"]
                assert [word for word in hidden if word in told.text] == [], (route, told.text)
        kept = await gateway.call("GET", f"/v1/messages/{theirs.things['messages']}")
        assert (kept.json()["text"], kept.json()["state"]) == ("to bravo-line", "cancelled")

    run(test)


@pytest.mark.parametrize("sessions", [(), ("*",)])
def test_what_is_anothers_answers_exactly_like_what_does_not_exist(run: Run, sessions: tuple[str, ...]) -> None:
    async def test(gateway: Gateway) -> None:
        _, theirs = await two(gateway)
        key = await key_of(gateway, MINE, "admin", *sessions)
        for route, met in MET.items():
            if met is None or "{" not in route or "contacts" in route:
                continue
            for body in bodies(route, theirs.things):
                answers = []
                for things in (theirs.things, GHOST | {"own": GHOST["servers"]}):
                    method, path = aimed(route, things)
                    told = await gateway.call(method, path, body, key=key)
                    named = path.split("/")[3]
                    kept = {name: word for name, word in told.headers.items() if name != "content-length"}
                    answers.append((told.status_code, told.text.replace(named, "NAME"), kept))
                assert answers[0] == answers[1], route

    run(test)


def test_what_a_tenant_reads_is_the_same_whether_or_not_there_are_others(run: Run) -> None:
    # The audit log grows by what is read out here: `test_audit` has it.
    silent = MET.keys() - {"GET /v1/audit"}
    routes = [
        route for route in MET if route in silent and route.startswith("GET ") and MET[route] not in (None, REFUSED)
    ]

    async def read(gateway: Gateway, mine: Customer) -> dict[str, str]:
        found = {}
        for route in routes:
            for things in (mine.things, mine.things | {"own": SHARED}):
                method, path = aimed(route, things)
                for query in ("", "?limit=1") if path in ("/v1/sessions", "/v1/dead-letters") else ("",):
                    told = await gateway.call(method, path + query, key=mine.key)
                    assert told.status_code in (200, 204, 404), (route, told.text)
                    found[path + query] = f"{told.status_code} {told.text}"
        return found

    async def test(gateway: Gateway) -> None:
        await shared(gateway)
        mine = await customer(gateway, MINE)
        before = await read(gateway, mine)
        await customer(gateway, THEIRS)
        assert await read(gateway, mine) == before

    run(test)


def test_a_taken_name_says_nothing_of_whose_it_is(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        mine, theirs = await two(gateway)
        answers = []
        for one in (mine, theirs):
            body = {"name": one.things["sessions"], "server": SHARED, "wait_s": 0}
            told = await gateway.call("POST", "/v1/sessions", body, key=mine.key)
            assert told.status_code in TAKEN
            answers.append(told.text.replace(one.things["sessions"], "NAME"))
        assert answers[0] == answers[1]

    run(test)
