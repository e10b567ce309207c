"""One instance's socket life, as a Baileys process lives it: credentials, sockets, memory's word, the event queue.

All three dialects stand on this: they override the `on_*` handlers (what the provider's code does when its event
comes) and nothing else moves their state. Truth (`Socket`, `Link`) and claim (`state`) are kept apart on purpose.
Never lives here: HTTP shapes, webhook bodies, the judgement of what a client should do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from esteio.sim.world.host import Host, WhatsAppPath
from esteio.sim.world.whatsapp import Link, Stanza

REFS_PER_SOCKET = 6
CONNECT_TIMEOUT_S = 20.0
LATE_OPEN_S = 60.0
SHUT_S = 0.02
"""How long a socket says `connecting` that is refused at once."""
CURED_BY_SOCKET = ("drop", "ghost", "half_open", "flap", "stuck_connecting", "stale_registry")
CURED_BY_BOOT = (*CURED_BY_SOCKET, "stalled")
HUNG_S = 60.0
"""How long a query over a half-open socket waits before it is given up."""


class Truth(msgspec.Struct):
    """What is so, beside what is said. `claim` is the provider's memory, `registry` its database."""

    server: str
    session: str
    in_memory: bool
    linked: bool
    alive: bool
    can_send: bool
    can_receive: bool
    claim: str
    registry: str
    number: str | None
    faults: tuple[str, ...]
    waiting_inbound: int
    sockets: int


class Socket:
    """One websocket as the process holds it. `state` is its life, `ended` whether `end()` has already run."""

    __slots__ = (
        "announced", "ended", "line", "link", "qr", "refs_left", "server_name", "session_name", "silent", "state",
        "timer",
    )  # fmt: skip

    def __init__(self, instance: Instance, link: Link | None) -> None:
        self.line = instance
        self.link = link
        self.state: Literal["dialing", "qr", "live", "dead"] = "dialing"
        self.ended = False
        self.announced = False
        self.silent = False
        self.qr = ""
        self.refs_left = REFS_PER_SOCKET
        self.timer: asyncio.TimerHandle | None = None
        self.server_name = instance.server.name
        self.session_name = instance.name

    @property
    def usable(self) -> bool:
        """Whether a send through it reaches WhatsApp."""
        return self.state == "live" and not self.ended and not self.silent

    @property
    def looks_open(self) -> bool:
        """Whether the websocket object says OPEN (what a local probe sees)."""
        return self.state in ("live", "qr") and not self.ended

    @property
    def ack_error(self) -> str:
        """See `whatsapp.DeviceSocket`."""
        return self.line.ack_error

    def paired(self, link: Link) -> None:
        """The phone has accepted this socket's code: the instance gets the link's credentials."""
        self.line.paired(self, link)

    def replaced(self, code: int, reason: str) -> None:
        self.line.lose(self, code, reason)

    def take(self, stanza: Stanza) -> bool:
        if self.ended or self.silent or self.state != "live":
            return False
        return self.line.take(stanza)

    def later(self, delay: float, fn: Callable[[Socket], None]) -> None:
        """The one timer of this socket; a new one replaces it."""
        if self.timer:
            self.timer.cancel()
        self.timer = self.line.later(delay, fn, self)

    def still(self) -> None:
        """Cancels the timer of the socket, if one runs."""
        if self.timer:
            self.timer.cancel()
            self.timer = None


class Instance:
    """The life of one instance. Dialects subclass it."""

    late_opens = True
    """Whether an `open` may be announced by a socket that died during its log-in (observed on Evolution)."""
    qr_first_s = 45.0
    qr_next_s = 45.0
    prep_s = (0.05, 0.25)
    """From the decision to connect until the socket exists: the version look-up. In it memory still says `close`."""

    def __init__(self, server: Host, name: str) -> None:
        self.server: Host = server
        self.world = server.world
        self.name = name
        self.link: Link | None = None
        """The credentials on the provider's disk."""
        self.sock: Socket | None = None
        self.sockets: set[Socket] = set()
        self.state = "close"
        self.in_memory = True
        self._road: WhatsAppPath | None = None
        self.away_since: float | None = None
        """Since when this line alone cannot reach WhatsApp as it should; None while it can."""
        self.stuck_once = False
        """The next `non101` upgrade is the last one: who dials again gets through."""
        self.flap_opens = 0.0
        self.silences = 0
        """So many of the next sockets are half-open as soon as they are open."""
        self.deaf: Literal["", "until_socket", "until_boot", "until_rescan"] = ""
        self.swallows = False
        """While deaf: messages are taken from WhatsApp and lost, instead of waiting there."""
        self.stalls = 0
        self.stall_scope: Literal["all", "inbound"] = "all"
        self.pending: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self.ack_error: Literal["", "all", "cold", "silent"] = ""
        """463 for everyone or for strangers; `silent`: taken, never brought, and nothing said."""
        self.twin_until: float | None = None
        self.twin_kicks = 0
        self.faults: dict[str, Any] = {}
        self.life = 0
        self.paired_at: float | None = None
        self.preparing = 0
        """How many connects are under way that have no socket yet."""
        self.slow_shake_s = 0.0
        """Once, at the next dial: how much longer WhatsApp takes (a whole fleet knocks at boot)."""

    # -- time -----------------------------------------------------------------------------------------------------

    def later(self, delay: float, fn: Callable[..., None], *args: Any) -> asyncio.TimerHandle:
        """Call in this process' life only: a restart of the server or a delete of the instance silences it."""
        return self.world.later(delay, self._fire, self.server.epoch, self.life, fn, args)

    def _fire(self, epoch: int, life: int, fn: Callable[..., None], args: tuple[Any, ...]) -> None:
        if epoch == self.server.epoch and life == self.life:
            fn(*args)

    # -- the event queue ------------------------------------------------------------------------------------------

    def event(self, fn: Callable[..., None], *args: Any) -> None:
        """What the library tells the provider's code; behind a stalled queue it waits."""
        if self.stalls and (self.stall_scope == "all" or fn == self.on_stanza):
            self.pending.append((fn, args))
        else:
            fn(*args)

    def stall(self) -> None:
        """One more holder of the event queue: events wait until each has let go (`unstall`)."""
        self.stalls += 1

    def unstall(self) -> None:
        """One holder lets go; when none is left, what waited is handled in order (and may stall again)."""
        self.stalls = max(0, self.stalls - 1)
        while self.pending and not self.stalls:
            fn, args = self.pending.pop(0)
            fn(*args)

    # -- sockets --------------------------------------------------------------------------------------------------

    @property
    def road(self) -> WhatsAppPath | None:
        """Its own way to WhatsApp, where that differs from its server's."""
        return self._road

    @road.setter
    def road(self, road: WhatsAppPath | None) -> None:
        if (self._road is None) != (road is None):
            self.away_since = None if road is None else self.world.now()
        self._road = road

    def road_now(self) -> WhatsAppPath:
        """The way to WhatsApp that holds now: its own, or else its server's."""
        return self.road or self.server.road

    def prepare(self, delay: float = 0.0) -> None:
        """Begin to connect: after the preparation a socket appears. Two at once make two sockets."""
        self.preparing += 1
        delay += self.server.loop_pause_s if self.road_now() == "shut" else 0.0
        self.later(delay + self.world.dice.uniform(*self.prep_s), self.dial)

    def dial(self) -> None:
        """A new socket with whatever credentials are on disk."""
        self.preparing = max(0, self.preparing - 1)
        sock = self.sock = Socket(self, self.link)
        self.sockets.add(sock)
        self.event(self.on_connecting, sock)
        road = self.road_now()
        if road in ("ok", "flap"):
            extra, self.slow_shake_s = self.slow_shake_s, 0.0
            sock.later(extra + self.world.dice.uniform(*self.world.handshake_s), self._shaken)
        elif road == "refused":
            sock.later(self.server.loop_pause_s, self._timed_out)
        elif road == "shut":
            sock.later(SHUT_S, self._timed_out)
        elif road == "blackhole":
            sock.later(CONNECT_TIMEOUT_S, self._timed_out)
        elif self.stuck_once:
            self.road, self.stuck_once = None, False

    def _timed_out(self, sock: Socket) -> None:
        self.lose(sock, 408, "timed out")

    def _shaken(self, sock: Socket) -> None:
        if self.road_now() not in ("ok", "flap"):
            self.lose(sock, 428, "connection closed")
        elif self.road_now() == "flap" and self.world.dice.random() >= max(self.flap_opens, self.server.flap_opens):
            sock.later(self.server.loop_pause_s, self._dropped)
        elif sock.link is None:
            self._next_qr(sock)
        else:
            self._login(sock, sock.link)

    def _dropped(self, sock: Socket) -> None:
        self.lose(sock, 428, "connection closed")

    def _login(self, sock: Socket, link: Link) -> None:
        if code := self.world.whatsapp.login(link, sock):
            self.lose(sock, code, "login refused")
            return
        sock.state = "live"
        self.world.ledger.socket_up(self.world.now(), self.server.name, self.name)
        if self.faults:
            self._cured(CURED_BY_SOCKET, "until_socket")
        sock.later(self.world.dice.uniform(*self.world.post_login_s), self._announce)

    def raise_socket(self, link: Link) -> None:
        """A live socket at once, as it is after a good week: no dial, no event."""
        sock = self.sock = Socket(self, link)
        self.sockets.add(sock)
        self.world.whatsapp.login(link, sock)
        sock.state = "live"
        sock.announced = True
        self.world.ledger.socket_up(self.world.now(), self.server.name, self.name)

    def _announce(self, sock: Socket) -> None:
        sock.announced = True
        self.event(self.on_open, sock)
        if sock.link:
            self.world.whatsapp.flush(sock.link)
        if self.road_now() == "flap":
            sock.later(self.server.loop_pause_s, self._dropped)
        elif self.silences and sock is self.sock:
            self.silences -= 1
            self.faults["half_open"] = {}
            self.fall_silent(None)
        elif self.twin_kicks or (self.twin_until or 0) > self.world.now():
            self.twin_kicks = max(0, self.twin_kicks - 1)
            sock.later(self.world.dice.uniform(0.3, 1.2), self._twin_logs_in)

    def _twin_logs_in(self, sock: Socket) -> None:
        self.world.ledger.kicked(self.world.now(), self.server.name, self.name, "twin")
        self.lose(sock, 440, "replaced")

    def lose(self, sock: Socket, code: int, why: str) -> None:
        """The socket ends and its `close` event is told. A socket ends once: the second time nothing happens."""
        if sock.ended:
            return
        pending_open = self.late_opens and sock.state == "live" and not sock.announced
        self.discard(sock, why or str(code))
        if pending_open:
            self.later(LATE_OPEN_S, self.event, self.on_open, sock)
        self.event(self.on_close, sock, code, why)

    def lose_all(self, code: int, why: str) -> None:
        """Each of its sockets ends so."""
        for sock in list(self.sockets):
            self.lose(sock, code, why)

    def discard(self, sock: Socket, why: str) -> None:
        """The socket is over, and no event tells of it."""
        sock.ended = True
        sock.state = "dead"
        sock.still()
        self.sockets.discard(sock)
        self._unheard(sock, why)

    def _unheard(self, sock: Socket, why: str) -> None:
        """WhatsApp no longer reaches this socket; another one of the same line may still be up."""
        if sock.link:
            self.world.whatsapp.leave(sock.link, sock)
        if not self.alive:
            self.world.ledger.socket_down(self.world.now(), self.server.name, self.name, why)

    # -- how a socket goes wrong without an event -----------------------------------------------------------------

    def die_quietly(self, *, ended: bool) -> None:
        """A ghost: the socket is dead and nobody is told. `ended`: `end()` has already run, so restart is a no-op."""
        for sock in list(self.sockets):
            sock.still()
            sock.state = "dead"
            if ended:
                sock.ended = True
                self.sockets.discard(sock)
            self._unheard(sock, "ghost")

    def fall_silent(self, notice_s: float | None) -> None:
        """Half-open: frames leave, nobody answers. Keep-alive notices after `notice_s`; None: never."""
        sock = self.sock
        if sock and sock.state == "live":
            sock.still()
            sock.silent = True
            self._unheard(sock, "half_open")
            if notice_s is not None:
                sock.later(notice_s, self._timed_out)

    # -- QR -------------------------------------------------------------------------------------------------------

    def _next_qr(self, sock: Socket) -> None:
        if sock.refs_left == 0:
            self.lose(sock, 408, "QR refs attempts ended")
            return
        wait = self.qr_first_s if sock.refs_left == REFS_PER_SOCKET else self.qr_next_s
        sock.refs_left -= 1
        sock.state = "qr"
        sock.qr = self.world.new_qr(sock)
        sock.later(wait, self._next_qr)
        self.event(self.on_qr, sock, sock.qr)

    def paired(self, sock: Socket, link: Link) -> None:
        """The phone accepted: credentials are written, WhatsApp asks for a restart of the stream (515)."""
        self.link = link
        self.paired_at = self.world.now()
        self._cured((), "until_rescan")
        self.on_paired(link)
        self.lose(sock, 515, "restart required")

    # -- stanzas --------------------------------------------------------------------------------------------------

    def take(self, stanza: Stanza) -> bool:
        """Whether the library acknowledges it. Deaf lines leave messages at WhatsApp, or swallow them."""
        if self.deaf and stanza.what != "receipt":
            if self.swallows:
                self.swallowed(stanza)
            return self.swallows
        self.event(self.on_stanza, stanza)
        return True

    def swallowed(self, stanza: Stanza) -> None:
        """The provider took a message from WhatsApp and lost it."""
        if truth := self.world.ledger.inbound_by_id(stanza.provider_id):
            truth.swallowed.append(f"{self.server.name}/{self.name}")

    async def ask_whatsapp(self) -> str:
        """Ask WhatsApp through the current socket whether a number exists: "" or the library's words. Half-open: a
        minute of nothing, and then what comes of a result that is none."""
        return await self._refused("undefined is not iterable")

    async def _refused(self, in_the_end: str) -> str:
        """What the current socket refuses a call with; "" when it takes it, and `in_the_end` after a minute of nothing
        when it is half-open."""
        sock = self.sock
        if sock is None or not sock.looks_open:
            return "Connection Closed"
        if sock.silent:
            await asyncio.sleep(HUNG_S)
            return in_the_end
        return ""

    async def carry(self, recipient: str, text: str, kind: str) -> tuple[str | None, str]:
        """Send through the current socket: (id, "") or (None, the library's words). Half-open: a minute of nothing."""
        words = await self._refused("Connection Closed")
        if words:
            return None, words
        epoch = self.server.epoch
        await asyncio.sleep(self.world.dice.uniform(*self.server.answer_s))
        provider_id = self.world.transmit(self.sock, recipient, text, kind) if epoch == self.server.epoch else None
        return provider_id, "" if provider_id else "Connection Closed"

    # -- the process ----------------------------------------------------------------------------------------------

    def power_off(self) -> None:
        """The server's process dies: sockets, memory, what waited in the queue; the disk stays."""
        for sock in list(self.sockets):
            self.discard(sock, "process stopped")
        for fn, args in self.pending:
            if fn == self.on_stanza and args[0].what == "message":
                self.swallowed(args[0])
        self.pending.clear()
        self.sock, self.stalls, self.preparing, self.state, self.in_memory = None, 0, 0, "close", False
        self.silences = 0
        self._cured(CURED_BY_BOOT, "until_socket", "until_boot")

    def _cured(self, kinds: tuple[str, ...], *deafness: str) -> None:
        """What this event cures is no longer a fault of the line; a flapping road is weather and stays."""
        for kind in kinds:
            if kind != "flap" or self.road != "flap":
                self.faults.pop(kind, None)
        if self.deaf in deafness:
            self.deaf = ""
            self.faults.pop("deaf", None)

    # -- what a dialect does --------------------------------------------------------------------------------------

    def on_connecting(self, sock: Socket) -> None:
        """A socket begins to connect."""
        raise NotImplementedError

    def on_qr(self, sock: Socket, code: str) -> None:
        """A socket without credentials shows a new code to scan."""
        raise NotImplementedError

    def on_paired(self, link: Link) -> None:
        """The phone has accepted the code; `link` holds the credentials from now on."""
        raise NotImplementedError

    def on_open(self, sock: Socket) -> None:
        """A socket is open and logged in."""
        raise NotImplementedError

    def on_close(self, sock: Socket, code: int, why: str) -> None:
        """A socket closed, with Baileys' status code and the reason in words."""
        raise NotImplementedError

    def on_stanza(self, stanza: Stanza) -> None:
        """A message, a receipt or a change of one has arrived from WhatsApp."""
        raise NotImplementedError

    def boot(self) -> None:
        """The process has loaded this instance from disk; connect or not, by the dialect's rule."""
        raise NotImplementedError

    # -- faults that a dialect has its own way of ------------------------------------------------------------------

    def drop_in_sends(self, params: dict[str, Any]) -> None:  # noqa: ARG002 - a dialect's way takes them
        """Fault `send_dropped`. Without a way of its own, the sockets break now."""
        self.lose_all(428, "dropped")

    def store_nothing(self, params: dict[str, Any]) -> None:
        """Fault `unstored`. Nothing, where the provider keeps no list."""

    def haunt(self, variant: str) -> None:
        """Fault `ghost`: the sockets are dead already; what the provider's own code makes of it."""

    def forget_webhook(self, variant: str) -> None:
        """The fault `webhook_forgotten`: the webhook's set-up is lost; `variant` says which part of it."""

    def mend_sends(self) -> None:
        """The next sends meet neither `drop_in_sends` nor `store_nothing`."""

    # -- truth ----------------------------------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        """Whether any socket of this line can really carry messages now."""
        return any(sock.usable for sock in self.sockets)

    @property
    def registry(self) -> str:
        """What the provider's list says."""
        return self.state

    def truth(self) -> Truth:
        """What is really so with this instance now, its provider's words aside."""
        alive = self.alive and self.server.up
        current = self.sock is not None and self.sock.usable
        return Truth(
            self.server.name,
            self.name,
            self.in_memory,
            self.link is not None and self.link.linked,
            alive,
            alive and current and self.in_memory and self.ack_error not in ("all", "silent"),
            alive and not self.deaf and not self.stalls,
            self.state if self.in_memory else "absent",
            self.registry,
            self.link.number if self.link else None,
            tuple(self.faults),
            len(self.link.missed) if self.link else 0,
            len(self.sockets),
        )
