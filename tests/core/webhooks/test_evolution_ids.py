"""Ids of messages in a client's bodies and a server's answers: what is known is replaced, and nothing else."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from esteio.core.model.content import Content
from esteio.core.model.ids import MessageId, SessionId, SessionName
from esteio.core.model.message import Direction, Message
from esteio.core.webhooks import evolution_ids
from esteio.core.webhooks.evolution_ids import NAMES, answered, asked, ids_in, to_ours, to_provider

Json = Any
OURS = {f"msg_{n}": f"3EB0{n}" for n in range(4)}
THEIRS = {theirs: ours for ours, theirs in OURS.items()}

words = st.one_of(st.sampled_from([*OURS, *THEIRS]), st.text(max_size=4))
names = st.one_of(
    st.sampled_from([*sorted(NAMES), "key", "message", "text", "fromMe", "remoteJid"]), st.text(max_size=3)
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), words),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=5)),
    max_leaves=30,
)


def message(ours: str, theirs: str | None, direction: Direction = "out") -> Message:
    return Message(
        id=MessageId(ours),
        session_id=SessionId(1),
        session=SessionName("s"),
        direction=direction,
        chat="5511988887777",
        content=Content("text", "x"),
        state="sent" if direction == "out" else "delivered",
        created_at=1.0,
        updated_at=1.0,
        provider_id=theirs,
    )


def plain(value: Json, swap: dict[str, str]) -> Json:
    """The translation, said in the simplest way."""
    if isinstance(value, list):
        return [plain(one, swap) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: swap.get(word, word) if name in NAMES and isinstance(word, str) else plain(word, swap)
        for name, word in value.items()
    }


def without_provider_id(value: Json) -> Json:
    if isinstance(value, list):
        return [without_provider_id(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: without_provider_id(word) for name, word in value.items() if name != "providerId"}


@given(values)
def test_a_body_is_translated_where_ids_stand_and_nowhere_else(value: Json) -> None:
    before = json.dumps(value)
    assert asked(value, OURS) == plain(value, OURS)
    assert json.dumps(value) == before, "what is given is not changed"


@given(values)
def test_there_and_back_is_where_it_was(value: Json) -> None:
    both = OURS | THEIRS
    assert asked(asked(value, both), both) == value


@given(values)
def test_an_answer_differs_in_known_ids_and_what_stands_beside_them(value: Json) -> None:
    told = answered(value, THEIRS, "")
    assert asked(without_provider_id(told), OURS) == without_provider_id(asked(value, OURS))


@given(values)
def test_what_nobody_knows_stays(value: Json) -> None:
    assert asked(value, {}) == value
    assert answered(value, {}, "") == value


@given(values)
def test_every_id_that_would_be_replaced_is_asked_about(value: Json) -> None:
    found = ids_in(value)
    assert asked(value, OURS) == asked(value, {ours: OURS[ours] for ours in found if ours in OURS})


def test_as_deep_as_a_body_may_be() -> None:
    deep: Json = {"id": "msg_1"}
    for _ in range(50_000):
        deep = [deep]
    assert ids_in(deep) == {"msg_1"}
    found = asked(deep, OURS)
    while isinstance(found, list):
        found = found[0]
    assert found == {"id": "3EB01"}


def test_a_message_is_named_by_ours_with_the_providers_beside_it() -> None:
    record = {
        "id": "cm1",
        "key": {"id": "3EB01", "fromMe": True},
        "message": {"conversation": "x"},
        "instanceId": "theirs",
    }
    assert answered([record], THEIRS, "our-instance") == [
        {**record, "key": {"id": "msg_1", "fromMe": True}, "instanceId": "our-instance", "providerId": "3EB01"}
    ]
    update = {"keyId": "3EB01", "messageId": "cm1", "fromMe": True, "status": "READ"}
    assert answered(update, THEIRS, "") == {**update, "keyId": "msg_1", "providerId": "3EB01"}


def test_a_strangers_message_with_an_id_of_ours_keeps_it() -> None:
    record = {"key": {"id": "3EB01", "fromMe": False}, "message": {"conversation": "x"}}
    update = {"keyId": "3EB01", "fromMe": False}
    assert answered([record, update], THEIRS, "") == [record, update]


def test_a_reaction_and_a_quote_name_ours() -> None:
    record = {
        "key": {"id": "other", "fromMe": False},
        "message": {"reactionMessage": {"key": {"id": "3EB01", "fromMe": True}, "text": "👍"}},
        "contextInfo": {"stanzaId": "3EB02"},
    }
    told = answered(record, THEIRS, "")
    assert told["message"] == {"reactionMessage": {"key": {"id": "msg_1", "fromMe": True}, "text": "👍"}}
    assert told["contextInfo"] == {"stanzaId": "msg_2"}
    assert "providerId" not in json.dumps(told)


def test_which_ids_stand_for_which() -> None:
    messages = [message("msg_1", "A"), message("msg_2", None), message("msg_3", "B", "in"), message("msg_4", "A")]
    assert to_provider(messages) == {"msg_1": "A", "msg_3": "B", "msg_4": "A"}
    assert to_ours(messages) == {"A": "msg_1"}, "what came in keeps the provider's id, and of two the first is meant"
    assert evolution_ids.ids_in({"id": 5, "key": {"id": "A"}}) == {"A"}
