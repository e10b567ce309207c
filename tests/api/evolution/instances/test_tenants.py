"""The Evolution door with the keys of two tenants: names of instances, server-wide lists, calls that are passed on."""

from __future__ import annotations

from typing import Any

from esteio.core.model.ids import SessionName
from esteio.core.model.tenant import Tenant
from esteio.engine.commands.requests import KeyRequest
from tests.api.evolution.conftest import DoorLab, DoorRunner
from tests.narrowing import not_none

CREATE = {"integration": "WHATSAPP-BAILEYS", "qrcode": True}


async def key_of(door: DoorLab, tenant: str, *sessions: str) -> str:
    if await door.lab.store.tenants.get(tenant) is None:
        await door.lab.store.tenants.add(Tenant(tenant, tenant, 0.0))
    asked: dict[str, Any] = {"sessions": sessions} if sessions else {}
    return (await door.lab.commands.keys.create(KeyRequest("client", "operate", tenant=tenant, **asked)))[1]


async def names(door: DoorLab, key: str) -> list[str]:
    return [one["name"] for one in await door.said("GET", "/instance/fetchInstances", key=key)]


def test_an_instance_is_called_as_its_client_calls_it_and_apart_at_the_server(at_door: DoorRunner) -> None:
    async def story(door: DoorLab) -> None:
        acme, bravo = await key_of(door, "acme"), await key_of(door, "bravo")
        made = await door.said("POST", "/instance/create", {"instanceName": "vendas", **CREATE}, status=201, key=acme)
        assert made["instance"]["instanceName"] == "vendas"
        session = not_none(await door.lab.store.sessions.by_name(SessionName("vendas")))
        assert (session.tenant, session.ref) == ("acme", {"instance_name": "acme.vendas"})
        spaced = await door.said(
            "POST", "/instance/create", {"instanceName": "Loja Um", **CREATE}, status=201, key=acme
        )
        assert spaced["instance"]["instanceName"] == "Loja Um"
        assert sorted(await names(door, acme)) == ["Loja Um", "vendas"]
        for address in ("vendas", "Loja%20Um", "acme.vendas"):
            state = await door.said("GET", f"/instance/connectionState/{address}", key=acme)
            assert state["instance"]["instanceName"] in ("vendas", "Loja Um")
        # Another tenant's: as if there were none; the operator sees both.
        assert await names(door, bravo) == []
        assert len(await names(door, "an-admin-key-of-the-tests")) == 2
        for address in ("vendas", "acme.vendas", "Loja%20Um"):
            foreign = await door.call("GET", f"/instance/connectionState/{address}", key=bravo)
            nothing = await door.call("GET", "/instance/connectionState/ghost", key=bravo)
            assert foreign.status_code == nothing.status_code == 404
            assert "acme" not in foreign.text.replace(address, "")

    at_door(story)


def test_the_key_that_create_gave_opens_its_instance_alone(at_door: DoorRunner) -> None:
    async def story(door: DoorLab) -> None:
        acme, bravo = await key_of(door, "acme"), await key_of(door, "bravo")
        made = await door.said("POST", "/instance/create", {"instanceName": "vendas", **CREATE}, status=201, key=acme)
        await door.said("POST", "/instance/create", {"instanceName": "outra", **CREATE}, status=201, key=bravo)
        assert await names(door, made["hash"]) == ["vendas"]
        taken = await door.call("POST", "/instance/create", {"instanceName": "vendas", **CREATE}, key=bravo)
        assert taken.status_code == 403
        assert "acme" not in taken.text
        for method, path, body in (
            ("POST", "/message/sendText/vendas", {"number": "5511999998888", "text": "oi"}),
            ("DELETE", "/instance/logout/vendas", None), ("DELETE", "/instance/delete/vendas", None),
            ("POST", "/webhook/set/vendas", {"webhook": {"url": "https://thief.example/x", "enabled": True}}),
            ("GET", "/webhook/find/vendas", None), ("POST", "/chat/findMessages/vendas", {}),
            ("GET", "/group/fetchAllGroups/vendas", None), ("GET", "/chatwoot/find/vendas", None),
            ("POST", "/chat/updateProfileName/vendas", {"name": "thief"}),
        ):  # fmt: skip
            told = await door.call(method, path, body, key=bravo)
            assert told.status_code in (401, 404), (path, told.text)
            assert "acme" not in told.text
        # A query that names another instance is not passed on.
        named = await door.call("GET", "/group/fetchAllGroups/outra?instanceName=acme.vendas", key=bravo)
        assert named.status_code >= 400, named.text

    at_door(story)
