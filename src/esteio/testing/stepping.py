"""Flows stepped by hand: no network, no waiting. The test hands in the answers and sees what was asked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import ServerName
from esteio.providers.base import Flow, HttpRequest, HttpResponse, SessionEndpoint, TransportFailed

T = TypeVar("T")
NOW = 1_800_000_000.0
"""The epoch second at which a stepped flow runs."""
MOST_STEPS = 80


def where(**changes: Any) -> SessionEndpoint:
    """A session `s1` at `http://provider.test/base`; `changes` are fields of `SessionEndpoint`."""
    values: dict[str, Any] = {
        "server": ServerName("srv"),
        "base_url": "http://provider.test/base",
        "credentials": {"apikey": "SECRET-KEY-1"},
        "session": "s1",
        "login_named": True,
        "webhook_url": "http://gateway.test/in/tok",
    }
    return SessionEndpoint(**(values | changes))


def reply(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """An answer as JSON, or as it is when `body` is bytes."""
    if isinstance(body, bytes):
        return HttpResponse(status, headers or {}, body)
    return HttpResponse(status, {"content-type": "application/json", **(headers or {})}, json.dumps(body).encode())


def html(status: int = 404) -> HttpResponse:
    """A page for people, as a proxy or a web server gives it."""
    return HttpResponse(status, {"content-type": "text/html"}, b"<!DOCTYPE html><html><body>404</body></html>")


def drive(flow: Flow[T], *answers: HttpResponse | TransportFailed) -> tuple[T, list[HttpRequest]]:
    """The flow's outcome and the requests that it made. `answers` are given in order, failures are thrown in; the last
    one is repeated for every further step. Raises AssertionError when the flow asks for more than `MOST_STEPS`."""
    asked: list[HttpRequest] = []
    try:
        request = next(flow)
        while True:
            asked.append(request)
            if len(asked) >= MOST_STEPS:
                raise AssertionError("the flow never ends")
            answer = answers[min(len(asked), len(answers)) - 1]
            request = flow.throw(answer) if isinstance(answer, TransportFailed) else flow.send(answer)
    except StopIteration as done:
        outcome: T = done.value
        return outcome, asked


def kinds(evidence: Iterable[Evidence]) -> list[str]:
    """The kinds of evidence, in order."""
    return [one.kind for one in evidence]
