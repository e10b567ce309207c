"""The pairing page: what it shows of a session, what its buttons ask for, and its stream."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from esteio.core.model.evidence import Evidence
from esteio.core.model.recovery import Approval, Attempt, Recovery
from esteio.core.model.session import Facts
from esteio.core.model.state import Reason
from esteio.store.base import DecisionCommit, ServerCommit
from tests.api.conftest import Gateway, Run
from tests.api.dashboard.browser import Browser, visited, words
from tests.api.dashboard.pair_pages import PAGE, code, frames, kind, ready, webhook_said
from tests.api.stream import Reader

NOW = 1_000_000.0
WRONG = Reason("wrong-identity", {"seen": "5511988887777", "phone": "5511912345678"})


def opened(rung: Any) -> Recovery:
    return Recovery(open=Attempt("a", rung, 1, NOW, NOW + 30))


SHOWN: Mapping[str, tuple[str, dict[str, Any], str]] = {
    "new": ("asked", {"reason": Reason("created")}, "A code is on its way"),
    "being created": ("asked", {"reason": Reason("unpaired"), "recovery": opened("create")}, "A code is on its way"),
    "asked for": ("asked", {"reason": Reason("unpaired"), "facts": Facts(pair_at=-1.0)}, "A code is on its way"),
    "not asked for": ("none", {"state": "disconnected", "reason": Reason("unpaired")}, "Show code"),
    "codes were over": (
        "missed",
        {"state": "disconnected", "reason": Reason("unpaired"), "facts": Facts(qr_at=NOW)},
        "New code",
    ),
    "the next one is late": ("asked", {"state": "awaiting_qr", "reason": Reason("awaiting-code")}, "New code"),
    "scanned": ("linking", {"state": "awaiting_qr", "facts": Facts(paired_at=-1.0)}, "keep WhatsApp open"),
    "comes back": (
        "reconnecting",
        {"state": "disconnected", "reason": Reason("closed"), "linked": True, "facts": Facts(life_at=NOW)},
        "no scan is needed",
    ),
    "flaps": ("reconnecting", {"state": "connecting", "reason": Reason("flapping"), "linked": True}, "no scan"),
    "connected": ("connected", {"state": "connected", "phone": "5511912345678"}, "+5511912345678"),
    "half deaf": ("connected", {"state": "degraded", "reason": Reason("deaf")}, "Connected."),
    "another phone": ("wrong-phone", {"state": "error", "reason": WRONG}, "+5511988887777 instead of +5511912345678"),
    "made anew after another phone": (
        "asked",
        {"state": "error", "reason": WRONG, "recovery": opened("recreate")},
        "A code is on its way",
    ),
    "refused": (
        "refused",
        {"state": "error", "reason": Reason("provider-refused", {"detail": "no room"})},
        "no room",
    ),
    "banned": ("trouble", {"state": "disconnected", "reason": Reason("banned")}, "request a review"),
    "paused": ("paused", {"state": "paused", "paused": True}, "Resume"),
}


@pytest.mark.parametrize("case", SHOWN)
def test_a_page_without_a_code_says_why_and_what_to_do(run: Run, case: str) -> None:
    expected, changes, told = SHOWN[case]

    async def story(gateway: Gateway, browser: Browser) -> None:
        await ready(gateway)
        await browser.log_in()
        facts = changes.get("facts")
        if facts is not None:  # -1: a moment ago
            now = gateway.clock.now()
            fresh = {name: now - 1 for name in ("pair_at", "paired_at") if getattr(facts, name) < 0}
            facts = msgspec.structs.replace(facts, **fresh)
        await gateway.judge("line", **{**changes, **({"facts": facts} if facts is not None else {})})
        shown = await browser.get(PAGE)
        assert kind(shown) == expected
        assert told in words(shown)
        assert "data:image" not in shown.text

    visited(run, story)


def test_a_server_that_is_down_says_so_even_beside_a_code(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await ready(gateway)
        await code(gateway)
        (stored,) = await gateway.store.servers.all()
        down = msgspec.structs.replace(stored.server, health="down", health_at=gateway.clock.now())
        assert await gateway.store.decisions.commit_server(ServerCommit(server=down))
        await browser.log_in()
        shown = await browser.get(PAGE)
        assert kind(shown) == "server"
        assert "data:image" not in shown.text

    visited(run, story)


def test_a_step_that_loses_something_is_asked_for_with_what_it_costs(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await ready(gateway)
        session = await gateway.session("line")
        asked = Approval("apr_line", session.id, session.name, "recreate", "missing", Reason("cost-recreate"), 1.0)
        missing = msgspec.structs.replace(
            session, state="disconnected", reason=Reason("instance-missing"), recovery=Recovery(awaiting=asked.id)
        )
        assert await gateway.store.decisions.commit_session(DecisionCommit(session=missing, approval=asked))
        await browser.log_in()
        shown = await browser.get(PAGE)
        assert kind(shown) == "approval"
        assert "What is lost:" in words(shown)
        assert f"/approvals/{asked.id}/approve" in shown.text
        assert await gateway.store.approvals.decide(
            asked.id, "rejected", gateway.clock.now(), Evidence("operator_rejected", 1.0, 1.0, "operator")
        )
        assert kind(await browser.get(PAGE)) == "trouble"

    visited(run, story)


@pytest.mark.parametrize("told", ["said_connecting", "said_open", "said_closed"])
def test_a_used_code_is_not_shown_even_before_the_session_s_state_knows(run: Run, told: str) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await ready(gateway)
        await code(gateway)
        await browser.log_in()
        await webhook_said(gateway, told)
        assert kind(await browser.get(PAGE)) == "scan", "told at once, it is of the socket that made the code"
        gateway.clock.ahead = 5.0
        await webhook_said(gateway, told)
        assert kind(await browser.get(PAGE)) == "linking"
        gateway.clock.ahead = 6.0
        await code(gateway, "2@next")
        assert kind(await browser.get(PAGE)) == "scan"

    visited(run, story)


def test_another_phone_is_told_as_soon_as_it_is_seen(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await ready(gateway, phone="+5511912345678")
        await code(gateway)
        await browser.log_in()
        gateway.clock.ahead = 5.0
        await webhook_said(gateway, "identity_seen", phone="551112345678")
        await webhook_said(gateway, "identity_seen", phone="5511988887777")
        shown = await browser.get(PAGE)
        assert kind(shown) == "wrong-phone"
        assert "+5511988887777 instead of +5511912345678" in words(shown)
        await webhook_said(gateway, "identity_seen", phone="5511912345678")
        await webhook_said(gateway, "said_open")
        assert kind(await browser.get(PAGE)) == "linking"

    visited(run, story)


def test_opening_the_page_asks_for_nothing(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await ready(gateway)
        await gateway.judge("line", state="disconnected", reason=Reason("unpaired"))
        await browser.log_in()
        before = await gateway.session("line")
        for path in (PAGE, f"{PAGE}?by=code", "/new"):
            assert (await browser.get(path)).status_code == 200
            assert (await browser.http.head(path)).content == b""
        assert gateway.provider.asked == []
        assert [one.kind for one in await gateway.news("line")] == ["created"]
        assert await gateway.session("line") == before

    visited(run, story)


def test_the_button_asks_for_a_code_and_leads_back(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await ready(gateway)
        await gateway.judge("line", state="disconnected", reason=Reason("unpaired"))
        await browser.log_in(await gateway.key("operate"))
        await browser.get(PAGE)
        assert (await browser.post(PAGE, by="qr")).headers["location"] == PAGE
        assert [one.data["who"] for one in await gateway.news("line") if one.kind == "operator_pair"] == ["test"]

    visited(run, story)


async def last(gateway: Gateway) -> Evidence:
    return (await gateway.news("line"))[-1]


def test_a_code_to_type_is_asked_for_by_number_and_shown_large(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await ready(gateway, phone="+5511912345678")
        await gateway.judge("line", state="disconnected", reason=Reason("unpaired"))
        await browser.log_in()
        shown = await browser.get(f"{PAGE}?by=code")
        assert 'value="5511912345678"' in shown.text
        for wrong in ("", "12"):
            refused = await browser.post(PAGE, by="code", phone=wrong)
            assert refused.status_code == 400
            assert 'id="phone-error"' in refused.text
            assert f'value="{wrong}"' in refused.text
        answer = await browser.post(PAGE, by="code", phone="+55 11 91234-5678")
        assert answer.headers["location"] == f"{PAGE}?by=code"
        asked = await last(gateway)
        assert (asked.kind, asked.data["phone_number"]) == ("operator_pair", "5511912345678")
        await code(gateway, typed="ABCD1234")
        typed = await browser.get(f"{PAGE}?by=code")
        assert kind(typed) == "type"
        assert "ABCD-1234" in words(typed)
        assert kind(await browser.get(PAGE)) == "scan"

    visited(run, story)


def test_where_no_code_can_be_typed_the_page_says_so_or_offers_none(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await ready(gateway)
        await code(gateway)
        await browser.log_in()
        shown = await browser.get(f"{PAGE}?by=code")
        assert "one or the other" in words(shown)
        assert 'id="get-code"' not in shown.text
        refused = await browser.post(PAGE, by="code", phone="+5511912345678")
        assert refused.status_code == 400
        await gateway.add_server("bail", "baileys")
        await gateway.add_session("other", server="bail")
        assert "by=code" not in (await browser.get("/sessions/other/pair")).text.split('id="view"')[0]

    visited(run, story)


@pytest.mark.parametrize(
    ("act", "form", "left"),
    [
        ("again", {}, ("operator_recreate", None)),
        ("keep-phone", {"phone": "5511988887777"}, ("operator_changed", "5511988887777")),
        ("resume", {}, (None, None)),
    ],
)
def test_what_else_the_page_offers(run: Run, act: str, form: dict[str, str], left: tuple[Any, Any]) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await ready(gateway)
        await browser.log_in(await gateway.key("operate"))
        await browser.get(PAGE)
        assert (await browser.post(f"{PAGE}/{act}", **form)).headers["location"] == PAGE
        if left[0]:
            assert (await last(gateway)).kind == left[0]
        assert (await gateway.session("line")).phone == left[1]
        assert (await browser.post(f"{PAGE}/explode")).status_code == 404

    visited(run, story)


@pytest.mark.parametrize("role", ["read", "send"])
def test_who_may_not_pair_sees_no_code_and_no_link(run: Run, role: Any) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await ready(gateway)
        await code(gateway)
        await browser.log_in(await gateway.key(role))
        for path in (PAGE, f"{PAGE}/live", "/new"):
            answer = await browser.get(path)
            assert answer.status_code == 403
            assert "data:image" not in answer.text
        assert 'href="/new"' not in (await browser.get("/")).text
        for path in (PAGE, f"{PAGE}/again", "/sessions/line/pair-link", "/sessions/line/pair-link/revoke", "/new"):
            assert (await browser.post(path)).status_code == 403

    visited(run, story)


def test_the_stream_shows_each_code_at_once_and_no_other_session_s(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await ready(gateway)
        await gateway.add_session("other")
        await browser.log_in()
        cookies = "; ".join(f"{name}={word}" for name, word in browser.http.cookies.items())
        async with Reader(gateway, key=None, path=f"{PAGE}/live", query="by=qr", cookies=cookies) as reader:
            loop = asyncio.get_running_loop()
            await asyncio.sleep(0.5)
            assert [one["kind"] for one in frames(reader)] == ["asked"]
            for number in range(3):
                began = loop.time()
                await code(gateway, f"2@{number}")
                while len(frames(reader)) < number + 2:
                    await asyncio.sleep(0.001)
                assert loop.time() - began < 0.1, "pushed, not found by a look"
                assert "data:image/png;base64," in frames(reader)[-1]["html"]
            assert len({one["tag"] for one in frames(reader)}) == 4
            await gateway.judge("other", state="awaiting_qr")
            await asyncio.sleep(3.0)
            assert len(frames(reader)) == 4
            gateway.clock.ahead = 60.0
            await asyncio.sleep(2.0)
            assert frames(reader)[-1]["kind"] != "scan"
            await browser.get("/")
            await browser.post("/logout")
            await asyncio.sleep(10.0)
            assert frames(reader)[-1]["kind"] == "over"

    visited(run, story)


def test_the_stream_ends_with_the_session(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await ready(gateway)
        await browser.log_in()
        cookies = "; ".join(f"{name}={word}" for name, word in browser.http.cookies.items())
        async with Reader(gateway, key=None, path=f"{PAGE}/live", cookies=cookies) as reader:
            await asyncio.sleep(0.5)
            assert (await gateway.call("DELETE", "/v1/sessions/line")).status_code == 204
            await asyncio.sleep(2.0)
            assert frames(reader)[-1]["kind"] == "over"
        assert (await browser.get(PAGE)).status_code == 404

    visited(run, story)
