"""What an outage cost in messages: read back, or the plain word that nobody can tell, in the event of its end, in the
notice and in the timeline."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from esteio.core.webhooks.event_formats import worded
from esteio.engine.delivery.notices import words
from esteio.sim.lab import Lab
from esteio.sim.world.faults import Fault, inject
from esteio.texts import catalogue
from tests.engine.engine_stage import event_types, linked, play

PHONE = "5511999990001"


async def _outage(lab: Lab, kind: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the event of its end, the payload of its closing notice)"""
    await linked(lab, kind)
    if kind != "baileys":
        lab.world.contact_sends(PHONE, "5511900000000", "antes")
        await asyncio.sleep(5)
    inject(lab.world, "prov", "loja", Fault("webhook_lost", for_s=300))
    inject(lab.world, "prov", "loja", Fault("drop", down_s=300))
    await asyncio.sleep(150)
    lab.world.contact_sends(PHONE, "5511977770000", "no escuro")
    await asyncio.sleep(1500)
    (ended,) = await event_types(lab, "session.outage_ended")
    (closed,) = [one.payload for one in lab.told.notices if one.payload["phase"] == "closed"]
    return ended.data, dict(closed)


@pytest.mark.parametrize("language", ["en", "pt-BR"])
def test_where_no_list_is_kept_nobody_can_tell_and_it_is_said(language: str) -> None:
    async def story(lab: Lab) -> None:
        ended, closed = await _outage(lab, "baileys")
        said = worded(ended, "loja", catalogue(language))["missed"]
        assert said["code"] == "missed-unknowable"
        nobody = "There is no way to tell" if language == "en" else "Não há como saber"
        assert nobody in said["text"]
        assert closed["missed"]["code"] == "gap-unknowable"
        assert nobody in words(closed, catalogue(language))[1]
        codes = [line.code for line in await lab.timeline("loja")]
        assert "gap-unknowable" in codes
        assert "gap-read" not in codes

    play(story)


def test_where_there_is_a_list_it_is_read_and_counted() -> None:
    async def story(lab: Lab) -> None:
        ended, _ = await _outage(lab, "evolution")
        assert worded(ended, "loja", catalogue("en"))["missed"]["code"] == "missed-being-read"
        codes = [line.code for line in await lab.timeline("loja")]
        assert "gap-unknowable" not in codes[codes.index("outage-ended") :]

    play(story)
