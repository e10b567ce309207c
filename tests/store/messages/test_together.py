"""What waits at one moment is accepted and settled together, and each is answered for itself."""

from __future__ import annotations

import asyncio

from esteio.core.model.ids import SessionId
from esteio.store.base import Accepted, NewMessage
from tests.narrowing import not_none
from tests.store.make import NOW, AnyStore, Make

MANY = 40


async def _together(store: AnyStore, news: list[NewMessage]) -> list[Accepted | BaseException]:
    return list(await asyncio.gather(*(store.messages.accept(new) for new in news), return_exceptions=True))


async def test_many_are_accepted_at_once_each_with_its_own_answer(store: AnyStore, make: Make) -> None:
    sessions = [await make.session(store, f"s{number}") for number in range(3)]
    news = [NewMessage(make.message(sessions[n % 3], f"55119888877{n % 7:02d}", f"text {n}")) for n in range(MANY)]
    answers = await _together(store, news)
    for new, answer in zip(news, answers, strict=True):
        assert isinstance(answer, Accepted)
        assert (answer.result, not_none(answer.message).id) == ("new", new.message.id)
        assert not_none(await store.messages.get(new.message.id)).content == new.message.content


async def test_each_chat_keeps_the_order_in_which_they_were_handed_in(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    news = [NewMessage(make.message(session, f"55119888877{n % 4:02d}", str(n))) for n in range(MANY)]
    await _together(store, news)
    seen: dict[str, list[int]] = {}
    while claims := await make.claim(store):
        assert len({claim.message.chat for claim in claims}) == len(claims)
        for claim in claims:
            seen.setdefault(claim.message.chat, []).append(int(claim.message.content.text or ""))
        assert all(await store.outbox.settle([make.settle(claim) for claim in claims]))
    assert sorted(number for numbers in seen.values() for number in numbers) == list(range(MANY))
    assert all(numbers == sorted(numbers) for numbers in seen.values())


async def test_one_key_handed_in_often_at_once_makes_one_message(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    first = NewMessage(make.message(session), idem_scope="key", idem_key="k", fingerprint="f", idem_until=NOW + 9)
    again = NewMessage(make.message(session), idem_scope="key", idem_key="k", fingerprint="f", idem_until=NOW + 9)
    other = NewMessage(make.message(session), idem_scope="key", idem_key="k", fingerprint="g", idem_until=NOW + 9)
    plain = NewMessage(make.message(session))
    answers = await _together(store, [first, again, plain, other, again])
    told = [answer.result for answer in answers if isinstance(answer, Accepted)]
    assert told == ["new", "replay", "new", "conflict", "replay"]
    kept = [message.id for message in (await store.messages.page(session.id)).items]
    assert kept == [plain.message.id, first.message.id]


async def test_one_whose_session_is_gone_spoils_nobody_elses(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    gone = make.message(session, session_id=SessionId(99))
    answers = await _together(
        store, [NewMessage(make.message(session)), NewMessage(gone), NewMessage(make.message(session))]
    )
    assert isinstance(answers[1], LookupError)
    assert [answer.result for answer in answers if isinstance(answer, Accepted)] == ["new", "new"]


async def test_two_spellings_of_one_phone_at_once_are_one_chat(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    spelled = ["5511988887777", "551188887777", "5511988887777"]
    answers = await _together(store, [NewMessage(make.message(session, chat)) for chat in spelled])
    chats = {not_none(answer.message).chat for answer in answers if isinstance(answer, Accepted)}
    assert chats == {"5511988887777"}
    assert len(await make.claim(store)) == 1


async def test_of_two_settlements_of_one_message_the_stale_one_writes_nothing(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    for number in range(3):
        await make.accept(store, session, f"55119888877{number:02d}")
    claims = await make.claim(store)
    settlements = [make.settle(claim) for claim in (*claims, claims[0])]
    assert sum(await store.outbox.settle(settlements)) == len(claims)
    assert [len(await store.messages.attempts(claim.message.id)) for claim in claims] == [1, 1, 1]
