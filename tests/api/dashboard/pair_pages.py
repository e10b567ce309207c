"""Pairing pages as tests see them: what a session's page shows, a code as the engine would have written it."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import msgspec

from esteio.core.model.evidence import Evidence
from esteio.core.model.state import Reason
from esteio.store.base import DecisionCommit, Qr
from tests.api.conftest import Gateway
from tests.api.dashboard.browser import Browser
from tests.api.stream import Reader
from tests.narrowing import not_none

PAGE = "/sessions/line/pair"


async def ready(gateway: Gateway, **more: Any) -> None:
    """A server and the session `line`, of which nothing is known yet."""
    await gateway.add_server()
    await gateway.add_session(**more)


async def code(gateway: Gateway, text: str = "2@code", *, lasts_s: float = 45.0, typed: str | None = None) -> None:
    """The session shows this code from now on."""
    now = gateway.clock.now()
    session = await gateway.session("line")
    await gateway.store.qr_codes.put(session.id, Qr(text, "", 1, now, now + lasts_s, typed))
    await gateway.judge("line", state="awaiting_qr", reason=Reason("awaiting-qr"))


async def linked(gateway: Gateway) -> None:
    """The right phone was let in: what the judge commits then."""
    session = await gateway.session("line")
    live = msgspec.structs.replace(session, state="connected", since=gateway.clock.now(), linked=True)
    assert await gateway.store.decisions.commit_session(DecisionCommit(session=live, clear_qr=True))
    gateway.waiters.session_changed(session.id)


async def webhook_said(gateway: Gateway, *kinds: str, phone: str = "") -> None:
    """What a webhook tells of the session now, before anybody judges it."""
    session, now = await gateway.session("line"), gateway.clock.now()
    data = {"phone": phone} if phone else {}
    pieces = [Evidence(one, now, now, "webhook", data) for one in kinds]
    await gateway.store.journal.add_evidence(session.id, session.server, pieces, now)
    gateway.waiters.session_changed(session.id)


def kind(answer: httpx.Response) -> str:
    """What the page shows."""
    return not_none(re.search(r'data-kind="([\w-]+)"', answer.text))[1]


async def link(browser: Browser, **words: str) -> str:
    """A link for the phone's owner: its path."""
    await browser.get(PAGE)
    made = await browser.post("/sessions/line/pair-link", **words)
    assert made.status_code == 200, made.text
    return not_none(re.search(r'id="address"[^>]* value="http://esteio(/pair/[\w-]+)"', made.text))[1]


def frames(reader: Reader) -> list[dict[str, Any]]:
    """What a stream told so far; `over` where it ended."""
    found = re.findall(r"event: (drawn|over)\ndata: (.*)\n\n", reader.text.decode())
    return [json.loads(data) if event == "drawn" else {"kind": "over"} for event, data in found]
