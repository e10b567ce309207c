"""Half an emoji in the answer to a send: the id in it counts."""

import asyncio


async def replay(lab, given):
    ((status, body),) = [one["answer"] for one in given["provider_answers"]]
    lab.answers("POST", "/message/sendText/loja", status, body)
    sent = await lab.asked("POST", "/v1/sessions/e/messages", given["request"], status=202)
    await asyncio.sleep(5)
    message = await lab.asked("GET", f"/v1/messages/{sent['id']}")
    assert (message["state"], message["provider_id"]) == ("sent", "3EB0CUT")
