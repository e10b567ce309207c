"""What people read of a server that cannot be used, and who reads where it stands."""

from __future__ import annotations

import pytest

from esteio.core.model import server_reason
from esteio.core.model.server import ServerFacts
from esteio.core.views.server_documents import HIDDEN, without_address
from tests.core.rehearsal import a_server


@pytest.mark.parametrize(
    ("health", "cause", "code"),
    [
        ("wall", "server_wall", "server-wall"),
        ("refused", "server_key_refused", "server-refused"),
        ("down", "server_unknown_host", "server-unknown-host"),
        ("down", "server_unreachable", "server-down"),
    ],
)
def test_each_cause_has_its_own_words(health: str, cause: str, code: str) -> None:
    found = server_reason.reason(a_server(health=health, health_because=cause))
    assert found.code == code
    assert found.args == {"server": "srv", "detail": cause, "kind": "evolution"}


def test_a_wall_is_told_in_the_providers_own_words() -> None:
    walled = a_server(health="wall", health_because="server_wall", facts=ServerFacts(wall_detail="no licence"))
    assert server_reason.reason(walled).args["detail"] == "no licence"


def test_who_sees_some_sessions_only_reads_no_address() -> None:
    seen = without_address({**dict.fromkeys(HIDDEN, "x"), "name": "srv"})
    assert seen == {**dict.fromkeys(HIDDEN), "name": "srv"}
