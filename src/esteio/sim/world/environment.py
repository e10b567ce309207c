"""What a provider's servers and instances stand in: time, dice, the ledger, and WhatsApp with its phones.

Everything moves by the running loop's timers and one seeded `random.Random`: the same seed gives the same story, under
a virtual clock or in real time. Never lives here: a provider's server or instance (`server`, `instance`).
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import Any

from esteio.sim.clock.virtual_loop import START_EPOCH
from esteio.sim.world.ledger import Delivered, Ledger
from esteio.sim.world.whatsapp import DeviceSocket, Link, Phone, ScanRefused, Stanza, WhatsApp

WebhookSink = Callable[[str, Mapping[str, str], bytes], Awaitable[int]]
"""(url, headers, body) → HTTP status. Raising counts as no answer."""
CODE_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTVWXYZ"


class Environment:
    """`seed` decides every throw of the dice, `epoch0` is the wall time at loop time zero."""

    def __init__(self, seed: int = 0, epoch0: float = START_EPOCH, *, connecting_event_rate: float = 1.0) -> None:
        self.seed = seed
        self.epoch0 = epoch0
        self.dice = Random(seed)
        self.connecting_event_rate = connecting_event_rate
        """How often per second a reconnect loop really turns (and tells `connecting`); the real one: 1 to 100."""
        self.ledger = Ledger()
        self.whatsapp = WhatsApp(self)
        self.on_webhook: WebhookSink | None = None
        """Where providers' webhooks go: an async callable (url, headers, body) → HTTP status."""
        self.draw_qr: Callable[[str], str] | None = None
        """Text → `data:image/png;base64,…`; None: a blank picture, which costs nothing."""
        self.handshake_s = (0.1, 0.4)
        self.post_login_s = (0.05, 0.5)
        self.server_ack_s = (0.05, 0.2)
        self.device_ack_s = (0.3, 3.0)
        self.read_rate = 0.0
        self.read_s = (2.0, 60.0)
        self.pairing_broken = False
        """WhatsApp's `companion_reg_refresh`: the scan is taken and the pairing never completes."""
        self.not_on_whatsapp: set[str] = set()
        self.jid_alias: dict[str, str] = {}
        """Digits as people write them → digits of the account (Brazil's ninth digit)."""
        self.groups: set[str] = set()
        self.media_gone: set[str] = set()
        """Of these nobody hands out the bytes any more."""
        self._codes: dict[str, DeviceSocket] = {}
        self._sent_by: dict[str, tuple[Link, str]] = {}

    # -- time and names -------------------------------------------------------------------------------------------

    def now(self) -> float:
        """The world's time in seconds since the epoch: its start plus the running loop's time."""
        return self.epoch0 + asyncio.get_running_loop().time()

    def later(self, delay: float, fn: Callable[..., None], *args: Any) -> asyncio.TimerHandle:
        """Calls `fn` after `delay` seconds of the running loop."""
        return asyncio.get_running_loop().call_later(delay, fn, *args)

    def new_wa_id(self) -> str:
        """A message id as web clients make them."""
        return f"3EB0{self.dice.getrandbits(72):018X}"

    @property
    def media(self) -> dict[str, bytes]:
        """WhatsApp's id of a message that came in → the bytes of its media."""
        return self.whatsapp.media

    # -- phones and contacts --------------------------------------------------------------------------------------

    def phone(self, number: str, name: str = "Loja Teste") -> Phone:
        """The phone with this number; made when it is new."""
        if number not in self.whatsapp.phones:
            self.whatsapp.phones[number] = Phone(self, number, name)
        return self.whatsapp.phones[number]

    def contact_sends(self, to_phone: str, from_phone: str, text: str, kind: str = "text", **extra: Any) -> str:
        """A contact writes to a phone; returns WhatsApp's id. `extra`: `push_name`, `lid`, `target` (of a reaction),
        `quoted` (an id); of a media `data` (its bytes), `mime`, `filename`."""
        return self.whatsapp.message_to(to_phone, from_phone, text, kind, extra)

    def media_of(self, provider_id: str) -> bytes | None:
        """The bytes of a media that came in; None when there is none, or they are gone (`media_gone`)."""
        return None if provider_id in self.media_gone else self.media.get(provider_id)

    def contact_edits(self, to_phone: str, from_phone: str, provider_id: str, text: str) -> None:
        """A contact (`from_phone`) edits a message of theirs: `text` stands in its place on every linked device of
        `to_phone`."""
        self._to_links(to_phone, Stanza("edit", provider_id, from_phone, self.now(), text))

    def contact_deletes(self, to_phone: str, from_phone: str, provider_id: str) -> None:
        """A contact (`from_phone`) deletes a message of theirs on every linked device of `to_phone`."""
        self._to_links(to_phone, Stanza("revoke", provider_id, from_phone, self.now()))

    def contact_reads(self, provider_id: str) -> None:
        """The recipient of a message that a session sent has read it."""
        self._receipt(provider_id, "READ")

    def phone_sends(self, phone: Phone, to: str, text: str, kind: str) -> str:
        """Typed on the phone itself: an echo on each linked device, and it comes in where `to` is a phone too."""
        provider_id = self.new_wa_id()
        echo = Stanza("message", provider_id, to, self.now(), text, kind, from_me=True)
        for link in list(phone.links.values()):
            self.whatsapp.push(link, echo)
        if to in self.whatsapp.phones and to != phone.number:
            self.contact_sends(to, phone.number, text, kind)
        return provider_id

    def _to_links(self, number: str, stanza: Stanza) -> None:
        if phone := self.whatsapp.phones.get(number):
            for link in list(phone.links.values()):
                self.whatsapp.push(link, stanza)

    # -- pairing --------------------------------------------------------------------------------------------------

    def new_qr(self, sock: DeviceSocket) -> str:
        """A fresh code to scan for this socket."""
        parts = [base64.b64encode(self.dice.randbytes(size)).decode() for size in (24, 32, 32, 32)]
        code = f"2@{','.join(parts)}"
        self._codes[code] = sock
        self._forget_old_codes()
        return code

    def new_pairing_code(self, sock: DeviceSocket) -> str:
        """A fresh code to type on the phone, for this socket."""
        code = "".join(self.dice.choice(CODE_ALPHABET) for _ in range(8))
        self._codes[code] = sock
        return code

    def _forget_old_codes(self) -> None:
        if len(self._codes) > 20_000:
            for code in list(self._codes)[:10_000]:
                del self._codes[code]

    def pair(self, phone: Phone, code: str) -> Link:
        """The phone's camera saw `code`. Raises `ScanRefused` when it is old, used, unknown, or pairing is broken."""
        sock = self._codes.get(code.replace("-", ""), self._codes.get(code))
        if sock is None:
            raise ScanRefused("this is no code of ours, or a very old one")
        if sock.ended or sock.state != "qr" or (code.startswith("2@") and sock.qr != code):
            raise ScanRefused("this code has expired or was already used")
        if self.pairing_broken:
            raise ScanRefused("não foi possível conectar o dispositivo")
        link = self.whatsapp.pair(phone, sock.server_name, sock.session_name)
        for old in [text for text, owner in self._codes.items() if owner is sock]:
            del self._codes[old]
        sock.paired(link)
        return link

    # -- what a session sends -------------------------------------------------------------------------------------

    def jid_digits(self, number: str) -> str:
        """The digits by which WhatsApp names this number, where its own spelling differs."""
        return self.jid_alias.get(number, number)

    def transmit(
        self, sock: DeviceSocket | None, recipient: str, text: str, kind: str, provider_id: str | None = None
    ) -> str | None:
        """Write a message to a line's current socket. Its id, or None when the socket cannot carry it. The receipts
        come by themselves."""
        if sock is None or not sock.usable or sock.link is None:
            return None
        provider_id = provider_id or self.new_wa_id()
        link = sock.link
        told = Delivered(
            self.now(), sock.server_name, sock.session_name, link.number, recipient, text, kind, provider_id
        )
        cold = recipient not in self.whatsapp.phones[link.number].met
        if sock.ack_error == "silent":
            self.ledger.refused.append(told)
            return provider_id
        if sock.ack_error == "all" or (sock.ack_error == "cold" and cold):
            self.ledger.refused.append(told)
            error = Stanza("receipt", provider_id, recipient, self.now(), status="ERROR", code="463")
            self.later(self.dice.uniform(*self.server_ack_s), self.whatsapp.push, link, error)
            return provider_id
        self.ledger.delivered.append(told)
        self._sent_by[provider_id] = (link, recipient)
        self._bring(link, recipient, text, kind, provider_id)
        return provider_id

    def _bring(self, link: Link, recipient: str, text: str, kind: str, provider_id: str) -> None:
        ack = self.dice.uniform(*self.server_ack_s)
        self.later(ack, self._receipt, provider_id, "SERVER_ACK")
        ack += self.dice.uniform(*self.device_ack_s)
        self.later(ack, self._receipt, provider_id, "DELIVERY_ACK")
        if self.dice.random() < self.read_rate:
            self.later(ack + self.dice.uniform(*self.read_s), self._receipt, provider_id, "READ")
        stanza = Stanza("message", provider_id, recipient, self.now(), text, kind)
        for told in self.whatsapp.after_delivery:
            told(link, stanza)
        if recipient in self.whatsapp.phones and recipient != link.number:
            self.contact_sends(recipient, link.number, text, kind)

    def _receipt(self, provider_id: str, status: str) -> None:
        if found := self._sent_by.get(provider_id):
            link, recipient = found
            self.whatsapp.push(link, Stanza("receipt", provider_id, recipient, self.now(), status=status))
