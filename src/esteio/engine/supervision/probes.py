"""Looks: reads at the provider that leave only evidence. Nothing in here acts.

Never lives here: when to look (`core.judge.probe_schedule`), what it means (`core.judge.diagnose`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from esteio.clock import Clock
from esteio.core.judge import inbound_health, pacing
from esteio.core.judge.facts import CLAIMED, CODES
from esteio.core.judge.second_socket import HEARD_S
from esteio.core.model.address import same_line
from esteio.core.model.decision import Depth
from esteio.core.model.evidence import Evidence, as_answered, seen, seen_with
from esteio.core.model.ids import ServerName
from esteio.core.model.inbound import ReceivedMessage
from esteio.core.model.session import Session
from esteio.core.nodes.rendezvous import share
from esteio.engine.supervision.endpoints import Endpoints, EndpointUnknown
from esteio.engine.supervision.memory import Memory, SessionRecord, row_of
from esteio.log import logger
from esteio.providers import driver
from esteio.providers.base import (
    HttpRequest,
    HttpResponse,
    InventoryEntry,
    InventoryOutcome,
    ProbeOutcome,
    Provider,
    QrCode,
    SessionEndpoint,
    Transport,
)
from esteio.providers.probe_cache import run_memoized, run_recognised
from esteio.store.base import Qr, StoreFull
from esteio.store.ports.sessions import QrCodes

LOOKS_AT_ONCE = 24
"""At one server. It sees 32 requests of ours at a time: after a start, when thousands of lines are looked at, a send
still finds a place."""
WEBHOOK_EVERY_S = 60.0
"""How often the provider is asked whether its webhook is still ours, so that a moved one is seen within a minute, …"""
WEBHOOK_PROVED_S = 600.0
"""… how often while events come in, which prove that it does, …"""
WEBHOOK_UNSURE_S = 30.0
"""… and how often of a line that is not well, or fell a while ago: what is done then hangs on who would hear it."""
FELL_S = 600.0
"""So long is a while."""
COUNTED_WITHIN_S = 60.0
"""An older list of a server says nothing of how many messages its instances hold now."""
UNTOLD_S = 15.0
"""A webhook that should have come is missed after this."""
LISTEN_BACK_S = 86400.0
"""A line that was never heard is read back this far."""
CODE_STANDS_S = 40.0
"""So long after a code was seen no other is looked for where that takes a connect; the next comes after 45 s."""
QR_SHOWN_S = 45.0
"""How long a code is shown unless a newer one comes: Evolution's lasts 45 s, others 20 to 60."""
log = logger("probes")


class ProbeResult(msgspec.Struct, frozen=True):
    """What a look brought: about the session, and about its server."""

    session: tuple[Evidence, ...] = ()
    server: tuple[Evidence, ...] = ()


class InventoryResult(msgspec.Struct, frozen=True):
    """What a list call brought: about the server, and a row for each session it told of."""

    server: tuple[Evidence, ...] = ()
    rows: Mapping[str, InventoryEntry] = {}


class _OneByOne:
    """A road for long answers. Each is handed over in a turn of the loop of its own: to read it takes a tenth of a
    second, and a fleet's lists tend to come together."""

    def __init__(self, transport: Transport) -> None:
        self._transport, self._turn = transport, asyncio.Lock()

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        answer = await self._transport.exchange(request)
        async with self._turn:
            await asyncio.sleep(0)  # guard: inventory-yields-to-loop
        return answer

    async def aclose(self) -> None:
        """It is the other's to close."""


class Prober:
    """Reads at providers, as deep and as often as asked: probes, lists, QR codes. Remembers the latest plain answers,
    so that an equal one needs no new reading."""

    def __init__(
        self, qr_codes: QrCodes, clock: Clock, addresses: Endpoints, transport: Transport, *, memory: Memory
    ) -> None:
        self._qr_codes, self._clock, self._addresses, self._transport = qr_codes, clock, addresses, transport
        self._list_transport = _OneByOne(transport)
        self._memory = memory
        self._places: dict[tuple[ServerName, int], asyncio.Semaphore] = {}
        """By server and by how many looks of ours it may see, which is our share among the nodes that live."""

    async def session(self, session: Session, depth: Depth) -> ProbeResult:
        """One look at a session. A look that brought nothing about it says so (`look_failed`); so does one that met a
        defect of ours or a full disk. Total."""
        async with self._places_at(session.server):  # guard: looks-leave-places-for-sends
            try:
                return await self._session(session, depth)
            except StoreFull:
                log.warning("store.full")
            except Exception:
                log.exception("probe.failed", session=session.name, server=session.server)
            return ProbeResult((seen("look_failed", self._clock.now(), "self"),))

    def _places_at(self, server: ServerName) -> asyncio.Semaphore:
        at_once = share(LOOKS_AT_ONCE, self._memory.leases.living)
        places = self._places.get((server, at_once))
        if places is None:
            places = self._places[server, at_once] = asyncio.Semaphore(at_once)
        return places

    async def _session(self, session: Session, depth: Depth) -> ProbeResult:
        now = self._clock.now()
        try:
            provider, where = await self._addresses.of_session(session)
        except EndpointUnknown:
            return ProbeResult()
        record = self._memory.session(session.id)
        outcome = await self._probe(record, provider, where, depth, now)
        if _may_show_code(session, outcome.evidence) and not await self._code_is_fresh(session, provider, now):
            reading = await driver.run(provider.read_qr(where, now), self._transport)
            outcome = msgspec.structs.replace(outcome, evidence=(*outcome.evidence, *reading.evidence), qr=reading.qr)
        if outcome.qr is not None:
            await self.keep_qr(session, outcome.qr)
        listen = self._list_due(session, record, now)
        unsure = listen or _first_look(record) or _webhook_unsure(session, depth, outcome.evidence, now)
        if unsure and not _tells_webhook(outcome.evidence):
            reading = await self._webhook(record, provider, where, now)
            outcome = msgspec.structs.replace(outcome, evidence=(*outcome.evidence, *reading.evidence))
        looked = self._sorted(outcome.evidence, now)
        if not listen:
            return looked
        heard = await self._listen(session, record, provider, where)
        return msgspec.structs.replace(looked, session=(*looked.session, *heard))

    async def _code_is_fresh(self, session: Session, provider: Provider, now: float) -> bool:
        """Where a code is read by a connect none is read while one is in somebody's hands: right after the scan the
        provider says closed, and that connect would be a second socket."""
        if not provider.capabilities.code_by_connect:
            return False
        held = await self._qr_codes.get(session.id)
        return held is not None and now < held.seen_at + CODE_STANDS_S

    async def _probe(
        self, record: SessionRecord, provider: Provider, where: SessionEndpoint, depth: Depth, now: float
    ) -> ProbeOutcome:
        kept = record.probe
        # guard: same-answer-same-address, same-answer-same-depth
        last = kept[2] if kept is not None and kept[1] == depth and kept[0] is where else None
        outcome, again = await run_memoized(provider.probe(where, now, depth), self._transport, last)
        if again is last and last is not None:
            return outcome
        # What ended a session dates itself, by a clock that may run ahead of ours: it is read anew each time.
        # guard: same-answer-not-of-ended
        if again is None or outcome.qr is not None or any(one.kind in CODES for one in outcome.evidence):
            record.probe = None
        elif depth != "roundtrip" or kept is None or kept[1] == depth or provider.capabilities.question_refutes:
            # A rare question does not displace the usual look; where no socket can be asked it is the usual one.
            outcome = self._shared(outcome)
            record.probe = (where, depth, msgspec.structs.replace(again, outcome=outcome))
        return outcome

    def _shared(self, outcome: ProbeOutcome) -> ProbeOutcome:
        """One value for all sessions of which the same was seen: its times are given anew in any case."""
        # guard: same-answer-same-session
        if outcome.detail or any(one.data or one.happened_at < one.seen_at for one in outcome.evidence):
            return outcome
        return self._memory.shared_outcome(outcome)

    async def _webhook(
        self, record: SessionRecord, provider: Provider, where: SessionEndpoint, now: float
    ) -> ProbeOutcome:
        """What the provider says of our webhook."""
        kept = record.webhook
        known = kept[1] if kept is not None and kept[0] is where else 0  # guard: same-webhook-same-address
        reading, mark = await run_recognised(provider.check_webhook(where, now), self._transport, known)
        if reading is None and kept is not None:
            return kept[2]
        reading = reading or ProbeOutcome(())
        plain = mark and all(one.kind in ("server_answered", "webhook_config_ok") for one in reading.evidence)
        record.webhook = (where, mark, self._shared(reading)) if plain else None
        return reading

    def _list_due(self, session: Session, record: SessionRecord, now: float) -> bool:
        """Whether this look reads the provider's list of messages too. Of a line whose webhooks nobody doubts, and from
        which none ever came, the server's own list tells whether there is anything new."""
        facts = session.facts
        due = inbound_health.list_check_due(facts, now)
        if record.list_count is None or not inbound_health.only_unheard(facts):  # guard: count-only-where-undoubted
            return due
        server = self._memory.server(session.server)
        row = server.row_of(session)
        # guard: count-of-late
        if row is None or row.messages is None or server.listed is None or now - server.listed[0] > COUNTED_WITHIN_S:
            return due
        # guard: count-moved-list-read
        return row.messages != record.list_count or now - facts.list_compared_at >= inbound_health.LISTEN_ANYWAY_S

    async def _listen(
        self, session: Session, record: SessionRecord, provider: Provider, where: SessionEndpoint
    ) -> tuple[Evidence, ...]:
        """What the provider's list holds beyond what we were told."""
        row = self._memory.server(session.server).row_of(session)
        heard = await self._list(session, record, provider, where)
        known = row is not None and any(one.kind == "list_heard" for one in heard)
        record.list_count = row.messages if row is not None and known else None
        return heard

    async def _list(
        self, session: Session, record: SessionRecord, provider: Provider, where: SessionEndpoint
    ) -> tuple[Evidence, ...]:
        now, facts = self._clock.now(), session.facts
        heard = (
            max(facts.message_pushed_at, facts.receive_ok_at)
            if not facts.webhook_received_at
            else facts.message_pushed_at or facts.receive_ok_at
        )
        # What came before it was ours is not ours to miss.
        since = max(heard, now - LISTEN_BACK_S, session.created_at)
        kept, record.list_read = record.list_read, None
        known = kept[1] if kept is not None and kept[0] is where else 0
        reading, mark = await run_recognised(provider.history(where, now, since), self._transport, known)
        now = self._clock.now()
        if reading is None and kept is not None:
            record.list_read = kept
            return (seen("list_heard", now, "list"),) if kept[2] else ()
        if reading is None or not reading.readable:
            record.list_read = (where, mark, False)
            return ()
        came = [e.happened_at for e in reading.events if isinstance(e, ReceivedMessage) and not e.from_me]
        unheard = [at for at in came if at > since + inbound_health.CLOCK_S]
        if not unheard:
            record.list_read = (where, mark, True)
            return (seen("list_heard", now, "list"),)
        oldest = {"oldest": str(min(unheard))}
        return (seen_with("list_unheard", now, "list", oldest, max(unheard)),)

    def _sorted(self, evidence: tuple[Evidence, ...], asked_at: float) -> ProbeResult:
        """As of the answer: a look that took long speaks of when it was answered."""
        mine: list[Evidence] = []
        servers: list[Evidence] = []
        for item in as_answered(evidence, self._clock.now(), asked_at=asked_at):
            (servers if item.subject == "server" else mine).append(item)
        return ProbeResult(tuple(mine) or (seen("look_failed", self._clock.now(), "self"),), tuple(servers))

    async def server(self, name: ServerName) -> InventoryResult:
        """One list call at a server: what it says of itself, its version, and the sessions it holds. Total."""
        try:
            return await self._server(name)
        except EndpointUnknown:
            return InventoryResult()
        except Exception:
            log.exception("probe.failed", server=name)
            return InventoryResult()

    async def _server(self, name: ServerName) -> InventoryResult:
        provider, where = await self._addresses.of_server(name)
        now = self._clock.now()
        outcome = await self._inventory(name, provider, where, now)
        told = self._sorted(outcome.evidence, now).server
        if outcome.entries is None and outcome.version is None:
            return InventoryResult(told)
        data = {"version": outcome.version} if outcome.version else {}
        rows: Mapping[str, InventoryEntry] = {}
        if outcome.entries is not None:
            data["sessions"] = str(len(outcome.entries))
            rows = {entry.key: entry for entry in outcome.entries}
            self._memory.server(name).listed = (now, rows)
        listed = seen_with("server_listed", self._clock.now(), "list", data)
        return InventoryResult((*told, listed), rows)

    async def _inventory(
        self, name: ServerName, provider: Provider, where: SessionEndpoint, now: float
    ) -> InventoryOutcome:
        record = self._memory.server(name)
        kept, record.inventory = record.inventory, None
        last = kept[1] if kept is not None and kept[0] == where else None
        outcome, again = await run_memoized(provider.inventory(where, now), self._list_transport, last)
        if again is not None:
            record.inventory = (where, again)
        return outcome

    async def keep_qr(self, session: Session, code: QrCode) -> None:
        """Hold a fresh code for show; the same code again does not live longer."""
        held = await self._qr_codes.get(session.id)
        if held is not None and held.code == code.code:
            return
        now = self._clock.now()
        if held is not None and held.pairing_code and not code.pairing_code and now < held.expires_at:
            return  # the one to type was asked for, and is good as long as it lasts
        await self._qr_codes.put(session.id, qr_row(code, now))


def qr_row(code: QrCode, now: float) -> Qr:
    """The code as the store holds it."""
    return Qr(code.code, code.png_base64, code.count, now, now + QR_SHOWN_S, code.pairing_code)


def disagreements(session: Session, rows: Mapping[str, InventoryEntry], now: float) -> tuple[Evidence, ...]:
    """What a server's list says of a session otherwise than it said before, or than we believe; mostly nothing.

    Lists are hearsay, and one call tells of hundreds: only what changed is passed on, and only makes us look."""
    if not rows or not session.linked:
        return ()
    row = row_of(session, rows)
    if row is None:
        return () if session.facts.listed == "absent" else (seen("unlisted", now, "list"),)
    found = []
    word = CLAIMED.get(row.claim) or row.state[:40]
    if word and word != (session.facts.listed or "open"):
        found.append(seen_with(row.claim, now, "list", {} if row.claim in CLAIMED else {"state": word}))
    if row.phone and not same_line(row.phone, session.facts.phone_seen or session.phone or ""):
        found.append(seen("identity_seen", now, "list", phone=row.phone))
    return tuple(found)


def _first_look(record: SessionRecord) -> bool:
    """Whether this process has not looked at it yet: the address that it gives providers may be another one now."""
    first, record.probed = not record.probed, True
    return first


def _may_show_code(session: Session, evidence: tuple[Evidence, ...]) -> bool:
    """Whether it may wait for a scan: nobody has been let in since the last code, and it is not open in this look."""
    waits = session.state in ("awaiting_qr", "connecting") and not session.facts.life_at > session.facts.qr_at
    return waits and not _said_open(evidence)


def _webhook_unsure(session: Session, depth: Depth, evidence: tuple[Evidence, ...], now: float) -> bool:
    """Whether nobody has read the webhook's configuration for a while (asked only of a session that lives), or
    something hangs on it now."""
    facts, checked_at = session.facts, session.facts.webhook_checked_at
    if (
        facts.dead_at
        and facts.state_read == "closed"
        and checked_at <= max(facts.state_read_since, facts.act_at) + HEARD_S
    ):
        # Whether its `connecting` could have been heard decides what is done.
        return True
    if facts.webhook_missing_since > checked_at and now - facts.webhook_missing_since >= UNTOLD_S:
        return True
    lives = (facts.life_at > 0 and not facts.dead_at) or _said_open(evidence)
    if not lives or facts.missed_at > checked_at:
        # An acknowledgement that should have come and did not may have gone elsewhere.
        return lives
    # guard: webhook-of-the-fallen-read-often
    every = WEBHOOK_EVERY_S if _calm(session, depth, now) else WEBHOOK_UNSURE_S
    if facts.event_pushed_at > checked_at:
        every = WEBHOOK_PROVED_S
    return pacing.is_due(session.id, checked_at, now, every)


def _tells_webhook(evidence: tuple[Evidence, ...]) -> bool:
    """Whether this very look has read it already: some providers say it in the same answer."""
    return any(one.kind in ("webhook_config_ok", "webhook_config_gone") for one in evidence)


def _calm(session: Session, depth: Depth, now: float) -> bool:
    """Whether it is so well that its heartbeat is enough, and has been so for a while."""
    fell = session.outage or session.last_outage
    return depth == "pulse" and (fell is None or (fell.ended_at is not None and now - fell.ended_at >= FELL_S))


def _said_open(evidence: tuple[Evidence, ...]) -> bool:
    return any(e.kind == "said_open" for e in evidence)
