"""W-API adopted with its webhook addresses null or missing: they are set, and something comes in."""

from __future__ import annotations

import asyncio
import json

from esteio.providers.base import HttpRequest, HttpResponse

NUMBER = "5511955550004"


async def replay(lab, given):
    fields = given["provider_answers"][0]["answer"][1]
    for number, missing in enumerate((False, True)):
        instance = f"{given['request']['ref']['instance_id']}-{number}"
        line = lab.world.plant("wapi-server", instance, f"{NUMBER}{number}")
        row = {**fields, "instanceId": instance, "connectedPhone": line.number}
        if missing:
            row = {name: word for name, word in row.items() if not name.startswith("webhook")}
        lab.wire.answers.append(telling(row, instance))
        body = {**given["request"], "server": "wapi-server", "name": f"n{number}"}
        body["ref"] = {"instance_id": instance, "token": f"token-{instance}"}
        lab.wire.requests.clear()
        await lab.asked("POST", "/v1/sessions", body, status=201)
        await asyncio.sleep(200)
        puts = [one for one in lab.wire.requests if one.method == "PUT" and instance in one.url]
        token, _ = await lab.store.session_secrets((await lab.session(body["name"])).id)
        names = {one.url.partition("?")[0].rpartition("/")[2] for one in puts}
        assert names == {
            f"update-webhook-{name}" for name in ("received", "delivery", "connected", "disconnected", "message-status")
        }
        assert {json.loads(one.body)["value"].rpartition("/in/")[2] for one in puts} == {token}
        assert len(puts) == 5, "what it does not tell is not set again and again"
        shown = await lab.asked("GET", f"/v1/sessions/{body['name']}")
        assert shown["state"] == "connected"
        assert (shown["can_receive"]["value"], shown["can_receive"]["evidence"]) == ("unknown", "webhook-unread")


def telling(row, instance):
    def answer(request: HttpRequest) -> HttpResponse | None:
        if "fetch-instance" not in request.url or f"{instance}" not in request.url:
            return None
        return HttpResponse(200, {"content-type": "application/json"}, json.dumps(row).encode())

    return answer
