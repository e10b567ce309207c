"""Every kind of message on each dialect, through the whole gateway: once, to the right person, with its content; or a
refusal that says what this provider cannot do, and nothing sent."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import Any

import pytest

from esteio.engine.commands.requests import (
    ContactRequest,
    LocationRequest,
    MediaRequest,
    MessageRequest,
    PollRequest,
    ReactionRequest,
)
from esteio.sim.lab import Lab
from tests.engine.engine_stage import CUSTOMER, OTHER, linked, outcomes, play, until_message
from tests.media_hosts import MediaLab

GROUP = "120363000000000001@g.us"
BYTES = b64encode(b"\x89PNG\r\n\x1a\n" + b"0" * 40).decode()


def _media(kind: Any, **more: Any) -> dict[str, Any]:
    return {"media": MediaRequest(kind, base64=BYTES, **more)}


ASKS: dict[str, dict[str, Any]] = {
    "text": {"text": "oi"},
    "image": {**_media("image"), "caption": "foto"},
    "video": {**_media("video", mime="video/mp4"), "caption": "filme"},
    "audio": _media("audio", mime="audio/ogg"),
    "document": {**_media("document", filename="nota.pdf"), "caption": "nota"},
    "sticker": _media("sticker", mime="image/webp"),
    "location": {"location": LocationRequest(-23.55, -46.63, "Sé", "Praça da Sé")},
    "contact": {"contacts": (ContactRequest("Ana", "+5511977776666"),)},
    "poll": {"poll": PollRequest("Quando?", ("hoje", "amanhã"), 1)},
    "reaction": {"reaction": ReactionRequest("TARGET", "👍")},
    "quote": {"text": "sobre isso", "quote": "TARGET"},
    "mentions": {"text": "@5511977776666 veja", "mentions": (OTHER,)},
    "group": {"to": GROUP, "text": "a todos"},
}
ARRIVES: dict[str, tuple[str, str]] = {
    "text": ("text", "oi"),
    "image": ("image", "foto"),
    "video": ("video", "filme"),
    "audio": ("audio", ""),
    "document": ("document", "nota"),
    "sticker": ("sticker", ""),
    "location": ("location", "Sé"),
    "contact": ("contact", "Ana"),
    "poll": ("poll", "Quando?"),
    "reaction": ("reaction", "👍"),
    "quote": ("text", "sobre isso"),
    "mentions": ("text", "@5511977776666 veja"),
    "group": ("text", "a todos"),
}
"""Kind and words at the recipient's phone."""
CANNOT: dict[str, dict[str, str]] = {
    "evolution": {},
    "wapi": {
        **dict.fromkeys(("sticker", "location", "contact", "poll", "reaction"), "no call for a message of kind"),
        "mentions": "no mentions",
    },
    "baileys": {
        **dict.fromkeys(("image", "video", "audio", "document"), "media by URL only"),
        **dict.fromkeys(("sticker", "location", "contact", "poll", "reaction"), "no call for a message of kind"),
        **dict.fromkeys(("quote", "mentions"), "cannot quote or mention"),
    },
}


@pytest.mark.parametrize("provider", CANNOT)
def test_every_kind_arrives_once_where_it_should_or_is_refused_in_words(provider: str) -> None:
    async def story(lab: Lab) -> None:
        await linked(lab, provider)
        lab.world.groups.add(GROUP)
        target = await lab.send("loja", CUSTOMER, "alvo")
        await until_message(lab, target, "sent", "delivered", within_s=60)
        for kind, ask in ASKS.items():
            await _one(lab, provider, kind, _aimed(ask, target))

    play(story)


def _aimed(ask: dict[str, Any], target: str) -> dict[str, Any]:
    if "reaction" in ask:
        return {"reaction": ReactionRequest(target, ask["reaction"].emoji)}
    return {**ask, "quote": target} if "quote" in ask else ask


async def _one(lab: Lab, provider: str, kind: str, ask: dict[str, Any]) -> None:
    before = len(lab.world.ledger.delivered)
    message = await lab.ask_message("loja", MessageRequest(**{"to": CUSTOMER, **ask}))
    await asyncio.sleep(30)
    arrived = [(one.kind, one.text, one.recipient) for one in lab.world.ledger.delivered[before:]]
    found = await lab.message(message)
    if kind in CANNOT[provider]:
        assert found.state == "failed", kind
        assert found.reason is not None
        assert found.reason.code == "request-refused", kind
        assert CANNOT[provider][kind] in found.reason.args["detail"], kind
        assert arrived == [], kind
    else:
        assert arrived == [(*ARRIVES[kind], ask.get("to", CUSTOMER))], kind
        assert found.state in ("sent", "delivered", "read"), kind
        assert found.provider_id == lab.world.ledger.delivered[-1].provider_id, kind
    assert len(await outcomes(lab, message)) == 1, kind


@pytest.mark.parametrize("kind", ["image", "video", "audio", "document"])
def test_a_server_that_takes_media_by_address_only_gets_the_address(kind: Any) -> None:
    async def story(lab: MediaLab) -> None:
        await linked(lab, "baileys")
        media = MediaRequest(kind, url=lab.media_hosts.put("https://cdn.example/arquivo", b"bytes"))
        message = await lab.ask_message("loja", MessageRequest(CUSTOMER, media=media, caption="veja"))
        await until_message(lab, message, "sent", within_s=30)
        arrived = [(one.kind, one.text, one.recipient) for one in lab.world.ledger.delivered]
        assert arrived == [(kind, "veja", CUSTOMER)]
        assert lab.media_hosts.fetched == []

    play(story)
