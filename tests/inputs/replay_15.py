"""Digits that are those of the LID named beside them are no phone."""

CHATS = {"IN15A": "98765432100999@lid", "IN15B": "98765432100888@lid", "IN15C": "98765432100889@lid"}


async def replay(lab, given):
    await lab.post_all(given["webhooks"])
    for provider_id, chat in CHATS.items():
        got = await lab.received(provider_id)
        assert (got["chat"], got["from"], got["chat_kind"]) == (chat, chat, "lid")
        assert "answerable" not in got
        path = f"/v1/sessions/{got['session']}/messages"
        assert (await lab.asked("POST", path, {"to": got["chat"], "text": "oi"}, status=202))["chat"] == chat
