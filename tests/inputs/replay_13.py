"""A basket, a product, a poll of the newest form."""

from esteio.core.webhooks.evolution_format import said


async def replay(lab, given):
    await lab.post_all(given["webhooks"])
    order = await lab.received("IN13A")
    assert (order["kind"], order["text"]) == ("order", "Quero esses")
    assert order["order"] == {"id": "9001", "token": "tk", "items": 2, "total": 25.0, "currency": "BRL"}
    _, data = said("message.received", order)
    assert data["message"]["orderMessage"] == {
        "orderId": "9001",
        "token": "tk",
        "message": "Quero esses",
        "itemCount": 2,
        "totalAmount1000": "25000",
        "totalCurrencyCode": "BRL",
    }
    product = await lab.received("IN13B")
    assert (product["kind"], product["text"]) == ("product", "Camisa\nazul")
    assert product["product"] == {"id": "77", "title": "Camisa", "description": "azul"}
    assert said("message.received", product)[1]["message"]["productMessage"]["product"]["productId"] == "77"
    poll = await lab.received("IN13C")
    assert (poll["kind"], poll["poll"]["question"], poll["poll"]["options"]) == ("poll", "Qual?", ["a", "b"])
