"""The adapters that ship, under the suite that anybody's adapter is put under (`esteio.testing.conformance`)."""

from __future__ import annotations

from esteio.providers.baileys import Baileys
from esteio.providers.evolution import Evolution
from esteio.providers.registry import load
from esteio.providers.wapi import Wapi
from esteio.testing.conformance import AdapterConformance


class TestEvolution(AdapterConformance):
    adapter = Evolution()
    good = (
        {"instance": {"instanceName": "s1", "state": "open"}, "messages": {"total": 9, "pages": 9, "records": []}},
        {"instance": {"instanceName": "s1", "state": "connecting"}, "count": 0},
    )
    strange_state = {"instance": {"state": "levitating"}}
    webhooks = ({"event": "connection.update", "instance": "clinic-prod", "data": {"state": "open"}},)


class TestBaileys(AdapterConformance):
    adapter = Baileys()
    good = (
        {"success": True, "data": {"name": "s1", "status": "connected"}},
        {"success": True, "data": {"name": "s1", "status": "connecting"}},
    )
    strange_state = {"success": True, "data": {"name": "s1", "status": "levitating"}}
    webhooks = (
        {"event": "session.status", "session": "loja", "payload": {"status": "WORKING"}},
        {"event": "message", "session": "loja", "payload": {"id": "A1", "from": "5511999990001", "body": "oi"}},
    )


class TestWapi(AdapterConformance):
    adapter = Wapi()
    good = ({"success": True, "connected": True, "messages": []}, {"success": True, "connected": False})
    strange_state = {"success": True, "connected": "levitating"}
    webhooks = ({"event": "webhookConnected", "instanceId": "LITE-ABC123-DEF456", "connected": True},)


def test_no_adapter_is_left_out() -> None:
    tested = {TestEvolution.adapter.kind, TestBaileys.adapter.kind, TestWapi.adapter.kind}
    assert tested == set(load([]).kinds)
