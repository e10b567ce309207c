"""A list's message is its sender's, device parts go, and what cannot be answered says so and is refused."""

DIRECT = {
    "IN16A": "5511966660005",
    "IN16B": "5511977770008",
    "IN16F": "5511966660006",
    "IN16G": "98765432100779@lid",
}
MUTE = {
    "IN16C": ("120363000000000006@newsletter", "newsletter"),
    "IN16D": ("status@broadcast", "status"),
    "IN16E": ("status@broadcast", "status"),
}


async def replay(lab, given):
    await lab.post_all(given["webhooks"])
    for provider_id, chat in DIRECT.items():
        got = await lab.received(provider_id)
        assert (got["chat"], got["from"]) == (chat, chat)
        assert "answerable" not in got
        answer = await send(lab, got, 202)
        assert answer["chat"] == chat
    for provider_id, (chat, kind) in MUTE.items():
        got = await lab.received(provider_id)
        assert (got["chat"], got["chat_kind"], got["answerable"]) == (chat, kind, False)
        assert (await send(lab, got, 400))["code"] == "chat-not-answerable"
    assert (await lab.received("IN16D"))["from"] == "5511977770007"
    assert (await lab.received("IN16E"))["from"] == "5511966660004"


async def send(lab, got, status):
    return await lab.asked(
        "POST", f"/v1/sessions/{got['session']}/messages", {"to": got["chat"], "text": "oi"}, status=status
    )
