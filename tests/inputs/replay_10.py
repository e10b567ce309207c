"""What a person chose: the words, and the id that a bot branches on."""

CHOSEN = {
    "IN10A": ("Confirmar", {"id": "confirm-42", "title": "Confirmar"}),
    "IN10B": ("Plano B", {"id": "row-7", "title": "Plano B"}),
    "IN10C": ("Agendar", {"id": "row-2", "title": "Agendar"}),
    "IN10D": ("btn-yes", {"id": "btn-yes"}),
    "IN10E": ("row-3", {"id": "row-3"}),
}


async def replay(lab, given):
    await lab.post_all(given["webhooks"])
    for ident, (words, reply) in CHOSEN.items():
        got = await lab.received(ident)
        assert (got["kind"], got["text"], got["reply"]) == ("text", words, reply)
        shown = await lab.asked("GET", f"/v1/messages/{got['id']}")
        assert shown["reply"] == reply
