"""The sandbox's page inside the dashboard: only where providers are simulated, an admin's, buttons with a token."""

from __future__ import annotations

from esteio.sim.providers.faces import new_world
from esteio.sim.sandbox.control import Control
from esteio.sim.sandbox.page import SandboxPage
from esteio.sim.world.world import World
from tests.api.conftest import Gateway, Run
from tests.api.dashboard.browser import Browser, visited, words


def simulated(gateway: Gateway) -> World:
    """The gateway's server `evo` is a simulated one, which holds `shop`, whose phone is linked."""
    world = new_world(seed=1)
    world.add_server("evo", "evolution", base_url="http://evo.sim")
    world.plant("evo", "shop", "5511955500001")
    gateway.api.sandbox = SandboxPage(Control(world))
    return world


def test_where_nothing_is_simulated_the_address_is_unknown_and_nothing_leads_there(run: Run) -> None:
    async def story(_: Gateway, browser: Browser) -> None:
        await browser.log_in()
        assert 'href="/sandbox"' not in (await browser.get("/")).text
        assert (await browser.get("/sandbox")).status_code == 404
        assert (await browser.post("/sandbox", do="calm")).status_code == 404

    visited(run, story)


def test_a_session_is_broken_from_its_row_which_leads_to_its_own_page(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        world = simulated(gateway)
        await gateway.add_server("evo")
        await gateway.add_session("shop")
        await browser.log_in()
        shown = await browser.get("/sandbox")
        assert 'href="/sandbox" aria-current="page"' in shown.text
        assert 'href="/sessions/shop"' in shown.text
        assert "socket alive" in words(shown)
        answer = await browser.post("/sandbox", do="fault", server="evo", session="shop", fault="ghost.restart_cures")
        assert (answer.status_code, answer.headers["location"]) == (303, "/sandbox?did=fault")
        assert not world.servers["evo"].lines["shop"].alive
        shown = await browser.get("/sandbox?did=fault&server=evo&session=shop")
        assert "socket dead" in words(shown)
        assert "What shall happen to shop?" in words(shown)

    visited(run, story)


def test_a_form_that_is_not_ours_breaks_nothing(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        world = simulated(gateway)
        await browser.log_in()
        browser.token = "a-strangers"
        answer = await browser.post("/sandbox", do="fault", server="evo", session="shop", fault="ghost.restart_cures")
        assert answer.status_code == 403
        assert not world.ledger.faults

    visited(run, story)


def test_it_is_an_admins(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        simulated(gateway)
        await browser.log_in(await gateway.key("operate"))
        assert 'href="/sandbox"' not in (await browser.get("/")).text
        assert (await browser.get("/sandbox")).status_code == 403

    visited(run, story)


def test_a_key_for_some_sessions_sees_and_breaks_nothing_for_the_page_is_of_all(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        world = simulated(gateway)
        await gateway.add_server("evo")
        await gateway.add_session("shop")
        await browser.log_in(await gateway.key("admin", "mine-*"))
        shown = await browser.get("/sandbox")
        assert shown.status_code == 403
        assert "shop" not in shown.text
        press = {"do": "fault", "server": "evo", "session": "shop", "fault": "ghost.restart_cures"}
        assert (await browser.post("/sandbox", **press)).status_code == 403
        assert world.servers["evo"].lines["shop"].alive
        assert 'href="/sandbox"' not in (await browser.get("/")).text

    visited(run, story)
