"""Contents of business messages: what a person chose, what they ordered, and what a shop offers with buttons.

The words become the text, so that every reader sees them; the ids that a program branches on stand beside them
(`reply`, `order`, `product`, `buttons`). Shapes are WAProto's. Never lives here: a plain content (`contents`).
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from esteio.core.model.content import Button, Content, Order, Product, Reply
from esteio.providers.parsing import Json, at, decode, first, items, number, text, whole

MOST = 100
"""More buttons, rows or cards than this are no offer to a person."""


class Offer(msgspec.Struct, frozen=True):
    """Words, buttons, and what may stand at their head."""

    text: str | None
    buttons: tuple[Button, ...] = ()
    head: Json = None


def _lines(*words: str | None) -> str | None:
    """Each once, one below the other."""
    return "\n".join(dict.fromkeys(one for one in words if one)) or None


def _unpacked(value: Json) -> Json:
    """JSON inside a string."""
    return decode(value.encode("utf-8", "replace")) if isinstance(value, str) else value


# -- what a person chose -----------------------------------------------------------------------------------------


def _reply(ident: str | None, title: str | None) -> Content | None:
    """Where there are no words the id stands for them."""
    words = title or ident
    return Content("text", text=words, reply=Reply(ident, title)) if words else None


def native_reply(part: Json) -> Content | None:
    """The answer to a native flow: its parameters are JSON inside a string."""
    flow = at(part, "nativeFlowResponseMessage")
    given = _unpacked(at(flow, "paramsJson"))
    ident = first(given, "id", "selectedId", "selectedRowId", "flow_token") or text(at(flow, "name"))
    title = text(at(part, "body", "text")) or first(given, "display_text", "title", "text")
    return _reply(ident, title)


def button_reply(part: Json) -> Content | None:
    """The button that a person touched."""
    return _reply(text(at(part, "selectedButtonId")), text(at(part, "selectedDisplayText")))


def template_reply(part: Json) -> Content | None:
    """The same below a template."""
    return _reply(text(at(part, "selectedId")), text(at(part, "selectedDisplayText")))


def list_reply(part: Json) -> Content | None:
    """The row that a person chose."""
    return _reply(text(at(part, "singleSelectReply", "selectedRowId")), first(part, "title", "description"))


# -- goods -------------------------------------------------------------------------------------------------------


def _money(thousandths: Json) -> float | None:
    found = number(thousandths)
    return None if found is None else round(found / 1000.0, 3)


def order(part: Json) -> Content | None:
    """A basket that a person sends: its id and token are what its lines are asked for with."""
    ident = text(at(part, "orderId"))
    if ident is None:
        return None
    found = Order(
        ident,
        token=text(at(part, "token")),
        title=text(at(part, "orderTitle")),
        items=whole(at(part, "itemCount")) or None,
        total=_money(at(part, "totalAmount1000")),
        currency=text(at(part, "totalCurrencyCode")),
    )
    return Content("order", text=first(part, "message", "orderTitle"), order=found)


def product(part: Json) -> Content | None:
    """One thing of a catalogue that a person shows or asks about."""
    shown = at(part, "product")
    ident = text(at(shown, "productId"))
    if ident is None:
        return None
    found = Product(
        ident,
        title=text(at(shown, "title")),
        description=text(at(shown, "description")),
        price=_money(at(shown, "priceAmount1000")),
        currency=text(at(shown, "currencyCode")),
        url=first(shown, "url", "signedUrl"),
        retailer_id=text(at(shown, "retailerId")),
    )
    return Content("product", text=_lines(found.title, text(at(part, "body")), found.description), product=found)


def invite(part: Json) -> Content | None:
    """An invitation to a group: its name, what was written, and the link."""
    code, name = text(at(part, "inviteCode")), text(at(part, "groupName"))
    words = _lines(text(at(part, "caption")), name)
    if words is None or code is None:
        return None
    return Content("text", text=words, buttons=(Button(name, url=f"https://chat.whatsapp.com/{code}"),))


# -- what a shop offers ------------------------------------------------------------------------------------------


def template(part: Json) -> Offer:
    """A template in one of its three forms."""
    if (inner := at(part, "interactiveMessageTemplate")) is not None:
        return interactive(inner)
    filled = at(part, "hydratedTemplate") or at(part, "hydratedFourRowTemplate")
    if filled is None:
        row = at(part, "fourRowTemplate")
        return Offer(_lines(_structured(at(row, "content")), _structured(at(row, "footer"))), (), row)
    words = _lines(*(text(at(filled, f"hydrated{name}Text")) for name in ("Title", "Content", "Footer")))
    return Offer(words, _each(at(filled, "hydratedButtons"), _hydrated), filled)


def structured(part: Json) -> Offer:
    """A structured message, mostly filled in."""
    if (inner := at(part, "hydratedHsm")) is not None:
        return template(inner)
    return Offer(_structured(part))


def _structured(part: Json) -> str | None:
    return _lines(*(text(one) for one in items(at(part, "params"))[:MOST]))


def interactive(part: Json, depth: int = 0) -> Offer:
    """A body with native buttons, or cards of that kind in a row."""
    header = at(part, "header")
    words = [
        *(text(at(header, name)) for name in ("title", "subtitle")),
        text(at(part, "body", "text")),
        text(at(part, "footer", "text")),
    ]
    found = _each(at(part, "nativeFlowMessage", "buttons"), _native)
    cards = items(at(part, "carouselMessage", "cards"))[:MOST] if depth == 0 else []
    for card in cards:
        offer = interactive(card, 1)
        words.append(offer.text)
        found = (*found, *offer.buttons)
    return Offer(_lines(*words), found, header)


def buttons(part: Json) -> Offer:
    """Words with buttons below."""
    words = _lines(text(at(part, "text")), text(at(part, "contentText")), text(at(part, "footerText")))
    return Offer(words, _each(at(part, "buttons"), _button), part)


def listed(part: Json) -> Offer:
    """A list to choose from: its rows are what may come back as `reply.id`."""
    words = _lines(*(text(at(part, name)) for name in ("title", "description", "footerText")))
    rows = [row for section in items(at(part, "sections"))[:MOST] for row in items(at(section, "rows"))]
    return Offer(words, _each(rows, _row))


def _each(values: Json, read: Callable[[Json], Button | None]) -> tuple[Button, ...]:
    return tuple(found for one in items(values)[:MOST] if (found := read(one)) is not None)


def _some(found: Button) -> Button | None:
    return found if found != Button() else None


def _hydrated(one: Json) -> Button | None:
    link, call, quick = at(one, "urlButton"), at(one, "callButton"), at(one, "quickReplyButton")
    label = first(link, "displayText") or first(call, "displayText") or first(quick, "displayText")
    return _some(
        Button(label, id=text(at(quick, "id")), url=text(at(link, "url")), phone=text(at(call, "phoneNumber")))
    )


def _native(one: Json) -> Button | None:
    given = _unpacked(at(one, "buttonParamsJson"))
    return _some(
        Button(
            first(given, "display_text", "title") or text(at(one, "name")),
            id=first(given, "id"),
            url=first(given, "url", "merchant_url"),
            phone=first(given, "phone_number"),
            code=first(given, "copy_code"),
        )
    )


def _button(one: Json) -> Button | None:
    return _some(Button(text(at(one, "buttonText", "displayText")), id=text(at(one, "buttonId"))))


def _row(one: Json) -> Button | None:
    return _some(Button(_lines(text(at(one, "title")), text(at(one, "description"))), id=text(at(one, "rowId"))))


# -- what is not known -------------------------------------------------------------------------------------------

_WORDS: tuple[tuple[str, ...], ...] = (
    ("text",),
    ("caption",),
    ("body", "text"),
    ("contentText",),
    ("hydratedContentText",),
    ("title",),
    ("name",),
    ("description",),
    ("note",),
    ("noteMessage", "conversation"),
    ("noteMessage", "extendedTextMessage", "text"),
)


def any_words(inner: Json) -> str | None:
    """Words of a shape that we do not know, so that a person sees something."""
    if not isinstance(inner, dict):
        return None
    for part in inner.values():
        found = _lines(*(text(at(part, *path)) for path in _WORDS))
        if found:
            return found
    return None
