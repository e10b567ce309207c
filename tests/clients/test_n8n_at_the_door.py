"""The n8n node's every operation at the door: none finds a route that is not there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.clients.client import ClientError, started
from tests.clients.door import opened
from tests.clients.hooks import listening
from tests.clients.journey import FRIEND, Journey
from tests.clients.n8n_operations import every_operation

AS_THERE = {"chat-api get-media-base64": "The message is not of the media type"}
"""What Evolution refuses too: the media of a text."""


def test_every_operation_of_the_node_reaches_the_door(clients: Mapping[str, Path], tmp_path: Path) -> None:
    if "n8n" not in clients:
        pytest.skip("the n8n node is not to be had here")

    async def whole() -> None:
        async with opened(tmp_path) as door:
            async with listening() as hooks, started("n8n", clients["n8n"], door.url, door.key) as client:
                journey = Journey(client, door.world, hooks, "Loja São Paulo", "5511999990001")
                await journey.begins()
                said = await client.do("text", name=journey.instance, number=FRIEND, words="oi")
                known = {"messageId": said["key"]["id"], "webhookUrl": hooks.url, "chatwootAutoCreate": False}
                refused = await every_operation(client, journey.instance, hooks.files, **known)
                assert set(refused) == set(AS_THERE), refused
                assert all(words in refused[name] for name, words in AS_THERE.items()), refused
                assert len(await client.do("credential_test")) == 2
            # What people type: the address with a slash behind it, for which the node's own test asks `/erro`.
            async with started("n8n", clients["n8n"], door.url + "/", door.key) as client:
                assert len(await client.do("instances")) == 2
                with pytest.raises(ClientError, match="Cannot GET"):
                    await client.do("credential_test")

    asyncio.run(whole())
