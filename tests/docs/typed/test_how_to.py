"""The commands of the how-to pages, in both languages, are typed as they stand against a gateway and the sandbox."""

from __future__ import annotations

import json
import shutil
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from esteio.cli.errors import Failed
from esteio.cli.local.sandbox import MAKE
from esteio.cli.remote.client import path
from tests.cli.cli_processes import Installation, Running, free_port
from tests.docs.typed.typed_page import Shell, shell, steps

PAGES = Path(__file__).parents[3] / "docs" / "how-to"
TWINS = {"en": "", "pt-BR": ".pt-BR"}
PHONE = "5511987654321"
TEXTS = {
    "https://evolution.example.com": "evolution", "https://baileys.example.com": "baileys",
    "https://api.w-api.app/v1": "wapi", "YOUR-EVOLUTION-KEY": "key", "SUA-CHAVE-DA-EVOLUTION": "key",
    "YOUR-SERVER-KEY": "key", "CHAVE-DO-SERVIDOR": "key", "LITE-XXXXXX-XXXXXX": "instance_id",
    "YOUR-INSTANCE-TOKEN": "token", "TOKEN-DA-INSTANCIA": "token", "/var/lib/esteio": "data",
    "https://n8n.example.com": "target", "https://YOUR-PROJECT.supabase.co": "target",
    "https://SEU-PROJETO.supabase.co": "target",
}  # fmt: skip
"""What people put their own in for → what stands here."""
NOT_TYPED = ("15 3 * * *",)
"""Lines of a crontab."""


class Place:
    """A gateway, the sandbox, and a terminal; `said` is what people put in."""

    def __init__(self, home: Installation, typed: Shell, twin: str) -> None:
        self.home, self.typed, self.twin = home, typed, twin
        self.said = {**home.places, "data": str(home.home / "data"), "target": f"http://127.0.0.1:{free_port()}"}

    def blocks(self, page: str) -> list[str]:
        """The commands of a page, with everything put in."""
        found = [step.text for step in steps(PAGES / f"{page}{self.twin}.md") if step.kind == "sh"]
        return [self.put_in(text) for text in found if not text.startswith(NOT_TYPED)]

    def put_in(self, text: str) -> str:
        for theirs, ours in TEXTS.items():
            text = text.replace(theirs, self.said.get(ours, theirs))
        return text

    def type(self, page: str) -> str:
        """Type the whole page; what it shows."""
        return "".join(self.typed.type(text) for text in self.blocks(page))

    def made(self, kind: str, **body: str) -> Any:
        """An instance that a provider has, which nobody has told Esteio of."""
        header, where, usual = MAKE[kind]
        key = f"{header}{self.said['key']}".partition(": ")
        headers = {key[0]: key[2], "content-type": "application/json"}
        data = json.dumps({**json.loads(usual), **body}).encode()
        return self.asked(kind, where, headers, data)

    def asked(self, kind: str, where: str, headers: Mapping[str, str], data: bytes | None = None) -> Any:
        """What a provider answers to somebody who is not Esteio."""
        with urllib.request.urlopen(urllib.request.Request(self.said[kind] + where, data, dict(headers))) as answer:
            return json.load(answer)

    def scan(self, **body: str) -> None:
        """The phone scans the session's code, as soon as there is one."""

        def done() -> bool:
            try:
                self.home.control("scan", **body)
            except Failed:
                return False
            return True

        self.home.until(done)

    def until_connected(self, name: str) -> None:
        self.home.until(lambda: self.home.session(name)["state"] == "connected")

    def named(self, english: str, portuguese: str) -> str:
        return portuguese if self.twin else english

    def scanned(self, english: str, portuguese: str, number: str) -> None:
        """The code of a new session is scanned, and the message that its page sent is out."""
        name = self.named(english, portuguese)
        (message,) = self.home.client.items(path("sessions", name, "messages"))
        assert message["state"] == "held"
        self.scan(session=name, number=number)
        self.until_connected(name)
        self.home.until(lambda: self.home.client.get(path("messages", message["id"]))["state"] in {"sent", "delivered"})

    def unharmed(self) -> None:
        """No link was ended, nothing was restarted."""
        told = json.load(urllib.request.urlopen(f"{self.said['control']}/_sandbox/ledger"))
        assert not [one["verb"] for one in told["control"] if one["verb"] in {"logout", "restart", "delete"}]


# `test_marked_examples` runs the English pages of servers and programs, and `test_twins` compares the blocks.
LONG = pytest.mark.long


@pytest.fixture(scope="module", params=[pytest.param(one, marks=LONG) if TWINS[one] else one for one in TWINS])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    if shutil.which("curl") is None or shutil.which("bash") is None:
        pytest.skip("the pages' commands need bash and curl, which are not here")
    home, zero, port = tmp_path_factory.mktemp("how-to"), "127.0.0.1:0", free_port()
    box = Running("sandbox", *(f"--{one}={zero}" for one in ("evolution", "baileys", "wapi", "control")), cwd=home)
    gateway = Running(
        "serve", "--listen", f"127.0.0.1:{port}", "--data", "data", cwd=home, ESTEIO_ALLOW_TARGETS="127.0.0.0/8"
    )
    try:
        places = dict(line.split("\t") for line in box.said("control\thttp").splitlines())
        key = gateway.said("\n").split()[-1]
        gateway.logged("gateway.started")
        made = Installation(home, f"http://127.0.0.1:{port}", key, places)
        with shell(home, _typing(made.environment(ESTEIO_LANGUAGE=request.param))) as typed:
            yield Place(made, typed, TWINS[request.param])
    finally:
        codes = [one.end() for one in (gateway, box)]
    assert codes == [0, 0]


def _typing(environ: Mapping[str, str]) -> dict[str, str]:
    """With `esteio` of this installation first on the path."""
    return {**environ, "PATH": f"{Path(sys.executable).parent}:{environ['PATH']}"}


def test_evolution(place: Place) -> None:
    """The server is added, an instance adopted, another made and scanned, and what was held goes out."""
    place.made("evolution", instanceName="clinic-prod")
    place.scan(session="clinic-prod")
    place.type("evolution")
    place.until_connected("clinic-prod")
    place.scanned("shop", "loja", number=PHONE)
    place.unharmed()


@LONG
def test_baileys(place: Place) -> None:
    place.made("baileys", name="default")
    place.scan(server="baileys", session="default")
    place.type("baileys")
    place.until_connected(place.named("store", "filial"))
    place.unharmed()


@LONG
def test_wapi(place: Place) -> None:
    made = place.made("wapi", instanceName="support")
    place.said |= {"instance_id": made["instanceId"], "token": made["token"]}
    place.asked(
        "wapi", f"/instance/qr-code?instanceId={made['instanceId']}", {"authorization": f"Bearer {made['token']}"}
    )
    place.scan(server="wapi", session=made["instanceId"])
    place.type("wapi")
    place.until_connected(place.named("support", "atendimento"))
    place.unharmed()


@LONG
def test_n8n(place: Place) -> None:
    assert "esk_" in place.type("n8n")
    addresses = [hook["url"] for hook in place.home.client.items(path("webhooks"))]
    assert addresses.count(place.said["target"] + "/webhook/esteio") == 2


@LONG
def test_supabase(place: Place) -> None:
    assert "whsec_" in place.type("supabase")


def test_backup(place: Place) -> None:
    place.type("backup")
    assert (place.home.home / "data-new" / "esteio.db").exists()


def test_upgrade(place: Place) -> None:
    place.type("upgrade")
    assert (place.home.home / "data-old" / "esteio.db").exists()
