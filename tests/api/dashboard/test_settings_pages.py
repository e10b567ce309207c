"""Keys, policies and notices: each secret once, each knob with its sentence, for whom."""

from __future__ import annotations

import re
from typing import Any

import pytest

from esteio.core.model.policy import KNOBS
from esteio.texts import catalogue
from tests.api.conftest import Gateway, Run
from tests.api.dashboard.browser import Browser, visited, words
from tests.docs.settings_pages import sentences


def test_a_key_is_made_shown_once_and_revoked(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await browser.log_in()
        await browser.get("/settings")
        made = await browser.post("/settings/keys", name="crm", role="send", sessions="shop-*, balcao", days="7")
        assert made.headers["cache-control"] == "no-store"
        secret = re.search(r"esk_\w+", made.text)
        assert secret is not None
        key = await gateway.api.commands.keys.authenticate(secret[0])
        assert key is not None
        assert (key.name, key.role, key.sessions) == ("crm", "send", ("shop-*", "balcao"))
        assert key.expires_at == gateway.clock.now() + 7 * 86400
        listed = await browser.get("/settings")
        assert secret[0] not in listed.text
        assert "crm" in listed.text
        await browser.post(f"/settings/keys/{key.id}/revoke")
        assert await gateway.api.commands.keys.authenticate(secret[0]) is None
        assert "revoked" in words(await browser.get("/settings"))

    visited(run, story)


def test_what_is_refused_stands_in_the_form_again(run: Run) -> None:
    async def story(_gateway: Gateway, browser: Browser) -> None:
        await browser.log_in()
        await browser.get("/settings")
        answer = await browser.post("/settings/keys", name="crm", role="owner")
        assert answer.status_code == 400
        assert "role" in words(answer)
        assert 'value="crm"' in answer.text
        assert "esk_" not in answer.text

    visited(run, story)


def test_a_key_for_some_sessions_sees_makes_and_revokes_its_own_alone(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await gateway.key("send", "other-*")
        other = next(one for one in await gateway.api.commands.keys.within() if one.sessions == ("other-*",))
        await browser.log_in(await gateway.key("admin", "mine-*"))
        assert "other-*" not in (await browser.get("/settings")).text
        assert (await browser.post(f"/settings/keys/{other.id}/revoke")).status_code == 404
        refused = await browser.post("/settings/keys", name="x", role="send", sessions="other-1")
        assert refused.status_code == 400
        assert "esk_" not in refused.text
        assert (await browser.get("/notices")).status_code == 403
        assert (await browser.post("/notices")).status_code == 403

    visited(run, story)


@pytest.mark.parametrize("role", ["read", "send", "operate"])
def test_only_an_admin_sees_keys_and_targets(run: Run, role: Any) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await browser.log_in(await gateway.key(role))
        await browser.get("/")
        for path in ("/settings", "/notices"):
            assert (await browser.get(path)).status_code == 403
        for path in ("/settings/keys", "/settings/keys/x/revoke", "/notices"):
            assert (await browser.post(path)).status_code == 403
        shown = await browser.get("/settings/policies")
        assert shown.status_code == 200
        assert 'href="/settings"' not in shown.text

    visited(run, story)


@pytest.mark.parametrize("language", ["en", "pt-BR"])
def test_every_knob_has_its_sentence(run: Run, language: str) -> None:
    async def story(_gateway: Gateway, browser: Browser) -> None:
        browser.http.headers["accept-language"] = language
        await browser.log_in()
        shown = words(await browser.get("/settings/policies?policy=seeds"))
        for knob in KNOBS:
            assert knob in shown
            assert all(part.strip() in shown for part in catalogue(language).word("knob", knob).split("`"))

    visited(run, story)


def test_the_english_of_each_knob_is_what_the_code_says_of_it() -> None:
    said = sentences("core/model/policy.py", "Policy")
    texts = catalogue("en")
    assert {knob: texts.word("knob", knob) for knob in KNOBS} == {knob: said[knob] for knob in KNOBS}
    assert set(texts.keys("knob")) == set(KNOBS)


def test_without_targets_the_page_says_how_to_name_one(run: Run) -> None:
    async def story(_gateway: Gateway, browser: Browser) -> None:
        await browser.log_in()
        assert "Nobody is told yet" in words(await browser.get("/notices"))
        assert (await browser.post("/notices")).status_code == 200

    visited(run, story)
