"""Raw webhooks, and what they said applied once for good."""

from typing import Any

import pytest

from esteio.core.model.content import Content
from esteio.core.model.evidence import seen
from esteio.core.model.ids import MessageId
from esteio.core.model.inbound import (
    AckState,
    DeletedMessage,
    EditedMessage,
    InboundEvent,
    Receipt,
    ReceivedMessage,
    ReceivedReaction,
    SendEcho,
)
from esteio.core.model.message import Message
from esteio.core.model.session import Session
from esteio.store.base import Acks, InboxResult, InboxSettlement, Qr, RawInbound
from tests.narrowing import not_none
from tests.store.make import AnyStore, Make

NOW = 1_800_000_000.0
CHAT = "5511988887777"


def text(body: str = "oi") -> Content:
    return Content(kind="text", text=body)


def received(
    ident: str = "W1", chat: str = CHAT, at: float = NOW - 5, body: str = "oi", **changes: Any
) -> ReceivedMessage:
    return ReceivedMessage(ident, chat, changes.pop("sender", chat), at, text(body), **changes)


def receipt(ident: str, state: AckState, at: float = NOW, **changes: Any) -> Receipt:
    return Receipt(ident, state, at, **changes)


async def apply(store: AnyStore, session: Session, *events: InboundEvent, **changes: Any) -> InboxResult:
    return await store.inbox.settle(InboxSettlement(0, session.id, NOW, True, events, **changes))


async def kinds(store: AnyStore, after: int = 0) -> list[str]:
    return [event.type for event in await store.events.page(after, 100)]


async def sent(store: AnyStore, make: Make, session: Session, **changes: Any) -> Message:
    message = await make.accept(store, session, **changes)
    (claim,) = await make.claim(store)
    assert await store.outbox.settle([make.settle(claim)]) == [True]
    return message


async def state_of(store: AnyStore, message: Message) -> str:
    return not_none(await store.messages.get(message.id)).state


async def test_a_raw_webhook_is_kept_as_it_came_and_settled_once(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    raw = RawInbound(session.id, "/x", {"a": "b"}, b"\xff\x00", NOW)
    first, second = await store.inbox.accept(raw), await store.inbox.accept(raw)
    (one, two) = await store.inbox.unread(10)
    assert (one.id, two.id) == (first, second)
    assert (one.body, one.headers, one.path, one.received_at) == (b"\xff\x00", {"a": "b"}, "/x", NOW)
    done = InboxSettlement(first, session.id, NOW, True, (received(),))
    assert (await store.inbox.settle(done)).fresh == (0,)
    again = InboxSettlement(first, session.id, NOW, True, (received("W2"),))
    assert (await store.inbox.settle(again)).fresh == ()
    assert await store.messages.by_provider_id(session.id, "W2") is None
    assert [one.id for one in await store.inbox.unread(10)] == [second]


async def test_what_cannot_be_read_is_kept_and_shown(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    ident = await store.inbox.accept(RawInbound(session.id, "/x", {}, b"junk", NOW - 1000))
    await store.inbox.settle(InboxSettlement(ident, session.id, NOW, False, note="not JSON"))
    assert list(await store.inbox.unread(10)) == []
    await store.maintenance.purge(NOW, raw_before=NOW, idem_before=NOW)
    (row,) = await store.inbox.unreadable(10)
    assert (row.session, row.note, row.body, row.received_at) == ("s1", "not JSON", b"junk", NOW - 1000)
    assert list(await store.inbox.unreadable(10, after=row.id)) == []
    assert await store.maintenance.purge(NOW, raw_before=NOW, idem_before=NOW, unreadable_before=NOW - 1000) == 0
    assert await store.maintenance.purge(NOW, raw_before=NOW, idem_before=NOW, unreadable_before=NOW - 999) == 1
    assert list(await store.inbox.unreadable(10)) == []


async def test_a_webhook_without_a_body_is_shown_as_one_and_hides_no_other(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    for body in (b"", b"junk"):
        ident = await store.inbox.accept(RawInbound(session.id, "/x", {}, body, NOW))
        await store.inbox.settle(InboxSettlement(ident, session.id, NOW, False, note="not JSON"))
    assert [(row.body, row.size) for row in await store.inbox.unreadable(10)] == [(b"", 0), (b"junk", 4)]


async def test_a_received_message_is_a_row_and_an_event_once(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    event = received(push_name="Ana")
    proof = seen("message_received", NOW, "webhook", happened_at=NOW - 5)
    result = await apply(store, session, event, evidence=(proof,))
    assert (result.fresh, result.settled_sends) == ((0,), False)
    assert (await apply(store, session, event, received("W2"))).fresh == (1,)
    message = await store.messages.by_provider_id(session.id, "W1")
    assert message is not None
    assert (message.direction, message.state, message.sender, message.chat) == ("in", "delivered", CHAT, CHAT)
    assert (message.created_at, message.recovered) == (NOW - 5, False)
    first, _ = await store.events.page(0, 10)
    assert (first.type, first.chat) == ("message.received", CHAT)
    assert (first.data["from"], first.data["text"], first.data["push_name"]) == (CHAT, "oi", "Ana")
    assert first.data["created_at"] == "2027-01-15T07:59:55.000Z"
    assert [one.evidence for one in not_none(await store.decisions.session_view(session.id, NOW)).new_evidence] == [
        proof
    ]
    assert message is not None
    assert [one.id for one in (await store.messages.page(session.id, direction="in")).items][-1] == message.id
    assert await make.claim(store) == []


async def test_a_message_read_back_after_a_gap_says_so(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    await apply(store, session, received(), recovered=True)
    assert not_none(await store.messages.by_provider_id(session.id, "W1")).recovered
    assert (await store.events.page(0, 1))[0].data["recovered"] is True


def received_at(at: float, ident: str) -> ReceivedMessage:
    return ReceivedMessage(ident, CHAT, CHAT, at, Content(kind="text", text="oi"), from_me=True)


async def test_what_happened_before_the_send_is_not_its_echo(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    message = await make.doubted(store, session)
    await apply(store, session, received_at(NOW - 3600, "OLD"))
    assert await state_of(store, message) == "in_doubt"
    assert not_none(await store.messages.by_provider_id(session.id, "OLD")).state == "sent"
    await apply(store, session, received_at(NOW - 30, "NEW"))
    assert await state_of(store, message) == "sent"
    assert not_none(await store.messages.by_provider_id(session.id, "NEW")).id == message.id


async def test_a_lid_is_joined_to_its_phone_by_what_was_learned(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    await apply(store, session, received("A", chat="77@lid"))
    assert not_none(await store.messages.by_provider_id(session.id, "A")).chat == "77@lid"
    await apply(store, session, received("B", chat_lid="77@lid"))
    await apply(store, session, received("C", chat="77@lid"))
    message = await store.messages.by_provider_id(session.id, "C")
    assert message is not None
    assert (message.chat, message.sender) == (CHAT, CHAT)
    other = await make.session(store, "s2")
    await apply(store, other, received("C", chat="77@lid"))
    assert not_none(await store.messages.by_provider_id(other.id, "C")).chat == "77@lid"
    assert (await make.accept(store, session, chat="77@lid")).chat == CHAT


async def test_a_quote_names_our_message(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    message = await sent(store, make, session)
    await apply(store, session, received(quoted_provider_id=f"P-{message.id}"))
    assert not_none(await store.messages.by_provider_id(session.id, "W1")).quote == message.id


async def test_receipts_move_forward_only(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    message = await sent(store, make, session)
    ident = f"P-{message.id}"
    steps: list[tuple[AckState, str]] = [
        ("read", "read"),
        ("device", "read"),
        ("server", "read"),
        ("error", "read"),
        ("played", "read"),
    ]
    for word, expected in steps:
        await apply(store, session, receipt(ident, word))
        assert await state_of(store, message) == expected
    assert [event.data["state"] for event in await store.events.page(0, 10)] == ["sent", "read"]


async def test_it_is_kept_when_each_acknowledgement_was_first_told(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    message = await sent(store, make, session)
    assert await store.messages.acks(message.id) == Acks()
    told: list[tuple[AckState, float]] = [("server", 1), ("server", 2), ("device", 3), ("device", 4), ("read", 5)]
    for word, after in told:
        news = (receipt(f"P-{message.id}", word),)
        await store.inbox.settle(InboxSettlement(0, session.id, NOW + after, True, news))
    assert await store.messages.acks(message.id) == Acks(NOW + 1, NOW + 3, NOW + 5)
    assert await store.messages.acks(MessageId("nobody")) == Acks()


async def test_an_error_counts_only_before_the_device(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    message = await sent(store, make, session)
    await apply(store, session, receipt(f"P-{message.id}", "error", error_code="463"))
    stored = await store.messages.get(message.id)
    assert stored is not None
    assert stored.reason is not None
    assert (stored.state, stored.reason.args) == ("failed", {"code": "463"})
    await apply(store, session, receipt(f"P-{message.id}", "device"))
    assert await state_of(store, message) == "failed"


async def test_a_receipt_without_a_word_of_its_own_moves_nothing(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    message = await sent(store, make, session)
    await apply(store, session, receipt(f"P-{message.id}", "device", proves=False))
    assert await state_of(store, message) == "sent"


async def test_a_receipt_that_beats_the_answer_of_the_send_is_not_lost(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    message = await make.accept(store, session)
    (claim,) = await make.claim(store)
    await apply(store, session, receipt(f"P-{message.id}", "device"))
    assert await store.outbox.settle([make.settle(claim)]) == [True]
    assert await state_of(store, message) == "delivered"
    assert [event.data["state"] for event in await store.events.page(0, 10)] == ["sent", "delivered"]


@pytest.mark.parametrize(
    ("first", "then", "told"), [("error", "device", ["sent", "failed"]), ("read", "device", ["sent", "read"])]
)
async def test_what_came_before_the_answer_of_the_send_counts_in_the_order_it_happened(
    store: AnyStore, make: Make, first: AckState, then: AckState, told: list[str]
) -> None:
    session = await make.session(store)
    message = await make.accept(store, session)
    (claim,) = await make.claim(store)
    ident = f"P-{message.id}"
    await apply(store, session, receipt(ident, then, at=NOW + 2), receipt(ident, first, at=NOW + 1))
    assert await store.outbox.settle([make.settle(claim)]) == [True]
    assert [event.data["state"] for event in await store.events.page(0, 10)] == told


async def test_an_echo_settles_the_doubt_of_its_chat_and_content(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    message = await make.doubted(store, session, chat=CHAT, text="conta 7")
    following = await make.accept(store, session, chat=CHAT)
    strangers = [SendEcho("E1", CHAT, NOW, text("other")), SendEcho("E2", "5511900000000", NOW, text("conta 7"))]
    result = await apply(store, session, *strangers)
    assert (result.settled_sends, await state_of(store, message)) == (False, "in_doubt")
    result = await apply(store, session, SendEcho("E3", CHAT, NOW, text("conta 7\n")))
    stored = await store.messages.get(message.id)
    assert stored is not None
    assert (result.settled_sends, stored.state, stored.provider_id, stored.doubt_since) == (True, "sent", "E3", None)
    assert [claim.message.id for claim in await make.claim(store)] == [following.id]


async def test_an_echo_finds_its_message_without_the_ninth_digit(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    message = await make.doubted(store, session, chat="5531988887777")
    await apply(store, session, SendEcho("E", "553188887777", NOW, text("oi")))
    assert await state_of(store, message) == "sent"


async def test_an_echo_beats_the_answer_and_the_late_answer_writes_nothing(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    message = await make.accept(store, session)
    (claim,) = await make.claim(store)
    await apply(store, session, SendEcho("E", message.chat, NOW, message.content))
    assert await store.outbox.settle([make.settle(claim, "not_sent", due_at=NOW)]) == [False]
    assert await state_of(store, message) == "sent"
    assert await make.claim(store) == []


async def test_an_echo_of_a_known_message_changes_nothing(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    message = await sent(store, make, session)
    doubt = await make.doubted(store, session, chat="5511900000000")
    before = await kinds(store)
    result = await apply(store, session, SendEcho(f"P-{message.id}", "5511900000000", NOW, doubt.content))
    assert not result.settled_sends
    assert await state_of(store, doubt) == "in_doubt"
    assert await kinds(store) == before


async def test_typed_on_the_phone_is_a_message_of_ours_but_our_own_is_not_doubled(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    mine = await sent(store, make, session)
    doubt = await make.doubted(store, session, text="conta")
    typed = received("T", from_me=True, body="typed")
    own = received(f"P-{mine.id}", from_me=True)
    unsure = received("U", from_me=True, body="conta")
    assert (await apply(store, session, typed, own, unsure)).settled_sends
    page = await store.messages.page(session.id)
    assert len(page.items) == 3
    message = await store.messages.by_provider_id(session.id, "T")
    assert message is not None
    assert (message.direction, message.state, message.to) == ("out", "sent", CHAT)
    assert not_none(await store.messages.by_provider_id(session.id, "U")).id == doubt.id


async def test_a_strangers_message_with_an_id_of_ours_is_another_message(store: AnyStore, make: Make) -> None:
    session = await make.session(store, phone="5511955550001")
    mine = await sent(store, make, session)
    ident, other = f"P-{mine.id}", "5511900000000"
    assert (await apply(store, session, received(ident, from_me=True), received(ident, chat=other))).fresh == (0, 1)
    stored = (await store.messages.page(session.id, direction="in")).items
    assert [(one.provider_id, one.chat, one.sender, one.content.text) for one in stored] == [
        (ident, other, other, "oi")
    ]
    assert await kinds(store) == ["message.state_changed", "message.received"]
    assert (await apply(store, session, received(ident, chat=other))).fresh == ()
    await apply(store, session, receipt(ident, "read"), DeletedMessage(ident, other, NOW))
    assert await state_of(store, mine) == "read"
    assert (await store.events.page(0, 10))[-1].data["id"] == stored[0].id


async def test_ours_that_comes_back_in_other_words_is_not_doubled(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    mine = await sent(store, make, session)
    await apply(store, session, received(f"P-{mine.id}", from_me=True, body="[template]"))
    assert [one.id for one in (await store.messages.page(session.id)).items] == [mine.id]


async def test_in_the_same_chat_other_words_make_another_message(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    mine = await sent(store, make, session)
    await apply(store, session, received(f"P-{mine.id}", body="outra"))
    assert len((await store.messages.page(session.id)).items) == 2


async def test_a_strangers_message_first_does_not_swallow_ours_of_that_id(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    await apply(store, session, received("T", chat="5511900000000"), receipt("T", "device"))
    await apply(store, session, received("T", from_me=True, body="typed"))
    (typed,) = (await store.messages.page(session.id, direction="out")).items
    assert (typed.chat, typed.state) == (CHAT, "delivered")


@pytest.mark.parametrize("changes", [{}, {"chat": "77@lid", "sender": "551155550001", "body": "[imagem]"}])
async def test_our_own_message_that_is_shown_as_if_it_had_come_in_is_no_other(
    store: AnyStore, make: Make, changes: dict[str, Any]
) -> None:
    session = await make.session(store, phone="5511955550001")
    mine = await sent(store, make, session)
    assert (await apply(store, session, received(f"P-{mine.id}", **changes))).fresh == (0,)
    assert len((await store.messages.page(session.id)).items) == 1


async def test_edits_deletions_and_reactions_are_events_of_their_own(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    message = await sent(store, make, session)
    after = (await store.events.page(0, 10))[-1].seq
    ident = f"P-{message.id}"
    await apply(
        store,
        session,
        EditedMessage(ident, CHAT, NOW, "novo"),
        DeletedMessage(ident, CHAT, NOW),
        ReceivedReaction("R", ident, CHAT, CHAT, NOW, "👍"),
        DeletedMessage("unknown", CHAT, NOW),
    )
    edited, deleted, reaction, unknown = await store.events.page(after, 10)
    assert (edited.type, edited.data["id"], edited.data["text"]) == ("message.edited", message.id, "novo")
    assert (deleted.type, deleted.data["id"]) == ("message.deleted", message.id)
    assert (reaction.type, reaction.data["reaction"]["message"]) == ("message.reaction", message.id)
    assert (reaction.data["reaction"]["emoji"], reaction.data["from"]) == ("👍", CHAT)
    assert (unknown.data["id"], unknown.data["provider_id"], unknown.chat) == (None, "unknown", CHAT)
    assert not_none(await store.messages.get(message.id)).content.text == "novo"


async def test_a_qr_comes_with_what_a_webhook_said(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    qr = Qr("c", "p", 1, NOW, NOW + 20)
    await apply(store, session, qr=qr)
    assert await store.qr_codes.get(session.id) == qr


async def test_a_settlement_for_a_session_that_is_gone_is_nothing(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    await apply(store, session, received("W0"))
    await store.sessions.delete(session.id, NOW)
    assert (await apply(store, session, received())).fresh == ()
    told = [event.type for event in await store.events.page(0, 10)]
    assert told == ["message.received", "session.deleted"]
