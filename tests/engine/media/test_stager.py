"""Media: what is named by URL is fetched and staged by us, once, guarded; what comes in is kept beside the database."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import msgspec
import pytest

from esteio.core.messages import mime_sniff
from esteio.engine.commands.requests import MediaRequest
from esteio.engine.errors import CommandError
from esteio.providers.base import HttpRequest, HttpResponse, TransportFailed
from esteio.providers.driver import NOT_ALLOWED
from esteio.sim.lab import Lab
from esteio.sim.world.faults import Fault, inject
from esteio.store.media import FileMediaStore, name_of
from tests.engine.engine_stage import CUSTOMER, OTHER, linked, outcomes, play, until_message
from tests.media_hosts import MediaLab

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
URL = "https://imagens.example/foto.png"


def _asked(lab: Lab) -> list[bytes]:
    return lab.asked  # type: ignore[attr-defined,no-any-return]


def _listen(lab: Lab) -> None:
    """Remember the bodies of what providers are asked to send."""
    real, lab.asked = lab.transport.exchange, []  # type: ignore[attr-defined]

    async def exchange(request: HttpRequest) -> HttpResponse:
        if "/message/send" in request.url or "/message/" in request.url:
            _asked(lab).append(request.body)
        return await real(request)

    lab.transport.exchange = exchange  # type: ignore[method-assign]


def typed(mime: str) -> dict[str, Any]:
    return {"content-type": mime}


@pytest.mark.parametrize("kind", ["evolution", "wapi"])
def test_the_provider_gets_bytes_that_we_fetched_once_though_it_is_asked_twice(kind: str) -> None:
    async def story(lab: MediaLab) -> None:
        _listen(lab)
        await linked(lab, kind)
        lab.media_hosts.put(URL, PNG, **typed("application/octet-stream"))
        if kind == "evolution":
            inject(lab.world, "prov", "loja", Fault("drop"))
        message = await lab.send("loja", CUSTOMER, None, media=MediaRequest("image", url=URL))
        await until_message(lab, message, "delivered", "read", within_s=60)
        assert lab.media_hosts.fetched == [URL]
        assert len(await outcomes(lab, message)) == (2 if kind == "evolution" else 1)
        sends = [body for body in _asked(lab) if base64.b64encode(PNG) in body]
        assert len(sends) == len(await outcomes(lab, message))
        assert not any(b"imagens.example" in body for body in sends)
        media = (await lab.message(message)).content.media
        assert media is not None
        assert (media.stored, media.mime, media.filename, media.size) == (
            name_of(PNG),
            "image/png",
            "foto.png",
            len(PNG),
        )

    play(story)


def test_a_download_that_fails_is_ours_to_try_again() -> None:
    async def story(lab: MediaLab) -> None:
        await linked(lab)
        lab.media_hosts.put(URL, b"", status=503)
        message = await lab.send("loja", CUSTOMER, None, media=MediaRequest("image", url=URL))
        await asyncio.sleep(5)
        assert await outcomes(lab, message) == ["not_sent:media"]
        lab.media_hosts.put(URL, PNG)
        await until_message(lab, message, "delivered", "read", within_s=60)
        assert lab.media_hosts.fetched == [URL, URL]

    play(story)


@pytest.mark.parametrize("answer", ["page", "gone", "large", "circle"])
def test_what_can_never_be_sent_fails_at_once_with_its_reason(answer: str) -> None:
    async def story(lab: MediaLab) -> None:
        await linked(lab)
        if answer == "page":
            lab.media_hosts.put(URL, b"<!DOCTYPE html><html>Sign in</html>", **typed("image/png"))
        elif answer == "gone":
            lab.media_hosts.put(URL, b"", status=404)
        elif answer == "large":
            lab.media_hosts.put(URL, b"")
            lab.media_hosts.answers[URL] = TransportFailed("answer too large: more than 5 bytes", sent="maybe")
        else:
            lab.media_hosts.put(URL, b"", status=302, location=URL)
        message = await lab.send("loja", CUSTOMER, None, media=MediaRequest("image", url=URL))
        behind = await lab.send("loja", CUSTOMER, "e o texto vai")
        await until_message(lab, behind, "delivered", "read", within_s=60)
        found = await lab.message(message)
        assert (found.state, found.attempts) == ("failed", 1)
        assert found.reason is not None
        assert found.reason.args["detail"]

    play(story)


def test_a_redirect_is_followed_but_not_into_the_house() -> None:
    async def story(lab: MediaLab) -> None:
        await linked(lab)
        lab.media_hosts.put(URL, b"", status=302, location="https://cdn.example/x.png")
        lab.media_hosts.put("https://cdn.example/x.png", PNG)
        message = await lab.send("loja", CUSTOMER, None, media=MediaRequest("image", url=URL))
        await until_message(lab, message, "delivered", within_s=60)
        for i, inside in enumerate(("http://127.0.0.1/x.png", "http://inside.example/x.png", "file:///etc/passwd")):
            lab.media_hosts.put("http://inside.example/x.png", PNG)
            lab.media_hosts.addresses["inside.example"] = "10.0.0.5"
            lab.media_hosts.put(f"https://imagens.example/{i}.png", b"", status=302, location=inside)
            ask = MediaRequest("image", url=f"https://imagens.example/{i}.png")
            bad = await lab.send("loja", OTHER, None, media=ask)
            await until_message(lab, bad, "failed", within_s=60)
            assert inside not in lab.media_hosts.fetched

    play(story)


def test_a_name_that_turns_inward_after_the_accept_is_not_fetched() -> None:
    async def story(lab: MediaLab) -> None:
        await linked(lab)
        lab.media_hosts.put(URL, PNG)
        await lab.commands.operator_actions.pause("loja", "lab")
        message = await lab.send("loja", CUSTOMER, None, media=MediaRequest("image", url=URL))
        lab.media_hosts.addresses["imagens.example"] = "169.254.169.254"
        await lab.commands.operator_actions.resume("loja", "lab")
        await until_message(lab, message, "failed", within_s=60)
        assert lab.media_hosts.fetched == []
        with pytest.raises(CommandError, match="target-not-allowed"):
            await lab.send("loja", CUSTOMER, None, media=MediaRequest("image", url=URL))

    play(story)


PDF = b"%PDF-1.7 x"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.mark.parametrize(
    ("path", "headers", "body", "asked", "name", "mime"),
    [
        ("files/42", {"content-type": "application/pdf"}, PDF, {}, "document.pdf", "application/pdf"),
        (
            "files/43",
            {
                "content-type": "application/octet-stream",
                "content-disposition": 'attachment; filename="Boleto marco.pdf"',
            },
            PDF,
            {},
            "Boleto marco.pdf",
            "application/pdf",
        ),
        ("enc/Relat%C3%B3rio%20final.pdf", {}, PDF, {}, "Relatório final.pdf", "application/pdf"),
        ("planilha.xlsx", {"content-type": SHEET}, b"PK\x03\x04", {}, "planilha.xlsx", SHEET),
        ("files/42", {}, PDF, {"filename": "nota sem extensao"}, "nota sem extensao.pdf", "application/pdf"),
        ("files/42", {}, PDF, {"filename": "pasta/2026/nota.pdf"}, "nota.pdf", "application/pdf"),
        ("dados.csv", {"content-type": "binary/octet-stream"}, b"a;b", {}, "dados.csv", "text/csv"),
        ("nota.xml", {"content-type": "application/xml"}, b"<?xml?><nfeProc/>", {}, "nota.xml", "application/xml"),
        ("pagina.html", {"content-type": "text/html"}, b"<html>", {}, "pagina.html", "text/html"),
        ("p", {"content-type": "text/html"}, b"<html>", {"mime": "text/html"}, "document.html", "text/html"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["evolution", "wapi"])
def test_a_document_arrives_with_its_name_and_type(
    kind: str, path: str, headers: dict[str, Any], body: bytes, asked: dict[str, str], name: str, mime: str
) -> None:
    """Input 18."""

    async def story(lab: MediaLab) -> None:
        _listen(lab)
        await linked(lab, kind)
        url = lab.media_hosts.put(f"https://imagens.example/{path}", body, **headers)
        message = await lab.send("loja", CUSTOMER, None, media=MediaRequest("document", url=url, **asked))
        await until_message(lab, message, "sent", "delivered", "read", within_s=60)
        told = msgspec.json.decode(next(one for one in _asked(lab) if b"fileName" in one))
        assert told["fileName"] == name
        if kind == "evolution":
            assert told["mimetype"] == mime
        else:
            assert told["extension"] == name.rpartition(".")[2]
            assert told["document"].startswith(f"data:{mime};base64,")

    play(story)


@pytest.mark.parametrize(
    ("kind", "answer", "code"),
    [
        ("document", HttpResponse(200, {"content-type": "text/html"}, b"<!DOCTYPE html>Sign in"), "media-is-a-page"),
        ("document", HttpResponse(200, {"content-type": "text/html"}, b"Sign in"), "media-is-a-page"),
        ("image", HttpResponse(200, {"content-type": "image/png"}, b"<html>Sign in"), "media-is-a-page"),
        ("image", HttpResponse(200, {}, PDF), "media-failed"),
        ("document", HttpResponse(302, {"location": "http://10.0.0.1/x"}), "media-not-allowed"),
        ("document", HttpResponse(302, {"location": "http://nowhere.example:99999/x"}), "media-not-allowed"),
        ("document", TransportFailed(NOT_ALLOWED, sent="no"), "media-not-allowed"),
        ("document", HttpResponse(404, {}, b"gone"), "media-failed"),
    ],
)
def test_what_cannot_be_sent_is_told_in_our_own_words(kind: str, answer: object, code: str) -> None:
    """Inputs 18 (the sign-in page) and D13: never as a refusal of the provider's."""

    async def story(lab: MediaLab) -> None:
        _listen(lab)
        await linked(lab)
        url = lab.media_hosts.put("https://imagens.example/page.pdf", b"")
        lab.media_hosts.answers[url] = answer  # type: ignore[assignment]
        ask = MediaRequest(kind, url=url, mime="application/pdf" if kind == "document" else None)  # type: ignore[arg-type]
        message = await lab.send("loja", CUSTOMER, None, media=ask)
        await until_message(lab, message, "failed", within_s=60)
        found = await lab.message(message)
        assert found.reason is not None
        assert (found.reason.code, found.attempts) == (code, 1)
        assert _asked(lab) == [], "the provider was never asked"
        assert (await outcomes(lab, message))[0].startswith("not_sent:media-")

    play(story)


def test_bytes_that_were_handed_in_are_named_in_the_same_way() -> None:
    async def story(lab: Lab) -> None:
        _listen(lab)
        await linked(lab)
        data = base64.b64encode(PDF).decode()
        for asked, name in ((None, "document.pdf"), ("a/b/nota", "nota.pdf"), ("x%20y.pdf", "x y.pdf")):
            ask = MediaRequest("document", base64=data, filename=asked)
            message = await lab.send("loja", CUSTOMER, None, media=ask)
            await until_message(lab, message, "sent", "delivered", "read", within_s=60)
            assert msgspec.json.decode(_asked(lab)[-1])["fileName"] == name

    play(story)


def test_the_shelf_holds_each_bytes_once_and_forgets_by_age(tmp_path: Path) -> None:
    async def story() -> None:
        shelf = FileMediaStore(tmp_path / "media")
        name = await shelf.put(PNG, 1000.0)
        assert await shelf.put(PNG, 2000.0) == name == name_of(PNG)
        other = await shelf.put(b"other", 1000.0)
        assert sorted(path.name for path in (tmp_path / "media").iterdir()) == sorted([name, other])
        assert (tmp_path / "media" / name).stat().st_mode & 0o777 == 0o600
        assert await shelf.get("../" + name) is None
        assert (await shelf.size(other), await shelf.piece(other, 1, 3)) == (5, b"the")
        assert (await shelf.size("0" * 64), await shelf.piece("0" * 64, 0, 9)) == (None, b"")
        assert await shelf.older(1500.0) == [other]
        assert await shelf.drop([name, other, "../x"], 1500.0) == 1, "what was put again since is somebody's"
        assert await shelf.drop([name], 2000.0) == 1
        assert (await shelf.get(name), await shelf.get(other)) == (None, None)
        assert await FileMediaStore(tmp_path / "none").older(9e9) == []

    asyncio.run(story())


@pytest.mark.parametrize(
    ("data", "mime"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"\x00\x00\x00\x18ftypmp42", "video/mp4"),
        (b"\x00\x00\x00\x18ftypM4A ", "audio/mp4"),
        (b"OggS\x00", "audio/ogg"),
        (b"%PDF-1.7", "application/pdf"),
        (b"  <!DOCTYPE HTML>", "text/html"),
        (b"hello", None),
        (b"", None),
    ],
)
def test_bytes_say_what_they_are(data: bytes, mime: str | None) -> None:
    assert mime_sniff.mime_of(data) == mime


def test_what_fits_what() -> None:
    assert mime_sniff.fits("image", "image/png")
    assert not mime_sniff.fits("image", "text/html")
    assert not mime_sniff.fits("audio", "image/png")
    assert mime_sniff.fits("document", "text/html")
    assert mime_sniff.fits("video", None)
