"""What the verbs make of a gateway's answers, the rare and the broken ones too: a tiny real HTTP server gives them.

Its documents are built by the same builders as the gateway's.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from esteio.cli import output
from esteio.cli.main import app
from esteio.clock import SystemClock
from esteio.core.model.capabilities import Quirk
from esteio.core.model.ids import ServerName, SessionId, SessionName
from esteio.core.model.policy import DEFAULT
from esteio.core.model.recovery import Approval, Outage, Recovery
from esteio.core.model.server import HealthState, Server
from esteio.core.model.session import Session
from esteio.core.model.state import Axis, Reason
from esteio.core.views import documents, server_documents
from esteio.core.views.documents import ReasonDocument
from esteio.core.views.sentences import sentence
from esteio.texts import catalogue

NOW = 1_750_000_000.0
DATE = "Sun, 15 Jun 2025 15:06:40 GMT"


def say(reason: Reason) -> ReasonDocument:
    said = sentence(reason, catalogue("en"))
    return documents.ReasonDocument(reason.code, said.text, said.action or None)


def session(
    name: str = "clinic",
    *,
    held: int = 0,
    next_at: float | None = None,
    rung: str = "restart",
    reason: str = "ghost-socket",
    **more: Any,
) -> dict[str, Any]:
    value = Session(
        id=SessionId(1),
        name=SessionName(name),
        server=ServerName("evo"),
        kind="evolution",
        created_at=NOW - 9000,
        phone="5511987654321",
        since=NOW - 720,
        reason=Reason(reason),
        **more,
    )
    made = documents.as_data(documents.session(value, held, say))
    if next_at is not None:
        made["recovery"] = {"rung": rung, "attempt": 2, "next_at": documents.timestamp(next_at)}
    return made


def server(
    health: HealthState = "up", because: str = "", base_url: str = "https://evo.example", name: str = "evo", **more: Any
) -> dict[str, Any]:
    value = Server(ServerName(name), "evolution", base_url, health=health, health_because=because, **more)
    quirk = Quirk("state-is-hearsay", "", "obs", "It lies.")
    return documents.as_data(server_documents.server(value, (quirk,), DEFAULT, NOW, catalogue("en")))


def approval(**more: Any) -> dict[str, str]:
    value = Approval(
        "apr_1",
        SessionId(1),
        SessionName("clinic"),
        "recreate",
        "ghost-socket",
        Reason("approval-awaited"),
        NOW,
        **more,
    )
    return documents.as_data(documents.approval(value, say))


def entry(seq: int, text: str = "The provider says: open.", **more: Any) -> dict[str, Any]:
    return {"seq": seq, "at": documents.timestamp(NOW - 60 + seq), "kind": "evidence", "text": text, "data": {}, **more}


def page(*items: dict[str, Any], after: str | None = None) -> dict[str, Any]:
    return {"items": list(items), "next": after}


Answer = dict[str, Any] | tuple[int, str, bytes]
"""A document, or (status, type, body)."""


class Gateway:
    """Answers by path. An answer is a document, or (status, type, bytes)."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {
            "/livez": {"status": "ok"},
            "/readyz": {"status": "ok"},
            "/v1/keys": page(),
            "/v1/approvals": page(),
            "/v1/servers": page(server()),
            "/v1/servers/evo": server(),
            "/v1/sessions": page(session(state="connected", reason="live")),
            "/v1/sessions/clinic": session(),
            "/v1/sessions/clinic/timeline": page(),
        }
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.date = DATE
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                owner.asked.append((self.command, self.path, dict(self.headers), body))
                found = owner.answers.get(self.path, owner.answers.get(self.path.partition("?")[0]))
                if found is None:
                    problem = {"code": "unknown-session", "title": "?", "detail": "There is none.", "status": 404}
                    found = (404, "application/problem+json", json.dumps(problem).encode())
                plain = found if isinstance(found, tuple) else (200, "application/json", json.dumps(found).encode())
                status, kind, sent = plain
                self.send_response_only(status)
                if owner.date:
                    self.send_header("Date", owner.date)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(sent) + (7 if kind == "broken/off" else 0)))
                self.end_headers()
                self.wfile.write(sent)

            do_GET = do_POST = do_DELETE = answer  # noqa: N815 - the names that http.server calls

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = False
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def verb(self, *args: str, **more: Any) -> Result:
        given = {"ESTEIO_URL": self.url, "ESTEIO_KEY": "a-key", **more}
        return CliRunner().invoke(app, list(args), env=given)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    made = Gateway()
    thread = threading.Thread(target=made.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.http.shutdown()
    thread.join()
    made.http.server_close()


# -- why -----------------------------------------------------------------------------------------------------------


def test_a_number_that_is_down_and_being_healed(gateway: Gateway) -> None:
    outage = Outage("out_1", NOW - 700, "ghost-socket")
    gateway.answers["/v1/sessions/clinic"] = session(
        state="connecting",
        held=3,
        next_at=NOW + 90,
        outage=outage,
        can_send=Axis("no", "send_closed", NOW - 700),
        recovery=Recovery(last_restart_at=NOW - 120),
    )
    told = gateway.verb("why", "clinic").stdout
    assert "(12 min)" in told
    assert sentence(Reason("ghost-socket"), catalogue("en")).text in told
    assert "Outage since" in told
    assert "restart the session, attempt 2" in told
    assert "in 1 min 30 s" in told
    assert "3 messages wait" in told
    assert "send_closed" not in told, "evidence is told as a sentence"
    assert "2 min ago" in told
    assert "There is nothing you need to do." in told


def test_a_number_that_waits_for_a_person(gateway: Gateway) -> None:
    gateway.answers["/v1/sessions/clinic"] = session(
        state="disconnected", reason="approval-awaited", next_at=NOW + 30, rung="person"
    )
    waiting = approval()
    gateway.answers["/v1/approvals"] = page(waiting)
    told = gateway.verb("why", "clinic").stdout
    assert "esteio approve apr_1" in told
    assert waiting["cost"] in told
    assert "waits for a person" in told
    assert "There is nothing you need to do." not in told


def test_an_approval_of_another_number_is_not_told(gateway: Gateway) -> None:
    gateway.answers["/v1/approvals"] = page({**approval(), "session": "shop"})
    assert "esteio approve" not in gateway.verb("why", "clinic").stdout


def test_a_number_whose_server_is_down(gateway: Gateway) -> None:
    gateway.answers["/v1/servers/evo"] = server("down", "server_unreachable")
    told = gateway.verb("why", "clinic").stdout
    assert "The server evo is down: The server refused the connection." in told


def test_a_proof_that_is_the_reason_itself_names_the_same_server(gateway: Gateway) -> None:
    axis = Axis("no", "server-down", NOW - 720)
    gateway.answers["/v1/sessions/clinic"] = {
        **session(reason="server-down", state="connecting", can_send=axis),
        "reason": {"code": "server-down", "text": "The server evo is not answering.", "action": None},
    }
    told = gateway.verb("why", "clinic").stdout
    assert "Can send: ✗ no — The server evo is not answering." in told


def test_a_paused_number_says_how_it_goes_on(gateway: Gateway) -> None:
    gateway.answers["/v1/sessions/clinic"] = session(state="paused", reason="paused", held=1)
    told = gateway.verb("why", "clinic").stdout
    assert "esteio resume clinic" in told
    assert "until somebody resumes it" in told
    assert "1 message waits" in told


def test_what_a_small_key_may_not_see_is_left_out(gateway: Gateway) -> None:
    problem = json.dumps({"code": "forbidden", "detail": "No.", "title": "No", "status": 403}).encode()
    gateway.answers["/v1/approvals"] = (403, "application/problem+json", problem)
    gateway.answers["/v1/servers/evo"] = (403, "application/problem+json", problem)
    told = gateway.verb("why", "clinic", "--json")
    assert told.exit_code == 0
    assert json.loads(told.stdout)["server"] is None


def test_the_timeline_ends_with_the_latest_lines_of_all_its_pages(gateway: Gateway) -> None:
    where = "/v1/sessions/clinic/timeline"
    gateway.answers[f"{where}?limit=500"] = page(entry(1, "first"), entry(2, "two"), after="2")
    gateway.answers[f"{where}?limit=500&after=2"] = page(
        entry(3, "three", count=4, first_at=documents.timestamp(NOW - 60))
    )
    told = gateway.verb("why", "clinic", "--lines", "2").stdout.splitlines()
    assert "two" in told[-2]
    assert "three" in told[-1]
    assert "…" in told[-1], "folded news has a first and a last time"
    assert not any(line.endswith("first") for line in told)


def test_a_strangers_words_cannot_move_the_cursor(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway.answers["/v1/sessions/clinic/timeline"] = page(entry(1, "evil\x1b[2J\x07\nline"))
    for person in (False, True):
        monkeypatch.setattr(output, "to_person", lambda person=person: person)
        told = gateway.verb("why", "clinic").stdout
        assert "evil" in told
        assert "\x1b[2J" not in told
        assert "\x07" not in told


def test_a_servers_health_is_a_word_of_the_readers_language(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "to_person", lambda: True)
    monkeypatch.setenv("ESTEIO_LANGUAGE", "pt-BR")
    assert "no ar" in gateway.verb("servers").stdout


# -- doctor --------------------------------------------------------------------------------------------------------


def findings(gateway: Gateway, *args: str, **more: Any) -> tuple[int, dict[str, dict[str, Any]]]:
    told = gateway.verb("doctor", "--json", *args, **more)
    return told.exit_code, {one["check"]: one for one in json.loads(told.stdout)["items"]}


def test_a_session_that_is_down_is_a_failure_with_the_human_act(gateway: Gateway) -> None:
    down = session(state="error", reason="banned")
    gateway.answers["/v1/sessions"] = page(session("shop", state="connected", reason="live"), down)
    code, found = findings(gateway)
    assert code == 1
    assert found["session clinic"]["result"] == "fail"
    assert found["session clinic"]["do"] == sentence(Reason("banned"), catalogue("en")).action
    assert "session shop" not in found


def test_a_server_that_is_down_or_walled_is_a_failure(gateway: Gateway) -> None:
    gateway.answers["/v1/servers"] = page(
        server("down", "server_unreachable"), server("wall", "server_wall", name="two"), server("slow", name="three")
    )
    code, found = findings(gateway)
    assert code == 1
    assert [found[f"server {name}"]["result"] for name in ("evo", "two", "three")] == ["fail", "fail", "warn"]
    assert "panel" in found["server two"]["do"]
    assert found["server evo"]["details"] == ["state-is-hearsay"]
    assert ".;" not in found["server evo"]["text"]


@pytest.mark.parametrize(
    ("public", "base_url", "result"),
    [
        ("", "https://evo.example", "warn"),
        ("", "http://127.0.0.1:8080", "ok"),
        ("http://localhost:8700", "http://10.0.0.9", "warn"),
        ("https://esteio.example", "https://evo.example", "ok"),
        ("http://0.0.0.0:8700", "http://127.0.0.1:1", "warn"),
    ],
)
def test_the_address_of_webhooks_is_the_one_that_the_gateway_tells(
    gateway: Gateway, public: str, base_url: str, result: str
) -> None:
    gateway.answers["/v1/servers"] = page(server(base_url=base_url))
    told = {"version": "1", "public_url": public or "http://127.0.0.1:8700", "language": "en", "notice_targets": 0}
    gateway.answers["/v1/gateway"] = told
    code, found = findings(gateway, ESTEIO_PUBLIC_URL="http://of-this-shell.example")
    assert found["webhooks in"]["result"] == result
    assert code == 0, "a warning is no failure"


def test_two_clocks_that_differ_are_a_warning(gateway: Gateway) -> None:
    assert findings(gateway)[1]["clock"]["result"] == "warn"
    gateway.date = ""
    assert "clock" not in findings(gateway)[1]
    from email.utils import formatdate

    gateway.date = formatdate(SystemClock().now(), usegmt=True)
    assert findings(gateway)[1]["clock"]["result"] == "ok"


def test_a_gateway_that_is_not_ready_is_a_failure_and_the_rest_is_still_told(gateway: Gateway) -> None:
    gateway.answers["/readyz"] = (503, "application/json", b'{"status":"full"}')
    code, found = findings(gateway)
    assert code == 1
    assert found["ready"]["result"] == "fail"
    assert "full" in found["ready"]["text"]
    assert found["sessions"]["result"] == "ok"


def test_what_waits_for_a_person_is_told(gateway: Gateway) -> None:
    gateway.answers["/v1/approvals"] = page(approval())
    code, found = findings(gateway)
    assert (code, found["approval apr_1"]["result"]) == (0, "warn")
    assert "esteio approve apr_1" in found["approval apr_1"]["do"]


# -- the road ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ((200, "text/html", b"<html>Welcome to nginx"), "not Esteio"),
        ((502, "text/html", b"<html>Bad Gateway"), "not Esteio (status 502"),
        ((301, "text/html", b""), "not Esteio (status 301"),
        ((500, "application/json", b'{"error": "?"}'), "not Esteio"),
        ((200, "broken/off", b"{"), "was cut off"),
        (
            (507, "application/problem+json", b'{"code":"storage-full","detail":"Nothing was written."}'),
            "Nothing was written (storage-full).",
        ),
    ],
    ids=["a page", "a proxy's page", "a redirect", "another program", "cut", "a problem"],
)
def test_every_bad_answer_is_one_sentence(gateway: Gateway, answer: tuple[int, str, bytes], word: str) -> None:
    gateway.answers["/v1/sessions"] = answer
    told = gateway.verb("sessions")
    assert (told.exit_code, told.stdout) == (1, "")
    assert word in told.stderr
    assert len(told.stderr.splitlines()) == 1


def test_all_pages_are_read_and_the_questions_are_asked_in_the_readers_language(gateway: Gateway) -> None:
    gateway.answers["/v1/sessions?state=connected&limit=500"] = page(session("a"), after="a")
    gateway.answers["/v1/sessions?state=connected&limit=500&after=a"] = page(session("b"))
    told = gateway.verb("sessions", "--state", "connected", ESTEIO_LANGUAGE="pt-BR")
    assert [line.split("\t")[0] for line in told.stdout.splitlines()] == ["a", "b"]
    method, _, headers, _ = gateway.asked[0]
    assert method == "GET"
    assert headers["Accept-Language"] == "pt-BR"
    assert headers["Authorization"] == "Bearer a-key"


def test_a_message_that_failed_ends_with_1(gateway: Gateway) -> None:
    message = {"id": "msg_1", "state": "failed", "reason": {"code": "x", "text": "No such number.", "action": None}}
    gateway.answers["/v1/sessions/clinic/messages"] = message
    told = gateway.verb("send", "clinic", "5511912345678", "hello", "--wait", "2", "--client-ref", "mine")
    assert (told.exit_code, told.stdout) == (1, "msg_1\tfailed\n")
    _, _, headers, body = gateway.asked[0]
    assert json.loads(body) == {"to": "5511912345678", "text": "hello", "client_ref": "mine"}
    assert headers["Prefer"] == "wait=2"
    assert headers["Idempotency-Key"].startswith("cli-")


def test_a_send_without_an_answer_says_how_to_ask_again_safely(gateway: Gateway) -> None:
    gateway.answers["/v1/sessions/clinic/messages"] = (202, "broken/off", b"{")
    told = gateway.verb("send", "clinic", "5511912345678", "hello", "--idempotency-key", "mine")
    assert told.exit_code == 1
    assert "--idempotency-key mine" in told.stderr


def test_approve_says_what_was_agreed_to(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway.answers["/v1/approvals/apr_1/approve"] = approval(state="approved")
    assert gateway.verb("approve", "apr_1").stdout == "apr_1\tapproved\n"
    monkeypatch.setattr(output, "to_person", lambda: True)
    assert "Approved for clinic: delete and recreate the session." in gateway.verb("approve", "apr_1").stdout


def test_no_current_code_says_what_to_ask(gateway: Gateway) -> None:
    gateway.answers["/v1/sessions/clinic/qr"] = (204, "application/json", b"")
    gateway.answers["/v1/sessions/clinic"] = session(state="awaiting_qr", reason="unpaired")
    told = gateway.verb("qr", "clinic")
    assert (told.exit_code, told.stdout) == (1, "")
    assert "esteio qr clinic --pair" in told.stderr


def test_the_documents_here_are_whole() -> None:
    assert msgspec.convert(session(), documents.SessionDocument).name == "clinic"
