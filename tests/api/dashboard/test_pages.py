"""What stands on the pages: for whom, escaped, in which language, under which headers; and how large they are."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from esteio.api.dashboard.app import TABLE
from esteio.api.dashboard.fleet import PAGE
from esteio.api.dashboard.static import FILES
from esteio.core.model.recovery import Approval
from esteio.core.model.server import HealthState
from esteio.core.model.state import Axis, Reason
from esteio.store.base import DecisionCommit, Qr, ServerCommit
from tests.api.conftest import ADMIN, Gateway, Run
from tests.api.dashboard.browser import Browser, visited, words
from tests.narrowing import not_none

EVIL = "<script>alert(1)</script>\"'>"


async def fleet_of(gateway: Gateway, *names: str) -> None:
    await gateway.add_server()
    for name in names:
        await gateway.add_session(name)
        await gateway.live(name)


async def asked(gateway: Gateway, name: str) -> str:
    session = await gateway.session(name)
    one = Approval(f"apr_{name}", session.id, session.name, "logout", "ghost", Reason("cost-logout"), 1.0)
    assert await gateway.store.decisions.commit_session(DecisionCommit(session=session, approval=one))
    return one.id


def test_every_answer_keeps_the_browser_safe(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        paths = [re.sub(r"\{\w+\}", "line", one.path) for one in TABLE] + ["/static/esteio.js", "/static/none"]
        for path in paths * 2:
            answer = await browser.get(path)
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            private = path.startswith("/pair/")
            assert answer.headers["referrer-policy"] == ("no-referrer" if private else "same-origin")
            if not path.startswith("/static/"):
                assert answer.headers["cache-control"] == "no-store"
            await browser.log_in()

    visited(run, story)


def test_pages_hold_no_code_and_nothing_from_elsewhere(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        pages = [await browser.get("/login")]
        await browser.log_in()
        pages += [await browser.get(path) for path in ("/", "/sessions/line", "/sessions/none")]
        for answer in pages:
            assert not re.search(r"<script(?! src=\"/static/)|<style|\sstyle=|\son\w+=|javascript:", answer.text)
            assert not re.search(r"(?:src|href|action)=\"(?!/|#|data:image/png;base64,)", answer.text)
            assert not re.search(r"(?:src|href|action)=\"//", answer.text)

    visited(run, story)


def test_the_whole_is_small() -> None:
    assert sum(map(len, FILES.values())) < 40_000
    assert len(FILES["esteio.js"].splitlines()) < 300
    for body in FILES.values():
        assert not re.search(rb"https?://(?!www\.w3\.org/2000/svg)|@import", body)


def test_a_full_page_is_small(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, *(f"line-{number:03}" for number in range(PAGE["tiles"])))
        await browser.log_in()
        shown = await browser.get("/")
        assert shown.text.count('class="tile ') == PAGE["tiles"]
        assert len(shown.content) + sum(map(len, FILES.values())) < 100_000

    visited(run, story)


def test_files_are_asked_for_again_only_when_they_changed(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        first = await browser.get("/static/esteio.css")
        assert first.headers["content-type"].startswith("text/css")
        assert (await browser.get("/static/esteio.css", if_none_match=first.headers["etag"])).status_code == 304
        assert (await browser.get("/static/esteio.css", if_none_match='"x"')).status_code == 200
        assert (await browser.http.post("/static/esteio.css")).status_code == 405
        for name in ("none.css", "..%2fapp.py", "app.py"):
            assert (await browser.get(f"/static/{name}")).status_code == 404

    visited(run, story)


def test_what_strangers_wrote_is_shown_as_text(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        await gateway.judge("line", state="error", phone=EVIL, reason=Reason("provider-refused", {"detail": EVIL}))
        await browser.log_in()
        for path in ("/", "/sessions/line", f"/?q={EVIL}", f"/?server={EVIL}"):
            answer = await browser.get(path)
            assert answer.status_code == 200
            assert "<script>alert" not in answer.text
            assert "\"'>" not in answer.text.replace("&#34;&#39;&gt;", "")
        assert "alert(1)" in words(await browser.get("/"))

    visited(run, story)


def test_the_fleet_shows_both_lights_held_messages_and_since_when(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        now = gateway.clock.now()
        proof = Axis("yes", "ack", now - 180)
        await gateway.judge("line", can_send=proof, can_receive=Axis("no"), state="degraded", since=now - 7200)
        await browser.log_in()
        body = {"to": "5511999998888", "text": "private words", "on_down": "hold"}
        await gateway.judge("line", gate="held", since=now - 7200)
        assert (await gateway.call("POST", "/v1/sessions/line/messages", body)).status_code == 202
        shown = words(await browser.get("/"))
        for told in ("Sends: yes 3 min ago", "Receives: no", "2 h ago", "1 message held", "degraded"):
            assert told in shown, shown
        whole = words(await browser.get("/sessions/line"))
        assert "private words" in whole
        assert "5511999998888" in whole

    visited(run, story)


def test_the_fleet_is_searched_filtered_and_paged(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, *(f"shop-{number:03}" for number in range(PAGE["tiles"] + 2)), "bank")
        await gateway.judge("bank", state="disconnected")
        await browser.log_in()

        async def names(path: str) -> list[str]:
            return re.findall(r'id="tile-([\w-]+)"', (await browser.get(path)).text)

        assert await names("/?state=disconnected") == ["bank"]
        assert await names("/?q=BAN") == ["bank"]
        assert await names("/?server=none") == []
        assert await names("/?q=shop-00&state=connected") == [f"shop-{number:03}" for number in range(10)]
        for start in ("/", "/?q=o"):
            first = await browser.get(start)
            following = not_none(re.search(r'rel="next" href="([^"]+)"', first.text))[1].replace("&amp;", "&")
            both = await names(start) + await names(following)
            assert len(both) == len(set(both)) == PAGE["tiles"] + (3 if start == "/" else 2)

    visited(run, story)


def test_a_scoped_key_sees_its_sessions_and_nothing_of_others(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "mine-1", "other-9")
        await asked(gateway, "mine-1")
        theirs = await asked(gateway, "other-9")
        await gateway.add_server("elsewhere")
        await browser.log_in(await gateway.key("admin", "mine-*"))
        for path in ("/", "/?q=other", "/?server=elsewhere", "/sessions/mine-1"):
            answer = await browser.get(path)
            assert answer.status_code == 200
            assert "other-9" not in answer.text
            assert "elsewhere" not in answer.text.replace(path, ""), "but for what was asked"
        assert "mine-1" in (await browser.get("/")).text
        assert (await browser.get("/sessions/other-9")).status_code == 403
        assert (await browser.get("/sessions/other-none")).status_code == 403
        await browser.get("/")
        for path in ("/sessions/other-9/pause", f"/approvals/{theirs}/approve"):
            assert (await browser.post(path)).status_code == 403
        assert [one.kind for one in await gateway.news("other-9")] == ["created"]

    visited(run, story)


@pytest.mark.parametrize("role", ["read", "send"])
def test_who_may_only_look_has_no_buttons_and_is_refused(run: Run, role: Any) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        approval = await asked(gateway, "line")
        await qr_shown(gateway, "line")
        await browser.log_in(await gateway.key(role))
        whole = (await browser.get("/")).text + (await browser.get("/sessions/line")).text
        sends = {"/sessions/line/send"} if role == "send" else set()
        assert set(re.findall(r'action="([^"]+)"', whole)) == {"/", "/language", "/logout"} | sends
        assert "data:image" not in whole
        for path in ("/sessions/line/pause", "/sessions/line/pair", f"/approvals/{approval}/approve"):
            assert (await browser.post(path)).status_code == 403
        assert [one.kind for one in await gateway.news("line")] == ["created"]

    visited(run, story)


async def qr_shown(gateway: Gateway, name: str, lasts_s: float = 20.0) -> None:
    session = await gateway.judge(name, state="awaiting_qr", linked=False, reason=Reason("awaiting-qr"))
    now = gateway.clock.now()
    await gateway.store.qr_codes.put(session.id, Qr("2@code", "", 1, now, now + lasts_s))


def test_a_code_to_scan_stands_on_the_pairing_page_alone(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        await browser.log_in()
        await qr_shown(gateway, "line")
        shown = (await browser.get("/sessions/line")).text
        assert "data:image" not in shown
        assert '<a class="button main" href="/sessions/line/pair">' in shown
        assert 'src="data:image/png;base64,' in (await browser.get("/sessions/line/pair")).text
        await gateway.live("line")
        assert "/sessions/line/pair" not in (await browser.get("/sessions/line")).text

    visited(run, story)


@pytest.mark.parametrize(
    ("act", "kind"), [("recover", "operator_recover"), ("pause", "operator_paused"), ("pair", "operator_pair")]
)
def test_a_button_becomes_a_wish_of_its_presser(run: Run, act: str, kind: str) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        await gateway.judge("line", state="disconnected")
        await browser.log_in(await gateway.key("operate"))
        assert (await browser.post(f"/sessions/line/{act}")).status_code == 303
        (said,) = [one for one in await gateway.news("line") if one.kind == kind]
        assert said.data["who"] == "test"
        assert (await browser.post("/sessions/line/explode")).status_code == 404
        assert (await browser.post(f"/sessions/none/{act}")).status_code == 404

    visited(run, story)


@pytest.mark.parametrize(("decision", "state"), [("approve", "approved"), ("reject", "rejected")])
def test_an_approval_says_what_is_lost_and_takes_a_word(run: Run, decision: str, state: str) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        approval = await asked(gateway, "line")
        await browser.log_in(await gateway.key("operate"))
        shown = words(await browser.get("/"))
        assert "What is lost:" in shown
        assert "unlink the phone" in shown
        assert (await browser.post(f"/approvals/{approval}/explode")).status_code == 404
        assert (await browser.post(f"/approvals/{approval}/{decision}")).status_code == 303
        assert not_none(await gateway.store.approvals.get(approval)).state == state
        assert (await browser.post(f"/approvals/{approval}/{decision}")).status_code == 409
        assert (await browser.post(f"/approvals/none/{decision}")).status_code == 404

    visited(run, story)


@pytest.mark.parametrize("health", ["down", "refused", "wall", "wrong-kind"])
def test_a_server_in_trouble_stands_on_top(run: Run, health: HealthState) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        (stored,) = await gateway.store.servers.all()
        troubled = msgspec.structs.replace(stored.server, health=health, health_at=gateway.clock.now())
        assert await gateway.store.decisions.commit_server(ServerCommit(server=troubled))
        await browser.log_in()
        assert "Servers in trouble" in words(await browser.get("/"))
        await browser.post("/logout")
        await browser.log_in(await gateway.key("read", "line"))
        assert "Servers in trouble" not in words(await browser.get("/"))

    visited(run, story)


def test_a_page_speaks_the_reader_s_language_or_the_chosen_one(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        assert '<html lang="en">' in (await browser.get("/login")).text
        foreign = await browser.get("/login", accept_language="pt")
        assert '<html lang="pt-BR">' in foreign.text
        assert "Chave de API" in words(foreign)
        await browser.get("/login")
        assert (await browser.post("/language", language="pt-BR", next="/")).headers["location"] == "/"
        assert '<html lang="pt-BR">' in (await browser.get("/login")).text
        await browser.log_in()
        assert "Sessões" in words(await browser.get("/"))
        await browser.post("/language", language="<x>", next="//evil")
        assert '<html lang="pt-BR">' in (await browser.get("/")).text

    visited(run, story)


def test_what_is_not_there_or_not_so_is_a_page_too(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await browser.log_in()
        missing = await browser.get("/sessions/none")
        assert missing.status_code == 404
        assert missing.headers["content-type"].startswith("text/html")
        assert (await browser.http.put("/login")).status_code == 405
        assert (await browser.http.post("/login", content=b"x" * 200_000)).status_code == 413
        assert (await browser.http.head("/")).content == b""
        gateway.waiters.close()
        assert (await browser.get("/")).status_code == 503

    visited(run, story)


def test_an_admin_s_key_never_stands_in_a_page(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        await browser.log_in()
        for path in ("/", "/sessions/line"):
            answer = await browser.get(path)
            assert ADMIN not in answer.text
            assert "provider-secret-1" not in answer.text

    visited(run, story)
