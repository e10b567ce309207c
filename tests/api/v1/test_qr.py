"""`GET /v1/sessions/{name}/qr`: the code in the form that is asked for, as long as it is good."""

import base64

import msgspec
import pytest

from esteio.api.http.qr_image import png
from esteio.store.base import Qr
from tests.api.conftest import Gateway, Run
from tests.api.v1.shown_qr import ready, show_qr


@pytest.mark.parametrize(
    ("accept", "kind", "start"),
    [
        ("*/*", "application/json", b"{"),
        ("application/json", "application/json", b"{"),
        ("image/png", "image/png", b"\x89PNG"),
        ("image/svg+xml", "image/svg+xml", b"<?xml"),
        ("text/html, image/svg+xml;q=0.9, */*;q=0.1", "image/svg+xml", b"<?xml"),
        ("image/png;q=0, application/json;q=0.1", "application/json", b"{"),
    ],
)
def test_the_qr_in_the_form_that_is_asked_for(run: Run, accept: str, kind: str, start: bytes) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        await show_qr(gateway)
        answer = await gateway.call("GET", "/v1/sessions/line/qr", headers={"accept": accept})
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
        assert answer.content.startswith(start)
        assert answer.headers["cache-control"] == "no-store"
        if kind == "application/json":
            assert set(answer.json()) == {"code", "png_base64", "count", "seen_at", "expires_at"}
            assert answer.json()["png_base64"].startswith("iVBORw0KGgo")

    run(test)


PICTURE = png("a picture of the provider's own")


@pytest.mark.parametrize(
    "sent", [base64.b64encode(PICTURE).decode(), "data:image/png;base64," + base64.b64encode(PICTURE).decode()]
)
def test_a_code_that_is_only_a_picture_is_that_picture(run: Run, sent: str) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        now = gateway.clock.now()
        session = await gateway.session("line")
        await gateway.store.qr_codes.put(session.id, Qr("", sent, 1, now, now + 60))
        png_answer = await gateway.call("GET", "/v1/sessions/line/qr", headers={"accept": "image/png"})
        assert (png_answer.status_code, png_answer.content) == (200, PICTURE)
        svg = await gateway.call("GET", "/v1/sessions/line/qr", headers={"accept": "image/svg+xml"})
        assert svg.content.startswith(b'<svg xmlns="http://www.w3.org/2000/svg" width="')
        assert base64.b64encode(PICTURE) in svg.content
        whole = (await gateway.call("GET", "/v1/sessions/line/qr")).json()
        assert base64.b64decode(whole["png_base64"]) == PICTURE

    run(test)


@pytest.mark.parametrize("sent", ["", "no base64!", base64.b64encode(b"<html>").decode(), "é"])
@pytest.mark.parametrize("accept", ["image/png", "image/svg+xml", "application/json"])
def test_a_code_without_text_and_picture_is_none(run: Run, sent: str, accept: str) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        now = gateway.clock.now()
        session = await gateway.session("line")
        await gateway.store.qr_codes.put(session.id, Qr("", sent, 1, now, now + 60, "ABCD1234"))
        answer = await gateway.call("GET", "/v1/sessions/line/qr", headers={"accept": accept})
        assert (answer.status_code, answer.content) == (204, b"")

    run(test)


def test_no_qr_that_is_missing_expired_used_or_of_a_linked_session(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        async def shown() -> bool:
            answer = await gateway.call("GET", "/v1/sessions/line/qr")
            assert answer.status_code in (200, 204)
            return bool(answer.status_code == 200)

        await ready(gateway)
        assert not await shown()
        await show_qr(gateway, ago=50, lasts=45)
        assert not await shown()
        await show_qr(gateway)
        assert await shown()
        session = await gateway.session("line")
        facts = msgspec.structs.replace(session.facts, paired_at=gateway.clock.now())
        await gateway.judge("line", facts=facts)
        assert not await shown()
        await gateway.judge("line", facts=msgspec.structs.replace(session.facts), state="connected")
        assert not await shown()

    run(test)
