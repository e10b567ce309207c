"""Uptime strips: what a session went through, as a picture and as a sentence that says the same."""

from __future__ import annotations

import re

import msgspec
import pytest

from esteio.api.dashboard.uptime import WINDOWS, WORDS, percent
from esteio.store.base import DecisionCommit
from tests.api.conftest import Gateway, Run
from tests.api.dashboard.browser import Browser, visited, words
from tests.api.dashboard.history.the_past import DAY, HOUR, fell, lived


@pytest.mark.parametrize(
    ("share", "english", "portuguese"),
    [
        (1.0, "100%", "100%"),
        (0.999_999, "99.99%", "99,99%"),
        (0.9, "90%", "90%"),
        (0.29, "29%", "29%"),
        (0.0, "0%", "0%"),
        (None, "–", "–"),
    ],
)
def test_a_share_is_never_rounded_up(share: float | None, english: str, portuguese: str) -> None:
    assert (percent(share, "en"), percent(share, "pt-BR")) == (english, portuguese)


def pictures(text: str) -> list[tuple[str, set[str]]]:
    """Each strip's sentence, and what occurs in its picture."""
    found = re.findall(r'<svg class="strip"[^>]*role="img" aria-label="([^"]+)">(.*?)</svg>', text, re.DOTALL)
    return [(sentence, set(re.findall(r'<path class="([\w-]+)"', picture))) for sentence, picture in found]


def test_a_session_s_page_tells_its_last_day_week_and_month(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await gateway.add_server()
        await lived(gateway, "line", age_s=20 * DAY)
        await fell(gateway, "line", 5 * DAY, DAY, "logged-out")
        await fell(gateway, "line", 3 * HOUR, HOUR)
        await browser.log_in()
        page = await browser.get("/sessions/line")
        day, week, month = pictures(page.text)
        assert day == (
            "Last 24 hours: Up for 95.83% of the time that counts; down 1 time, 1 h in all.",
            {"up", "connection"},
        )
        assert week[0].startswith("Last 7 days: Up for 85.11% of the time that counts; down 2 times, 1 d 1 h in all")
        assert week[1] == {"up", "phone", "connection"}
        assert "10 d do not count" in month[0]
        assert month[1] == {"up", "phone", "connection", "unwatched"}
        assert "down: the connection (30 min)" in page.text
        for told in ("95.83%", "down: the phone or WhatsApp", "not watched"):
            assert told in words(page)
        foreign = await browser.get("/sessions/line", accept_language="pt")
        assert pictures(foreign.text)[0][0].startswith(
            "Últimas 24 horas: No ar em 95,83% do tempo que conta; fora do ar"
        )

    visited(run, story)


def test_each_state_has_its_own_shape(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await gateway.add_server()
        await lived(gateway, "line")
        now = gateway.clock.now()
        for ago, before, state in (
            (12, "connected", "degraded"),
            (8, "degraded", "paused"),
            (4, "paused", "awaiting_qr"),
        ):
            changed = msgspec.structs.replace(await gateway.session("line"), state=state, since=now - ago * HOUR)
            commit = DecisionCommit(session=changed, previous_state=before)  # type: ignore[arg-type]
            assert await gateway.store.decisions.commit_session(commit)
        await browser.log_in()
        page = await browser.get("/sessions/line")
        sentence, kinds = pictures(page.text)[0]
        assert kinds == {"up", "degraded", "paused", "unlinked"}
        assert "weak for 4 h" in sentence
        assert "8 h do not count" in sentence
        legend = re.findall(r'<path class="([\w-]+)" d="([^"]+)"/></svg>', page.text.partition('class="legend"')[2])
        assert [kind for kind, _ in legend] == [kind for kind in WORDS if kind in kinds]

    visited(run, story)


def test_a_session_that_was_just_made_was_not_watched(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await gateway.add_server()
        await gateway.add_session("line")
        await browser.log_in()
        found = pictures((await browser.get("/sessions/line")).text)
        assert [sentence.partition(": ")[2] for sentence, _ in found] == ["Nothing was watched."] * len(WINDOWS)

    visited(run, story)
