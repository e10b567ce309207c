"""Keys, notices, context alone, nothing at all: no messages of people."""


async def replay(lab, given):
    await lab.post_all(given["webhooks"])
    assert await lab.published("message.received", "message.edited", "message.deleted", "message.reaction") == []
    assert list(await lab.store.unreadable(10)) == []
