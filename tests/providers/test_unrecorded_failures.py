"""Every class of failure against what W-API and Baileys must read in it: probe, send, each act, look-up, webhooks.

Unrecorded: neither dialect was seen on a running service; the shapes are from its source and from other people's
clients. Evolution's table is its recordings. A reading is the outcome's words, `|`, and the evidence in order.
"""

from typing import Any, Literal

import pytest

from esteio.core.model.content import Content
from esteio.providers.baileys import Baileys
from esteio.providers.base import HttpResponse, OutgoingMessage, SentQuery, TransportFailed
from esteio.providers.classify import Answer
from esteio.providers.wapi import Wapi
from esteio.testing.stepping import NOW, drive, html, reply, where

TEXT = Content("text", text="oi")
HERE = where(ref={"instance_id": "LITE-1", "token": "TOKEN", "session": "s1"})
FLOWS = {
    "probe": lambda adapter: adapter.probe(HERE, NOW, "state"),
    "send": lambda adapter: adapter.send(HERE, NOW, OutgoingMessage("5511999990001", TEXT), 75),
    "create": lambda adapter: adapter.create(HERE, NOW),
    "connect": lambda adapter: adapter.connect(HERE, NOW),
    "restart": lambda adapter: adapter.restart(HERE, NOW),
    "logout": lambda adapter: adapter.logout(HERE, NOW),
    "delete": lambda adapter: adapter.delete(HERE, NOW),
    "set_webhook": lambda adapter: adapter.set_webhook(HERE, NOW),
    "check_webhook": lambda adapter: adapter.check_webhook(HERE, NOW),
    "look_up": lambda adapter: adapter.look_up(HERE, NOW, SentQuery("5511999990001", TEXT, NOW - 400, queue_ref="q1")),
    "read_queue": lambda adapter: adapter.read_queue(HERE, NOW),
    "read_qr": lambda adapter: adapter.read_qr(HERE, NOW),
}
ADAPTERS = {"wapi": Wapi(), "baileys": Baileys()}
ACTS = {
    "wapi": ("create", "connect", "restart", "logout", "set_webhook"),
    "baileys": ("create", "connect", "logout", "delete"),
}
LOOKS = {"wapi": ("probe", "check_webhook", "read_qr"), "baileys": ("probe", "read_qr")}


def reading(kind: str, flow: str, answer: Answer) -> str:
    outcome, _ = drive(FLOWS[flow](ADAPTERS[kind]), answer)
    words = [
        str(getattr(outcome, name)) for name in ("answer", "certainty", "fault", "result") if hasattr(outcome, name)
    ]
    words += ["later"] if getattr(outcome, "later", False) else []
    return " ".join([*words, "|", *[one.kind for one in outcome.evidence]]).strip()


def page(status: int, body: bytes, kind: str = "text/html") -> HttpResponse:
    return HttpResponse(status, {"content-type": kind}, body)


def failed(sent: Literal["no", "maybe"], timed_out: bool = False) -> TransportFailed:
    return TransportFailed("nobody there", sent=sent, timed_out=timed_out)


# -- what is the server's, or of somebody in between: the same in both dialects ------------------------------------
# answer, what it says of the server, what became of a send, what an act was answered

TROUBLE: dict[str, tuple[Answer, str, str, str]] = {
    "connection refused": (failed("no"), "server_unreachable", "not_sent server", "not_reached"),
    "time-out before it was sent": (failed("no", True), "server_unreachable", "not_sent server", "not_reached"),
    "time-out after it was sent": (failed("maybe", True), "server_timed_out", "in_doubt timeout", "unanswered"),
    "reset after it was sent": (failed("maybe"), "server_failed", "in_doubt server", "unanswered"),
    "404 page": (html(404), "server_html", "not_sent route", "no"),
    "404 of a proxy in plain words": (
        page(404, b"404 page not found", "text/plain"), "server_html", "not_sent route", "no"
    ),
    "404 without a body": (HttpResponse(404), "server_html", "not_sent route", "no"),
    "404 of the router": (page(404, b"<pre>Cannot GET /v1/x</pre>"), "request_wrong", "not_sent route", "no"),
    "404 of the router in JSON": (
        reply({"statusCode": 404, "message": "Cannot POST /v1/x"}, 404), "request_wrong", "not_sent route", "no"
    ),
    "403 page": (html(403), "server_html", "not_sent server", "no"),
    "redirect": (HttpResponse(302, {"location": "http://login.test/"}), "server_html", "not_sent server", "no"),
    "200 page": (html(200), "server_html", "in_doubt server", "unanswered"),
    "200 cut short": (
        page(200, b'{"messageId":"3EB', "application/json"), "server_html", "in_doubt server", "unanswered"
    ),
    "200 without a body": (HttpResponse(200), "server_html", "in_doubt server", "unanswered"),
    "500 without a body": (HttpResponse(500), "server_failed", "in_doubt server", "no"),
    "500 page": (html(500), "server_failed", "in_doubt server", "unanswered"),
    "502 page": (html(502), "server_failed", "in_doubt server", "unanswered"),
    "503 in words": (reply({"message": "try later"}, 503), "server_failed", "in_doubt server", "unanswered"),
    "504 without a body": (HttpResponse(504), "server_failed", "in_doubt server", "unanswered"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ADAPTERS)
@pytest.mark.parametrize("trouble", TROUBLE)
def test_a_servers_trouble_in_every_operation(kind: str, trouble: str) -> None:
    answer, news, send, act = TROUBLE[trouble]
    # By one address that it does not know nobody knows the server; three stickers would end all of its sessions.
    assert reading(kind, "send", answer) == f"{send} | {'' if send == 'not_sent route' else news}".strip()
    looks = dict.fromkeys(LOOKS[kind], f"| {news} look_failed")
    if kind == "wapi" and news == "request_wrong":
        # Every W-API answers this: who does not know the path is another program.
        looks["probe"] = f"| server_no_route {news} look_failed"
    assert {flow: reading(kind, flow, answer) for flow in LOOKS[kind]} == looks
    assert {flow: reading(kind, flow, answer) for flow in ACTS[kind]} == dict.fromkeys(ACTS[kind], f"{act} | {news}")
    if kind == "wapi":
        assert reading(kind, "look_up", answer) == f"unknown later | {news}"
        assert reading(kind, "read_queue", answer) == f"| {news}"


# -- what the dialect itself says ----------------------------------------------------------------------------------
# probe, send, every act, and the acts that differ

AUTH, FAILED = "server_auth_refused", "server_failed"


def no(message: str | int | list[str], status: int = 200) -> HttpResponse:
    return reply({"error": True, "message": message}, status)


Said = tuple[str, str, str, dict[str, str]]
GONE_W: Said = ("| server_answered instance_missing", "not_sent missing | server_answered instance_missing",
          "missing | server_answered instance_missing", {"create": "no | server_answered"})  # fmt: skip
DEAD_W: Said = ("| server_answered said_closed", "not_sent socket | server_answered send_closed",
          "no | server_answered socket_closed", {})  # fmt: skip
REFUSED: Said = ("| server_answered look_failed", "refused request | server_answered", "no | server_answered", {})
UNKNOWN: Said = ("| server_answered look_failed", "in_doubt request | server_answered", "no | server_answered", {})
UNNAMED: Said = ("| server_answered look_failed", "not_sent server | server_answered", "no | server_answered", {})
LIMITED: Said = ("| server_answered look_failed", "not_sent rate | server_answered", "no | server_answered", {})
KEY: Said = (f"| {AUTH} look_failed", f"not_sent server | {AUTH}", f"no | {AUTH}", {})
UNSTORED: Said = (f"| {FAILED} look_failed", f"in_doubt store | {FAILED}", f"no | {FAILED}", {})
SICK: Said = (f"| {FAILED} look_failed", f"in_doubt server | {FAILED}", f"no | {FAILED}", {})

WAPI = {
    "400": (no("Informe o campo phone", 400), REFUSED),
    "401": (no("Token inválido", 401), KEY),
    "403": (no("Token inválido", 403), KEY),
    "404 of the instance": (no("Instância não encontrada", 404), GONE_W),
    "404 in words unknown": (no("Not Found", 404), UNNAMED),
    "429": (no("Muitas requisições", 429), LIMITED),
    "500": (no("Erro interno", 500), SICK),
    "500 of its database": (no("Database not connected", 500), UNSTORED),
    "400 of its database": (
        no("Erro ao salvar a mensagem", 400),
        ("| server_answered look_failed", "in_doubt store | server_answered", "no | server_answered", {}),
    ),
    "400 in words unknown": (no("Algo deu errado", 400), UNKNOWN),
    "200 with a close code": (no("1006"), DEAD_W),
    "500 with a close code as a number": (no(1000, 500), DEAD_W),
    "500 closed": (no("Connection Closed", 500), DEAD_W),
    "500 closed, as an error": (no("Error: Connection Closed", 500), DEAD_W),
    "400 closed": (no(["Error: Connection Closed"], 400), DEAD_W),
    "200 closed": (no("Connection Closed"), DEAD_W),
    "200 disconnected": (no("Instância desconectada"), DEAD_W),
    "200 not connected, without a name": (
        no("Você não está conectado"),
        ("| server_answered look_failed", "not_sent socket | server_answered send_closed", "no | server_answered", {}),
    ),
    "200 of the instance": (no("Instância não encontrada"), GONE_W),
    "200 with a no": (no("Informe o campo phone"), REFUSED),
    "200 of an instance without a place": (no("Informe IP ou porta"), UNNAMED),
    "400 of an instance without a place": (no("Informe o IP ou a porta da sua instância LITE", 400), UNNAMED),
    "200 of the number": (
        no("Número inválido"),
        ("| server_answered look_failed", "refused invalid-number | server_answered", "no | server_answered", {}),
    ),
    "logged out already": (
        no("Já deslogado"),
        ("| server_answered look_failed", "not_sent socket | server_answered send_closed", "no | server_answered",
         {"logout": "noop | server_answered"}),
    ),
    "connected already": (
        no("Instância já conectada"),
        ("| server_answered look_failed", "in_doubt request | server_answered", "no | server_answered",
         {"connect": "noop | server_answered said_open"}),
    ),
    "a word of Z-API beside the state": (
        reply({"connected": False, "error": "You are not connected."}),
        ("| server_answered said_closed", "in_doubt server | server_answered", "ok | server_answered",
         {"create": "ok | server_answered webhook_config_ok server_answered no_qr_yet",
          "connect": "ok | server_answered no_qr_yet", "set_webhook": "ok | server_answered webhook_config_ok"}),
    ),
    "200 {}": (
        reply({}),
        ("| server_wrong_kind look_failed", "in_doubt server | server_answered", "ok | server_answered",
         {"create": "ok | server_answered webhook_config_ok server_answered no_qr_yet",
          "connect": "ok | server_answered no_qr_yet", "set_webhook": "ok | server_answered webhook_config_ok"}),
    ),
}  # fmt: skip


def bad(error: str | int | dict[str, dict[str, Any]], status: int = 500) -> HttpResponse:
    return reply({"success": False, "error": error}, status)


def gone_b(server: str) -> tuple[str, str, str, dict[str, str]]:
    gone = "missing | server_answered instance_missing"
    return ("| server_answered instance_missing", "not_sent missing | server_answered instance_missing",
            f"no | {server}", {"logout": gone, "delete": gone})  # fmt: skip


def dead_b(server: str) -> tuple[str, str, str, dict[str, str]]:
    """A state is read from memory: only a send and a logout speak to the socket."""
    dead = "no | server_answered socket_closed"
    return (f"| {server} look_failed", "not_sent socket | server_answered send_closed", f"no | {server}",
            {"logout": dead, "delete": dead})  # fmt: skip


BAILEYS = {
    "400": (bad("Session name is required", 400), REFUSED),
    "401": (bad("Unauthorized", 401), KEY),
    "403 of a fork": (bad("Forbidden", 403), KEY),
    "404 of the session": (bad("Session not found", 404), gone_b("server_answered")),
    "404 in words unknown": (bad("Message not found", 404), UNNAMED),
    "429": (bad("Too many requests", 429), LIMITED),
    "500": (bad("kaboom"), SICK),
    "500 of its database": (bad("Timed out fetching a new connection from the pool"), UNSTORED),
    "400 in words unknown": (bad("kaboom", 400), UNKNOWN),
    "500 with a close code": (bad("1006"), dead_b("server_failed")),
    "400 with a close code as a number": (bad(1001, 400), dead_b("server_answered")),
    "500 of another time-out": (bad("Timed out waiting for a worker"), SICK),
    "500 of the session": (bad("Session not found"), gone_b("server_failed")),
    "500 not connected": (bad("Session not connected"), dead_b("server_failed")),
    "500 closed": (bad("Connection Closed"), dead_b("server_failed")),
    "500 closed, as an error": (bad("Error: Connection Closed"), dead_b("server_failed")),
    "500 closed, as a Boom": (
        bad({"output": {"statusCode": 428, "payload": {"message": "Connection Closed"}}}), dead_b("server_failed")
    ),
    "400 closed": (bad("Error: Connection Closed", 400), dead_b("server_answered")),
    "200 closed": (bad("Connection Closed", 200), dead_b("server_answered")),
    "500 WhatsApp was silent": (
        bad("Error: Timed Out"),
        (SICK[0], "in_doubt timeout | server_answered round_trip_silent", SICK[2], {}),
    ),
    "200 with a no": (bad("to is required", 200), REFUSED),
    "200 with a no in words unknown": (bad("Nope", 200), UNKNOWN),
    "200 of a full disk": (
        bad("Disk full", 200),
        ("| server_answered look_failed", "in_doubt store | server_answered", "no | server_answered", {}),
    ),
    "200 {}": (
        reply({}),
        ("| server_answered look_failed", "in_doubt server | server_answered", "ok | server_answered", {}),
    ),
}  # fmt: skip
SAID = [("wapi", words) for words in WAPI] + [("baileys", words) for words in BAILEYS]


@pytest.mark.parametrize(("kind", "words"), SAID)
def test_a_dialects_own_words_in_every_operation(kind: str, words: str) -> None:
    answer, (probe, send, act, others) = {"wapi": WAPI, "baileys": BAILEYS}[kind][words]
    assert reading(kind, "probe", answer) == probe
    assert reading(kind, "send", answer) == send
    assert {flow: reading(kind, flow, answer) for flow in ACTS[kind]} == dict.fromkeys(ACTS[kind], act) | others


# -- what is not asked at all --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "flow", "expected"),
    [
        ("wapi", "delete", "unsupported |"),
        ("baileys", "restart", "unsupported |"),
        ("baileys", "set_webhook", "unsupported |"),
        ("baileys", "check_webhook", "|"),
        ("baileys", "look_up", "unknown |"),
        ("baileys", "read_queue", "|"),
    ],
)
def test_what_a_dialect_does_not_have_asks_nobody(kind: str, flow: str, expected: str) -> None:
    assert reading(kind, flow, failed("no")) == expected
    assert drive(FLOWS[flow](ADAPTERS[kind]), failed("no"))[1] == []


@pytest.mark.parametrize("answer", [reply({}), reply([]), reply(None), no("Instância não encontrada", 404)])
def test_absence_in_w_apis_queue_is_never_absence(answer: HttpResponse) -> None:
    assert reading("wapi", "look_up", answer).split()[0] == "unknown"


def test_five_addresses_are_set_and_the_first_no_ends_it() -> None:
    good = reply({"error": False})
    outcome, asked = drive(FLOWS["set_webhook"](ADAPTERS["wapi"]), good, good, failed("maybe", True))
    assert (outcome.answer, len(asked)) == ("unanswered", 3)
