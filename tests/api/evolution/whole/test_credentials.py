"""`POST /verify-creds`: what a client learns of its key before it does anything."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.evolution.conftest import DoorLab


@pytest.mark.parametrize(
    ("role", "sessions", "status"),
    [("operate", (), 200), ("read", (), 200), ("operate", ("shop-*",), 200), ("operate", ("shop",), 401)],
)
def test_a_key_for_one_instance_is_no_key_of_the_server(
    at_door: Any, role: str, sessions: tuple[str, ...], status: int
) -> None:
    async def test(door: DoorLab) -> None:
        answer = await door.call("POST", "/verify-creds", key=await door.key(role, *sessions))
        assert answer.status_code == status
        assert (status == 200) == (answer.json().get("message") == "Credentials are valid")

    at_door(test)
