"""What people ask for on the ladder: to pair, and the steps that they approve."""

from __future__ import annotations

import msgspec
import pytest

from esteio.core.judge.diagnose import Kind, Verdict
from esteio.core.model.session import Facts
from esteio.core.model.state import Reason
from tests.core.ladder_case import case, said, step
from tests.core.rehearsal import BAILEYS, T0, WAPI


@pytest.mark.parametrize("kind", ["banned", "temp_banned", "missing"])
def test_where_no_code_would_come_the_wish_to_pair_asks_for_what_is_left(kind: Kind) -> None:
    """E6: locked out with its credentials, or gone."""
    wish = Facts(pair_at=T0, act_at=T0 - 1)
    assert said(step(case(kind), facts=wish)) == ("ask", "recreate", "asked-to-pair")
    assert step(case(kind), facts=wish, can=WAPI).rung == "connect", "nothing of ours makes an instance there"


def test_beside_a_qr_a_code_to_type_is_asked_for_where_the_provider_gives_one() -> None:
    wish = Facts(pair_at=T0)
    beside = msgspec.structs.replace(WAPI, pairing_beside_qr=True)
    assert said(step(case("awaiting_qr"), can=beside, facts=wish, pair_phone="5511")) == (
        "act",
        "connect",
        "asked-to-pair",
    )
    assert step(case("awaiting_qr"), can=beside, facts=wish).do == "person"
    assert step(case("awaiting_qr"), facts=wish, pair_phone="5511").do == "person"


def test_a_wish_to_pair_waits_where_a_dead_socket_is_held_for_open() -> None:
    held = Verdict("logged_out", Reason("ghost-needs-server-restart"), T0 - 9)
    assert step(held, facts=Facts(pair_at=T0)).do == "person"


@pytest.mark.parametrize("kind", ["unpaired", "logged_out", "closed"])
def test_a_wish_to_pair_connects_at_once(kind: Kind) -> None:
    assert said(step(case(kind), facts=Facts(pair_at=T0, act_at=T0 - 1))) == ("act", "connect", "asked-to-pair")


def test_a_wish_to_pair_is_used_up_by_the_next_act() -> None:
    assert step(case("unpaired"), facts=Facts(pair_at=T0 - 1, act_at=T0)).do == "person"


def test_where_dead_credentials_stay_pairing_asks_to_recreate() -> None:
    wish = Facts(pair_at=T0)
    assert said(step(case("logged_out"), can=BAILEYS, facts=wish)) == ("ask", "recreate", "asked-to-pair")
    assert said(step(case("unpaired"), can=BAILEYS, facts=wish)) == ("act", "connect", "asked-to-pair")


def test_an_approved_rung_is_carried_out_while_its_reason_stands() -> None:
    assert said(step(case("ghost"), approved="logout")) == ("act", "logout", "approved")
    assert step(case("live"), approved="logout").do == "rest"
    assert said(step(case("live"), approved="recreate", asked_by_person=True)) == ("act", "recreate", "approved")


def test_an_approval_waits_for_boot_grace_and_an_outright_wish_does_not() -> None:
    found = step(case("ghost"), approved="logout", booted=T0 - 10)
    assert (*said(found), found.until) == ("wait", None, "boot-grace", T0 + 170)
    outright = step(case("ghost"), approved="recreate", booted=T0 - 10, asked_by_person=True)
    assert said(outright) == ("act", "recreate", "approved")
