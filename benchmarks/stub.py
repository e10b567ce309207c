"""A provider that costs next to nothing: just enough of Evolution 2.3.7 for a session to be adopted and to send.

Bare ASGI. It counts what it was sent, sees doubles and broken order (each text names its chat and its place in it), and
keeps the webhook address of each instance. `/_bench/seen` tells. A stub is no sandbox: it has no faults and no phone
(for those: `esteio.sim`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from benchmarks.serving import Receive, Send, reply, serve, whole
from esteio.clock import SystemClock

_ALWAYS: Mapping[str, Any] = {
    "/instance": [],
    "/instance/setPresence": {"presence": "unavailable"},
    "/chat/fetchBusinessProfile": {"isBusiness": False},
    "/chat/findMessages": {
        "messages": {
            "total": 1,
            "pages": 1,
            "currentPage": 1,
            "records": [
                {
                    "id": "cmwq3rmtb00020t7d",
                    "key": {"id": "3EB0A0", "fromMe": False, "remoteJid": "5511912345678@s.whatsapp.net"},
                    "messageType": "conversation",
                    "message": {"conversation": "long ago"},
                    "messageTimestamp": 1_700_000_000,
                    "MessageUpdate": [],
                }
            ],
        }
    },
    "/chat/findChats": [
        {"id": f"chat-{place}", "remoteJid": f"55119{place:08d}@s.whatsapp.net"} for place in range(20)
    ],
}


class Text(msgspec.Struct):
    """What of a send is looked at."""

    number: str
    text: str


class Tally(msgspec.Struct):
    """What the provider saw. `last_at`: epoch seconds of the last message. `webhooks`: by instance."""

    messages: int = 0
    doubled: int = 0
    out_of_order: int = 0
    last_at: float = 0.0
    webhooks: dict[str, str] = {}


class Stub:
    """An ASGI app that answers as Evolution does and counts what was sent, doubled or out of order."""

    def __init__(self) -> None:
        self._tally = Tally()
        self._places: dict[tuple[str, str], int] = {}
        self._hooks: dict[str, Any] = {}
        self._clock = SystemClock()
        self._text = msgspec.json.Decoder(Text)

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        status, answer = self._answer(scope["path"], await whole(receive))
        await reply(send, status, answer)

    def _answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        if path.startswith("/message/sendText/"):
            return 201, self._send(path, body)
        known = self._look(path, body)
        if known is None:
            return 404, b'{"status":404,"error":"Not Found","response":{"message":["Cannot do that"]}}'
        return 200, msgspec.json.encode(known)

    def _send(self, path: str, body: bytes) -> bytes:
        said = self._text.decode(body)
        tally = self._tally
        tally.messages += 1
        tally.last_at = self._clock.now()
        self._watch((path, said.number), int(said.text.split(" ", 2)[1]))
        # Unlike the ids of the load's webhooks, which count from zero too.
        key = b'{"key":{"remoteJid":"%s@s.whatsapp.net","fromMe":true,"id":"3EB0F%017X"},' % (
            said.number.encode(),
            tally.messages,
        )
        return key + (
            b'"pushName":"Bench","status":"PENDING","message":{"conversation":""},"messageType":"conversation",'
            b'"messageTimestamp":1795247404,"instanceId":"ded7fbae-0736-4d7e-a5fe-575009a67a69","source":"web"}'
        )

    def _watch(self, chat: tuple[str, str], place: int) -> None:
        before = self._places.get(chat, -1)
        if place == before:
            self._tally.doubled += 1
        elif place != before + 1:
            self._tally.out_of_order += 1
        self._places[chat] = max(place, before)

    def _look(self, path: str, body: bytes) -> Any:
        if path == "/_bench/seen":
            return self._tally
        if path == "/":
            return {"status": 200, "message": "Welcome to the Evolution API, it is working!", "version": "2.3.7"}
        call, _, name = path.rpartition("/")
        if call == "/instance/connectionState":
            return {"instance": {"instanceName": name, "state": "open"}}
        if call == "/webhook/set":
            return self._hook(name, body)
        if call == "/webhook/find":
            return self._hooks.get(name, {})
        return _ALWAYS.get(call)

    def _hook(self, name: str, body: bytes) -> Any:
        hook = self._hooks[name] = msgspec.json.decode(body)["webhook"]
        self._tally.webhooks[name] = hook["url"]
        return hook


if __name__ == "__main__":
    serve(Stub())
