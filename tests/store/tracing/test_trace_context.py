"""A trace's context is kept with a message, with its events and with what a provider brings, through claim and
settlement, in every dialect."""

from __future__ import annotations

from collections.abc import Callable

from esteio.core.model.content import Content
from esteio.core.model.inbound import Receipt, ReceivedMessage
from esteio.store.base import InboxSettlement, RawInbound
from esteio.store.delivery import DeliveryClaim, DeliverySettlement, Endpoint
from tests.narrowing import not_none
from tests.store.make import AnyStore, Make

NOW = 1_800_000_000.0
OURS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 rojo=1"
THEIRS = "00-11111111111111111111111111111111-2222222222222222-01"


async def subscribe(store: AnyStore) -> None:
    await store.webhook_endpoints.add(Endpoint("wh_1", "https://x.example", NOW, sealed=b"\x00s"))


async def events(store: AnyStore) -> list[DeliveryClaim]:
    """All that there is to deliver, oldest first."""
    found: list[DeliveryClaim] = []
    while True:
        while await store.delivery.deal(NOW + 60, 100):
            pass
        claims = await store.delivery.claim(NOW + 60, {}, 16, 45.0)
        if not claims:
            return found
        found += claims
        await store.delivery.settle([DeliverySettlement(one, "delivered", NOW + 60, NOW + 60, 200) for one in claims])


async def test_a_message_of_ours_keeps_its_context_to_the_last_receipt(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    await subscribe(store)
    message = await make.accept(store, session, trace_context=OURS)
    (claim,) = await make.claim(store)
    assert claim.message.trace_context == OURS
    await store.outbox.settle([make.settle(claim, provider_id="P1")])
    receipt = Receipt("P1", "device", NOW + 5)
    raw = await store.inbox.accept(RawInbound(session.id, "", {}, b"{}", NOW, trace_context=THEIRS))
    await store.inbox.settle(InboxSettlement(raw, session.id, NOW + 6, True, events=(receipt,), trace_context=THEIRS))
    assert not_none(await store.messages.get(message.id)).trace_context == OURS
    told = await events(store)
    assert {(one.type, one.trace_context) for one in told} == {("message.state_changed", OURS)}
    assert len(told) == 2


async def test_what_comes_in_has_the_context_of_the_webhook_that_brought_it(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    await subscribe(store)
    await store.inbox.accept(RawInbound(session.id, "", {}, b"{}", NOW, trace_context=THEIRS))
    (raw,) = await store.inbox.unread(10)
    assert raw.trace_context == THEIRS
    came = ReceivedMessage("P9", "5511988887777", "5511988887777", NOW, Content(kind="text", text="oi"))
    await store.inbox.settle(
        InboxSettlement(raw.id, session.id, NOW + 1, True, events=(came,), trace_context=raw.trace_context)
    )
    assert not_none(await store.messages.by_provider_id(session.id, "P9")).trace_context == THEIRS
    (told,) = await events(store)
    assert (told.type, told.trace_context) == ("message.received", THEIRS)


async def test_it_outlives_the_process(file_store: Callable[[], AnyStore], make: Make) -> None:
    first = file_store()
    await first.start(NOW)
    session = await make.session(first)
    await make.accept(first, session, trace_context=OURS)
    await make.accept(first, session, "5511977776666")
    await first.aclose()
    second = file_store()
    await second.start(NOW + 1)
    try:
        claims = await make.claim(second, NOW + 1)
        assert [claim.message.trace_context for claim in claims] == [OURS, None]
    finally:
        await second.aclose()
