"""Half an emoji in a name or a text: the character is replaced, the message arrives."""


async def replay(lab, given):
    await lab.post_all(given["webhooks"])
    assert list(await lab.store.unreadable(10)) == []
    assert (await lab.received("IN04A"))["push_name"] == "Bia \ufffd"
    assert (await lab.received("IN04B"))["text"] == "texto cortado \ufffd"
    for ident, words in (("IN04C", "oi"), ("IN04D", "oi")):
        got = await lab.received(ident)
        assert (got["text"], got["push_name"]) == (words, "Z \ufffd")
