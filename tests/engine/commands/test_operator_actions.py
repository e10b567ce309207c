"""Pause, resume and recover: evidence for the judge, a wake-up, and a short wait; never a change of state."""

from __future__ import annotations

import pytest

from esteio.engine.commands.lookup import Lookup
from esteio.engine.commands.sessions.operator_actions import OperatorActions
from esteio.engine.commands.sessions.operator_evidence import SETTLE_S, OperatorEvidence
from esteio.engine.errors import CommandError
from tests.engine.commands.conftest import Parts, WithParts


def actions_of(parts: Parts) -> OperatorActions:
    store = parts.store
    evidence = OperatorEvidence(store.journal, parts.clock, audit=parts.audit, waiter=parts.waiter, wakeups=parts.woken)
    return OperatorActions(Lookup(store.sessions, store.servers, store.messages, store.approvals), evidence)


@pytest.mark.parametrize(
    ("verb", "paused", "kind"),
    [("pause", False, "operator_paused"), ("resume", True, "operator_resumed"), ("recover", False, "operator_recover")],
)
def test_it_is_evidence_and_a_wake_up(with_parts: WithParts, verb: str, paused: bool, kind: str) -> None:
    async def test(parts: Parts) -> None:
        session = await parts.session(paused=paused)
        answered = await getattr(actions_of(parts), verb)("loja", "ana")
        assert [(one.kind, one.source, one.data) for one in await parts.evidence(session)] == [
            (kind, "operator", {"who": "ana"})
        ]
        assert parts.woken.calls == [("session", session.id)]
        assert parts.waiter.waited == [SETTLE_S]
        assert answered.paused == paused, "the state is the judge's to change"

    with_parts(test)


@pytest.mark.parametrize(("verb", "paused"), [("pause", True), ("resume", False)])
def test_what_is_so_already_is_not_asked_for_again(with_parts: WithParts, verb: str, paused: bool) -> None:
    async def test(parts: Parts) -> None:
        session = await parts.session(paused=paused)
        await getattr(actions_of(parts), verb)("loja", "ana")
        assert await parts.evidence(session) == []
        assert parts.woken.calls == []

    with_parts(test)


def test_the_answer_shows_what_the_judge_made_of_it(with_parts: WithParts) -> None:
    async def test(parts: Parts) -> None:
        session = await parts.session()
        parts.waiter.meanwhile = lambda: parts.judged(session, paused=True)
        assert (await actions_of(parts).pause("loja", "ana")).paused

    with_parts(test)


def test_a_paused_session_is_not_recovered(with_parts: WithParts) -> None:
    async def test(parts: Parts) -> None:
        session = await parts.session(paused=True)
        with pytest.raises(CommandError, match="session-paused"):
            await actions_of(parts).recover("loja", "ana")
        assert await parts.evidence(session) == []

    with_parts(test)


@pytest.mark.parametrize("verb", ["pause", "resume", "recover"])
def test_a_name_that_nobody_has(with_parts: WithParts, verb: str) -> None:
    async def test(parts: Parts) -> None:
        with pytest.raises(CommandError, match="unknown-session"):
            await getattr(actions_of(parts), verb)("loja", "ana")

    with_parts(test)
