"""A code whose news is overtaken by the opening that it brought about: nobody is unpaired, and nobody is shown it."""

from __future__ import annotations

import asyncio
import json

import pytest

from esteio.sim.lab import Lab
from tests.engine.engine_stage import PHONE, event_types, play

PUSHED = {
    "baileys": {"event": "qr.update", "session": "loja", "payload": {"qrCode": "2@used"}},
    "wapi": {"event": "webhookQRCode", "qrcode": "2@used"},
}


@pytest.mark.parametrize("kind", PUSHED)
def test_the_session_stays_connected(kind: str) -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("prov", kind)
        await lab.create("prov", "loja")
        await lab.scan("prov", "loja", PHONE)
        await lab.until_state("loja", "connected", 120)
        session = await lab.session("loja")
        await lab.commands.provider_webhooks.accept(session, "", {}, json.dumps(PUSHED[kind]).encode())
        before = [event.data["state"] for event in await event_types(lab, "session.state_changed")]
        await asyncio.sleep(120)
        after = [event.data["state"] for event in await event_types(lab, "session.state_changed")]
        assert after == before
        assert (await lab.session("loja")).outage is None
        shown = [event.data["qr"]["code"] for event in await event_types(lab, "session.qr")]
        assert "2@used" not in shown
        held = await lab.store.qr_codes.get(session.id)
        assert held is None or held.code != "2@used"

    play(story)
