"""The live fleet: its order, what is drawn in terminals of any size, that it keeps up with the gateway and says when
it cannot.

The live ones run `esteio top` on a pseudo-terminal against a real gateway; what stands on the screen is asked of a
small model of a terminal that knows just what is written to it.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from rich.cells import cell_len

from esteio.cli import output
from esteio.cli.errors import Failed, Refused
from esteio.cli.output import SHAPES
from esteio.cli.remote.client import Client, Document, path
from esteio.cli.remote.fleet import Fleet, Watch, ordered
from esteio.cli.remote.fleet_picture import View, picture
from esteio.core.model.recovery import Outage
from esteio.core.model.state import Axis
from esteio.core.views import documents
from tests.cli.cli_processes import PATIENCE_S, Installation, Running, free_port
from tests.cli.terminals import Terminal
from tests.cli.test_answers import NOW, Gateway, approval, gateway, page, server, session

__all__ = ["gateway"]
"""A fixture."""
PROVEN = Axis("yes", "send_ok", NOW - 12)


def well(name: str, **more: Any) -> dict[str, Any]:
    return session(name, state="connected", reason="live", can_send=PROVEN, can_receive=PROVEN, **more)


FLEET = [
    well("a-well"),
    session("b-paused", state="paused", reason="paused"),
    session("c-healing", state="connecting", reason="reconnecting"),
    session("d-down", state="disconnected", reason="ghost-socket", held=3),
    session("e-scan", state="awaiting_qr", reason="awaiting-qr"),
    session("f-banned", state="error", reason="banned"),
    session("clinic", state="disconnected", reason="approval-awaited"),
]


def view(sessions: list[dict[str, Any]], **more: Any) -> View:
    waits = more.pop("approvals", [])
    fleet = Fleet({one["name"]: one for one in sessions}, [], waits)
    given: dict[str, Any] = {"servers": [], "now": NOW, "url": "http://here", "lost": None, **more}
    return View(rows=ordered(fleet), approvals=waits, **given)


def drawn(shown: View, width: int, height: int | None = 24, first: int = 0) -> list[str]:
    return ["".join(word for _, word in line) for line in picture(shown, width, height, first).lines]


def names(shown: View) -> list[str]:
    return [one["name"] for _, one in shown.rows]


def test_what_needs_a_person_comes_first_and_what_works_last() -> None:
    shown = view(FLEET, approvals=[approval()])
    assert names(shown)[0] == "clinic", "it waits for a decision"
    assert set(names(shown)[1:3]) == {"e-scan", "f-banned"}
    assert names(shown)[-2:] == ["b-paused", "a-well"]


def test_of_equals_the_one_that_has_been_so_for_longest_comes_first() -> None:
    late = session("a", state="error", reason="banned") | {"since": documents.timestamp(NOW - 5)}
    early = session("z", state="error", reason="banned")
    assert names(view([late, early])) == ["z", "a"]


def test_a_state_that_is_unknown_here_is_drawn_all_the_same() -> None:
    strange = session("x") | {"state": "astonished"}
    assert "astonished" in "\n".join(drawn(view([strange, well("y")]), 100))


@pytest.mark.parametrize("width", [20, 40, 80, 120, 200])
@pytest.mark.parametrize("height", [8, 24, 60])
def test_no_line_is_wider_than_the_terminal_and_no_picture_higher(width: int, height: int) -> None:
    shown = view(FLEET * 3, approvals=[approval()], servers=[server("down", "server_unreachable")], lost="why " * 30)
    lines = drawn(shown, width, height)
    assert len(lines) == height
    assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize("width", [40, 80, 140])
def test_state_has_a_shape_and_a_word_and_a_proof_its_age(width: int) -> None:
    lines = drawn(view([well("clinic", held=7)]), width)
    row = next(line for line in lines if "clinic" in line)
    assert row.startswith(SHAPES["connected"])
    assert ("connected" in row) == (width > 40), "its shape is told on top"
    assert f"{SHAPES['connected']} connected 1" in "".join(lines)
    assert row.count("✓ 12 s") == 2
    assert " 7" in row


def test_every_state_has_its_own_shape_and_colour() -> None:
    assert len(set(SHAPES.values())) == len(SHAPES) == 7
    assert set(SHAPES) <= set(output.STATE_STYLES)


def test_a_reason_stands_beside_its_session_or_below_it_where_there_is_no_room() -> None:
    shown = view([session("clinic", state="disconnected", reason="ghost-socket")])
    reason = shown.rows[0][1]["reason"]["text"][:20]
    wide, narrow = drawn(shown, 200), drawn(shown, 80)
    assert next(line for line in wide if "clinic" in line).count(reason) == 1
    assert "REASON" in "\n".join(wide)
    place = next(number for number, line in enumerate(narrow) if "clinic" in line)
    assert narrow[place + 1].strip().startswith(reason)


def test_outages_and_approvals_stand_on_top_with_what_to_do() -> None:
    ill = server("down", "server_unreachable", outage=Outage("out_1", NOW - 180, "mass-fall"))
    waits = [{**approval(), "id": f"apr_{number}"} for number in range(5)]
    told = drawn(view(FLEET, approvals=waits, servers=[ill, server(name="fine")]), 120)
    above = "\n".join(told[: next(number for number, line in enumerate(told) if "NAME" in line)])
    assert "esteio approve apr_0" in above
    assert "and 2 more" in above
    assert "evo is down" in above
    assert "3 min" in above
    assert "fine" not in above


def test_a_strangers_words_do_not_move_the_cursor() -> None:
    evil = session("clinic", state="error") | {"reason": {"code": "x", "text": "evil\x1b[2J\x07\nline", "action": None}}
    for width in (40, 200):
        told = "".join(drawn(view([evil]), width))
        assert "evil" in told
        assert not set("\x1b\x07\n") & set(told)


def test_of_ten_thousand_sessions_only_what_fits_is_drawn_and_the_rest_is_scrolled_to() -> None:
    shown = view([well(f"s{number:05}") for number in range(10_000)])
    lines = drawn(shown, 80, 24)
    assert "10000 sessions" in lines[0]
    assert "of 10000" in lines[-1]
    assert "s00000" in "".join(lines)
    assert "s00025" not in "".join(lines)
    assert "s09990" in "".join(drawn(shown, 80, 24, 9990))


# -- once ----------------------------------------------------------------------------------------------------------


def test_in_a_pipe_it_is_one_line_a_session_and_ends(gateway: Gateway) -> None:
    gateway.answers["/v1/sessions"] = page(well("clinic"), session("shop", state="error", reason="banned", held=2))
    told = gateway.verb("top")
    assert told.exit_code == 0
    first, second = (line.split("\t") for line in told.stdout.splitlines())
    assert (first[0], first[1], first[7], first[8], first[9]) == ("shop", "error", "2", "evo", "banned")
    assert second[3:5] == ["yes", documents.timestamp(NOW - 12)]


def test_the_document_is_one_with_everything_in_order(gateway: Gateway) -> None:
    gateway.answers["/v1/sessions?limit=500"] = page(well("clinic"), after="c")
    gateway.answers["/v1/sessions?limit=500&after=c"] = page(session("shop", state="error", reason="banned"))
    gateway.answers["/v1/approvals"] = page(approval())
    told = json.loads(gateway.verb("top", "--json").stdout)
    assert {name: len(found) for name, found in told.items()} == {"sessions": 2, "servers": 1, "approvals": 1}
    assert told["sessions"][0]["name"] == "clinic", "an approval waits"


@pytest.mark.parametrize(("language", "word"), [("en", "NAME"), ("pt-BR", "NOME")])
def test_once_on_a_terminal_prints_every_session(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, language: str, word: str
) -> None:
    monkeypatch.setattr(output, "to_person", lambda: True)
    gateway.answers["/v1/sessions"] = page(*[well(f"s{number}") for number in range(60)])
    told = gateway.verb("top", "--once", COLUMNS="100", ESTEIO_LANGUAGE=language)
    assert told.exit_code == 0
    assert word in told.stdout
    assert all(f"s{number} " in told.stdout for number in range(60))


def test_a_key_that_sees_no_servers_sees_its_sessions(gateway: Gateway) -> None:
    problem = json.dumps({"code": "forbidden", "detail": "No.", "title": "No", "status": 403}).encode()
    gateway.answers["/v1/approvals"] = gateway.answers["/v1/servers"] = (403, "application/problem+json", problem)
    assert gateway.verb("top").stdout.startswith("clinic\t")


# -- live ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def terminal(linked: Installation) -> Iterator[Terminal]:
    made = Terminal("top", url=linked.url, key=linked.key)
    yield made
    if made.master >= 0:
        made.close()


def test_a_change_is_seen_and_q_ends_it_with_0(linked: Installation, terminal: Terminal) -> None:
    assert "connected" in terminal.until("clinic")
    linked.client.post(path("sessions", "clinic", "pause"))
    terminal.until("paused")
    linked.client.post(path("sessions", "clinic", "resume"))
    terminal.until("paused", gone=True)
    terminal.press(b"\x1b[Bq")
    assert terminal.end() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_is_ended_by_a_signal_with_0(terminal: Terminal, number: signal.Signals) -> None:
    terminal.until("clinic")
    terminal.process.send_signal(number)
    assert terminal.end() == 0


def test_a_lost_gateway_is_said_and_caught_up_with(tmp_path: Path) -> None:
    port = free_port()
    url, key = f"http://127.0.0.1:{port}", "an-admin-key-of-tests"
    given = {"ESTEIO_ADMIN_KEY": key, "ESTEIO_ALLOW_TARGETS": "127.0.0.0/8"}
    words = ("serve", "--listen", f"127.0.0.1:{port}", "--data", "data")
    serving = Running(*words, cwd=tmp_path, **given)
    serving.logged("gateway.started")
    terminal = Terminal("top", url=url, key=key, columns=80)
    try:
        terminal.until("0 sessions")
        serving.end()
        terminal.until("Connection lost")
        serving = Running(*words, cwd=tmp_path, **given)
        serving.logged("gateway.started")
        terminal.until("Connection lost", gone=True)
        client = Client(url, key, "en")
        client.post(
            path("servers"),
            {
                "name": "evo",
                "kind": "evolution",
                "base_url": f"http://127.0.0.1:{free_port()}",
                "credentials": {"apikey": "x"},
            },
        )
        client.post(path("sessions"), {"name": "later", "server": "evo", "wait_s": 0})
        terminal.until("later")
        client.delete(path("sessions", "later"))
        terminal.until("later", gone=True)
        terminal.press(b"q")
        assert terminal.end() == 0
    finally:
        serving.end()
        terminal.close()


class Listener(Client):
    """Hears of one event, then that its place is one of another database, then nothing more."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1", "a-key", "en")
        self.places: list[int | None] = []
        self.quiet = Event()

    def stream(self, after: int | None) -> Iterator[tuple[int, str, Document] | None]:
        self.places.append(after)
        if after is not None:
            raise Refused(400, "place-ahead", "That place lies ahead.")
        yield None
        if len(self.places) == 1:
            yield 7, "session.state_changed", {"data": {"name": "clinic"}}
        else:
            self.quiet.wait(PATIENCE_S)


def test_a_place_of_another_database_is_left_and_the_fleet_read_whole(gateway: Gateway) -> None:
    listener = Listener()
    watch = Watch(Client(gateway.url, "a-key", "en"), listener)
    try:
        watch.begin()
        for _ in range(PATIENCE_S * 10):
            if len(listener.places) == 3 and watch.lost is None:
                break
            Event().wait(0.1)
        assert listener.places == [None, 7, None]
        assert (watch.lost, watch.failure) == (None, None)
        assert list(watch.fleet.sessions) == ["clinic"]
    finally:
        watch.failure = Failed("top.stream-ended")
        listener.quiet.set()


def test_a_key_that_is_revoked_while_one_looks_ends_it_with_a_sentence(linked: Installation) -> None:
    lent = linked.client.post(path("keys"), {"name": "looker", "role": "read"})
    terminal = Terminal("top", url=linked.url, key=lent["key"])
    try:
        terminal.until("clinic")
        linked.client.delete(path("keys", lent["id"]))
        linked.client.post(path("sessions", "clinic", "pause"))
        assert terminal.end() == 1
    finally:
        terminal.close()
        linked.client.post(path("sessions", "clinic", "resume"))


def test_a_key_that_is_refused_is_one_sentence(installation: Installation) -> None:
    told = installation.verb("top", ESTEIO_KEY="another")
    assert told.code == 1
    assert len(told.err.splitlines()) == 1
