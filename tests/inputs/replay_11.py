"""Templates, lists and interactive messages of businesses: the words, and the links beside them."""

from esteio.core.webhooks.evolution_format import said

WORDS = {
    "IN11A": ("Sua fatura vence hoje", [{"text": "Abrir", "url": "https://x.example/f/1"}]),
    "IN11B": ("Pedido confirmado", None),
    "IN11C": ("Menu\nEscolha um", None),
    "IN11D": ("Fatura\nSegue o boleto", [{"text": "cta_url", "url": "https://x.example/b"}]),
}


async def replay(lab, given):
    await lab.post_all(given["webhooks"])
    for ident, (words, buttons) in WORDS.items():
        got = await lab.received(ident)
        assert (got["kind"], got["text"], got.get("buttons")) == ("text", words, buttons)
        _, data = said("message.received", got)
        told = data["message"]["conversation"]
        assert told.startswith(words)
        assert all(button["url"] in told for button in buttons or ())
