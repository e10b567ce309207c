"""The database file itself, its log and a backup, read byte by byte: of all the secrets that a gateway was given, none
stands there. What stands in clear on purpose is named, and does (docs/explanation/security.md)."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import httpx

from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.lab import SEALING_KEY, Lab
from esteio.store.backup import create
from esteio.store.sqlite import SqliteStore
from tests.api.evolution.conftest import DoorLab
from tests.api.evolution.test_chatwoot import Chatwoot

ADMIN = "an-admin-key-that-nobody-finds"
LONG = 7
"""Shorter words would be found by chance."""


async def populated(door: DoorLab) -> tuple[dict[str, str], dict[str, str]]:
    """The secrets that the gateway was given or made, by what they are; and what stands in clear on purpose."""
    lab = door.lab
    secrets = {"the admin key of the settings": ADMIN, "the key itself": SEALING_KEY.decode()}
    secrets["a server's key"] = lab.world.servers["evo"].apikey
    made = await door.linked("loja", token="token-of-the-instance-by-its-client")
    secrets["an instance's token at the door"] = made["hash"]
    await lab.add_server("lite", "wapi")
    await lab.create("lite", "wapi-line", wait_s=0)
    secrets["a W-API instance's token"] = lab._ref("lite", "wapi-line")["token"]
    api = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=lab.gateway.app), base_url="http://esteio",
        headers={"authorization": f"Bearer {ADMIN}"},
    )  # fmt: skip
    async with api:
        hook = {"url": "https://hooks.test/esteio?id=42", "headers": {"authorization": "Bearer header-of-the-webhook"}}
        told = (await api.post("/v1/webhooks", json=hook)).json()
        secrets["a webhook's secret"], secrets["a webhook's header"] = told["secret"], "header-of-the-webhook"
        rotated = (await api.post(f"/v1/webhooks/{told['id']}/rotate", json={"overlap_s": 60})).json()
        secrets["a webhook's next secret"] = rotated["secret"]
        secrets["an API key"] = (await api.post("/v1/keys", json={"name": "k", "role": "send"})).json()["key"]
        link = (await api.post("/v1/login-links", json={})).json()
        secrets["a login link"] = link["path"].rpartition("/")[2]
        message = {"to": "5511999998888", "text": "words-of-a-message-in-clear"}
        assert (await api.post("/v1/sessions/loja/messages", json=message)).status_code == 202
    chatwoot = {
        "enabled": True, "accountId": "1", "token": "token-of-the-chatwoot-account", "url": "https://chatwoot.test",
        "signMsg": True, "autoCreate": True, "nameInbox": "loja",
    }  # fmt: skip
    await door.said("POST", "/chatwoot/set/loja", chatwoot, status=201)
    secrets["a Chatwoot account's token"] = chatwoot["token"]  # type: ignore[assignment]
    settings = {"rejectCall": False, "msgCall": "", "wavoipToken": "token-of-wavoip-by-its-client"}
    more = dict.fromkeys(("groupsIgnore", "alwaysOnline", "readMessages", "readStatus", "syncFullHistory"), False)
    await door.call("POST", "/settings/set/loja", settings | more)
    secrets["a token among an instance's settings"] = "token-of-wavoip-by-its-client"
    hook_at_door = {
        "enabled": True,
        "url": "https://n8n.test/hook",
        "headers": {"x-key": "header-of-a-client-at-the-door"},
    }
    await door.said("POST", "/webhook/set/loja", {"webhook": hook_at_door}, status=201)
    secrets["a header of a client's webhook"] = "header-of-a-client-at-the-door"
    session = await lab.session("loja")
    _, token = await lab.commands.pair_links.make("loja", "test")
    secrets["a pairing link"] = token
    webhook_token, _ = await lab.store.sessions.secrets(session.id)
    clear = {
        "a message's words": "words-of-a-message-in-clear",
        "a chat's number": "5511999998888",
        "a webhook's address": "https://hooks.test/esteio?id=42",
        "the address that a provider writes to": webhook_token,
    }
    return secrets, clear


def spellings(secret: str) -> set[bytes]:
    """As it is, and as base64 and JSON would hide it."""
    text = secret.encode()
    whole = {base64.b64encode(b"x" * shift + text)[4:-4] for shift in range(3)}
    return {
        text,
        json.dumps(secret)[1:-1].encode(),
        text[::-1],
        text.hex().encode(),
        *(one for one in whole if len(one) >= LONG),
    }


def test_no_secret_stands_in_the_database_its_log_or_a_backup(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    raw: dict[str, bytes] = {}
    known: list[dict[str, str]] = []

    async def whole() -> None:
        store = SqliteStore(data / "esteio.db", inline=True)
        chatwoot = Chatwoot()
        lab = Lab(settings={"admin_key": ADMIN, "allow_targets": ("127.0.0.0/8",)}, store=store, media_hosts=chatwoot)
        async with lab:
            await lab.add_server("evo")
            door = DoorLab(lab)
            door_key = door.call

            async def call(method: str, path: str, body: object = None, **more: object) -> httpx.Response:
                return await door_key(method, path, body, **{"key": ADMIN, **more})  # type: ignore[arg-type]

            door.call = call  # type: ignore[method-assign]
            known.extend(await populated(door))
            raw.update({path.name: path.read_bytes() for path in data.iterdir() if path.name != "esteio.db.lock"})
            create(data, tmp_path / "backup.tar", now=0.0, program="test", secrets=False)
            raw["backup"] = (tmp_path / "backup.tar").read_bytes()
            await door.http.aclose()

    run_virtual(whole)
    secrets, clear = known
    assert {"esteio.db", "esteio.db-wal", "backup"} <= set(raw)
    for name, content in raw.items():
        for what, secret in secrets.items():
            assert len(secret) >= LONG, what
            assert not any(one in content for one in spellings(secret)), (name, what)
    for what, word in clear.items():
        assert word.encode() in raw["backup"], f"{what} is said to stand in clear"
