"""The far end: WhatsApp itself, phones, the devices linked to them, and what waits for a device that is away.

A `Link` is one set of credentials. Whoever holds a live socket with it gets its stanzas; a second login with the same
link throws the first one out (440). Never lives here: what a provider claims, HTTP.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from esteio.core.model.content import MEDIA_KINDS
from esteio.sim.world.ledger import InboundTruth, Ledger, Unlink

PICTURE = b"\xff\xd8\xff\xe0 a picture"
"""The bytes of a media of which nobody says more."""
MISSED_MAX = 5_000
"""How many stanzas WhatsApp keeps for a device that is away."""


class Stanza(msgspec.Struct):
    """Something WhatsApp brings to a linked device: a message (`message`), a receipt (`receipt`), an edit, a revoke.

    `peer` is the other side (digits or JID), `status` a receipt's word, `from_me` a message typed on the phone.
    """

    what: str
    provider_id: str
    peer: str
    at: float
    text: str = ""
    kind: str = "text"
    from_me: bool = False
    status: str = ""
    push_name: str = ""
    code: str = ""
    extra: dict[str, Any] = {}


class FarSocket(Protocol):
    """What WhatsApp sees of a device's connection."""

    server_name: str
    session_name: str

    def replaced(self, code: int, reason: str) -> None:
        """WhatsApp closes it with a stream error."""
        ...

    def take(self, stanza: Stanza) -> bool:
        """A stanza arrives; False: it was not acknowledged, WhatsApp keeps it."""
        ...


class DeviceSocket(FarSocket, Protocol):
    """A device's connection as pairing and sending use it."""

    link: Link | None
    ended: bool
    qr: str

    @property
    def state(self) -> str:
        """`qr` while it shows a code to scan."""
        ...

    @property
    def usable(self) -> bool:
        """Whether a send through it reaches WhatsApp."""
        ...

    @property
    def ack_error(self) -> str:
        """Whom WhatsApp refuses what is sent through it: "", `all`, `cold`; `silent`: everybody, and says nothing."""
        ...

    def paired(self, link: Link) -> None:
        """The phone has accepted the code that it showed."""
        ...


class Surroundings(Protocol):
    """What phones and WhatsApp take from the world that they are in: its clock, its ledger, its pairing."""

    ledger: Ledger

    @property
    def whatsapp(self) -> WhatsApp: ...

    def now(self) -> float:
        """The world's time in seconds since the epoch."""
        ...

    def new_wa_id(self) -> str:
        """A message id as web clients make them."""
        ...

    def pair(self, phone: Phone, code: str) -> Link:
        """Links the device that shows this code to the phone; raises `ScanRefused` when none shows it."""
        ...

    def phone_sends(self, phone: Phone, to: str, text: str, kind: str) -> str:
        """Sends from the phone itself, not from a linked device; gives the message's id."""
        ...


class Link:
    """One linked device of one phone: the credentials that a provider stores. Dies once, for ever."""

    __slots__ = ("id", "linked", "missed", "number", "server", "session", "since", "socket")

    def __init__(self, link_id: str, number: str, server: str, session: str, since: float) -> None:
        self.id = link_id
        self.number = number
        self.server = server
        self.session = session
        self.since = since
        self.linked = True
        self.socket: FarSocket | None = None
        self.missed: list[Stanza] = []


class ScanRefused(Exception):
    """The phone said no: the code is old, already used, unknown, or the phone is banned."""


class Phone:
    """A person's phone with WhatsApp on it."""

    def __init__(self, world: Surroundings, number: str, name: str) -> None:
        self._world = world
        self.number = number
        self.name = name
        self.links: dict[str, Link] = {}
        self.banned_code: int | None = None
        self.banned_until: float | None = None
        self.met: set[str] = set()
        """Contacts that wrote to this number: sends to them are not cold."""

    def scan(self, code: str) -> Link:
        """Point the camera at a QR (its raw text) or type a pairing code. Raises `ScanRefused`."""
        return self._world.pair(self, code)

    def unlink(self, session: str | None = None) -> int:
        """Remove linked devices on the phone (all, or those of one session); how many were removed."""
        doomed = [link for link in list(self.links.values()) if session is None or link.session == session]
        for link in doomed:
            self._world.whatsapp.unlink(link, cause="phone", code=401)
        return len(doomed)

    def send(self, to: str, text: str, kind: str = "text") -> str:
        """A message typed on this phone: to another phone of the world it comes in there, and every linked device of
        this one gets the echo (`from_me`)."""
        return self._world.phone_sends(self, to, text, kind)

    def ban(self, code: int = 403, until: float | None = None) -> None:
        """WhatsApp bans the account: 403/406 for good, 402 until `until`; live sockets are closed with the code."""
        self.banned_code, self.banned_until = code, until
        for link in list(self.links.values()):
            if link.socket:
                link.socket.replaced(code, "banned")

    @property
    def ban_now(self) -> int | None:
        if self.banned_code and self.banned_until is not None and self._world.now() >= self.banned_until:
            self.banned_code = self.banned_until = None
        return self.banned_code


class WhatsApp:
    """Logins, stanzas and unlinks, by the rules of the real one."""

    def __init__(self, world: Surroundings) -> None:
        self._world = world
        self.phones: dict[str, Phone] = {}
        self.media: dict[str, bytes] = {}
        """WhatsApp's id of a message that came in → the bytes of its media."""
        self.after_delivery: list[Callable[[Link, Stanza], None]] = []
        """Called for each message that a session sent and WhatsApp delivered (contacts that answer live here)."""

    def login(self, link: Link, socket: FarSocket) -> int:
        """0 when let in, otherwise the stream error's code."""
        phone = self.phones[link.number]
        if not link.linked:
            return 401
        if code := phone.ban_now:
            return code
        old, link.socket = link.socket, socket
        if old is not None and old is not socket:
            same = (old.server_name, old.session_name) == (link.server, link.session)
            self._world.ledger.kicked(
                self._world.now(), link.server, link.session, "connect_race" if same else "second_process"
            )
            old.replaced(440, "replaced")
        return 0

    def leave(self, link: Link, socket: FarSocket) -> None:
        """The socket is gone (or silent): what comes now waits."""
        if link.socket is socket:
            link.socket = None

    def push(self, link: Link, stanza: Stanza) -> None:
        """Bring a stanza to a device, or keep it while the device is away."""
        if not link.linked:
            return
        waits = bool(link.missed) and stanza.what != "receipt"
        brought = not waits and link.socket is not None and link.socket.take(stanza)
        if not brought and len(link.missed) < MISSED_MAX:
            link.missed.append(stanza)

    def flush(self, link: Link) -> int:
        """Bring what waited, in order, until the device stops acknowledging; how many were brought."""
        brought = 0
        while link.missed and link.socket is not None:
            if not link.socket.take(link.missed[0]):
                break
            link.missed.pop(0)
            brought += 1
        return brought

    def pair(self, phone: Phone, server: str, session: str) -> Link:
        """A new linked device. One session holds one link of a phone: an older one of the same session dies. Raises
        `ScanRefused` for a banned number."""
        if phone.ban_now:
            raise ScanRefused("this number is banned")
        link = Link(
            f"{phone.number}:{len(phone.links) + 1}@{server}/{session}",
            phone.number,
            server,
            session,
            self._world.now(),
        )
        phone.links[link.id] = link
        return link

    def unlink(self, link: Link, *, cause: str, code: int = 401) -> None:
        """The link dies; a live socket hears of it."""
        if not link.linked:
            return
        link.linked = False
        self.phones[link.number].links.pop(link.id, None)
        link.missed.clear()
        self._world.ledger.unlinks.append(Unlink(self._world.now(), link.server, link.session, link.number, cause))
        if link.socket:
            link.socket.replaced(code, cause)

    def message_to(self, to: str, sender: str, text: str, kind: str, extra: dict[str, Any]) -> str:
        """A contact writes to a phone: every linked device gets it. Returns WhatsApp's id."""
        phone = self.phones.get(to)
        provider_id = self._world.new_wa_id()
        now = self._world.now()
        if kind in MEDIA_KINDS:
            self.media[provider_id] = extra.pop("data", PICTURE)
        links = list(phone.links.values()) if phone else []
        truth = InboundTruth(
            now, provider_id, to, sender, text, kind, [f"{link.server}/{link.session}" for link in links]
        )
        self._world.ledger.came_in(truth)
        if phone:
            phone.met.add(sender)
        name = self.phones[sender].name if sender in self.phones else extra.get("push_name", "Cliente")
        for link in links:
            self.push(link, Stanza("message", provider_id, sender, now, text, kind, push_name=name, extra=extra))
        return provider_id
