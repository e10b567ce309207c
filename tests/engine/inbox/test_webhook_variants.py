"""Every way in which providers' webhooks come, through the whole gateway: each message once, in the order in which it
was told, nothing unreadable. What a clock with a false `Z` means stands beside the adapters."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from esteio.sim.lab import Lab
from tests.engine.engine_stage import CUSTOMER, PHONE, came_in, event_types, linked, play

Post = Callable[[bytes], Awaitable[int]]
WORDS = [f"mensagem {i}" for i in range(4)]


class Way:
    """Takes what a provider posts and brings it in its own way."""

    keeps_order = True

    async def bring(self, body: bytes, post: Post) -> None:
        await post(body)

    async def end(self, post: Post) -> None:
        """The rest, when all was posted."""


class Doubled(Way):
    async def bring(self, body: bytes, post: Post) -> None:
        await post(body)
        await post(body)


class Late(Way):
    """25 minutes later, in order."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []

    async def bring(self, body: bytes, post: Post) -> None:
        self.kept.append(body)

    async def end(self, post: Post) -> None:
        await asyncio.sleep(1500)
        for body in self.kept:
            await post(body)


class Backwards(Late):
    keeps_order = False

    async def end(self, post: Post) -> None:
        for body in reversed(self.kept):
            await post(body)


class Again(Late):
    """At once, and all of it once more 25 minutes later."""

    async def bring(self, body: bytes, post: Post) -> None:
        self.kept.append(body)
        await post(body)


def _lowered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key.lower(): _lowered(held) for key, held in value.items()}
    return [_lowered(one) for one in value] if isinstance(value, list) else value


class LowerCase(Way):
    async def bring(self, body: bytes, post: Post) -> None:
        await post(msgspec.json.encode(_lowered(msgspec.json.decode(body))))


class Nameless(Way):
    async def bring(self, body: bytes, post: Post) -> None:
        told = msgspec.json.decode(body)
        await post(msgspec.json.encode({key: held for key, held in told.items() if key != "event"}))


WAYS = [Way, Doubled, Late, Backwards, Again]
# A Baileys server's webhooks have one spelling, and are nothing without their name.
CASES = [
    *[("evolution", way) for way in (*WAYS, LowerCase, Nameless)],
    *[("wapi", way) for way in (*WAYS, LowerCase, Nameless)],
    *[("baileys", way) for way in WAYS],
]


@pytest.mark.parametrize(("kind", "way"), CASES, ids=lambda one: getattr(one, "__name__", one))
def test_each_message_once_and_in_the_order_in_which_it_was_told(kind: str, way: type[Way]) -> None:
    async def story(lab: Lab) -> None:
        if kind == "baileys":  # it learns where to post when a session is made, and only then
            await lab.add_server("prov", kind)
            await lab.create("prov", "loja")
            await lab.scan("prov", "loja", PHONE)
            await asyncio.sleep(40)
        else:
            await linked(lab, kind)
        real, mine = lab.world.on_webhook, way()
        assert real is not None
        last: list[Any] = []

        async def hook(url: str, headers: Any, body: bytes) -> int:
            last[:] = [url, headers]
            await mine.bring(body, lambda sent: real(url, headers, sent))
            return 200

        lab.world.on_webhook = hook
        for words in WORDS:
            lab.world.contact_sends(PHONE, CUSTOMER, words)
            await asyncio.sleep(2)
        lab.world.on_webhook = real
        await mine.end(lambda sent: real(last[0], last[1], sent))
        await asyncio.sleep(5)
        events = [e.data["text"] for e in await event_types(lab, "message.received")]
        assert events == (WORDS if mine.keeps_order else WORDS[::-1])
        assert [one.content.text for one in await came_in(lab)] == WORDS, "listed by when they were written"
        assert list(await lab.store.inbox.unreadable(10)) == []

    play(story)
