"""The ground-truth ledger: what really happened in the world, for checkers, reports and the sandbox's page.

Only the world writes it; nothing in the gateway may read it. Times are epoch seconds. Lists only grow.
Never lives here: a judgement about whether what happened was right.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from esteio.providers.base import HttpResponse


class Delivered(msgspec.Struct):
    """One message that WhatsApp really took from a session and brought to its recipient.

    `provider_id` is unique per send: the same `text` to the same recipient twice means sent twice.
    """

    at: float
    server: str
    session: str
    sender: str
    recipient: str
    text: str
    kind: str
    provider_id: str


class Emission(msgspec.Struct):
    """The provider put an inbound message on its way as a webhook event. `answered` is the last HTTP status seen."""

    at: float
    server: str
    session: str
    posts: int = 0
    answered: int | None = None


class InboundTruth(msgspec.Struct):
    """One message that a contact sent to a phone. `devices` lists the sessions linked at that moment, as
    `server/session`.

    `stored` lists sessions whose provider keeps it in its own message list; `swallowed` those where the provider took
    it from WhatsApp and lost it.
    """

    at: float
    provider_id: str
    to: str
    sender: str
    text: str
    kind: str
    devices: list[str] = []
    emitted: list[Emission] = []
    stored: list[str] = []
    swallowed: list[str] = []

    @property
    def emitted_by(self) -> set[str]:
        """The sessions (`server/session`) whose provider told of it."""
        return {f"{one.server}/{one.session}" for one in self.emitted}


class Unlink(msgspec.Struct):
    """Credentials died or were lost. `cause`: `logout`, `delete`, `phone`, `banned`, `temp_banned`, `forbidden`,
    `late_cleanup`, `block_408` (2.4.0's regression), `repair` (a new pairing replaced them)."""

    at: float
    server: str
    session: str
    number: str
    cause: str


class ControlCall(msgspec.Struct):
    """A control verb that reached a server. `alive` is the truth of the session's socket when it came, `booting`
    whether the server's process was younger than its boot time, `effect` what it really did: `none`, `socket` (opened
    one), `closed`, `unlinked`, `created`, `deleted`, `config`, `second_socket` (the 440 race)."""

    at: float
    server: str
    verb: str
    session: str
    alive: bool
    booting: bool
    effect: str = "none"
    status: int = 0


class SocketInterval(msgspec.Struct):
    """From the moment a session's socket could really carry messages to the moment it could not."""

    server: str
    session: str
    up_at: float
    down_at: float | None = None
    why: str = ""


class Duel(msgspec.Struct):
    """Two sockets with the same credentials kicking each other. `rounds` counts the 440s."""

    server: str
    session: str
    last_at: float
    rounds: int = 1
    cause: str = "connect_race"


class ConnectRace(msgspec.Struct):
    """A connect that came while another one on the same closed instance was under way."""

    at: float
    server: str
    session: str
    linked: bool


class ServerLife(msgspec.Struct):
    """One boot of a server's process: refused connections from `down_at`, listening from `up_at`."""

    server: str
    down_at: float
    up_at: float
    boot_s: float


class FaultMark(msgspec.Struct):
    """A fault that was put in, or taken away (`healed`)."""

    at: float
    server: str
    session: str
    kind: str
    params: dict[str, Any]
    healed: bool = False


DUEL_GAP_S = 30.0
"""Two 440s further apart than this belong to different duels."""


class Ledger:
    """Everything that happened. Lists are in order of time; `calls` counts every request by (server, verb)."""

    def __init__(self) -> None:
        self.delivered: list[Delivered] = []
        self.refused: list[Delivered] = []
        """Taken by the provider and refused by WhatsApp (463): never delivered."""
        self.inbound: list[InboundTruth] = []
        self.unlinks: list[Unlink] = []
        self.control: list[ControlCall] = []
        self.sockets: list[SocketInterval] = []
        self.duels: list[Duel] = []
        self.races: list[ConnectRace] = []
        self.boots: list[ServerLife] = []
        self.faults: list[FaultMark] = []
        self.calls: Counter[tuple[str, str]] = Counter()
        self.webhooks: Counter[tuple[str, str, str]] = Counter()
        """(server, event, outcome): outcome is `ok`, `failed`, `lost` (by a fault) or `gave_up`."""
        self.untold: dict[str, HttpResponse] = {}
        """Provider ids of what went out and is in no list, with the answer that would have said so and is not heard."""
        self._open: dict[tuple[str, str], SocketInterval] = {}
        self._inbound: dict[str, InboundTruth] = {}

    # -- writing (the world only) ---------------------------------------------------------------------------------

    def socket_up(self, at: float, server: str, session: str) -> None:
        """A socket of the session opened at `at`; one that is open already is not counted again."""
        if (server, session) not in self._open:
            interval = SocketInterval(server, session, at)
            self._open[server, session] = interval
            self.sockets.append(interval)

    def socket_down(self, at: float, server: str, session: str, why: str) -> None:
        """The open socket of the session closed at `at`, and why; without one nothing is written."""
        if interval := self._open.pop((server, session), None):
            interval.down_at, interval.why = at, why

    def kicked(self, at: float, server: str, session: str, cause: str) -> None:
        """A second login closed the session's socket; those within `DUEL_GAP_S` seconds count as one duel."""
        for duel in reversed(self.duels):
            if duel.server == server and duel.session == session and at - duel.last_at <= DUEL_GAP_S:
                duel.last_at, duel.rounds = at, duel.rounds + 1
                return
        self.duels.append(Duel(server, session, at, 1, cause))

    def answers_again(self, at: float, server: str) -> None:
        """WhatsApp can be reached again from this server."""

    def heard(self, answer: HttpResponse) -> None:
        """A client has this answer in its hands."""
        if self.untold:
            self.untold = {name: one for name, one in self.untold.items() if one is not answer}

    def raced(self, at: float, server: str, session: str, *, linked: bool) -> None:
        """Two connects of one session ran at once; `linked`: it had credentials."""
        self.races.append(ConnectRace(at, server, session, linked))

    def came_in(self, truth: InboundTruth) -> None:
        """A message for one of our numbers was written by a contact."""
        self.inbound.append(truth)
        self._inbound[truth.provider_id] = truth

    # -- reading --------------------------------------------------------------------------------------------------

    def inbound_by_id(self, provider_id: str) -> InboundTruth | None:
        """The incoming message with this id of the provider's, or None."""
        return self._inbound.get(provider_id)

    def times_delivered(self, recipient: str, text: str) -> int:
        """How many times WhatsApp brought this very text to this recipient (digits or JID)."""
        return sum(1 for one in self.delivered if one.recipient == recipient and one.text == text)

    def doubled(self) -> dict[tuple[str, str, str], int]:
        """(session, recipient, text) → how often, for everything delivered more than once."""
        counts = Counter((one.session, one.recipient, one.text) for one in self.delivered)
        return {key: count for key, count in counts.items() if count > 1}

    def never_emitted(self) -> list[InboundTruth]:
        """Inbound messages that a linked session should have told of, and did not."""
        return [one for one in self.inbound if not set(one.devices) <= one.emitted_by]

    def control_calls(self, server: str | None = None, *, verbs: set[str] | None = None) -> list[ControlCall]:
        """The control acts that were asked for, oldest first, of one server or all, narrowed to `verbs`."""
        return [
            one
            for one in self.control
            if (server is None or one.server == server) and (verbs is None or one.verb in verbs)
        ]

    def document(self, last: int = 200) -> dict[str, Any]:
        """The tail of every list, as plain JSON values (the sandbox's `GET /_sandbox/ledger`)."""
        names = (
            "delivered",
            "refused",
            "inbound",
            "unlinks",
            "control",
            "sockets",
            "duels",
            "races",
            "boots",
            "faults",
        )
        told: dict[str, Any] = {}
        for name in names:
            told[name] = [msgspec.to_builtins(one) for one in getattr(self, name)[-last:]]
        told["calls"] = {f"{server} {verb}": count for (server, verb), count in sorted(self.calls.items())}
        told["webhooks"] = {" ".join(key): count for key, count in sorted(self.webhooks.items())}
        told["doubled"] = [[*key, count] for key, count in self.doubled().items()]
        return told
