"""The form that creates a session: what each kind of server asks for, errors beside their field, what was typed."""

from __future__ import annotations

import re

import pytest

from tests.api.conftest import Gateway, Run
from tests.api.dashboard.browser import Browser, visited, words
from tests.narrowing import not_none


def beside(text: str, field: str) -> str:
    """The error that a field names as its own."""
    found = re.search(rf'name="{re.escape(field)}"[^>]* aria-describedby="([\w-]+)', text)
    return not_none(re.search(rf'id="{not_none(found)[1]}"[^>]*>([^<]+)', text))[1]


def test_without_a_server_the_page_says_what_to_do(run: Run) -> None:
    async def story(_gateway: Gateway, browser: Browser) -> None:
        await browser.log_in()
        shown = await browser.get("/new")
        assert "No server yet" in words(shown)
        assert 'href="/servers"' in shown.text
        assert 'name="name"' not in shown.text

    visited(run, story)


def test_a_session_is_created_and_its_pairing_page_follows(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await gateway.add_server()
        await browser.log_in(await gateway.key("operate"))
        assert 'href="/new"' in (await browser.get("/")).text
        await browser.get("/new")
        made = await browser.post("/new", name=" shop ", server="evo", phone="+55 11 91234-5678", policy="seeds")
        assert made.headers["location"] == "/sessions/shop/pair"
        session = await gateway.session("shop")
        assert (session.phone, session.policy, session.server) == ("5511912345678", "seeds", "evo")
        assert [one.data["who"] for one in await gateway.news("shop") if one.kind == "created"] == ["test"]

    visited(run, story)


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("name", {"name": "a name"}),
        ("name", {"name": "taken"}),
        ("phone", {"phone": "12"}),
        ("phone", {"by": "code", "phone": ""}),
        ("server", {"server": "none"}),
        ("policy", {"policy": "none"}),
    ],
)
def test_an_error_stands_beside_its_field_and_what_was_typed_stays(run: Run, field: str, typed: dict[str, str]) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await gateway.add_server()
        await gateway.add_session("taken")
        await browser.log_in()
        await browser.get("/new")
        whole = {"name": "shop", "server": "evo", "phone": "+5511912345678", "policy": "default", "by": "qr", **typed}
        answer = await browser.post("/new", **whole)
        assert answer.status_code in (400, 409)
        assert beside(answer.text, field)
        for name in ("name", "phone"):
            assert f'name="{name}"' in answer.text
            assert f'value="{whole[name]}"' in answer.text
        assert [one.name for one in (await gateway.store.sessions.page()).items] == ["taken"]

    visited(run, story)


def test_what_one_kind_asks_for_is_asked_and_a_secret_is_never_shown_back(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await gateway.add_server()
        await browser.log_in()
        assert "wapi.token" not in (await browser.get("/new")).text
        await gateway.add_server("w", "wapi")
        assert 'data-kind-of="wapi"' in (await browser.get("/new")).text
        secret = {"wapi.instance_id": "LITE-1", "wapi.token": "a-secret-token"}
        missing = await browser.post("/new", name="a", server="w", **{"wapi.token": "a-secret-token"})
        assert beside(missing.text, "wapi.instance_id")
        assert "a-secret-token" not in missing.text
        twice = await browser.post("/new", name="taken!", server="w", **secret)
        assert 'value="LITE-1"' in twice.text
        assert "a-secret-token" not in twice.text
        made = await browser.post("/new", name="a", server="w", **secret)
        assert made.headers["location"] == "/sessions/a/pair"
        session = await gateway.session("a")
        assert session.ref == {"instance_id": "LITE-1"}
        other = await browser.post("/new", name="b", server="evo", **secret)
        assert other.status_code == 303, "of another kind nothing is asked"

    visited(run, story)


def test_a_code_to_type_may_be_asked_for_from_the_beginning(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await gateway.add_server()
        await browser.log_in()
        await browser.get("/new")
        made = await browser.post("/new", name="shop", server="evo", phone="+5511912345678", by="code")
        assert made.headers["location"] == "/sessions/shop/pair?by=code"
        (work,) = await gateway.store.work.claim(gateway.clock.now(), 10, 60.0, frozenset())
        assert work.payload["pair_phone"] == "5511912345678"

    visited(run, story)


def test_a_scoped_key_creates_inside_its_scope_only(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await gateway.add_server()
        await browser.log_in(await gateway.key("operate", "mine-*"))
        await browser.get("/new")
        refused = await browser.post("/new", name="other", server="evo")
        assert refused.status_code == 403
        assert 'role="alert"' in refused.text
        assert (await browser.post("/new", name="mine-1", server="evo")).status_code == 303

    visited(run, story)
