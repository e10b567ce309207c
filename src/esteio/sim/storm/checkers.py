"""What may never happen, checked the moment it does, and what must have happened by the end.

Safety holds at every step, whatever the weather; liveness is asked after the calm. Checkers read the world's truth (the
ledger) and what the gateway committed; they never touch either. A violation names the rule, the moment and the names,
so that the run can be repeated and looked at. Never lives here: measurements (`observer`, `report`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import msgspec

from esteio.core.model.message import Message
from esteio.core.model.policy import Policy
from esteio.core.model.server import Server
from esteio.core.model.session import Session
from esteio.sim.storm.observer import Fall
from esteio.sim.world.instance import Truth
from esteio.sim.world.ledger import DUEL_GAP_S, ControlCall, Delivered
from esteio.sim.world.server import SimServer
from esteio.store.base import Work

OPENS = frozenset({"connect", "restart", "create"})
DESTROYS = frozenset({"logout", "delete"})
SLACK_S = 0.75
"""Between a decision and its arrival at the server: latency both ways."""
ON_ITS_WAY_S = 10.0
"""The longest that bad weather holds up a control call (6 s), and the next one's pause."""
SEEN_WITHIN_S = 40.0
"""The bound on an idle line: one idle period, the second witness, the answers' way."""
BOUNDED = frozenset({"ghost", "stale_registry", "stuck_connecting", "revoked"})
"""Falls that one look can tell."""
PROMPT_S = 120.0
"""After the calm, so long may a message be overdue behind an open gate (ramps and caps included)."""
FOR_A_PERSON = frozenset(
    {
        "logged-out", "banned", "outdated", "replaced", "wrong-identity", "unpaired", "awaiting-qr", "temp-banned",
        "ghost-needs-server-restart", "closed-for-good", "approval-awaited", "provider-refused", "code-on-its-way",
        "not-loaded",
    }
)  # fmt: skip
"""Reasons that name a human act (or a date)."""


class Violation(msgspec.Struct, frozen=True):
    """A rule that was broken: at which second of the run, which rule, and what was seen."""

    at: float
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.at:10.1f} s  {self.rule}: {self.text}"


class Notices(msgspec.Struct):
    """What people were told of one outage."""

    opened: int = 0
    closed: int = 0
    first_at: float = 0.0


class Span(msgspec.Struct):
    """One outage as the gateway saw it."""

    session: str
    server: str
    since: float
    ended_at: float | None = None


class Checkers:
    """All rules over one run. `now` is seconds since its start; `usable` is what the supervisor believes of a line;
    `came_up` when a line last came up."""

    def __init__(
        self,
        policy: Policy,
        *,
        now: Callable[[], float],
        servers: Mapping[str, SimServer],
        usable: Callable[[str], bool],
        later: Callable[..., object],
        came_up: Callable[[str, str], float],
        probed: frozenset[str],
    ) -> None:
        self.policy, self.now, self.servers, self.usable, self._later = policy, now, servers, usable, later
        self._came_up = came_up
        self.probed = probed
        """Kinds of providers whose sockets can be probed."""
        self.violations: list[Violation] = []
        self.approved: set[str] = set()
        """Sessions for which a person agreed to a destructive rung."""
        self._ids: dict[str, list[str]] = defaultdict(list)
        """Text → WhatsApp's ids of the messages that brought it."""
        self.untellable: set[str] = set()
        """Texts that came twice where the first is in no list of its provider, and the answer that would have said so
        was lost: two faults in one send, which look just as if it had never left."""
        self._last_in_chat: dict[tuple[str, str], int] = {}
        self._opens: dict[str, list[ControlCall]] = defaultdict(list)
        self._versions: dict[int, int] = {}
        self.notices: dict[str, Notices] = defaultdict(Notices)
        self.outages: dict[str, Span] = {}
        self.incidents: dict[str, list[tuple[float, float | None]]] = defaultdict(list)
        self._asked: set[str] = set()
        self._thrown_out: dict[str, float] = {}
        """Session → when WhatsApp last threw a socket of it out for another one of the same login."""

    def broken(self, rule: str, text: str) -> None:
        """Records that a rule was broken now; `text` says by what."""
        self.violations.append(Violation(self.now(), rule, text))

    # -- messages -------------------------------------------------------------------------------------------------

    def delivered(self, told: Delivered) -> None:
        """WhatsApp brought a message: once, where the provider can be asked, and in the order of its chat."""
        before = self._ids[told.text]
        if len(before) == 1 and before[0] in self.servers[told.server].world.ledger.untold:
            self.untellable.add(told.text)
        elif before and self.policy.in_doubt != "resend":
            self.broken("doubled", f"{told.session}: {told.text!r} was delivered {len(before) + 1} times")
        before.append(told.provider_id)
        number, chat = number_of(told.text), (told.session, told.recipient)
        if number < self._last_in_chat.get(chat, 0):
            self.broken("order", f"{told.session}: {told.text!r} came after number {self._last_in_chat[chat]}")
        self._last_in_chat[chat] = max(number, self._last_in_chat.get(chat, 0))

    def settled(self, message: Message, *, at_whatsapp: bool, parked: bool = False) -> None:
        """At the end: a message that counts as sent really reached WhatsApp, or is known to lie in the provider's own
        queue (`parked`); one that failed says why."""
        if message.state in ("sent", "delivered", "read") and not (at_whatsapp or parked):
            self.broken("lost", f"{message.session}: {message.content.text!r} is {message.state} and never left")
        if message.state in ("failed", "expired") and message.reason is None:
            self.broken("reason", f"{message.session}: {message.content.text!r} is {message.state} without a reason")

    def missing(self, session: str, text: str) -> None:
        """An accepted message is not in the store any more."""
        self.broken("lost", f"{session}: {text!r} was accepted and is gone")

    # -- control --------------------------------------------------------------------------------------------------

    def controlled(self, call: ControlCall) -> None:
        """A control call reached a server."""
        if call.verb in DESTROYS:
            self._destroys(call)
        elif call.verb in OPENS:
            # What it does is known when the server has taken it.
            self._later(0.0, self._begins_no_duel, call)
            self._later(0.0, self._within_budget, call, tuple(self._opens[call.server]))
            within = self.policy.effect_within_s
            recent = [one for one in self._opens[call.server] if call.at - one.at < within]
            self._opens[call.server] = [*recent, call]

    def _begins_no_duel(self, call: ControlCall) -> None:
        """A second socket beside one that is on its way throws it out, and is thrown out by it, without end."""
        home = self.servers[call.server]
        line = home.lines.get(call.session)
        if call.effect == "second_socket" and line is not None and line.link is not None:
            self.broken("duel", f"{call.verb} of {call.session} at {home.name} beside its own reconnect")

    def _destroys(self, call: ControlCall) -> None:
        if self.policy.destructive != "auto" and call.session not in self.approved:
            self.broken("destructive", f"{call.verb} of {call.session} without an approval")
        if call.booting and self.policy.boot_grace_s > 0:
            self.broken("boot-grace", f"{call.verb} of {call.session} while {call.server} starts")

    def _within_budget(self, call: ControlCall, before: Sequence[ControlCall]) -> None:
        at = call.at
        if _reads_a_code(call):
            return
        recent = [one for one in before if not _reads_a_code(one) and at - one.at < self.policy.effect_within_s]
        calm = self._in_time(call)
        if calm and recent:
            apart = at - recent[-1].at
            if apart < self.policy.seconds_between_connects - SLACK_S:
                self.broken("budget", f"{call.verb} of {call.session} {apart:.2f} s after {recent[-1].session}'s")
        latest = {one.session: one for one in recent}
        open_ones = [one for one in latest.values() if self._still_open(one, call)]
        if calm and len(open_ones) >= self.policy.connects_in_flight:
            names = ", ".join(f"{one.verb} {one.session}" for one in open_ones)
            self.broken("budget", f"{call.verb} of {call.session} beside {names}")

    def _in_time(self, call: ControlCall) -> bool:
        """Whether the call arrived when it was asked: what was on its way in bad weather arrives when it likes."""
        server = self.servers[call.server]
        return server.weather is None and call.at - server.calm_since >= ON_ITS_WAY_S

    def _still_open(self, one: ControlCall, call: ControlCall) -> bool:
        """Whether an earlier act holds its slot for certain: in its time, answered well, effect not there yet."""
        line = self.servers[one.server].lines.get(one.session)
        healed = (line is not None and line.alive) or self._came_up(one.server, one.session) > one.at
        accepted = one.status == 0 or one.status < 400
        return (
            one.session != call.session
            and call.at - one.at < self._takes(one) - SLACK_S
            and self._in_time(one)
            and not healed
            and accepted
            and one.effect == "socket"
        )

    def _takes(self, one: ControlCall) -> float:
        """How long the effect of an act is surely waited for. A `create` may be either rung: Baileys has no
        other way to connect."""
        return self.policy.effect_within_s if one.verb == "restart" else self.policy.connect_every_s

    def kicked(self, at: float, server: str, session: str, cause: str, *, lived_s: float = 0.0) -> None:
        """WhatsApp threw a socket out because another one of the same link logged in.

        Where the server does not know its own socket (a stalled registry says `closed`), the next connect kicks it, and
        nobody could have known; two of our own acts inside the time of the first are a race of ours. A connect that was
        told that all is open did nothing. The socket that was thrown out had lived for `lived_s`: where it can be
        probed, whoever looks before acting has seen it, and does not connect beside it.
        """
        self._thrown_out[session] = at
        if cause != "connect_race":
            return
        ours = [one for one in self._opens[server] if one.session == session and one.effect != "none"]
        for first, second in pairwise(ours):
            if second.at - first.at < self._takes(first) - SLACK_S:
                verbs = f"{first.verb}, {second.verb}"
                self.broken("two-actors", f"{session} at {server}: two sockets of ours ({verbs})")
        home, since = self.servers[server], at - SLACK_S
        connected = any(one.verb == "connect" and one.at >= since for one in ours)
        if connected and lived_s > self.policy.probe_suspect_s + SLACK_S and home.kind in self.probed:
            self.broken(
                "beside", f"connect of {session} at {server} beside a socket that had lived for {lived_s:.0f} s"
            )

    # -- what the gateway says ------------------------------------------------------------------------------------

    def session_changed(self, session: Session) -> None:
        """A session's row may have been written."""
        before = self._versions.get(session.id, -1)
        if session.row_version < before:
            self.broken("version", f"{session.name}: version {session.row_version} after {before}")
        self._versions[session.id] = session.row_version
        asked = session.recovery.awaiting
        if asked is not None and asked not in self._asked:
            self._asked.add(asked)
            self._may_ask(session)
        for outage in (session.outage, session.last_outage):
            if outage is not None and not outage.expected:
                span = self.outages.setdefault(outage.id, Span(session.name, session.server, outage.since))
                span.ended_at = outage.ended_at

    def _may_ask(self, session: Session) -> None:
        """An unlink is not even asked for while WhatsApp, or the way to it, is away."""
        home = self.servers[session.server]
        line = home.lines.get(session.name)
        # A line that its provider has left closed dials nothing: what its own way is like keeps nobody out.
        dials = line is not None and bool(line.sockets or line.preparing)
        for since in (home.away_since, line.away_since if line is not None and dials else None):
            if since is not None and home.world.now() - since >= ON_ITS_WAY_S:
                away = f"{home.world.now() - since:.0f} s"
                self.broken("asked-while-away", f"{session.name}: {session.reason.code}, WhatsApp away for {away}")

    def server_changed(self, server: Server) -> None:
        """A server's row was written: its incidents stand for the notices of its sessions."""
        incident = server.incident
        if incident is None:
            return
        known = self.incidents[server.name]
        if known and known[-1][0] == incident.since:
            known[-1] = (incident.since, incident.ended_at)
        else:
            known.append((incident.since, incident.ended_at))

    def noticed(self, work: Work) -> None:
        """A notice went out."""
        phase = work.payload["phase"]
        if phase not in ("opened", "closed"):
            return
        outage = str(work.payload["id"])
        told = self.notices[outage]
        told.first_at = told.first_at or self.now()
        told.opened += phase == "opened"
        told.closed += phase == "closed"
        if told.opened > 1 or told.closed > 1:
            self.broken("notices", f"{outage}: opened {told.opened} times, closed {told.closed} times")
        if told.closed > told.opened:
            self.broken("notices", f"{outage}: closed before it was opened")

    # -- detection ------------------------------------------------------------------------------------------------

    def server_stopped(self, fall: Fall) -> None:
        """A socket died: the gate may not stay open for longer than the bound."""
        if fall.kind in BOUNDED:
            self._later(SEEN_WITHIN_S, self._seen_by_now, fall, fall.down_at)

    def _seen_by_now(self, fall: Fall, down_at: float) -> None:
        stands = fall.down_at == down_at and not fall.up_at and not fall.seen_at
        if stands and not fall.rough and self.servers[fall.server].up and self.usable(fall.session):
            self.broken("unseen", f"{fall.session}: {fall.name} not seen within {SEEN_WITHIN_S:g} s")

    # -- the end --------------------------------------------------------------------------------------------------

    def all_told(self, now_epoch: float, epoch0: float) -> None:
        """Each fall that outlasted `notify_after_s` was told once when it opened and once when it closed."""
        for name, span in self.outages.items():
            lasted = (span.ended_at or now_epoch) - span.since
            told = self.notices.get(name, Notices())
            by_server = self._with_others(span, now_epoch)
            when = f"{span.session}: {name} of {span.since - epoch0:.0f} s lasted {lasted:.0f} s"
            if not told.opened and not by_server and lasted > self.policy.notify_after_s + SEEN_WITHIN_S:
                self.broken("notices", f"{when} and nobody was told")
            over_for = now_epoch - span.ended_at if span.ended_at else 0.0
            if told.opened and not told.closed and over_for > self.policy.flap_within_s + SEEN_WITHIN_S:
                self.broken("notices", f"{when}, and nobody was told that it ended")

    def _with_others(self, span: Span, now_epoch: float) -> bool:
        """Whether it fell in an incident of its server, of which one notice speaks for all."""
        spans = self.incidents[span.server]
        return any(since - 120 <= span.since <= (end or now_epoch) + 120 for since, end in spans)

    def settled_down(self, session: Session, truth: Truth) -> str:
        """Why this session is not where it must be after the calm; empty when it is."""
        if session.state in ("connected", "degraded"):
            # Where no socket can be probed a half-open one looks well: the question that a dead one refuses hangs.
            blind = session.kind not in self.probed and "half_open" in truth.faults
            dead = f"{session.name} is {session.state} ({session.reason.code}) and its socket is dead"
            return "" if truth.alive or blind else dead
        if session.reason.code in FOR_A_PERSON or _only_its_owner(session, truth) or self._in_a_duel(session):
            return ""
        really = f"says {truth.claim}, linked {truth.linked}, alive {truth.alive}, faults {truth.faults}"
        return f"{session.name} is {session.state} ({session.reason.code}); really: {really}"

    def _in_a_duel(self, session: Session) -> bool:
        """Whether two sockets of it throw each other out, and it says so: only who restarts its server ends that."""
        thrown_out = self._thrown_out.get(session.name)
        return (
            session.reason.code in ("flapping", "own-duel")
            and thrown_out is not None
            and self.now() - thrown_out <= DUEL_GAP_S
        )

    def stuck(self, head: Message, session: Session, now_epoch: float) -> str:
        """Why the first unsettled message of a chat is stuck; empty when it is not. The rest waits for it."""
        text, overdue = f"{head.content.text!r} of {session.name}", now_epoch - max(head.due_at, head.updated_at)
        if head.state == "queued" and session.gate == "open" and overdue > PROMPT_S:
            return f"{text} is queued behind an open gate, {overdue:.0f} s overdue"
        if head.state == "sending" and now_epoch - head.updated_at > self.policy.send_timeout_s + PROMPT_S:
            return f"{text} has been sending for {now_epoch - head.updated_at:.0f} s"
        if head.state == "in_doubt" and head.reason is None:
            return f"{text} is in doubt without a reason"
        return ""


def _only_its_owner(session: Session, truth: Truth) -> bool:
    """What W-API does not know any more only its account, or a restart of its server, brings back."""
    return (session.kind, session.reason.code, truth.claim) == ("wapi", "instance-missing", "absent")


def text_of(number: int) -> str:
    """The text of message `number`; unique, so that the world's ledger can be asked for it."""
    return f"m{number}"


def _reads_a_code(call: ControlCall) -> bool:
    """A connect that opens nothing is how Evolution's code is read."""
    return call.verb == "connect" and call.effect == "none"


def number_of(text: str) -> int:
    """The number behind a text of ours; 0 for other people's."""
    return int(text[1:]) if text[:1] == "m" and text[1:].isdigit() else 0
