"""The dead letters: grouped, previewed with what speaks against each, sent again, told one by one; for whom."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from esteio.core.model.message import Message
from esteio.core.model.state import Reason
from esteio.store.base import EventRow
from esteio.store.delivery import DeadFilter
from esteio.store.sql import rows
from esteio.store.sql.db import Db
from tests.api.conftest import Gateway, Run
from tests.api.dashboard.browser import Browser, visited, words
from tests.api.dashboard.messages.test_messages import CHAT, accepted, ended
from tests.api.dashboard.test_pages import EVIL, fleet_of
from tests.narrowing import not_none

FILTER = DeadFilter()


async def failed(gateway: Gateway, session: str = "line", to: str = CHAT, text: str = "Pedido") -> Message:
    message = await accepted(gateway, session, to, text=text)
    return await ended(gateway, message, reason=Reason("no-such-number"))


async def state(gateway: Gateway, message: Message) -> str:
    return not_none(await gateway.store.messages.get(message.id)).state


def test_the_given_up_stand_by_their_reason(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line", "other")
        await browser.log_in()
        assert "Nothing was given up" in words(await browser.get("/messages/dead-letters"))
        one = await failed(gateway, text="Pedido 1")
        two = await accepted(gateway, "other", text="Pedido 2")
        await ended(gateway, two, "failed", reason=Reason("session-down"))
        page = await browser.get("/messages/dead-letters")
        assert page.text.count("<fieldset") == 2
        assert 'id="group-no-such-number"' in page.text
        assert "Pedido 1" in words(page)
        assert f'name="pick" value="{one.id}"' in page.text
        only = words(await browser.get("/messages/dead-letters?session=other"))
        assert "Pedido 1" not in only
        assert "Pedido 2" in only
        assert "Nothing was given up" in words(await browser.get("/messages/dead-letters?session=none"))
        assert (await browser.get("/messages/dead-letters?after=x")).status_code == 400

    visited(run, story)


def test_ticked_ones_are_previewed_and_then_sent_again(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        old = await failed(gateway, text="Antiga")
        gateway.clock.ahead = 90_000.0
        later = await accepted(gateway, text="Depois")
        await ended(gateway, later, "accepted", provider_id="3EB01", sent_at=gateway.clock.now())
        new = await failed(gateway, to="5521977776666", text="Nova")
        left = await failed(gateway, to="5521977776666", text="Fica")
        await gateway.judge("line", gate="held", state="disconnected")
        await browser.log_in(await gateway.key("operate"))
        await browser.get("/messages/dead-letters")
        chosen = await browser.post("/messages/dead-letters", pick=[old.id, new.id])
        assert chosen.status_code == 303
        preview = await browser.get(chosen.headers["location"])
        shown = words(preview)
        for told in ("Nothing has been sent yet", "more than a day ago", "arrive out of order", "cannot send now"):
            assert told in shown, told
        assert f'value="{new.id}" checked' in preview.text
        assert f'value="{old.id}">' in preview.text
        assert "Fica" not in shown
        assert await state(gateway, new) == "failed"
        sent = await browser.post("/messages/dead-letters/replay", pick=[new.id])
        assert parse_qs(urlsplit(sent.headers["location"]).query)["ids"] == [new.id]
        assert [await state(gateway, one) for one in (old, new, left)] == ["failed", "held", "failed"]
        result = words(await browser.get(sent.headers["location"]))
        assert "held" in result
        assert "Nova" in result
        assert ("sends", None) in gateway.bells.rung

    visited(run, story)


def test_all_are_counted_first_and_what_fails_later_is_not_among_them(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line", "other")
        mine, other = await failed(gateway), await failed(gateway, "other", "5521977776666")
        await browser.log_in()
        preview = await browser.get("/messages/dead-letters/preview?all=1&session=line")
        assert "1 message would be sent again Only of the session line." in words(preview)
        until = preview.text.partition('name="until" value="')[2].partition('"')[0]
        gateway.clock.ahead = 60.0
        later = await failed(gateway, to="5531955554444")
        sent = await browser.post("/messages/dead-letters/replay", until=until, session="line")
        assert "back in their queues" in words(await browser.get(sent.headers["location"]))
        assert [await state(gateway, one) for one in (mine, other, later)] == ["queued", "failed", "failed"]
        assert "2 messages would be sent again" in words(await browser.get("/messages/dead-letters/preview?all=1"))

    visited(run, story)


def test_what_is_in_doubt_is_never_sent_again_in_bulk(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        doubt = await accepted(gateway)
        doubt = await ended(gateway, doubt, "doubted", due_at=gateway.clock.now() + 5)
        await browser.log_in()
        page = await browser.get("/messages/dead-letters")
        assert "they may have arrived" in words(page)
        assert doubt.id not in page.text
        await browser.post("/messages/dead-letters/replay", pick=[doubt.id, "msg_none"])
        assert await state(gateway, doubt) == "in_doubt"
        assert "Nothing is ticked" in words(await browser.get("/messages/dead-letters/preview?ids="))

    visited(run, story)


def test_who_may_only_look_ticks_nothing_and_is_refused(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        message = await failed(gateway)
        await browser.log_in(await gateway.key("send"))
        page = await browser.get("/messages/dead-letters")
        assert 'name="pick"' not in page.text
        assert (await browser.get("/messages/dead-letters/preview?all=1")).status_code == 403
        for path in ("", "/replay", "/events"):
            answer = await browser.post(f"/messages/dead-letters{path}", pick=[message.id])
            assert answer.status_code == 403
        assert await state(gateway, message) == "failed"

    visited(run, story)


@pytest.mark.parametrize("path", ["", "/replay", "/events"])
def test_a_form_of_somebody_else_does_nothing(run: Run, path: str) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        message = await failed(gateway)
        await browser.log_in()
        browser.token = "forged"
        answer = await browser.post(f"/messages/dead-letters{path}", pick=[message.id])
        assert answer.status_code == 403
        assert await state(gateway, message) == "failed"

    visited(run, story)


def test_a_scoped_key_replays_its_own_alone(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "mine-1", "other-9")
        mine = await failed(gateway, "mine-1")
        theirs = await failed(gateway, "other-9", text="Alheia")
        await browser.log_in(await gateway.key("operate", "mine-*"))
        assert "Alheia" not in words(await browser.get("/messages/dead-letters"))
        for path in (f"preview?ids={theirs.id}", f"result?ids={theirs.id}"):
            assert "Alheia" not in words(await browser.get(f"/messages/dead-letters/{path}"))
        assert "1 message would" in words(await browser.get("/messages/dead-letters/preview?all=1"))
        await browser.post("/messages/dead-letters/replay", pick=[mine.id, theirs.id])
        assert [await state(gateway, one) for one in (mine, theirs)] == ["queued", "failed"]

    visited(run, story)


async def undelivered(gateway: Gateway, session: str, *, detail: str = "503 busy") -> tuple[str, int]:
    """An event that a webhook of this session never took."""
    body = {"url": "https://hooks.example/a", "sessions": [session]}
    webhook = str((await gateway.call("POST", "/v1/webhooks", body)).json()["id"])
    now = gateway.clock.now()
    event = EventRow("message.received", now, {"id": "msg_1"}, (await gateway.session(session)).name, CHAT)

    async def write(db: Db) -> int:
        await db.run("event_add", rows.event_params(event))
        seq: int = await db.value("event_last", {})
        dead = {"endpoint_id": webhook, "event": seq, "type": event.type, "session_name": session, "chat": CHAT}
        await db.run("dead_letter_add", {**dead, "event_at": now, "died_at": now, "attempts": 9, "detail": detail})
        return seq

    await gateway.store.database.write(write)
    (dead,) = [
        one for one in await gateway.store.dead_letters.events(FILTER, limit=9, after=0) if one.endpoint == webhook
    ]
    return webhook, dead.id


def test_undelivered_events_go_back_to_their_webhook(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "mine-1", "other-9")
        await browser.log_in()
        assert "Every event was delivered" in words(await browser.get("/messages/dead-letters/events"))
        webhook, mine = await undelivered(gateway, "mine-1", detail=EVIL)
        _, theirs = await undelivered(gateway, "other-9")
        page = await browser.get("/messages/dead-letters/events")
        assert "<script>alert" not in page.text
        assert "hooks.example" in words(page)
        await browser.post("/logout")
        await browser.log_in(await gateway.key("operate", "mine-*"))
        page = await browser.get("/messages/dead-letters/events")
        assert f'name="pick" value="{theirs}"' not in page.text
        ticked = [str(mine), str(theirs), "999", "x"]
        again = await browser.post("/messages/dead-letters/events", pick=ticked)
        assert "webhooks' queues" in words(await browser.get(again.headers["location"]))
        assert [one.id for one in await gateway.store.dead_letters.events(FILTER, limit=9, after=0)] == [theirs]
        assert (await gateway.store.webhook_endpoints.waiting(webhook))[0] == 1

    visited(run, story)
