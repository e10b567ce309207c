"""Sessions over the API: the row first, wishes as evidence, waits that end when something was seen."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import msgspec
import pytest

from esteio.core.model.ids import SessionName
from esteio.core.model.recovery import Approval, Attempt, Outage, Recovery
from esteio.core.model.state import Reason
from esteio.engine.runtime import sealed_for
from esteio.store.base import DecisionCommit, Qr, WorkSettlement
from tests.api.conftest import Gateway, Run
from tests.api.v1.shown_qr import a_qr, ready, show_qr
from tests.narrowing import not_none


async def await_approval(gateway: Gateway) -> None:
    session = await gateway.session("line")
    now = gateway.clock.now()
    approval = Approval("apr_1", session.id, session.name, "logout", "ghost-socket", Reason("cost-logout"), now)
    recovery = Recovery(awaiting="apr_1", next_at=now + 40)
    changed = msgspec.structs.replace(session, state="disconnected", since=now, recovery=recovery)
    assert await gateway.store.decisions.commit_session(DecisionCommit(session=changed, approval=approval))
    gateway.waiters.session_changed(session.id)


def when_woken(gateway: Gateway, work: Callable[[], Awaitable[object]]) -> None:
    """Play the engine once, at the first wake-up of a session."""

    def once(_about: int) -> None:
        gateway.bells.on.clear()
        gateway.soon(work)

    gateway.bells.on["session"] = once


def test_create_writes_the_row_and_its_first_work(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        body = {"name": "line", "server": "evo", "phone": "+5511999998888", "wait_s": 0}
        answer = await gateway.call("POST", "/v1/sessions", body)
        assert answer.status_code == 201
        document = answer.json()
        assert (document["state"], document["phone"], document["ref"]) == (
            "connecting",
            "5511999998888",
            {"instance_name": "line"},
        )
        (work,) = await gateway.store.work.claim(gateway.clock.now(), 10, 60, frozenset())
        (created,) = await gateway.news("line")
        assert (work.payload["rung"], work.session_id) == ("create", (await gateway.session("line")).id)
        assert (created.kind, created.data["attempt"]) == ("created", work.payload["attempt"])
        assert ("work", None) in gateway.bells.rung

    run(test)


def test_adopt_touches_nothing(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        await gateway.add_session(adopt=True, ref={"instance_name": "old one"})
        assert not await gateway.store.work.claim(gateway.clock.now(), 10, 60, frozenset())
        assert [one.kind for one in await gateway.news("line")] == ["adopted"]
        assert (await gateway.session("line")).ref == {"instance_name": "old one"}

    run(test)


def test_tokens_of_a_ref_are_sealed(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server("wapi", "wapi")
        body = {"name": "w", "server": "wapi", "wait_s": 0, "ref": {"instance_id": "LITE-1", "token": "very-secret"}}
        answer = await gateway.call("POST", "/v1/sessions", body)
        assert answer.status_code == 201
        assert "very-secret" not in answer.text
        session = await gateway.session("w")
        assert session.ref == {"instance_id": "LITE-1"}
        _, sealed = await gateway.store.sessions.secrets(session.id)
        assert b"very-secret" not in sealed
        assert gateway.vault.unseal(sealed, sealed_for.session(session, "encrypted")) == {"token": "very-secret"}
        problem = await gateway.refused(400, "invalid-value", "POST", "/v1/sessions", {**body, "name": "x", "ref": {}})
        assert problem["field"] == "ref.instance_id"

    run(test)


def test_create_brings_the_qr_as_soon_as_it_is_there(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        when_woken(gateway, lambda: show_qr(gateway))
        answer = await gateway.call("POST", "/v1/sessions", {"name": "line", "server": "evo", "wait_s": 60})
        assert (answer.status_code, answer.json()["state"], answer.json()["qr"]["code"]) == (
            201,
            "awaiting_qr",
            "2@abc,def",
        )

    run(test)


def test_create_that_the_provider_refuses(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        refused = Reason("provider-refused", {"detail": "This name is already in use"})
        when_woken(gateway, lambda: gateway.judge("line", state="error", reason=refused))
        answer = await gateway.call(
            "POST", "/v1/sessions", {"name": "line", "server": "evo"}, headers={"prefer": "wait=60"}
        )
        assert (answer.status_code, answer.json()["state"]) == (201, "error")
        assert "This name is already in use" in answer.json()["reason"]["text"]

    run(test)


def test_create_that_takes_too_long(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        answer = await gateway.call("POST", "/v1/sessions", {"name": "line", "server": "evo", "wait_s": 0.01})
        assert (answer.status_code, answer.json()["state"]) == (201, "connecting")
        assert answer.json()["reason"]["code"] == "provider-slow"

    run(test)


def test_pair_answers_at_once_when_there_is_something_to_show(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        await show_qr(gateway)
        answer = await gateway.call("POST", "/v1/sessions/line/pair")
        assert (answer.status_code, answer.json()["qr"]["count"]) == (200, 1)
        await gateway.live()
        answer = await gateway.call("POST", "/v1/sessions/line/pair", {})
        assert (answer.status_code, answer.json()["state"], "qr" in answer.json()) == (200, "connected", False)
        assert "operator_pair" not in [one.kind for one in await gateway.news("line")]

    run(test)


def test_pair_with_a_phone_number_waits_for_a_pairing_code(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        when_woken(gateway, lambda: show_qr(gateway, pairing_code="HYD61EZM"))
        body = {"phone_number": "11999998888", "wait_s": 60}
        answer = await gateway.call("POST", "/v1/sessions/line/pair", body)
        assert (answer.status_code, answer.json()["pairing_code"]) == (200, "HYD61EZM")
        wish = (await gateway.news("line"))[-1]
        assert (wish.kind, wish.data["phone_number"]) == ("operator_pair", "5511999998888")

    run(test)


def test_pair_by_a_typed_code_is_refused_with_a_code_where_none_would_come(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        await show_qr(gateway)
        answer = await gateway.call("POST", "/v1/sessions/line/pair", {"phone_number": "11999998888"})
        assert (answer.status_code, answer.json()["code"]) == (409, "not-while-a-qr-is-shown")
        assert "operator_pair" not in [one.kind for one in await gateway.news("line")]

    run(test)


def test_pair_when_only_a_destructive_rung_is_left(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        when_woken(gateway, lambda: await_approval(gateway))
        answer = await gateway.call("POST", "/v1/sessions/line/pair", {"wait_s": 60})
        assert (answer.status_code, answer.json()["state"]) == (202, "disconnected")
        assert (answer.json()["approval"]["id"], answer.json()["approval"]["rung"]) == ("apr_1", "logout")
        assert "QR" in answer.json()["approval"]["cost"]
        assert 30 <= answer.json()["retry_after_s"] <= 40
        assert answer.headers["retry-after"] == str(answer.json()["retry_after_s"])

    run(test)


def test_pair_that_finds_nothing_in_time(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        answer = await gateway.call("POST", "/v1/sessions/line/pair", {"wait_s": 0})
        assert (answer.status_code, answer.json()["state"], answer.json()["retry_after_s"]) == (202, "connecting", 5)

    run(test)


def test_recreate_does_not_take_an_old_code_or_state_for_its_effect(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        await gateway.store.qr_codes.put((await gateway.session("line")).id, a_qr(gateway, ago=20))
        await gateway.judge("line", state="error", reason=Reason("provider-refused"))

        async def engine() -> None:
            working = Attempt("att_2", "delete", 1, gateway.clock.now(), gateway.clock.now() + 20)
            await gateway.judge("line", state="connecting", recovery=Recovery(open=working))
            await gateway.store.qr_codes.put((await gateway.session("line")).id, a_qr(gateway))
            await gateway.judge("line", state="awaiting_qr", recovery=Recovery())

        when_woken(gateway, engine)
        answer = await gateway.call("POST", "/v1/sessions/line/recreate", {"wait_s": 60})
        assert (answer.status_code, answer.json()["state"]) == (200, "awaiting_qr")
        assert [one.kind for one in await gateway.news("line")][-1] == "operator_recreate"

    run(test)


def test_recreate_does_not_give_the_code_that_is_shown_already(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        await show_qr(gateway, ago=20)

        async def engine() -> None:
            working = Attempt("att_2", "delete", 1, gateway.clock.now(), gateway.clock.now() + 20)
            await gateway.judge("line", state="connecting", recovery=Recovery(open=working))
            now = gateway.clock.now()
            await gateway.store.qr_codes.put((await gateway.session("line")).id, Qr("2@newer", "", 1, now, now + 45))
            await gateway.judge("line", state="awaiting_qr", recovery=Recovery())

        when_woken(gateway, engine)
        answer = await gateway.call("POST", "/v1/sessions/line/recreate", {"wait_s": 60})
        assert answer.json()["qr"]["code"] == "2@newer"

    run(test)


def test_recreate_that_ends_in_an_error_and_one_that_takes_long(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        when_woken(gateway, lambda: gateway.judge("line", state="error", reason=Reason("provider-refused")))
        answer = await gateway.call("POST", "/v1/sessions/line/recreate", {"wait_s": 60})
        assert (answer.status_code, answer.json()["state"]) == (200, "error")
        answer = await gateway.call("POST", "/v1/sessions/line/recreate", {"wait_s": 0})
        assert answer.status_code == 202

    run(test)


@pytest.mark.parametrize(
    ("verb", "kind", "status"),
    [("recover", "operator_recover", 202), ("pause", "operator_paused", 200), ("resume", "operator_resumed", 200)],
)
def test_a_wish_is_evidence_and_never_a_state(run: Run, verb: str, kind: str, status: int) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        if verb == "resume":
            await gateway.judge("line", state="paused", paused=True)
        before = await gateway.session("line")
        seen = []

        async def engine() -> None:
            seen.append(await gateway.session("line"))
            await gateway.judge("line", paused=verb == "pause")

        when_woken(gateway, engine)
        answer = await gateway.call("POST", f"/v1/sessions/line/{verb}")
        assert answer.status_code == status
        assert seen == [before]
        wish = (await gateway.news("line"))[-1]
        assert (wish.kind, wish.source, wish.data["who"]) == (kind, "operator", "ESTEIO_ADMIN_KEY")

    run(test)


def test_nothing_is_done_to_a_paused_session(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        await gateway.judge("line", state="paused", paused=True)
        for verb in ("pair", "recover", "recreate"):
            await gateway.refused(409, "session-paused", "POST", f"/v1/sessions/line/{verb}")
        assert (await gateway.call("POST", "/v1/sessions/line/pause")).status_code == 200

    run(test)


@pytest.mark.parametrize(
    ("outcome", "status"), [("ok", 204), ("missing: no such instance", 204), ("noop", 204), ("no: it is busy", 502)]
)
def test_delete_at_the_provider_too(run: Run, outcome: str, status: int) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        now = gateway.clock.now()
        for work in await gateway.store.work.claim(now, 10, 60, frozenset()):
            await gateway.store.work.settle(WorkSettlement(work.id, work.fence, now, "ok"))

        async def engine() -> None:
            (work,) = await gateway.store.work.claim(gateway.clock.now(), 10, 60, frozenset())
            assert (work.payload["rung"], work.payload["by_person"]) == ("delete", True)
            assert work.lane == f"s{work.session_id}:control"
            await gateway.store.work.settle(WorkSettlement(work.id, work.fence, gateway.clock.now(), outcome))
            gateway.waiters.session_changed(not_none(work.session_id))

        gateway.bells.on["work"] = lambda _: gateway.soon(engine)
        answer = await gateway.call("DELETE", "/v1/sessions/line?at_provider=delete")
        assert answer.status_code == status, answer.text
        left = await gateway.store.sessions.by_name(SessionName("line"))
        assert (left is None) == (status == 204)
        if status == 502:
            assert "it is busy" in answer.json()["detail"]

    run(test)


def test_delete_keeps_the_provider_by_default_and_frees_the_name(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        first = await gateway.session("line")
        assert (await gateway.call("DELETE", "/v1/sessions/line")).status_code == 204
        assert ("work", None) not in gateway.bells.rung
        await gateway.add_session()
        assert (await gateway.session("line")).id != first.id

    run(test)


def test_pages_and_filters(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        await gateway.add_server("second")
        for name in ("a", "b", "c"):
            await gateway.add_session(name)
        await gateway.add_session("d", server="second")
        await gateway.live("b")
        first = (await gateway.call("GET", "/v1/sessions?limit=3")).json()
        rest = (await gateway.call("GET", f"/v1/sessions?limit=3&after={first['next']}")).json()
        assert [one["name"] for one in (*first["items"], *rest["items"])] == ["a", "b", "c", "d"]
        assert rest["next"] is None
        assert [one["name"] for one in (await gateway.call("GET", "/v1/sessions?state=connected")).json()["items"]] == [
            "b"
        ]
        assert [one["name"] for one in (await gateway.call("GET", "/v1/sessions?server=second")).json()["items"]] == [
            "d"
        ]

    run(test)


def test_the_document_says_what_the_contract_says(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        now = 1_795_259_541.5
        outage = Outage("out_1", now, "ghost-socket", reopened=2)
        attempt = Attempt("att_9", "restart", 2, now, now + 20)
        await gateway.judge(
            "line", state="connecting", since=now, outage=outage, recovery=Recovery(open=attempt, last_restart_at=now)
        )
        document = (await gateway.call("GET", "/v1/sessions/line")).json()
        assert document["since"] == document["last_restart_at"] == "2026-11-21T11:12:21.500Z"
        assert document["outage"] == {
            "id": "out_1",
            "since": "2026-11-21T11:12:21.500Z",
            "because": "ghost-socket",
            "reopened": 2,
        }
        assert document["recovery"] == {"rung": "restart", "attempt": 2, "next_at": "2026-11-21T11:12:41.500Z"}
        ended = msgspec.structs.replace(outage, ended_at=now)
        await gateway.judge("line", outage=ended, recovery=Recovery())
        document = (await gateway.call("GET", "/v1/sessions/line")).json()
        assert (document["outage"], document["recovery"]) == (None, None)

    run(test)


def test_timeline_in_pages_and_languages(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        for verb in ("recover", "pause"):
            when_woken(gateway, partial(gateway.judge, "line", paused=verb == "pause"))
            await gateway.call("POST", f"/v1/sessions/line/{verb}")
        whole = (await gateway.call("GET", "/v1/sessions/line/timeline")).json()
        assert [one["data"]["code"] for one in whole["items"]] == ["created", "operator_recover", "operator_paused"]
        assert whole["next"] is None
        first = (await gateway.call("GET", "/v1/sessions/line/timeline?limit=1")).json()
        path = f"/v1/sessions/line/timeline?limit=2&after={first['next']}"
        rest = (await gateway.call("GET", path, headers={"accept-language": "pt-BR"})).json()
        assert [one["seq"] for one in (*first["items"], *rest["items"])] == [one["seq"] for one in whole["items"]]
        backwards: list[Any] = []
        after: str | None = ""
        while after is not None:
            page = (await gateway.call("GET", f"/v1/sessions/line/timeline?order=desc&limit=2{after}")).json()
            backwards += page["items"]
            after = page["next"] and f"&after={page['next']}"
        assert backwards == whole["items"][::-1]
        path = "/v1/sessions/line/timeline?order="
        assert (await gateway.call("GET", f"{path}asc")).json() == whole
        await gateway.refused(400, "invalid-value", "GET", f"{path}newest")
        assert "Recovery requested" in whole["items"][1]["text"]
        assert "Recuperação pedida" in rest["items"][0]["text"]

    run(test)


def test_approvals(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await ready(gateway)
        await await_approval(gateway)
        (shown,) = (await gateway.call("GET", "/v1/approvals")).json()["items"]
        assert (shown["id"], shown["session"], shown["rung"], shown["because"]) == (
            "apr_1",
            "line",
            "logout",
            "ghost-socket",
        )
        elsewhere = await gateway.key("operate", "other-*")
        assert (await gateway.call("GET", "/v1/approvals", key=elsewhere)).json()["items"] == []
        await gateway.refused(403, "session-out-of-reach", "POST", "/v1/approvals/apr_1/approve", key=elsewhere)
        answer = await gateway.call("POST", "/v1/approvals/apr_1/approve")
        assert (answer.status_code, answer.json()["state"]) == (200, "approved")
        word = (await gateway.news("line"))[-1]
        assert (word.kind, word.data["rung"], word.data["approval"]) == ("operator_approved", "logout", "apr_1")
        problem = await gateway.refused(409, "approval-decided", "POST", "/v1/approvals/apr_1/reject")
        assert "approved" in problem["detail"]
        assert (await gateway.call("GET", "/v1/approvals")).json()["items"] == []

    run(test)
