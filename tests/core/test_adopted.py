"""What was adopted is shown as it was found, and left so until it lives or a person asks."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from esteio.core.model.capabilities import Capabilities
from tests.core.rehearsal import BAILEYS, EVOLUTION, Fleet

CANNOT_TELL = msgspec.structs.replace(BAILEYS, tells_webhook=False)


def adopted(can: Capabilities = EVOLUTION, **data: Any) -> Fleet:
    fleet = Fleet(can=can, paired=False)
    fleet.hear("adopted", road="operator", who="ana", **data)
    fleet.judge()
    return fleet


def looks(fleet: Fleet, kind: str, times: int = 3, **data: Any) -> None:
    for _ in range(times):
        fleet.now += 10
        fleet.hear(kind, road="state", **data)
        fleet.judge()


@pytest.mark.parametrize("can", [EVOLUTION, BAILEYS])
@pytest.mark.parametrize(
    ("kind", "data", "state", "reason"),
    [
        ("instance_missing", {}, "error", "instance-missing"),
        ("said_closed", {}, "disconnected", "adopted-closed"),
        ("said_connecting", {}, "connecting", None),
    ],
)
def test_it_is_shown_as_it_is_and_nothing_is_done(
    can: Capabilities, kind: str, data: dict[str, Any], state: str, reason: str | None
) -> None:
    fleet = adopted(can)
    looks(fleet, kind, 40, **data)
    assert fleet.one.state == state
    assert reason in (None, fleet.one.reason.code)
    assert fleet.rungs() == []


def test_an_unknown_word_beside_a_dead_socket() -> None:
    fleet = adopted()
    fleet.hear("socket_closed")
    fleet.judge()
    fleet.now += 10
    fleet.hear("socket_closed")
    looks(fleet, "said_unknown", state="dancing")
    assert (fleet.one.state, fleet.one.reason.code) == ("disconnected", "unknown-state")


def test_recovery_is_for_what_is_there() -> None:
    fleet = adopted()
    looks(fleet, "said_closed", 8)
    fleet.hear("operator_recover", road="operator")
    looks(fleet, "said_closed", 8)
    assert fleet.rungs()[:1] == ["connect"]
    gone = adopted()
    looks(gone, "instance_missing")
    gone.hear("operator_recover", road="operator")
    looks(gone, "instance_missing", 20)
    assert gone.rungs() == []
    assert (gone.one.state, gone.one.reason.code) == ("error", "instance-missing")


@pytest.mark.parametrize(("stands", "because"), [("foreign", "webhook-adopted"), ("none", "webhook-adopted")])
def test_its_webhook_is_taken_over_as_soon_as_it_lives(stands: str, because: str) -> None:
    fleet = adopted(stands=stands)
    assert fleet.rungs() == []
    fleet.pair()
    assert (fleet.open_act_now().rung, fleet.open_act_now().because) == ("set_webhook", because)
    fleet.now += 40
    fleet.answer("no")
    fleet.judge()
    assert (fleet.one.state, fleet.one.reason.code) == ("degraded", "webhook-adopted")
    fleet.now += 60
    fleet.judge()
    fleet.answer("ok")
    fleet.hear("webhook_config_ok", road="act")
    fleet.judge()
    assert fleet.one.reason.code == "live"
    fleet.hear("webhook_config_gone", detail="address")
    act = fleet.after(61).act
    assert act is not None
    assert act.because == "webhook-gone"


def test_one_that_is_ours_already_is_left() -> None:
    fleet = adopted(stands="ours")
    fleet.pair()
    assert fleet.rungs() == []


def unheard(can: Capabilities) -> Fleet:
    fleet = Fleet(can=can, paired=False)
    fleet.hear("said_open", road="state")
    fleet.judge()
    return fleet


def test_a_webhook_that_cannot_be_read_is_a_doubt_until_something_comes() -> None:
    fleet = unheard(CANNOT_TELL)
    assert (fleet.one.can_receive.value, fleet.one.can_receive.evidence) == ("unknown", "webhook-unread")
    fleet.now += 5
    fleet.hear("said_open", road="webhook")
    fleet.judge()
    assert (fleet.one.can_receive.value, fleet.one.can_receive.evidence) == ("unknown", None)
    assert unheard(BAILEYS).one.can_receive.evidence is None


def test_addresses_that_are_not_told_are_set_once() -> None:
    fleet = unheard(BAILEYS)
    fleet.hear("webhook_config_gone", untold="yes")
    act = fleet.judge().act
    assert act is not None
    assert act.rung == "set_webhook"
    fleet.answer("ok")
    fleet.judge()
    fleet.now += 100
    fleet.hear("webhook_config_gone", untold="yes")
    assert fleet.judge().act is None
    assert fleet.one.can_receive.evidence == "webhook-unread"
    fleet.now += 100
    fleet.hear("webhook_config_unread")
    fleet.judge()
    assert fleet.one.facts.webhook_unread_at < fleet.now
    fleet.hear("webhook_config_ok")
    fleet.judge()
    assert fleet.one.can_receive.evidence is None


def test_an_acknowledgement_that_did_not_come_makes_us_look_at_once() -> None:
    fleet = Fleet()
    fleet.now += 1
    fleet.hear("socket_ok")
    fleet.judge()
    fleet.now += 3
    fleet.hear("ack_missing", road="self", ago=60)
    assert fleet.judge().look is not None
