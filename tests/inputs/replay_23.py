"""A server with a certificate of one's own: the reason names the certificate; `SSL_CERT_FILE` makes it trusted."""

from __future__ import annotations

import asyncio

from esteio.providers.base import HttpRequest, HttpResponse, TransportFailed

REASON = "TLS: the certificate was not accepted"
BASE = "https://127.0.0.1:9443"


def refusing(request: HttpRequest) -> HttpResponse | None:
    # What the real transport says to such a server: tests/providers/test_driver.py.
    if request.url.startswith(BASE):
        raise TransportFailed(REASON, sent="no", cause="certificate")
    return None


async def replay(lab, given):
    assert "certificate" in given["expect"]
    lab.wire.answers.append(refusing)
    body = {"name": "s", "kind": "evolution", "base_url": BASE, "credentials": {"apikey": "K"}}
    made = await lab.asked("POST", "/v1/servers", body, status=201)
    assert made["health"]["state"] == "unknown"
    await lab.asked("POST", "/v1/sessions", {"name": "n", "server": "s", "wait_s": 0}, status=201)
    await asyncio.sleep(30)
    health = (await lab.asked("GET", "/v1/servers/s"))["health"]
    assert (health["state"], health["because"]) == ("down", "server_certificate_refused")
    assert "SSL_CERT_FILE" in health["action"]
    shown = await lab.asked("GET", "/v1/sessions/n")
    assert "certificate" in shown["reason"]["text"]
    assert "SSL_CERT_FILE" in shown["reason"]["action"]
