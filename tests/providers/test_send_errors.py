"""What a no to a send means in every dialect: bare close codes, requests that are too large, databases that failed,
validations; and that nothing else ends a message."""

from __future__ import annotations

import json
from typing import Any

import pytest

from esteio.core.model.content import Content, Media
from esteio.providers.baileys import Baileys
from esteio.providers.base import HttpResponse, OutgoingMessage, SendOutcome
from esteio.providers.evolution import Evolution
from esteio.providers.wapi import Wapi
from esteio.testing.stepping import NOW, drive, html, where

ADAPTERS: dict[str, Evolution | Baileys | Wapi] = {"evolution": Evolution(), "baileys": Baileys(), "wapi": Wapi()}
HERE = where(ref={"instance_id": "LITE-1", "token": "TOKEN", "session": "s1", "instance_name": "s1"})
TEXT = Content("text", text="oi")
PICTURE = Content("image", media=Media("image", base64="aGk=" * 300_000))
LINKED = Content("image", media=Media("image", url="http://files.test/a.jpg"))
EVERY = pytest.mark.parametrize("kind", ADAPTERS)


def sent(kind: str, answer: HttpResponse, content: Content = TEXT, to: str = "5511999990001") -> SendOutcome:
    outcome, _ = drive(ADAPTERS[kind].send(HERE, NOW, OutgoingMessage(to, content), 75), answer)
    return outcome


def error(kind: str, status: int, said: Any) -> HttpResponse:
    """The dialect's own shape of an error with these words."""
    body = {
        "evolution": {"status": status, "error": "Bad Request", "response": {"message": said}},
        "baileys": {"success": False, "error": said},
        "wapi": {"error": True, "message": said},
    }[kind]
    return HttpResponse(status, {"content-type": "application/json"}, json.dumps(body).encode())


# -- the sixth shape of "Connection Closed" ----------------------------------------------------------------------


@EVERY
@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize("said", [["1006"], "1006", 1006, [1006], [["1000"]], "Error: 1001", ["1015"], " 1006 "])
@pytest.mark.parametrize("content", [TEXT, PICTURE, LINKED], ids=["text", "bytes", "url"])
def test_a_bare_close_code_is_connection_closed(kind: str, status: int, said: Any, content: Content) -> None:
    if kind == "baileys" and content is PICTURE:
        pytest.skip("this server takes no bytes")
    outcome = sent(kind, error(kind, status, said), content)
    assert (outcome.certainty, outcome.fault) == ("not_sent", "socket")
    assert [one.kind for one in outcome.evidence if one.subject == "session"] == ["send_closed"]


@EVERY
@pytest.mark.parametrize("said", ["999", "1016", "10060", "1006 messages", ["1006", "text"], "", 0])
def test_other_numbers_are_no_close_code(kind: str, said: Any) -> None:
    outcome = sent(kind, error(kind, 400, said))
    assert (outcome.certainty, outcome.fault) == ("in_doubt", "request")


@EVERY
@pytest.mark.parametrize("body", [b'"1006"', b"1006", b'{"message":["1006"]}', b'{"message":1006}'])
def test_wherever_a_close_code_stands(kind: str, body: bytes) -> None:
    outcome = sent(kind, HttpResponse(400, {"content-type": "application/json"}, body))
    assert (outcome.certainty, outcome.fault) == ("not_sent", "socket")


@EVERY
def test_a_frame_that_is_refused_by_a_closed_websocket_was_not_written(kind: str) -> None:
    outcome = sent(kind, error(kind, 400, ["Error: WebSocket is not open: readyState 2 (CLOSING)"]))
    assert (outcome.certainty, outcome.fault) == ("not_sent", "socket")


def test_a_question_that_meets_a_close_code_is_a_look_refused_with_connection_closed() -> None:
    evolution = ADAPTERS["evolution"]
    opened = HttpResponse(200, {}, b'{"instance":{"instanceName":"s1","state":"open"}}')
    outcome, _ = drive(evolution.probe(HERE, NOW, "socket"), opened, error("evolution", 400, ["1006"]))
    assert "socket_closed" in [one.kind for one in outcome.evidence]


# -- too large ---------------------------------------------------------------------------------------------------

NGINX = "<html><head><title>413 Request Entity Too Large</title></head><body><h1>413</h1><hr>nginx</body></html>"
LARGE = {
    "nginx": HttpResponse(413, {"content-type": "text/html"}, NGINX.encode()),
    "caddy": HttpResponse(413),
    "traefik": HttpResponse(413, {"content-type": "text/plain"}, b"Request Entity Too Large"),
    "express": HttpResponse(413, {}, b'{"message":"request entity too large"}'),
    "express with a status of its own": HttpResponse(
        500, {}, b'{"status":500,"response":{"message":"PayloadTooLargeError: request entity too large"}}'
    ),
    "fastify": HttpResponse(400, {}, b'{"code":"FST_ERR_CTP_BODY_TOO_LARGE","message":"Request body is too large"}'),
}


@EVERY
@pytest.mark.parametrize("shape", LARGE)
def test_what_is_too_large_for_somebody_on_the_way_is_refused_and_says_its_size(kind: str, shape: str) -> None:
    content = LINKED if kind == "baileys" else PICTURE
    outcome = sent(kind, LARGE[shape], content)
    assert (outcome.certainty, outcome.fault, outcome.evidence) == ("refused", "too-large", ())
    assert outcome.size > (1_000_000 if content is PICTURE else 10)


@EVERY
@pytest.mark.parametrize("status", [414, 431])
@pytest.mark.parametrize("page", [True, False])
def test_an_address_or_a_header_that_is_too_long_is_refused_without_a_size(kind: str, status: int, page: bool) -> None:
    outcome = sent(kind, html(status) if page else HttpResponse(status))
    assert (outcome.certainty, outcome.fault, outcome.size) == ("refused", "too-large", 0)


# -- a database that failed --------------------------------------------------------------------------------------

UNSTORED = [
    'DriverAdapterError: could not extend file "base/16384/16532": No space left on device',
    "\nInvalid `this.prismaRepository.message.create()` invocation in\n\nsent: 'Connection Closed'",
    "PrismaClientKnownRequestError: P2002",
    "Error: could not store the message",
    "SQLITE_FULL: database or disk is full",
    "MongoServerError: not primary",
    "ENOSPC: no space left on device, write",
    "Error: connect ECONNREFUSED 127.0.0.1:5432",
    "Can't reach database server at `postgres:5432`",
    "MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist",
    'duplicate key value violates unique constraint "Message_pkey"; text: "number is required"',
]


@EVERY
@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize("said", UNSTORED)
@pytest.mark.parametrize("content", [TEXT, LINKED], ids=["text", "media"])
def test_a_failed_database_is_a_doubt_that_no_list_resolves(
    kind: str, status: int, said: str, content: Content
) -> None:
    """Whatever else the words quote."""
    outcome = sent(kind, error(kind, status, [said]), content)
    assert (outcome.certainty, outcome.fault, outcome.over) == ("in_doubt", "store", True)


# -- what ends a message -----------------------------------------------------------------------------------------

VALIDATION = [
    'instance requires property "text"',
    "Text is required",
    "to is required",
    "number must be a string",
    "Invalid phone",
    "Unsupported media type",
    "Informe o campo phone",
    "O campo message é obrigatório",
    "URL da mídia inválida",
]
UNKNOWN = [
    "Something went wrong",
    "Internal error",
    "[object Object]",
    "TypeError: The first argument must be of type string",
    "Error: kaboom",
    "Cannot read properties of undefined (reading 'foo')",
    "",
]


@EVERY
@pytest.mark.parametrize("said", VALIDATION)
def test_a_validation_ends_a_message(kind: str, said: str) -> None:
    outcome = sent(kind, error(kind, 400, [[said]]))
    assert (outcome.certainty, outcome.fault) == ("refused", "request")


@EVERY
@pytest.mark.parametrize("said", UNKNOWN)
@pytest.mark.parametrize("content", [TEXT, LINKED], ids=["text", "media"])
def test_a_no_in_words_that_nobody_knows_is_a_doubt(kind: str, said: str, content: Content) -> None:
    outcome = sent(kind, error(kind, 400, [said]), content)
    assert (outcome.certainty, outcome.fault, outcome.over) == ("in_doubt", "request", True)


@EVERY
def test_422_is_a_validation_by_itself(kind: str) -> None:
    assert sent(kind, error(kind, 422, "nope")).certainty == "refused"


@EVERY
def test_405_is_somebody_who_does_not_know_the_path(kind: str) -> None:
    assert sent(kind, html(405)).fault == "route"


def test_a_group_that_evolution_cannot_reach_is_refused_as_recorded() -> None:
    answer = error("evolution", 400, ["[object Object]"])
    assert sent("evolution", answer, to="1203@g.us").certainty == "refused"


@pytest.mark.parametrize(
    "words", ["Error: connect ECONNREFUSED 1.2.3.4:443", "Error: Request failed with status code 404"]
)
def test_a_fetch_that_failed_is_the_medias_only_where_the_server_fetches_it(words: str) -> None:
    answer = error("evolution", 500, [words])
    assert (sent("evolution", answer, LINKED).certainty, sent("evolution", answer, LINKED).fault) == (
        "not_sent",
        "media",
    )
    assert sent("evolution", answer, PICTURE).certainty == "in_doubt"


@EVERY
@pytest.mark.parametrize(
    ("answer", "over"), [(html(502), False), (HttpResponse(504), False), (HttpResponse(500), True)]
)
def test_only_the_providers_own_answer_says_that_the_send_is_over(kind: str, answer: HttpResponse, over: bool) -> None:
    assert sent(kind, answer).over is over


@pytest.mark.parametrize("said", ["Content is required", "StatusJidList is required", "Background color is required"])
def test_what_evolution_refuses_before_it_sends_is_refused(said: str) -> None:
    outcome = sent("evolution", error("evolution", 400, [said]))
    assert (outcome.certainty, outcome.fault) == ("refused", "request")
    assert said in outcome.detail
