"""The stream that tells open pages that something changed: at once, then together; to whom; and when it ends."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from esteio.api.dashboard.live import MOST_NAMES, REST_S
from esteio.api.v1.events import ALIVE_EVERY_S
from tests.api.conftest import ADMIN, Gateway, Run
from tests.api.dashboard.browser import Browser, visited
from tests.api.stream import Reader, tell


def listening(gateway: Gateway, browser: Browser) -> Reader:
    cookies = "; ".join(f"{name}={value}" for name, value in browser.http.cookies.items())
    return Reader(gateway, key=None, path="/live", cookies=cookies)


def told(reader: Reader) -> list[dict[str, Any]]:
    frames = reader.text.decode().split("\n\n")
    return [msgspec.json.decode(one.removeprefix("data: ")) for one in frames if one.startswith("data: ")]


def test_the_first_is_told_at_once_and_a_burst_together(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await browser.log_in()
        async with listening(gateway, browser) as reader:
            await asyncio.sleep(REST_S)
            await tell(gateway, "session.state_changed", session="a")
            await asyncio.sleep(REST_S / 100)
            assert told(reader) == [{"kinds": ["session.state_changed"], "sessions": ["a"]}]
            for name in ("b", "c", "b"):
                await tell(gateway, "session.qr", "message.received", session=name)
                await asyncio.sleep(REST_S / 100)
            assert len(told(reader)) == 1
            await asyncio.sleep(REST_S)
            assert told(reader)[1:] == [{"kinds": ["message.received", "session.qr"], "sessions": ["b", "c"]}]
            assert b"body" not in reader.text

    visited(run, story)


def test_of_very_many_and_of_servers_it_is_told_that_all_are_concerned(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await browser.log_in()
        async with listening(gateway, browser) as reader:
            await asyncio.sleep(REST_S)
            await tell(gateway, "server.outage_started", session=None)
            await asyncio.sleep(REST_S / 2)
            for number in range(MOST_NAMES + 1):
                await tell(gateway, "session.state_changed", session=f"s{number}")
            await asyncio.sleep(REST_S * 3)
            assert [one["sessions"] for one in told(reader)] == [None, None]

    visited(run, story)


def test_a_key_hears_of_what_it_reaches(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await browser.log_in(await gateway.key("read", "mine-*"))
        async with listening(gateway, browser) as reader:
            await asyncio.sleep(REST_S)
            await tell(gateway, "server.outage_started", session=None)
            await tell(gateway, "session.state_changed", session="other")
            await tell(gateway, "session.qr", session="mine-1")
            await asyncio.sleep(REST_S * 3)
            assert told(reader) == []
            await tell(gateway, "session.state_changed", session="mine-1")
            await asyncio.sleep(REST_S)
            assert [one["sessions"] for one in told(reader)] == [["mine-1"]]

    visited(run, story)


def test_it_is_heard_that_nothing_happens_until_the_login_is_over(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await browser.log_in()
        async with listening(gateway, browser) as reader:
            await asyncio.sleep(ALIVE_EVERY_S * 2 + 1)
            assert reader.text.count(b"event: alive\n") == 2
            await browser.post("/logout")
            await asyncio.wait_for(reader.task, ALIVE_EVERY_S + 1)
        async with listening(gateway, browser) as reader:
            await asyncio.wait_for(reader.task, 1)
            assert (reader.status, reader.headers[b"location"]) == (303, b"/login?next=%2Flive")

    visited(run, story)


def test_a_page_that_takes_nothing_is_dropped_and_holds_up_no_other(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await browser.log_in()
        async with listening(gateway, browser) as stuck, listening(gateway, browser) as well:
            await asyncio.sleep(REST_S)
            stuck.takes.clear()
            for number in range(5):
                await tell(gateway, "session.state_changed", session=f"s{number}")
                await asyncio.sleep(REST_S * 2)
            assert [one["sessions"] for one in told(well)] == [[f"s{number}"] for number in range(5)]
            await asyncio.wait_for(stuck.task, 60)
            assert not well.task.done()

    visited(run, story)


def test_it_ends_with_the_gateway(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await browser.log_in(ADMIN)
        async with listening(gateway, browser) as reader:
            await asyncio.sleep(REST_S)
            gateway.waiters.close()
            await asyncio.wait_for(reader.task, 0.01)

    visited(run, story)
