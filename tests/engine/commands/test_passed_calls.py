"""Calls that are handed through to a session's server, whole: what the server is asked, what is taken down, and what an
answer proves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import ServerName
from esteio.engine.commands.passed_calls import _hung
from esteio.engine.commands.passed_journal import template
from esteio.engine.errors import CommandError
from esteio.providers.base import HttpRequest, HttpResponse, SessionEndpoint, TransportFailed
from esteio.providers.evolution import Evolution
from esteio.providers.pass_through import PassedCall
from esteio.sim.lab import Lab
from esteio.sim.world.faults import Fault, inject
from esteio.store.base import JournalEntry
from tests.sim.ghost_stage import linked, play
from tests.sim.seed_stage import calls

NUMBERS = "/chat/whatsappNumbers/{instance}"
WHERE = SessionEndpoint(
    ServerName("prov"),
    "http://evo:8080/",
    {"apikey": "server-secret"},
    "loja",
    {"instance_name": "loja 1", "token": "its-token"},
)


class Counted:
    """The lab's own transport, which counts; `answer` may stand in its place."""

    def __init__(self, lab: Lab) -> None:
        self._truly = lab.transport.exchange
        self.asked: list[HttpRequest] = []
        self.answer: Callable[[HttpRequest], HttpResponse] | None = None
        lab.transport.exchange = self.exchange  # type: ignore[method-assign]

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(request)
        return await self._truly(request) if self.answer is None else self.answer(request)


async def passed(lab: Lab) -> list[JournalEntry]:
    return [one for one in await lab.timeline("loja") if one.kind == "operator"]


async def ask(lab: Lab, path: str = NUMBERS, body: bytes = b'{"numbers":["5511988887777"]}') -> HttpResponse:
    headers = {"content-type": "application/json", "apikey": "the-clients", "cookie": "a=b", "x-client": "n8n"}
    session = await lab.session("loja")
    return await lab.gateway.passed.exchange(session, "POST", path, who="n8n", headers=headers, body=body)


def test_the_server_is_asked_once_with_its_own_key_and_name_and_the_answer_comes_as_it_is() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        transport = Counted(lab)
        answer = await ask(lab)
        (asked,) = [one for one in transport.asked if "whatsappNumbers" in one.url]
        assert asked.url == f"{lab.world.servers['prov'].base_url}/chat/whatsappNumbers/loja"
        assert dict(asked.headers) == {
            "content-type": "application/json", "apikey": lab.world.servers["prov"].apikey, "x-client": "n8n",
        }  # fmt: skip
        assert asked.body == b'{"numbers":["5511988887777"]}'
        assert (answer.status, answer.json()[0]["exists"]) == (200, True)

    play(story)


def test_ten_thousand_calls_are_one_line_and_what_follows_a_decision_is_another() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        Counted(lab).answer = lambda request: HttpResponse(200, {"content-type": "application/json"}, b"[]")
        for _ in range(10_000):
            await ask(lab, "/chat/findChats/{instance}", b"{}")
        await asyncio.sleep(2)
        (line,) = await passed(lab)
        assert (line.code, line.count) == ("passed", 10_000)
        assert line.args == {"who": "n8n", "method": "POST", "path": "/chat/findChats/{instance}", "status": "200"}
        assert set(line.data) == {"ms"}
        await lab.commands.operator_actions.pause("loja", "someone")
        await ask(lab, "/chat/findChats/{instance}", b"{}")
        await asyncio.sleep(2)
        assert [one.count for one in await passed(lab)] == [10_000, 1]

    play(story)


def test_calls_by_turns_are_counted_each_in_its_line_also_over_several_writes() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        Counted(lab).answer = lambda request: HttpResponse(200, {}, b"[]")
        for _ in range(5):
            for word in ("findChats", "findContacts", "whatsappNumbers"):
                await ask(lab, f"/chat/{word}/{{instance}}")
            await asyncio.sleep(2)
        assert [(one.args["path"].split("/")[2], one.count) for one in await passed(lab)] == [
            ("findChats", 5), ("findContacts", 5), ("whatsappNumbers", 5),
        ]  # fmt: skip

    play(story)


def test_what_was_counted_is_written_at_the_stop() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        await ask(lab)
        await lab.gateway.passed_journal.aclose(1)
        assert [one.code for one in await passed(lab)] == ["passed"]

    play(story)


def test_a_ghost_that_a_passed_call_meets_reaches_the_judge() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        inject(lab.world, "prov", "loja", Fault("ghost"))
        answer = await ask(lab)
        assert answer.status >= 400
        assert "Connection Closed" in answer.text()
        await asyncio.sleep(3)
        found = [(one.code, one.args.get("because")) for one in await lab.timeline("loja")]
        assert ("outage-started", "ghost-socket") in found
        assert len(calls(lab, "loja", "restart")) == 1

    play(story)


@pytest.mark.parametrize(("sent", "code"), [("no", "server-not-reached"), ("maybe", "server-unanswered")])
def test_without_an_answer_nothing_is_tried_again_and_the_caller_is_told_what_is_certain(sent: str, code: str) -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        transport = Counted(lab)

        def fail(request: HttpRequest) -> HttpResponse:
            raise TransportFailed("the answer broke off", sent=sent)  # type: ignore[arg-type]

        transport.answer = fail
        with pytest.raises(CommandError) as told:
            await ask(lab)
        assert told.value.code == code
        assert sum("whatsappNumbers" in one.url for one in transport.asked) == 1
        await asyncio.sleep(2)
        assert [(one.code, one.args["detail"]) for one in await passed(lab)] == [
            ("passed-unanswered", "the answer broke off")
        ]

    play(story)


def test_a_server_that_refuses_our_key_does_not_tell_the_client_that_theirs_is_wrong() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        Counted(lab).answer = lambda request: HttpResponse(401, {}, b'{"status":401,"error":"Unauthorized"}')
        with pytest.raises(CommandError) as told:
            await ask(lab)
        assert told.value.code == "server-key-refused"

    play(story)


def test_a_session_on_another_kind_of_server_has_no_such_calls() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab, "baileys", version="")
        with pytest.raises(CommandError) as told:
            await ask(lab)
        assert (told.value.code, told.value.words) == ("not-passed", {"kind": "baileys"})

    play(story)


def test_a_refusal_that_came_late_says_when_it_was_asked() -> None:
    early = Evidence("call_closed", 100.0, 100.0, "send", {"detail": "x"})
    assert _hung(early, 99.5, 0.5) == early
    assert _hung(early, 40.0, 60.0).data == {"detail": "x", "asked_at": "40.000"}
    missing = Evidence("instance_missing", 100.0, 100.0, "send")
    assert _hung(missing, 40.0, 60.0) == missing


# -- the request, and what an answer proves ----------------------------------------------------------------------


def test_an_instance_of_another_name_is_asked_for_by_its_own_and_the_query_stays_as_it_came() -> None:
    call = PassedCall("GET", "/group/findGroupInfos/{instance}", "groupJid=1%402", {})
    request = Evolution().passed_request(WHERE, call, 5.0)
    assert request.url == "http://evo:8080/group/findGroupInfos/loja%201?groupJid=1%402"
    assert request.headers == {"apikey": "server-secret"}


@pytest.mark.parametrize(
    "header",
    [
        "apikey", "authorization", "cookie", "host", "connection", "keep-alive", "te", "trailer", "transfer-encoding",
        "upgrade", "proxy-authorization", "proxy-connection", "x-forwarded-for", "forwarded", "via", "expect",
        "content-length", "accept-encoding", "x-named",
    ],
)  # fmt: skip
def test_what_is_the_clients_own_or_the_connections_stays_here(header: str) -> None:
    headers = {"connection": "close, X-Named", "x-other": "1", header: "close, X-Named"}
    request = Evolution().passed_request(WHERE, PassedCall("GET", "/chat/x/{instance}", "", headers), 5.0)
    assert dict(request.headers) == {"x-other": "1", "apikey": "server-secret"}


def proved(status: int, body: str, *, asked: bytes = b"{}") -> list[str]:
    call = PassedCall("POST", NUMBERS, "", {}, asked)
    found: tuple[Evidence, ...] = Evolution().passed_evidence(
        WHERE, call, HttpResponse(status, {"content-type": "application/json"}, body.encode()), 9.0
    )
    assert all(one.source == "send" for one in found)
    return [one.kind for one in found]


@pytest.mark.parametrize(
    ("status", "body", "kinds"),
    [
        (200, "[]", ["server_answered"]),
        (400, '{"response":{"message":["Error: Connection Closed"]}}', ["server_answered", "call_closed"]),
        (500, '{"response":{"message":"Connection Closed"}}', ["server_answered", "call_closed"]),
        (400, '{"response":{"message":["1006"]}}', ["server_answered", "call_closed"]),
        (
            404,
            '{"status":404,"response":{"message":["The \\"loja 1\\" instance does not exist"]}}',
            ["server_answered", "instance_missing"],
        ),
        (503, '{"error":"service not activated"}', ["server_wall"]),
        (502, "<html>bad gateway</html>", ["server_failed"]),
        (401, '{"status":401,"error":"Unauthorized"}', ["server_auth_refused"]),
        # Of the call alone, or not to be told apart from it:
        (500, '{"response":{"message":"Cannot read properties of undefined (reading \'id\')"}}', []),
        (500, '{"response":{"message":"Timed Out"}}', []),
        (404, '{"response":{"message":["Cannot GET /chat/nothing/loja"]}}', []),
        (400, '{"response":{"message":[["instance requires property \\"numbers\\""]]}}', []),
        (200, "<html>a page</html>", []),
    ],
)
def test_only_what_cannot_be_meant_otherwise_is_evidence(status: int, body: str, kinds: list[str]) -> None:
    assert proved(status, body) == kinds


def test_a_client_that_says_the_words_itself_proves_nothing_by_an_error_that_quotes_them() -> None:
    quoted = '{"response":{"message":["no group Connection Closed"]}}'
    assert proved(400, quoted, asked=b'{"subject":"connection CLOSED"}') == []


@pytest.mark.parametrize(
    ("failed", "kinds"),
    [
        (TransportFailed("the connection was refused", sent="no"), ["server_unreachable"]),
        (TransportFailed("no answer within 65 s", sent="maybe", timed_out=True), []),
        (TransportFailed("the answer broke off", sent="maybe"), []),
        (TransportFailed("crowded", sent="no", crowded=True), []),
    ],
)
def test_of_what_brought_no_answer_only_a_refused_connection_speaks_of_the_server(
    failed: TransportFailed, kinds: list[str]
) -> None:
    found = Evolution().passed_evidence(WHERE, PassedCall("GET", NUMBERS), failed, 9.0)
    assert [one.kind for one in found] == kinds


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/chat/findChats/{instance}", "/chat/findChats/{instance}"),
        ("/typebot/fetchSessions/cm3x9/{instance}", "/typebot/fetchSessions/{id}/{instance}"),
        ("/5511999990001/x9/{instance}", "/{id}/{id}/{instance}"),
        ("/a/b/c/d/e/f/g/{instance}", "/{id}/{id}/{id}/{id}/{instance}"),
    ],
)
def test_a_timeline_names_a_call_without_its_ids(path: str, shown: str) -> None:
    assert template(path) == shown
