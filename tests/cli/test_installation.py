"""The verbs as people call them, against a gateway and a sandbox that run: real processes, real HTTP."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from esteio.cli.remote.client import Client, path
from tests.cli.cli_processes import Installation, Running, free_port


def drawn(installation: Installation, *args: str) -> str:
    """A verb on a terminal: what a person sees."""
    mine, theirs = pty.openpty()
    env = installation.environment(TERM="xterm-256color", COLUMNS="120", LINES="60")
    process = subprocess.Popen(
        [sys.executable, "-m", "esteio", *args], cwd=installation.home, env=env, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    seen = b""
    try:
        while select.select([mine], [], [], 30)[0]:
            try:
                piece = os.read(mine, 65536)
            except OSError:
                break
            if not piece:
                break
            seen += piece
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(mine)
    return seen.decode()


def test_a_list_in_a_pipe_is_one_line_a_session(linked: Installation) -> None:
    told = linked.verb("sessions")
    assert told.code == 0, told.err
    row = next(line.split("\t") for line in told.out.splitlines() if line.startswith("clinic\t"))
    held = linked.session("clinic")
    assert row[1] == "connected"
    assert row[2] == held["since"]
    assert row[6] == "evo"
    assert row[7] == held["phone"]
    assert row[8] == held["reason"]["code"]


def test_a_list_for_programs_is_the_gateways_own_documents(linked: Installation) -> None:
    told = json.loads(linked.verb("sessions", "--json", "--server", "evo").out)
    assert told["next"] is None
    assert next(one for one in told["items"] if one["name"] == "clinic")["ref"] == {"instance_name": "clinic"}
    assert json.loads(linked.verb("sessions", "--json", "--state", "paused").out)["items"] == []


def test_a_list_on_a_terminal_is_a_table_with_colours(linked: Installation) -> None:
    seen = drawn(linked, "sessions")
    assert "RECEIVES" in seen
    assert "\x1b[32mconnected" in seen


def test_why_says_what_stands_in_the_session_and_its_timeline(linked: Installation) -> None:
    told = linked.verb("why", "clinic").out
    session = linked.session("clinic")
    lines = list(linked.client.items(path("sessions", "clinic", "timeline")))
    assert session["reason"]["text"] in told
    assert lines[-1]["text"] in told
    assert "There is nothing you need to do." in told


def test_why_speaks_portuguese(linked: Installation) -> None:
    told = linked.verb("why", "clinic", ESTEIO_LANGUAGE="pt-BR").out
    assert "O que acontece agora" in told
    assert "Consegue enviar" in told
    assert "conectada" in told.lower() or "conectado" in told.lower()


def test_why_for_programs(linked: Installation) -> None:
    told = json.loads(linked.verb("why", "clinic", "--json", "--lines", "3").out)
    assert told["session"]["name"] == "clinic"
    assert told["server"]["name"] == "evo"
    assert told["approval"] is None
    assert len(told["timeline"]) == 3


def test_a_session_that_does_not_exist_is_a_failure_in_the_gateways_words(installation: Installation) -> None:
    told = installation.verb("why", "nobody", ESTEIO_LANGUAGE="pt-BR")
    assert (told.code, told.out) == (1, "")
    assert "nobody" in told.err
    assert "(unknown-session)" in told.err


def test_a_message_goes_out_and_a_repeated_key_sends_nothing_twice(linked: Installation) -> None:
    asked = ("send", "clinic", "5511912345678", "hello", "--idempotency-key", "one", "--wait", "20")
    first, second = linked.verb(*asked), linked.verb(*asked)
    assert first.code == 0, first.err
    name, state = first.out.strip().split("\t")
    assert state in ("sent", "delivered", "read")
    assert second.out.split("\t")[0] == name
    found = linked.client.get(path("messages", name))
    assert (found["text"], found["to"]) == ("hello", "5511912345678")


def test_the_text_may_come_from_a_pipe(linked: Installation) -> None:
    told = json.loads(linked.verb("send", "clinic", "5511912345678", "-", "--json", stdin="two\nlines").out)
    assert told["text"] == "two\nlines"


def test_a_number_that_is_none_is_refused_with_the_code(linked: Installation) -> None:
    told = linked.verb("send", "clinic", "banana", "hello")
    assert (told.code, told.out) == (1, "")
    assert "(invalid-phone)" in told.err


def test_a_code_is_drawn_and_in_a_pipe_is_text(installation: Installation) -> None:
    installation.create("shop")
    told = installation.verb("qr", "shop")
    assert told.code == 0, told.err
    assert told.out.strip().startswith("2@")
    seen = drawn(installation, "qr", "shop", "--once")
    assert seen.count("█") > 200
    assert "Linked devices" in seen


def test_a_linked_session_needs_no_code(linked: Installation) -> None:
    told = linked.verb("qr", "clinic")
    assert (told.code, told.out) == (1, "")
    assert "needs no QR code" in told.err


def test_a_key_opens_until_it_is_revoked(linked: Installation) -> None:
    made = linked.verb("keys", "create", "reader", "--role", "read", "--session", "clinic")
    secret = made.out.strip()
    assert made.code == 0, made.err
    listed = [line.split("\t") for line in linked.verb("keys", "list").out.splitlines()]
    row = next(cells for cells in listed if cells[1] == "reader")
    assert row[2:] == ["read", "clinic", "-", "-"]
    assert secret not in linked.verb("keys", "list", "--json").out
    assert linked.verb("sessions", ESTEIO_KEY=secret).out.startswith("clinic\t")
    refused = linked.verb("keys", "list", ESTEIO_KEY=secret)
    assert refused.code == 1
    assert "(forbidden)" in refused.err
    assert linked.verb("keys", "revoke", row[0]).code == 0
    assert "(unauthorized)" in linked.verb("sessions", ESTEIO_KEY=secret).err


def test_an_approval_that_does_not_exist_is_a_failure(installation: Installation) -> None:
    told = installation.verb("approve", "apr_nothing")
    assert told.code == 1
    assert "(unknown-approval)" in told.err


def test_the_doctor_finds_a_healthy_installation_healthy(linked: Installation) -> None:
    told = json.loads(linked.verb("doctor", "--json").out)
    results = {finding["check"]: finding for finding in told["items"]}
    assert results["gateway"]["result"] == results["key"]["result"] == results["ready"]["result"] == "ok"
    assert results["server evo"]["result"] == results["database"]["result"] == "ok"
    assert "SQLite" in results["database"]["text"]
    assert "2.3.7" in results["server evo"]["text"]
    assert "state-is-hearsay" in results["server evo"]["details"]


def test_the_doctor_knows_a_wrong_key(installation: Installation) -> None:
    told = installation.verb("doctor", ESTEIO_KEY="not-a-key-at-all")
    assert told.code == 1
    rows = {line.split("\t")[1]: line.split("\t") for line in told.out.splitlines()}
    assert rows["gateway"][0] == "ok"
    assert rows["key"][0] == "fail"
    assert "unauthorized" in rows["key"][2]


@pytest.mark.parametrize(("extra", "code"), [(("--data", "data"), "Another Esteio"), (("--data", "other"), "in use")])
def test_a_second_gateway_says_what_is_taken(installation: Installation, extra: tuple[str, str], code: str) -> None:
    """The same data on another port, and other data on the same port."""
    listen = "127.0.0.1:0" if "data" in extra else installation.url.removeprefix("http://")
    told = installation.verb("serve", "--listen", listen, *extra)
    assert (told.code, told.out) == (1, "")
    assert code in told.err
    assert "Traceback" not in told.err


def test_a_sandbox_in_a_pipe_tells_its_key_and_its_servers_take_no_other(installation: Installation) -> None:
    keys = {installation.places["key"]: 200, "another": 401}
    for key, expected in keys.items():
        request = Request(f"{installation.places['evolution']}/instance/fetchInstances", headers={"apikey": key})
        try:
            with urlopen(request, timeout=30) as answer:
                status = answer.status
        except HTTPError as refused:
            status = refused.code
            refused.close()
        assert status == expected


def test_a_code_that_does_not_fit_says_how_much_room_it_needs(installation: Installation) -> None:
    installation.create("bakery")
    told = installation.verb("qr", "bakery", "--png", "code.png")
    assert told.code == 0, told.err
    assert (installation.home / "code.png").read_bytes().startswith(b"\x89PNG")


def test_a_journal_is_exported_and_replayed(linked: Installation) -> None:
    told = linked.verb("export", "clinic", "--out", "clinic.jsonl")
    assert told.code == 0, told.err
    again = linked.verb("replay", "clinic.jsonl")
    assert again.code == 0, again.err
    assert "pieces of evidence" in again.out
    (linked.home / "why.json").write_text(linked.verb("why", "clinic", "--json", "--lines", "500").out)
    told = linked.verb("replay", "why.json")
    assert told.code == 0, told.err
    assert told.out.split(" pieces")[0] == again.out.split(" pieces")[0], "the same evidence is in both"


def test_what_a_file_declares_is_planned_and_then_applied(linked: Installation) -> None:
    file = linked.home / "more.toml"
    file.write_text(
        '[[servers]]\nname = "second"\nkind = "evolution"\nbase_url = "http://127.0.0.1:9"\n'
        'credentials = { apikey = "a-key" }\n'
    )
    plan = linked.verb("apply", "more.toml", "--plan")
    assert plan.out.split("\t")[:3] == ["add", "server", "second"], plan.err
    assert "second" not in linked.verb("servers").out
    assert linked.verb("apply", "more.toml").out == plan.out
    assert "second\tevolution" in linked.verb("servers").out
    assert linked.verb("apply", "more.toml").out == ""
    assert linked.verb("servers", "remove", "second").code == 0


def test_a_session_is_paused_and_resumed(linked: Installation) -> None:
    assert linked.verb("pause", "clinic").out == "clinic\tpaused\n"
    assert linked.verb("resume", "clinic").out.startswith("clinic\t")
    assert linked.verb("recover", "clinic").code == 0


def test_webhooks_are_added_tested_and_removed(linked: Installation) -> None:
    told = linked.verb("webhooks", "add", "http://127.0.0.1:9/x", "--session", "clinic")
    assert told.code == 0, told.err
    ident, secret = told.out.strip().split("\t")
    assert secret.startswith("whsec_")
    assert linked.verb("webhooks").out.startswith(f"{ident}\tok\t0\tstandard\t")
    assert linked.verb("webhooks", "rotate", ident).out.split("\t")[1] != secret
    assert linked.verb("webhooks", "deliveries", ident).out == ""
    assert linked.verb("webhooks", "remove", ident).code == 0
    assert linked.verb("webhooks").out == ""


def test_nobody_is_told_where_no_target_is_configured(linked: Installation) -> None:
    told = linked.verb("notify", "--test")
    assert told.code == 1
    assert "No target for notices" in told.out
    assert linked.verb("notify").code == 2


def test_dead_letters_are_listed_and_replayed(linked: Installation) -> None:
    assert linked.verb("dead-letters").code == 0
    assert json.loads(linked.verb("dead-letters", "replay", "--dry-run").out)


def at_the_provider(installation: Installation, call: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """What somebody does at the server itself, past Esteio."""
    headers = {"apikey": installation.places["key"], "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(f"{installation.places['evolution']}{call}", data, headers), timeout=30) as answer:
        told: dict[str, Any] = json.load(answer)
        return told


def is_open(installation: Installation, state: str) -> bool:
    return bool(at_the_provider(installation, state)["instance"]["state"] == "open")


@pytest.fixture
def foreign(installation: Installation, request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Two instances that somebody else made and uses; afterwards nothing here knows them."""
    names = tuple(f"{request.param}-{place}" for place in ("shop", "desk"))
    hooks = {name: f"http://127.0.0.1:9/{name}" for name in names}
    for name in names:
        asked = {"instanceName": name, "integration": "WHATSAPP-BAILEYS", "qrcode": True}
        at_the_provider(installation, "/instance/create", asked)
        installation.control("scan", session=name)
        state = f"/instance/connectionState/{name}"
        installation.until(partial(is_open, installation, state))
        hook = {"enabled": True, "url": hooks[name], "headers": {"x-tenant": name}, "events": ["MESSAGES_UPSERT"]}
        at_the_provider(installation, f"/webhook/set/{name}", {"webhook": hook})
    yield hooks
    for name in [one["name"] for one in installation.client.items(path("sessions")) if one["name"] in names]:
        installation.client.delete(path("sessions", name))
    for one in list(installation.client.items(path("webhooks"))):
        installation.client.delete(path("webhooks", one["id"]))
    for name in names:
        assert at_the_provider(installation, f"/webhook/find/{name}")["url"] == hooks[name], "put back"


def cells(told: SimpleNamespace) -> list[list[str]]:
    return [line.split("\t") for line in told.out.splitlines()]


@pytest.mark.parametrize("foreign", ["first"], indirect=True)
def test_instances_are_listed_planned_and_adopted(installation: Installation, foreign: dict[str, str]) -> None:
    listed = {row[0]: row for row in cells(installation.verb("adopt", "evo"))}
    assert [listed[name][2:] for name in foreign] == [["open", "-"]] * 2
    documents = json.loads(installation.verb("adopt", "evo", "--json").out)["items"]
    assert {"first-shop", "first-desk"} <= {one["name"] for one in documents if not one["adopted"]}

    planned = installation.verb("adopt", "evo", "first-shop", "--forward", "--dry-run")
    assert planned.code == 0, planned.err
    assert cells(planned) == [["first-shop", "first-shop", "would-adopt", foreign["first-shop"], ""]]
    assert at_the_provider(installation, "/webhook/find/first-shop")["url"] == foreign["first-shop"]
    assert "first-shop" not in installation.verb("sessions").out

    done = installation.verb("adopt", "evo", "first-shop", "--forward")
    assert done.code == 0, done.err
    assert cells(done) == [["first-shop", "first-shop", "adopted", foreign["first-shop"], ""]]
    (webhook,) = installation.client.items(path("webhooks"))
    assert (webhook["url"], webhook["sessions"]) == (foreign["first-shop"], ["first-shop"])
    assert installation.session("first-shop")["replaced_webhook"]["url"] == foreign["first-shop"]
    installation.until(lambda: "/in/" in at_the_provider(installation, "/webhook/find/first-shop")["url"])
    again = {row[0]: row for row in cells(installation.verb("adopt", "evo"))}
    assert (again["first-shop"][3], again["first-desk"][3]) == ("first-shop", "-")

    rest = json.loads(installation.verb("adopt", "evo", "--all", "--json").out)["items"]
    (other,) = [one for one in rest if one["instance"] == "first-desk"]
    assert other["result"] == "adopted"
    assert other["replaced_webhook"]["url"] == foreign["first-desk"]


@pytest.mark.parametrize("foreign", ["second"], indirect=True)
def test_what_cannot_be_adopted_is_said_and_is_a_failure(installation: Installation, foreign: dict[str, str]) -> None:
    told = installation.verb("adopt", "evo", "second-shop", "no-such-thing")
    assert told.code == 1
    assert [row[:3] for row in cells(told)] == [
        ["second-shop", "second-shop", "adopted"],
        ["no-such-thing", "no-such-thing", "instance-missing"],
    ]
    assert "no-such-thing" not in installation.verb("sessions").out
    again = installation.verb("adopt", "evo", "second-shop")
    assert (again.code, [row[:3] for row in cells(again)]) == (0, [["second-shop", "second-shop", "already-adopted"]])
    seen = drawn(installation, "adopt", "evo", "second-shop")
    assert "adopted already" in seen
    nowhere = installation.verb("adopt", "nowhere")
    assert (nowhere.code, nowhere.out) == (1, "")
    assert "(unknown-server)" in nowhere.err
    assert installation.verb("adopt", "evo", "second-shop", "--all").code == 2


def test_what_a_file_declares_of_a_session_otherwise_is_changed(linked: Installation) -> None:
    file = linked.home / "session.toml"
    declared = '[[sessions]]\nname = "clinic"\nserver = "evo"\npolicy = "{}"\n'
    file.write_text(declared.format("seeds"))
    plan = linked.verb("apply", "session.toml", "--plan")
    assert plan.out.strip().split("\t") == ["change", "session", "clinic", "policy"], plan.err
    assert linked.session("clinic")["policy"] == "default"
    assert linked.verb("apply", "session.toml").out == plan.out
    assert linked.session("clinic")["policy"] == "seeds"
    assert linked.verb("apply", "session.toml").out == ""
    file.write_text(declared.format("default"))
    assert linked.verb("apply", "session.toml").code == 0


@pytest.mark.parametrize("foreign", ["third"], indirect=True)
def test_a_declared_change_applies_at_the_start_and_a_provider_that_refuses_it_stops_none(
    installation: Installation, foreign: dict[str, str], tmp_path: Path, running: list[Running]
) -> None:
    shop, desk = foreign

    def started(key: str, session: str) -> tuple[Running, Client]:
        (tmp_path / "esteio.toml").write_text(
            f'listen = "127.0.0.1:{free_port()}"\ndata = "data"\n[[servers]]\nname = "evo"\nkind = "evolution"\n'
            f'base_url = "{installation.places["evolution"]}"\ncredentials = {{ apikey = "{key}" }}\n'
            f'[[sessions]]\nname = "shop"\nserver = "evo"\nadopt = true\n{session}\n'
        )
        gateway = Running("serve", cwd=tmp_path, ESTEIO_ADMIN_KEY=installation.key)
        running.append(gateway)
        gateway.logged("gateway.started")
        return gateway, Client(json.loads(_line(gateway, "gateway.started"))["listen"], installation.key, "en")

    works = installation.places["key"]
    gateway, client = started(works, f'ref = {{ instance_name = "{shop}" }}')
    installation.until(lambda: "/in/" in at_the_provider(installation, f"/webhook/find/{shop}")["url"])
    assert gateway.end() == 0

    moved = f'policy = "seeds"\nref = {{ instance_name = "{desk}" }}'
    gateway, client = started("a-key-that-is-refused", moved)
    assert client.get(path("sessions", "shop"))["ref"] == {"instance_name": shop}
    assert gateway.end() == 0
    assert "Session shop stays as it was" in gateway.err.read_text()

    gateway, client = started(works, moved)
    session = client.get(path("sessions", "shop"))
    assert (session["policy"], session["ref"]) == ("seeds", {"instance_name": desk})
    assert at_the_provider(installation, f"/webhook/find/{shop}")["url"] == foreign[shop]
    installation.until(lambda: "/in/" in at_the_provider(installation, f"/webhook/find/{desk}")["url"])
    client.delete(path("sessions", "shop"))
    assert gateway.end() == 0


@pytest.fixture
def running() -> Iterator[list[Running]]:
    """Gateways of a test's own, of which none outlives it."""
    started: list[Running] = []
    yield started
    for one in started:
        if one.process.poll() is None:
            one.end()


def _line(gateway: Running, word: str) -> str:
    return next(line for line in gateway.err.read_text().splitlines() if word in line)
