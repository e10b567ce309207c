"""A reaction in a group goes out with the author of the message that it answers."""

import asyncio


async def replay(lab, given):
    await lab.post_all(given["webhooks"])
    got = await lab.received("GRPMSG1")
    body = {"to": got["chat"], "reaction": {"message": got["id"], "emoji": "👍"}}
    sent = await lab.asked("POST", "/v1/sessions/e/messages", body, status=202)
    await asyncio.sleep(5)
    (out,) = lab.wire.sends()
    participant = "5511966660002@s.whatsapp.net"
    assert out["key"] == {"id": "GRPMSG1", "remoteJid": got["chat"], "fromMe": False, "participant": participant}
    assert (await lab.message(sent["id"])).state in {"sent", "delivered"}
