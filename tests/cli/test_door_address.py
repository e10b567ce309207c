"""The Evolution door at the root of an address of its own, beside the place where it is mounted."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx

from tests.cli.cli_processes import Running, free_port, run

ZERO = "127.0.0.1:0"
ADMIN = "an-admin-key-of-the-tests"


def test_the_door_alone_at_the_root_of_an_address(tmp_path: Path) -> None:
    port, door = free_port(), free_port()
    listen = ("--listen", f"127.0.0.1:{port}", "--door-listen", f"127.0.0.1:{door}")
    gateway = Running("serve", *listen, "--data", "data", cwd=tmp_path, ESTEIO_ADMIN_KEY=ADMIN)
    try:
        gateway.logged("gateway.started")
        at_root = httpx.get(f"http://127.0.0.1:{door}/instance/fetchInstances", headers={"apikey": ADMIN})
        mounted = httpx.get(f"http://127.0.0.1:{port}/evolution/instance/fetchInstances", headers={"apikey": ADMIN})
        welcome = [
            httpx.get(f"http://127.0.0.1:{port}/evolution{slash}").json()["version"] for slash in ("", "/", "//")
        ]
        native = httpx.get(f"http://127.0.0.1:{door}/v1/sessions", headers={"apikey": ADMIN})
    finally:
        assert gateway.end() == 0
    assert (at_root.status_code, at_root.json()) == (mounted.status_code, mounted.json()) == (200, [])
    assert welcome == ["2.3.7"] * 3
    assert native.status_code in (404, 501), "the door is alone there"


def test_a_door_on_a_taken_port_says_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        told = run("serve", "--listen", ZERO, "--door-listen", address, cwd=tmp_path)
    assert told.code == 1
    assert "in use" in told.err
