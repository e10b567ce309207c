"""The sandbox's page: truth beside claim, every fault a button with words, nothing that a foreign site may press."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Awaitable, Callable
from html import unescape
from pathlib import Path

import aiohttp
import pytest

from esteio.sim.sandbox import page as page_module
from esteio.sim.sandbox.fault_menu import BUTTONS, GROUPS, offered
from esteio.sim.sandbox.page import DID, SandboxPage, tongue_of
from esteio.sim.sandbox.servers import PAGE, Sandbox, serve_sandbox
from esteio.sim.world.faults import KINDS
from esteio.texts import LANGUAGES, catalogue

KEY = {"apikey": "sandbox-key"}
TEMPLATES = Path(page_module.__file__).parent / "templates"
Story = Callable[[Sandbox, aiohttp.ClientSession], Awaitable[None]]


def played(story: Story) -> None:
    """With the instance `store`, whose code is on show."""

    async def main() -> None:
        box = await serve_sandbox(evolution="127.0.0.1:0", wapi="127.0.0.1:0")
        box.world.handshake_s = box.world.post_login_s = box.world.device_ack_s = (0.0, 0.01)
        made = {"instanceName": "store", "integration": "WHATSAPP-BAILEYS", "qrcode": True}
        try:
            async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
                url = f"{box.urls['evolution']}/instance/create"
                # Evolution answers five seconds later, for then a code is there; here nobody waits for that.
                making = asyncio.ensure_future(http.post(url, json=made, headers=KEY))
                await until(lambda: "Scan the QR" in drawn(box.page))
                await story(box, http)
                making.cancel()
        finally:
            await box.aclose()

    asyncio.run(main())


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(500):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("not within 5 s")


def drawn(page: SandboxPage, language: str = "en", **query: str) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", page.alone(catalogue(language), query, path=PAGE)))


def press(page: SandboxPage, act: str, **words: str) -> str:
    return page.do({"do": act, "server": "evolution", "session": "store", **words})


# -- the menu --------------------------------------------------------------------------------------------------------


def test_every_fault_and_every_variant_is_a_button_with_its_words() -> None:
    assert sorted(kind for kinds in GROUPS.values() for kind in kinds) == sorted(KINDS)
    for language in LANGUAGES:
        texts = catalogue(language)
        for context in ("sandbox fault", "sandbox fault text"):
            assert set(texts.keys(context)) == set(BUTTONS)
            said = [texts.word(context, key) for key in BUTTONS]
            assert len(set(said)) == len(said)
    shown = {one.kind for scope in ("session", "server") for _, faults in offered(scope) for one in faults}
    assert shown == set(KINDS)


def test_every_text_of_the_page_is_used_and_every_act_is_told() -> None:
    written = "".join(file.read_text(encoding="utf-8") for file in TEMPLATES.iterdir())
    used = set(re.findall(r'say\("([a-z.-]+)"', written)) | set(
        re.findall(r'truth\(one\.\w+, "(\w+)", "(\w+)"', written)[0]
    )
    used |= {word for pair in re.findall(r'truth\(one\.\w+, "(\w+)", "(\w+)"', written) for word in pair}
    used |= {f"did.{act}" for act in DID} | {f"group.{group}" for group in GROUPS}
    used |= {f"server.{state}" for state in ("up", "booting", "down")}
    used -= {"did.", "group.", "server."}
    assert used == set(catalogue("en").keys("sandbox"))


@pytest.mark.parametrize(("accept", "language"), [("fr, en;q=0.5", "en"), ("pt-PT", "pt-BR"), ("", "pt-BR")])
def test_the_language_is_the_browsers(accept: str, language: str) -> None:
    assert tongue_of(accept) == language


# -- what stands there -----------------------------------------------------------------------------------------------


def test_a_session_is_scanned_broken_and_healed_by_buttons() -> None:
    async def story(box: Sandbox, _: aiohttp.ClientSession) -> None:
        page, line = box.page, box.world.servers["evolution"].lines["store"]
        assert "no phone linked" in drawn(page)
        assert press(page, "scan") == "?did=scan"
        await until(lambda: line.alive and line.state == "open")
        shown = drawn(page)
        assert "phone linked" in shown
        assert "socket alive" in shown
        press(page, "fault", fault="ghost.restart_cures")
        shown = drawn(page, did="fault")
        assert "socket dead" in shown
        assert re.search(r"open\s+its list says open", shown), "the provider says so all the same"
        assert "▲ Ghost" in shown
        assert "It is broken now." in shown
        press(page, "heal")
        await until(lambda: line.alive)
        assert "▲" not in drawn(page)

    played(story)


def test_another_phone_may_scan_and_a_contact_may_write() -> None:
    async def story(box: Sandbox, _: aiohttp.ClientSession) -> None:
        press(box.page, "scan-wrong")
        line = box.world.servers["evolution"].lines["store"]
        await until(lambda: line.alive)
        assert line.link is not None
        assert line.link.number == page_module.STRANGER
        assert press(box.page, "contact-sends", text="oi", panel="1").endswith("did=contact-sends")
        assert box.world.ledger.inbound[-1].text == "oi"

    played(story)


def test_the_menu_of_a_server_breaks_the_whole_server() -> None:
    async def story(box: Sandbox, _: aiohttp.ClientSession) -> None:
        shown = drawn(box.page, server="evolution")
        assert "What shall happen to evolution?" in shown
        assert "Licence wall" in shown
        assert "Ghost" not in shown
        box.page.do({"do": "fault", "server": "evolution", "fault": "key_refused"})
        box.page.do({"do": "fault", "server": "evolution", "fault": "webhook_lost"})
        shown = drawn(box.page)
        assert "▲ Key refused" in shown
        assert "▲ Webhooks get lost" in shown
        box.page.do({"do": "heal", "server": "evolution"})
        assert "▲" not in drawn(box.page)

    played(story)


def test_what_cannot_be_is_told_on_the_page() -> None:
    async def story(box: Sandbox, _: aiohttp.ClientSession) -> None:
        for words in ({"do": "scan", "session": "nobody"}, {"do": "explode"}, {"do": "fault", "fault": "x"}, {}):
            assert box.page.do(words).startswith("?refused="), words
        told = box.page.alone(catalogue("en"), {"refused": "<b>x"}, path=PAGE)
        assert "Not possible now: &lt;b&gt;x" in told
        assert "What shall happen" not in drawn(box.page, server="nowhere", session="store")
        assert "did." not in drawn(box.page, did="nothing")

    played(story)


def test_what_the_providers_were_asked_stands_there() -> None:
    async def story(box: Sandbox, _: aiohttp.ClientSession) -> None:
        shown = drawn(box.page)
        assert re.search(r"evolution\s+create\s+store", shown)

    played(story)


# -- by HTTP ---------------------------------------------------------------------------------------------------------


def test_the_page_holds_no_code_of_its_own_and_loads_only_from_here() -> None:
    async def story(box: Sandbox, http: aiohttp.ClientSession) -> None:
        url = box.urls["control"] + PAGE
        async with http.get(url) as answer:
            text = await answer.text()
            assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert not re.search(r"<script(?![^>]*src=)| on\w+=|<style| style=", text)
        for file in re.findall(r'(?:href|src)="(/_sandbox/[\w.]+)"', text):
            async with http.get(box.urls["control"] + file) as answer:
                assert answer.status == 200, file
        async with http.get(f"{url}?lang=en") as answer:
            assert "Sessions" in await answer.text()
        async with http.get(url) as answer:
            assert "Sessions" in await answer.text(), "the choice is remembered"

    played(story)


FOREIGN = [
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"origin": "http://evil.example:8710", "host": "evil.example:8710", "sec-fetch-site": "same-origin"},
]
"""The last is another site's name that was pointed at this machine."""


def test_a_foreign_site_presses_no_button() -> None:
    async def story(box: Sandbox, http: aiohttp.ClientSession) -> None:
        for path, headers in itertools.product((PAGE, "/_sandbox/fault"), FOREIGN):
            async with http.post(box.urls["control"] + path, data=b"{}", headers=headers) as answer:
                assert answer.status == 403, (path, headers)
        assert not box.world.ledger.faults

    played(story)


def test_the_page_itself_and_programs_press_them() -> None:
    async def story(box: Sandbox, http: aiohttp.ClientSession) -> None:
        url = box.urls["control"]
        own = {"origin": url, "sec-fetch-site": "same-origin"}
        words = {"do": "scan", "server": "evolution", "session": "store"}
        async with http.post(url + PAGE, data=words, headers=own, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["location"]) == (303, f"{PAGE}?did=scan")
        named = {"host": "sandbox:8710"}
        async with http.post(f"{url}/_sandbox/heal", json={}, headers=named) as answer:
            assert answer.status == 200, "a program in a container names it as it likes"

    played(story)
