"""What a session is called in Evolution's words, and what its server has to be asked for."""

from __future__ import annotations

from typing import Any
from uuid import RFC_4122, UUID

import msgspec
import pytest

from esteio.core.model.ids import ServerName, SessionId, SessionName
from esteio.core.model.session import Facts, Session
from esteio.core.webhooks.evolution_format import CARRIED, carried
from esteio.core.webhooks.evolution_names import Instance, instance_id, instance_name, instance_of

SESSION = Session(id=SessionId(1), name=SessionName("loja"), server=ServerName("evo"), kind="evolution", created_at=5.0)


def with_(**changes: Any) -> Session:
    return msgspec.structs.replace(SESSION, **changes)


@pytest.mark.parametrize(
    ("session", "name"),
    [
        (SESSION, "loja"),
        (with_(ref={"instance_name": "theirs"}), "theirs"),
        (with_(tenant="acme", ref={"instance_name": "acme.loja"}), "loja"),
        (with_(tenant="acme", ref={"instance_name": "other.loja"}), "other.loja"),
        (with_(ref={"instance_name": "acme.loja"}), "acme.loja"),
    ],
)
def test_the_name_is_the_one_that_the_servers_clients_know(session: Session, name: str) -> None:
    assert instance_name(session) == name


def test_the_id_is_a_uuid_that_stays_for_as_long_as_the_row_lives() -> None:
    said = UUID(instance_id(SESSION))
    assert (said.version, said.variant) == (8, RFC_4122)
    assert instance_id(with_(state="connected", phone="551199999")) == str(said)
    assert str(said) not in {instance_id(with_(id=SessionId(2))), instance_id(with_(created_at=6.0))}


def test_an_instance_has_the_number_where_one_is_known() -> None:
    name, row = instance_name(SESSION), instance_id(SESSION)
    assert instance_of(SESSION) == Instance(name, row)
    seen = with_(facts=Facts(phone_seen="5511988887777"))
    assert instance_of(seen) == Instance(name, row, "5511988887777")
    assert instance_of(msgspec.structs.replace(seen, phone="5511977776666")) == Instance(name, row, "5511977776666")


def test_the_server_is_asked_for_what_a_subscription_wants_and_esteio_does_not_model() -> None:
    assert carried(()) == CARRIED
    assert carried((CARRIED[0], "MESSAGES_UPSERT")) == CARRIED[:1]
    assert carried(("MESSAGES_UPSERT",)) == ()
