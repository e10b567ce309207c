"""What is forgotten of the tables that grow with every look and every message, and what stays for its reason."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from esteio.core.model.content import Content, Media
from esteio.core.model.ids import MessageId, ServerName
from esteio.core.model.inbound import EditedMessage, ReceivedMessage
from esteio.core.model.recovery import Outage
from esteio.core.model.session import Session
from esteio.store.base import (
    DecisionCommit,
    InboxSettlement,
    JournalEntry,
    NewMessage,
    ServerCommit,
)
from esteio.store.ports.maintenance import PIECE_ROWS, WalkedTable
from esteio.store.sql import maintenance
from tests.narrowing import not_none
from tests.store.make import NOW, AnyStore, Make

SV = ServerName("sv")
DAY = 86_400.0
CHAT = "5511988887777"


async def walk(store: AnyStore, table: WalkedTable, before: float, now: float = NOW + 999 * DAY) -> int:
    """A whole walk; how many rows went."""
    gone, after = 0, 0
    while True:
        piece = await store.maintenance.purge_piece(table, before, after, now)
        gone += piece.gone
        if piece.through is None:
            return gone
        assert piece.through > after
        after = piece.through


async def say(store: AnyStore, session: Session | None, *codes: str, at: float) -> None:
    """Lines of a session's, or of the server's own, timeline."""
    lines = tuple(JournalEntry("decision", at, code) for code in codes)
    if session is None:
        server = not_none(await store.servers.get(SV)).server
        assert await store.decisions.commit_server(ServerCommit(server=server, journal=lines))
    else:
        fresh = not_none(await store.sessions.by_id(session.id))
        assert await store.decisions.commit_session(DecisionCommit(session=fresh, journal=lines))


async def said(store: AnyStore, session: Session | None) -> list[str]:
    if session is None:
        return [line.code for line in await store.journal.page_of_server(SV, 0, 999)]
    return [line.code for line in await store.journal.page(session.id, 0, 999)]


# -- timelines ---------------------------------------------------------------------------------------------------


async def test_old_lines_go_and_young_ones_stay(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    for about in (session, None):
        await say(store, about, "a", "b", at=NOW)
        await say(store, about, "c", at=NOW + DAY)
    assert await walk(store, "journal", NOW) == 0
    assert await walk(store, "journal", NOW + DAY) == 4
    assert (await said(store, session), await said(store, None)) == (["c"], ["c"])


async def test_evidence_that_nobody_has_judged_stays(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    for kind in ("send_closed", "server_failed"):
        await store.journal.add_evidence(session.id, SV, [make.seen(kind, NOW, "send")], NOW)
    assert await walk(store, "journal", NOW + DAY) == 0
    (news,) = not_none(await store.decisions.session_view(session.id, NOW)).new_evidence
    fresh = not_none(await store.sessions.by_id(session.id))
    assert await store.decisions.commit_session(DecisionCommit(session=fresh, folded_through=news.seq))
    assert await walk(store, "journal", NOW + DAY) == 1
    assert await said(store, session) == []
    assert len(await store.journal.page_of_server(SV, 0, 9)) == 1
    await store.sessions.delete(session.id, NOW)
    assert await store.servers.delete(SV)
    assert await walk(store, "journal", NOW + DAY) == 1, "nobody will judge it any more"


async def test_the_lines_of_an_open_outage_stay_until_it_is_over(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    other = await make.session(store, "s2")
    await say(store, session, "before", at=NOW)
    await say(store, None, "before", at=NOW)
    fresh = not_none(await store.sessions.by_id(session.id))
    began = Outage("o1", NOW, "ghost")
    assert await store.decisions.commit_session(DecisionCommit(session=fresh, outages=(began,)))
    server = not_none(await store.servers.get(SV)).server
    fell = Outage("so1", NOW, "down")
    assert await store.decisions.commit_server(ServerCommit(server=server, outage=fell))
    for about in (session, other, None):
        await say(store, about, "within", at=NOW)
    assert await walk(store, "journal", NOW + DAY) == 3
    assert [await said(store, about) for about in (session, other, None)] == [["within"], [], ["within"]]
    fresh = not_none(await store.sessions.by_id(session.id))
    ended = msgspec.structs.replace(began, ended_at=NOW + 9)
    assert await store.decisions.commit_session(DecisionCommit(session=fresh, outages=(ended,)))
    assert await walk(store, "journal", NOW + DAY) == 1
    server = not_none(await store.servers.get(SV)).server
    over = msgspec.structs.replace(fell, ended_at=NOW + 9)
    assert await store.decisions.commit_server(ServerCommit(server=server, outage=over))
    assert await walk(store, "journal", NOW + DAY) == 1


# -- messages ----------------------------------------------------------------------------------------------------


async def settled(store: AnyStore, make: Make, session: Session, chat: str = CHAT) -> MessageId:
    message = await make.accept(store, session, chat=chat)
    (claim,) = [one for one in await make.claim(store) if one.message.id == message.id]
    assert await store.outbox.settle([make.settle(claim)]) == [True]
    return message.id


async def test_settled_messages_go_with_the_attempts_at_them(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    old = await settled(store, make, session)
    young = await make.accept(store, session, at=NOW + DAY)
    assert await walk(store, "messages", NOW) == 0
    assert await walk(store, "messages", NOW + 1) == 1
    assert await store.messages.get(old) is None
    assert list(await store.messages.attempts(old)) == []
    assert await store.messages.get(young.id) is not None


async def test_what_is_open_stays_and_so_do_the_attempts_at_it(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    doubt = await make.doubted(store, session)
    queued = await make.accept(store, session)
    sending = await make.accept(store, session, chat="5511900000001")
    (claim,) = await make.claim(store)
    assert claim.message.id == sending.id
    parked = await make.accept(store, session, chat="5511900000002")
    (claim,) = await make.claim(store)
    handed_over = make.settle(claim, "queued_at_provider", provider_id="P1", due_at=NOW + 3)
    assert await store.outbox.settle([handed_over]) == [True]
    assert not_none(await store.messages.get(parked.id)).provider_queued_at == NOW
    done = await settled(store, make, session, "5511900000003")
    late = NOW + 500 * DAY
    assert await walk(store, "attempts", late) == 1
    assert list(await store.messages.attempts(done)) == []
    assert await walk(store, "messages", late) == 1
    for one in (doubt, queued, sending, parked):
        assert await store.messages.get(one.id) is not None
    assert [len(await store.messages.attempts(one.id)) for one in (doubt, parked)] == [1, 1]


async def test_what_a_key_still_promises_stays(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    message = make.message(session, at=NOW)
    new = NewMessage(message, "api", "K1", "f", NOW + 40 * DAY)
    assert (await store.messages.accept(new)).result == "new"
    assert await store.messages.cancel(message.id, NOW)
    assert await walk(store, "messages", NOW + DAY, NOW + 39 * DAY) == 0
    again = NewMessage(make.message(session, at=NOW + 39 * DAY), "api", "K1", "f", NOW + 80 * DAY)
    answer = await store.messages.accept(again)
    assert (answer.result, not_none(answer.message).id) == ("replay", message.id)
    assert await walk(store, "messages", NOW + DAY, NOW + 40 * DAY) == 1


async def test_a_message_whose_media_is_still_asked_for_stays(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    picture = Content(kind="image", media=Media(kind="image", source={"id": "W1"}, fetching=True))
    event = ReceivedMessage("W1", CHAT, CHAT, NOW, picture)
    await store.inbox.settle(InboxSettlement(0, session.id, NOW, True, (event,)))
    (fetch,) = await store.media.fetches(9)
    assert await walk(store, "messages", NOW + DAY) == 0
    assert await store.messages.get(fetch.message_id) is not None


# -- keys of what came in, and the rest --------------------------------------------------------------------------


async def heard(store: AnyStore, session: Session, at: float) -> bool:
    """Whether an edit is news."""
    edit = EditedMessage("W1", CHAT, NOW, "oi")
    return (await store.inbox.settle(InboxSettlement(0, session.id, at, True, (edit,)))).fresh == (0,)


async def forget_keys(store: AnyStore, before: float) -> int:
    return await store.maintenance.purge(NOW, raw_before=0.0, idem_before=0.0, dedupe_before=before)


async def test_keys_of_what_came_in_go_when_they_are_old(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    assert await heard(store, session, NOW)
    assert await forget_keys(store, NOW) == 0
    assert not await heard(store, session, NOW + 1)
    assert await forget_keys(store, NOW + 1) == 1
    assert await heard(store, session, NOW + 2)


async def test_keys_stay_while_a_gap_may_bring_again_what_they_know(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    assert await heard(store, session, NOW)
    fresh = not_none(await store.sessions.by_id(session.id))
    gap = DecisionCommit(session=fresh, gap_since=NOW + 30, gap_due=NOW + 90 * DAY)
    assert await store.decisions.commit_session(gap)
    assert await forget_keys(store, NOW + DAY) == 0, "clocks may be a minute apart"
    (open_gap,) = await store.history_gaps.due(NOW + 91 * DAY, 9)
    assert await store.history_gaps.close(open_gap, None)
    assert await forget_keys(store, NOW + DAY) == 1


async def test_a_message_that_is_kept_is_known_without_its_key(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    event = ReceivedMessage("W1", CHAT, CHAT, NOW, Content(kind="text", text="oi"))
    news = InboxSettlement(0, session.id, NOW, True, (event,))
    await store.inbox.settle(news)
    assert await forget_keys(store, NOW + DAY) == 1
    before = len(await store.events.page(0, 99))
    await store.inbox.settle(news)
    assert len(await store.events.page(0, 99)) == before
    assert len((await store.messages.page(session.id)).items) == 1


async def test_boots_of_nodes_that_ended_and_hold_nothing_go(store: AnyStore) -> None:
    for turn in range(3):
        epoch = (await store.nodes.join("a", "http://a", "1", 6.0, NOW + turn)).epoch
        await store.nodes.leave(epoch, NOW + turn)
    await store.nodes.join("b", "http://b", "1", 6.0, NOW)
    assert await store.maintenance.purge(NOW, raw_before=NOW + 1, idem_before=0.0) == 1
    assert await store.maintenance.purge(NOW, raw_before=NOW + DAY, idem_before=0.0) == 2
    assert [row.id for row in await store.nodes.all()] == ["b"]


# -- pieces ------------------------------------------------------------------------------------------------------


async def test_a_walk_goes_on_behind_what_stays(store: AnyStore, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "PIECE_ROWS", 3)
    session = await make.session(store)
    kept = [await make.accept(store, session, chat=f"551190000000{n}") for n in range(7)]
    cancelled = [await make.accept(store, session, chat=f"551192000000{n}") for n in range(5)]
    for one in cancelled:
        assert await store.messages.cancel(one.id, NOW)
    await make.accept(store, session, at=NOW + 2 * DAY)
    assert await walk(store, "messages", NOW + DAY) == 5
    assert [await store.messages.get(one.id) is not None for one in kept] == [True] * 7


async def test_one_piece_is_bounded(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    for turn in range(0, PIECE_ROWS + 10, 100):
        await say(store, session, *(f"line-{turn + n}" for n in range(100)), at=NOW)
    piece = await store.maintenance.purge_piece("journal", NOW + DAY, 0, NOW)
    assert piece.gone == PIECE_ROWS
    assert piece.through is not None


async def test_it_goes_on_while_messages_are_accepted_and_settled(
    file_store: Callable[[], AnyStore], make: Make
) -> None:
    """Under load nothing that is under way is touched, and the old goes all the same."""
    store = file_store()
    await store.start(NOW)
    session = await make.session(store)
    old = [await make.accept(store, session, chat=f"55119{n:08d}", at=NOW - 500 * DAY) for n in range(60)]
    for one in old:
        assert await store.messages.cancel(one.id, NOW - 500 * DAY)
    young: list[MessageId] = []

    async def send() -> None:
        for n in range(40):
            young.append((await make.accept(store, session, chat=f"55118{n:08d}")).id)
            await store.outbox.settle([make.settle(claim) for claim in await make.claim(store)])

    async def forget() -> None:
        for _ in range(10):
            for table in ("attempts", "journal", "messages"):
                await walk(store, table, NOW - 400 * DAY, NOW)

    await asyncio.gather(send(), forget())
    assert [one.id for one in old if await store.messages.get(one.id) is not None] == []
    assert {not_none(await store.messages.get(one)).state for one in young} == {"sent"}
    assert [len(await store.messages.attempts(one)) for one in young] == [1] * 40
    await store.aclose()
