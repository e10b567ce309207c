"""The first page: what is wrong on top, counts as filters, tiles by server or a table; for whom, with which buttons."""

from __future__ import annotations

import re

import msgspec
import pytest

from esteio.core.model.recovery import Approval, Attempt, Outage, Recovery
from esteio.core.model.server import MASS_FALL, Incident
from esteio.core.model.state import Axis, Reason
from esteio.store.base import DecisionCommit, ServerCommit
from tests.api.conftest import Gateway, Run
from tests.api.dashboard.browser import Browser, visited, words


async def peopled(gateway: Gateway) -> None:
    """Five sessions on two servers; two of the first are in trouble."""
    for server in ("evo", "loja"):
        await gateway.add_server(server)
    for name, server in (("mine-1", "evo"), ("mine-2", "evo"), ("other", "evo"), ("mine-3", "loja"), ("last", "loja")):
        await gateway.add_session(name, server=server)
        await gateway.live(name)
    await gateway.judge("mine-2", state="error", reason=Reason("instance-missing"))
    await gateway.judge("other", state="disconnected", reason=Reason("closed"))


def chips(text: str) -> dict[str, str]:
    """Key of each filter → its count."""
    return dict(re.findall(r'id="chip-(\w+)"><a[^>]*>.*?<b>([\d.,]+)</b>', text))


def tiles(text: str) -> list[str]:
    return re.findall(r'id="tile-([\w.-]+)"', text)


def test_counts_are_filters_and_lead_back(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await peopled(gateway)
        await browser.log_in()
        shown = (await browser.get("/")).text
        assert chips(shown) == {"all": "5", "asking": "2", "error": "1", "disconnected": "1", "connected": "3"}
        assert "5 sessions; 2 need a look." in words(await browser.get("/"))
        assert tiles(shown)[:2] == ["mine-2", "other"]
        wanting = re.search(r'id="chip-asking"><a class="[^"]*" href="([^"]+)"', shown)
        assert wanting
        narrowed = (await browser.get(wanting[1])).text
        assert tiles(narrowed) == ["mine-2", "other"]
        assert 'id="chip-asking"><a class="state asking" href="/" aria-current="true">' in narrowed
        assert chips((await browser.get("/?server=loja")).text) == {"all": "2", "connected": "2"}
        assert chips((await browser.get("/?q=MINE&state=error")).text)["all"] == "3"
        assert "No session is like that." in words(await browser.get("/?q=nobody"))

    visited(run, story)


def test_a_key_counts_what_it_reaches(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await peopled(gateway)
        await browser.log_in(await gateway.key("read", "mine-*"))
        shown = await browser.get("/")
        assert chips(shown.text) == {"all": "3", "asking": "1", "error": "1", "connected": "2"}
        assert sorted(tiles(shown.text)) == ["mine-1", "mine-2", "mine-3"]
        assert "evo answers · 2 sessions · 1 needs a look" in words(shown).replace("not known yet", "answers")
        assert "Look now" not in words(shown)
        assert (await browser.post("/look/mine-2")).status_code == 403

    visited(run, story)


def test_servers_stand_in_the_order_of_their_trouble(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await peopled(gateway)
        await gateway.judge("last", state="error", since=gateway.clock.now() + 1)
        await browser.log_in()
        shown = (await browser.get("/")).text
        assert re.findall(r'<section id="server-(\w+)"', shown) == ["loja", "evo"]

    visited(run, story)


def test_a_mass_fall_is_told_as_one(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await peopled(gateway)
        stored = next(one for one in await gateway.store.servers.all() if one.server.name == "evo")
        now = gateway.clock.now()
        fallen = msgspec.structs.replace(
            stored.server,
            health="up",
            incident=Incident("i1", now, MASS_FALL, members=2),
            outage=Outage("o1", now, MASS_FALL),
        )
        assert await gateway.store.decisions.commit_server(ServerCommit(server=fallen))
        await browser.log_in()
        shown = words(await browser.get("/"))
        assert "Several sessions of the server evo went down together (2)." in shown
        assert "2 of its 3 sessions are not connected." in shown
        assert shown.count("Several sessions") == 1

    visited(run, story)


@pytest.mark.parametrize("count", [1, 5])
def test_few_of_those_that_wait_stand_here_and_all_are_counted(run: Run, count: int) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await gateway.add_server()
        for number in range(count):
            session = await gateway.add_session(f"s{number}")
            one = Approval(f"a{number}", session.id, session.name, "logout", "ghost", Reason("cost-logout"), 1.0)
            assert await gateway.store.decisions.commit_session(DecisionCommit(session=session, approval=one))
        await browser.log_in()
        shown = await browser.get("/")
        assert shown.text.count('id="approval-') == min(count, 3)
        assert f'<b class="badge">{count}</b></h2>' in shown.text
        assert (f'<a href="/approvals">All {count}</a>' in shown.text) == (count > 3)

    visited(run, story)


def test_a_tile_tells_the_step_of_the_ladder(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await peopled(gateway)
        now = gateway.clock.now()
        trying = Recovery(open=Attempt("a1", "restart", 2, now, now + 40))
        await gateway.judge("mine-2", state="degraded", recovery=trying)
        await gateway.judge("other", state="degraded", recovery=Recovery(next_at=now + 7200, then=("connect",)))
        await browser.log_in()
        shown = await browser.get("/")
        assert re.search(r"Now: restart the session \(try 2\) next look in \d+ s", words(shown))
        assert re.search(r"Next: connect next look in (?:2 h|1 h 59 min)", words(shown))
        assert shown.text.count("data-soon") == 1, "what is hours away is not looked at every few seconds"

    visited(run, story)


def test_those_that_are_well_take_little_room(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await peopled(gateway)
        proved = Axis("yes", "send_accepted", gateway.clock.now())
        await gateway.judge("last", state="connected", can_send=proved, can_receive=proved)
        await browser.log_in()
        assert re.findall(r'class="tile connected calm" id="tile-(\w+)"', (await browser.get("/")).text) == ["last"]

    visited(run, story)


def test_a_table_is_remembered_in_the_address(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await peopled(gateway)
        await browser.log_in()
        shown = await browser.get("/?view=table&server=evo")
        assert tiles(shown.text) == ["mine-2", "other", "mine-1"]
        assert shown.text.count("<tr id=") == 3
        links = re.findall(r'class="state \w+" href="([^"]+)"', shown.text)
        assert links
        assert all("view=table" in one and "server=evo" in one for one in links)

    visited(run, story)


def test_a_look_leads_back_to_where_one_was(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await peopled(gateway)
        await browser.log_in(await gateway.key("operate", "mine-*"))
        shown = await browser.get("/?state=error&q=mine")
        back = re.search(r'name="back" value="([^"]+)"', shown.text)
        assert back
        answer = await browser.post("/look/mine-2", back=back[1].replace("&amp;", "&"))
        assert answer.headers["location"] == "/?q=mine&state=error&done=look"
        assert "looked at now" in words(await browser.get(answer.headers["location"]))
        assert (await gateway.news("mine-2"))[-1].kind == "operator_recover"
        for evil in ("//evil.example", "https://evil.example/", "/\\evil", "/x", "/?a\r\nb"):
            assert (await browser.post("/look/mine-2", back=evil)).headers["location"] == "/?done=look"
        assert (await browser.post("/look/other", back="/")).status_code == 403

    visited(run, story)


def test_an_empty_start_says_what_to_do(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await browser.log_in()
        shown = await browser.get("/")
        assert "No server yet" in words(shown)
        assert 'href="/servers/new"' in shown.text
        await gateway.add_server()
        assert "No sessions yet" in words(await browser.get("/"))
        await browser.post("/logout")
        await browser.log_in(await gateway.key("read"))
        assert 'href="/servers/new"' not in (await browser.get("/")).text

    visited(run, story)


def test_many_incidents_leave_the_sessions_in_sight(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        for number in range(6):
            await gateway.add_server(f"evo-{number}")
        for stored in await gateway.store.servers.all():
            down = msgspec.structs.replace(stored.server, health="down", health_at=gateway.clock.now())
            assert await gateway.store.decisions.commit_server(ServerCommit(server=down))
        await browser.log_in()
        shown = await browser.get("/")
        assert shown.text.count('id="incident-') == 3
        assert "and 3 more: evo-3 evo-4 evo-5" in words(shown)

    visited(run, story)


def test_a_brazilian_reads_brazilian_numbers(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await peopled(gateway)
        browser.http.headers["accept-language"] = "pt-BR"
        await browser.log_in()
        assert "5 sessões; 2 pedem atenção." in words(await browser.get("/"))

    visited(run, story)
