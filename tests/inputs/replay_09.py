"""An edit that only the phone can read is an edit of its target; sealed reactions and votes are no messages."""


async def replay(lab, given):
    await lab.post_all(given["webhooks"])
    (edited,) = await lab.published("message.edited")
    assert (edited["provider_id"], edited["text"]) == ("TARGET1", None)
    assert await lab.published("message.received", "message.reaction") == []
