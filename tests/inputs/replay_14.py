"""Edits and revokes by W-API, as by Evolution."""


async def replay(lab, given):
    await lab.post_all(given["webhooks"])
    assert [one["provider_id"] for one in await lab.published("message.deleted")] == ["WT1"]
    edits = {one["provider_id"]: one["text"] for one in await lab.published("message.edited")}
    assert edits == {"WT2": "corrigido", "WT3": "corrigido 2"}
    assert await lab.published("message.received") == []
