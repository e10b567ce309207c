"""A real browser before a real gateway. What a test file uses:

    stage        `esteio serve` and `esteio sandbox` as processes, one pair a file (see `stage`)
    page         a page of Playwright that is logged in, 1280 px, English; its test fails on an error in the console, on
                 a refusal by the content security policy, on an exception in a script
    visitor      the same without a login
    opened(...)  further pages: `opened(width=390, language="pt-BR", dark=True, logged_in=False)`

Playwright waits by itself for what `expect(...)` asks. Pictures: with ESTEIO_PICTURES=FOLDER in the environment
`test_every_page` writes each page at 390 and 1280 px.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.browser.installed import FLAGS, Unavailable, chromium, left_out
from tests.browser.stage import Stage

PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)
HEIGHT = {390: 844, 1280: 900}
Opened = Callable[..., Page]


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers share."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if base.name.startswith("popen-") else base) / "browser"


# By file, and not for the whole run: while Playwright's own loop stands, no other test of this worker can run one.
@pytest.fixture(scope="module")
def browser(shared: Path) -> Iterator[Browser]:
    """Chromium; skipped where it cannot be had."""
    try:
        program = chromium(shared)
    except Unavailable as why:
        left_out(why)
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield found
        found.close()


@pytest.fixture(scope="module")
def stage(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The processes."""
    found = Stage(tmp_path_factory.mktemp("stage"))
    yield found
    found.close()


@pytest.fixture
def opened(browser: Browser, stage: Stage) -> Iterator[Opened]:
    """Opens pages; what went wrong in any of them fails the test."""
    wrong: list[str] = []
    contexts: list[BrowserContext] = []

    def heard(message: ConsoleMessage) -> None:
        # A page that is asked for what is not there, or while nobody answers, says so too: those are the tests' own.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            wrong.append(message.text)

    def open_page(
        *,
        width: int = 1280,
        language: str = "en",
        dark: bool = False,
        logged_in: bool = True,
        beside: Page | None = None,
    ) -> Page:
        """`beside`: in the same browser profile as that page."""
        if beside is None:
            context = browser.new_context(
                viewport={"width": width, "height": HEIGHT.get(width, 900)},
                locale=language,
                color_scheme="dark" if dark else "light",
            )
            context.on("console", heard)
            context.on("weberror", lambda error: wrong.append(str(error.error)))
            contexts.append(context)
            if logged_in:
                context.request.get(stage.login_link())
        else:
            context = beside.context
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def page(opened: Opened) -> Page:
    """Logged in."""
    return opened()


@pytest.fixture
def visitor(opened: Opened) -> Page:
    """Not logged in."""
    return opened(logged_in=False)
