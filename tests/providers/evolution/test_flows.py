"""Evolution's flows stepped by hand: what the recordings do not hold."""

import json
from datetime import datetime
from typing import Any

import pytest

from esteio.core.model.content import Contact, Content, Location, Media, Poll, Reaction
from esteio.core.model.inbound import ReceivedMessage
from esteio.providers.base import (
    ActOutcome,
    HttpRequest,
    HttpResponse,
    LookupOutcome,
    OutgoingMessage,
    ProbeOutcome,
    SentQuery,
    TransportFailed,
)
from esteio.providers.classify import Answer
from esteio.providers.evolution import Evolution
from esteio.providers.evolution.control import EVENTS, FORBIDDEN_EVENTS
from esteio.testing.stepping import NOW, drive, html, kinds, reply, where
from tests.narrowing import of_type
from tests.providers.evolution_replay import answer_of, load

EVOLUTION = Evolution()
HERE = where(ref={"instance_name": "Loja São/Paulo 1"})
LATE = TransportFailed("no answer within 8 s", sent="maybe", timed_out=True)
REFUSED = TransportFailed("the connection was refused", sent="no")


def state(word: str) -> HttpResponse:
    return reply({"instance": {"instanceName": "Loja São/Paulo 1", "state": word}})


def row(**changes: Any) -> HttpResponse:
    return reply([{"name": "Loja São/Paulo 1", "connectionStatus": "close", "ownerJid": None} | changes])


def error(status: int, message: str | list[str]) -> HttpResponse:
    return reply({"status": status, "error": "x", "response": {"message": message}}, status)


CLOSED = error(400, ["Error: Connection Closed"])


def body_of(request: HttpRequest) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(request.body)
    return body


# -- control -----------------------------------------------------------------------------------------------------


def test_create_carries_the_webhook_with_the_events_we_need_and_none_that_harm() -> None:
    _, asked = drive(EVOLUTION.create(HERE, NOW), error(403, ['This name "x" is already in use.']))
    hook = body_of(asked[0])["webhook"]
    assert hook["url"] == HERE.webhook_url
    assert hook["byEvents"] is False
    assert hook["base64"] is True
    assert {"MESSAGES_UPSERT", "SEND_MESSAGE", "CONNECTION_UPDATE", "QRCODE_UPDATED"} <= set(hook["events"])
    assert not set(hook["events"]) & FORBIDDEN_EVENTS
    assert asked[0].headers["apikey"] == "SECRET-KEY-1"


def test_names_are_escaped_in_paths() -> None:
    _, asked = drive(EVOLUTION.logout(HERE, NOW), html())
    assert asked[0].url == "http://provider.test/base/instance/logout/Loja%20S%C3%A3o%2FPaulo%201"


def test_connect_is_not_asked_for_when_the_state_cannot_be_read() -> None:
    for failure in (LATE, REFUSED, reply({}, 502)):
        outcome, asked = drive(EVOLUTION.connect(HERE, NOW), failure)
        assert (outcome.answer, len(asked)) == ("not_reached", 1)


def test_connect_passes_the_number_on() -> None:
    _, asked = drive(EVOLUTION.connect(HERE, NOW, pair_phone="5511955550002"), state("close"), reply({"count": 0}))
    assert asked[1].url.endswith("?number=5511955550002")


def test_restart_falls_back_to_put_only_on_old_or_unknown_versions() -> None:
    router = reply({"status": 404, "response": {"message": ["Cannot POST /instance/restart/x"]}}, 404)
    done = reply({"instance": {"instanceName": "x", "state": "open"}})
    outcome, asked = drive(EVOLUTION.restart(HERE, NOW), router, done)
    assert ([one.method for one in asked], outcome.answer) == (["POST", "PUT"], "ok")
    outcome, asked = drive(EVOLUTION.restart(where(version="2.3.7"), NOW), router)
    assert ([one.method for one in asked], outcome.answer) == (["POST"], "no")


def test_the_licence_wall_is_the_servers_and_never_the_sessions() -> None:
    wall = reply({"error": "service not activated", "code": "LICENSE_REQUIRED", "register_url": "https://x"}, 503)
    outcomes: list[ProbeOutcome | ActOutcome] = [
        drive(EVOLUTION.probe(HERE, NOW, "roundtrip"), wall)[0],
        drive(EVOLUTION.restart(HERE, NOW), wall)[0],
        drive(EVOLUTION.logout(HERE, NOW), wall)[0],
    ]
    for outcome in outcomes:
        assert "server_wall" in kinds(outcome.evidence)
        assert all(one.subject == "server" or one.kind == "look_failed" for one in outcome.evidence)


def test_behind_the_licence_wall_the_version_is_read() -> None:
    wall = reply({"error": "service not activated", "code": "LICENSE_REQUIRED"}, 503)
    root = reply({"status": 200, "message": "Welcome", "version": "2.4.0"})
    outcome, asked = drive(EVOLUTION.inventory(HERE, NOW), wall, root)
    assert (outcome.entries, outcome.version) == (None, "2.4.0")
    assert "server_wall" in kinds(outcome.evidence)
    assert [one.url.removeprefix("http://provider.test/base") for one in asked] == ["/instance/fetchInstances", "/"]
    known = where(ref=dict(HERE.ref), version="2.4.0")
    assert len(drive(EVOLUTION.inventory(known, NOW), wall)[1]) == 1, "the world is asked no more often than that"
    assert drive(EVOLUTION.inventory(HERE, NOW), wall, html(503))[0].version is None


OBJECT = answer_of(load("116_simB-delete"))
RACED = answer_of(load("153_simQ-logout-while-qr"))
DELETED = answer_of(load("158_simQ-delete"))


@pytest.mark.parametrize(
    ("answers", "methods", "answer"),
    [
        ((OBJECT, state("close"), DELETED), "DELETE GET DELETE", "ok"),
        ((OBJECT, state("connecting"), DELETED), "DELETE GET DELETE", "ok"),
        ((OBJECT, state("close"), OBJECT), "DELETE GET DELETE", "no"),
        ((OBJECT, error(404, ['The "x" instance does not exist'])), "DELETE GET", "missing"),
        ((OBJECT, state("open")), "DELETE GET", "no"),
        ((OBJECT, LATE), "DELETE GET", "no"),
        ((DELETED,), "DELETE", "ok"),
    ],
)
def test_a_delete_whose_logout_raced_is_asked_for_once_more(
    answers: tuple[Answer, ...], methods: str, answer: str
) -> None:
    outcome, asked = drive(EVOLUTION.delete(HERE, NOW), *answers)
    assert (" ".join(one.method for one in asked), outcome.answer) == (methods, answer)
    assert ("socket_closed" in kinds(outcome.evidence)) == (answer == "no")


@pytest.mark.parametrize(
    ("look", "answer"),
    [
        (state("close"), "ok"),
        (error(404, ['The "x" instance does not exist']), "missing"),
        (state("open"), "unanswered"),
        (LATE, "unanswered"),
    ],
)
def test_a_logout_that_raced_has_happened_when_a_look_says_so(look: Answer, answer: str) -> None:
    outcome, asked = drive(EVOLUTION.logout(HERE, NOW), RACED, look)
    assert ([one.method for one in asked], outcome.answer) == (["DELETE", "GET"], answer)
    assert ("said_closed" in kinds(outcome.evidence)) == (answer == "ok")


# -- looks -------------------------------------------------------------------------------------------------------


def test_a_socket_probe_never_says_available() -> None:
    _, asked = drive(EVOLUTION.probe(HERE, NOW, "socket"), state("open"), reply({"presence": "unavailable"}, 201))
    assert body_of(asked[1]) == {"presence": "unavailable"}


def test_a_pulse_reads_an_open_socket_and_nothing_else() -> None:
    outcome, asked = drive(EVOLUTION.probe(HERE, NOW, "pulse"), reply({"presence": "unavailable"}, 201))
    assert [body_of(one) for one in asked] == [{"presence": "unavailable"}]
    assert kinds(outcome.evidence) == ["server_answered", "socket_ok"]


@pytest.mark.parametrize(
    "no", [CLOSED, error(500, "Cannot read properties of undefined (reading 'sendPresenceUpdate')")]
)
def test_what_is_not_open_is_read_whole(no: HttpResponse) -> None:
    beat, asked = drive(EVOLUTION.probe(HERE, NOW, "pulse"), no, state("open"), no, row(connectionStatus="open"))
    whole, _ = drive(EVOLUTION.probe(HERE, NOW, "socket"), state("open"), no, row(connectionStatus="open"))
    assert len(asked) == 4
    assert beat == whole


@pytest.mark.parametrize("no", [error(502, "Bad Gateway"), LATE, error(404, ['The "s1" instance does not exist'])])
def test_a_server_that_does_not_answer_a_pulse_is_not_asked_more(no: Answer) -> None:
    outcome, asked = drive(EVOLUTION.probe(HERE, NOW, "pulse"), no)
    assert len(asked) == 1
    assert {"look_failed", "instance_missing"} & set(kinds(outcome.evidence))


def test_a_round_trip_is_asked_only_over_an_open_socket() -> None:
    ok = reply({"presence": "unavailable"}, 201)
    outcome, asked = drive(EVOLUTION.probe(HERE, NOW, "roundtrip"), state("open"), ok, reply({"isBusiness": False}))
    assert kinds(outcome.evidence) == ["server_answered", "said_open", "socket_ok", "round_trip_ok"]
    assert asked[2].timeout_s == 20
    outcome, asked = drive(EVOLUTION.probe(HERE, NOW, "roundtrip"), state("open"), CLOSED, row(connectionStatus="open"))
    assert kinds(outcome.evidence) == ["server_answered", "said_open", "socket_closed", "said_open"]


@pytest.mark.parametrize("silence", [LATE, error(500, ["Error updating profile name", "Error: Timed Out"])])
def test_silence_of_whatsapp_is_the_one_silence_that_is_the_sessions(silence: Answer) -> None:
    ok = reply({"presence": "unavailable"}, 201)
    outcome, _ = drive(EVOLUTION.probe(HERE, NOW, "roundtrip"), state("open"), ok, silence)
    assert kinds(outcome.evidence)[-1] == "round_trip_silent"


def test_a_database_pool_that_timed_out_is_not_whatsapps_silence() -> None:
    ok = reply({"presence": "unavailable"}, 201)
    pool = error(500, ["Timed out fetching a new connection from the connection pool"])
    outcome, _ = drive(EVOLUTION.probe(HERE, NOW, "roundtrip"), state("open"), ok, pool)
    assert kinds(outcome.evidence)[-2:] == ["server_failed", "look_failed"]


def test_a_missing_state_is_an_unknown_word_not_a_closed_one() -> None:
    outcome, _ = drive(EVOLUTION.probe(HERE, NOW, "state"), reply({"instance": {"instanceName": "s1"}}))
    assert kinds(outcome.evidence) == ["server_answered", "said_unknown"]


def test_a_never_paired_instance_is_unpaired_and_a_cold_one_with_a_phone_is_not() -> None:
    no_client = error(500, "Cannot read properties of undefined (reading 'sendPresenceUpdate')")
    outcome, _ = drive(EVOLUTION.probe(HERE, NOW, "socket"), state("close"), no_client, row())
    assert "unpaired" in kinds(outcome.evidence)
    cold = row(ownerJid="5511955550001@s.whatsapp.net")
    outcome, _ = drive(EVOLUTION.probe(HERE, NOW, "socket"), state("close"), no_client, cold)
    assert "unpaired" not in kinds(outcome.evidence)
    assert "identity_seen" in kinds(outcome.evidence)
    assert kinds(outcome.evidence)[-1] == "socket_closed", "this process never connected it: there is no socket"
    outcome, _ = drive(EVOLUTION.probe(HERE, NOW, "socket"), state("connecting"), no_client, cold)
    assert "socket_closed" not in kinds(outcome.evidence)


def test_a_qr_under_way_is_unpaired() -> None:
    nobody = error(500, ["TypeError: Cannot read properties of undefined (reading 'name')"])
    outcome, _ = drive(EVOLUTION.probe(HERE, NOW, "socket"), state("connecting"), nobody)
    assert "unpaired" in kinds(outcome.evidence)


def test_why_a_session_ended_dates_from_when_it_ended() -> None:
    ended = row(disconnectionReasonCode=402, disconnectionAt="2026-11-21T07:58:34.000Z",
                disconnectionObject=json.dumps({"error": {"data": {"reason": "402", "expire": "3600"}}}))  # fmt: skip
    outcome, _ = drive(EVOLUTION.probe(HERE, NOW, "state"), state("close"), ended)
    ban = outcome.evidence[-1]
    assert (ban.kind, ban.source, ban.data["code"]) == ("temp_banned", "list", "402")
    assert ban.happened_at == 1795247914.0
    assert float(ban.data["until"]) == ban.happened_at + 3600


def test_a_qr_is_read_only_while_a_pairing_is_under_way() -> None:
    code = reply({"pairingCode": None, "code": "2@abc", "base64": "data:image/png;base64,iVBO", "count": 3})
    pairing = row(connectionStatus="connecting")
    outcome, asked = drive(EVOLUTION.read_qr(HERE, NOW), pairing, state("connecting"), code)
    assert outcome.qr is not None
    assert (outcome.qr.code, outcome.qr.png_base64, outcome.qr.count) == ("2@abc", "iVBO", 3)
    assert len(asked) == 3
    for answers in (
        (row(connectionStatus="open"), state("connecting"), code),  # a paired one that reconnects: the code is used
        (pairing, state("open"), code),
        (pairing, state("close"), code),  # connect would act
    ):
        outcome, asked = drive(EVOLUTION.read_qr(HERE, NOW), *answers)
        assert outcome.qr is None
        assert not any("/instance/connect/" in one.url for one in asked)


def test_the_version_is_asked_only_while_it_is_unknown() -> None:
    outcome, asked = drive(EVOLUTION.inventory(where(version="2.3.7"), NOW), reply([]))
    assert (outcome.version, outcome.entries, len(asked)) == ("2.3.7", (), 1)
    outcome, asked = drive(EVOLUTION.inventory(where(), NOW), reply([]), LATE)
    assert (outcome.version, outcome.entries, len(asked)) == (None, (), 2)


def test_our_own_webhook_is_ok() -> None:
    mine = {"enabled": True, "url": HERE.webhook_url, "events": list(EVENTS)}
    outcome, _ = drive(EVOLUTION.check_webhook(HERE, NOW), reply(mine))
    assert kinds(outcome.evidence) == ["server_answered", "webhook_config_ok"]
    for wrong in ({"enabled": False}, {"url": "http://other.test"}, {"events": ["MESSAGES_UPSERT"]},
                  {"events": [*EVENTS, "LOGOUT_INSTANCE"]}):  # fmt: skip
        outcome, _ = drive(EVOLUTION.check_webhook(HERE, NOW), reply(mine | wrong))
        assert kinds(outcome.evidence)[-1] == "webhook_config_gone"


# -- sends -------------------------------------------------------------------------------------------------------

PIC = Media("image", url="http://media.test/a.png", mime="image/png")
DOC = Media("document", base64="aGk=")
TRANSLATIONS = [
    (Content("text", text="oi"), "sendText", {"text": "oi"}),
    (Content("image", text="legenda", media=PIC), "sendMedia",
     {"mediatype": "image", "media": PIC.url, "mimetype": "image/png", "caption": "legenda"}),
    (Content("document", media=DOC), "sendMedia", {"mediatype": "document", "media": "aGk=", "fileName": "document"}),
    (Content("audio", media=Media("audio", url="http://m/a.ogg")), "sendWhatsAppAudio", {"audio": "http://m/a.ogg"}),
    (Content("sticker", media=Media("sticker", base64="aGk=")), "sendSticker", {"sticker": "aGk="}),
    (Content("location", location=Location(-23.5, -46.6, "Loja", "Rua 1")), "sendLocation",
     {"latitude": -23.5, "longitude": -46.6, "name": "Loja", "address": "Rua 1"}),
    (Content("contacts", contacts=(Contact("Fulano", "+55 11 98888-7777"),)), "sendContact",
     {"contact": [{"fullName": "Fulano", "wuid": "5511988887777", "phoneNumber": "+55 11 98888-7777"}]}),
    (Content("poll", poll=Poll("Qual?", ("a", "b"), 1)), "sendPoll",
     {"name": "Qual?", "selectableCount": 1, "values": ["a", "b"]}),
]  # fmt: skip
SENT = reply({"key": {"id": "3EB0"}, "status": "PENDING"}, 201)


@pytest.mark.parametrize(("content", "path", "body"), TRANSLATIONS, ids=lambda value: getattr(value, "kind", None))
def test_every_kind_has_its_call(content: Content, path: str, body: dict[str, Any]) -> None:
    message = OutgoingMessage("5511999990001", content)
    outcome, asked = drive(EVOLUTION.send(HERE, NOW, message, 75), SENT)
    assert (outcome.certainty, outcome.provider_id) == ("accepted", "3EB0")
    assert f"/message/{path}/" in asked[0].url
    assert body_of(asked[0]) == body | {"number": "5511999990001"}
    assert asked[0].timeout_s == 75


def test_quotes_mentions_reactions_and_groups() -> None:
    message = OutgoingMessage("1203@g.us", Content("text", text="oi"), "3EBQ", mentions=("+55 11 9",))
    _, asked = drive(EVOLUTION.send(HERE, NOW, message, 75), SENT)
    assert body_of(asked[0]) == {
        "number": "1203@g.us", "text": "oi", "quoted": {"key": {"id": "3EBQ"}}, "mentioned": ["55119"]
    }  # fmt: skip
    reaction = Content("reaction", reaction=Reaction("m1", "👍", "3EBT", from_me=True))
    _, asked = drive(EVOLUTION.send(HERE, NOW, OutgoingMessage("5511999990001", reaction), 75), SENT)
    key = {"id": "3EBT", "remoteJid": "5511999990001@s.whatsapp.net", "fromMe": True}
    assert body_of(asked[0]) == {"key": key, "reaction": "👍"}


@pytest.mark.parametrize(
    "content",
    [Content("unknown"), Content("text"), Content("image", media=Media("image")), Content("poll"), Content("contacts"),
     Content("location"), Content("reaction", reaction=Reaction("m", "x"))],
    ids=lambda content: content.kind,
)  # fmt: skip
def test_what_cannot_be_said_is_refused_without_a_request(content: Content) -> None:
    outcome, asked = drive(EVOLUTION.send(HERE, NOW, OutgoingMessage("5511", content), 75), SENT)
    assert (outcome.certainty, outcome.fault, asked) == ("refused", "request", [])
    assert outcome.detail


@pytest.mark.parametrize(
    ("answer", "certainty", "fault"),
    [
        (LATE, "in_doubt", "timeout"),
        (REFUSED, "not_sent", "server"),
        (TransportFailed("the connection was reset", sent="maybe"), "in_doubt", "server"),
        (error(500, ["Error: Timed Out"]), "in_doubt", "timeout"),
        (error(400, ["\nInvalid `this.prismaRepository.message.create()` invocation"]), "in_doubt", "store"),
        (error(500, ["Error: connect ECONNREFUSED 127.0.0.1:5432"]), "in_doubt", "store"),
        (error(500, "Cannot read properties of undefined (reading 'textMessage')"), "not_sent", "server"),
        (error(400, ["SessionError: No sessions"]), "not_sent", "server"),
        (error(429, "slow down"), "not_sent", "rate"),
        (html(404), "not_sent", "route"),
        (error(404, "no Route matched with those values"), "not_sent", "server"),
        (HttpResponse(404, {"content-type": "text/plain"}, b"404 page not found"), "not_sent", "route"),
        (html(200), "in_doubt", "server"),
        (html(502), "in_doubt", "server"),
        (reply({"error": True, "message": "Error: Connection Closed"}), "not_sent", "socket"),
        (reply({"status": "PENDING"}, 201), "in_doubt", "server"),
        (
            reply({"status": 404, "response": {"message": ["Cannot POST /message/sendText/x"]}}, 404),
            "not_sent",
            "route",
        ),
    ],
)
def test_what_an_answer_makes_of_a_text(answer: Answer, certainty: str, fault: str) -> None:
    outcome, _ = drive(EVOLUTION.send(HERE, NOW, OutgoingMessage("5511", Content("text", text="oi")), 75), answer)
    assert (outcome.certainty, outcome.fault) == (certainty, fault)


def test_the_words_of_a_sent_message_are_no_answer() -> None:
    """A message that says "Connection Closed" and is accepted is accepted."""
    said = reply({"key": {"id": "3EB0"}, "message": {"conversation": "Connection Closed"}}, 201)
    outcome, _ = drive(EVOLUTION.send(HERE, NOW, OutgoingMessage("5511", Content("text", text="x")), 75), said)
    assert outcome.certainty == "accepted"


# -- its own list ------------------------------------------------------------------------------------------------

BEGAN = NOW - 300


def record(
    message_id: str, words: str, when: float = BEGAN + 5, jid: str = "5511999990001@s.whatsapp.net", mine: bool = True
) -> dict[str, Any]:
    key = {"id": message_id, "fromMe": mine, "remoteJid": jid}
    return {"key": key, "message": {"conversation": words}, "messageTimestamp": when, "MessageUpdate": []}


def page(*records: dict[str, Any], total: int | None = None, pages: int = 1) -> HttpResponse:
    return reply({"messages": {"total": total or len(records), "pages": pages, "records": list(records)}})


def looked_up(*answers: Answer, now: float = NOW, **changes: Any) -> tuple[LookupOutcome, list[HttpRequest]]:
    query: dict[str, Any] = {
        "to": "5511999990001",
        "content": Content("text", text="oi"),
        "not_before": BEGAN - 60,
    } | changes
    return drive(EVOLUTION.look_up(HERE, now, SentQuery(**query)), *answers)


def test_a_message_in_doubt_is_found_by_words_chat_and_time() -> None:
    outcome, _ = looked_up(page(record("A", "outra"), record("B", "oi"), record("C", "oi", when=BEGAN - 5000)))
    assert (outcome.result, outcome.provider_id) == ("found", "B")


def test_the_ninth_digit_and_an_unresolved_lid_are_the_same_chat() -> None:
    assert looked_up(page(record("B", "oi", jid="551199990001@s.whatsapp.net")))[0].result == "found"
    assert looked_up(page(record("B", "oi", jid="88123@lid")))[0].result == "found"
    assert looked_up(page(record("B", "oi", jid="5521999990001@s.whatsapp.net")))[0].result == "absent"


def test_several_alike_cannot_be_told_apart_and_known_ones_are_not_it() -> None:
    two = page(record("B", "oi"), record("C", "oi"))
    assert looked_up(two)[0].result == "unknown"
    outcome, _ = looked_up(two, known_ids=frozenset({"B"}))
    assert (outcome.result, outcome.provider_id) == ("found", "C")


def test_absence_is_told_only_when_it_is_known() -> None:
    old = page(record("Z", "antes", when=BEGAN - 900))
    assert looked_up(old)[0].result == "absent"
    assert looked_up(old, now=BEGAN + 30)[0].result == "unknown"  # the send may still be under way in the server
    assert looked_up(old, now=BEGAN + 2, over=True)[0].result == "absent"  # it was answered
    assert looked_up(LATE)[0].result == "unknown"
    assert looked_up(html())[0].result == "unknown"
    outcome, asked = looked_up(page(record("Q", "muitas"), total=50_000, pages=250))
    assert (outcome.result, len(asked)) == ("unknown", 40)
    assert outcome.detail == "more than 20000 messages around the send"


def test_it_is_asked_for_by_time_page_after_page() -> None:
    first = page(record("Q", "muitas"), total=501, pages=2)
    outcome, asked = looked_up(first, page(record("B", "oi"), total=501, pages=2), not_after=BEGAN + 200)
    assert (outcome.result, outcome.provider_id) == ("found", "B")
    wanted = [body_of(one) for one in asked]
    assert [(one["page"], one["offset"]) for one in wanted] == [(1, 500), (2, 500)]
    span = wanted[0]["where"]["messageTimestamp"]
    assert {name: datetime.fromisoformat(at).timestamp() for name, at in span.items()} == {
        "gte": BEGAN - 60 - 600,
        "lte": BEGAN + 200 + 600,
    }


def counted(*messages: int) -> HttpResponse:
    return reply([{"name": f"i{n}", "_count": {"Message": many}} for n, many in enumerate(messages)])


@pytest.mark.parametrize(
    ("more", "result"),
    [
        ((page(record("I", "de fora", mine=False)),), "absent"),
        ((page(), counted(0, 7)), "absent"),
        ((page(), counted(0, 0)), "unknown"),
        ((page(), reply([{"name": "i"}])), "unknown"),
        ((page(), reply({"error": True})), "unknown"),
        ((page(), LATE), "unknown"),
        ((LATE, counted(3)), "absent"),
    ],
)
def test_an_empty_list_proves_absence_only_where_any_row_proves_that_messages_are_kept(
    more: tuple[Answer, ...], result: str
) -> None:
    outcome, asked = looked_up(page(), *more)
    assert (outcome.result, outcome.later) == (result, False)
    assert body_of(asked[1]) == {"where": {}, "page": 1, "offset": 1}, "of whatever time and direction"
    assert len(asked) == 1 + len(more)


def test_history_is_oldest_first_and_dated_by_itself() -> None:
    newest = record("B", "dois", when=NOW - 10, mine=False)
    mine = record("M", "do fone", when=NOW - 20) | {"MessageUpdate": [{"status": "READ"}]}
    oldest = record("A", "um", when=NOW - 30, mine=False)
    reading, _ = drive(EVOLUTION.history(HERE, NOW, NOW - 100), page(newest, mine, oldest, record("Z", "x", NOW - 900)))
    assert [event.provider_id for event in reading.events] == ["A", "M", "M", "B"]
    assert of_type(ReceivedMessage, reading.events[1]).from_me
    assert (reading.evidence[0].kind, reading.evidence[0].happened_at) == ("message_received", NOW - 10)
