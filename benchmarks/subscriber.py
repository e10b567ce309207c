"""A subscriber that only counts: which `message.received` came when, and whether each chat's came once and in order.

Bare ASGI on the port it is told, so that it can be away first and come later. `/_bench/seen` tells the counts,
`/_bench/arrivals` the number of every webhook (its place in the load, from the message's id) with the time it came.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from benchmarks.serving import Receive, Send, reply, serve, whole
from esteio.clock import SystemClock


class Heard(msgspec.Struct):
    """What came. `events` are different ones; `doubled` came before."""

    events: int = 0
    doubled: int = 0
    out_of_order: int = 0


class _Message(msgspec.Struct):
    session: str
    chat: str
    text: str
    provider_id: str


class _Event(msgspec.Struct):
    data: _Message


class Subscriber:
    """An ASGI app that accepts every webhook and counts those that come twice or out of order."""

    def __init__(self) -> None:
        self._heard = Heard()
        self._at: dict[int, float] = {}
        self._places: dict[tuple[str, str], int] = {}
        self._clock = SystemClock()
        self._event = msgspec.json.Decoder(_Event)

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        await reply(send, 200, self._answer(scope["path"], await whole(receive)))

    def _answer(self, path: str, body: bytes) -> bytes:
        if path == "/_bench/seen":
            return msgspec.json.encode(self._heard)
        if path == "/_bench/arrivals":
            return msgspec.json.encode(list(self._at.items()))
        self._take(self._event.decode(body).data)
        return b""

    def _take(self, message: _Message) -> None:
        number = int(message.provider_id[4:], 16)
        if number in self._at:
            self._heard.doubled += 1
            return
        self._at[number] = self._clock.now()
        self._heard.events += 1
        chat, place = (message.session, message.chat), int(message.text.split(" ", 2)[1])
        if place != self._places.get(chat, -1) + 1:
            self._heard.out_of_order += 1
        self._places[chat] = place


if __name__ == "__main__":
    serve(Subscriber(), port=int(sys.argv[1]))
