"""The pages of incidents: what is down and was, for whom, in pages; and the whole story of one."""

from __future__ import annotations

import re

import pytest

from esteio.api.dashboard.incidents import report
from esteio.api.dashboard.incidents.lists import MOST_OPEN, PAGE
from esteio.core.model.evidence import seen
from esteio.core.model.recovery import Outage
from esteio.core.model.state import Reason
from esteio.store.base import DecisionCommit
from tests.api.conftest import Gateway, Run
from tests.api.dashboard.browser import Browser, visited, words
from tests.api.dashboard.history.the_past import DAY, HOUR, fell, lived, said, server_fell
from tests.narrowing import not_none


def listed(text: str) -> list[str]:
    return re.findall(r'id="incident-([^"]+)"', text)


async def two_lines(gateway: Gateway) -> None:
    await gateway.add_server()
    await gateway.add_server("other")
    for name in ("mine-1", "theirs-9"):
        await lived(gateway, name)


def test_what_is_down_stands_on_top_and_what_was_below_newest_first(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await two_lines(gateway)
        await browser.log_in()
        empty = words(await browser.get("/incidents"))
        for told in ("Nothing is down.", "No outage has been recorded yet."):
            assert told in empty
        first = await fell(gateway, "theirs-9", 60, None, ident="first")
        assert "Nothing before that." in words(await browser.get("/incidents"))
        await fell(gateway, "theirs-9", 60, 30, ident=first)
        old = await fell(gateway, "mine-1", 3 * DAY, HOUR, "banned", "old")
        new = await fell(gateway, "theirs-9", DAY, 2 * HOUR, ident="new")
        now = await fell(gateway, "mine-1", 600, None, ident="now")
        server = await server_fell(gateway, "other", 300, None)
        page = await browser.get("/incidents")
        assert listed(page.text) == [server, now, first, new, old]
        told = words(page)
        for sentence in (
            "down for 10 min so far",
            "down for 2 h",
            "WhatsApp has banned this account",
            "refused the connection",
        ):
            assert sentence in told
        assert told.index("Down now") < told.index("mine-1") < told.index("Before") < told.index("theirs-9")
        assert listed((await browser.get("/incidents?session=mine-1")).text) == [now, old]
        assert listed((await browser.get("/incidents?server=other")).text) == [server]
        assert "No outage matches." in words(await browser.get("/incidents?session=nobody"))
        assert "No outage matches." in words(await browser.get("/incidents?after=nonsense&server=other"))

    visited(run, story)


def test_ended_ones_come_in_pages(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await two_lines(gateway)
        for number in range(PAGE + 3):
            await fell(gateway, ("mine-1", "theirs-9")[number % 2], DAY + 60 * number, 30, ident=f"o{number}")
        await browser.log_in()
        for start, expected in (("/incidents", PAGE + 3), ("/incidents?server=evo", PAGE + 3)):
            first = await browser.get(start)
            following = not_none(re.search(r'rel="next" href="([^"]+)"', first.text))[1].replace("&amp;", "&")
            second = await browser.get(following)
            assert listed(first.text) + listed(second.text) == [f"o{n}" for n in range(expected)]
            assert 'rel="next"' not in second.text
            assert "Down now" not in words(second)

    visited(run, story)


def test_very_many_open_ones_are_counted(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await two_lines(gateway)
        session = await gateway.session("mine-1")
        many = tuple(Outage(f"o{n}", gateway.clock.now() - n, "ghost-socket") for n in range(MOST_OPEN + 3))
        assert await gateway.store.decisions.commit_session(DecisionCommit(session=session, outages=many))
        await browser.log_in()
        page = await browser.get("/incidents")
        assert len(listed(page.text)) == MOST_OPEN
        assert "And 3 more." in words(page)

    visited(run, story)


def test_what_fell_with_its_server_stands_in_its_incident(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await two_lines(gateway)
        incident = await server_fell(gateway, "evo", 600, None, "mass-fall")
        mine, theirs = await fell(gateway, "mine-1", 590, None), await fell(gateway, "theirs-9", 580, 400)
        await browser.log_in()
        assert listed((await browser.get("/incidents")).text) == [incident]
        assert listed((await browser.get("/incidents?session=mine-1")).text) == [mine]
        whole = await browser.get(f"/incidents/{incident}")
        told = words(whole)
        for sentence in (
            "evo is down",
            "Several sessions of the server evo went down together",
            "2 sessions fell with it",
        ):
            assert sentence in told
        for part in (mine, theirs):
            assert f'href="/incidents/{part}"' in whole.text
            page = await browser.get(f"/incidents/{part}")
            assert f'href="/incidents/{incident}"' in page.text
            assert "The notice was the server's" in words(page)

    visited(run, story)


def test_one_incident_tells_its_whole_story(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await two_lines(gateway)
        session, now = await gateway.session("mine-1"), gateway.clock.now()
        sign = seen("send_closed", now - 3610, "send", happened_at=now - 3610)
        wish = seen("operator_recover", now - 3650, "operator", who="somebody", happened_at=now - 3650)
        old = seen("socket_closed", now - 9000, "probe", happened_at=now - 9000)
        claim = seen("said_open", now - 3620, "state", happened_at=now - 3620)
        await gateway.store.journal.add_evidence(session.id, session.server, [old, wish, claim, sign], now)
        await gateway.call("POST", "/v1/sessions/mine-1/messages", {"to": "5511999998888", "text": "oi"})
        incident = await fell(gateway, "mine-1", 3600, 1800, ident="out")
        await said(
            gateway,
            "mine-1",
            ("decision", "outage-started", 3600, {"because": "ghost-socket"}),
            ("act", "begin", 3590, {"rung": "restart", "number": "1", "because": "ghost-socket"}),
            ("act", "no-effect", 3500, {"rung": "restart", "number": "1"}),
            ("act", "begin", 3400, {"rung": "restart", "number": "2"}),
            ("act", "effect", 3300, {"rung": "restart", "number": "2"}),
            ("decision", "quarantined", 3200, {"seconds": "300"}),
            ("notice", "notice-opened", 3540, {"because": "ghost-socket"}),
            ("notice", "notice-arrived", 3530, {"target": "1 (mailto)"}),
            ("decision", "outage-ended", 1800, {}),
            ("notice", "notice-closed", 1700, {"seconds": "1800"}),
            ("act", "begin", 600, {"rung": "logout"}),
            ("notice", "notice-opened", 500, {"because": "banned"}),
        )
        await browser.log_in()
        page = await browser.get(f"/incidents/{incident}")
        told = words(page)
        for sentence in (
            "mine-1 was down",
            "down for 30 min",
            "A send was rejected with Connection Closed",
            "Restart the session. No effect.",
            "Restart the session (attempt 2). It worked.",
            "pausing for 5 min",
            "Notice delivered: 1 (mailto).",
            "Notice: the session is back after 30 min.",
            "Back after 30 min.",
        ):
            assert sentence in told, (sentence, told)
        for other in ("A probe was rejected", "somebody", "Unlink", "banned", "the state: open"):
            assert other not in told, other
        assert 'href="/sessions/mine-1"' in page.text

    visited(run, story)


def test_an_open_incident_says_what_to_do_and_what_waits(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await two_lines(gateway)
        incident = await fell(gateway, "mine-1", 600, None, "logged-out")
        await gateway.judge("mine-1", reason=Reason("logged-out"))
        body = {"to": "5511999998888", "text": "private words"}
        assert (await gateway.call("POST", "/v1/sessions/mine-1/messages", body)).status_code == 202
        await browser.log_in()
        page = await browser.get(f"/incidents/{incident}")
        for sentence in (
            "What to do:",
            "It is not back yet.",
            "1 message was accepted while it lasted. 1 of them still waits.",
            "No step was needed or possible",
            "Nobody: it was over before a notice was due",
        ):
            assert sentence in words(page)
        assert "private words" not in page.text
        assert 'data-session="mine-1"' in page.text

    visited(run, story)


def test_a_long_story_is_cut_and_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "LINES_AT_ONCE", 5)
    monkeypatch.setattr(report, "MOST_LINES", 10)

    async def story(gateway: Gateway, browser: Browser) -> None:
        await two_lines(gateway)
        incident = await fell(gateway, "mine-1", 600, None)
        steps = [("act", "begin", 500.0 - n, {"rung": "connect", "number": str(n)}) for n in range(2, 20)]
        await said(gateway, "mine-1", *steps)
        await browser.log_in()
        told = words(await browser.get(f"/incidents/{incident}"))
        assert "attempt 2" in told
        assert "attempt 15" not in told
        assert "More happened than stands here" in told

    visited(run, story)


def test_a_server_s_own_journal_tells_how_its_trouble_was_noticed(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await two_lines(gateway)
        now, other = gateway.clock.now(), (await gateway.store.servers.all())[1].server.name
        unreachable = seen("server_unreachable", now - 605, "list", happened_at=now - 605)
        await gateway.store.journal.add_evidence(None, other, [unreachable], now)
        incident = await server_fell(gateway, "other", 600, 500)
        back = seen("server_answered", now - 100, "list", happened_at=now - 100)
        await gateway.store.journal.add_evidence(None, other, [back], now)
        await browser.log_in()
        told = words(await browser.get(f"/incidents/{incident}"))
        assert "The server refused the connection." in told.partition("How it was noticed")[2]
        assert "other was down" in told

    visited(run, story)


def test_a_scoped_key_sees_its_sessions_incidents_only(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await two_lines(gateway)
        incident = await server_fell(gateway, "evo", 600, None, "mass-fall")
        mine, theirs = await fell(gateway, "mine-1", 590, None), await fell(gateway, "theirs-9", 580, None)
        ended = [await fell(gateway, name, DAY, 60, ident=f"e-{name}") for name in ("mine-1", "theirs-9")]
        await browser.log_in(await gateway.key("admin", "mine-*"))
        for path in ("/incidents", "/incidents?server=evo", "/incidents?session=mine-1"):
            page = await browser.get(path)
            assert listed(page.text) == [mine, ended[0]]
            assert "theirs" not in page.text
            assert incident not in page.text
        assert listed((await browser.get("/incidents?session=theirs-9")).text) == []
        page = await browser.get(f"/incidents/{mine}")
        assert page.status_code == 200
        assert incident not in page.text
        for forbidden in (theirs, ended[1], incident):
            assert (await browser.get(f"/incidents/{forbidden}")).status_code == 403
        assert (await browser.get("/incidents/none")).status_code == 404

    visited(run, story)


def test_a_session_s_page_leads_to_its_incidents(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await two_lines(gateway)
        await browser.log_in()
        assert 'href="/incidents?session=mine-1"' in (await browser.get("/sessions/mine-1")).text

    visited(run, story)


def test_an_outage_whose_session_is_gone_is_gone(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await two_lines(gateway)
        incident = await fell(gateway, "mine-1", 600, None)
        assert (await gateway.call("DELETE", "/v1/sessions/mine-1")).status_code in (200, 204)
        await browser.log_in()
        assert (await browser.get(f"/incidents/{incident}")).status_code == 404
        assert listed((await browser.get("/incidents")).text) == []

    visited(run, story)
