"""Which of Evolution's three states a session is shown in."""

from __future__ import annotations

import msgspec
import pytest

from esteio.core.model.ids import ServerName, SessionId, SessionName
from esteio.core.model.session import Facts, Session
from esteio.core.model.state import Axis, SessionState
from esteio.core.webhooks.evolution_states import CLOSED, closed_code, state_of

SESSION = Session(id=SessionId(1), name=SessionName("loja"), server=ServerName("evo"), kind="evolution", created_at=0.0)


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("connected", "open"),
        ("connecting", "connecting"),
        ("awaiting_qr", "connecting"),
        ("disconnected", "close"),
        ("error", "close"),
    ],
)
def test_a_state_is_shown_as_the_one_that_a_client_acts_on(state: SessionState, shown: str) -> None:
    assert state_of(msgspec.structs.replace(SESSION, state=state)) == shown


@pytest.mark.parametrize(("sends", "shown"), [("yes", "open"), ("unknown", "open"), ("no", "close")])
def test_a_degraded_line_is_open_while_it_can_send(sends: str, shown: str) -> None:
    degraded = msgspec.structs.replace(SESSION, state="degraded", can_send=msgspec.convert({"value": sends}, Axis))
    assert state_of(degraded) == shown


@pytest.mark.parametrize(
    ("read", "shown"), [("open", "open"), ("connecting", "connecting"), ("closed", "close"), ("", "close")]
)
def test_a_paused_session_is_what_was_last_read_of_it(read: str, shown: str) -> None:
    assert state_of(msgspec.structs.replace(SESSION, state="paused", facts=Facts(state_read=read))) == shown


def test_only_the_end_of_a_link_has_a_code_of_its_own() -> None:
    assert (closed_code("unpaired"), closed_code("banned"), closed_code("ghost"), CLOSED) == (401, 403, None, 428)
