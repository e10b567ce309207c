"""A session's own page: what stands on it, for whom, and what its forms do."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from esteio.core.model.evidence import seen
from esteio.core.model.ids import MessageId
from esteio.core.model.inbound import AckState, Receipt
from esteio.core.model.recovery import Attempt, Outage, Recovery
from esteio.core.model.state import Axis, Reason
from esteio.store.base import DecisionCommit, InboxSettlement, JournalEntry
from tests.api.conftest import Gateway, Run
from tests.api.dashboard.browser import Browser, visited, words
from tests.api.dashboard.test_pages import EVIL, asked, fleet_of
from tests.narrowing import not_none
from tests.store.make import Make

PAGE = "/sessions/line"


async def begun(gateway: Gateway, browser: Browser, role: Any = "admin") -> None:
    await fleet_of(gateway, "line")
    await browser.log_in(await gateway.key(role))


def section(answer: Any, ident: str) -> str:
    """What one section of the page says."""
    found = not_none(re.search(rf'<section id="{ident}".*?</section>', answer.text, re.DOTALL))[0]
    return re.sub(r" (?=[:.,)])", "", re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found)))


async def told(gateway: Gateway, *lines: JournalEntry) -> None:
    session = await gateway.session("line")
    assert await gateway.store.decisions.commit_session(DecisionCommit(session=session, journal=lines))


# -- what it is and why ----------------------------------------------------------------------------------------------


def test_an_answer_stands_with_its_evidence_its_source_and_what_it_proves(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await begun(gateway, browser)
        session, now = await gateway.session("line"), gateway.clock.now()
        pieces = [
            seen("send_closed", now - 9, "send"),
            seen("socket_closed", now - 5, "probe"),
            seen("round_trip_ok", now - 20, "probe"),
            seen("qr_shown", now - 30, "act"),
            seen("message_received", now - 300, "webhook"),
        ]
        await gateway.store.journal.add_evidence(session.id, session.server, pieces, now)
        dead = Axis("no", "ghost-socket", now - 5)
        await gateway.judge("line", can_send=dead, can_receive=Axis("yes", "message_received", now - 300))
        shown = section(await browser.get(PAGE), "axes")
        for said in (
            "Sends: no",
            "rejects what is sent through it (Connection Closed). 5 s ago",
            "A probe was rejected with Connection Closed. Found by a probe of ours, 5 s ago. One alone is a suspicion",
            "rejected with Connection Closed: the message did not go out. From the answer to a send, 9 s ago.",
            "Receives: yes",
            "A message arrived: the session receives. 5 min ago Told by a webhook. It proves life",
        ):
            assert said in shown, shown
        assert "QR code" not in shown, "it lived since then"
        await gateway.judge("line", can_send=dead, can_receive=dead)
        assert "For the same reason." in section(await browser.get(PAGE), "axes")
        await gateway.judge("line", can_receive=Axis("unknown", "webhook-unread", now))
        assert "nothing proves that the session receives" in section(await browser.get(PAGE), "axes")

    visited(run, story)


def test_the_head_says_since_when_why_and_what_is_held_and_restricted(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await begun(gateway, browser)
        now = gateway.clock.now()
        down = Outage("o", now - 60, "half-open", reopened=2)
        changed = {"outage": down, "gate": "held", "restricted_until": now + 1800.0}
        await gateway.judge("line", state="disconnected", reason=Reason("closed"), **changed)
        await gateway.call("POST", f"/v1{PAGE}/messages", {"to": "5511999998888", "text": "x", "on_down": "hold"})
        shown = section(await browser.get(PAGE), "head")
        for said in ("disconnected", "In an outage that began 1 min ago: Connection", "2 times", "1 message held"):
            assert said in shown, shown
        assert "no messages to people who never wrote to it. Ends in 30 min" in shown
        await gateway.judge("line", outage=None, reason=Reason("temp-banned"), restricted_until=0.0)
        assert "WhatsApp suspended this number." in section(await browser.get(PAGE), "head")

    visited(run, story)


def test_the_ladder_shows_what_is_done_and_what_waits_for_a_person(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await begun(gateway, browser)
        assert "Nothing to recover" in section(await browser.get(PAGE), "ladder")
        facts, now = (await gateway.session("line")).facts, gateway.clock.now()
        dead = msgspec.structs.replace(facts, life_at=now - 900, dead_at=now - 60, state_read="open")
        taken = Attempt("a", "restart", 2, now, now + 30, "ghost-socket")
        fallen = {"state": "disconnected", "reason": Reason("ghost-socket"), "facts": dead}
        await gateway.judge("line", **fallen, recovery=Recovery(open=taken))
        shown = await browser.get(PAGE)
        said = section(shown, "ladder")
        assert "its effect is awaited: in 30 s" in said
        assert "restart the session In progress · attempt 2" in said
        assert "unlink the phone Only after a person says yes The session line will be unlinked" in said
        assert "data-soon" in shown.text
        tried = Recovery(
            spent=("restart",), awaiting="apr_line", last=msgspec.structs.replace(taken, result="no-effect")
        )
        await gateway.judge("line", **fallen, recovery=tried)
        await asked(gateway, "line")
        said = section(await browser.get(PAGE), "ladder")
        assert "restart the session Done, without effect" in said
        assert "unlink the phone Waits for your yes or no" in said

    visited(run, story)


def test_one_that_is_gone_says_so(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await begun(gateway, browser)
        await gateway.store.sessions.delete((await gateway.session("line")).id, gateway.clock.now())
        gone = await browser.get(PAGE)
        assert gone.status_code == 404
        assert "The session line is not here" in words(gone)

    visited(run, story)


# -- the timeline ----------------------------------------------------------------------------------------------------


def test_the_timeline_is_read_by_kind_and_page_by_page(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await begun(gateway, browser)
        now = gateway.clock.now()
        lines = [JournalEntry("act", now, "begin", {"rung": "restart", "number": str(n)}) for n in range(70)]
        await told(gateway, *lines, JournalEntry("decision", now, "outage-started", {"because": "closed"}))

        async def page(path: str) -> tuple[list[int], str | None]:
            shown = await browser.get(path)
            found = re.search(r'rel="next" href="([^"#]+)', shown.text)
            return [int(one) for one in re.findall(r'id="line-(\d+)"', shown.text)], found and found[1].replace(
                "&amp;", "&"
            )

        newest, older = await page(PAGE)
        assert len(newest) == 30
        more, _ = await page(not_none(older))
        assert newest + more == sorted(newest + more, reverse=True)
        assert len(more) == 42
        decided, no_more = await page(f"{PAGE}?kind=decision")
        assert (len(decided), no_more) == (1, None)
        acts, older = await page(f"{PAGE}?kind=act")
        rest, no_more = await page(not_none(older))
        assert (len(acts), len(rest), no_more) == (60, 10, None)
        for odd in ("?kind=none", "?before=x", "?before=-1", "?before=99999999999999999999"):
            assert len((await page(PAGE + odd))[0]) in (30, 60)

    visited(run, story)


def test_a_line_holds_what_programs_read_and_how_often_it_came(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await begun(gateway, browser)
        session, now = await gateway.session("line"), gateway.clock.now()
        pieces = [seen("look_failed", now - 5, "probe", detail=EVIL), seen("look_failed", now, "probe", detail=EVIL)]
        await gateway.store.journal.add_evidence(session.id, session.server, pieces, now)
        shown = await browser.get(PAGE)
        said = section(shown, "timeline")
        assert "(2 times) 0 s ago · since" in said
        assert "source probe" in re.sub(r"\s+", " ", said)
        assert "<script>alert" not in shown.text

    visited(run, story)


def test_much_that_was_seen_in_a_row_is_folded_and_what_was_decided_is_not(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await begun(gateway, browser)
        session, now = await gateway.session("line"), gateway.clock.now()
        pieces = [seen("look_failed", now + number, "probe", detail=str(number)) for number in range(6)]
        await told(gateway, JournalEntry("decision", now, "outage-started", {"because": "closed"}))
        await gateway.store.journal.add_evidence(session.id, session.server, pieces, now)
        shown = await browser.get(PAGE)
        assert "4 more things seen" in section(shown, "timeline")
        folded = not_none(re.search(r'<li id="more-\d+".*?</ol>', shown.text, re.DOTALL))[0]
        assert folded.count('id="line-') == 4
        assert "An outage started" not in folded
        assert "more things seen" not in section(await browser.get(f"{PAGE}?kind=evidence"), "timeline")

    visited(run, story)


# -- messages --------------------------------------------------------------------------------------------------------


def test_messages_stand_with_their_words_their_picture_and_their_attempts(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await begun(gateway, browser)
        picture = {"kind": "image", "base64": "iVBORw0KGgo=", "mime": "image/png", "filename": "menu.png"}
        path = f"/v1{PAGE}/messages"
        body = {"to": "5511999998888", "media": picture, "caption": EVIL}
        sent = (await gateway.call("POST", path, body)).json()
        await gateway.call("POST", path, {"to": "5511999998888", "text": "w" * 300})
        shown = await browser.get(PAGE)
        assert "<script>alert" not in shown.text
        assert "w" * 139 + "…" in shown.text
        (source,) = re.findall(r'<img class="thumb" src="([^"]+)"', shown.text)
        assert source == f"/messages/{sent['id']}/media"
        assert (await browser.get(source)).headers["content-type"] == "image/png"

    visited(run, story)


# -- the tester ------------------------------------------------------------------------------------------------------


def test_a_test_message_is_followed_step_by_step(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await begun(gateway, browser, "send")
        await browser.get(PAGE)
        answer = await browser.post(f"{PAGE}/send", to="+55 11 99999-8888", text="hello")
        assert answer.status_code == 303
        where = answer.headers["location"].partition("#")[0]
        ident = MessageId(where.partition("sent=")[2])
        first = await browser.get(where)
        assert "Accepted and stored (done) +0.0 s At the provider (waiting) waiting" in section(first, "tester")
        assert "data-soon" in first.text
        store, now = gateway.store, gateway.clock.now()
        session, make = await gateway.session("line"), Make()
        (claim,) = await make.claim(store, now)
        assert await store.outbox.settle([make.settle(claim, at=now + 0.4)]) == [True]
        steps: tuple[tuple[AckState, float], ...] = (("server", 0.9), ("device", 2.1))
        for word, after in steps:
            news = InboxSettlement(0, session.id, now + after, True, (Receipt(f"P-{ident}", word, now + after),))
            await store.inbox.settle(news)
        shown = section(await browser.get(where), "tester")
        for said in (
            "At the provider (done) +0.4 s",
            "At WhatsApp's server (done) +0.9 s",
            "recipient's phone (done) +2.1 s",
            "Read (waiting) waiting",
        ):
            assert said in shown.replace("&#39;", "'"), shown
        assert not_none(await store.messages.get(ident)).state == "delivered"

    visited(run, story)


def test_a_message_that_failed_says_where_it_ended_and_what_to_do(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await begun(gateway, browser)
        await gateway.judge("line", gate="held", state="disconnected", reason=Reason("closed"))
        await browser.get(PAGE)
        held = await browser.post(f"{PAGE}/send", to="5511999998888", text="hello")
        shown = section(await browser.get(held.headers["location"].partition("#")[0]), "tester")
        assert "The connection dropped" in shown
        ident = MessageId(held.headers["location"].partition("sent=")[2].partition("#")[0])
        await gateway.store.messages.cancel(ident, gateway.clock.now())
        over = await browser.get(f"{PAGE}?sent={ident}")
        assert "At the provider (ended here)" in section(over, "tester")
        assert "data-soon" not in over.text
        for odd in ("none", EVIL, (await gateway.call("GET", f"/v1{PAGE}")).json()["name"]):
            assert "Accepted and stored" not in (await browser.get(f"{PAGE}?sent={odd}")).text

    visited(run, story)


@pytest.mark.parametrize(
    ("form", "wrong"),
    [
        ({"to": "12", "text": "hello"}, "phone"),
        ({"to": "", "text": "hello"}, "to"),
        ({"to": "5511999998888", "text": ""}, "text"),
        ({"to": "5511999998888", "text": EVIL, "media": "http://10.0.0.1/x.png"}, "10.0.0.1"),
        ({"to": "5511999998888", "text": "a", "media": "no address"}, ""),
        ({"to": "5511999998888", "text": "a", "media": "http://["}, ""),
    ],
)
def test_a_form_that_cannot_be_taken_is_shown_again_with_its_words(run: Run, form: dict[str, str], wrong: str) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await begun(gateway, browser, "send")
        await browser.get(PAGE)
        answer = await browser.post(f"{PAGE}/send", **form)
        assert answer.status_code == 400
        assert 'role="alert"' in answer.text
        assert wrong in words(answer)
        assert "<script>alert" not in answer.text
        for word in form.values():
            assert word.split("<")[0] in answer.text
        page = await gateway.store.messages.page((await gateway.session("line")).id)
        assert page.items == ()

    visited(run, story)


@pytest.mark.parametrize(
    ("address", "kind"),
    [("menu.jpg?x=1", "image"), ("a.mp4", "video"), ("a.mp3", "audio"), ("a.pdf", "document"), ("a", "document")],
)
def test_a_file_goes_as_what_its_name_says(run: Run, address: str, kind: str) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await begun(gateway, browser, "send")
        await browser.get(f"{PAGE}/send")
        url = f"https://files.example/{address}"
        assert (await browser.post(f"{PAGE}/send", to="5511999998888", text="look", media=url)).status_code == 303
        (message,) = (await gateway.store.messages.page((await gateway.session("line")).id)).items
        assert (message.content.kind, message.content.text, message.content.media.url) == (kind, "look", url)

    visited(run, story)


# -- a person's acts -------------------------------------------------------------------------------------------------


def test_policy_and_phone_are_changed_and_the_page_says_so(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await begun(gateway, browser, "operate")
        await browser.get(PAGE)
        answer = await browser.post(f"{PAGE}/policy", policy="seeds")
        assert "The policy was changed." in words(await browser.get(answer.headers["location"]))
        assert (await gateway.session("line")).policy == "seeds"
        assert (await browser.post(f"{PAGE}/policy", policy="none")).status_code == 400
        assert (await browser.post(f"{PAGE}/phone", phone="+55 11 98888-7777")).status_code == 303
        assert (await gateway.session("line")).phone == "5511988887777"
        assert (await browser.post(f"{PAGE}/phone", phone="x")).status_code == 400
        await browser.post(f"{PAGE}/phone", phone="")
        assert (await gateway.session("line")).phone is None

    visited(run, story)


def test_another_phone_than_the_expected_one_is_explained_and_may_be_kept(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await begun(gateway, browser)
        facts = msgspec.structs.replace((await gateway.session("line")).facts, phone_seen="5511988887777")
        wrong = Reason("wrong-identity", {"seen": "5511988887777", "phone": "5511900000000"})
        await gateway.judge("line", state="error", reason=wrong, facts=facts, phone="5511900000000")
        shown = section(await browser.get(PAGE), "wrong")
        assert "The phone that scanned the code is 5511988887777, and this session is meant for 5511900000000" in shown
        await browser.post(f"{PAGE}/phone", phone="+5511988887777")
        assert (await gateway.session("line")).phone == "5511988887777"
        await browser.post("/logout")
        await browser.log_in(await gateway.key("read"))
        assert 'id="wrong"' not in (await browser.get(PAGE)).text

    visited(run, story)


def test_deleting_says_what_is_lost_and_where(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await begun(gateway, browser, "operate")
        shown = section(await browser.get(PAGE), "settings")
        for said in ("phone stays linked", "takes a new QR code", "are lost", "its messages, held ones too"):
            assert said in shown
        assert (await browser.post(f"{PAGE}/delete", at_provider="explode")).status_code == 400
        assert (await browser.post(f"{PAGE}/delete")).status_code == 400
        assert (await gateway.session("line")).name == "line"
        answer = await browser.post(f"{PAGE}/delete", at_provider="keep")
        assert "The session was deleted." in words(await browser.get(answer.headers["location"]))
        assert (await browser.get(PAGE)).status_code == 404

    visited(run, story)


def test_the_journal_is_downloaded_as_a_file(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await begun(gateway, browser, "read")
        answer = await browser.get(f"{PAGE}/export")
        assert answer.headers["content-disposition"] == 'attachment; filename="line.ndjson"'
        assert msgspec.json.decode(answer.content.splitlines()[0])["session"] == "line"
        assert "provider-secret" not in answer.text

    visited(run, story)


@pytest.mark.parametrize("role", ["read", "send", "operate", "admin"])
def test_each_role_has_its_own_forms_and_is_refused_the_others(run: Run, role: Any) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await begun(gateway, browser, role)
        approval = await asked(gateway, "line")
        await gateway.judge("line", state="disconnected")
        shown = (await browser.get(PAGE)).text
        operates = {"recover", "pause", "recreate", "policy", "phone", "delete"}
        forms = set(re.findall(rf'action="{PAGE}/(\w+)"', shown))
        expected = (operates if role in ("operate", "admin") else set()) | ({"send"} if role != "read" else set())
        assert forms == expected
        assert (f"/approvals/{approval}/approve" in shown) == (role in ("operate", "admin"))
        assert ("<code>instance_name</code>" in shown) == (role == "admin")
        for act in operates - forms:
            assert (await browser.post(f"{PAGE}/{act}", at_provider="keep", policy="seeds")).status_code == 403
        if role == "read":
            assert (await browser.post(f"{PAGE}/send", to="5511999998888", text="x")).status_code == 403
            assert (await browser.get(f"{PAGE}/send")).status_code == 403
        if "recover" not in forms:
            assert [one.kind for one in await gateway.news("line")] == ["created"]

    visited(run, story)


def test_a_key_for_other_sessions_reaches_nothing_of_this_one(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line", "mine")
        await browser.log_in(await gateway.key("admin", "mine"))
        for path in (PAGE, f"{PAGE}/send", f"{PAGE}/export"):
            assert (await browser.get(path)).status_code == 403
        await browser.get("/sessions/mine")
        for act in ("send", "recover", "recreate", "delete", "policy", "phone"):
            assert (
                await browser.post(f"{PAGE}/{act}", to="5511999998888", text="x", at_provider="keep")
            ).status_code == 403
        ours = await gateway.call("POST", f"/v1{PAGE}/messages", {"to": "5511999998888", "text": "theirs"})
        assert "theirs" not in (await browser.get(f"/sessions/mine?sent={ours.json()['id']}")).text

    visited(run, story)
