"""A proxy that refuses a picture for its size: the message fails and says whose limit it is, and the chat goes on."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.inputs.input_lab import InputLab, filled


async def replay(lab: InputLab, given: dict[str, Any]) -> None:
    (refused,) = given["provider_answers"]
    status, page = refused["answer"]
    lab.answers("POST", "/message/sendMedia/loja", status, page)
    picture, words = [filled(one, 0.0, "") for one in given["requests"]]
    first = await lab.asked("POST", "/v1/sessions/e/messages", picture, status=202)
    behind = await lab.asked("POST", "/v1/sessions/e/messages", words, status=202)
    await asyncio.sleep(15)
    told = await lab.asked("GET", f"/v1/messages/{first['id']}")
    assert (told["state"], told["reason"]["code"]) == ("failed", "too-large-for-server")
    assert "1.2 MB" in told["reason"]["text"]
    assert "evolution-server" in told["reason"]["text"]
    assert "client_max_body_size" in told["reason"]["action"]
    assert len(told["attempts"]) == 1
    assert (await lab.asked("GET", f"/v1/messages/{behind['id']}"))["state"] in ("sent", "delivered")
    assert (await lab.asked("GET", "/v1/servers"))["items"][0]["health"]["state"] == "up"
