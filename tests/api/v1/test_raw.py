"""What the provider sent about a message can be read, as long as it is kept; and who fills the disk is stopped."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from esteio.api.http.large_bodies import LargeBodies
from esteio.api.http.request import ClientGone
from esteio.core.model.content import Content
from esteio.core.model.ids import SessionId, SessionName
from esteio.core.model.inbound import ReceivedMessage
from esteio.engine.commands.provider_webhooks import Secrets, blank
from esteio.engine.commands.webhook_budget import HOUR_S, WebhookBudget
from esteio.engine.errors import CommandError
from esteio.providers.declaration import KEY_SPELLINGS
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.store.base import InboxSettlement, RawInbound
from tests.api.conftest import Gateway, Run

UNKNOWN = Content("unknown")


async def came(
    gateway: Gateway, ident: str, *, body: bytes = b'{"x": 1}', source: bytes | None = None, content: Content = UNKNOWN
) -> dict[str, Any]:
    """A message from a webhook, or from a list (`source`); its document."""
    session = await gateway.store.sessions.by_name(SessionName("line")) or await gateway.add_session()
    now = gateway.clock.now()
    raw_id = 0
    if source is None:
        raw_id = await gateway.store.inbox.accept(RawInbound(session.id, "", {}, body, now))
    event = ReceivedMessage(ident, "5511988887777", "5511988887777", now, content, source=source)
    await gateway.store.inbox.settle(InboxSettlement(raw_id, session.id, now, True, (event,)))
    message = await gateway.store.messages.by_provider_id(session.id, ident)
    assert message is not None
    document: dict[str, Any] = (await gateway.call("GET", f"/v1/messages/{message.id}")).json()
    return document


Begun = Callable[[Callable[[Gateway], Awaitable[None]]], None]


@pytest.fixture
def begun(run: Run) -> Begun:
    def start(test: Callable[[Gateway], Awaitable[None]]) -> None:
        async def whole(gateway: Gateway) -> None:
            await gateway.add_server()
            await test(gateway)

        run(whole)

    return start


def test_a_webhook_s_body_as_it_was_stored(begun: Begun) -> None:
    async def test(gateway: Gateway) -> None:
        document = await came(gateway, "A", body=b'\xef\xbb\xbf{"apikey": "***", "t": "\xe9"}')
        assert document["raw"] == f"/v1/messages/{document['id']}/raw"
        answer = await gateway.call("GET", document["raw"])
        assert answer.content == b'\xef\xbb\xbf{"apikey": "***", "t": "\xe9"}'
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["esteio-source"] == "webhook"
        page = await came(gateway, "B", body=b"<script>")
        assert (await gateway.call("GET", page["raw"])).headers["content-type"] == "application/octet-stream"

    begun(test)


def test_a_row_of_the_provider_s_list(begun: Begun) -> None:
    async def test(gateway: Gateway) -> None:
        document = await came(gateway, "A", source=b'{"key": 1}')
        answer = await gateway.call("GET", document["raw"])
        assert (answer.content, answer.headers["esteio-source"]) == (b'{"key": 1}', "list")

    begun(test)


def test_what_is_understood_is_not_marked_and_can_be_read_all_the_same(begun: Begun) -> None:
    async def test(gateway: Gateway) -> None:
        document = await came(gateway, "A", content=Content("text", text="oi"))
        assert "raw" not in document
        assert (await gateway.call("GET", f"/v1/messages/{document['id']}/raw")).content == b'{"x": 1}'

    begun(test)


def test_it_goes_with_the_webhooks_and_with_the_person(begun: Begun) -> None:
    async def test(gateway: Gateway) -> None:
        old, theirs = await came(gateway, "A", body=b"{}"), await came(gateway, "B", source=b"{}")
        for document in (old, theirs):
            assert (await gateway.call("GET", document["raw"])).status_code == 200
        erased = await gateway.call("POST", "/v1/contacts/5511988887777/erase", {})
        assert erased.json()["webhooks"] == 2
        for document in (old, theirs):
            assert (await gateway.call("GET", f"/v1/messages/{document['id']}/raw")).json()["code"] == "raw-gone"
        kept = await came(gateway, "C")
        now = gateway.clock.now() + 1
        await gateway.store.maintenance.purge(now, raw_before=now, idem_before=now)
        gone = await gateway.call("GET", kept["raw"])
        assert (gone.status_code, gone.json()["code"]) == (404, "raw-gone")

    begun(test)


def test_unknown_messages_and_strangers(begun: Begun) -> None:
    async def test(gateway: Gateway) -> None:
        assert (await gateway.call("GET", "/v1/messages/msg_0/raw")).json()["code"] == "unknown-message"
        document = await came(gateway, "A")
        assert (await gateway.call("GET", document["raw"], key=None)).status_code == 401

    begun(test)


# -- budgets ------------------------------------------------------------------------------------------------------


def test_one_token_brings_so_many_bytes_an_hour_and_no_more(begun: Begun) -> None:
    async def test(gateway: Gateway) -> None:
        session = await gateway.add_session()
        token, _ = await gateway.store.sessions.secrets(session.id)
        gateway.commands.provider_webhooks._tally = WebhookBudget(100)
        answer: Any = None
        for status in (200, 200, 429):
            answer = await gateway.call("POST", f"/in/{token}", b"x" * 45, key=None)
            assert answer.status_code == status
        assert (answer.json()["code"], answer.headers["retry-after"]) == ("webhook-budget", "300")
        assert (await gateway.call("POST", f"/in/{token}", b"x" * 10, key=None)).status_code == 200
        assert len(await gateway.store.inbox.unread(10)) == 3

    begun(test)


def test_a_tally_begins_anew_with_the_hour_and_counts_each_alone() -> None:
    tally = WebhookBudget(10)
    assert (tally.take(SessionId(1), 6, 0.0), tally.take(SessionId(1), 6, 1.0), tally.take(SessionId(2), 6, 1.0)) == (
        True,
        False,
        True,
    )
    assert tally.take(SessionId(1), 6, HOUR_S)
    assert tally.take(SessionId(1), 6, 5.0), "a clock that was put back begins anew as well"
    assert WebhookBudget(0).take(SessionId(1), 10**12, 0.0)


def test_large_bodies_wait_for_their_turn_and_small_ones_do_not() -> None:
    async def whole() -> None:
        bodies, under_way, most = LargeBodies(), 0, 0

        async def take(length: str, lasts: float = 10.0) -> None:
            nonlocal under_way, most
            async with bodies.place({"content-length": length} if length else {}):
                under_way += 1
                most = max(most, under_way)
                await asyncio.sleep(lasts)
                under_way -= 1

        await asyncio.gather(*(take(length) for length in ("2000000", "", "3000000", "9" * 30)))
        assert most == 2
        slow = [asyncio.ensure_future(take("2000000", 500.0)) for _ in range(2)]
        await asyncio.sleep(1)
        await take("1000", 1.0)
        with pytest.raises(CommandError, match="busy"):
            await take("2000000")
        outcomes = await asyncio.gather(*slow, return_exceptions=True)
        assert all(isinstance(one, ClientGone) for one in outcomes)
        await take("2000000")

    run_virtual(whole, limit_s=10_000)


def test_the_envelope_s_key_is_blanked_in_every_spelling() -> None:
    given = b'{"apikey" : "A\\"B", "x": {"APIKEY":"C", "apikey": null, "apiKey":"D"}, "ApiKey":"cut off'
    assert blank(given, Secrets(keys=KEY_SPELLINGS)) == (
        b'{"apikey" : "***", "x": {"APIKEY":"***", "apikey": null, "apiKey":"***"}, "ApiKey":"***"'
    )
