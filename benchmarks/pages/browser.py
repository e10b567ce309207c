"""Chromium at the dashboard: when a page was painted, how long an update takes, when a code to scan is there.

Times are the browser's own (Performance API, `Date.now()`, which is this machine's clock too). Never lives here: a
fleet.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import BrowserContext, Page, async_playwright

from benchmarks.processes import Failed
from esteio.clock import SystemClock

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
WAIT_MS = 30_000.0
# The page's policy lets nobody evaluate a text: what is waited for is waited for in here.
_PAINTED = """async () => { let paint;
    while (!(paint = performance.getEntriesByType('paint').find((one) => one.name === 'first-contentful-paint')))
        await new Promise(requestAnimationFrame);
    return {first_byte: performance.getEntriesByType('navigation')[0].responseStart, painted: paint.startTime}; }"""
_WATCH = """() => { globalThis.updates = []; document.addEventListener('drawn', () => {
    const fetched = performance.getEntriesByType('resource').filter((one) => one.initiatorType === 'fetch').at(-1);
    updates.push({took: performance.now() - fetched.startTime, browser: performance.now() - fetched.responseEnd,
        at: Date.now()}); }); }"""
_CODE = "document.querySelector('#live img[src^=\"data:image/png\"]')?.src"
_CODE_CHANGED = f"""(old) => new Promise((done) => {{ const look = () => {{ const now = {_CODE};
    if (now && now !== old) done(Date.now()); else requestAnimationFrame(look); }}; look(); }})"""
Act = Callable[[], Awaitable[object]]


@asynccontextmanager
async def chromium() -> AsyncIterator[Callable[[], Awaitable[BrowserContext]]]:
    """Makes empty profiles while the block runs. Raises `Failed` where there is no browser."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        raise Failed("this measurement needs Chromium (Debian's package chromium)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=FLAGS)

        async def profile() -> BrowserContext:
            return await browser.new_context(viewport={"width": 1280, "height": 900}, locale="en")

        yield profile
        await browser.close()


async def paint(context: BrowserContext, url: str) -> dict[str, float]:
    """Milliseconds from the click to the first byte and to the first paint."""
    page = await context.new_page()
    await page.goto(url)
    found: dict[str, float] = await page.evaluate(_PAINTED)
    await page.close()
    return found


async def live(page: Page, url: str) -> None:
    """Opens it, until it listens and has drawn itself."""
    await page.goto(url)
    await page.evaluate(_WATCH)
    await page.wait_for_selector("#connection[data-state=on]", state="attached", timeout=WAIT_MS)


async def update(page: Page, selector: str, act: Act) -> dict[str, float]:
    """Milliseconds of the drawing after which `selector` is there: whole, in the browser, and since the act began."""
    began = SystemClock().now() * 1000
    await act()
    await page.wait_for_selector(selector, timeout=WAIT_MS)
    last: dict[str, Any] = await page.evaluate("updates.at(-1)")
    return {"took": last["took"], "browser": last["browser"], "since_act": last["at"] - began}


async def code(page: Page, act: Act) -> float:
    """Milliseconds from the act to another code in the page, painted."""
    old = await page.evaluate(f"() => {_CODE}")
    changed = asyncio.create_task(page.evaluate(_CODE_CHANGED, old))
    await asyncio.sleep(0)
    began = SystemClock().now() * 1000
    await act()
    return float(await asyncio.wait_for(changed, WAIT_MS / 1000)) - began
