"""Told to end while messages leave: what was claimed is sent and settled, the rest waits for the next start."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from esteio.sim.lab import Lab
from esteio.sim.world.faults import Fault, inject
from esteio.store.base import SendClaim
from tests.engine.engine_stage import CUSTOMER, OTHER, Restarts, linked, outcomes, play_restarts, until_message


class SlowClaims:
    """The real claim, whose answer arrives a little after its commit."""

    def __init__(self, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        self.committed = asyncio.Event()
        outbox = lab.store.outbox
        real = outbox.claim

        async def claim(*args: Any, **kwargs: Any) -> Sequence[SendClaim]:
            claims = await real(*args, **kwargs)
            if claims:
                self.committed.set()
                await asyncio.sleep(0.5)
            return claims

        monkeypatch.setattr(outbox, "claim", claim)


def test_what_was_claimed_when_the_end_was_asked_for_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(run: Restarts) -> None:
        await linked(run.lab)
        claims = SlowClaims(run.lab, monkeypatch)
        message = await run.lab.send("loja", CUSTOMER, "pedido pronto")
        await claims.committed.wait()
        await run.stop()
        assert [one.text for one in run.world.ledger.delivered] == ["pedido pronto"]
        await run.begin()
        assert (await run.lab.message(message)).state in ("sent", "delivered", "read")
        assert await outcomes(run.lab, message) == ["accepted"]

    play_restarts(story, tmp_path / "esteio.db")


def test_calls_under_way_end_and_what_waits_goes_out_later(tmp_path: Path) -> None:
    async def story(run: Restarts) -> None:
        await linked(run.lab)
        inject(run.world, "prov", "loja", Fault("slow", seconds=(3.0, 3.0), verbs="send", for_s=60))
        first = await run.lab.send("loja", CUSTOMER, "um")
        await until_message(run.lab, first, "sending")
        second = await run.lab.send("loja", CUSTOMER, "dois")
        await run.stop()
        assert [one.text for one in run.world.ledger.delivered] == ["um"]
        await run.begin()
        for message in (first, second):
            await until_message(run.lab, message, "sent", "delivered", "read")
            assert await outcomes(run.lab, message) == ["accepted"]
        assert [one.text for one in run.world.ledger.delivered] == ["um", "dois"]

    play_restarts(story, tmp_path / "esteio.db")


def test_a_call_that_outlasts_the_patience_is_looked_for(tmp_path: Path) -> None:
    async def story(run: Restarts) -> None:
        await linked(run.lab)
        inject(run.world, "prov", "loja", Fault("slow", seconds=(20.0, 20.0), verbs="send", for_s=60))
        message = await run.lab.send("loja", OTHER, "devagar")
        await until_message(run.lab, message, "sending")
        await run.stop()
        await run.begin()
        await until_message(run.lab, message, "sent", "delivered", "read")
        assert [one.text for one in run.world.ledger.delivered] == ["devagar"]

    play_restarts(story, tmp_path / "esteio.db")
