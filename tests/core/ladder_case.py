"""One step of the ladder, and what it says."""

from __future__ import annotations

from esteio.core.judge.diagnose import Kind, Verdict
from esteio.core.judge.ladder import next_step
from esteio.core.model.policy import DEFAULT
from esteio.core.model.recovery import Recovery
from esteio.core.model.server import ServerFacts
from esteio.core.model.session import Facts
from esteio.core.model.state import Reason
from tests.core.rehearsal import EVOLUTION, T0, a_server, a_session


def case(kind: Kind, *, proven: bool = True, since: float = T0 - 1000) -> Verdict:
    return Verdict(kind, Reason(kind), since, proven=proven)


def step(
    verdict: Verdict, *, policy=DEFAULT, can=EVOLUTION, quirks=frozenset(), now=T0, booted=0.0, facts=None, **recovery
):
    session = a_session(recovery=Recovery(**recovery), facts=facts or Facts(), linked=True)
    server = a_server(facts=ServerFacts(booted_at=booted))
    return next_step(session, server, verdict, policy, can, quirks=quirks, now=now)


def said(found) -> tuple:
    return found.do, found.rung, found.because.code
