"""Drawings that are shared: never older than what their viewers were told, few in a burst, each viewer their own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from esteio.api.dashboard.drawings import FRESH_S, KEPT, LONGEST_REST_S, Drawings
from esteio.sim.clock.virtual_loop import run_virtual
from tests.api.conftest import Gateway, Run
from tests.api.dashboard.browser import Browser, visited, words

COST_S = 0.02


class Drawn:
    """Something to draw, that costs time; `said` is what there is to see, `place` the number of the newest event."""

    def __init__(self) -> None:
        self.place, self.count, self.said = 0, 0, "a"
        self.drawings = Drawings(self._place, "MARK")

    async def _place(self) -> int:
        return self.place

    async def draw(self) -> str:
        self.count += 1
        seen = self.said
        await asyncio.sleep(COST_S)
        return seen

    def happens(self, said: str) -> None:
        self.place += 1
        self.said = said


def story(test: Callable[[Drawn], Awaitable[None]]) -> None:
    async def whole() -> None:
        await test(Drawn())

    run_virtual(whole)


def test_a_hundred_viewers_cost_two_drawings() -> None:
    async def test(one: Drawn) -> None:
        one.happens("b")
        seen = await asyncio.gather(*(one.drawings.redrawn("fleet", one.draw) for _ in range(100)))
        assert set(seen) == {"b"}
        assert one.count <= 2

    story(test)


def test_nobody_is_shown_less_than_they_were_told_of() -> None:
    async def test(one: Drawn) -> None:
        async def viewer(number: int) -> None:
            await asyncio.sleep(number * COST_S / 7)
            one.happens(f"{number:03}")
            assert await one.drawings.redrawn("fleet", one.draw) >= f"{number:03}"

        await asyncio.gather(*(viewer(number) for number in range(200)))
        # 200 events in 30 times the cost of a drawing, a quarter of which is spent on drawing.
        assert 2 < one.count < 12

    story(test)


def test_different_views_take_turns_and_rest() -> None:
    async def test(one: Drawn) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await asyncio.gather(*(one.drawings.redrawn(number, one.draw) for number in range(10)))
        assert one.count == 10
        assert loop.time() - begun >= 9 * 4 * COST_S
        begun = loop.time()
        await one.drawings.opened("now", one.draw)
        assert loop.time() - begun < 1.5 * COST_S, "who opens a page does not wait"

    story(test)


def test_a_drawing_stands_for_a_moment_where_nothing_happened() -> None:
    async def test(one: Drawn) -> None:
        await one.drawings.opened("fleet", one.draw)
        await one.drawings.redrawn("fleet", one.draw)
        assert one.count == 1
        await one.drawings.redrawn("other", one.draw)
        assert one.count == 2
        await asyncio.sleep(FRESH_S)
        await one.drawings.redrawn("fleet", one.draw)
        assert one.count == 3
        one.happens("b")
        assert await one.drawings.redrawn("fleet", one.draw) == "b"

    story(test)


def test_what_is_remembered_and_rested_is_bounded() -> None:
    async def test(one: Drawn) -> None:
        for number in range(KEPT + 5):
            await one.drawings.opened(number, one.draw)
        assert repr(one.drawings) == f"Drawings({KEPT})"

        async def slow() -> str:
            await asyncio.sleep(60)
            return ""

        await one.drawings.redrawn("slow", slow)
        begun = asyncio.get_running_loop().time()
        await one.drawings.redrawn("next", one.draw)
        assert asyncio.get_running_loop().time() - begun <= LONGEST_REST_S + 2 * COST_S

    story(test)


def test_viewers_share_by_rights_and_language_and_keep_their_own_forms(run: Run) -> None:
    async def test(gateway: Gateway, first: Browser) -> None:
        await gateway.add_server()
        for name in ("mine-1", "other"):
            await gateway.add_session(name)
        viewers = {
            "admin": (first, ""),
            "again": (Browser(gateway), ""),
            "scoped": (Browser(gateway), await gateway.key("admin", "mine-*")),
            "reader": (Browser(gateway), await gateway.key("read")),
            "brazil": (Browser(gateway, language="pt-BR"), ""),
        }
        pages = {}
        for who, (browser, key) in viewers.items():
            await (browser.log_in(key) if key else browser.log_in())
            await browser.get("/")
            pages[who] = await browser.get("/", x_redraw="1")
            assert "MARK" not in pages[who].text
            assert ("other" in words(pages[who])) == (who != "scoped")
        assert "Sessões" in words(pages["brazil"])
        assert viewers["admin"][0].token != viewers["again"][0].token
        assert viewers["admin"][0].token not in pages["again"].text
        for browser, _ in viewers.values():
            await browser.http.aclose()

    visited(run, test)
