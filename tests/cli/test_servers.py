"""`esteio servers add`: under which name the key goes to the gateway."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from esteio.cli.errors import Misused
from esteio.cli.remote import servers
from tests.narrowing import not_none


class Gateway:
    """What the verb talks to; remembers the body."""

    def __init__(self) -> None:
        self.body: dict[str, Any] | None = None

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.body = body
        return body


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Gateway:
    known = Gateway()
    monkeypatch.setattr(servers, "connect", lambda: known)
    monkeypatch.delenv("ESTEIO_SERVER_APIKEY", raising=False)
    return known


@pytest.mark.parametrize(
    ("words", "credentials"),
    [
        (("evolution", "--apikey", "k"), {"apikey": "k"}),
        (("baileys", "--apikey", "k"), {"apikey": "k"}),
        (("wapi",), {}),
        (("pombo", "--credential", "admin_key=a=b"), {"admin_key": "a=b"}),
        (("evolution", "--apikey", "k", "--credential", "region=br"), {"apikey": "k", "region": "br"}),
    ],
)
def test_the_key_goes_by_the_name_that_the_adapter_declares(
    gateway: Gateway, words: tuple[str, ...], credentials: dict[str, str]
) -> None:
    kind, *rest = words
    done = CliRunner().invoke(servers.app, ["add", "one", kind, "http://provider.test", *rest])
    assert done.exit_code == 0, done.output
    assert not_none(gateway.body)["credentials"] == credentials


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("pombo", "--apikey", "k"), "key-has-no-name"),
        (("wapi", "--apikey", "k"), "key-has-no-name"),
        (("pombo", "--credential", "k"), "no-pair"),
    ],
)
def test_a_key_that_nobody_can_name_is_not_guessed(gateway: Gateway, words: tuple[str, ...], code: str) -> None:
    kind, *rest = words
    done = CliRunner().invoke(servers.app, ["add", "one", kind, "http://provider.test", *rest])
    assert isinstance(done.exception, Misused)
    assert done.exception.args[0] == code
    assert gateway.body is None
