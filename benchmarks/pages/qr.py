"""From a provider's webhook with a new code to its picture on an open pairing page, in Chromium.

The clock starts when the webhook is sent and stops at the frame that the browser draws after the picture is decoded.
The browser tests' own stage serves: `esteio serve` and `esteio sandbox` as processes. Never lives here: a page.
"""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from benchmarks.processes import Failed
from tests.browser.installed import FLAGS, Unavailable, chromium
from tests.browser.stage import SANDBOX_KEY, Stage

NAME = "measured"
_WATCH = """() => { window.shownAt = 0; const view = document.getElementById('view');
    new MutationObserver((_, seen) => { const picture = view.querySelector('img'); if (!picture) return;
        seen.disconnect();
        picture.decode().then(() => requestAnimationFrame(() => { window.shownAt = Date.now(); }));
    }).observe(view, {childList: true}); }"""
_POLL_MS = 10


def run(rounds: int, directory: Path) -> dict[str, Any]:
    """The median, the ninth tenth and the longest of so many codes. Raises `Failed` without a browser."""
    try:
        program = chromium(directory)
    except Unavailable as why:
        raise Failed(str(why)) from why
    stage = Stage(directory)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
            page = browser.new_page()
            address = _shown(stage, page)
            times = sorted(_one(stage, page, address, number) for number in range(rounds))
            browser.close()
    finally:
        stage.close()
    ms = {"p50_ms": statistics.median(times), "p90_ms": times[rounds * 9 // 10], "max_ms": times[-1]}
    return {"bench": "qr", "codes": rounds, **{name: round(value, 1) for name, value in ms.items()}}


def _shown(stage: Stage, page: Page) -> str:
    """A pairing page is open; the address of the session's webhook."""
    stage.server("evo")
    stage.ask("POST", "/v1/sessions", {"name": NAME, "server": "evo"}, 201)
    stage.until(lambda: stage.ask("GET", f"/v1/sessions/{NAME}")["state"] == "awaiting_qr")
    page.goto(stage.login_link())
    page.goto(f"{stage.url}/sessions/{NAME}/pair")
    page.locator("#connection[data-state=on]").wait_for()
    where = f"{stage.address_of('evolution')}/webhook/find/{NAME}"
    return str(stage.http.get(where, headers={"apikey": SANDBOX_KEY}).json()["url"])


def _one(stage: Stage, page: Page, address: str, number: int) -> float:
    page.evaluate(_WATCH)
    at = time.time()
    told = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    code = {"instance": NAME, "code": f"2@measured-{number}", "base64": "", "count": number + 2}
    body = {"event": "qrcode.updated", "instance": NAME, "data": {"qrcode": code}, "date_time": told}
    stage.http.post(address, json=body)
    while not (shown := page.evaluate("window.shownAt")):
        page.wait_for_timeout(_POLL_MS)
    return float(shown) - at * 1000
