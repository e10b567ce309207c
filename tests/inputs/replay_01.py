"""The picture of an incoming message can be had, in every way that was promised, from Evolution and from W-API."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from esteio.engine.commands.requests import EndpointRequest
from tests.inputs.input_lab import InputLab

BYTES = base64.b64decode("/9j/4AAQSkZJRg==")
SETTINGS = {"public_url": "http://esteio"}


async def replay(lab: InputLab, given: dict[str, Any]) -> None:
    lab.world.media["IN01B"] = BYTES
    answer = {"error": False, "fileLink": "http://wapi-server.sim/files/IN01B"}
    lab.answers("POST", "/message/download-media", 200, answer)
    app = lab.subscribers.add("app.example")
    await lab.commands.webhooks.add(EndpointRequest(app.url, format="evolution", media="base64"))
    await lab.post_all(given["webhooks"])
    await asyncio.sleep(10)
    (asked,) = [one for one in lab.wire.requests if "download-media" in one.url]
    assert all(word in asked.body for word in (b'"abc="', b'"/v/t62/x.enc"', b'"image"', b'"image/jpeg"'))
    for provider_id in ("IN01A", "IN01B"):
        message = await lab.received(provider_id)
        document = await lab.asked("GET", f"/v1/messages/{message['id']}")
        assert (document["media"]["state"], document["media"]["size"]) == ("kept", len(BYTES))
        assert document["media"]["url"].startswith("http://esteio/media/")
        for address in (document["media"]["url"], f"/v1/messages/{message['id']}/media"):
            assert (await lab.call("GET", address)).content == BYTES
    told = [one.body["data"]["message"] for one in app.taken if one.body["event"] == "messages.upsert"]
    assert [base64.b64decode(one["base64"]) for one in told] == [BYTES, BYTES]
    assert all(one["mediaUrl"].startswith("http://esteio/media/") for one in told)
