"""The ladder as it is drawn: every rung in words, where it stands and why it waits. Never lives here: which rung comes
next (`core.views.recovery_ladder` asks the judge's own rules)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from esteio.api.dashboard.approvals import Waiting
from esteio.api.dashboard.page import Moment, Visit
from esteio.core.model.session import Session
from esteio.core.model.state import Reason
from esteio.core.views.recovery_ladder import LadderView, RungView, ladder_view
from esteio.core.views.sentences import sentence


class Rung(NamedTuple):
    """One rung; `cost`: what it would lose, in a sentence."""

    rung: RungView
    cost: str


class Ladder(NamedTuple):
    """`stands` as `LadderView` has it; `because`: why, "" where the session's reason says so already; `until`: when it
    goes on."""

    rungs: tuple[Rung, ...]
    stands: str
    because: str
    until: Moment | None
    rounds: int
    attempt: int
    """Of the rung that is under way, 0 when none is."""


async def shown(visit: Visit, session: Session, approvals: Sequence[Waiting]) -> Ladder | None:
    """None when its server is not there any more."""
    api = visit.api
    stored = await api.store.servers.get(session.server)
    if stored is None:
        return None
    provider = api.providers[session.kind]
    view = ladder_view(
        session,
        stored.server,
        api.settings.policy_of(session.policy),
        provider.capabilities,
        quirks=frozenset(quirk.name for quirk in provider.quirks(stored.server.version)),
        now=api.clock.now(),
        asked=approvals[0].approval.rung if approvals else None,
    )
    return _in_words(visit, session, view)


def _in_words(visit: Visit, session: Session, view: LadderView) -> Ladder:
    because = "" if view.stands in ("rest", "soon", "ask") else sentence(view.because, visit.texts).text
    until = visit.moment(view.until) if view.until is not None and view.until > visit.api.clock.now() else None
    return Ladder(
        rungs=tuple(_rung(visit, session, one) for one in view.rungs),
        stands=view.stands,
        because=because if because != sentence(session.reason, visit.texts).text else "",
        until=until,
        rounds=view.rounds,
        attempt=session.recovery.open.number if session.recovery.open is not None else 0,
    )


def _rung(visit: Visit, session: Session, one: RungView) -> Rung:
    if one.cost is None:
        return Rung(one, "")
    return Rung(one, sentence(Reason(one.cost.code, {"session": session.name}), visit.texts).text)
