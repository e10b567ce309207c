"""An album's marker is nothing; its pictures, a moving sticker and a group's status are what they hold."""


async def replay(lab, given):
    await lab.post_all(given["webhooks"])
    assert len(await lab.published("message.received")) == 4
    for ident in ("IN08B", "IN08E"):
        got = await lab.received(ident)
        assert (got["kind"], got["text"], got["media"]["mime"]) == ("image", "foto 1", "image/jpeg")
    message = await lab.store.message((await lab.received("IN08B"))["id"])
    assert message.content.media.stored, "the bytes that came with it are kept"
    assert (await lab.received("IN08C"))["kind"] == "sticker"
    status = await lab.received("IN08D")
    assert (status["kind"], status["text"], status["chat"]) == ("text", "oi grupo", "120363000000000001@g.us")
