"""A gateway with the sessions of two owners, a thing of every kind for each, and what of it stands in the store."""

from __future__ import annotations

from typing import Any

from esteio.core.model.ids import SessionName
from esteio.core.model.state import Reason
from esteio.engine.commands.requests import StatusPageChange, StatusPageRequest
from esteio.providers.base import HttpRequest, HttpResponse
from esteio.store.base import EventRow
from esteio.store.sql import rows
from esteio.store.sql.db import Db
from tests.api.conftest import Gateway
from tests.api.dashboard.history.the_past import fell
from tests.api.http.test_scope import one_of_everything

SHARED = "evo"
"""The server that both owners' sessions stand on."""
MINE, OTHER = "mine-1", "other-9"
PHONES = {MINE: "5511900000001", OTHER: "5521977777779"}
Snapshot = dict[str, list[Any]]


class Owner:
    """One owner's things. `words`: what an address's `{...}` is filled with."""

    def __init__(self, words: dict[str, str]) -> None:
        self.words = words

    def path(self, path: str) -> str:
        """A route's address of this owner's things."""
        room = path.split("/")[1]
        filled = {**self.words, "{id}": self.words[f"{room}/id"]} if "{id}" in path else self.words
        for mark, word in filled.items():
            path = path.replace(mark, word)
        return path


async def servers(gateway: Gateway) -> None:
    """One that both use; nothing of it is anybody's."""
    await gateway.add_server(SHARED)
    gateway.provider.answer = lambda request: HttpResponse(200, {}, b'[{"name": "mine-7"}]')


async def owner(gateway: Gateway, name: str, **whose: str) -> Owner:
    """An owner's session with everything around it: failed messages, an approval, a webhook, a key, an outage, a dead
    event, a link of its phone's owner, an instance that can be adopted. `whose`: the tenant, if it is another one than
    the default."""
    made = await one_of_everything(gateway, name, **whose)
    held_before = gateway.provider.answer

    prefix = f"{whose['tenant']}." if whose else ""

    def held(request: HttpRequest) -> HttpResponse:
        listed = held_before(request)
        body = b"[]" if listed is None else listed.body
        return HttpResponse(200, {}, body.replace(b"]", f', {{"name": "{prefix}{name}-free"}}]'.encode()))

    gateway.provider.answer = held
    await gateway.judge(name, phone=PHONES[name], reason=Reason("provider-refused", {"detail": f"about {name}"}))
    await gateway.judge(name, gate="held")
    failing = {"to": f"55{PHONES[name][-11:]}", "text": f"secret words of {name}", "on_down": "fail"}
    failed = (await gateway.call("POST", f"/v1/sessions/{name}/messages", failing)).json()["id"]
    ended = await fell(gateway, name, 7200, 3600, ident=f"out_{name}_1")
    await fell(gateway, name, 600, None, ident=f"out_{name}_2")
    event = await _dead_event(gateway, name, made["webhooks"])
    _, token = await gateway.commands.pair_links.make(name, "test", title=f"Phone of {name}", lasts_s=600)
    return Owner({
        "{name}": name, "{server}": SHARED, "{webhook}": made["webhooks"], "{key}": made["keys"], "{incident}": ended,
        "{event}": str(event), "{page}": f"page-{name}", "{token}": token, "{decision}": "approve", "{act}": "none",
        "messages/id": failed, "approvals/id": made["approvals"], "{tenant}": whose.get("tenant", "default"),
    })  # fmt: skip


async def _dead_event(gateway: Gateway, name: str, webhook: str) -> int:
    now, session = gateway.clock.now(), SessionName(name)
    event = EventRow("message.received", now, {"id": f"msg_{name}", "text": f"words to {name}"}, session, PHONES[name])

    async def write(db: Db) -> None:
        await db.run("event_add", rows.event_params(event))

    await gateway.store.database.write(write)
    found = gateway.store.database.db.connection.execute("SELECT max(seq) FROM events").fetchall()
    return int(str(found[0][0]))


async def status_page(gateway: Gateway, *names: str, **whose: str) -> None:
    """A public page for each of these sessions."""
    for name in names:
        await gateway.commands.status_pages.create(StatusPageRequest(f"page-{name}", f"Page {name}", **whose))
        shown: dict[str, str | None] = {name: f"Label of {name}"}
        await gateway.commands.status_pages.change(f"page-{name}", StatusPageChange(f"Page {name}", True, shown))


def snapshot(gateway: Gateway) -> Snapshot:
    """Every row of every table."""
    run = gateway.store.database.db.connection.execute
    tables = [str(row[0]) for row in run("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()]
    return {one: sorted(map(repr, run(f'SELECT * FROM "{one}"').fetchall())) for one in tables}


def changes(before: Snapshot, after: Snapshot) -> list[str]:
    """The tables in which something differs."""
    return [name for name in after if before.get(name) != after[name]]
