"""The code on a terminal: replaced at every change, counted down, gone when it is over or used; how it ends.

The live ones run `esteio qr` on a pseudo-terminal against a real gateway and the sandbox.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest
from rich.cells import cell_len

from esteio.cli import output
from esteio.cli.remote.client import Client
from esteio.cli.remote.qr_follow import NO_SCAN, View, Watch, lines
from esteio.cli.remote.qr_picture import drawn, of_text
from esteio.core.model.state import Reason
from esteio.core.views import documents
from esteio.core.views.sentences import sentence
from esteio.texts import catalogue
from tests.cli.cli_processes import PATIENCE_S, Installation
from tests.cli.terminals import Terminal
from tests.cli.test_answers import NOW, Gateway, gateway, session

__all__ = ["gateway"]
"""A fixture."""
TEXT = "2@" + "abcDEF123+/=," * 18
WAITS = {"state": "awaiting_qr", "reason": {"code": "awaiting-qr", "text": "Scan it.", "action": "On the phone."}}


def code(text: str = TEXT, left_s: float = 20) -> dict[str, Any]:
    stamps = {"seen_at": documents.timestamp(NOW), "expires_at": documents.timestamp(NOW + left_s)}
    return {"code": text, "png_base64": "", "count": 1, **stamps}


def told(view: View, width: int = 100, height: int = 50) -> str:
    shown = lines(view, width, height)
    assert len(shown) < height
    plain = ["".join(word for _, word in line) for line in shown if not isinstance(line, str)]
    assert all(cell_len(line) <= width for line in plain)
    return "\n".join(plain)


# -- what is drawn ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("height", [34, 50])
def test_a_code_stands_whole_with_its_seconds_and_what_to_do(height: int) -> None:
    view = View(session("clinic") | WAITS, code(), left_s=12.4)
    assert [line for line in lines(view, 100, height) if isinstance(line, str)] == drawn(of_text(TEXT))
    assert "12 more seconds" in told(view, height=height)


@pytest.mark.parametrize(("width", "height"), [(100, 20), (40, 60)])
def test_of_a_code_that_does_not_fit_nothing_is_drawn(width: int, height: int) -> None:
    view = View(session("clinic") | WAITS, code(), left_s=12)
    assert not any(isinstance(line, str) for line in lines(view, width, height))
    assert "columns" in told(view, width, height)


def test_without_a_code_the_reason_stands_there() -> None:
    shown = told(View(session("clinic") | WAITS))
    assert "Scan it." in shown
    assert "On the phone." in shown
    assert "more second" not in shown


@pytest.mark.parametrize("reason", sorted(NO_SCAN))
def test_a_linked_session_that_reconnects_says_that_no_scan_is_needed(reason: str) -> None:
    assert sentence(Reason(reason, {}), catalogue("en")).text, "it is a reason"
    shown = told(View(session("clinic", state="connecting", reason=reason)))
    assert "No scan is needed" in shown


def test_a_gateway_that_is_not_heard_shows_no_code() -> None:
    view = View(session("clinic") | WAITS, code(), left_s=12, lost="Nobody answers.")
    assert not any(isinstance(line, str) for line in lines(view, 100, 50))
    assert "Nobody answers." in told(view)


def test_a_strangers_words_do_not_move_the_cursor() -> None:
    evil = WAITS | {"reason": {"code": "x", "text": "evil\x1b[2J", "action": None}}
    assert "\x1b" not in told(View(session("clinic") | evil))


# -- what may be shown -----------------------------------------------------------------------------------------------


def watch(gateway: Gateway, pairing: dict[str, Any] | None = None) -> Watch:
    client = Client(gateway.url, "a-key", "en")
    return Watch(client, client, "clinic", pairing)


def test_a_code_that_is_over_is_gone_without_a_word_from_the_gateway(gateway: Gateway) -> None:
    """By the gateway's clock, whatever this machine's is."""
    gateway.answers["/v1/sessions/clinic"] = session("clinic") | WAITS
    gateway.answers["/v1/sessions/clinic/qr"] = code(left_s=20)
    seen = watch(gateway)
    seen.look()
    assert seen.now_view().code
    assert 15 < seen.now_view().left_s <= 21
    gateway.answers["/v1/sessions/clinic/qr"] = code(left_s=-5)
    seen.look()
    assert seen.now_view().code is None


def test_a_code_to_type_is_replaced_by_the_stream_and_gone_with_the_state(gateway: Gateway) -> None:
    gateway.answers["/v1/sessions/clinic"] = session("clinic") | WAITS
    gateway.answers["/v1/sessions/clinic/qr"] = code()
    seen = watch(gateway, {"pairing_code": "AAAA-BBBB", "qr": code()})
    seen.look()
    assert (seen.now_view().typed, seen.now_view().code) == ("AAAA-BBBB", None)
    seen._heard("session.qr", {"data": {"session": "shop", "pairing_code": "WRON-GONE", "qr": code()}})
    seen._heard("session.qr", {"data": {"session": "clinic", "pairing_code": "CCCC-DDDD", "qr": code()}})
    assert seen.due
    assert "CCCC-DDDD" in told(seen.now_view())
    gateway.answers["/v1/sessions/clinic"] = session("clinic", state="connecting")
    seen.look()
    assert seen.now_view().typed == ""


# -- live ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def terminal(installation: Installation, request: pytest.FixtureRequest) -> Iterator[Terminal]:
    name = str(request.param)
    installation.create(name)
    made = Terminal("qr", name, url=installation.url, key=installation.key, rows=45)
    yield made
    if made.master >= 0:
        made.close()


def picture(screen: str) -> list[str]:
    return [line for line in screen.splitlines() if "▀" in line]


@pytest.mark.parametrize("terminal", ["qr-live"], indirect=True)
def test_a_new_code_takes_the_place_of_the_old_one_and_a_scan_ends_it(
    installation: Installation, terminal: Terminal
) -> None:
    first = terminal.until("more seconds")
    assert "▀" in first
    installation.control("fault", session="qr-live", kind="drop")
    for _ in range(PATIENCE_S * 10):
        terminal.read(0.1)
        if picture(terminal.screen()) not in ([], picture(first)):
            break
    assert picture(terminal.screen()) != picture(first)
    installation.control("scan", session="qr-live")
    assert terminal.end() == 0
    assert "qr-live is linked" in terminal.rest


@pytest.mark.parametrize("terminal", ["qr-key"], indirect=True)
def test_q_ends_it_with_1_for_nothing_was_scanned(terminal: Terminal) -> None:
    terminal.until("more seconds")
    terminal.press(b"q")
    assert terminal.end() == 1
    assert "▀" not in terminal.rest, "no code stays behind"


@pytest.mark.parametrize("terminal", ["qr-term"], indirect=True)
def test_a_signal_ends_it_and_the_terminal_is_as_it_was(terminal: Terminal) -> None:
    terminal.until("more seconds")
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.end() == 1


def test_a_linked_session_needs_no_scan_and_that_is_well(linked: Installation) -> None:
    terminal = Terminal("qr", "clinic", url=linked.url, key=linked.key)
    try:
        assert terminal.end(full=False) == 0
        assert "needs no QR code" in terminal.rest
    finally:
        terminal.close()


def test_a_terminal_whose_cursor_cannot_be_moved_gets_the_code_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "to_person", lambda: True)
    for name, full in (("dumb", False), ("", False), ("xterm", True)):
        monkeypatch.setenv("TERM", name)
        assert output.full_screen() == full
