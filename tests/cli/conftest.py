"""A gateway and the sandbox behind it, started as people start them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from esteio.cli.remote.client import path
from tests.cli.cli_processes import Installation, Running, free_port


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("installation")
    port = free_port()
    zero = "127.0.0.1:0"
    box = Running("sandbox", "--evolution", zero, "--control", zero, cwd=home)
    listen = f"127.0.0.1:{port}"
    gateway = Running("serve", "--listen", listen, "--data", "data", cwd=home, ESTEIO_ALLOW_TARGETS="127.0.0.0/8")
    try:
        places = dict(line.split("\t") for line in box.said("control\thttp").splitlines())
        gateway.logged("gateway.started")
        key = gateway.said("\n").split()[-1]  # the last line of what is said before that
        made = Installation(home, f"http://127.0.0.1:{port}", key, places)
        made.client.post(
            path("servers"),
            {
                "name": "evo",
                "kind": "evolution",
                "base_url": places["evolution"],
                "credentials": {"apikey": places["key"]},
            },
        )
        yield made
    finally:
        codes = [one.end() for one in (gateway, box)]
    assert codes == [0, 0]


@pytest.fixture(scope="session")
def linked(installation: Installation) -> Installation:
    """With the session `clinic`, whose code a phone has scanned."""
    installation.create("clinic")
    installation.control("scan", session="clinic")
    installation.until(lambda: installation.session("clinic")["state"] == "connected")
    return installation


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer's own shell says is no part of a test."""
    for name in list(os.environ):
        if name.startswith(("ESTEIO_", "LC_", "LANG")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ESTEIO_LANGUAGE", "en")
