"""The pages of messages: what is found, for whom, escaped; one message whole, and what may be done with it."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import msgspec
import pytest

from esteio.core.messages.outbox import SendSettlement
from esteio.core.model.content import Content
from esteio.core.model.inbound import ReceivedMessage
from esteio.core.model.message import AttemptRecord, Message
from esteio.core.model.state import Reason
from esteio.store.base import InboxSettlement, RawInbound, SendQuota
from esteio.store.sql.messages import history
from tests.api.conftest import Gateway, Run
from tests.api.dashboard.browser import Browser, visited, words
from tests.api.dashboard.test_pages import EVIL, fleet_of
from tests.narrowing import not_none

CHAT = "5511999998888"


async def accepted(gateway: Gateway, session: str = "line", to: str = CHAT, **body: Any) -> Message:
    body = {"to": to, **(body or {"text": "Pedido pronto"})}
    answer = await gateway.call("POST", f"/v1/sessions/{session}/messages", body)
    assert answer.status_code == 202, answer.text
    return not_none(await gateway.store.messages.get(answer.json()["id"]))


async def ended(gateway: Gateway, message: Message, event: Any = "failed", **more: Any) -> Message:
    """Plays the dispatch."""
    now = gateway.clock.now()
    claims = await gateway.store.outbox.claim(now, 100, 60, SendQuota())
    claim = next(one for one in claims if one.message.id == message.id)
    attempt = AttemptRecord(now, more.pop("outcome", "refused:other"), more.pop("detail", "no such number"))
    settled = SendSettlement(message.id, message.session_id, claim.fence, event, now, attempt=attempt, **more)
    assert await gateway.store.outbox.settle([settled]) == [True]
    return not_none(await gateway.store.messages.get(message.id))


async def arrived(gateway: Gateway, text: str, session: str = "line") -> None:
    now = gateway.clock.now()
    event = ReceivedMessage(f"IN-{text[:9]}", CHAT, CHAT, now, Content("text", text))
    session_id = (await gateway.session(session)).id
    await gateway.store.inbox.settle(
        InboxSettlement(session_id=session_id, raw_id=0, at=now, readable=True, events=(event,))
    )


def test_messages_of_all_sessions_are_looked_for(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line", "other")
        two = await accepted(gateway, "other", "5521977776666", text="Boleto")
        await ended(gateway, two, reason=Reason("no-such-number"))
        one = await accepted(gateway, "line", text="Pedido 17 pronto", client_ref="conversa-7")
        await arrived(gateway, "Obrigado")
        await browser.log_in()

        async def shown(query: str) -> str:
            return words(await browser.get(f"/messages{query}"))

        whole = await shown("")
        for told in ("Pedido 17", "Boleto", "Obrigado", "line", "other", CHAT, "failed", "queued"):
            assert told in whole, told
        for query in ("?q=pedido", "?q=conversa-7", f"?q={one.id}", "?state=queued", f"?chat={CHAT}&direction=out"):
            found = await shown(query)
            assert "Pedido 17" in found, query
            assert "Boleto" not in found, query
        assert "Pedido 17" not in await shown("?session=other")
        assert "There is no session nobody" in await shown("?session=nobody")
        assert "No message fits" in await shown("?q=nothing")
        assert (await browser.get("/messages?after=x")).status_code == 400

    visited(run, story)


def test_a_fleet_without_messages_says_how_to_send_one(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await browser.log_in()
        assert "esteio send" in words(await browser.get("/messages"))

    visited(run, story)


def test_a_look_that_ends_before_the_page_is_full_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        await accepted(gateway, text="Pedido")
        for _ in range(2):
            await accepted(gateway, text="Boleto")
        monkeypatch.setattr(history, "REACH", 1)
        await browser.log_in()
        first = await browser.get("/messages?q=pedido")
        assert "this look came back to" in words(first)
        following = first.text.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
        assert "Pedido" in words(await browser.get(following))

    visited(run, story)


def test_a_message_is_shown_whole(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        message = await accepted(gateway, text="Pedido\npronto", client_ref="conversa-7")
        await ended(gateway, message, reason=Reason("no-such-number"))
        answer = await accepted(gateway, text="De novo", quote=message.id)
        await browser.log_in()
        page = await browser.get(f"/messages/{message.id}")
        shown = words(page)
        for told in ("conversa-7", CHAT, "refused:other", "no such number", "Send again", message.id, "failed"):
            assert told in shown, told
        assert "Pedido\npronto" in page.text
        assert "In reply to Pedido pronto" in words(await browser.get(f"/messages/{answer.id}"))
        assert (await browser.get("/messages/msg_none")).status_code == 404

    visited(run, story)


PARTS: list[tuple[dict[str, Any], str, str]] = [
    ({"location": {"latitude": -23.5, "longitude": -46.6}}, "-23.5, -46.6", "-23.5, -46.6"),
    ({"contacts": [{"name": "Ana", "phone": "+5511988887777"}]}, "5511988887777", "contacts Ana"),
    ({"poll": {"question": "Qual?", "options": ["Um", "Dois"], "choices": 1}}, "Um · Dois", "poll Qual?"),
]


@pytest.mark.parametrize(("body", "told", "listed"), PARTS)
def test_every_kind_is_told_in_lists_and_whole(run: Run, body: dict[str, Any], told: str, listed: str) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        message = await accepted(gateway, **body)
        await browser.log_in()
        assert told in words(await browser.get(f"/messages/{message.id}"))
        assert told.split(" · ", maxsplit=1)[0] in words(await browser.get("/messages")) or "Qual?" in told + "Qual?"

    visited(run, story)


def test_media_is_shown_to_who_is_logged_in(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line", "other")
        picture = {"kind": "image", "base64": b64encode(b"\x89PNG picture").decode(), "mime": "image/png"}
        message = await accepted(gateway, media=picture, caption="Foto")
        path = f"/messages/{message.id}/media"
        assert (await browser.get(path)).status_code == 303
        await browser.log_in()
        page = await browser.get(f"/messages/{message.id}")
        assert f'src="{path}"' in page.text
        assert "media-src 'self'" in page.headers["content-security-policy"]
        got = await browser.get(path)
        assert (got.status_code, got.content) == (200, b"\x89PNG picture")
        assert got.headers["content-type"] == "image/png"
        assert "sandbox" in got.headers["content-security-policy"]
        await browser.post("/logout")
        await browser.log_in(await gateway.key("read", "other"))
        assert (await browser.get(path)).status_code == 403

    visited(run, story)


def test_what_a_caller_s_address_holds_is_not_opened(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        message = await accepted(gateway, media={"kind": "image", "url": "https://files.example/a.png"})
        await browser.log_in()
        page = (await browser.get(f"/messages/{message.id}")).text
        assert "files.example" not in page
        assert "The file is not here yet" in page

    visited(run, story)


def test_what_strangers_wrote_is_shown_as_text(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        message = await accepted(gateway, text=EVIL, client_ref="<b>")
        await ended(gateway, message, detail=EVIL, reason=Reason("provider-refused", {"detail": EVIL}))
        await arrived(gateway, EVIL)
        await browser.log_in()
        for path in ("/messages", f"/messages/{message.id}", "/messages?q=%3Cscript%3E&session=%3Cb%3E&chat=%22%3E"):
            answer = await browser.get(path)
            assert answer.status_code == 200
            assert "<script>alert" not in answer.text
            assert '<b>"' not in answer.text
            assert "\"'>" not in answer.text.replace("&#34;&#39;&gt;", "")

    visited(run, story)


def test_a_message_is_sent_again_or_taken_back(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        message = await accepted(gateway)
        await ended(gateway, message, reason=Reason("no-such-number"))
        await browser.log_in(await gateway.key("send"))
        page = f"/messages/{message.id}"
        await browser.get(page)
        again = await browser.post(f"{page}/retry")
        assert again.headers["location"] == f"{page}?done=message-retried"
        assert "back in the queue" in words(await browser.get(again.headers["location"]))
        assert not_none(await gateway.store.messages.get(message.id)).state == "queued"
        assert (await browser.post(f"{page}/retry")).status_code == 409
        assert (await browser.post(f"{page}/explode")).status_code == 404
        back = await browser.post(f"{page}/cancel")
        assert "Taken back" in words(await browser.get(back.headers["location"]))
        assert not_none(await gateway.store.messages.get(message.id)).state == "cancelled"
        browser.token = "forged"
        assert (await browser.post(f"{page}/retry")).status_code == 403

    visited(run, story)


def test_a_message_in_doubt_says_that_it_may_arrive_twice(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        message = await accepted(gateway)
        await ended(gateway, message, "doubted", due_at=gateway.clock.now() + 5, outcome="in_doubt:timeout")
        await browser.log_in()
        shown = words(await browser.get(f"/messages/{message.id}"))
        for told in ("makes it arrive twice", "no clear answer", "in_doubt:timeout", "Next try"):
            assert told in shown, told

    visited(run, story)


def test_who_may_only_look_has_no_buttons_and_no_raw_bodies(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        session = await gateway.session("line")
        body = '{"a":"é <b>"}'.encode()
        raw = await gateway.store.inbox.accept(RawInbound(session.id, "/", {}, body, gateway.clock.now()))
        event = ReceivedMessage("IN1", CHAT, CHAT, gateway.clock.now(), Content("text", "Oi"))
        await gateway.store.inbox.settle(
            InboxSettlement(session_id=session.id, raw_id=not_none(raw), at=1.0, readable=True, events=(event,))
        )
        received = not_none(await gateway.store.messages.by_provider_id(session.id, "IN1"))
        message = await accepted(gateway)
        await browser.log_in()
        whole = await browser.get(f"/messages/{received.id}")
        assert '"a": "é <b>"' in words(whole).replace("&#34;", '"') or "é" in whole.text
        assert '<b>"' not in whole.text
        await browser.post("/logout")
        await browser.log_in(await gateway.key("read"))
        for one in (message, received):
            page = await browser.get(f"/messages/{one.id}")
            assert "/retry" not in page.text
            assert "/cancel" not in page.text
            assert "(raw)" not in page.text
        assert (await browser.post(f"/messages/{message.id}/cancel")).status_code == 403

    visited(run, story)


def test_a_scoped_key_sees_its_sessions_messages_and_no_others(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "mine-1", "other-9")
        mine = await accepted(gateway, "mine-1", text="Meu texto")
        theirs = await accepted(gateway, "other-9", text="Texto alheio")
        await browser.log_in(await gateway.key("admin", "mine-*"))
        assert "Meu texto" in words(await browser.get("/messages"))
        for query in ("", "?q=texto", f"?q={theirs.id}", "?session=other-9", "?state=queued", f"?chat={CHAT}"):
            answer = await browser.get(f"/messages{query}")
            assert answer.status_code == 200
            assert "alheio" not in answer.text, query
        assert (await browser.get(f"/messages/{theirs.id}")).status_code == 403
        assert (await browser.get(f"/messages/{mine.id}")).status_code == 200
        assert (await browser.post(f"/messages/{theirs.id}/cancel")).status_code == 403

    visited(run, story)


def test_states_are_told_with_their_times(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        message = await accepted(gateway)
        gateway.clock.ahead = 60.0
        await ended(gateway, message, "accepted", outcome="accepted", provider_id="3EB01", sent_at=gateway.clock.now())
        gateway.clock.ahead = 180.0
        await browser.log_in()
        shown = words(await browser.get(f"/messages/{message.id}"))
        assert "queued 3 min ago" in shown
        assert "sent 2 min ago" in shown
        assert "3EB01" in shown
        assert "What became of it" in shown
        assert msgspec.json.encode(message.id).decode() not in shown

    visited(run, story)
