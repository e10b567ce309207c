"""A gateway with two customers that hold things that look alike: the stage of the tests beside this one."""

from __future__ import annotations

from typing import Any, NamedTuple

from esteio.engine.commands.requests import Role
from esteio.providers.base import HttpResponse
from tests.api.conftest import Gateway
from tests.api.http.test_scope import one_of_everything

MINE, THEIRS = "acme", "bravo"
SHARED = "evo"
ADDRESS = "127.0.0.1:8080"
"""Where the shared server stands, which no tenant is told."""


class Customer(NamedTuple):
    """One tenant, its things by the room of their address, and its key with the role admin."""

    name: str
    things: dict[str, str]
    key: str

    def words(self) -> set[str]:
        """What names it or its things, and nobody else's."""
        return {self.name, *self.things.values()} - {SHARED, "5511999998888"}


async def tenant(gateway: Gateway, name: str, **quotas: int) -> None:
    body = {"name": name, "title": name.title(), "quotas": quotas}
    made = await gateway.call("POST", "/v1/tenants", body)
    assert made.status_code == 201, made.text


async def key_of(gateway: Gateway, tenant: str, role: Role = "admin", *sessions: str) -> str:
    """A key of ours for a tenant, made by the operator."""
    body: dict[str, Any] = {"name": f"of {tenant}", "role": role, "tenant": tenant}
    body |= {"sessions": list(sessions)} if sessions else {}
    made = await gateway.call("POST", "/v1/keys", body)
    assert made.status_code == 201, made.text
    return str(made.json()["key"])


async def shared(gateway: Gateway) -> None:
    """The operator's server, which all tenants use, with instances of nobody's."""
    await gateway.add_server(SHARED)
    held = b'[{"name": "acme.free"}, {"name": "bravo.free"}, {"name": "nobody"}, {"name": "bravo.bravo-line"}]'
    gateway.provider.answer = lambda request: HttpResponse(200, {}, held)


async def own_server(gateway: Gateway, of: str) -> str:
    """A server that is a tenant's alone."""
    body = {
        "name": f"server-{of}", "kind": "evolution", "base_url": f"http://{of}.example:8080",
        "credentials": {"apikey": "provider-secret-2"}, "tenant": of,
    }  # fmt: skip
    assert (await gateway.call("POST", "/v1/servers", body)).status_code == 201
    return f"server-{of}"


async def customer(gateway: Gateway, name: str, **quotas: int) -> Customer:
    """A tenant with one of everything, on the shared server, and a server of its own."""
    await tenant(gateway, name, **quotas)
    things = await one_of_everything(gateway, f"{name}-line", tenant=name)
    things |= {"own": await own_server(gateway, name), "tenants": name}
    return Customer(name, things, await key_of(gateway, name))


async def two(gateway: Gateway) -> tuple[Customer, Customer]:
    """Both of them."""
    await shared(gateway)
    return await customer(gateway, MINE), await customer(gateway, THEIRS)
