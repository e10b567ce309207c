"""What a pairing page shows of a session now: a code that may be used, or why there is none and what to do.

The operator's page and the owner's show the same kinds, each in its own words. Never lives here: whether a code may be
shown (`engine.commands.sessions.pairing`), a rule about sessions, HTML.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from esteio.api.http.route import ApiContext
from esteio.api.v1.sessions import LAST_SEQ
from esteio.core.judge.second_socket import SCAN_S
from esteio.core.model import server_reason
from esteio.core.model.address import same_line
from esteio.core.model.capabilities import Capabilities
from esteio.core.model.recovery import Approval
from esteio.core.model.server import UNUSABLE
from esteio.core.model.session import Session
from esteio.core.model.state import Reason
from esteio.engine.commands.sessions.pairing import NO_CODE
from esteio.engine.key_scope import Scope
from esteio.store.base import Qr

Kind = Literal[
    "scan", "type", "asked", "linking", "reconnecting", "connected", "wrong-phone", "approval", "paused", "server",
    "refused", "trouble", "missed", "none"
]  # fmt: skip
"""`scan`, `type`: a code is current; `asked`: one is on its way; `linking`: the last one was used; `missed`: none was
used in time; `trouble`: no code would help."""
By = Literal["qr", "code"]
"""How the phone is to be linked."""
ASKED_S = 20.0
"""For so long a code that was asked for is said to be on its way, whatever else is known."""
REORDERED_S = 1.0
"""What was told before a code may reach us so much after it; nobody scans so quickly."""
CONNECTS = frozenset({"said_connecting", "said_open", "said_closed", "paired"})
LINES = 20
"""How far back the journal is read for those."""
COMING = frozenset({"created", "connecting", "provider-slow", "code-on-its-way", "awaiting-code"})
RETURNS = frozenset({"reconnecting", "closed", "flapping", "ghost-socket", "half-open", "suspect", "connecting"})
"""Reasons of a linked session that comes back without a scan."""
_MAKES_CODE = frozenset({"create", "connect", "recreate", "delete"})


class View(NamedTuple):
    """`qr`: the code that may be shown, for the kinds `scan` and `type` only; `reason`: what is the case, for those who
    run the gateway; `asks`: whether a code can be asked for; `typeable`: whether one to type can."""

    kind: Kind
    reason: Reason
    qr: Qr | None = None
    approval: Approval | None = None
    phone: str = ""
    asks: bool = False
    typeable: bool = False


async def view(api: ApiContext, name: str, by: By, scope: Scope) -> View:
    """The session as its pairing page shows it. Raises `CommandError`: session-out-of-reach, unknown-session."""
    session = await api.commands.lookup.session(name, scope)
    qr = await api.commands.pairing.current_qr(session)
    stored = await api.store.servers.get(session.server)
    can = api.providers[session.kind].capabilities
    kind, reason = _kind(session, qr, by, api.clock.now()), session.reason
    if kind in ("scan", "type") and qr is not None:
        kind, reason = await _used_since(api, session, qr) or (kind, reason)
    if stored is not None and stored.server.health in UNUSABLE and kind not in ("connected", "paused"):
        kind, reason = "server", server_reason.reason(stored.server)
    waits = session.recovery.awaiting
    approval = await api.store.approvals.get(waits) if waits is not None and kind not in ("scan", "type") else None
    if approval is not None and approval.state == "open" and kind in ("asked", "trouble", "missed", "none"):
        kind = "approval"
    return View(
        kind=kind,
        reason=reason,
        qr=qr if kind in ("scan", "type") else None,
        approval=approval if kind == "approval" else None,
        phone=session.phone or session.facts.phone_seen,
        asks=kind in ("missed", "none") or (kind == "asked" and reason.code == "awaiting-code"),
        typeable=_typeable(can, qr),
    )


def _kind(session: Session, qr: Qr | None, by: By, now: float) -> Kind:
    if session.paused:
        return "paused"
    if session.state in ("connected", "degraded"):
        return "connected"
    if qr is not None and (qr.pairing_code if by == "code" else qr.code or qr.png_base64):
        return "type" if by == "code" else "scan"
    return _used(session, now) or ("none" if qr is not None else _why_none(session, now))


async def _used_since(api: ApiContext, session: Session, qr: Qr) -> tuple[Kind, Reason] | None:
    """What the journal tells of the time after this code was shown: which phone was let in, or that a webhook says that
    the provider connects, so the code was used or its socket is gone. The session's own state knows a moment later.
    What comes beside an act of ours tells of that act."""
    since = max(qr.seen_at, session.facts.act_at) + REORDERED_S
    lines = await api.store.journal.page_back(session.id, LAST_SEQ, LINES)
    later = [one for one in lines if one.kind == "evidence" and one.at > since]
    seen = next((one.args.get("phone", "") for one in later if one.code == "identity_seen"), "")
    if seen and session.phone and not same_line(seen, session.phone):
        return "wrong-phone", Reason("wrong-identity", {"seen": seen, "phone": session.phone})
    told = any(one.code in CONNECTS and one.data.get("source") == "webhook" for one in later)
    return ("linking", session.reason) if told else None


def _used(session: Session, now: float) -> Kind | None:
    """What is so after a scan; None when nobody scanned."""
    facts, code = session.facts, session.reason.code
    if code == "wrong-identity" and session.recovery.open is None:
        return "wrong-phone"
    if facts.paired_at > max(facts.life_at, facts.unpaired_at, facts.code_at) and now - facts.paired_at < SCAN_S:
        return "linking"
    return "reconnecting" if session.linked and code in RETURNS and facts.pair_at <= facts.life_at else None


def _why_none(session: Session, now: float) -> Kind:
    facts, code = session.facts, session.reason.code
    if _on_its_way(session, now):
        return "asked"
    if code == "provider-refused":
        return "refused"
    if code in NO_CODE:
        return "trouble"
    return "missed" if code == "unpaired" and facts.qr_at > facts.life_at else "none"


def _on_its_way(session: Session, now: float) -> bool:
    opened, facts, code = session.recovery.open, session.facts, session.reason.code
    if opened is not None and opened.rung in _MAKES_CODE:
        return True
    asked = facts.pair_at > facts.qr_at and now - facts.pair_at < ASKED_S
    return code in COMING or (asked and code not in NO_CODE and code != "provider-refused")


def _typeable(can: Capabilities, qr: Qr | None) -> bool:
    return can.pairing_code and (qr is None or bool(qr.pairing_code) or can.pairing_beside_qr)


def masked(phone: str) -> str:
    """A number by which its owner knows it, and nobody else: its last four digits."""
    return f"•••• {phone[-4:]}" if len(phone) > 4 else ""


def spaced(code: str) -> str:
    """A code to type as WhatsApp shows it: two groups of four."""
    plain = code.replace("-", "")
    return f"{plain[:4]}-{plain[4:]}" if len(plain) == 8 else code
