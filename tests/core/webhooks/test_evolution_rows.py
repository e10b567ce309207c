"""Two lists of messages as one: every page of it, and each row with the further status of both."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteio.core.model.content import Content, Kind, Media
from esteio.core.model.ids import MessageId, SessionId, SessionName
from esteio.core.model.message import Direction, Message, MessageState
from esteio.core.webhooks import evolution_rows
from esteio.core.webhooks.evolution_queries import Query, messages_query, updates_query
from esteio.core.webhooks.evolution_rows import KINDS, further, joined, page_in, page_of, reached, row, updates, window

AT = 1_795_247_455.25


def message(state: MessageState = "sent", direction: Direction = "out", **changes: Any) -> Message:
    made = Message(
        id=MessageId("msg_1"),
        session_id=SessionId(1),
        session=SessionName("s1"),
        direction=direction,
        chat="5511988887777",
        content=Content("text", "Oi"),
        state=state,
        created_at=AT,
        updated_at=AT,
        sender="5511988887777" if direction == "in" else None,
        provider_id="3EB01",
    )
    return msgspec.structs.replace(made, **changes)


def numbered(name: str, times: list[int]) -> list[dict[str, Any]]:
    """Rows, newest first."""
    order = sorted(times, reverse=True)
    return [{"key": {"id": f"{name}{n}"}, "messageTimestamp": at} for n, at in enumerate(order)]


# -- pages -------------------------------------------------------------------------------------------------------

times = st.lists(st.integers(0, 12), max_size=25)


@given(times, times, st.integers(1, 7))
def test_the_pages_together_are_both_lists_each_row_once_newest_first(
    at_server: list[int], more: list[int], size: int
) -> None:
    theirs, ours = numbered("t", at_server), numbered("o", more)
    shown: list[dict[str, Any]] = []
    for page in range(1, (len(theirs) + len(ours)) // size + 2):
        wanted = window(page, size, len(ours))
        told = [one for place in wanted.pages for one in theirs[(place - 1) * wanted.size : place * wanted.size]]
        shown += joined(wanted.cut(told), ours, wanted.skip, size)
    assert shown == sorted([*theirs, *ours], key=lambda one: -one["messageTimestamp"])


@given(st.integers(1, 50), st.integers(1, 50))
def test_without_rows_of_ours_the_server_is_asked_what_the_client_asked(page: int, size: int) -> None:
    wanted = window(page, size, 0)
    assert (wanted.pages, wanted.size, wanted.skip) == ((page,), size, 0)


def test_what_stands_in_both_is_shown_once() -> None:
    row = {"key": {"id": "msg_1"}, "messageTimestamp": 5, "from": "server"}
    assert joined([row], [{**row, "from": "us"}], 0, 10) == [row]
    assert joined([{"key": None}], [{"messageTimestamp": "?"}], 0, 10) == [{"key": None}], "rows that nobody can name"


def test_a_page_is_said_as_evolution_does() -> None:
    assert page_of([], total=12, page=2, size=5) == {
        "messages": {"total": 12, "pages": 3, "currentPage": 2, "records": []}
    }


@pytest.mark.parametrize(
    "junk", [None, [], {}, {"messages": []}, {"messages": {"records": 1}}, {"messages": {"records": [1]}}]
)
def test_another_answer_is_no_page(junk: Any) -> None:
    assert page_in(junk) is None


def test_a_page_without_a_total_has_as_many_as_it_shows() -> None:
    assert page_in({"messages": {"records": [{}], "total": 9}}) == ([{}], 9)
    assert page_in({"messages": {"records": [{}]}}) == ([{}], 1)


# -- rows --------------------------------------------------------------------------------------------------------


def test_a_message_of_ours_as_a_row() -> None:
    shown = row(message("read"), "an-instance")
    assert shown == {
        "id": "msg_1",
        "key": {"remoteJid": "5511988887777@s.whatsapp.net", "fromMe": True, "id": "msg_1"},
        "pushName": "Você",
        "messageType": "conversation",
        "message": {"conversation": "Oi"},
        "messageTimestamp": 1795247455,
        "instanceId": "an-instance",
        "source": "unknown",
        "contextInfo": None,
        "providerId": "3EB01",
        "status": "READ",
        "MessageUpdate": [{"status": "DELIVERY_ACK"}, {"status": "READ"}],
    }


@pytest.mark.parametrize(
    ("state", "status", "told"),
    [
        ("queued", "PENDING", []),
        ("held", "PENDING", []),
        ("in_doubt", "PENDING", []),
        ("sent", "PENDING", []),
        ("delivered", "DELIVERY_ACK", ["DELIVERY_ACK"]),
        ("failed", "ERROR", ["ERROR"]),
        ("expired", "ERROR", ["ERROR"]),
    ],
)
def test_the_status_of_each_state(state: MessageState, status: str, told: list[str]) -> None:
    shown = row(message(state, provider_id=None), "i")
    assert (shown["status"], [one["status"] for one in shown["MessageUpdate"]]) == (status, told)
    assert "providerId" not in shown


def test_one_that_came_in_is_named_by_the_providers_id() -> None:
    shown = row(message("delivered", "in"), "i")
    assert shown["key"]["id"] == "3EB01"
    assert shown["key"]["fromMe"] is False


@pytest.mark.parametrize(("direction", "stanza"), [("out", "msg_0"), ("in", "3EB00")])
def test_what_it_quotes_stands_beside_it(direction: Direction, stanza: str) -> None:
    quoted = message("read", direction, id="msg_0", provider_id="3EB00", content=Content("text", "Quanto?"))
    info = row(message(quote="msg_0"), "i", quoted)["contextInfo"]
    assert info["stanzaId"] == stanza
    assert info["quotedMessage"] == {"conversation": "Quanto?"}
    assert info.get("participant") == (None if direction == "out" else "5511988887777@s.whatsapp.net")


def test_the_address_of_its_media_is_signed() -> None:
    media = Media("image", stored="a" * 64, mime="image/png")
    shown = row(message(content=Content("image", media=media)), "i", link=lambda ident, _: f"http://e/{ident}")
    assert shown["message"]["imageMessage"]["url"] == "http://e/msg_1"


@pytest.mark.parametrize(
    ("theirs", "state", "status", "told"),
    [
        ([], "sent", "PENDING", []),
        ([], "read", "READ", ["DELIVERY_ACK", "READ"]),
        (["DELIVERY_ACK"], "read", "READ", ["DELIVERY_ACK", "READ"]),
        (["DELIVERY_ACK", "READ"], "sent", "READ", ["DELIVERY_ACK", "READ"]),
        (["READ"], "delivered", "READ", ["READ"]),
        (["PLAYED"], "read", "PLAYED", ["PLAYED"]),
        (["SOMETHING_NEW"], "delivered", "DELIVERY_ACK", ["SOMETHING_NEW", "DELIVERY_ACK"]),
        ([], "failed", "ERROR", ["ERROR"]),
        (["READ"], "failed", "READ", ["READ"]),
    ],
)
def test_the_further_of_both_stands(theirs: list[str], state: MessageState, status: str, told: list[str]) -> None:
    found = further({"id": "cm1", "MessageUpdate": [{"status": one} for one in theirs]}, message(state))
    assert found == {"id": "cm1", "status": status, "MessageUpdate": [{"status": one} for one in told]}


def test_a_row_with_junk_in_the_place_of_its_updates() -> None:
    assert further({"MessageUpdate": 7}, message("read"))["status"] == "READ"
    assert further({"MessageUpdate": [7, {"status": {}}]}, message("sent"))["MessageUpdate"] == [{"status": {}}]


def test_the_rows_of_updates() -> None:
    assert [one["status"] for one in updates(message("sent"), "i")] == []
    first, second = updates(message("read"), "i")
    assert first == {
        "id": "msg_1:DELIVERY_ACK",
        "keyId": "msg_1",
        "remoteJid": "5511988887777@s.whatsapp.net",
        "fromMe": True,
        "participant": None,
        "pollUpdates": None,
        "status": "DELIVERY_ACK",
        "messageId": "msg_1",
        "instanceId": "i",
        "providerId": "3EB01",
    }
    assert (second["status"], second["keyId"]) == ("READ", "msg_1")
    (arrived,) = updates(message("delivered", "in"), "i")
    assert arrived["keyId"] == "3EB01"
    (failed,) = updates(message("failed", provider_id=None), "i")
    assert "providerId" not in {*arrived, *failed}


def test_every_state_has_a_status_and_every_kind_a_type() -> None:
    assert {status for state in get_args(MessageState) for status in reached(message(state))} <= {
        "DELIVERY_ACK",
        "READ",
        "ERROR",
    }
    assert set(KINDS.values()) == set(get_args(Kind)) - {"status"}


@pytest.mark.parametrize("kind", sorted(set(KINDS.values())))
def test_a_row_is_found_by_its_type(kind: Kind) -> None:
    shown = row(message(content=Content(kind)), "i")
    assert KINDS[shown["messageType"]] == kind


# -- queries -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", [{}, {"where": {}}, {"where": None}, {"where": []}, {"where": {"key": None}}, [], None]
)
def test_a_look_for_everything(body: Any) -> None:
    assert messages_query(body) == updates_query(body) == Query()


def test_a_look_for_some() -> None:
    body = {
        "where": {
            "key": {"id": "msg_1", "remoteJid": "5511988887777@s.whatsapp.net", "fromMe": True},
            "messageTimestamp": {"gte": "2026-11-21T07:50:00.500Z", "lte": "2026-11-21T07:51:00"},
            "messageType": "imageMessage",
        },
        "page": 2,
        "offset": "25",
    }
    assert messages_query(body) == Query(
        "msg_1", "5511988887777", True, 1795247400.0, 1795247460.999_999, "image", page=2, size=25
    )
    assert updates_query({"where": {"id": "msg_1", "remoteJid": "88123@lid"}, "page": "3"}) == Query(
        "msg_1", "88123@lid", page=3
    )


@pytest.mark.parametrize(
    "span",
    [
        {"gte": "2026-11-21T07:50:00Z"},
        {"gte": "yesterday", "lte": "2026-11-21T07:51:00Z"},
        {"gte": True, "lte": 5},
        {"gte": [], "lte": {}},
        {"gte": float("nan"), "lte": 5},
    ],
)
def test_half_a_span_or_an_unreadable_one_is_none(span: dict[str, Any]) -> None:
    assert messages_query({"where": {"messageTimestamp": span}}) == Query()


def test_milliseconds_are_read_as_javascript_does() -> None:
    found = messages_query({"where": {"messageTimestamp": {"gte": 1795247400000, "lte": 1795247400000.0}}})
    assert (found.since, found.until) == (1795247400, 1795247400.999_999)


@pytest.mark.parametrize("key", [{"id": None}, {"id": ""}, {"id": "x", "remoteJid": None}])
def test_an_empty_part_of_a_key(key: dict[str, Any]) -> None:
    assert messages_query({"where": {"key": key}}).empty_key


@pytest.mark.parametrize("where", [{"source": "web"}, {"key": {"participant": "x"}}, {"id": "cm1"}])
def test_what_only_the_servers_table_knows(where: dict[str, Any]) -> None:
    assert messages_query({"where": where}).beyond_us
    assert not messages_query({"where": {"source": None}}).beyond_us


@pytest.mark.parametrize(
    ("word", "size"), [(0, 50), (-1, 50), (True, 50), (2.5, 50), ("x", 50), ("7", 7), (10**6, evolution_rows.DEEPEST)]
)
def test_the_size_of_a_page(word: Any, size: int) -> None:
    assert messages_query({"offset": word}).size == size


@pytest.mark.parametrize(("word", "truth"), [(True, True), ("false", False), ("true", True), ("no", None), (1, None)])
def test_from_me(word: Any, truth: bool | None) -> None:
    assert messages_query({"where": {"key": {"fromMe": word}}}).from_me is truth


def test_a_type_that_is_not_ours_finds_nothing_of_ours() -> None:
    assert messages_query({"where": {"messageType": "liveLocationMessage"}}).kind == "liveLocationMessage"
