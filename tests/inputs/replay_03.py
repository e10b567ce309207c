"""Mexico's 1: read with it, answered by the chat's own name, and one chat with the number that lacks it."""


async def replay(lab, given):
    path = "/v1/sessions/e/messages"
    for body in given["requests"]:
        assert (await lab.asked("POST", path, body, status=202))["chat"] == "5215512345678"
    await lab.post_all(given["webhooks"])
    got = await lab.received("IN03")
    assert (await lab.asked("POST", path, {"to": got["chat"], "text": "r"}, status=202))["chat"] == got["chat"]
    assert (await lab.asked("POST", path, {"to": "+525512345678", "text": "r"}, status=202))["chat"] == got["chat"]
    await lab.settles()
    assert {one["number"] for one in lab.wire.sends()} == {"5215512345678"}
