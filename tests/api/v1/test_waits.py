"""Waiting: woken by a bell, by itself after a lost one, exactly as long as asked, and leaving nothing behind."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from esteio.core.model.ids import MessageId, SessionName
from esteio.core.model.session import Session
from esteio.core.model.state import Reason
from esteio.engine.runtime.ports import NotFound
from esteio.store.base import DecisionCommit, WorkSettlement
from tests.api.conftest import Gateway, Run


async def ready(gateway: Gateway) -> Session:
    await gateway.add_server()
    return await gateway.add_session()


def later(gateway: Gateway, delay_s: float, work: Callable[[], Awaitable[object]]) -> None:
    async def after() -> None:
        await asyncio.sleep(delay_s)
        await work()

    gateway.soon(after)


async def connect_silently(gateway: Gateway) -> None:
    """A commit of another node: it rings no bell here."""
    session = await gateway.session("line")
    changed = msgspec.structs.replace(session, state="connected")
    assert await gateway.store.decisions.commit_session(DecisionCommit(session=changed))


def connected(session: Session) -> bool:
    return session.state == "connected"


def test_a_bell_ends_the_wait_at_once(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        session = await ready(gateway)
        began = gateway.clock.now()
        later(gateway, 0.3, gateway.live)
        seen = await gateway.waiters.wait_session(session.id, connected, 60)
        assert seen.state == "connected"
        assert gateway.clock.now() - began == pytest.approx(0.3)
        assert repr(gateway.waiters) == "Waiters(waiting=0)"

    run(test)


def test_what_is_already_so_is_not_waited_for(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        session = await ready(gateway)
        began = gateway.clock.now()
        assert (await gateway.waiters.wait_session(session.id, lambda s: s.state == "connecting", 60)).id == session.id
        assert gateway.clock.now() == began

    run(test)


def test_a_lost_bell_costs_a_second_at_most(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        session = await ready(gateway)
        began = gateway.clock.now()
        later(gateway, 7.5, lambda: connect_silently(gateway))
        assert connected(await gateway.waiters.wait_session(session.id, connected, 60))
        assert 7.5 <= gateway.clock.now() - began <= 8.5

    run(test)


def test_a_wait_that_runs_out_says_what_is_then_so(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        session = await ready(gateway)
        began = gateway.clock.now()
        seen = await gateway.waiters.wait_session(session.id, connected, 12.25)
        assert seen.state == "connecting"
        assert gateway.clock.now() - began == pytest.approx(12.25)
        assert repr(gateway.waiters) == "Waiters(waiting=0)"

    run(test)


def test_many_wait_for_one_and_one_bell_wakes_only_its_own(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        session = await ready(gateway)
        other = await gateway.add_session("other")
        looks = {"line": 0, "other": 0}

        def count(name: str) -> Callable[[Session], bool]:
            def done(seen: Session) -> bool:
                looks[name] += 1
                return seen.state == "connected"

            return done

        waits = [gateway.waiters.wait_session(session.id, count("line"), 0.9) for _ in range(3)]
        waits.append(gateway.waiters.wait_session(other.id, count("other"), 0.9))
        later(gateway, 0.5, gateway.live)
        states = [seen.state for seen in await asyncio.gather(*waits)]
        assert states == ["connected", "connected", "connected", "connecting"]
        assert looks == {"line": 6, "other": 2}

    run(test)


def test_what_is_gone_is_said(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        session = await ready(gateway)

        async def delete() -> None:
            await gateway.store.sessions.delete(session.id, gateway.clock.now())
            gateway.waiters.session_changed(session.id)

        later(gateway, 1, delete)
        with pytest.raises(NotFound):
            await gateway.waiters.wait_session(session.id, connected, 60)
        with pytest.raises(NotFound):
            await gateway.waiters.wait_message(MessageId("msg_none"), 60)

    run(test)


def test_a_messages_bell_ends_its_wait_at_once(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        await gateway.live()
        began = gateway.clock.now()

        async def cancel() -> None:
            page = await gateway.call("GET", "/v1/sessions/line/messages")
            message = await gateway.commands.messages.cancel(page.json()["items"][0]["id"])
            gateway.waiters.message_changed(message.id)

        later(gateway, 0.3, cancel)
        body = {"to": "5511999998888", "text": "oi"}
        answer = await gateway.call("POST", "/v1/sessions/line/messages", body, headers={"prefer": "wait=60"})
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
        assert gateway.clock.now() - began == pytest.approx(0.3)

    run(test)


def test_a_cancelled_wait_leaves_nothing(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        session = await ready(gateway)
        task = asyncio.ensure_future(gateway.waiters.wait_session(session.id, connected, 60))
        await asyncio.sleep(0.1)
        assert repr(gateway.waiters) == "Waiters(waiting=1)"
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert repr(gateway.waiters) == "Waiters(waiting=0)"

    run(test)


# -- and how long the API waits ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("prefer", "waited"), [("wait=5", 5), ("wait=99", 60), (None, 0)])
def test_how_long_a_message_is_waited_for(run: Run, prefer: str | None, waited: int) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        await gateway.live()
        began = gateway.clock.now()
        headers = {} if prefer is None else {"prefer": prefer}
        body = {"to": "5511999998888", "text": "oi"}
        answer = await gateway.call("POST", "/v1/sessions/line/messages", body, headers=headers)
        assert (answer.status_code, answer.json()["state"]) == (202, "queued")
        assert gateway.clock.now() - began == pytest.approx(waited)

    run(test)


@pytest.mark.parametrize(
    ("verb", "body", "headers", "waited"),
    [
        ("pair", {}, {}, 8),
        ("pair", {"wait_s": 20}, {"prefer": "wait=3"}, 20),
        ("pair", {}, {"prefer": "wait=3"}, 3),
        ("recreate", {}, {}, 8),
        ("recover", {}, {}, 5),
    ],
)
def test_how_long_a_wish_is_waited_for(
    run: Run, verb: str, body: dict[str, int], headers: dict[str, str], waited: int
) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        began = gateway.clock.now()
        answer = await gateway.call("POST", f"/v1/sessions/line/{verb}", body, headers=headers)
        assert answer.status_code == 202
        assert gateway.clock.now() - began == pytest.approx(waited)

    run(test)


def test_create_waits_as_long_as_its_policy_says(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        began = gateway.clock.now()
        body = {"name": "line", "server": "evo", "policy": "patient"}
        answer = await gateway.call("POST", "/v1/sessions", body)
        assert answer.json()["reason"]["code"] == "provider-slow"
        assert gateway.clock.now() - began == pytest.approx(13)
        # What was shown is not what is stored: only the judge writes a session's state.
        assert (await gateway.session("line")).reason == Reason("created")

    run(test, {"policy": {"patient": {"create_wait_s": 13}}})


def test_a_delete_that_the_provider_does_not_answer_can_be_asked_again(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        now = gateway.clock.now()
        for work in await gateway.store.work.claim(now, 10, 60, frozenset()):
            await gateway.store.work.settle(WorkSettlement(work.id, work.fence, now, "ok"))
        answer = await gateway.call("DELETE", "/v1/sessions/line?at_provider=logout")
        assert (answer.status_code, answer.json()["name"]) == (202, "line")
        assert gateway.clock.now() - now == pytest.approx(30)
        assert [one.kind for one in await gateway.news("line")][-1] == "operator_logout"

        async def engine() -> None:
            now = gateway.clock.now()
            for work in await gateway.store.work.claim(now, 10, 60, frozenset()):
                await gateway.store.work.settle(WorkSettlement(work.id, work.fence, now, "ok"))

        later(gateway, 4, engine)
        again = await gateway.call("DELETE", "/v1/sessions/line?at_provider=logout")
        assert again.status_code == 204
        assert await gateway.store.sessions.by_name(SessionName("line")) is None

    run(test)
