"""What a tenant's key is tried with to come by another's: ids in bodies and queries, places, names that come back, the
stream from its beginning, instances of a shared server, a status page, replays by number."""

from __future__ import annotations

import asyncio
from typing import Any

from esteio.core.model.ids import SessionName
from esteio.store.base import EventRow
from esteio.store.sql.db import Db
from esteio.store.sql.rows import event_params
from tests.api.conftest import Gateway, Run
from tests.api.stream import Reader
from tests.api.tenants.two_tenants import ADDRESS, MINE, SHARED, THEIRS, key_of, tenant, two


async def tell(gateway: Gateway, session: str, words: str) -> int:
    async def write(db: Db) -> None:
        event = EventRow("message.received", gateway.clock.now(), {"text": words}, SessionName(session), "c")
        await db.put("event_add", event_params(event))

    await gateway.store.database.write(write)
    return await gateway.store.events.last_seq()


async def heard(gateway: Gateway, key: str, **how: Any) -> Reader:
    """A stream from its beginning, as far as there is anything."""
    async with Reader(gateway, key=key, **how) as reader:
        await asyncio.sleep(3)
    return reader


def test_the_stream_from_its_beginning_tells_a_tenant_its_own(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        mine, _ = await two(gateway)
        last = 0
        for _ in range(3):
            await tell(gateway, "bravo-line", "of bravo")
            last = await tell(gateway, "acme-line", "of acme")
        for how in ({"query": "after=0"}, {"last_id": "0"}, {"last_id": str(10**9)}, {"query": f"after={last - 1}"}):
            reader = await heard(gateway, mine.key, **how)
            assert reader.status == 200
            assert b"bravo" not in reader.text, how
        assert (await heard(gateway, mine.key, query="after=0")).text.count(b"of acme") == 3
        scoped = await key_of(gateway, MINE, "read", "none-*")
        assert b"of acme" not in (await heard(gateway, scoped, query="after=0")).text

    run(test)


def test_a_name_that_comes_back_as_anothers_brings_no_past(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        mine, theirs = await two(gateway)
        await tell(gateway, "bravo-line", "secret of bravo")
        await gateway.call(
            "POST", "/v1/sessions/bravo-line/messages", {"to": "5511999998888", "text": "secret of bravo"}
        )
        assert (await gateway.call("DELETE", "/v1/sessions/bravo-line", key=theirs.key)).status_code == 204
        body = {"name": "bravo-line", "server": SHARED, "wait_s": 0}
        assert (await gateway.call("POST", "/v1/sessions", body, key=mine.key)).status_code == 201
        for path in ("timeline", "export", "messages"):
            assert "secret" not in (await gateway.call("GET", f"/v1/sessions/bravo-line/{path}", key=mine.key)).text
        assert b"secret" not in (await heard(gateway, mine.key, query="after=0")).text
        assert "secret" not in (await gateway.call("GET", "/v1/dead-letters", key=mine.key)).text
        person = "/v1/contacts/5511999998888"
        assert "secret" not in (await gateway.call("GET", f"{person}/export", key=mine.key)).text
        hook = (await gateway.call("POST", "/v1/webhooks", {"url": "https://hooks.example/x"}, key=mine.key)).json()[
            "id"
        ]
        span = {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}
        queued = (await gateway.call("POST", f"/v1/webhooks/{hook}/replay", span, key=mine.key)).json()["queued"]
        own = [one for one in await gateway.store.events.page(0, 500) if one.tenant == MINE]
        assert queued == len(own), "the past of its own sessions, and nobody else's"

    run(test)


def test_erasing_a_person_leaves_what_another_tenant_has_of_them(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        mine, theirs = await two(gateway)
        assert (await gateway.call("POST", "/v1/contacts/5511999998888/erase", key=mine.key)).status_code == 200
        kept = await gateway.call("GET", f"/v1/messages/{theirs.things['messages']}", key=theirs.key)
        assert kept.json()["text"] == "to bravo-line"

    run(test)


def test_on_a_shared_server_only_ones_own_instances_are_seen_named_or_taken(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        mine, _ = await two(gateway)
        listed = (await gateway.call("GET", f"/v1/servers/{SHARED}/instances", key=mine.key)).json()["items"]
        assert [one["name"] for one in listed] == ["acme.free"]
        adopt = f"/v1/servers/{SHARED}/adopt"
        for name in ("bravo.free", "bravo.bravo-line", "nobody", "acme", "acme.x/../../bravo.free"):
            await gateway.refused(403, "ref-out-of-reach", "POST", adopt, {"instances": [name]}, key=mine.key)
            body = {"name": "new", "server": SHARED, "wait_s": 0, "ref": {"instance_name": name}}
            told = await gateway.call("POST", "/v1/sessions", body, key=mine.key)
            # A ref is one of the characters of a name: a path in it is refused before it is compared.
            assert told.json()["code"] in ("ref-out-of-reach", "invalid-value"), told.text
            change = await gateway.call(
                "PATCH", "/v1/sessions/acme-line", {"ref": {"instance_name": name}}, key=mine.key
            )
            assert change.json()["code"] in ("ref-out-of-reach", "invalid-value"), change.text
        taken = await gateway.call("POST", adopt, {"instances": "all"}, key=mine.key)
        assert [(one["instance"], one["session"]) for one in taken.json()["items"]] == [("acme.free", "free")]
        assert (await gateway.session("free")).tenant == MINE
        shown = await gateway.call("GET", f"/v1/servers/{SHARED}", key=mine.key)
        assert ADDRESS not in shown.text
        assert shown.json()["sessions_at_server"] is None
        own = (await gateway.call("GET", "/v1/servers/server-acme", key=mine.key)).json()
        assert own["base_url"] == "http://acme.example:8080"

    run(test)


def test_webhooks_of_tenants_hear_their_own_and_servers_without_their_address(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        mine, _ = await two(gateway)
        hook = (await gateway.call("POST", "/v1/webhooks", {"url": "https://hooks.example/x"}, key=mine.key)).json()[
            "id"
        ]
        theirs = await tell(gateway, "bravo-line", "of bravo")
        await tell(gateway, "acme-line", "of acme")
        stored = await gateway.store.servers.all()
        told = EventRow("server.outage_started", gateway.clock.now(), {"name": "evo", "base_url": f"http://{ADDRESS}"})
        foreign = next(one.server for one in stored if one.server.tenant == THEIRS)
        other = EventRow("server.outage_started", gateway.clock.now(), {"name": foreign.name}, tenant=THEIRS)

        async def write(db: Db) -> None:
            for event in (told, other):
                await db.put("event_add", event_params(event))

        await gateway.store.database.write(write)
        await gateway.store.delivery.deal(gateway.clock.now(), 500)
        claims = await gateway.store.delivery.claim(gateway.clock.now(), {}, 50, 60)
        own = [one for one in claims if one.endpoint.id == hook]
        assert {(one.session, one.data.get("name", "")) for one in own} == {("acme-line", ""), ("", "evo")}
        for claim in own:
            await gateway.courier.deliver(claim)
            assert ADDRESS.encode() not in gateway.outside.requests[-1].body
        assert not await gateway.commands.webhooks.replay_event(hook, theirs)

    run(test)


def test_a_tenants_slug_that_begins_anothers_reaches_nothing_of_it(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await two(gateway)
        await tenant(gateway, "acme-1")
        key = await key_of(gateway, "acme-1")
        assert (await gateway.call("GET", "/v1/sessions", key=key)).json()["items"] == []
        listed = await gateway.call("GET", f"/v1/servers/{SHARED}/instances", key=key)
        assert listed.json()["items"] == []

    run(test)
