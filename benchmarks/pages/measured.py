"""First paint, an update, a code to scan, and what a hundred open pages cost while a thousand sessions change."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
from playwright.async_api import BrowserContext, Page

from benchmarks.gateway import Api, gateway
from benchmarks.pages import browser
from benchmarks.pages.fleet import fill
from benchmarks.pages.viewers import Viewers
from benchmarks.processes import Failed, Say, ask, listening
from benchmarks.watching.fleet import GATEWAY_URL, UNPAIRED, session_name

PERIOD_S = 600.0
"""Looks at idle sessions are not what is measured."""
QUIET_S = 5.0
REST_PER_S = 60
"""With fewer requests a second to all servers the gateway only watches."""
RESTED_S = 1.5
"""Longer than a page rests between two drawings."""
TRUE_WITHIN_S = 60.0
AT_ONCE = 8
"""Calls under way together while sessions change."""


class Pages(msgspec.Struct, frozen=True):
    """How large: sessions over servers, rounds of each single measurement, open pages, and how many sessions change."""

    sessions: int
    servers: int
    rounds: int
    viewers: int
    burst: int


async def run(wish: Pages, directory: Path, say: Say, profile: Path | None) -> dict[str, Any]:
    """The figures. Raises `Failed`."""
    each = -(-wish.sessions // wish.servers)
    async with listening(
        "benchmarks.watching.fleet", directory, "fleet", str(wish.servers), str(PERIOD_S), str(each)
    ) as fleet:
        ports = (await ask(fleet.port, "/_bench/fleet"))["ports"]
        data = directory / "data"
        say(f"{wish.sessions} sessions are written down")
        await fill(data, wish.sessions, ports)
        settings = directory / "esteio.toml"
        settings.write_text(
            f"public_url = '{GATEWAY_URL}'\n[policy.default]\nprobe_idle_s = {PERIOD_S}\n[log]\nlevel = 'warning'\n",
            "utf-8",
        )
        async with gateway(directory, profile, data=data, settings=settings) as api:
            await _at_rest(fleet.port)
            figures = await _with_browser(api, wish, say)
            figures |= await _with_viewers(api, wish, say)
    return {"bench": "pages", **figures, **msgspec.to_builtins(wish)}


async def _at_rest(port: int) -> None:
    """Until the first looks of a start are over, as the stub sees them. Raises `Failed`."""
    for _ in range(120):
        before = (await ask(port, "/_bench/fleet"))["requests"]
        await asyncio.sleep(QUIET_S)
        if (await ask(port, "/_bench/fleet"))["requests"] - before < REST_PER_S * QUIET_S:
            return
    raise Failed("the gateway did not come to rest")


async def _with_browser(api: Api, wish: Pages, say: Say) -> dict[str, Any]:
    url = f"http://127.0.0.1:{api.port}"
    async with browser.chromium() as profile:
        paints = [await _paint(api, url, await profile()) for _ in range(wish.rounds)]
        say(f"painted: {paints[-1]}")
        context = await profile()
        await context.request.get(url + await _link(api))
        page = await context.new_page()
        await browser.live(page, url)
        updates = [await _update(api, page, number) for number in range(wish.rounds)]
        say(f"updated: {updates[-1]}")
        await browser.live(page, f"{url}/sessions/{UNPAIRED}")
        codes = [await browser.code(page, partial(_push_code, api, number)) for number in range(wish.rounds + 1)]
        say(f"codes: {codes}")
    return {
        "first_byte_ms": _median(paints, "first_byte"),
        "first_paint_ms": _median(paints, "painted"),
        "update_ms": _median(updates, "took"),
        "update_in_browser_ms": _median(updates, "browser"),
        "act_to_update_ms": _median(updates, "since_act"),
        "webhook_to_code_ms": round(median(codes[1:]), 1),
        "webhook_to_code_most_ms": round(max(codes[1:]), 1),
    }


async def _paint(api: Api, url: str, context: BrowserContext) -> dict[str, float]:
    """Of an empty profile."""
    await context.request.get(url + await _link(api))
    found = await browser.paint(context, url)
    await context.close()
    return found


async def _update(api: Api, page: Page, number: int) -> dict[str, float]:
    """A session is paused, at the next call resumed."""
    await asyncio.sleep(RESTED_S)
    act, there = [("pause", "#chip-paused"), ("resume", "#live:not(:has(#chip-paused))")][number % 2]
    path = f"/v1/sessions/{session_name(0, 1)}/{act}"
    return await browser.update(page, there, partial(api.call, "POST", path))


def _median(found: list[dict[str, float]], name: str) -> float:
    return round(median(one[name] for one in found), 1)


async def _link(api: Api) -> str:
    return str((await api.call("POST", "/v1/login-links", {}))["path"])


async def _push_code(api: Api, number: int) -> None:
    """As the provider's webhook does."""
    body = {
        "event": "qrcode.updated",
        "instance": UNPAIRED,
        "date_time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "data": {"qrcode": {"instance": UNPAIRED, "code": f"2@bench-{number}-{'x' * 180}", "count": number}},
    }
    await api.call("POST", f"/in/{UNPAIRED}", body)


async def _with_viewers(api: Api, wish: Pages, say: Say) -> dict[str, Any]:
    url = f"http://127.0.0.1:{api.port}"
    names = [session_name(number % wish.servers, number // wish.servers) for number in range(wish.burst)]
    alone_s = await _burst(api, names, "pause")
    await _burst(api, names, "resume")
    before_mb = api.process.rss_mb()
    async with browser.chromium() as profile:
        context = await profile()
        await context.request.get(url + await _link(api))
        cookies = {one["name"]: one["value"] for one in await context.cookies()}
    async with Viewers(url, cookies, wish.viewers) as viewers:
        await asyncio.sleep(QUIET_S)
        spent = api.process.cpu_s()
        await asyncio.sleep(QUIET_S)
        idle = (api.process.cpu_s() - spent) / QUIET_S
        say(f"{wish.viewers} pages are open")
        drawn, sent = sum(one.drawings for one in viewers.all), sum(one.bytes for one in viewers.all)
        loop = asyncio.get_running_loop()
        watched_s = await _burst(api, names, "pause")
        over = loop.time()
        late = await _all_true(viewers, wish.burst, over)
        return {
            "rss_mb": round(before_mb),
            "rss_with_viewers_mb": round(api.process.rss_mb()),
            "rss_peak_mb": round(api.process.rss_mb(peak=True)),
            "idle_cpu_percent": round(idle * 100, 1),
            "burst_s": round(watched_s, 2),
            "burst_without_viewers_s": round(alone_s, 2),
            "drawings_sent": sum(one.drawings for one in viewers.all) - drawn,
            "sent_mb": round((sum(one.bytes for one in viewers.all) - sent) / 1e6, 1),
            "late_p50_s": round(late[len(late) // 2], 2),
            "late_most_s": round(late[-1], 2),
        }


async def _burst(api: Api, names: list[str], act: str) -> float:
    """So many sessions change as fast as the API takes it; the seconds."""
    loop = asyncio.get_running_loop()
    began, turns = loop.time(), asyncio.Semaphore(AT_ONCE)

    async def one(name: str) -> None:
        async with turns:
            await api.call("POST", f"/v1/sessions/{name}/{act}")

    await asyncio.gather(*(one(name) for name in names))
    return loop.time() - began


async def _all_true(viewers: Viewers, paused: int, since: float) -> list[float]:
    """How long after the last change each page showed all of them, in order. Raises `Failed` when one does not."""
    loop = asyncio.get_running_loop()
    while any(one.paused < paused for one in viewers.all):
        if loop.time() - since > TRUE_WITHIN_S:
            raise Failed(f"a page shows {min(one.paused for one in viewers.all)} of {paused} changes")
        await asyncio.sleep(0.05)
    return sorted(one.true_at - since for one in viewers.all)
