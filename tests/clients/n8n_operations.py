"""Every operation of the n8n node, executed once with what its form holds."""

from __future__ import annotations

from typing import Any

from tests.clients.client import Client, ClientError

ENDS = {"instances-api restart-instance", "instances-api logout-instance", "instances-api delete-instance"}
"""Not among the others: little works after them, and the journey has them."""


async def every_operation(client: Client, instance: str, **known: str) -> dict[str, str]:
    """What each operation was refused with, by its name; "" where it was carried out. `known`: what its parameters are
    to hold instead of made-up words, such as the id of a message that there is."""
    said: dict[str, str] = {}
    cases: list[dict[str, Any]] = await client.do("cases")
    # What is deleted cannot be edited afterwards.
    for case in sorted(cases, key=lambda one: "delete" in one["operation"]):
        if case["name"] in ENDS:
            continue
        name = "loja nova" if case["operation"] == "instance-basic" else instance
        given = case["given"] | {"instanceName": name}
        given |= {word: text for word, text in known.items() if word in given}
        said[case["name"]] = ""
        try:
            await client.do("run", resource=case["resource"], operation=case["operation"], given=given)
        except ClientError as refused:
            said[case["name"]] = str(refused)
    return said
