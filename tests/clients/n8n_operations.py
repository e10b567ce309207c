"""Every operation of the n8n node, executed once with what its form holds."""

from __future__ import annotations

from typing import Any

from tests.clients.client import Client, ClientError

ENDS = {"instances-api restart-instance", "instances-api logout-instance", "instances-api delete-instance"}
"""Not among the others: little works after them, and the journey has them."""


FILES = {"send-video": "a.mp4", "send-audio": "a.mp3"}


async def every_operation(client: Client, instance: str, files: str, **known: Any) -> dict[str, str]:
    """What each operation was refused with, by its name. `files`: where media are (`Hooks.files`). `known`: what
    parameters are to hold instead of made-up words, such as the id of a message that there is."""
    said: dict[str, str] = {}
    cases: list[dict[str, Any]] = await client.do("cases")
    # What is deleted cannot be edited afterwards.
    for case in sorted(cases, key=lambda one: "delete" in one["operation"]):
        if case["name"] in ENDS:
            continue
        name = "loja nova" if case["operation"] == "instance-basic" else instance
        given = case["given"] | {"instanceName": name}
        given |= {word: text for word, text in known.items() if given.get(word)}
        if "media" in given:
            given["media"] = f"{files}/{FILES.get(case['operation'], 'a.png')}"
        try:
            await client.do("run", resource=case["resource"], operation=case["operation"], given=given)
        except ClientError as refused:
            said[case["name"]] = str(refused)
    return said
