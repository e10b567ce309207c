"""Messages handed in: on the disk before the answer, once per key and body, awaited when asked."""

from typing import Any

import msgspec
import pytest

from esteio.config import Settings
from esteio.core.messages.outbox import SendSettlement
from esteio.core.messages.transitions import Event
from esteio.core.model.message import AttemptRecord, Message
from esteio.store.base import SendQuota
from tests.api.conftest import Gateway, Run
from tests.narrowing import not_none

MESSAGES = "/v1/sessions/line/messages"
GOOD = {"to": "5511999998888", "text": "oi"}


async def ready(gateway: Gateway) -> None:
    await gateway.add_server()
    await gateway.add_session()
    await gateway.live()


async def settle(gateway: Gateway, event: Event = "accepted", **more: Any) -> Message:
    """Play the dispatcher with the first message that is ready."""
    now = gateway.clock.now()
    claim = (await gateway.store.outbox.claim(now, 1, 60, SendQuota()))[0]
    message = claim.message
    settlement = SendSettlement(
        message.id, message.session_id, claim.fence, event, now, AttemptRecord(now, "accepted"), **more
    )
    assert (await gateway.store.outbox.settle([settlement]))[0]
    gateway.waiters.message_changed(message.id)
    return message


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (GOOD, "text"),
        ({"to": "120363041234567890@g.us", "text": "grupo"}, "text"),
        ({"to": "123456789012345@lid", "text": "lid"}, "text"),
        (
            {"to": GOOD["to"], "media": {"kind": "image", "url": "https://files.example/a.png"}, "caption": "c"},
            "image",
        ),
        ({"to": GOOD["to"], "media": {"kind": "document", "base64": "QUJD", "filename": "a.txt"}}, "document"),
        ({"to": GOOD["to"], "media": {"kind": "image", "base64": "data:image/png;base64,QUJD"}}, "image"),
        ({"to": GOOD["to"], "location": {"latitude": -23.5, "longitude": -46, "name": "SP"}}, "location"),
        ({"to": GOOD["to"], "contacts": [{"name": "Ana", "phone": "11 98888-7777"}]}, "contacts"),
        ({"to": GOOD["to"], "poll": {"question": "a?", "options": ["s", "n"], "choices": 1}}, "poll"),
    ],
)
def test_every_kind_is_accepted_and_shown(run: Run, body: dict[str, Any], kind: str) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        answer = await gateway.call("POST", MESSAGES, {**body, "client_ref": "conv-9", "priority": 1})
        assert answer.status_code == 202
        document = answer.json()
        assert (document["kind"], document["state"], document["direction"]) == (kind, "queued", "out")
        assert document["to"] == body["to"]
        assert document["client_ref"] == "conv-9"
        assert "base64" not in answer.text
        assert ("sends", None) in gateway.bells.rung
        stored = (await gateway.call("GET", f"/v1/messages/{document['id']}")).json()
        assert stored == {**document, "attempts": []}

    run(test)


def test_what_is_held_wakes_nobody_who_sends_and_what_may_go_does(run: Run) -> None:
    """Behind a closed gate each look for what is due would find nothing, at every message of an outage."""

    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        await gateway.add_session()
        gateway.bells.rung.clear()
        answer = await gateway.call("POST", MESSAGES, GOOD)
        assert answer.json()["state"] == "held"
        assert ("sends", None) not in gateway.bells.rung
        await gateway.live()
        gateway.bells.rung.clear()
        answer = await gateway.call("POST", MESSAGES, GOOD)
        assert answer.json()["state"] == "queued"
        assert ("sends", None) in gateway.bells.rung

    run(test)


def test_the_normal_form_of_what_is_stored(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        body = {"to": "+55 (11) 99999-8888", "text": "oi", "mentions": ["11988887777"], "expires_in_s": 10}
        document = (await gateway.call("POST", MESSAGES, body)).json()
        message = await gateway.store.messages.get(document["id"])
        assert message is not None
        assert (message.to, message.chat, message.mentions) == ("5511999998888", "5511999998888", ("5511988887777",))
        assert message.expires_at == pytest.approx(message.created_at + 10)
        media = {"to": GOOD["to"], "media": {"kind": "image", "base64": "data:image/png;base64,QUJD"}}
        message = await gateway.store.messages.get((await gateway.call("POST", MESSAGES, media)).json()["id"])
        assert message is not None
        kept = message.content.media
        assert kept is not None
        assert (kept.base64, kept.mime, kept.size) == (None, "image/png", 3)
        assert await gateway.shelf.get(not_none(kept.stored)) == b"ABC"

    run(test)


def test_quotes_and_reactions_name_messages_of_the_same_session(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        await gateway.add_session("other")
        first = (await gateway.call("POST", MESSAGES, GOOD)).json()["id"]
        reaction = {"to": GOOD["to"], "reaction": {"message": first, "emoji": "👍"}}
        for body in ({**GOOD, "quote": first}, reaction):
            assert (await gateway.call("POST", MESSAGES, body)).status_code == 202
            await gateway.refused(400, "unknown-message", "POST", "/v1/sessions/other/messages", body)

    run(test)


def test_the_same_key_gives_the_same_message(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        headers = {"idempotency-key": "order 17"}
        first = await gateway.call("POST", MESSAGES, GOOD, headers=headers)
        again = await gateway.call("POST", MESSAGES, b'{"text":"oi" ,"to":"5511999998888"}', headers=headers)
        assert (first.status_code, again.status_code) == (202, 202)
        assert first.json() == again.json()
        assert "idempotent-replayed" not in first.headers
        assert again.headers["idempotent-replayed"] == "true"
        await gateway.refused(422, "idempotency-mismatch", "POST", MESSAGES, {**GOOD, "text": "x"}, headers=headers)
        assert len((await gateway.call("GET", MESSAGES)).json()["items"]) == 1

    run(test)


def test_a_repeat_is_the_same_message_also_when_its_body_could_be_read_no_longer(run: Run) -> None:
    """Both lines that the digits may mean have a chat by now: read anew it would be refused, and its caller would think
    that nothing was sent."""

    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        await gateway.call("POST", MESSAGES, {**GOOD, "to": "+51987654321"})
        bare, headers = {**GOOD, "to": "51987654321"}, {"idempotency-key": "k"}
        first = await gateway.call("POST", MESSAGES, bare, headers=headers)
        assert first.status_code == 202
        await gateway.call("POST", MESSAGES, {**GOOD, "to": "+5551987654321"})
        await gateway.refused(400, "ambiguous-phone", "POST", MESSAGES, bare)
        again = await gateway.call("POST", MESSAGES, bare, headers=headers)
        assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
        await gateway.refused(422, "idempotency-mismatch", "POST", MESSAGES, {**bare, "text": "x"}, headers=headers)

    run(test)


def test_a_key_is_remembered_per_caller_and_session_and_for_a_time(run: Run, settings: Settings) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        await gateway.add_session("other")
        headers = {"idempotency-key": "k"}
        other_caller = await gateway.key("send")
        ids = [
            (await gateway.call("POST", MESSAGES, GOOD, headers=headers)).json()["id"],
            (await gateway.call("POST", MESSAGES, GOOD, headers=headers, key=other_caller)).json()["id"],
            (await gateway.call("POST", "/v1/sessions/other/messages", GOOD, headers=headers)).json()["id"],
        ]
        gateway.clock.ahead = settings.idempotency_for_s - 60
        assert (await gateway.call("POST", MESSAGES, GOOD, headers=headers)).json()["id"] == ids[0]
        gateway.clock.ahead = settings.idempotency_for_s + 60
        ids.append((await gateway.call("POST", MESSAGES, GOOD, headers=headers)).json()["id"])
        assert len(set(ids)) == 4

    run(test)


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "ação", "a\tb"])
def test_a_key_that_is_none(run: Run, key: str) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        headers = {b"apikey": gateway.settings.admin_key.encode(), b"idempotency-key": key.encode("latin-1")}
        answer = await gateway.http.post(MESSAGES, content=msgspec.json.encode(GOOD), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid-idempotency-key")

    run(test)


def test_while_the_first_request_waits_the_second_is_refused(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        headers = {"idempotency-key": "k"}

        async def second() -> None:
            problem = await gateway.refused(409, "idempotency-in-progress", "POST", MESSAGES, GOOD, headers=headers)
            assert problem["retry_after_s"] == 1
            await settle(gateway, provider_id="3EB0")

        gateway.bells.on["sends"] = lambda _: gateway.soon(second)
        first = await gateway.call("POST", MESSAGES, GOOD, headers={**headers, "prefer": "wait=30"})
        assert (first.status_code, first.json()["state"]) == (200, "sent")
        gateway.bells.on.clear()
        again = await gateway.call("POST", MESSAGES, GOOD, headers=headers)
        assert (again.status_code, again.json()["provider_id"]) == (200, "3EB0")

    run(test)


@pytest.mark.parametrize(("event", "state"), [("accepted", "sent"), ("failed", "failed")])
def test_prefer_wait_answers_as_soon_as_it_settles(run: Run, event: Event, state: str) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        gateway.bells.on["sends"] = lambda _: gateway.soon(lambda: settle(gateway, event))
        answer = await gateway.call("POST", MESSAGES, GOOD, headers={"prefer": "respond-async, wait=60"})
        assert (answer.status_code, answer.json()["state"]) == (200, state)
        shown = (await gateway.call("GET", f"/v1/messages/{answer.json()['id']}")).json()
        assert [one["outcome"] for one in shown["attempts"]] == ["accepted"]

    run(test)


def test_prefer_wait_that_runs_out(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        answer = await gateway.call("POST", MESSAGES, GOOD, headers={"prefer": "wait=0"})
        assert (answer.status_code, answer.json()["state"]) == (202, "queued")
        monkeypatch.setattr(gateway.waiters, "wait_message", None)  # never asked without a wish to wait
        assert (await gateway.call("POST", MESSAGES, GOOD, headers={"prefer": "wait=x"})).status_code == 202

    run(test)


def test_behind_a_closed_gate_it_is_held_and_the_session_looked_at(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        session = await gateway.add_session()
        gateway.bells.rung.clear()
        answer = await gateway.call("POST", MESSAGES, GOOD)
        assert (answer.status_code, answer.json()["state"]) == (202, "held")
        assert ("session", session.id) in gateway.bells.rung
        assert (await gateway.call("GET", "/v1/sessions/line")).json()["held"] == 1

    run(test)


def test_on_down_fail_fails_at_once_with_the_sentence_of_seed_003(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        await gateway.add_session()
        body = {**GOOD, "on_down": "fail"}
        answer = await gateway.call("POST", MESSAGES, body, headers={"accept-language": "pt-BR"})
        assert (answer.status_code, answer.json()["state"]) == (200, "failed")
        assert answer.json()["reason"]["text"] == "Sessão desconectada. Tentativa de reconexão em andamento."
        await gateway.live()
        assert (await gateway.call("POST", MESSAGES, body)).json()["state"] == "queued"

    run(test)


def test_cancel_and_retry(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        first = (await gateway.call("POST", MESSAGES, GOOD)).json()["id"]
        await gateway.refused(409, "wrong-state", "POST", f"/v1/messages/{first}/retry")
        cancelled = await gateway.call("POST", f"/v1/messages/{first}/cancel", {})
        assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
        again = await gateway.call("POST", f"/v1/messages/{first}/retry")
        assert (again.status_code, again.json()["state"]) == (200, "queued")
        await settle(gateway)
        for verb in ("cancel", "retry"):
            problem = await gateway.refused(409, "wrong-state", "POST", f"/v1/messages/{first}/{verb}")
            assert "sent" in problem["detail"]

    run(test)


def test_pages(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        made = [(await gateway.call("POST", MESSAGES, GOOD)).json()["id"] for _ in range(5)]
        await gateway.call("POST", f"/v1/messages/{made[0]}/cancel")
        seen: list[str] = []
        after: str | None = ""
        for _ in range(4):
            page = (await gateway.call("GET", f"{MESSAGES}?limit=2&after={after}")).json()
            assert len(page["items"]) <= 2
            seen += [one["id"] for one in page["items"]]
            after = page["next"]
            if after is None:
                break
        assert seen == made[::-1]
        assert after is None
        cancelled = (await gateway.call("GET", f"{MESSAGES}?state=cancelled&direction=out")).json()
        assert [one["id"] for one in cancelled["items"]] == [made[0]]
        assert (await gateway.call("GET", f"{MESSAGES}?direction=in")).json()["items"] == []

    run(test)
