"""What is done at the provider before a delete: one row, waited for, and never a second one for the same request."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, cast

import pytest

from esteio.core.model.session import Session
from esteio.engine.commands.keys import KeyCommands
from esteio.engine.commands.lookup import Lookup
from esteio.engine.commands.sessions.operator_evidence import OperatorEvidence
from esteio.engine.commands.sessions.provider_acts import ANSWERED_WITHIN_S, ProviderActs
from esteio.engine.commands.sessions.removal import SessionRemoval
from esteio.engine.errors import CommandError
from esteio.engine.supervision.endpoints import Endpoints
from esteio.engine.suspensions import Suspensions
from esteio.providers.base import StandingWebhook
from esteio.store.base import WorkSettlement
from esteio.store.media import MemoryMediaStore
from tests.engine.commands.conftest import Parts, WithParts


class Addresses:
    """As much of the address book as these commands use."""

    def __init__(self) -> None:
        self.kept: StandingWebhook | None = None
        self.forgotten: list[int] = []

    async def kept_webhook(self, session_id: int) -> StandingWebhook | None:
        return self.kept

    def leaving(self, session_id: int) -> nullcontext[None]:
        return nullcontext()

    def session_gone(self, session_id: int) -> None:
        self.forgotten.append(session_id)


class Provider:
    """Answers the row that a command wrote, when the command waits for it."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.performed: list[Any] = []

    def answers(self, outcome: str, when_asked_by: int = 1) -> None:
        """As soon as so many wait for it."""
        waiting = asyncio.Barrier(when_asked_by)

        async def perform() -> None:
            await waiting.wait()
            now = self.parts.clock.now()
            for work in await self.parts.store.work.claim(now, 10, 60.0, frozenset()):
                self.performed.append(work.payload["rung"])
                settled = WorkSettlement(work_id=work.id, fence=work.fence, outcome=outcome, at=now)
                assert await self.parts.store.work.settle(settled)

        self.parts.waiter.meanwhile = perform

    def is_silent(self) -> None:
        self.parts.waiter.meanwhile = None


def acts_of(parts: Parts, addresses: Addresses | None = None) -> ProviderActs:
    evidence = OperatorEvidence(
        parts.store.journal, parts.clock, audit=parts.audit, waiter=parts.waiter, wakeups=parts.woken
    )
    return ProviderActs(
        parts.store.work,
        parts.clock,
        addresses=cast("Endpoints", addresses or Addresses()),
        evidence=evidence,
        waiter=parts.waiter,
        wakeups=parts.woken,
    )


@pytest.mark.parametrize("outcome", ["ok", "missing", "noop"])
def test_an_act_that_was_answered(with_parts: WithParts, outcome: str) -> None:
    async def test(parts: Parts) -> None:
        session, provider = await parts.session(), Provider(parts)
        provider.answers(outcome)
        assert await acts_of(parts).done(session, "logout", "ana")
        assert provider.performed == ["logout"]
        assert parts.waiter.waited == [ANSWERED_WITHIN_S]
        assert parts.woken.calls == [("session", session.id), ("work", None)]
        assert [one.kind for one in await parts.evidence(session)] == ["operator_logout"]

    with_parts(test)


def test_an_act_that_the_provider_refused(with_parts: WithParts) -> None:
    async def test(parts: Parts) -> None:
        session, provider = await parts.session(), Provider(parts)
        provider.answers("refused: 403 from the provider")
        with pytest.raises(CommandError) as caught:
            await acts_of(parts).done(session, "delete", "ana")
        assert (caught.value.code, caught.value.words) == ("provider-refused", {"detail": "403 from the provider"})

    with_parts(test)


def test_asking_again_before_the_answer_does_not_act_again(with_parts: WithParts) -> None:
    async def test(parts: Parts) -> None:
        session, provider, acts = await parts.session(), Provider(parts), acts_of(parts)
        assert not await acts.done(session, "logout", "ana")
        provider.answers("ok")
        assert await acts.done(session, "logout", "ana")
        assert provider.performed == ["logout"]
        assert await acts.done(session, "logout", "ana"), "answered and settled: this is a request of its own"
        assert provider.performed == ["logout", "logout"]

    with_parts(test)


def test_two_who_ask_at_once_wait_for_the_same_act(with_parts: WithParts) -> None:
    async def test(parts: Parts) -> None:
        line, provider, acts = await parts.session(), Provider(parts), acts_of(parts)
        provider.answers("ok", when_asked_by=2)
        add = acts._evidence.add

        async def slowly(session: Session, kind: str, data: Mapping[str, str]) -> None:
            await asyncio.sleep(0)  # so that the second asks while the first has nothing written yet
            await add(session, kind, data)

        acts._evidence.add = slowly  # type: ignore[method-assign]
        assert await asyncio.gather(*(acts.done(line, "logout", who) for who in ("ana", "bia"))) == [True, True]
        assert provider.performed == ["logout"]

    with_parts(test)


def test_a_webhook_that_was_kept_is_put_back_without_a_logout(with_parts: WithParts) -> None:
    async def test(parts: Parts) -> None:
        session, provider, addresses = await parts.session(), Provider(parts), Addresses()
        acts = acts_of(parts, addresses)
        assert await acts.webhook_put_back(session, "ana"), "none was kept: nothing is left to do"
        assert parts.woken.calls == []
        addresses.kept = StandingWebhook("foreign", url="https://n8n.example/hook")
        provider.answers("ok")
        assert await acts.webhook_put_back(session, "ana")
        assert provider.performed == ["put_back_webhook"]
        assert await parts.evidence(session) == []

    with_parts(test)


def removal_of(parts: Parts, addresses: Addresses) -> SessionRemoval:
    suspensions = Suspensions(parts.store.tenants, parts.store.sessions, parts.clock)
    return SessionRemoval(
        parts.store.media,
        parts.store.sessions,
        parts.clock,
        lookup=Lookup(parts.store.sessions, parts.store.servers, parts.store.messages, parts.store.approvals),
        acts=acts_of(parts, addresses),
        addresses=cast("Endpoints", addresses),
        audit=parts.audit,
        media_store=MemoryMediaStore(),
        keys=KeyCommands(parts.store.keys, parts.clock, audit=parts.audit, admin_key="", suspensions=suspensions),
        wakeups=parts.woken,
    )


def test_a_session_stays_until_its_provider_has_answered(with_parts: WithParts) -> None:
    async def test(parts: Parts) -> None:
        session, provider, addresses = await parts.session(), Provider(parts), Addresses()
        removal = removal_of(parts, addresses)
        left = await removal.delete("loja", "delete", "ana")
        assert left is not None
        assert left.id == session.id
        provider.answers("ok")
        assert await removal.delete("loja", "delete", "ana") is None
        assert await parts.store.sessions.by_id(session.id) is None
        assert addresses.forgotten == [session.id]
        assert parts.woken.calls[-3:] == [("session", session.id), ("server", "prov"), ("deliveries", None)]

    with_parts(test)


def test_two_who_delete_it_at_once_are_both_told_that_it_is_gone(with_parts: WithParts) -> None:
    async def test(parts: Parts) -> None:
        await parts.session()
        provider, removal = Provider(parts), removal_of(parts, Addresses())
        provider.answers("ok", when_asked_by=2)
        assert await asyncio.gather(*(removal.delete("loja", "delete", who) for who in ("ana", "bia"))) == [None, None]
        assert provider.performed == ["delete"]

    with_parts(test)


def test_a_session_that_is_kept_at_its_provider_is_deleted_at_once(with_parts: WithParts) -> None:
    async def test(parts: Parts) -> None:
        await parts.session()
        assert await removal_of(parts, Addresses()).delete("loja", "keep", "ana") is None
        assert parts.waiter.waited == []

    with_parts(test)
