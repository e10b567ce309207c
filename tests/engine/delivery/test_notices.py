"""Notices: each target is told once, whatever the others do; Apprise itself speaks to a real listener on loopback."""

from __future__ import annotations

import asyncio
import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from esteio.engine.delivery.notices import AppriseNotifier, BadTarget, words
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.lab import CollectedNotices, Lab
from esteio.sim.world.faults import Fault, inject
from esteio.store.base import Work
from esteio.texts import catalogue
from tests.engine.engine_stage import PHONE

# One of the library's plug-ins imports a module that a later Python drops.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")
REASON = {"code": "server-down", "args": {"server": "evo"}}


def notice(target: str, phase: str = "opened") -> Work:
    payload = {"id": "o", "phase": phase, "reason": REASON, "since": 0, "duration_s": 120, "held": 3}
    payload |= {"session": "loja", "server": None, "target": target}
    return Work("w", "w", "notice", payload, 0.0, 0.0)


class TwoTargets(CollectedNotices):
    """`b` takes nothing until it is mended."""

    targets: Mapping[str, str] = {"a": "1 (json)", "b": "2 (json)"}
    mended = False

    async def notify(self, work: Work) -> bool:
        await super().notify(work)
        return work.payload["target"] == "a" or self.mended


def test_a_target_that_works_is_told_once_while_another_is_tried_again() -> None:
    told = TwoTargets()

    async def story() -> None:
        async with Lab(3, told=told) as lab:
            await lab.add_server("wapi", "wapi")
            await lab.adopt("wapi", "loja", PHONE)
            await asyncio.sleep(60)
            inject(lab.world, "wapi", None, Fault("network", road="refused"))
            await asyncio.sleep(900)
            told.mended = True
            await asyncio.sleep(120)

    run_virtual(story, limit_s=20_000)
    opened = [work.payload["target"] for work in told.notices if work.payload["phase"] == "opened"]
    assert opened.count("a") == 1
    assert opened.count("b") > 5


@pytest.fixture
def listener() -> Iterator[tuple[list[Any], int]]:
    """What arrived, and an address for Apprise."""
    came: list[dict[str, Any]] = []

    class Taker(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: str) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Taker)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield came, server.server_port
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("phase", "kind"), [("opened", "failure"), ("closed", "success"), ("approval", "warning")])
def test_apprise_tells_the_target_of_the_row_and_no_other(
    listener: tuple[list[Any], int], phase: str, kind: str
) -> None:
    came, port = listener
    notifier = AppriseNotifier([f"json://127.0.0.1:{port}/one", "json://127.0.0.1:1/two"], catalogue("en"))
    one, two = notifier.targets
    assert list(notifier.targets.values()) == ["1 (json)", "2 (json)"]
    assert asyncio.run(notifier.notify(notice(one, phase)))
    assert not asyncio.run(notifier.notify(notice(two, phase)))
    assert asyncio.run(notifier.notify(notice("gone", phase))), "not in the settings any more: nothing to tell"
    assert [told["type"] for told in came] == [kind]


def test_a_target_that_apprise_does_not_know_is_named_by_its_number() -> None:
    with pytest.raises(BadTarget) as refused:
        AppriseNotifier(["json://127.0.0.1:1", "nonsense"], catalogue("en"))
    assert refused.value.number == 2
    assert "nonsense" not in str(refused.value)


@pytest.mark.parametrize(
    ("language", "phase", "title"),
    [
        ("pt-BR", "opened", "loja: fora do ar"),
        ("pt-BR", "closed", "loja: voltou"),
        ("pt-BR", "approval", "loja: espera a sua decisão"),
        ("en", "opened", "loja is down"),
        ("en", "closed", "loja is back"),
        ("en", "approval", "loja waits for your decision"),
    ],
)
def test_the_words_of_a_notice(language: str, phase: str, title: str) -> None:
    assert words(notice("", phase).payload, catalogue(language))[0] == title
