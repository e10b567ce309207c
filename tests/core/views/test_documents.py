"""The public documents: the contract's names and shapes, times as text, nothing secret, nothing said that is not so."""

from __future__ import annotations

from datetime import datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteio.core.model.capabilities import Quirk
from esteio.core.model.content import Content, Location, Media
from esteio.core.model.ids import MessageId, SessionId, SessionName
from esteio.core.model.message import AttemptRecord, Direction, Message
from esteio.core.model.policy import DEFAULT
from esteio.core.model.recovery import Approval, Attempt, Outage, Recovery
from esteio.core.model.server import Incident, Limits, Slot
from esteio.core.model.session import Facts
from esteio.core.model.state import Axis, Reason
from esteio.core.views import documents, server_documents
from esteio.core.views.catalogue import Catalogue
from esteio.core.webhooks import event_formats
from esteio.texts import LANGUAGES, catalogue
from tests.core.rehearsal import T0, a_server, a_session

NOON = "2023-11-14T22:13:20.000Z"
DOWN = Outage(id="out_1", since=T0, because="socket-closed", reopened=2)
RESTART = Attempt(id="a1", rung="restart", number=3, opened_at=T0, until=T0 + 20)


def aloud(reason: Reason) -> documents.ReasonDocument:
    """A voice of which every word can be recognised."""
    return documents.ReasonDocument(reason.code, f"said {reason.code}", None)


def a_message(direction: Direction = "out", **fields: object) -> Message:
    base = Message(
        id=MessageId("msg_1"),
        session_id=SessionId(1),
        session=SessionName("s1"),
        direction=direction,
        chat="5511988887777",
        content=Content("text", "oi"),
        state="queued",
        created_at=T0,
        updated_at=T0 + 1,
    )
    return msgspec.structs.replace(base, **fields)


# -- times -------------------------------------------------------------------------------------------------------


@given(st.floats(min_value=0, max_value=4e9))
def test_a_time_can_be_read_back_to_the_millisecond(at: float) -> None:
    text = documents.timestamp(at)
    assert len(text) == len(NOON)
    assert text.endswith("Z")
    assert abs(datetime.fromisoformat(text).timestamp() - at) <= 0.000501


def test_the_last_half_millisecond_of_a_second_belongs_to_the_next() -> None:
    assert documents.timestamp(T0 + 0.9996) == "2023-11-14T22:13:21.000Z"
    assert documents.timestamp(T0) == NOON


# -- the session -------------------------------------------------------------------------------------------------


def test_a_restriction_says_what_whatsapp_keeps_a_number_from_and_until_when() -> None:
    assert documents.restriction(a_session(reason=Reason("live"))) is None
    cold = documents.restriction(a_session(reason=Reason("restricted-463"), restricted_until=T0))
    assert cold == documents.RestrictionDocument("new-chats", NOON, "restricted-463")
    banned = a_session(reason=Reason("temp-banned"), restricted_until=T0)
    assert documents.restriction(banned) == documents.RestrictionDocument("account", None, "temp-banned")
    until = a_session(reason=Reason("temp-banned"), facts=Facts(code_until=T0))
    assert documents.restriction(until) == documents.RestrictionDocument("account", NOON, "temp-banned")


def test_a_session_shows_what_the_contract_names() -> None:
    session = a_session(
        ref={"id": "abc"},
        can_send=Axis("yes", "send_accepted", T0),
        reason=Reason("live"),
        recovery=Recovery(last_restart_at=T0),
    )
    document = documents.as_data(documents.session(session, 4, aloud))
    assert list(document) == [
        "name", "server", "phone", "state", "since", "reason", "can_send", "can_receive", "outage", "last_restart_at",
        "recovery", "held", "policy", "ref", "created_at", "quota", "restriction",
    ]  # fmt: skip
    assert document["ref"] == {"id": "abc"}
    assert document["can_send"] == {"value": "yes", "evidence": "send_accepted", "at": NOON}
    assert document["can_receive"] == {"value": "unknown", "evidence": None, "at": None}
    assert (document["held"], document["last_restart_at"]) == (4, NOON)
    assert document["reason"] == {"code": "live", "text": "said live", "action": None}


def test_the_phone_is_the_declared_one_else_the_one_that_was_seen() -> None:
    seen = Facts(phone_seen="5511900000002")
    assert documents.session(a_session(phone="5511900000001", facts=seen), 0, aloud).phone == "5511900000001"
    assert documents.session(a_session(facts=seen), 0, aloud).phone == "5511900000002"
    assert documents.session(a_session(), 0, aloud).phone is None


def test_an_event_of_a_session_says_what_it_was_before_and_keeps_its_reason_for_any_language() -> None:
    session = a_session(state="error", reason=Reason("closed", {"code": "401"}))
    document = documents.session_document(session, 0, previous="connected")
    assert document["previous"] == "connected"
    assert document["reason"] == {"code": "closed", "args": {"code": "401"}}
    assert "previous" not in documents.session_document(session, 0)


def test_an_outage_is_shown_while_it_lasts() -> None:
    shown = documents.outage(DOWN)
    assert msgspec.to_builtins(shown) == {"id": "out_1", "since": NOON, "because": "socket-closed", "reopened": 2}
    assert documents.outage(msgspec.structs.replace(DOWN, ended_at=T0 + 1)) is None
    assert documents.outage(None) is None


@pytest.mark.parametrize(
    ("recovery", "shown"),
    [
        (Recovery(), None),
        (Recovery(last=RESTART), None),
        (Recovery(open=RESTART), ("restart", 3, "2023-11-14T22:13:40.000Z")),
        (Recovery(open=RESTART, next_at=T0), ("restart", 3, NOON)),
        (Recovery(awaiting="apr_1", last=RESTART, next_at=T0), ("person", 3, NOON)),
        (Recovery(awaiting="apr_1"), ("person", 0, None)),
        (Recovery(next_at=T0, last=RESTART), (None, 0, NOON)),
        (Recovery(next_at=T0, last=RESTART, then=("connect",)), ("connect", 0, NOON)),
    ],
)
def test_where_a_session_stands_on_the_ladder(
    recovery: Recovery, shown: tuple[str | None, int, str | None] | None
) -> None:
    """The open act before the person who is asked, and that before the step that is planned."""
    document = documents.recovery(recovery)
    assert (None if document is None else (document.rung, document.attempt, document.next_at)) == shown


class Code(msgspec.Struct, frozen=True):
    """A stored QR."""

    code: str = "2@x"
    png_base64: str = "aVZC"
    count: int = 2
    seen_at: float = T0
    expires_at: float = T0 + 20


def test_a_code_to_scan_says_until_when() -> None:
    shown = documents.qr(Code())
    assert (shown.code, shown.count, shown.seen_at, shown.expires_at) == ("2@x", 2, NOON, "2023-11-14T22:13:40.000Z")


# -- messages ----------------------------------------------------------------------------------------------------


def test_a_message_out_says_to_whom_and_one_that_came_in_from_whom() -> None:
    out = documents.message_document(a_message(to="+55 11 98888-7777", expires_at=T0))
    assert (out["to"], out["expires_at"]) == ("+55 11 98888-7777", NOON)
    assert "from" not in out
    came = documents.message_document(a_message("in", chat="1@g.us", sender="5511988887777", recovered=True))
    assert (came["from"], came["recovered"]) == ("5511988887777", True)
    assert {"to", "expires_at"}.isdisjoint(came)
    assert documents.message_document(a_message())["to"] == documents.message_document(a_message("in"))["from"]


def test_what_is_not_there_is_not_named() -> None:
    document = documents.message_document(a_message())
    optional = {
        "location",
        "contacts",
        "poll",
        "reaction",
        "reply",
        "buttons",
        "order",
        "product",
        "quote",
        "mentions",
        "client_ref",
        "recovered",
        "attempts",
    }
    assert optional.isdisjoint(document)
    place = documents.message_document(a_message(content=Content("location", location=Location(1.0, 2.0)), quote="q"))
    assert (place["location"], place["quote"]) == ({"latitude": 1.0, "longitude": 2.0}, "q")


@pytest.mark.parametrize("state", ["queued", "sending", "in_doubt", "sent", "failed"])
def test_behind_a_closed_gate_only_what_is_queued_reads_held(state: str) -> None:
    message = a_message(state=state)
    assert documents.message(message, aloud).state == state
    shut = documents.message(message, aloud, gate_open=False)
    assert shut.state == ("held" if state == "queued" else state)


def test_a_message_s_reason_is_said_and_its_attempts_are_told_where_they_are_asked_for() -> None:
    message = a_message(state="failed", reason=Reason("not-on-whatsapp"))
    told = documents.message(message, aloud, attempts=[AttemptRecord(T0, "refused", "exists: false")])
    assert told.reason is not None
    assert told.reason.text == "said not-on-whatsapp"
    assert msgspec.to_builtins(told.attempts) == ({"at": NOON, "outcome": "refused", "detail": "exists: false"},)
    assert documents.message(message, aloud, attempts=()).attempts == ()
    assert documents.message(message, aloud).attempts is msgspec.UNSET


def test_the_bytes_of_a_media_and_where_they_lie_are_no_part_of_it() -> None:
    media = Media("image", base64="c2VjcmV0", stored="ab/cdef", mime="image/png", filename="x.png", size=6)
    shown = documents.message_document(a_message(content=Content("image", "legenda", media)))["media"]
    known = {"kind": "image", "mime": "image/png", "filename": "x.png", "size": 6}
    assert shown == {**known, "url": None, "state": "kept"}
    linked = documents.message(a_message(content=Content("image", "legenda", media)), aloud, link=lambda *_: "signed")
    assert documents.as_data(linked)["media"] == {**known, "url": "signed", "state": "kept"}


def test_a_media_that_is_gone_says_why_and_has_no_address() -> None:
    media = Media("image", mime="image/png", gone=Reason("media-expired"))
    shown = documents.as_data(
        documents.message(a_message(content=Content("image", None, media)), aloud, link=lambda *_: "signed")
    )
    assert (shown["media"]["state"], shown["media"]["url"]) == ("gone", None)
    assert shown["media"]["reason"]["text"] == "said media-expired"
    kept = documents.message_document(a_message(content=Content("image", None, media)))
    told = event_formats.worded(kept, None, catalogue("en"))["media"]
    assert told["reason"]["code"] == "media-expired"
    assert "as long as the settings say" in told["reason"]["text"]


# -- approvals, servers, the timeline ----------------------------------------------------------------------------


def test_an_approval_says_what_it_costs_or_leaves_the_code_for_whoever_has_words() -> None:
    asked = Approval(
        id="apr_1", session_id=SessionId(1), session=SessionName("s1"), rung="logout", because="ghost",
        cost=Reason("cost-logout"), created_at=T0,
    )  # fmt: skip
    assert documents.approval(asked, aloud).cost == "said cost-logout"
    assert documents.approval_document(asked) == {
        "id": "apr_1",
        "session": "s1",
        "rung": "logout",
        "because": "ghost",
        "cost": "cost-logout",
        "created_at": NOON,
        "state": "open",
    }


def test_a_server_s_own_limits_go_before_the_policy_s_even_when_they_are_zero() -> None:
    mine = a_server(limits=Limits(connects_in_flight=7, seconds_between_connects=0.0), last_attempt_at=T0)
    slots = (Slot(SessionId(1), "a", T0 + 1), Slot(SessionId(2), "b", T0))
    mine = msgspec.structs.replace(mine, slots=slots)
    budget = server_documents.server(mine, (), DEFAULT, T0, catalogue("en")).budget
    assert msgspec.to_builtins(budget) == {
        "open": 1,
        "connects_in_flight": 7,
        "seconds_between_connects": 0.0,
        "last_attempt_at": NOON,
        "sends_per_minute": 0,
        "sends_burst": 0,
    }
    plain = server_documents.server(a_server(), (), DEFAULT, T0, catalogue("en")).budget
    assert plain.connects_in_flight == DEFAULT.connects_in_flight
    assert plain.seconds_between_connects == DEFAULT.seconds_between_connects
    paced = a_server(limits=Limits(sends_per_minute=120.0))
    assert server_documents.server(paced, (), DEFAULT, T0, catalogue("en")).budget.sends_burst == 10


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_server_s_lies_are_told_in_the_reader_s_language_and_an_outside_adapter_s_in_its_own(language: str) -> None:
    texts = Catalogue(language, {("quirk evolution", "open-while-dead"): "translated"}, {})
    lies = (Quirk("open-while-dead", "<3", "seen", "its own"), Quirk("brand-new", "", "seen", "its own"))
    first, second = server_documents.server(a_server(), lies, DEFAULT, T0, texts).quirks
    assert (first.name, first.versions, first.text, first.source) == ("open-while-dead", "<3", "translated", "seen")
    assert second.text == "its own"


def test_an_event_of_a_server_is_its_health_with_a_reason_that_is_put_into_words_when_it_is_read() -> None:
    data = server_documents.server_document(
        a_server(health="down", health_because="refused", health_at=T0, outage=DOWN, incident=Incident("i", T0, "x"))
    )
    assert data["health"] == {
        "state": "down",
        "because": "refused",
        "at": NOON,
        "action": {"code": "server-down", "args": {"server": "srv", "detail": "refused", "kind": "evolution"}},
    }
    for language, begins in (("pt-BR", "Verifique"), ("en", "Check the server")):
        told = event_formats.worded(data, None, catalogue(language))["health"]
        assert told["action"].startswith(begins)
        assert (told["state"], told["at"]) == ("down", NOON)
    assert data["outage"]["id"] == "out_1"
    assert {"quirks", "budget"}.isdisjoint(data)


def test_an_outage_s_event_says_why_also_when_it_is_over() -> None:
    mass = Outage("sout_1", T0, "mass-fall", ended_at=T0)
    data = server_documents.outage_event(a_server(), mass)
    assert (data["because"], data["outage"]["id"], data["outage"]["because"]) == ("mass-fall", "sout_1", "mass-fall")
    assert "because" not in server_documents.outage_event(a_server(), None)


class Line(msgspec.Struct, frozen=True):
    """A line of a journal."""

    data: dict[str, object]
    seq: int = 5
    at: float = T0
    kind: str = "decision"
    code: str = "held"
    args: dict[str, str] = {}
    count: int = 3
    first_at: float | None = None


def test_a_line_of_the_timeline_is_a_sentence_beside_its_code_and_its_times_are_text() -> None:
    line = Line({"next_at": T0, "never_at": 0.0, "state_read_at": "soon", "number": 2}, first_at=T0)
    shown = documents.timeline(line, lambda told: f"{told.code}!")
    assert (shown.seq, shown.at, shown.kind, shown.text, shown.count, shown.first_at) == (
        5, NOON, "decision", "held!", 3, NOON,
    )  # fmt: skip
    assert shown.data == {
        "code": "held",
        "args": {},
        "next_at": NOON,
        "never_at": 0.0,
        "state_read_at": "soon",
        "number": 2,
    }
    assert documents.timeline(Line({}), lambda _: "").first_at is None
