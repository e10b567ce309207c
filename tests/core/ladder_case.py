"""One step of the ladder, and what it says."""

from __future__ import annotations

from typing import Any

from esteio.core.judge.diagnose import Kind, Verdict
from esteio.core.judge.ladder import Step, next_step
from esteio.core.model.capabilities import Capabilities
from esteio.core.model.policy import DEFAULT, Policy
from esteio.core.model.recovery import Recovery
from esteio.core.model.server import ServerFacts
from esteio.core.model.session import Facts
from esteio.core.model.state import Reason
from tests.core.rehearsal import EVOLUTION, T0, a_server, a_session


def case(kind: Kind, *, proven: bool = True, since: float = T0 - 1000) -> Verdict:
    return Verdict(kind, Reason(kind), since, proven=proven)


def step(
    verdict: Verdict,
    *,
    policy: Policy = DEFAULT,
    can: Capabilities = EVOLUTION,
    quirks: frozenset[str] = frozenset(),
    now: float = T0,
    booted: float = 0.0,
    facts: Facts | None = None,
    **recovery: Any,
) -> Step:
    session = a_session(recovery=Recovery(**recovery), facts=facts or Facts(), linked=True)
    server = a_server(facts=ServerFacts(booted_at=booted))
    return next_step(session, server, verdict, policy, can, quirks=quirks, now=now)


def said(found: Step) -> tuple[str, str | None, str]:
    return found.do, found.rung, found.because.code
