"""Stepping flows by hand: what every provider test shares. No network, no waiting."""

from __future__ import annotations

import json

from esteio.core.model.ids import ServerName
from esteio.providers.base import HttpResponse, TransportFailed, Where

NOW = 1_800_000_000.0


def where(**changes):
    values = {
        "server": ServerName("srv"),
        "base_url": "http://provider.test/base",
        "credentials": {"apikey": "SECRET-KEY-1"},
        "session": "s1",
        "webhook_url": "http://gateway.test/in/tok",
    } | changes
    return Where(**values)


def reply(body, status=200, headers=None):
    """An answer as JSON, or as it is when it is bytes."""
    if isinstance(body, bytes):
        return HttpResponse(status, headers or {}, body)
    return HttpResponse(status, {"content-type": "application/json"} | (headers or {}), json.dumps(body).encode())


def html(status=404):
    return HttpResponse(status, {"content-type": "text/html"}, b"<!DOCTYPE html><html><body>404</body></html>")


def drive(flow, *answers):
    """The flow's outcome and the requests that it made; `answers` are responses, or failures to be thrown in.
    The last answer is repeated for every further step."""
    asked = []
    try:
        request = next(flow)
        while True:
            asked.append(request)
            assert len(asked) < 80, "the flow never ends"
            answer = answers[min(len(asked), len(answers)) - 1]
            request = flow.throw(answer) if isinstance(answer, TransportFailed) else flow.send(answer)
    except StopIteration as done:
        return done.value, asked


def kinds(evidence):
    return [one.kind for one in evidence]
