"""The phones that a session knows: one chat a line, whatever the spelling."""

from typing import Any

import msgspec
import pytest

from esteio.core.model.content import Content
from esteio.core.model.ids import SessionName
from esteio.core.model.inbound import InboundEvent, ReceivedMessage, SendEcho
from esteio.core.model.session import Session
from esteio.store.base import InboxResult, InboxSettlement
from tests.narrowing import not_none
from tests.store.make import AnyStore, Make

NOW = 1_800_000_000.0
LINES = [
    ("5531988887777", "553188887777"),
    ("5491123456789", "541123456789"),
    ("525512345678", "5215512345678"),
]
SAME = pytest.mark.parametrize(("one", "other"), [*LINES, *[pair[::-1] for pair in LINES]])


async def apply(store: AnyStore, session: Session, *events: InboundEvent) -> InboxResult:
    settlement = InboxSettlement(raw_id=0, session_id=session.id, at=NOW, readable=True, events=events)
    return await store.inbox.settle(settlement)


def received(provider_id: str, chat: str, sender: str | None = None, **more: Any) -> ReceivedMessage:
    return ReceivedMessage(provider_id, chat, sender or chat, NOW, Content("text", "oi"), **more)


@SAME
async def test_a_chat_has_one_name_and_one_lane_in_all_its_spellings(
    store: AnyStore, make: Make, one: str, other: str
) -> None:
    session = await make.session(store)
    first = await make.accept(store, session, chat=one, to=one)
    second = await make.accept(store, session, chat=other, to=other)
    await apply(store, session, received("A", other))
    assert (first.chat, second.chat, second.to) == (one, one, other)
    (came,) = (await store.messages.page(session.id, direction="in")).items
    assert (came.chat, came.sender) == (one, one)
    # One at a time, in order: the second waits for the first.
    assert [claim.message.id for claim in await make.claim(store)] == [first.id]


@SAME
async def test_an_echo_in_the_other_spelling_settles_the_doubt(
    store: AnyStore, make: Make, one: str, other: str
) -> None:
    session = await make.session(store)
    message = await make.doubted(store, session, chat=one, to=one)
    text = not_none(await store.messages.get(message.id)).content
    assert (await apply(store, session, SendEcho("E", other, NOW, text))).settled_sends
    assert not_none(await store.messages.get(message.id)).state == "sent"


async def test_whatsapps_own_spelling_is_known_once_it_wrote(store: AnyStore, make: Make) -> None:
    session, stranger = await make.session(store), await make.session(store, name=SessionName("s2"))
    line = "553188887777"
    assert await store.contacts.known_phones(session.id, [line]) == {}
    await make.accept(store, session, chat="5531988887777")
    assert await store.contacts.known_phones(session.id, [line, "1"]) == {line: None}
    # Our own, as the provider shows it, is the provider's spelling.
    await apply(store, session, SendEcho("E", line, NOW, Content("text", "eco")), received("O", line, from_me=True))
    assert await store.contacts.known_phones(session.id, [line]) == {line: None}
    await apply(store, session, received("A", line))
    assert await store.contacts.known_phones(session.id, [line]) == {line: line}
    await apply(store, session, received("B", "5531988887777"))
    assert await store.contacts.known_phones(session.id, [line]) == {line: "5531988887777"}
    assert await store.contacts.known_phones(stranger.id, [line]) == {}


async def test_a_claim_tells_how_whatsapp_spells_its_recipient(store: AnyStore, make: Make) -> None:
    one, other = await make.session(store), await make.session(store, name=SessionName("s2"))
    await apply(store, one, received("A", "553188887777"))
    to = ("5531988887777", "5531988880000", "1@g.us")
    accepted = {
        (session.id, chat): await make.accept(store, session, chat=chat, to=chat)
        for session in (one, other)
        for chat in to
    }
    spelled = {claim.message.id: claim.spelled for claim in await make.claim(store)}
    assert spelled == {
        message.id: "553188887777" if place == (one.id, to[0]) else None for place, message in accepted.items()
    }


async def test_who_wrote_in_a_group_is_known_and_groups_are_no_phones(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    await apply(store, session, received("A", "1@g.us", "51987654321", author="51987654321@s.whatsapp.net"))
    assert await store.contacts.known_phones(session.id, ["51987654321", "1@g.us"]) == {"51987654321": "51987654321"}
    (came,) = (await store.messages.page(session.id)).items
    target = await store.messages.quote_target(session.id, came.id)
    assert target == ("A", False, "51987654321@s.whatsapp.net")


async def test_a_lid_leads_to_the_name_that_its_phone_is_filed_under(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    await make.accept(store, session, chat="5531988887777")
    await apply(store, session, received("A", "553188887777", chat_lid="77@lid"), received("B", "77@lid"))
    assert {one.chat for one in (await store.messages.page(session.id)).items} == {"5531988887777"}
    names = ["553188887777", "5531988887777", "77@lid"]
    for address in names:
        assert await store.contacts.addresses(session.id, [address]) == names
        assert len(await store.contacts.messages(session.id, [address])) == 3


async def test_after_erasure_and_deletion_nobody_is_known(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    await apply(store, session, received("A", "51987654321"), received("B", "5551987654321"))
    await store.contacts.erase(session.id, ["51987654321"], "erased-1", NOW)
    assert set(await store.contacts.known_phones(session.id, ["51987654321", "555187654321"])) == {"555187654321"}
    await store.sessions.delete(session.id, NOW)
    assert await store.contacts.known_phones(session.id, ["555187654321"]) == {}


async def test_what_names_somebody_in_a_group_goes_and_the_group_stays(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    group, them, other = "1@g.us", "5531988887777", "5531988880000"
    await apply(store, session, received("A", group, them), received("B", group, other))
    mention = await make.accept(store, session, chat=group, to=group, mentions=(them,))
    assert len(await store.contacts.messages(session.id, [them])) == 2
    await store.contacts.erase(session.id, ["553188887777"], "erased-1", NOW)
    told = [msgspec.to_builtins(event.data) for event in await store.events.page(0, 100)]
    assert them not in str(told)
    assert other in str(told)
    assert {one.chat for one in (await store.messages.page(session.id)).items} == {group}
    assert not_none(await store.messages.get(mention.id)).mentions == ()
    assert them not in str((await store.messages.page(session.id)).items)
