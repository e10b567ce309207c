"""A login without a push name: Baileys sends no presence and does not say so, so Evolution answers 201 over a dead
socket. The row's name decides what such an answer is worth; without one WhatsApp itself is asked."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from esteio.core.judge.facts import apply_evidence
from esteio.core.model.evidence import Evidence, seen
from esteio.core.model.policy import DEFAULT
from esteio.core.model.session import Facts
from esteio.providers.base import HttpResponse
from esteio.providers.evolution import Evolution
from esteio.sim.lab import Lab
from esteio.sim.world.faults import Fault, inject
from esteio.testing.stepping import NOW, drive, kinds, reply, where
from tests.sim.ghost_stage import linked, play, told
from tests.sim.seed_stage import PHONE, acts

EVOLUTION = Evolution()
NAMELESS = where(ref={"instance_name": "loja"}, login_named=False)
NAMED = where(ref={"instance_name": "loja"})
OPEN = reply({"instance": {"instanceName": "loja", "state": "open"}})
TAKEN = reply({"presence": "unavailable"}, 201)
CLOSED = reply({"status": 400, "error": "x", "response": {"message": ["Error: Connection Closed"]}}, 400)
PROFILE = reply({"isBusiness": False})


def row(name: str | None) -> HttpResponse:
    owner = f"{PHONE}@s.whatsapp.net"
    return reply([{"name": "loja", "connectionStatus": "open", "ownerJid": owner, "profileName": name}])


def identity(evidence: tuple[Evidence, ...]) -> dict[str, str]:
    return next((dict(one.data) for one in evidence if one.kind == "identity_seen"), {})


@pytest.mark.parametrize("depth", ["pulse", "socket", "roundtrip"])
def test_a_presence_of_a_login_whose_row_has_no_name_proves_nothing_and_whatsapp_is_asked(depth: Any) -> None:
    found, asked = drive(EVOLUTION.probe(NAMELESS, NOW, depth), OPEN, TAKEN, row(None), CLOSED, row(None))
    assert "socket_ok" not in kinds(found.evidence)
    assert "socket_closed" in kinds(found.evidence)
    assert "fetchBusinessProfile" in asked[3].url
    found, _ = drive(EVOLUTION.probe(NAMELESS, NOW, depth), OPEN, TAKEN, row(None), PROFILE)
    assert "socket_ok" not in kinds(found.evidence)
    assert "round_trip_ok" in kinds(found.evidence)


def test_a_name_in_the_row_makes_the_presence_a_proof_and_is_remembered() -> None:
    found, asked = drive(EVOLUTION.probe(NAMELESS, NOW, "pulse"), OPEN, TAKEN, row("Loja"))
    assert "socket_ok" in kinds(found.evidence)
    assert identity(found.evidence) == {"phone": PHONE, "named": "yes"}
    assert len(asked) == 3
    found, asked = drive(EVOLUTION.probe(NAMED, NOW, "pulse"), TAKEN)
    assert "socket_ok" in kinds(found.evidence)
    assert len(asked) == 1, "the heartbeat of a login that is known to have a name costs one request"


def test_a_row_that_cannot_be_read_proves_nothing() -> None:
    found, _ = drive(EVOLUTION.probe(NAMELESS, NOW, "socket"), OPEN, TAKEN, reply([]), PROFILE)
    assert "socket_ok" not in kinds(found.evidence)


@pytest.mark.parametrize(("name", "named"), [("Loja", "yes"), (None, "no")])
def test_an_open_webhook_tells_whether_the_login_has_a_name(name: str | None, named: str) -> None:
    data = {"instance": "loja", "state": "open", "statusReason": 200, "wuid": f"{PHONE}@s.whatsapp.net"}
    body = {"event": "connection.update", "instance": "loja", "data": data | ({"profileName": name} if name else {})}
    reading = EVOLUTION.read_webhook(NAMED, reply(body).body, "", NOW)
    assert identity(reading.evidence)["named"] == named


def test_the_next_login_may_be_nameless_again() -> None:
    def after(facts: Facts, evidence: Evidence) -> Facts:
        return apply_evidence(facts, evidence, DEFAULT, trust_claims=False)

    facts = after(Facts(), seen("identity_seen", NOW, "list", phone=PHONE, named="yes"))
    assert facts.login_named
    assert after(facts, seen("identity_seen", NOW, "webhook", phone=PHONE)).login_named, "who says nothing of it"
    assert not after(facts, seen("identity_seen", NOW, "webhook", phone=PHONE, named="no")).login_named
    assert not after(facts, seen("unpaired", NOW + 1, "probe")).login_named


def test_a_ghost_without_a_name_is_found_while_nothing_is_sent_and_healed() -> None:
    async def story(lab: Lab) -> None:
        lab.world.phone(PHONE, "")
        await linked(lab)
        assert (await told(lab))["state"] == "connected"
        inject(lab.world, "prov", "loja", Fault("ghost"))
        await asyncio.sleep(180)
        assert [rung for _, rung in await acts(lab, "loja") if rung != "set_webhook"] == ["restart"]
        assert lab.world.servers["prov"].lines["loja"].alive
        assert (await told(lab))["state"] == "connected"

    play(story)
