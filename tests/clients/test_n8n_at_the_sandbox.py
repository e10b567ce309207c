"""The n8n node's every operation against the sandbox's Evolution itself: the sandbox knows every route that it asks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from esteio.sim.sandbox.servers import DEFAULT_KEY, live_world, serve_sandbox
from tests.clients.client import ClientError, started
from tests.clients.hooks import listening
from tests.clients.journey import FRIEND, Journey
from tests.clients.n8n_operations import every_operation

AS_RECORDED = {
    "messages-api send-list": "TypeError: this.isZero is not a function",
    "chat-api get-media-base64": "The message is not of the media type",
}
"""What the real one refuses too: lists in its build (recording 070), and the media of a text."""


def test_the_sandbox_knows_every_route_of_the_node(clients: Mapping[str, Path]) -> None:
    if "n8n" not in clients:
        pytest.skip("the n8n node is not to be had here")

    async def whole() -> None:
        world = live_world()
        sandbox = await serve_sandbox(world, evolution="127.0.0.1:0")
        base = sandbox.urls["evolution"]
        try:
            async with listening() as hooks, started("n8n", clients["n8n"], base, DEFAULT_KEY) as client:
                journey = Journey(client, world, hooks, "loja", "5511999990001")
                await journey.begins()
                said = await client.do("text", name=journey.instance, number=FRIEND, words="oi")
                known = {"messageId": said["key"]["id"], "webhookUrl": hooks.url, "chatwootAutoCreate": False}
                refused = await every_operation(client, journey.instance, hooks.files, **known)
                assert set(refused) == set(AS_RECORDED), refused
                assert all(words in refused[name] for name, words in AS_RECORDED.items()), refused
                assert len(await client.do("credential_test")) == 2
            async with started("n8n", clients["n8n"], base + "/", DEFAULT_KEY) as client:
                with pytest.raises(ClientError, match="Cannot GET //erro"):
                    await client.do("credential_test")
        finally:
            await sandbox.aclose()

    asyncio.run(whole())
