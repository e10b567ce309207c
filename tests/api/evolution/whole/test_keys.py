"""Keys at the door: every route of its table × every kind of key."""

from __future__ import annotations

from typing import Any

import pytest

from esteio.api.evolution.app import TABLE
from esteio.api.evolution.route import DoorRoute
from tests.api.evolution.conftest import DoorLab, DoorRunner

GUARDED = [route for route in TABLE if route.role is not None]
NAMED = [route for route in GUARDED if "{instance}" in route.path]


def shown(route: DoorRoute) -> str:
    return f"{route.method} {route.path}"


def at(route: DoorRoute, instance: str = "loja") -> tuple[str, str]:
    path = route.path.replace("{instance}", instance)
    return route.method, "/".join("x" if word.startswith("{") else word for word in path.split("/"))


@pytest.mark.parametrize("key", [None, "wrong"], ids=["no key", "a wrong key"])
def test_without_a_key_everything_is_401(at_door: DoorRunner, key: str | None) -> None:
    async def test(door: DoorLab) -> None:
        await door.create()
        for route in GUARDED:
            for instance in ("loja", "ghost"):
                method, path = at(route, instance)
                answered = await door.call(method, path, {}, key=key)
                assert (answered.status_code, answered.json()) == (401, UNAUTHORIZED), shown(route)

    at_door(test)


UNAUTHORIZED = {"status": 401, "error": "Unauthorized", "response": {"message": "Unauthorized"}}


def test_another_instances_key_opens_nothing_here(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        await door.create()
        other = (await door.create("outra"))["hash"]
        for route in NAMED:
            for instance in ("loja", "ghost"):
                method, path = at(route, instance)
                answered = await door.call(method, path, {}, key=other)
                assert (answered.status_code, answered.json()) == (401, UNAUTHORIZED), shown(route)
        assert door.lab.world.servers["evo"].lines.keys() == {"loja", "outra"}

    at_door(test)


def test_an_unknown_instance_is_404_for_who_may_see_all(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        for route in NAMED:
            method, path = at(route, "ghost")
            answered = await door.call(method, path, {})
            assert answered.status_code == 404, shown(route)
            assert answered.json()["response"]["message"] == ['The "ghost" instance does not exist'], shown(route)

    at_door(test)


def test_a_role_that_is_not_enough_is_403(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        await door.create()
        keys: dict[Any, str] = {"read": await door.key("read"), "send": await door.key("send", "loja")}
        for route in GUARDED:
            for role in ("read", "send"):
                method, path = at(route)
                enough = route.role == "read" or role == route.role
                if enough:
                    continue
                answered = await door.call(method, path, {}, key=keys[role])
                assert (answered.status_code, answered.json()["code"]) == (403, "forbidden"), shown(route)

    at_door(test)


def test_the_instances_own_key_opens_every_route_of_it(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        own = (await door.create())["hash"]
        last = [route for route in NAMED if "/logout" in route.path or "/delete/" in route.path]
        for route in [one for one in NAMED if one not in last] + last:
            method, path = at(route)
            if route.path == "/instance/delete/{instance}":
                await door.said(method, path, {}, key=own)
                break
            answered = await door.call(method, path, {}, key=own)
            assert answered.status_code not in (401, 403), shown(route)
            told = answered.json() if answered.content else None
            missing = ['The "loja" instance does not exist']
            assert not (isinstance(told, dict) and told.get("response", {}) == {"message": missing}), shown(route)

    at_door(test)
