"""One W-API instance: its webhooks (with the variants met in the wild) and its queue while disconnected.

Unrecorded: built from client code and the vendor's collection (facts §4.1). Never lives here: HTTP.
"""

# ruff: noqa: ARG002 - handlers share their signatures
from __future__ import annotations

from typing import Any

import msgspec

from esteio.core.judge.pacing import doubling
from esteio.sim.providers.evolution.payloads import digits_of
from esteio.sim.world.instance import Instance, Socket
from esteio.sim.world.ledger import Emission, Unlink
from esteio.sim.world.server import SimServer
from esteio.sim.world.webhooks import QueuedWebhook
from esteio.sim.world.whatsapp import Link, Stanza

Json = Any
HOOKS = ("received", "delivery", "connected", "disconnected", "message-status", "chat-presence")
FIRST_RETRY_S, RETRY_CAP_S = 5.0, 60.0
DRAIN_S = 1.0


class Habits(msgspec.Struct):
    """Variants of the webhooks, seen in different accounts."""

    lower_case: bool = False
    """All keys in lower case (`instanceid`, `messageid`, `msgcontent`)."""
    eventless_status: bool = False
    """Status bodies without `event`."""
    tells_disconnect: float = 0.5
    """How often `webhookDisconnected` comes at all."""
    queues: bool = True
    """Whether sends are queued while disconnected; else they answer 200 with error."""
    remembers_numbers: bool = False
    """Whether which numbers exist is answered from a cache, whatever the socket is like."""


class Queued(msgspec.Struct):
    """An entry of the queue (`quere`, as they write it)."""

    inserted_id: str
    message_id: str
    phone: str
    text: str
    kind: str
    at: float


class WapiInstance(Instance):
    """One instance. `connected` is what it says of itself."""

    qr_first_s = 60.0
    qr_next_s = 20.0
    late_opens = False

    server: SimServer

    def __init__(self, server: SimServer, name: str, token: str, habits: Habits) -> None:
        super().__init__(server, name)
        self.token = token
        self.habits = habits
        self.urls: dict[str, str] = dict.fromkeys(HOOKS, "")
        self.title = name
        self.queue: list[Queued] = []
        self.failures = 0
        self.sent = self.received = 0
        self.created_at = self.world.now()

    @property
    def connected(self) -> bool:
        return self.state == "open"

    @property
    def number(self) -> str:
        return self.link.number if self.link else ""

    def forget_webhook(self, variant: str) -> None:
        self.urls = dict.fromkeys(self.urls, "")

    # -- webhooks -------------------------------------------------------------------------------------------------

    def tell(self, hook: str, body: dict[str, Json], provider_id: str | None = None) -> None:
        """Queues a webhook to the address of this hook; without one nothing is sent. `provider_id` names the incoming
        message that it reports."""
        url = self.urls.get(hook)
        if not url:
            return
        event = str(body.get("event", hook))
        told = _lowered(body) if self.habits.lower_case else body
        letter = QueuedWebhook(self.name, event, url, {"content-type": "application/json"}, msgspec.json.encode(told))
        if provider_id and (truth := self.world.ledger.inbound_by_id(provider_id)):
            letter.emission = Emission(self.world.now(), self.server.name, self.name)
            truth.emitted.append(letter.emission)
        self.server.post(letter)

    def _base(self, event: str) -> dict[str, Json]:
        return {"event": event, "instanceId": self.name, "connectedPhone": self.number}

    # -- Baileys' events ------------------------------------------------------------------------------------------

    def on_connecting(self, sock: Socket) -> None:
        self.state = "connecting"

    def on_qr(self, sock: Socket, code: str) -> None:
        """No webhook: the code is asked for."""

    def on_paired(self, link: Link) -> None:
        """The connected webhook follows with the open."""

    def on_open(self, sock: Socket) -> None:
        self.state, self.failures = "open", 0
        self.tell("connected", self._base("webhookConnected") | {"connected": True})
        self.later(DRAIN_S, self._drain)

    def on_close(self, sock: Socket, code: int, why: str) -> None:
        was_open, self.state = self.state == "open", "close"
        if was_open and self.world.dice.random() < self.habits.tells_disconnect:
            self.tell("disconnected", self._base("webhookDisconnected") | {"connected": False})
        if code in (401, 402, 403, 406):
            self.forget(why if code == 401 else {402: "temp_banned", 403: "forbidden"}.get(code, "banned"))
        elif self.link is not None:
            self.prepare(doubling(FIRST_RETRY_S, RETRY_CAP_S, self.failures) if code != 515 else 0.0)
            self.failures += 1

    def forget(self, cause: str) -> None:
        """The credentials go; a link that WhatsApp still knows is lost all the same."""
        if self.link is not None and self.link.linked:
            now = self.world.now()
            self.world.ledger.unlinks.append(Unlink(now, self.server.name, self.name, self.link.number, cause))
        self.link = None

    def _drain(self) -> None:
        """What was queued while disconnected is sent, one a second."""
        if self.queue and self.alive:
            one = self.queue.pop(0)
            self.world.transmit(self.sock, one.phone, one.text, one.kind, one.message_id)
            self.sent += 1
            self.later(DRAIN_S, self._drain)

    # -- stanzas --------------------------------------------------------------------------------------------------

    def on_stanza(self, stanza: Stanza) -> None:
        if stanza.what == "message":
            self._message(stanza)
        elif stanza.what == "receipt":
            body = self._base("webhookStatus") | {
                "status": stanza.status,
                "messageId": stanza.provider_id,
                "fromMe": True,
                "moment": int(stanza.at),
                "chat": {"id": digits_of(stanza.peer)},
                "isGroup": False,
            }
            if self.habits.eventless_status:
                body = {key: body[key] for key in ("instanceId", "connectedPhone", "chat", "status", "moment")}
            self.tell("message-status", body)

    def _message(self, stanza: Stanza) -> None:
        content = (
            {"conversation": stanza.text}
            if stanza.kind == "text"
            else {f"{stanza.kind}Message": {"caption": stanza.text} | self._key_of(stanza)}
        )
        who = self.number if stanza.from_me else digits_of(stanza.peer)
        body = self._base("webhookDelivery" if stanza.from_me else "webhookReceived") | {
            "isGroup": stanza.peer.endswith("@g.us"),
            "messageId": stanza.provider_id,
            "fromMe": stanza.from_me,
            "chat": {"id": digits_of(stanza.peer), "profilePicture": ""},
            "sender": {
                "id": who,
                "pushName": stanza.push_name,
                "verifiedBizName": "",
                "senderLid": stanza.extra.get("lid", ""),
            },
            "moment": int(stanza.at),
            "msgContent": content,
        }
        if stanza.from_me:
            self.tell("delivery", body | {"fromApi": False})
        else:
            self.received += 1
            self.tell("received", body, stanza.provider_id)

    def _key_of(self, stanza: Stanza) -> Json:
        """How its media is asked for: by a key and a path that name it here."""
        if self.world.media_of(stanza.provider_id) is None:
            return {}
        return {
            "url": "https://mmg.whatsapp.net/v/t62/x.enc?ccb=1",
            "mimetype": stanza.extra.get("mime", "image/jpeg"),
            "fileName": stanza.extra.get("filename", ""),
            "mediaKey": f"key-{stanza.provider_id}",
            "directPath": f"/v/{stanza.provider_id}.enc",
        }

    def on_sent(self, phone: str, provider_id: str, content: Json) -> None:
        """The API's own sends come as `webhookDelivery` too."""
        body = self._base("webhookDelivery") | {
            "fromMe": True,
            "fromApi": True,
            "messageId": provider_id,
            "msgContent": content,
            "moment": int(self.world.now()),
            "chat": {"id": phone},
        }
        self.tell("delivery", body)

    # -- the process ----------------------------------------------------------------------------------------------

    def power_off(self) -> None:
        super().power_off()
        self.failures = 0

    def boot(self) -> None:
        if self.link is not None:
            self.state = "connecting"
            self.prepare()


def _lowered(value: Json) -> Json:
    if isinstance(value, dict):
        return {key.lower(): _lowered(inner) for key, inner in value.items()}
    return value
