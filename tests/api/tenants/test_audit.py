"""The audit log of a tenant: what was done by its keys and to its things, and nothing of anybody else's."""

from __future__ import annotations

from typing import Any

from tests.api.conftest import Gateway, Run
from tests.api.tenants.two_tenants import MINE, SHARED, THEIRS, Customer, key_of, tenant, two


async def rows(gateway: Gateway, key: str, query: str = "") -> list[dict[str, Any]]:
    answer = await gateway.call("GET", f"/v1/audit?limit=500{query}", key=key)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def lived(gateway: Gateway) -> tuple[Customer, Customer]:
    """Both customers did something, and the operator did something to each."""
    mine, theirs = await two(gateway)
    for one in (mine, theirs):
        line, hook = one.things["sessions"], one.things["webhooks"]
        for method, path, body in (
            ("POST", f"/v1/sessions/{line}/pause", {}),
            ("POST", f"/v1/webhooks/{hook}/rotate", {}),
            ("POST", "/v1/keys", {"name": f"made by {one.name}", "role": "read"}),
            ("GET", f"/v1/sessions/{line}/export", None),
            ("POST", "/v1/contacts/5511999998888/erase", {}),
        ):
            told = await gateway.call(method, path, body, key=one.key)
            assert told.status_code < 300, told.text
        await gateway.call("POST", f"/v1/sessions/{line}/recover", {})
        await gateway.call("PATCH", f"/v1/servers/{one.things['own']}", {"limits": {"connects_in_flight": 3}})
    await gateway.call("PATCH", f"/v1/servers/{SHARED}", {"limits": {"connects_in_flight": 3}})
    return mine, theirs


def test_a_tenants_admin_sees_its_own_log_alone(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        mine, theirs = await lived(gateway)
        everything = await rows(gateway, "an-admin-key-of-the-tests")
        for one, other in ((mine, theirs), (theirs, mine)):
            own = await rows(gateway, one.key)
            assert {row["tenant"] for row in own} == {one.name}
            assert {row["seq"] for row in own} == {row["seq"] for row in everything if row["tenant"] == one.name}
            words = str(own)
            assert [word for word in other.words() if word in words] == []
            done = {row["action"] for row in own}
            assert done >= {
                "session.created", "session.paused", "session.recover_requested", "webhook.created",
                "webhook.secret_rotated", "key.created", "journal.exported", "message.content_erased",
                "server.created", "server.changed",
            }  # fmt: skip
        left = [row for row in everything if row["tenant"] is None]
        assert {row["action"] for row in left} >= {"tenant.created", "server.created", "server.changed"}
        assert {row["server"] for row in left if row["server"]} == {SHARED}

    run(test)


def test_of_the_operator_a_tenant_learns_what_they_did_and_not_who_they_are(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        mine, _ = await lived(gateway)
        by_action = {row["action"]: row["actor"] for row in await rows(gateway, mine.key, "&order=oldest")}
        assert by_action["session.recover_requested"] == dict.fromkeys(("id", "name", "address", "request_id"), "") | {
            "kind": "key"
        }
        assert by_action["session.paused"]["name"] == f"of {MINE}"
        assert by_action["session.paused"]["address"] == "127.0.0.1"
        assert await rows(gateway, mine.key, "&who=ESTEIO_ADMIN_KEY") == []
        assert await rows(gateway, mine.key, f"&who=of {MINE}") != []
        assert await rows(gateway, mine.key, f"&who=of {THEIRS}") == []
        await gateway.refused(403, "outside-scope", "GET", "/v1/audit/verify", key=mine.key)

    run(test)


def test_a_key_of_some_sessions_sees_no_log(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await two(gateway)
        key = await key_of(gateway, MINE, "admin", "acme-*")
        await gateway.refused(403, "outside-scope", "GET", "/v1/audit", key=key)

    run(test)


def test_a_session_that_moves_is_told_in_both_logs_without_the_others_name(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        mine, theirs = await two(gateway)
        await gateway.call("PATCH", "/v1/sessions/acme-line", {"tenant": THEIRS})
        for one in (mine, theirs):
            (row,) = await rows(gateway, one.key, "&action=session.changed")
            assert row["session"] == "acme-line"
            told = {**row["before"], **row["after"]}
            assert set(told.values()) <= {one.name}

    run(test)


def test_who_is_given_the_same_name_later_finds_nothing_of_the_past(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await tenant(gateway, "acme")
        key = await key_of(gateway, "acme")
        assert await rows(gateway, key) != []
        (ours,) = (await gateway.call("GET", "/v1/keys", key=key)).json()["items"]
        await gateway.call("DELETE", f"/v1/keys/{ours['id']}")
        gateway.clock.ahead += 60
        assert (await gateway.call("DELETE", "/v1/tenants/acme")).status_code == 204
        gateway.clock.ahead += 60
        await tenant(gateway, "acme")
        gateway.clock.ahead += 60
        again = await key_of(gateway, "acme")
        assert [row["action"] for row in await rows(gateway, again)] == ["key.created"]

    run(test)


def test_the_log_still_holds(run: Run) -> None:
    """Whose a row is, is part of what its hash covers."""

    async def test(gateway: Gateway) -> None:
        await lived(gateway)
        assert (await gateway.call("GET", "/v1/audit/verify")).json()["whole"] is True
        database = gateway.store.database.db.connection
        for column in ("tenant", "actor_tenant"):
            database.execute(f"UPDATE audit_log SET {column} = 'bravo' WHERE seq = 3")
            told = (await gateway.call("GET", "/v1/audit/verify")).json()
            assert [(one["kind"], one["first"]) for one in told["findings"]] == [("changed", 3)]

    run(test)
