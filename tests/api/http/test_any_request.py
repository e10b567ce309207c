"""Requests made from the API's own description, right and wrong ones, and no 5xx: every answer is one it declares.

The cases are drawn by schemathesis, the same every time. Each operation has its own fresh gateway; every second case
names things that exist, so that more is reached than a 404.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from esteio.api.app import TABLE
from esteio.api.http import openapi
from esteio.core.model.ids import SessionName
from esteio.core.model.recovery import Approval
from esteio.core.model.state import Reason
from esteio.providers.base import HttpResponse
from esteio.store.base import DecisionCommit, Qr
from tests.api.conftest import Gateway, Run

ADMIN = "an-admin-key-of-the-tests"
EXAMPLES = 6
"""Right ones of each operation, and as many wrong ones."""
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
SCHEMA = schemathesis.openapi.from_dict(openapi.describe(TABLE, "0"))
OPERATIONS = {
    operation.definition.raw["operationId"]: operation
    for operation in (found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok))
    # The stream never ends; it has its own tests.
    if operation.path != "/v1/events"
}


def drawn(operation: Any, mode: GenerationMode) -> list[Any]:
    """Cases of one operation, the same on any machine."""
    cases: list[Any] = []

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def draw(case: Any) -> None:
        cases.append(case)

    draw()
    return cases


async def furnished(gateway: Any) -> dict[str, dict[str, str]]:
    """One of everything; its name by the address's first words and the word in braces."""
    await gateway.add_server()
    gateway.provider.answer = lambda request: HttpResponse(200, {}, b"[]")
    session = await gateway.add_session("line")
    await gateway.live()
    now = gateway.clock.now()
    asked = Approval("apr_1", session.id, SessionName("line"), "logout", "ghost", Reason("cost-logout"), now)
    changed = await gateway.session("line")
    assert await gateway.store.decisions.commit_session(DecisionCommit(session=changed, approval=asked))
    await gateway.store.qr_codes.put(session.id, Qr("2@x", "aVZC", 1, now, now + 60))
    message = (await gateway.call("POST", "/v1/sessions/line/messages", {"to": "5511999998888", "text": "oi"})).json()
    endpoint = (await gateway.call("POST", "/v1/webhooks", {"url": "https://hooks.example/x"})).json()
    key = (await gateway.call("POST", "/v1/keys", {"name": "k", "role": "read"})).json()
    token, _ = await gateway.store.sessions.secrets(session.id)
    return {
        "sessions": {"name": "line", "phone": "5511999998888"},
        "servers": {"name": "evo"},
        "messages": {"id": message["id"]},
        "webhooks": {"id": endpoint["id"]},
        "keys": {"id": key["id"]},
        "approvals": {"id": "apr_1"},
        "in": {"token": token, "rest": "messages-upsert"},
    }


def aimed(case: Any, there: dict[str, dict[str, str]]) -> None:
    """Put the names of what exists into the case's address."""
    room = next(word for word in re.findall(r"\w+", case.operation.path) if word != "v1")
    known = there.get(room, {})
    case.path_parameters = {name: known.get(name, word) for name, word in (case.path_parameters or {}).items()}


async def asked(gateway: Any, case: Any) -> Any:
    how = case.as_transport_kwargs(base_url="http://esteio")
    ready = requests.Request(
        **{word: how[word] for word in ("method", "url", "params", "headers", "json", "data") if word in how}
    ).prepare()
    # HTTP's own alphabet: httpx takes a text for ASCII.
    told = {name: str(word).encode("latin-1", "replace") for name, word in ready.headers.items()}
    headers = {**told, "authorization": f"Bearer {ADMIN}".encode()}
    return await gateway.http.request(ready.method, ready.url, headers=headers, content=ready.body)


# An address that is open to all and takes no words has nothing that could be wrong.
OPEN = {openapi.operation_id(route) for route in TABLE if route.role is None}


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_any_request_gets_an_answer_that_is_declared(run: Run, name: str) -> None:
    right = drawn(OPERATIONS[name], GenerationMode.POSITIVE)
    wrong = [] if name in OPEN else drawn(OPERATIONS[name], GenerationMode.NEGATIVE)
    assert len(right) > 0
    assert len(wrong) > 0 or name in OPEN

    async def test(gateway: Gateway) -> None:
        there = await furnished(gateway)
        for cases in (right, wrong):
            for number, case in enumerate(cases):
                if number % 2:
                    aimed(case, there)
                case.validate_response(await asked(gateway, case), checks=CHECKS)

    run(test)
