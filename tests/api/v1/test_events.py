"""The stream of events: from a place, across restarts, by what the key may see; and readers that take nothing."""

import asyncio

from cryptography.fernet import Fernet

from esteio.api.login.short_lived_tokens import ShortLivedTokens
from esteio.api.v1 import events
from esteio.core.model.ids import SessionName
from esteio.vault import Vault
from tests.api.conftest import ADMIN, Gateway, Run
from tests.api.stream import Reader, tell


def test_what_happens_from_now_on_as_it_happens(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await tell(gateway, "session.state_changed")
        async with Reader(gateway) as reader:
            await asyncio.sleep(0.01)
            await tell(gateway, "message.received", "message.edited")
            await reader.until(2)
            assert reader.status == 200
            assert reader.headers[b"content-type"] == b"text/event-stream"
            assert reader.places == [2, 3]
            seq, kind, body = reader.told[0]
            assert (seq, kind, body["type"]) == (2, "message.received", "message.received")
            assert list(body) == ["type", "timestamp", "data"]
            assert body["data"]["session"] == "line"

    run(test)


def test_from_a_place_and_the_header_goes_before_the_address(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await tell(gateway, *["message.received"] * 1200)
        async with Reader(gateway, query="after=0") as reader:
            await reader.until(1200)
            assert reader.places == list(range(1, 1201))
        async with Reader(gateway, query="after=0", last_id="1197") as reader:
            await reader.until(3)
            await tell(gateway, "message.received")
            await reader.until(4)
            assert reader.places == [1198, 1199, 1200, 1201]
        async with Reader(gateway, last_id="999999") as reader:
            await asyncio.sleep(0.01)
            await tell(gateway, "message.received")
            await reader.until(1)
            assert reader.places == [1202], "a place of another database: a browser begins at the end"
            assert b": last-event-id 999999 lies ahead of the newest event, 1201" in reader.text
        problem = await gateway.refused(400, "place-ahead", "GET", "/v1/events?after=999999")
        assert "1202" in problem["detail"]

    run(test)


def test_readers_at_different_places_each_get_everything_once(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await tell(gateway, *["message.received"] * 10)
        async with (
            Reader(gateway, query="after=0") as old,
            Reader(gateway, query="after=7") as middle,
            Reader(gateway) as new,
        ):
            await asyncio.sleep(0.01)
            for _ in range(30):
                await tell(gateway, *["message.received"] * 100)
                await asyncio.sleep(0)
            for reader, first in ((old, 1), (middle, 8), (new, 11)):
                await reader.until(3010 - first + 1)
                assert reader.places == list(range(first, 3011))

    run(test)


def test_wrong_places_and_words_are_refused(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.refused(400, "invalid-value", "GET", "/v1/events?after=x")
        await gateway.refused(400, "invalid-value", "GET", "/v1/events", headers={"last-event-id": "-1"})
        await gateway.refused(400, "unknown-field", "GET", "/v1/events?aftr=1")
        await gateway.refused(400, "place-ahead", "GET", "/v1/events?after=1")

    run(test)


def test_a_key_sees_its_sessions_no_server_and_no_code_without_the_role(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        mine = await gateway.key("read", "line")
        operator = await gateway.key("operate")
        await tell(gateway, "message.received", "session.qr")
        await tell(gateway, "message.received", session=SessionName("other"))
        await tell(gateway, "server.outage_started", session=None)
        await tell(gateway, "message.edited")
        async with Reader(gateway, key=mine, query="after=0") as reader:
            await reader.until(2)
            assert reader.places == [1, 5]
        async with Reader(gateway, key=operator, query="after=0") as reader:
            await reader.until(5)
            assert reader.places == [1, 2, 3, 4, 5]

    run(test)


def test_a_reader_that_takes_nothing_is_dropped_and_the_others_go_on(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        async with Reader(gateway, query="after=0") as stuck, Reader(gateway, query="after=0") as well:
            await asyncio.sleep(0.01)
            stuck.takes.clear()
            await tell(gateway, *["message.received"] * 50)
            await well.until(50)
            assert not stuck.task.done()
            async with asyncio.timeout(100):
                await asyncio.wait({stuck.task})
            assert stuck.task.exception() is None
            await tell(gateway, "message.received")
            await well.until(51)
            assert not well.task.done()

    run(test)


def test_a_revoked_key_is_shown_out(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        key = await gateway.key("read")
        async with Reader(gateway, key=key) as reader:
            await asyncio.sleep(events.ALIVE_EVERY_S + 2)
            assert b": alive" in reader.text
            for one in await gateway.store.keys.all():
                await gateway.commands.keys.revoke(one.id)
            async with asyncio.timeout(100):
                await asyncio.wait({reader.task})
            assert reader.task.done()

    run(test)


def test_closing_ends_the_stream(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        async with Reader(gateway) as reader:
            await asyncio.sleep(0.05)
            gateway.waiters.closing = True
            async with asyncio.timeout(100):
                await asyncio.wait({reader.task})
            assert reader.task.exception() is None

    run(test)


def blocks(text: bytes) -> list[str]:
    """What a plain client makes of it: every block between blank lines is an event, whatever is in it."""
    return text.decode().split("\n\n")[:-1]


def test_nothing_but_events_is_a_block(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        async with Reader(gateway, query="after=0") as reader:
            await asyncio.sleep(events.ALIVE_EVERY_S * 3)
            assert b": alive\n" in reader.text
            assert b"\n\n" not in reader.text
            await tell(gateway, "message.received", "message.edited")
            await reader.until(2)
            await asyncio.sleep(events.ALIVE_EVERY_S * 2)
            await tell(gateway, "message.deleted")
            await reader.until(3)
            found = blocks(reader.text)
            assert len(found) == 3
            assert all("data: " in block for block in found)
            assert "retry: 3000\nid: 1" in found[0]
            assert reader.text.count(b"retry:") == 1

    run(test)


async def token_of(gateway: Gateway, key: str = ADMIN) -> str:
    made = await gateway.call("POST", "/v1/events/token", {}, key=key)
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    assert set(made.json()) == {"token", "open_until", "resume_until"}
    token: str = made.json()["token"]
    return token


def test_a_token_opens_the_stream_and_nothing_else(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        mine = await gateway.key("read", "line")
        token = await token_of(gateway, mine)
        await tell(gateway, "message.received", "session.qr")
        await tell(gateway, "message.received", session=SessionName("other"))
        async with Reader(gateway, key=None, query=f"after=0&token={token}") as reader:
            await reader.until(1)
            assert reader.places == [1], "what its key may see"
        await gateway.refused(401, "unauthorized", "GET", f"/v1/sessions?token={token}", key=None)
        await gateway.refused(401, "unauthorized", "GET", "/v1/events?token=est_wrong", key=None)
        await gateway.refused(401, "unauthorized", "GET", "/v1/events?token=", key=None)
        await gateway.refused(401, "unauthorized", "POST", f"/v1/events/token?token={token}", {}, key=None)

    run(test)


def test_a_token_opens_within_a_minute_and_its_stream_resumes_for_an_hour(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        late, used = await token_of(gateway), await token_of(gateway)
        async with Reader(gateway, key=None, query=f"token={used}") as reader:
            await asyncio.sleep(61)
            assert reader.status == 200
        await gateway.refused(401, "unauthorized", "GET", f"/v1/events?token={late}", key=None)
        gateway.clock.ahead = 3500
        async with Reader(gateway, key=None, query=f"token={used}", last_id="0") as reader:
            await asyncio.sleep(1)
            assert reader.status == 200
        gateway.clock.ahead = 3600
        await gateway.refused(401, "unauthorized", "GET", f"/v1/events?token={used}", key=None)

    run(test)


def test_a_revoked_key_ends_the_streams_of_its_tokens(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        key = await gateway.key("read")
        token = await token_of(gateway, key)
        async with Reader(gateway, key=None, query=f"token={token}") as reader:
            await asyncio.sleep(1)
            for one in await gateway.store.keys.all():
                await gateway.commands.keys.revoke(one.id)
            async with asyncio.timeout(100):
                await asyncio.wait({reader.task})
        await gateway.refused(401, "unauthorized", "GET", f"/v1/events?token={token}", key=None)

    run(test)


def test_tokens_that_are_over_are_forgotten_and_a_restart_forgets_no_other(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        tokens = [await token_of(gateway) for _ in range(3)]
        gateway.clock.ahead = 61
        kept = await token_of(gateway)
        another = ShortLivedTokens(gateway.store.keys, gateway.vault, gateway.clock)
        assert [await another.streams(token) for token in tokens] == [None] * 3
        assert await another.streams(kept) == ADMIN
        assert await another.logged_in(kept) is None
        assert await another.streams("est_none") is await another.streams("none") is None
        other_key = ShortLivedTokens(gateway.store.keys, Vault(Fernet.generate_key()), gateway.clock)
        assert await other_key.streams(kept) is None

    run(test)
