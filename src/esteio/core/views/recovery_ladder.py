"""The ladder of one session as people see it: its rungs in order, which were tried, which comes next, and what it waits
for.

It asks the judge's own rules (`core.judge.ladder`) and decides nothing; what the session's and the server's row do not
tell, who else of the server lives, is left out. Never lives here: a rule, a sentence.
"""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import Literal, NamedTuple

import msgspec

from esteio.core.judge import ladder, pacing
from esteio.core.judge.diagnose import SERVER_RESTART, Verdict, verdict
from esteio.core.judge.ladder import Case, Step
from esteio.core.judge.recovery import AWAY_AT_MOST_S
from esteio.core.judge.second_socket import NO_CONDITIONS, ServerConditions
from esteio.core.model.capabilities import Capabilities
from esteio.core.model.policy import Policy
from esteio.core.model.recovery import DESTRUCTIVE, Recovery, Rung
from esteio.core.model.server import Incident, Server
from esteio.core.model.session import Session
from esteio.core.model.state import Reason

Standing = Literal["past", "open", "next", "asked", "ahead"]
"""Of a rung that is `past`, `tried` may be 0: it was passed over."""
Stands = Literal["paused", "rest", "open", "soon", "wait", "ask", "person"]


class RungView(msgspec.Struct, frozen=True):
    """One rung, with its tries in a row. `result`: of the last of those that were made (`core.model.recovery.Attempt`).
    `asks`: not without a person's yes; `cost`: what it would lose, None for a harmless one."""

    rung: Rung
    standing: Standing
    tries: int = 1
    tried: int = 0
    result: str | None = None
    asks: bool = False
    cost: Reason | None = None


class LadderView(msgspec.Struct, frozen=True):
    """All rungs, and where it stands: `paused` by a person; `rest`: nothing to heal; `open`: a rung was taken and its
    effect is awaited; `soon`: the next one is due; `wait`: not before `until` (epoch seconds), for the reason
    `because`; `ask`: a person's yes is awaited; `person`: only a named human act helps. `rounds`: how often it was
    climbed to its end in vain."""

    rungs: tuple[RungView, ...]
    stands: Stands
    because: Reason
    until: float | None = None
    rounds: int = 0


class _Stand(NamedTuple):
    stands: Stands
    because: Reason
    until: float | None = None
    rung: Rung | None = None
    """Which comes next, as far as that is known."""


def ladder_view(
    session: Session,
    server: Server,
    policy: Policy,
    can: Capabilities,
    *,
    quirks: frozenset[str],
    now: float,
    asked: Rung | None = None,
) -> LadderView:
    """The ladder as it stands at `now`. `asked`: the rung for which a person's yes is awaited. Of a session with
    nothing to heal: what would be done if its socket died."""
    found, recovery = verdict(session, server, policy, now), session.recovery
    case = Case(session, server, found, policy, can, quirks, now, _conditions(server.incident, now))
    stand = _stand(case)
    down = found.kind not in ladder.NOTHING_TO_HEAL
    planned, here = _planned(case, down=down), stand.rung
    if recovery.open is not None:
        here = _as_planned(recovery.open.rung, recovery)
        # A first create stands in no plan.
        planned = planned if down and here in planned else (here,)
    if asked is not None and asked not in planned:
        planned = (*planned, asked)
    # Where only a person helps, no other rung is the next one.
    its: Standing = "open" if recovery.open is not None else "ahead" if stand.stands == "person" else "next"
    rungs = _rungs(case, planned, its, here=here, asked=asked, down=down or recovery.open is not None)
    person = RungView("person", "next" if stand.stands == "person" else "ahead")
    return LadderView((*rungs, person), stand.stands, stand.because, stand.until, recovery.strikes)


def _conditions(incident: Incident | None, now: float) -> ServerConditions:
    """What the server's own row tells of the rest of it."""
    if incident is None or incident.ended_at is not None:
        return NO_CONDITIONS
    nobody = incident.canary_ok_at is None
    return ServerConditions(nobody=nobody, away=nobody and now - incident.since < AWAY_AT_MOST_S, together=True)


def _planned(case: Case, *, down: bool) -> tuple[Rung, ...]:
    """The plan without what the policy forbids, and without a logout that the server is known to refuse."""
    session, policy = case.session, case.policy
    healing = case.verdict if down else Verdict("ghost", Reason("ghost-socket"), case.now)
    asked = down and ladder.asks_for_code(session)
    planned = ladder.plan(healing, policy, case.can, linked=session.linked or not down, asked=asked)
    first = next((place for place, rung in enumerate(planned) if rung in DESTRUCTIVE), len(planned))
    harmless, rest = planned[:first], planned[first:]
    if policy.destructive == "never":
        return harmless
    if ladder.LOGOUT_FAILS in case.quirks and policy.letter.ghost_cure != "logout":
        rest = tuple(rung for rung in rest if rung == "recreate")
    return (*harmless, *rest)


# -- where it stands -----------------------------------------------------------------------------------------------


def _stand(case: Case) -> _Stand:
    recovery = case.session.recovery
    if case.session.paused:
        return _Stand("paused", Reason("paused"))
    if recovery.open is not None:
        return _Stand("open", Reason(recovery.open.because or case.verdict.because.code), recovery.open.until)
    if recovery.awaiting is not None:
        return _Stand("ask", Reason("approval-awaited"), recovery.next_at)
    if recovery.server_restart_proposed and case.verdict.kind != "missing":
        return _Stand("person", Reason(SERVER_RESTART, {"server": str(case.server.name)}), recovery.next_at)
    step = ladder.next_step(
        case.session,
        case.server,
        case.verdict,
        case.policy,
        case.can,
        quirks=case.quirks,
        now=case.now,
        conditions=case.conditions,
    )
    return _of_step(case, step)


def _of_step(case: Case, step: Step) -> _Stand:
    match step.do:
        case "rest" | "person":
            return _Stand(step.do, step.because, case.session.recovery.next_at)
        case "strike":
            return _Stand("wait", Reason("quarantine"), case.session.recovery.next_at)
        case "wait":
            return _Stand("wait", step.because, step.until)
        case "act":
            return _turn(case, step)
    return _Stand("soon", step.because, rung=step.rung)


def _turn(case: Case, step: Step) -> _Stand:
    """Whether a fall of many and the server's budget let it act now."""
    server, incident = case.server, case.server.incident
    named = {"server": str(server.name)}
    frozen = incident is not None and incident.ended_at is None and incident.canary_ok_at is None
    if frozen and incident is not None and incident.canary != case.session.id:
        return _Stand("wait", Reason("others-first", named), case.session.recovery.next_at, step.rung)
    free_at = pacing.slot_free_at(server, case.session.id, case.policy, case.now)
    if free_at > case.now:
        return _Stand("wait", Reason("server-budget", named), free_at, step.rung)
    return _Stand("soon", step.because, rung=step.rung)


# -- its rungs -----------------------------------------------------------------------------------------------------


class _Run(NamedTuple):
    """Equal rungs in a row: how many, and how many of them were used up."""

    rung: Rung
    tries: int
    tried: int


def _rungs(
    case: Case, planned: tuple[Rung, ...], now: Standing, *, here: Rung | None, asked: Rung | None, down: bool
) -> tuple[RungView, ...]:
    """`here`: which of them is under way or comes next, None where it is the first that is left; `now`: how that one
    stands; of a session that is not `down` none is."""
    runs = _runs(planned, case.session.recovery.spent)
    left = (place for place, run in enumerate(runs) if run.tried < run.tries and (here or run.rung) == run.rung)
    at = next(left, len(runs)) if down else -1
    standings: list[Standing] = ["past" if p < at else now if p == at else "ahead" for p in range(len(runs))]
    return tuple(
        _view(run, "asked" if run.rung == asked else standing, case.session.recovery, case.policy)
        for run, standing in zip(runs, standings, strict=True)
    )


def _runs(planned: tuple[Rung, ...], spent: tuple[str, ...]) -> list[_Run]:
    """Each try that was made is used up once."""
    tried, runs = Counter(spent), []
    for rung, group in groupby(planned):
        tries = len(list(group))
        done = min(tried[rung], tries)
        tried[rung] -= done
        runs.append(_Run(rung, tries, done))
    return runs


def _as_planned(rung: Rung, recovery: Recovery) -> Rung:
    """A recreate is carried out as a delete and a create."""
    return "recreate" if rung == "delete" or (rung == "create" and recovery.recreates) else rung


def _view(run: _Run, standing: Standing, recovery: Recovery, policy: Policy) -> RungView:
    last = recovery.last
    result = last.result if last is not None and _as_planned(last.rung, recovery) == run.rung else None
    return RungView(
        rung=run.rung,
        standing=standing,
        tries=run.tries,
        tried=run.tried,
        result=(result or "no-effect") if run.tried else None,
        asks=run.rung in DESTRUCTIVE and policy.destructive == "ask",
        cost=Reason(f"cost-{run.rung}") if run.rung in DESTRUCTIVE else None,
    )
