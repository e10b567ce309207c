"""`POST /verify-creds`: what a client learns of its key before it does anything."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.api.conftest import ADMIN, Gateway


@pytest.mark.parametrize(
    ("role", "sessions", "status"),
    [("operate", (), 200), ("read", (), 200), ("operate", ("shop-*",), 200), ("operate", ("shop",), 401)],
)
def test_a_key_for_one_instance_is_no_key_of_the_server(
    run: Callable[..., None], role: str, sessions: tuple[str, ...], status: int
) -> None:
    async def test(gateway: Gateway) -> None:
        key = await gateway.key(role, *sessions)
        answer = await gateway.http.post("/evolution/verify-creds", headers={"apikey": key})
        assert answer.status_code == status
        assert (status == 200) == (answer.json().get("message") == "Credentials are valid")

    run(test)


def test_the_admin_is_let_in_and_a_stranger_is_not(run: Callable[..., None]) -> None:
    async def test(gateway: Gateway) -> None:
        for key, status in ((ADMIN, 200), ("a-key-of-nobody-here", 401)):
            assert (await gateway.http.post("/evolution/verify-creds", headers={"apikey": key})).status_code == status

    run(test)
