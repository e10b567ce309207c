"""Erasing a person of one tenant's session leaves alone what another tenant's of the same name was told before."""

from __future__ import annotations

from esteio.core.model.content import Content
from esteio.core.model.ids import SessionName
from esteio.core.model.inbound import ReceivedMessage
from esteio.core.model.session import Session
from esteio.core.model.tenant import Tenant
from esteio.core.webhooks.delivery_policy import PROVIDER_EVENT
from esteio.store.base import EventRow, InboxSettlement
from esteio.store.delivery import Endpoint
from esteio.store.sql import rows
from esteio.store.sql.db import Db
from tests.store.make import NOW, AnyStore, Make

PERSON = "5511988887777"


async def told(store: AnyStore, session: Session, text: str) -> None:
    """A message of the person came in, and the provider said something of its own that names them."""
    event = ReceivedMessage(f"W-{text}", PERSON, PERSON, NOW, Content(kind="text", text=text))
    await store.inbox.settle(InboxSettlement(0, session.id, NOW, True, (event,)))
    carried = EventRow(PROVIDER_EVENT, NOW, {"data": f"{text} {PERSON}"}, SessionName("loja"))

    async def add(db: Db) -> None:
        await db.put("event_add", rows.event_params(carried))

    await store.database.write(add)


async def texts(store: AnyStore) -> list[str]:
    found = await store.database.reader.rows("events_to_deal", {"after": 0, "limit": 99})
    return [str((await store.database.reader.rows("event", {"seq": one.seq}))[0].data) for one in found]


async def test_what_was_told_of_a_former_tenants_session_stays(store: AnyStore, make: Make) -> None:
    await store.webhook_endpoints.add(Endpoint("wh", "http://x", NOW, types=(PROVIDER_EVENT,)))
    for name in ("bakery", "garage"):
        await store.tenants.add(Tenant(name, name, NOW))
    theirs = await make.session(store, "loja", tenant="bakery")
    await told(store, theirs, "pão")
    await store.sessions.delete(theirs.id, NOW)
    ours = await make.session(store, "loja", tenant="garage")
    await told(store, ours, "pneu")
    before = len(await texts(store))
    await store.contacts.erase(ours.id, [PERSON], "erased-1", NOW)
    left = await texts(store)
    assert [one for one in left if "pneu" in one and "erased" not in one] == []
    assert len([one for one in left if "pão" in one and "erased" not in one]) == 2
    assert len(left) == before - 1, "the provider's own words of this session"
