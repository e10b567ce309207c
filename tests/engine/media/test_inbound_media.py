"""Media that come in: kept with their message, fetched where the webhook had none, handed out, forgotten with it."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from esteio.config import Retention
from esteio.core.views.sentences import sentence
from esteio.engine.commands.requests import EndpointRequest
from esteio.providers.base import TransportFailed
from esteio.sim.lab import BASE_URL, Lab
from esteio.store.media import FileMediaStore, name_of
from esteio.texts import catalogue
from tests.engine.engine_stage import CUSTOMER, OTHER, PHONE, came_in, event_types, linked, play
from tests.media_hosts import MediaLab

PICTURE = b"\xff\xd8\xff\xe0 the picture of a cat"
KEY = "an-admin-key-for-tests-0123456789"
SETTINGS = {"admin_key": KEY}
KINDS = ["evolution", "wapi", "baileys"]


def silent_hook(lab: Lab) -> None:
    """The server's webhook has no base64, as people often leave it."""
    lab.world.line("prov", "loja").hook.base64 = False  # type: ignore[attr-defined]


async def at_work(lab: Lab, kind: str = "evolution") -> None:
    """A session that works. Baileys takes a webhook's address only when it makes a session."""
    if kind != "baileys":
        await linked(lab, kind)
        return
    await lab.add_server("prov", kind)
    await lab.create("prov", "loja", wait_s=10)
    await asyncio.sleep(5)
    await lab.scan("prov", "loja", PHONE)
    await asyncio.sleep(40)


async def arrives(lab: Lab, **extra: Any) -> str:
    provider_id = lab.world.contact_sends(PHONE, CUSTOMER, "veja", "image", **{"data": PICTURE, **extra})
    await asyncio.sleep(5)
    return provider_id


async def media_of(lab: Lab) -> Any:
    found = await came_in(lab)
    return found[-1].content.media


def client(lab: Lab) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=lab.gateway.app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers={"apikey": KEY, "accept-language": "en"})


@pytest.mark.parametrize("kind", [*KINDS, "evolution without base64"])
def test_the_bytes_are_kept_and_handed_out(kind: str) -> None:
    async def story(lab: Lab) -> None:
        await at_work(lab, kind.partition(" ")[0])
        if kind.endswith("base64"):
            silent_hook(lab)
        await arrives(lab)
        (message,) = await came_in(lab)
        media = message.content.media
        assert (media.stored, media.size, media.url, media.base64) == (name_of(PICTURE), len(PICTURE), None, None)
        assert (media.fetching, media.gone, media.source) == (False, None, None)
        received, *changed = await event_types(lab, "message.received", "message.media_changed")
        assert received.data["media"]["url"] is None, "a signed address is never stored"
        states = [one.data["media"]["state"] for one in (received, *changed)]
        assert states == (["kept"] if kind == "evolution" else ["fetching", "kept"])
        async with client(lab) as http:
            document = (await http.get(f"/v1/messages/{message.id}")).json()
            assert document["media"]["state"] == "kept"
            by_link = await httpx.AsyncClient(transport=http._transport).get(document["media"]["url"])
            by_key = await http.get(f"/v1/messages/{message.id}/media")
        for answer in (by_link, by_key):
            assert (answer.status_code, answer.content) == (200, PICTURE)
            assert answer.headers["content-type"].startswith("image/jpeg")
            assert answer.headers["content-length"] == str(len(PICTURE))

    play(story, settings=SETTINGS)


def test_a_message_is_told_at_once_though_its_provider_hands_out_nothing_yet() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab, "wapi")
        real = lab.transport.exchange
        lab.down = True  # type: ignore[attr-defined]

        async def exchange(request: Any) -> Any:
            if lab.down and "download-media" in request.url:  # type: ignore[attr-defined]
                raise TransportFailed("no answer within 95 s", sent="maybe", timed_out=True)
            return await real(request)

        lab.transport.exchange = exchange  # type: ignore[method-assign]
        await arrives(lab)
        (received,) = await event_types(lab, "message.received")
        assert received.data["media"]["state"] == "fetching"
        async with client(lab) as http:
            answer = await http.get(f"/v1/messages/{received.data['id']}/media")
            assert (answer.status_code, answer.json()["code"]) == (409, "media-fetching")
            assert answer.headers["retry-after"] == "2"
        lab.world.contact_sends(PHONE, CUSTOMER, "e um texto")
        await asyncio.sleep(5)
        assert [one.content.kind for one in await came_in(lab)] == ["image", "text"]
        await asyncio.sleep(3600)
        lab.down = False  # type: ignore[attr-defined]
        await asyncio.sleep(2 * 3600)
        (changed,) = await event_types(lab, "message.media_changed")
        assert changed.data["media"]["state"] == "kept"

    play(story, settings=SETTINGS)


@pytest.mark.parametrize("kind", KINDS)
def test_what_nobody_hands_out_is_given_up_with_a_reason(kind: str) -> None:
    async def story(lab: Lab) -> None:
        await at_work(lab, kind)
        if kind == "evolution":
            silent_hook(lab)
        lab.world.media_of = lambda provider_id: None  # type: ignore[method-assign]
        await arrives(lab)
        await asyncio.sleep(600)
        media = await media_of(lab)
        assert media.gone is not None
        assert not media.fetching
        (changed,) = await event_types(lab, "message.media_changed")
        assert changed.data["media"]["reason"]["code"] == "media-fetch-failed"
        async with client(lab) as http:
            answer = await http.get(f"/v1/messages/{changed.data['id']}/media")
            assert (answer.status_code, answer.json()["code"]) == (410, "media-gone")
            assert "could not be fetched" in answer.json()["detail"]
        assert await lab.store.media.fetches(10) == []

    play(story, settings=SETTINGS)


@pytest.mark.parametrize(
    ("url", "through"),
    [
        ("/media/{id}", "own"),
        ("http://prov.sim/media/{id}", "own"),
        ("https://cdn.example/x.jpg", "road"),
        ("http://10.0.0.1/x.jpg", "call"),
        ("https://gone.example/x.jpg", "call"),
        ("not a url", "call"),
    ],
)
def test_the_address_that_a_server_gives_is_used_while_it_is_good(url: str, through: str) -> None:
    """Its own without the guard, any other over the guarded road, and its call where that brings nothing."""

    async def story(lab: MediaLab) -> None:
        await at_work(lab, "baileys")
        lab.media_hosts.put("https://cdn.example/x.jpg", PICTURE)
        asked: list[str] = []
        real = lab.transport.exchange

        async def exchange(request: Any) -> Any:
            asked.append(request.url)
            return await real(request)

        lab.transport.exchange = exchange  # type: ignore[method-assign]
        line = lab.world.line("prov", "loja")
        told = line.tell  # type: ignore[attr-defined]

        def tell(event: str, payload: Any, provider_id: str | None = None) -> None:
            told(event, {**payload, "mediaUrl": url.format(id=payload.get("id"))}, provider_id)

        line.tell = tell  # type: ignore[attr-defined]
        await arrives(lab)
        media = await media_of(lab)
        assert media.stored == name_of(PICTURE), media
        assert bool(lab.media_hosts.fetched and through == "road") is (through == "road")
        assert any("/messages/" in one for one in asked) is (through == "call")
        assert not any("10.0.0.1" in one for one in (*asked, *lab.media_hosts.fetched))

    play(story, settings=SETTINGS)


def test_s3_of_evolution_is_fetched_at_once() -> None:
    async def story(lab: MediaLab) -> None:
        await linked(lab)
        silent_hook(lab)
        lab.media_hosts.put("https://s3.example/x", PICTURE)
        line = lab.world.line("prov", "loja")
        line._base64 = lambda _: {"mediaUrl": "https://s3.example/x"}  # type: ignore[attr-defined]
        await arrives(lab)
        assert lab.media_hosts.fetched == ["https://s3.example/x"]
        assert (await media_of(lab)).stored == name_of(PICTURE)

    play(story)


@pytest.mark.parametrize("kind", ["evolution", "wapi"])
def test_what_is_too_large_says_so(kind: str) -> None:
    async def story(lab: Lab) -> None:
        await linked(lab, kind)
        await arrives(lab)
        media = await media_of(lab)
        assert (media.gone.code, media.gone.args, media.stored) == ("media-too-large", {"limit": "10"}, None)
        assert media.size == len(PICTURE)
        assert "10 bytes" in sentence(media.gone, catalogue("pt-BR")).text

    play(story, settings={**SETTINGS, "max_media_bytes": 10})


@pytest.mark.parametrize(("encoded", "code"), [("!!!", "fetched"), ("data:image/jpeg;base64,", "fetched")])
def test_base64_that_is_none_is_asked_for(encoded: str, code: str) -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        line = lab.world.line("prov", "loja")
        line._base64 = lambda _: {"base64": encoded}  # type: ignore[attr-defined]
        await arrives(lab)
        assert (await media_of(lab)).stored == name_of(PICTURE)

    play(story)


# -- handing out -------------------------------------------------------------------------------------------------


async def one_kept(lab: Lab, **extra: Any) -> Any:
    await linked(lab)
    await arrives(lab, **extra)
    return (await came_in(lab))[0].id


def test_parts_and_marks() -> None:
    async def story(lab: Lab) -> None:
        path = f"/v1/messages/{await one_kept(lab)}/media"
        size = len(PICTURE)
        async with client(lab) as http:
            whole = await http.get(path)
            tag = whole.headers["etag"]
            for asked, told, part in (
                ("bytes=0-3", f"bytes 0-3/{size}", PICTURE[:4]),
                ("bytes=5-", f"bytes 5-{size - 1}/{size}", PICTURE[5:]),
                ("bytes=-3", f"bytes {size - 3}-{size - 1}/{size}", PICTURE[-3:]),
                ("bytes=4-9999", f"bytes 4-{size - 1}/{size}", PICTURE[4:]),
                # All of it, by name: players that want to jump later ask so, and look whether they are told 206.
                ("bytes=0-", f"bytes 0-{size - 1}/{size}", PICTURE),
            ):
                answer = await http.get(path, headers={"range": asked})
                assert (answer.status_code, answer.headers["content-range"], answer.content) == (206, told, part)
            for ignored in ("bytes=0-1,3-4", "bytes=5-2", "lines=1-2", "bytes=-", "bytes=0-3x"):
                answer = await http.get(path, headers={"range": ignored})
                assert (answer.status_code, answer.content) == (200, PICTURE), ignored
            beyond = await http.get(path, headers={"range": f"bytes={size}-"})
            assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
            assert (await http.get(path, headers={"range": "bytes=-0"})).status_code == 416
            other = await http.get(path, headers={"range": "bytes=0-3", "if-range": '"other"'})
            assert other.status_code == 200
            for known in (tag, f'"x", W/{tag}', "*"):
                same = await http.get(path, headers={"if-none-match": known})
                assert (same.status_code, same.content) == (304, b"")
            assert (await http.get(path, headers={"if-none-match": '"x"'})).status_code == 200
            head = await http.head(path)
            assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(size))
            assert head.headers["content-disposition"] == whole.headers["content-disposition"]

    play(story, settings=SETTINGS)


@pytest.mark.parametrize(
    ("kind", "mime", "filename", "header", "begins"),
    [
        ("image", "image/jpeg", None, "image/jpeg", 'inline; filename="image.jpg"'),
        ("image", "image/svg+xml", None, "image/svg+xml", "attachment; "),
        ("document", "text/html", "oi.html", "text/html", 'attachment; filename="oi.html"'),
        ("document", "application/pdf", "a/../março", "application/pdf", 'attachment; filename="mar_o.pdf"'),
        ("document", "x\r\ny: z", "n.pdf", "application/octet-stream", 'attachment; filename="n.pdf"'),
        ("audio", "audio/ogg; codecs=opus", None, "audio/ogg; codecs=opus", 'inline; filename="audio.ogg"'),
    ],
)
def test_what_people_send_is_never_a_page_of_ours(
    kind: str, mime: str, filename: str | None, header: str, begins: str
) -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        more = {"filename": filename} if filename else {}
        lab.world.contact_sends(PHONE, CUSTOMER, "", kind, data=b"<html><script>", mime=mime, **more)
        await asyncio.sleep(5)
        (message,) = await came_in(lab)
        async with client(lab) as http:
            answer = await http.get(f"/v1/messages/{message.id}/media")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == header
        assert answer.headers["content-disposition"].startswith(begins)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]

    play(story, settings=SETTINGS)


def test_an_address_is_good_for_its_time_and_its_message_only() -> None:
    async def story(lab: Lab) -> None:
        message = await one_kept(lab)
        lab.world.contact_sends(PHONE, OTHER, "x", "image", data=b"GIF89a other")
        await asyncio.sleep(5)
        theirs = (await came_in(lab))[-1].id
        async with client(lab) as http:
            url = (await http.get(f"/v1/messages/{message}")).json()["media"]["url"]
            assert url.startswith(f"{BASE_URL}/media/{message}/image.jpg?expires=")
            del http.headers["apikey"]
            assert (await http.get(url)).content == PICTURE
            assert (await http.head(url)).status_code == 200
            expires = re.search(r"expires=(\d+)", url)[1]  # type: ignore[index]
            wrong = [
                url.replace(message, theirs),
                url.replace(f"expires={expires}", f"expires={int(expires) + 1}"),
                url[:-1] + ("0" if url[-1] != "0" else "1"),
                url.partition("?")[0],
                url.replace("signature=", "signature=é"),
                url.replace(f"expires={expires}", "expires=x"),
            ]
            for one in wrong:
                answer = await http.get(one)
                assert (answer.status_code, answer.json()["code"]) == (403, "link-invalid"), one
            await asyncio.sleep(601)
            late = await http.get(url)
            assert (late.status_code, late.json()["code"]) == (403, "link-expired")
            assert (await http.get(f"/v1/messages/{message}/media")).status_code == 401

    play(story, settings={**SETTINGS, "media_url_for_s": 600})


def test_what_has_no_file_says_so() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        lab.world.contact_sends(PHONE, CUSTOMER, "oi")
        await asyncio.sleep(5)
        (message,) = await came_in(lab)
        async with client(lab) as http:
            answer = await http.get(f"/v1/messages/{message.id}/media")
            assert (answer.status_code, answer.json()["code"]) == (404, "no-media")
            assert (await http.get("/v1/messages/msg_x/media")).status_code == 404
            bytes_out = {"kind": "document", "base64": base64.b64encode(b"%PDF-1").decode()}
            made = await http.post("/v1/sessions/loja/messages", json={"to": CUSTOMER, "media": bytes_out})
            assert made.json()["media"]["state"] == "kept"
            assert (await http.get(f"/v1/messages/{made.json()['id']}/media")).content == b"%PDF-1"

    play(story, settings=SETTINGS)


# -- webhooks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["standard", "evolution", "cloudevents"])
@pytest.mark.parametrize("media", ["url", "base64"])
@pytest.mark.parametrize("kind", ["evolution", "wapi"])
def test_subscribers_get_an_address_or_the_bytes(form: Any, media: Any, kind: str) -> None:
    async def story(lab: Lab) -> None:
        await linked(lab, kind)
        app = lab.subscribers.add("app.example")
        await lab.commands.webhooks.add(EndpointRequest(app.url, format=form, media=media))
        await arrives(lab)
        await asyncio.sleep(30)
        sent = [one.body for one in app.taken]
        if form == "evolution":
            (told,) = [one["data"]["message"] for one in sent if one["event"] == "messages.upsert"]
            url, encoded = told["mediaUrl"], told.get("base64")
            assert told["imageMessage"]["url"] == url
        else:
            first = next(one for one in sent if one["type"] == "message.received")
            url, encoded = first["data"]["media"]["url"], first["data"]["media"].get("base64")
        assert url.startswith(f"{BASE_URL}/media/")
        assert encoded == (base64.b64encode(PICTURE).decode() if media == "base64" else None)
        events = json.dumps([one.data for one in await lab.store.events.page(0, 1000)])
        assert "signature=" not in events
        assert base64.b64encode(PICTURE).decode() not in events

    play(story, settings=SETTINGS)


def test_an_event_does_not_wait_for_ever_for_its_bytes() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab, "wapi")
        app = lab.subscribers.add("app.example")
        await lab.commands.webhooks.add(EndpointRequest(app.url, media="base64"))
        lab.world.media_of = lambda provider_id: None  # type: ignore[method-assign]
        lab.world.media["x"] = b""
        line = lab.world.line("prov", "loja")
        line._key_of = lambda stanza: {"mediaKey": "key-x", "directPath": "/v/x.enc"}  # type: ignore[attr-defined]
        await arrives(lab)
        await asyncio.sleep(20)
        assert not [one for one in app.taken if one.body["type"] == "message.received"]
        await asyncio.sleep(60)
        (told,) = [one.body for one in app.taken if one.body["type"] == "message.received"]
        assert told["data"]["media"]["state"] == "fetching"
        assert "base64" not in told["data"]["media"]

    play(story, settings=SETTINGS)


# -- forgetting --------------------------------------------------------------------------------------------------


def test_bytes_go_with_their_person_but_not_those_of_another() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        await arrives(lab)
        lab.world.contact_sends(PHONE, CUSTOMER, "só dela", "image", data=b"GIF89a hers")
        lab.world.contact_sends(PHONE, OTHER, "a mesma", "image", data=PICTURE)
        await asyncio.sleep(5)
        async with client(lab) as http:
            erased = await http.post(f"/v1/contacts/{CUSTOMER}/erase", json={})
            assert erased.json()["media"] == 1
        assert await lab.media_store.get(name_of(b"GIF89a hers")) is None
        assert await lab.media_store.get(name_of(PICTURE)) == PICTURE, "the other person sent the same"
        async with client(lab) as http:
            await http.post(f"/v1/contacts/{OTHER}/erase", json={})
        assert await lab.media_store.get(name_of(PICTURE)) is None

    play(story, settings=SETTINGS)


def test_what_is_fetched_for_an_erased_person_is_not_kept() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab, "wapi")
        real, opened = lab.transport.exchange, asyncio.Event()

        async def exchange(request: Any) -> Any:
            answer = await real(request)
            if "/files/" in request.url:
                await opened.wait()
            return answer

        lab.transport.exchange = exchange  # type: ignore[method-assign]
        await arrives(lab)
        async with client(lab) as http:
            await http.post(f"/v1/contacts/{CUSTOMER}/erase", json={})
        opened.set()
        await asyncio.sleep(5)
        assert await lab.media_store.get(name_of(PICTURE)) is None
        assert await event_types(lab, "message.media_changed") == []
        assert await lab.store.media.fetches(10) == []

    play(story, settings=SETTINGS)


def test_bytes_go_with_their_session() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        await arrives(lab)
        async with client(lab) as http:
            assert (await http.delete("/v1/sessions/loja")).status_code in (200, 204)
        assert await lab.media_store.get(name_of(PICTURE)) is None

    play(story, settings=SETTINGS)


def test_bytes_go_with_their_time_and_the_message_says_so() -> None:
    async def story(lab: Lab) -> None:
        message = await one_kept(lab)
        await asyncio.sleep(86_400 + 700)
        media = await media_of(lab)
        assert (media.stored, media.gone.code) == (None, "media-expired")
        assert await lab.media_store.get(name_of(PICTURE)) is None
        async with client(lab) as http:
            answer = await http.get(f"/v1/messages/{message}/media")
            assert (answer.status_code, answer.json()["code"]) == (410, "media-gone")

    play(story, settings={**SETTINGS, "retention": Retention(media_s=86_400)}, limit_s=400_000)


def test_files_that_nobody_names_are_swept(tmp_path: Path) -> None:
    async def story(lab: Lab) -> None:
        lab.gateway.maintenance._media_store = FileMediaStore(tmp_path, inline=True)
        message = await one_kept(lab)
        assert message
        shelf = lab.gateway.maintenance._media_store
        orphan = await shelf.put(b"nobody's", lab.clock.now())
        named = await shelf.put(PICTURE, lab.clock.now())
        (tmp_path / f"{orphan}x.half").write_bytes(b"half")
        os.utime(tmp_path / f"{orphan}x.half", (0, 0))
        await asyncio.sleep(2 * 3600 + 60)
        assert await lab.gateway.maintenance._media_store.older(9e9) == [named]

    play(story, settings=SETTINGS)


def test_the_name_of_a_file_is_one_segment_whatever_its_sender_wrote() -> None:
    async def story(lab: Lab) -> None:
        await at_work(lab)
        await arrives(lab, data=b"%PDF-1.7 a file", mime="application/pdf", filename='..\\folder/a<b>"\r\n.pdf')
        told = (await media_of(lab)).filename
        assert told is not None
        assert told.endswith(".pdf")
        assert not set("/\\\r\n") & set(told)

    play(story)
