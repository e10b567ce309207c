"""Calls that the door hands through, byte for byte on loopback: what the server is sent, what the client gets, and what
happens when either goes away."""

from __future__ import annotations

import asyncio
import gzip
import re
import resource
import zlib
from typing import Any

import aiohttp
import msgspec
import pytest
from prometheus_client import generate_latest

from esteio.engine.key_scope import EVERYTHING
from tests.api.evolution.passed_stage import ADMIN, SECRET, Asked, Stage, plain, play

FIND = "/chat/findChats/loja"


def test_method_path_query_and_body_arrive_as_they_were_sent_with_the_servers_name_and_key() -> None:
    async def test(stage: Stage) -> None:
        async def answer(asked: Asked) -> None:
            await asked.say(plain(201, b'{"ok": true}', "content-type: application/json; charset=utf-8", "x-own: 1"))

        stage.stub.answer = answer
        body = b'{"a" : "\xc3\xa7", "n": 1.0}'
        status, headers, said = await stage.call(
            "PUT",
            "/group/updateSetting/loja?groupJid=12%40g.us&a=b+c",
            body,
            content_type="application/json",
            x_from="n8n",
        )
        (asked,) = stage.stub.asked
        assert asked.line == "PUT /group/updateSetting/loja%201?groupJid=12%40g.us&a=b+c HTTP/1.1"
        assert asked.body == body
        assert (asked.headers["apikey"], asked.headers["content-type"]) == (SECRET, "application/json")
        assert asked.headers["x-from"] == "n8n"
        assert (status, said, headers["x-own"]) == (201, b'{"ok": true}', "1")
        assert headers["content-type"] == "application/json; charset=utf-8"
        assert headers["content-length"] == "12"

    play(test)


def test_no_header_of_the_client_or_of_its_connection_goes_on_and_none_of_the_servers_comes_back() -> None:
    async def test(stage: Stage) -> None:
        async def answer(asked: Asked) -> None:
            await asked.say(
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: X-Gone, keep-alive\r\nx-gone: 1\r\n"
                b"keep-alive: timeout=5\r\nset-cookie: a=b\r\nserver: nginx\r\ndate: now\r\nlocation: http://evo:8080/\r\n"
                b"access-control-allow-origin: *\r\nproxy-authenticate: Basic\r\nupgrade: h2c\r\ntrailer: x-t\r\n"
                b"x-key: " + SECRET.encode() + b"\r\nx-stays: 1\r\n\r\n2\r\nok\r\n0\r\nx-t: 1\r\n\r\n"
            )

        stage.stub.answer = answer
        gone = {
            "authorization": "Basic x", "cookie": "a=b", "connection": "x-named", "x-named": "1", "keep-alive": "1",
            "te": "trailers", "proxy-authorization": "x", "x-forwarded-for": "9.9.9.9", "via": "1.1 x",
            "accept-encoding": "br",
        }  # fmt: skip
        given: dict[str, Any] = {name.replace("-", "_"): word for name, word in gone.items()}
        status, headers, body = await stage.call("GET", FIND, **given)
        (asked,) = stage.stub.asked
        assert set(asked.headers) <= {"host", "accept", "accept-encoding", "accept-language", "apikey", "user-agent"}
        assert asked.headers["accept-encoding"] == "identity"
        assert asked.headers["host"] not in stage.url
        assert (status, body) == (200, b"ok")
        assert set(headers) - {"vary"} == {"date", "x-key", "x-stays", "transfer-encoding"}
        assert headers["x-key"] == "*" * len(SECRET)

    play(test)


@pytest.mark.parametrize(("packing", "name"), [(gzip.compress, "gzip"), (zlib.compress, "deflate")])
def test_a_packed_answer_that_nobody_asked_for_is_unpacked_and_says_so(packing: object, name: str) -> None:
    async def test(stage: Stage) -> None:
        packed = packing(b"[" + SECRET.encode() + b"]")  # type: ignore[operator]

        async def answer(asked: Asked) -> None:
            await asked.say(plain(200, packed, f"content-encoding: {name}"))

        stage.stub.answer = answer
        _, headers, body = await stage.call("GET", FIND)
        assert body == b"[" + b"*" * len(SECRET) + b"]"
        assert "content-encoding" not in headers
        assert headers["content-length"] == str(len(body))

    play(test)


def test_what_cannot_be_unpacked_could_hide_a_secret_and_is_not_handed_on() -> None:
    async def test(stage: Stage) -> None:
        async def answer(asked: Asked) -> None:
            await asked.say(plain(200, b"\x00\x01", "content-encoding: compress"))

        stage.stub.answer = answer
        assert await stage.refused("GET", FIND) == (504, "server-unanswered")

    play(test)


@pytest.mark.parametrize("length", ["short", "long", "chunked"])
def test_a_secret_is_blanked_also_where_the_pieces_cut_it_and_the_length_stays(length: str) -> None:
    async def test(stage: Stage) -> None:
        secret = SECRET.encode()
        text = b'{"url":"http://x?key=' + secret + b'","rest":"the-servers-own"}'
        text += b"x" * 70_000 + secret if length == "long" else b""

        async def answer(asked: Asked) -> None:
            told = "transfer-encoding: chunked" if length == "chunked" else f"content-length: {len(text)}"
            await asked.say(f"HTTP/1.1 200 OK\r\n{told}\r\n\r\n".encode())
            for at in range(80):
                piece = text[at : at + 1]
                await asked.say(b"%x\r\n%s\r\n" % (len(piece), piece) if length == "chunked" and piece else piece)
            await asked.say(b"0\r\n\r\n" if length == "chunked" else text[80:])

        stage.stub.answer = answer
        _, headers, body = await stage.call("GET", FIND)
        assert body == text.replace(secret, b"*" * len(secret))
        assert headers.get("content-length") == (None if length == "chunked" else str(len(body)))

    play(test)


def test_the_status_of_the_server_is_the_clients_also_where_it_is_a_refusal() -> None:
    async def test(stage: Stage) -> None:
        for status in (404, 405, 400, 500, 302, 204):
            body = b"" if status == 204 else b'{"status":%d,"error":"x","response":{"message":["y"]}}' % status

            async def answer(asked: Asked, status: int = status, body: bytes = body) -> None:
                whole = plain(status, body)
                await asked.say(whole.replace(b"content-length: 0\r\n", b"") if status == 204 else whole)

            stage.stub.answer = answer
            got, _, said = await stage.call("POST", "/label/handleLabel/loja", b"{}")
            assert (got, said) == (status, body)
        assert len(stage.stub.asked) == 6, "and no redirect was followed"

    play(test)


def test_head_is_asked_as_head_and_brings_the_length_without_a_body() -> None:
    async def test(stage: Stage) -> None:
        async def answer(asked: Asked) -> None:
            await asked.say(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n")

        stage.stub.answer = answer
        for _ in range(2):
            status, headers, body = await stage.call("HEAD", FIND)
            assert (status, headers["content-length"], body) == (200, "99", b"")
        assert stage.stub.asked[0].line.startswith("HEAD ")
        assert [(one.code, one.count) for one in await stage.lines()] == [("passed", 2)]

    play(test)


def test_an_answer_comes_piece_by_piece_as_the_server_writes_it() -> None:
    async def test(stage: Stage) -> None:
        goes_on = asyncio.Event()

        async def answer(asked: Asked) -> None:
            # No secret begins with a line break: what could be the beginning of one is held back until more has come.
            await asked.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\nBEGUN\n\r\n")
            await goes_on.wait()
            await asked.say(b"6\r\nsecond\r\n0\r\n\r\n")

        stage.stub.answer = answer
        async with stage.http.get(stage.url + FIND, headers={"apikey": ADMIN}) as answered:
            assert await answered.content.readexactly(6) == b"BEGUN\n"
            goes_on.set()
            assert await answered.content.read() == b"second"

    play(test)


def test_ten_megabytes_are_not_held_in_memory() -> None:
    async def test(stage: Stage) -> None:
        piece, taken = b"x" * 65_536, 0
        written = 0

        async def answer(asked: Asked) -> None:
            nonlocal written
            await asked.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (len(piece) * 640))
            for _ in range(640):
                await asked.say(piece)
                written += len(piece)

        stage.stub.answer = answer
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", int(stage.url.split(":")[2].split("/")[0]), limit=1024
        )
        writer.write(f"GET /evolution{FIND} HTTP/1.1\r\nhost: x\r\napikey: {ADMIN}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"content-length: 41943040" in head
        # Nobody reads: what is written runs full of what lies between, far below the whole.
        before = -1
        while before != written:
            before = written
            await asyncio.sleep(0.2)
        assert written < 20 << 20
        while taken < 41_943_040:
            came = await reader.read(1 << 20)
            assert came, "it was cut"
            taken += len(came)
        assert written == 41_943_040
        writer.close()

    play(test)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0


def test_a_server_that_dies_midway_leaves_the_client_with_an_answer_that_is_plainly_not_whole() -> None:
    async def test(stage: Stage) -> None:
        async def chunked(asked: Asked) -> None:
            await asked.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nBEGUN\r\n")
            asked.writer.close()

        async def counted(asked: Asked) -> None:
            await asked.say(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\nBEGUN")
            asked.writer.close()

        for answer in (chunked, counted):
            stage.stub.answer = answer
            async with stage.http.get(stage.url + FIND, headers={"apikey": ADMIN}) as answered:
                assert answered.status == 200
                with pytest.raises(aiohttp.ClientPayloadError):
                    await answered.read()
        assert len(stage.stub.asked) == 2
        (line,) = await stage.lines()
        assert (line.code, line.args["detail"], line.count) == ("passed-unanswered", "the answer broke off", 2)

    play(test)


def test_a_short_answer_that_breaks_off_is_no_answer() -> None:
    async def test(stage: Stage) -> None:
        async def answer(asked: Asked) -> None:
            await asked.say(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nBEGUN")
            asked.writer.close()

        stage.stub.answer = answer
        assert await stage.refused("GET", FIND) == (504, "server-unanswered")
        (line,) = await stage.lines()
        assert (line.code, line.args["detail"]) == ("passed-unanswered", "the answer broke off")

    play(test)


@pytest.mark.parametrize(
    ("times", "detail"), [("IDLE_S", "no answer within 0.3 s"), ("whole", "no answer within 0.4 s")]
)
def test_a_server_that_says_nothing_is_waited_for_so_long_and_no_longer(
    times: str, detail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if times == "whole":
        monkeypatch.setattr("esteio.engine.commands.passed_calls.STREAMED_WITHIN_S", 0.4)
    else:
        monkeypatch.setattr("esteio.providers.forward.IDLE_S", 0.3)

    async def test(stage: Stage) -> None:
        async def answer(asked: Asked) -> None:
            await asked.reader.read()

        stage.stub.answer = answer
        assert await stage.refused("POST", FIND, b"{}") == (504, "server-unanswered")
        (line,) = await stage.lines()
        assert line.args["detail"] == detail
        assert stage.told == [], "one call that takes long says nothing of the server"

    play(test)


def test_a_server_that_closes_without_an_answer_was_asked_once_and_the_client_is_told_that_it_is_unknown() -> None:
    async def test(stage: Stage) -> None:
        async def answer(asked: Asked) -> None:
            asked.writer.close()

        stage.stub.answer = answer
        for method in ("GET", "POST", "DELETE", "PUT"):
            assert await stage.refused(method, FIND, b"{}") == (504, "server-unanswered")
        assert [one.line.split()[0] for one in stage.stub.asked] == ["GET", "POST", "DELETE", "PUT"]

    play(test)


def test_a_kept_connection_that_the_server_has_closed_is_not_tried_again_either() -> None:
    async def test(stage: Stage) -> None:
        async def answer(asked: Asked) -> None:
            if len(stage.stub.asked) == 1:
                await asked.say(plain(200, b"{}"))
            else:
                asked.writer.close()

        stage.stub.answer = answer
        assert (await stage.call("GET", FIND))[0] == 200
        assert await stage.refused("GET", FIND) == (504, "server-unanswered")
        assert len(stage.stub.asked) == 2

    play(test)


def test_a_client_that_goes_away_takes_its_call_with_it_and_that_is_noted() -> None:
    async def test(stage: Stage) -> None:
        closed = asyncio.Event()

        async def answer(asked: Asked) -> None:
            if asked.headers.get("x-when") == "midway":
                await asked.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nBEGUN\r\n")
            assert await asked.reader.read() == b"", "the connection's end"
            closed.set()

        stage.stub.answer = answer
        for when in ("before", "midway"):
            closed.clear()
            port = int(stage.url.split(":")[2].split("/")[0])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            head = (
                f"POST /evolution{FIND} HTTP/1.1\r\nhost: x\r\napikey: {ADMIN}\r\nx-when: {when}\r\ncontent-length: 2"
            )
            writer.write(f"{head}\r\n\r\n{{}}".encode())
            while len(stage.stub.asked) < (1 if when == "before" else 2):
                await asyncio.sleep(0.01)
            if when == "midway":
                await reader.readuntil(b"BEGU")
            writer.close()
            await asyncio.wait_for(closed.wait(), 10)
        async with asyncio.timeout(10):
            while not (lines := await stage.lines()) or lines[0].count < 2:
                await asyncio.sleep(0.01)
        assert [(one.code, one.count) for one in lines] == [("passed-abandoned", 2)]
        assert len(stage.stub.asked) == 2

    play(test)


def test_a_server_that_is_not_there_is_told_in_evolutions_shape_with_our_sentence() -> None:
    async def test(stage: Stage) -> None:
        await stage.gateway.passed._addresses.of_server("evolution")  # type: ignore[arg-type]
        stage.stub.asked.clear()
        session = await stage.gateway.commands.lookup.session("loja", EVERYTHING)
        _, where = await stage.gateway.addresses.of_session(session)
        # The same place, with nobody there.
        record = stage.gateway.memory.session(session.id)
        assert record.endpoint is not None
        stage.gateway.memory.server(session.server).stored = None
        body = {"base_url": "http://127.0.0.1:1"}
        async with stage.http.patch(
            stage.url.removesuffix("/evolution") + "/v1/servers/evolution",
            json=body,
            headers={"authorization": f"Bearer {ADMIN}"},
        ) as changed:
            assert changed.status == 200
        assert await stage.refused("POST", FIND, b"{}") == (502, "server-not-reached")
        assert [one.kind for one in stage.told] == ["server_unreachable"]
        told = (await stage.call("POST", FIND, b"{}", accept_language="pt-BR"))[2].decode()
        assert "a conexão foi recusada" in told
        assert where.base_url not in "http://127.0.0.1:1"

    play(test)


def test_a_body_may_be_as_large_as_media_and_no_larger() -> None:
    async def test(stage: Stage) -> None:
        async def answer(asked: Asked) -> None:
            await asked.say(plain(200, b"%d" % len(asked.body)))

        stage.stub.answer = answer
        assert (await stage.call("POST", FIND, b"x" * 140_000))[2] == b"140000"
        assert (await stage.refused("POST", FIND, b"x" * 140_001))[0] == 413
        assert len(stage.stub.asked) == 1

    play(test, max_body_bytes=1000, max_media_bytes=100_000)


def test_what_a_server_answers_to_a_passed_call_is_evidence() -> None:
    async def test(stage: Stage) -> None:
        async def answer(asked: Asked) -> None:
            await asked.say(plain(400, b'{"status":400,"response":{"message":["Error: Connection Closed"]}}'))

        stage.stub.answer = answer
        status, _, body = await stage.call("POST", "/chat/sendPresence/loja", b'{"number":"5511"}')
        assert status == 400
        assert b"Connection Closed" in body
        assert {one.kind for one in stage.told} == {"server_answered", "call_closed"}
        (line,) = await stage.lines()
        assert line.args == {
            "who": "ESTEIO_ADMIN_KEY",
            "method": "POST",
            "path": "/chat/sendPresence/{instance}",
            "status": "400",
        }

    play(test)


def test_a_server_that_waits_for_its_licence_does_not_tell_its_address() -> None:
    async def test(stage: Stage) -> None:
        wall = {"error": "service not activated", "code": "LICENSE_REQUIRED", "register_url": "http://hidden.example/"}

        async def answer(asked: Asked) -> None:
            await asked.say(plain(503, msgspec.json.encode(wall), "content-type: application/json"))

        stage.stub.answer = answer
        assert await stage.refused("GET", FIND) == (503, "server-wall")
        assert await stage.refused("DELETE", "/chat/deleteMessageForEveryone/loja", b"{}") == (503, "server-wall")
        status, _, body = await stage.call("POST", "/chat/findMessages/loja", b"{}")
        assert status == 200, "ours alone, while it does not look"
        assert b"hidden" not in body

    play(test)


def test_our_key_refused_by_the_server_is_no_wrong_key_of_the_clients() -> None:
    async def test(stage: Stage) -> None:
        async def answer(asked: Asked) -> None:
            await asked.say(plain(401, b'{"status":401,"error":"Unauthorized"}'))

        stage.stub.answer = answer
        assert await stage.refused("GET", FIND) == (502, "server-key-refused")

    play(test)


def test_calls_are_timed_under_one_route_whatever_their_path_and_method() -> None:
    async def test(stage: Stage) -> None:
        async def answer(asked: Asked) -> None:
            await asked.say(plain(200, b"{}"))

        stage.stub.answer = answer
        for path in ("/group/fetchAllGroups/loja", "/label/findLabels/loja", "/instance/connectionState/loja"):
            await stage.call("GET", path)
        await stage.call("BREW", "/label/findLabels/loja", key=None)
        await stage.call("BREW", "/instance/connectionState/loja", key=None)
        text = generate_latest(stage.gateway.api.stopwatches.registry).decode()
        name = "esteio_http_request_duration_seconds_count"
        timed = set(
            re.findall(rf'^{name}{{method="(\w+)",route="(/evolution/[^"]+)",status="(\w+)"}}', text, re.MULTILINE)
        )
        assert ("GET", "/evolution/{passed}", "2xx") in timed
        assert ("GET", "/evolution/instance/connectionState/{instance}", "2xx") in timed
        assert {method for method, *_ in timed} <= {"GET", "other"}
        assert "BREW" not in text
        assert "findLabels" not in text

    play(test)
