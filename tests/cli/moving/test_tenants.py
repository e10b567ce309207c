"""`tenants`: an agency makes its customers, gives each its key, and sees what they hold."""

from __future__ import annotations

import json

from tests.cli.cli_processes import Installation


def test_a_tenant_from_its_first_key_to_its_end(installation: Installation) -> None:
    made = installation.verb("tenants", "create", "padaria", "--title", "Padaria do Zé", "--sessions", "2")
    assert made.code == 0, made.err
    key = json.loads(
        installation.verb("keys", "create", "zé", "--role", "operate", "--tenant", "padaria", "--json").out
    )
    listed = installation.verb("tenants", "list").out.splitlines()
    assert ["padaria", "Padaria do Zé", "yes", "0/2", "0", "0", "1"] in [line.split("\t") for line in listed]
    seen = installation.verb("sessions", "--json", ESTEIO_KEY=key["key"])
    assert json.loads(seen.out)["items"] == []
    refused = installation.verb("tenants", "list", ESTEIO_KEY=key["key"])
    assert refused.code == 1

    suspended = installation.verb("tenants", "change", "padaria", "--suspend", "--json")
    assert json.loads(suspended.out)["enabled"] is False
    assert installation.verb("sessions", ESTEIO_KEY=key["key"]).code == 1
    assert installation.verb("tenants", "change", "padaria").code == 2
    held = installation.verb("tenants", "remove", "padaria")
    assert held.code == 1
    assert held.err
    installation.verb("keys", "revoke", key["id"])
    assert installation.verb("tenants", "remove", "padaria").code == 0
