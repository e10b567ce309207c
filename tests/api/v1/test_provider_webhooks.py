"""Provider webhooks at the door: stored durably before the 200, whatever they say, without the secrets."""

import json
from pathlib import Path

import pytest

from esteio.config import Settings
from esteio.core.model.session import Session
from esteio.engine.commands.provider_webhooks import Secrets, blank, longest_first
from esteio.providers.declaration import KEY_SPELLINGS
from esteio.store.base import InboxSettlement, RawInbound, StoreFull
from tests.api.conftest import Gateway, Run

RECORDED = Path(__file__).resolve().parent.parent.parent / "recordings" / "evolution-2.3.7" / "webhooks"


async def door(gateway: Gateway) -> tuple[str, Session]:
    await gateway.add_server()
    session = await gateway.add_session()
    token, _ = await gateway.store.sessions.secrets(session.id)
    return f"/in/{token}", session


async def stored(gateway: Gateway) -> list[RawInbound]:
    return list(await gateway.store.inbox.unread(1000))


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b"\xff\xfe\x00", b'{"event":"messages.upsert"}', b"[]"])
def test_whatever_it_says_it_is_kept_as_it_came(run: Run, body: bytes) -> None:
    async def test(gateway: Gateway) -> None:
        address, session = await door(gateway)
        answer = await gateway.call("POST", address, body, key=None)
        assert answer.status_code == 200
        (raw,) = await stored(gateway)
        assert (raw.body, raw.session_id, raw.path) == (body, session.id, "")
        assert ("inbox", None) in gateway.bells.rung

    run(test)


def test_the_path_of_by_events(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        address, _ = await door(gateway)
        assert (await gateway.call("POST", f"{address}/connection-update", b"{}", key=None)).status_code == 200
        assert (await gateway.call("POST", f"{address}/a/b", b"{}", key=None)).status_code == 200
        assert (await gateway.call("POST", f"{address}/", b"{}", key=None)).status_code == 200
        assert [raw.path for raw in await stored(gateway)] == ["connection-update", "a/b", ""]

    run(test)


def test_secrets_are_blanked_wherever_they_stand(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        secret = 'provider/"secret'
        await gateway.call("PATCH", "/v1/servers/evo", {"credentials": {"apikey": secret}})
        session = await gateway.add_session()
        token, _ = await gateway.store.sessions.secrets(session.id)
        body = {
            "apikey": "INSTANCE-TOKEN",
            "data": {"text": f"a {secret} b", "url": "http://h/?k=provider%2F%22secret"},
        }
        headers = {"authorization": "Bearer x", "x-note": secret, "apikey": "y"}
        raw_body = json.dumps(body).encode()
        assert (await gateway.call("POST", f"/in/{token}", raw_body, key=None, headers=headers)).status_code == 200
        (raw,) = await stored(gateway)
        assert json.loads(raw.body) == {"apikey": "***", "data": {"text": "a *** b", "url": "http://h/?k=***"}}
        assert (raw.headers["authorization"], raw.headers["apikey"], raw.headers["x-note"]) == ("***", "***", "***")

    run(test)


@pytest.mark.parametrize(
    ("body", "after"),
    [
        (b'{ "apikey" : "k\\"ey" , "a": 1 }', b'{ "apikey" : "***" , "a": 1 }'),
        (b'{"event":"x","apikey":"cut off in the mid', b'{"event":"x","apikey":"***"'),
        (b'{"apikey":null,"text":"the apikey is here"}', b'{"apikey":null,"text":"the apikey is here"}'),
        (b'{"text":"{\\"apikey\\":\\"typed by a person\\"}"}', b'{"text":"{\\"apikey\\":\\"typed by a person\\"}"}'),
    ],
)
def test_the_envelopes_key_and_nothing_else(body: bytes, after: bytes) -> None:
    assert blank(body, Secrets(keys=KEY_SPELLINGS)) == after


def test_a_secret_that_is_the_beginning_of_another() -> None:
    assert blank(b"abcdef abcd", Secrets(longest_first({"abcd", "abcdef", "ab"}))) == b"*** ***"


def test_recorded_webhooks_keep_all_but_their_key(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        address, _ = await door(gateway)
        bodies = [json.loads(path.read_text())["body"] for path in sorted(RECORDED.glob("*.json"))]
        for body in bodies:
            assert (await gateway.call("POST", address, body, key=None)).status_code == 200
        kept = [json.loads(raw.body) for raw in await stored(gateway)]
        assert kept == [{**body, "apikey": "***"} if "apikey" in body else body for body in bodies]
        assert len(kept) > 20

    run(test)


def test_size(run: Run, settings: Settings) -> None:
    async def test(gateway: Gateway) -> None:
        address, _ = await door(gateway)
        largest = b"x" * settings.max_carried_bytes
        assert (await gateway.call("POST", address, largest, key=None)).status_code == 200
        await gateway.refused(413, "too-large", "POST", address, largest + b"x", key=None)
        assert len(await stored(gateway)) == 1

    run(test)


def test_of_a_session_that_is_gone(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        address, _ = await door(gateway)
        await gateway.call("DELETE", "/v1/sessions/line")
        await gateway.refused(404, "unknown-token", "POST", address, b"{}", key=None)

    run(test)


def test_a_full_disk_and_a_stopping_process_ask_to_come_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(gateway: Gateway) -> None:
        address, _ = await door(gateway)

        async def full(_raw: RawInbound) -> None:
            raise StoreFull("disk")

        monkeypatch.setattr(gateway.store.inbox, "accept", full)
        problem = await gateway.refused(507, "storage-full", "POST", address, b"{}", key=None)
        assert problem["retry_after_s"] > 0
        gateway.waiters.closing = True
        await gateway.refused(503, "closing", "POST", address, b"{}", key=None)
        gateway.waiters.closing = False

        async def closed_meanwhile(_raw: RawInbound) -> None:
            gateway.waiters.closing = True
            raise StoreFull("the store is closed")

        monkeypatch.setattr(gateway.store.inbox, "accept", closed_meanwhile)
        await gateway.refused(503, "closing", "POST", address, b"{}", key=None)

    run(test)


def test_unreadable_ones_are_shown(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        address, session = await door(gateway)
        for body in (b"<html>" + b"x" * 20_000, b"{}", b"\xff"):
            await gateway.call("POST", address, body, key=None)
        for raw in await stored(gateway):
            readable = raw.body == b"{}"
            settlement = InboxSettlement(raw.id, session.id, gateway.clock.now(), readable, note="a page")
            await gateway.store.inbox.settle(settlement)
        page = (await gateway.call("GET", "/v1/inbox?state=unreadable")).json()
        assert [(one["session"], one["note"], one["size"]) for one in page["items"]] == [
            ("line", "a page", 20_006),
            ("line", "a page", 1),
        ]
        assert page["items"][0]["body"].startswith("<html>xxx")
        first = (await gateway.call("GET", "/v1/inbox?limit=1")).json()
        rest = (await gateway.call("GET", f"/v1/inbox?limit=1&after={first['next']}")).json()
        assert [one["size"] for one in (*first["items"], *rest["items"])] == [20_006, 1]
        elsewhere = await gateway.key("operate", "other-*")
        assert (await gateway.call("GET", "/v1/inbox", key=elsewhere)).json()["items"] == []

    run(test)
