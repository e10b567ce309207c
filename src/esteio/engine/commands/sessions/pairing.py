"""A code to scan or to type: asked for, waited for, and which one may be shown now.

Asking is evidence; the judge begins the act. Never lives here: a change of a session's state.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from esteio.clock import Clock
from esteio.config import Settings
from esteio.core.model.clock_skew import SLACK_S
from esteio.core.model.recovery import Approval
from esteio.core.model.session import Session
from esteio.core.model.state import Reason
from esteio.engine.commands.addressing import Addressing
from esteio.engine.commands.lookup import Lookup
from esteio.engine.commands.requests import PairRequest, WaitRequest
from esteio.engine.commands.sessions.operator_evidence import OperatorEvidence
from esteio.engine.errors import CommandError
from esteio.engine.key_scope import EVERYTHING, Scope
from esteio.engine.runtime.ports import Waiter
from esteio.log import logger
from esteio.providers.base import Provider, StandingWebhook
from esteio.store.base import Qr
from esteio.store.ports.sessions import Approvals, QrCodes

NO_CODE = frozenset(
    {
        "banned",
        "ghost-needs-server-restart",
        "instance-missing",
        "not-loaded",
        "outdated",
        "server-wall",
        "temp-banned",
    }
)
"""Reasons beside which no code will come: who asks for one is told at once."""
log = logger("commands")


class PairingResult(msgspec.Struct, frozen=True):
    """What a create, pair or recreate came to: `settled` when there is something to show or nothing to wait for.
    `stood`: what an adoption found at the provider."""

    session: Session
    qr: Qr | None = None
    approval: Approval | None = None
    settled: bool = False
    stood: StandingWebhook | None = None


class PairingCommands:
    """Asks for codes. `providers`: every adapter, by kind."""

    def __init__(
        self,
        qr_codes: QrCodes,
        approvals: Approvals,
        clock: Clock,
        *,
        settings: Settings,
        lookup: Lookup,
        addressing: Addressing,
        evidence: OperatorEvidence,
        waiter: Waiter,
        providers: Mapping[str, Provider],
    ) -> None:
        self._qr_codes, self._approvals, self._clock, self._settings = qr_codes, approvals, clock, settings
        self._lookup, self._addressing, self._evidence = lookup, addressing, evidence
        self._waiter, self._providers = waiter, providers

    async def pair(self, name: str, request: PairRequest, who: str, *, scope: Scope = EVERYTHING) -> PairingResult:
        """A code to scan or type, at most `wait_s` later. Raises `CommandError`: unknown-session, session-paused,
        invalid-phone, ambiguous-phone, pairing-code-unsupported, not-while-a-qr-is-shown."""
        session = await self._lookup.unpaused_session(name, scope)
        own = (session.phone, session.facts.phone_seen)
        asked = request.phone_number
        phone = None if asked is None else await self._addressing.phone_number(asked, "phone_number", own=own)
        qr = await self.current_qr(session)
        if session.state == "connected" or (qr is not None and phone is None):
            return PairingResult(session, qr, settled=True)
        if phone is not None:
            self._check_typeable(session, qr)
        now = self._clock.now()
        words = {"who": who} if phone is None else {"who": who, "phone_number": phone}
        await self._evidence.add(session, "operator_pair", words)
        log.info("session.pair_requested", session=name, server=session.server)
        wait_s = self._wait_s(session, request.wait_s)
        found = await self.wait_for_code(session, wait_s, now, pairing=True, pairing_code=phone is not None)
        if phone is not None and found.qr is None and found.approval is None:
            self._check_typeable(found.session, await self.current_qr(found.session))
        return found

    async def recreate(self, name: str, request: WaitRequest, who: str, *, scope: Scope = EVERYTHING) -> PairingResult:
        """The destructive way, outright. Raises `CommandError`: unknown-session, session-paused."""
        session = await self._lookup.unpaused_session(name, scope)
        now = self._clock.now()
        await self._evidence.add(session, "operator_recreate", {"who": who})
        log.info("session.recreate_requested", session=name, server=session.server)
        return await self.wait_for_code(session, self._wait_s(session, request.wait_s), now)

    async def current_qr(self, session: Session) -> Qr | None:
        """The code that may be shown: neither expired nor used, and not of a session that is already linked."""
        qr = await self._qr_codes.get(session.id)
        used = max(session.facts.life_at, session.facts.paired_at)
        now = self._clock.now()
        # One that is dated later than now was made while the clock ran ahead: nobody knows how old it is.
        if (
            qr is None
            or not qr.seen_at - SLACK_S <= now < qr.expires_at
            or used >= qr.seen_at  # guard: qr-not-used
            or session.state == "connected"
        ):
            return None
        return qr

    async def wait_for_code(
        self,
        before: Session,
        wait_s: float,
        asked_at: float,
        *,
        first: bool = False,
        pairing: bool = False,
        pairing_code: bool = False,
    ) -> PairingResult:
        """Until there is a code, a link, an error or an approval to decide, each younger than `asked_at` (epoch
        seconds), or `wait_s` are over. `first`: the session was just made; `pairing`: a code was asked for, and with
        `pairing_code` one to type. Raises `CommandError("unknown-session")`."""
        found = PairingResult(before)

        async def look() -> bool:
            nonlocal found
            session = await self._lookup.session_now(before.id, before.name)
            qr = await self.current_qr(session)
            # guard: qr-newer-than-connect
            fresh = qr is not None and (first or qr.seen_at >= asked_at) and (bool(qr.pairing_code) or not pairing_code)
            approval = await self._approval_of(session)
            ended = (
                session.row_version > before.row_version and session.since >= asked_at and session.recovery.open is None
            )
            over = session.state in ("connected", "degraded", "error") and (ended or first)
            shown = fresh and session.state == "awaiting_qr"
            found = PairingResult(session, qr if fresh else None, approval, settled=shown or over)
            heard = pairing and session.facts.pair_at >= asked_at
            in_vain = heard and session.reason.code in NO_CODE and session.recovery.open is None
            return found.settled or approval is not None or in_vain

        await self._waiter.wait_look(before.id, look, wait_s)
        return _with_code(found)

    def _check_typeable(self, session: Session, qr: Qr | None) -> None:
        """Whether the provider can give a code to type now. Raises `CommandError`."""
        can = self._providers[session.kind].capabilities
        if not can.pairing_code:
            raise CommandError("pairing-code-unsupported", kind=session.kind)
        if qr is not None and not qr.pairing_code and not can.pairing_beside_qr:
            raise CommandError("not-while-a-qr-is-shown", name=session.name)

    def _wait_s(self, session: Session, asked: float | None) -> float:
        return self._settings.policy_of(session.policy).create_wait_s if asked is None else asked

    async def _approval_of(self, session: Session) -> Approval | None:
        if session.recovery.awaiting is None:
            return None
        approval = await self._approvals.get(session.recovery.awaiting)
        return approval if approval is not None and approval.state == "open" else None


def _with_code(found: PairingResult) -> PairingResult:
    """A code that is shown is waited for: the judge will say so in a moment; this answer says so already."""
    if found.qr is None or found.session.state not in ("connecting", "disconnected"):
        return found
    shown = msgspec.structs.replace(found.session, state="awaiting_qr", reason=Reason("awaiting-qr"))
    return msgspec.structs.replace(found, session=shown, settled=True)
