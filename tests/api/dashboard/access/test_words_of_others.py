"""Every page with words of others that are as bad as they come: they stand there as text, and as nothing else."""

from __future__ import annotations

from html.parser import HTMLParser

import msgspec

from esteio.core.model.state import Reason
from esteio.store.base import DecisionCommit, JournalEntry
from tests.api.conftest import Gateway, Run
from tests.api.dashboard.access.test_who_may import asks, peopled
from tests.api.dashboard.access.two_owners import MINE
from tests.api.dashboard.browser import Browser, visited
from tests.narrowing import not_none

EVIL = "\u202e<script>alert(1)</script><b onclick=x>\"'--></title></textarea>"


class Marks(HTMLParser):
    """What a browser would take for marks."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Code of ours comes as files, and no attribute holds any."""
        named = dict(attrs)
        if tag == "script" and not (named.get("src") or "").startswith("/static/"):
            self.wrong.append(f"<{tag}>")
        for name, value in attrs:
            leads = name in ("href", "src", "action") and not (value or "").startswith(("/", "#", "?", "data:image/"))
            if name.startswith("on") or name == "style" or leads:
                self.wrong.append(f"{tag} {name}={value}")


async def evil_everywhere(gateway: Gateway) -> None:
    """In every column that others write, beside what has its own tests."""
    session = await gateway.session(MINE)
    line = JournalEntry("evidence", gateway.clock.now(), "provider_refused", {"detail": EVIL, "phone": EVIL})
    told = msgspec.structs.replace(
        session,
        phone=EVIL,
        reason=Reason("provider-refused", {"detail": EVIL, "seen": EVIL, "phone": EVIL}),
        facts=msgspec.structs.replace(session.facts, phone_seen=EVIL),
        ref={"instance_name": EVIL},
    )
    assert await gateway.store.decisions.commit_session(DecisionCommit(session=told, journal=(line,)))
    changes = {
        "messages": ("chat", "sender", "to_address"),
        "attempts": ("detail",),
        "status_pages": ("title",),
        "status_page_sessions": ("label",),
        "api_keys": ("name",),
        "servers": ("version",),
        "endpoints": ("url", "last_detail"),
        "pair_links": ("title", "created_by"),
        "dead_events": ("detail",),
    }
    run = gateway.store.database.db.connection.execute
    for table, columns in changes.items():
        there = {str(row[1]) for row in run(f"PRAGMA table_info({table})").fetchall()}
        for column in set(columns) & there:
            run(f"UPDATE {table} SET {column} = ?", (EVIL,))


def test_words_of_others_are_text_on_every_page(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        (mine,) = await peopled(gateway, MINE)
        await browser.log_in()
        await evil_everywhere(gateway)
        told = 0
        for one in asks(mine, "GET"):
            for language in ("en", "pt-BR"):
                answer = await browser.get(one.path, accept_language=language)
                assert answer.status_code < 500, (one, answer.text)
                if not answer.headers.get("content-type", "").startswith("text/html"):
                    continue
                told += "alert(1)" in answer.text
                marks = Marks()
                marks.feed(answer.text)
                assert marks.wrong == [], one
                assert "<script>alert" not in answer.text
                assert "<b onclick" not in answer.text
        assert told > 20, "they stand on many"
        assert not_none(await gateway.session(MINE)).phone == EVIL

    visited(run, story)
