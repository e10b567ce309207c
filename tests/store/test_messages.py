"""Accept, claim, settle: the way out."""

import asyncio

import msgspec
import pytest

from esteio.core.messages.outbox import SendSettlement
from esteio.core.messages.transitions import Event
from esteio.core.model.content import Contact, Content, Location, Media, Poll, Reaction
from esteio.core.model.evidence import seen
from esteio.core.model.ids import MessageId
from esteio.core.model.message import AttemptRecord, Message
from esteio.core.model.state import Reason
from esteio.core.webhooks.event_formats import worded
from esteio.store.base import DecisionCommit, NewMessage, NotBefore, SendQuota
from esteio.texts import catalogue
from tests.narrowing import not_none
from tests.store.make import AnyStore, Make

NOW = 1_800_000_000.0


async def test_a_message_comes_back_as_it_was_given(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    contents = [
        Content("image", "caption", Media(kind="image", url="http://x/y.png", mime="image/png")),
        Content("location", location=Location(-23.5, -46.6, "Sé")),
        Content("contacts", contacts=(Contact("Ana", "5511"),)),
        Content("poll", poll=Poll("?", ("a", "b"), 2)),
        Content("reaction", reaction=Reaction("msg_1", "👍")),
    ]
    for content in contents:
        given = make.message(
            session, content=content, expires_at=NOW + 9, client_ref="c", quote="q", mentions=("1", "2"), priority=9
        )
        assert (await store.messages.accept(NewMessage(given))).message == given
        assert await store.messages.get(given.id) == given
    assert await store.messages.get(MessageId("nobody")) is None


async def test_accept_for_a_session_that_is_gone_writes_nothing(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    await store.sessions.delete(session.id, NOW)
    with pytest.raises(LookupError):
        await store.messages.accept(NewMessage(make.message(session)))
    assert await make.claim(store) == []


async def test_the_same_key_is_the_same_message(store: AnyStore, make: Make) -> None:
    session = await make.session(store)

    def new(key: str = "k", scope: str = "api", fingerprint: str = "f", at: float = NOW) -> NewMessage:
        return NewMessage(make.message(session, at=at), scope, key, fingerprint, at + 100)

    first = await store.messages.accept(new())
    replay = await store.messages.accept(new())
    assert replay.message is not None
    assert (replay.result, replay.message.id) == ("replay", not_none(first.message).id)
    conflict = await store.messages.accept(new(fingerprint="other"))
    assert (conflict.result, conflict.message) == ("conflict", None)
    assert (await store.messages.accept(new(scope="other"))).result == "new"
    assert (await store.messages.accept(new(at=NOW + 100))).result == "new", "the key is forgotten after its time"
    assert await store.messages.waiting(session.id) == 3


async def test_many_at_once_with_one_key_make_one_message(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    news = [NewMessage(make.message(session), "api", "k", "f", NOW + 9) for _ in range(20)]
    answers = await asyncio.gather(*[store.messages.accept(new) for new in news])
    assert sorted(answer.result for answer in answers) == ["new"] + ["replay"] * 19
    assert len({not_none(answer.message).id for answer in answers}) == 1


async def test_held_is_queued_behind_a_closed_gate(store: AnyStore, make: Make) -> None:
    session = await make.session(store, gate="held")
    message = await make.accept(store, session)
    assert message.state == "held"
    assert not_none(await store.messages.get(message.id)).state == "held"
    assert [one.id for one in (await store.messages.page(session.id, state="held")).items] == [message.id]
    assert (await store.messages.page(session.id, state="queued")).items == ()
    assert await make.claim(store) == []
    assert await store.outbox.next_due(NOW) is None
    await make.commit(store, session, gate="open")
    assert (await store.messages.page(session.id, state="held")).items == ()
    assert [one.state for one in (await store.messages.page(session.id, state="queued")).items] == ["queued"]
    assert [claim.message.id for claim in await make.claim(store)] == [message.id]


async def test_nothing_of_a_paused_session_is_claimed(store: AnyStore, make: Make) -> None:
    session = await make.session(store, paused=True)
    await make.accept(store, session)
    assert await make.claim(store) == []


async def test_a_lane_goes_one_at_a_time_in_order(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    sent = [await make.accept(store, session, text=str(n), priority=n) for n in range(3)]
    for message in sent:
        (claim,) = await make.claim(store)
        assert (claim.message.id, claim.message.state, claim.message.attempts) == (message.id, "sending", 1)
        assert await make.claim(store) == []
        assert await store.outbox.settle([make.settle(claim)]) == [True]
    assert await make.claim(store) == []
    assert await store.outbox.next_due(NOW) is None


async def test_a_head_that_waits_or_is_in_doubt_blocks_its_lane(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    await make.accept(store, session)
    await make.accept(store, session)
    (claim,) = await make.claim(store)
    assert await store.outbox.settle([make.settle(claim, "not_sent", due_at=NOW + 3, closed_tries=1)]) == [True]
    assert await make.claim(store) == []
    assert await store.outbox.next_due(NOW) == NOW + 3
    (again,) = await make.claim(store, NOW + 3)
    assert (again.message.id, again.message.closed_tries, again.fence) == (claim.message.id, 1, 2)
    assert await store.outbox.settle([make.settle(again, "doubted", due_at=NOW + 9)]) == [True]
    assert await make.claim(store, NOW + 99) == []


async def test_priority_chooses_between_lanes_and_caps_limit_sessions(store: AnyStore, make: Make) -> None:
    one, two = await make.session(store, "a"), await make.session(store, "b")
    for n in range(4):
        await make.accept(store, one, chat=f"a{n}", priority=n)
    await make.accept(store, two, chat="b", priority=9)
    claims = await store.outbox.claim(NOW, 10, 60.0, SendQuota({one.id: 2}, each=9))
    assert [claim.message.chat for claim in claims] == ["b", "a3", "a2"]
    assert len(await store.outbox.claim(NOW, 1, 60.0, SendQuota())) == 1


async def test_a_server_takes_so_many_at_once_whoever_they_are_for(store: AnyStore, make: Make) -> None:
    """And one more that is urgent; another server's messages go past a full one."""
    one, two = await make.session(store, "a"), await make.session(store, "b")
    other = await make.session(store, "c", server="elsewhere")
    for n in range(3):
        await make.accept(store, one, chat=f"a{n}")
        await make.accept(store, two, chat=f"b{n}")
    await make.accept(store, other, chat="c")
    claims = await store.outbox.claim(NOW, 10, 60.0, SendQuota(servers={one.server: 2}))
    assert sorted(claim.message.chat[0] for claim in claims) == ["a", "a", "c"]
    assert {(claim.message.session, claim.server) for claim in claims} == {("a", one.server), ("c", "elsewhere")}
    full = SendQuota(servers={one.server: 0})
    assert await store.outbox.claim(NOW, 10, 60.0, full) == []
    await make.accept(store, two, chat="b8", priority=9)
    await make.accept(store, two, chat="b9", priority=9)
    (urgent,) = await store.outbox.claim(NOW, 10, 60.0, full)
    assert urgent.message.chat == "b8"
    assert await store.outbox.claim(NOW, 10, 60.0, SendQuota(servers={one.server: -1})) == []


async def test_sessions_of_one_server_take_turns_however_long_one_has_waited(store: AnyStore, make: Make) -> None:
    """One client's bulk does not keep another's message waiting behind all of it."""
    bulk, late = await make.session(store, "a"), await make.session(store, "b")
    for n in range(12):
        await make.accept(store, bulk, chat=f"a{n}")
    for n in range(4):
        await make.accept(store, late, chat=f"b{n}")
    one_token = SendQuota(servers={bulk.server: 1})
    turns = [(await store.outbox.claim(NOW, 10, 60.0, one_token))[0].message.session for _ in range(9)]
    assert "".join(turns) == "ababababa"


async def test_what_rests_has_nothing_due_but_what_is_urgent(store: AnyStore, make: Make) -> None:
    one, other = (
        await make.session(store, "a"),
        await make.session(store, "c", server="elsewhere"),
    )
    await make.accept(store, one)
    assert await store.outbox.next_due(NOW, NotBefore({one.id: NOW + 7})) == NOW + 7
    assert await store.outbox.next_due(NOW, NotBefore(servers={one.server: NOW + 8})) == NOW + 8
    assert await store.outbox.next_due(NOW, NotBefore({one.id: NOW + 9}, {one.server: NOW + 8})) == NOW + 9
    assert not_none(await store.outbox.next_due(NOW, NotBefore({other.id: NOW + 9}, {other.server: NOW + 8}))) <= NOW
    await make.accept(store, one, chat="5511", priority=9)
    assert not_none(await store.outbox.next_due(NOW, NotBefore({one.id: NOW + 9}, {one.server: NOW + 8}))) <= NOW


async def test_two_claimants_never_get_the_same_message(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    for n in range(40):
        await make.accept(store, session, chat=f"c{n % 20}")
    rounds = await asyncio.gather(*[make.claim(store, limit=7) for _ in range(8)])
    ids = [claim.message.id for claims in rounds for claim in claims]
    assert len(ids) == len(set(ids)) == 20
    assert len({claim.message.chat for claims in rounds for claim in claims}) == 20


async def test_a_stale_fence_writes_nothing(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    await make.accept(store, session)
    (first,) = await make.claim(store)
    assert await store.outbox.settle([make.settle(first, "not_sent", due_at=NOW)]) == [True]
    (second,) = await make.claim(store)
    late = make.settle(first, evidence=(seen("send_accepted", NOW, "send"),))
    assert await store.outbox.settle([late, make.settle(second)]) == [False, True]
    assert len(await store.messages.attempts(first.message.id)) == 2
    assert not_none(await store.decisions.session_view(session.id, NOW)).new_evidence == ()


async def test_a_settlement_writes_attempt_evidence_event_and_fields(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    message = await make.accept(store, session, client_ref="conv-7")
    (claim,) = await make.claim(store)
    proof = seen("send_accepted", NOW, "send")
    assert await store.outbox.settle([make.settle(claim, evidence=(proof,), queue_ref="q")]) == [True]
    stored = await store.messages.get(message.id)
    assert stored is not None
    assert (stored.state, stored.provider_id, stored.sent_at, stored.queue_ref) == (
        "sent",
        f"P-{message.id}",
        NOW,
        "q",
    )
    assert await store.messages.attempts(message.id) == [AttemptRecord(NOW, "sent")]
    assert [one.evidence for one in not_none(await store.decisions.session_view(session.id, NOW)).new_evidence] == [
        proof
    ]
    (event,) = await store.events.page(0, 10)
    assert (event.type, event.session, event.chat) == ("message.state_changed", "s1", message.chat)
    assert (event.data["id"], event.data["state"], event.data["client_ref"]) == (message.id, "sent", "conv-7")
    assert await store.messages.by_provider_id(session.id, f"P-{message.id}") == stored
    assert await store.doubts.known_provider_ids(session.id, NOW) == {f"P-{message.id}"}
    assert await store.doubts.known_provider_ids(session.id, NOW + 1) == frozenset()
    assert await store.messages.quote_target(session.id, message.id) == (f"P-{message.id}", True, None)


async def test_a_retry_is_no_event_and_a_failure_frees_the_lane(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    await make.accept(store, session)
    second = await make.accept(store, session)
    (claim,) = await make.claim(store)
    assert await store.outbox.settle([make.settle(claim, "not_sent", due_at=NOW)]) == [True]
    assert list(await store.events.page(0, 10)) == []
    (claim,) = await make.claim(store)
    failed = make.settle(claim, "failed", reason=Reason("refused", {"detail": "x"}))
    assert await store.outbox.settle([failed]) == [True]
    assert not_none(await store.messages.get(claim.message.id)).reason == Reason("refused", {"detail": "x"})
    assert [one.message.id for one in await make.claim(store)] == [second.id]


async def test_a_batch_of_evidence_is_counted(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    for n in range(5):
        await make.accept(store, session, chat=f"c{n}")
    claims = await make.claim(store)
    proof = (seen("send_accepted", NOW, "send"),)
    assert await store.outbox.settle([make.settle(claim, evidence=proof) for claim in claims]) == [True] * 5
    (news,) = not_none(await store.decisions.session_view(session.id, NOW)).new_evidence
    assert news.evidence.count == 5


async def test_a_claim_whose_lease_ran_out_is_in_doubt_not_sent_again(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    message = await make.accept(store, session)
    (claim,) = await make.claim(store, lease_s=10)
    assert await store.doubts.next_due() == NOW + 10
    assert list(await store.doubts.due(NOW + 9, 10)) == []
    assert await make.claim(store, NOW + 10) == []
    (doubt,) = await store.doubts.due(NOW + 10, 10)
    assert (doubt.id, doubt.state, doubt.doubt_since) == (message.id, "in_doubt", NOW)
    assert await store.outbox.settle([make.settle(claim)]) == [False]


async def test_a_gate_that_opens_brings_its_doubts_forward_and_no_others(store: AnyStore, make: Make) -> None:
    mine, other = await make.session(store, gate="open"), await make.session(store, "s2")
    plain = await make.doubted(store, mine, chat="5511900000001")
    aside = await make.doubted(store, mine, chat="5511900000002")
    foreign = await make.doubted(store, other)
    looks: tuple[tuple[Message, Event], ...] = ((plain, "not_found"), (aside, "set_aside"), (foreign, "not_found"))
    for message, event in looks:
        later = SendSettlement(message.id, message.session_id, 0, event, NOW, due_at=NOW + 300)
        assert await store.doubts.settle(later)
    held = await make.commit(store, mine, gate="held")
    assert list(await store.doubts.due(NOW + 99, 9)) == [], "a commit that says nothing of doubts leaves them alone"
    stale = msgspec.structs.replace(held, row_version=held.row_version - 1)
    assert not await store.decisions.commit_session(DecisionCommit(session=stale, doubts_due=NOW + 60))
    assert list(await store.doubts.due(NOW + 99, 9)) == []
    opened = msgspec.structs.replace(held, gate="open")
    assert await store.decisions.commit_session(DecisionCommit(session=opened, doubts_due=NOW + 60))
    assert list(await store.doubts.due(NOW + 59, 9)) == []
    assert [one.id for one in await store.doubts.due(NOW + 60, 9)] == [plain.id]
    assert await make.claim(store, NOW + 60) == [], "looked for, not sent"
    again = msgspec.structs.replace(opened, row_version=opened.row_version + 1)
    assert await store.decisions.commit_session(DecisionCommit(session=again, doubts_due=NOW + 90))
    assert [one.id for one in await store.doubts.due(NOW + 60, 9)] == [plain.id], "never put off"


async def test_doubt_is_looked_at_when_due_and_resolved_once(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    message = await make.doubted(store, session)
    assert list(await store.doubts.due(NOW + 4, 10)) == []
    assert await store.doubts.next_due() == NOW + 5
    assert [one.id for one in await store.doubts.due(NOW + 5, 10)] == [message.id]
    later = SendSettlement(message.id, session.id, 0, "not_found", NOW + 5, due_at=NOW + 20)
    before = len(await store.events.page(0, 100))
    assert await store.doubts.settle(later)
    assert len(await store.events.page(0, 100)) == before, "nothing moved"
    assert not_none(await store.messages.get(message.id)).doubt_since == NOW
    again = msgspec.structs.replace(later, event="not_sent", due_at=NOW + 21)
    assert await store.doubts.settle(again)
    assert not await store.doubts.settle(again)
    assert [one.message.id for one in await make.claim(store, NOW + 21)] == [message.id]


async def test_cancel_only_while_it_waits(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    first, second = await make.accept(store, session), await make.accept(store, session)
    assert not_none(await store.messages.cancel(first.id, NOW)).state == "cancelled"
    (claim,) = await make.claim(store)
    assert claim.message.id == second.id
    assert not_none(await store.messages.cancel(second.id, NOW)).state == "sending"
    assert await store.messages.cancel(MessageId("nobody"), NOW) is None
    assert [event.data["state"] for event in await store.events.page(0, 10)] == ["cancelled"]


async def test_retry_comes_back_in_its_old_place_and_waits_its_turn(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    first = await make.accept(store, session, expires_at=NOW + 1)
    second = await make.accept(store, session)
    assert await store.outbox.expire(NOW + 1, 10) == 1
    (claim,) = await make.claim(store, NOW + 2)
    assert claim.message.id == second.id
    retried = await store.messages.retry(first.id, NOW + 2)
    assert retried is not None
    assert (retried.state, retried.reason, retried.expires_at) == ("queued", None, None)
    assert await make.claim(store, NOW + 2) == [], "another one is under way in this chat"
    assert await store.outbox.settle([make.settle(claim)]) == [True]
    assert [one.message.id for one in await make.claim(store, NOW + 2)] == [first.id]
    assert not_none(await store.messages.retry(second.id, NOW + 2)).state == "sent"


async def test_what_is_past_its_time_is_never_claimed(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    late = await make.accept(store, session, expires_at=NOW + 5)
    good = await make.accept(store, session)
    assert [claim.message.id for claim in await make.claim(store, NOW + 5)] == [good.id]
    stored = await store.messages.get(late.id)
    assert stored is not None
    assert stored.reason is not None
    assert (stored.state, stored.reason.code) == ("expired", "expired")


async def test_a_closing_gate_fails_those_that_wanted_it(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    fails = await make.accept(store, session, on_down="fail")
    holds = await make.accept(store, session)
    closed = msgspec.structs.replace(session, gate="held", state="disconnected")
    reason = Reason("session-down")
    assert await store.decisions.commit_session(DecisionCommit(session=closed, fail_queued=reason))
    stored = await store.messages.get(fails.id)
    assert stored is not None
    assert (stored.state, stored.reason) == ("failed", reason)
    assert not_none(await store.messages.get(holds.id)).state == "held"
    assert await store.messages.waiting(session.id) == 1


async def test_an_event_keeps_the_reason_s_code_and_is_put_into_words_in_the_language_in_which_it_is_read(
    store: AnyStore, make: Make
) -> None:
    session = await make.session(store)
    await make.accept(store, session, expires_at=NOW + 5)
    await store.outbox.expire(NOW + 5, 10)
    (event,) = await store.events.page(0, 10)
    assert event.data["reason"] == {"code": "expired", "args": {}}
    for language, says in (("pt-BR", "venceu"), ("en", "expired")):
        told = worded(event.data, event.session, catalogue(language))["reason"]
        assert (told["code"], says in told["text"], bool(told["action"])) == ("expired", True, True)


async def test_pages_go_newest_first_and_filter(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    made = [await make.accept(store, session, chat=f"c{n}", at=NOW + n // 2) for n in range(5)]
    newest_first = [message.id for message in reversed(made)]
    page = await store.messages.page(session.id, limit=3)
    rest = await store.messages.page(session.id, limit=3, after=page.next)
    assert [one.id for one in (*page.items, *rest.items)] == newest_first
    assert rest.next is None
    assert (await store.messages.page(session.id, direction="in")).items == ()
    await store.messages.cancel(made[1].id, NOW)
    assert [one.id for one in (await store.messages.page(session.id, state="cancelled")).items] == [made[1].id]
    with pytest.raises(ValueError, match="float"):
        await store.messages.page(session.id, after="nonsense")
