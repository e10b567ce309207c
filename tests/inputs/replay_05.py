"""Half an emoji in one row of the provider's list: the gap is read back all the same, and a doubt is settled."""

import asyncio
import json

from esteio.providers.base import HttpResponse
from tests.inputs.input_lab import filled


async def replay(lab, given):
    ((status, body),) = [one["answer"] for one in given["provider_answers"]]
    lab.answers("POST", "/chat/findMessages/loja", status, body)
    await lab.store.mark_all_gaps(lab.clock.now() - 60, lab.clock.now())
    await asyncio.sleep(30)
    found = {one["provider_id"]: one for one in await lab.published("message.received")}
    assert {ident: found[ident]["text"] for ident in ("L1", "L2", "L3")} == {
        "L1": "antes",
        "L2": "cortado \ufffd",
        "L3": "depois",
    }
    assert all(found[ident]["recovered"] for ident in ("L1", "L2", "L3"))
    await doubt(lab, body)


async def doubt(lab, body):
    lab.loses_answers("/message/sendText/loja")
    sent = await lab.asked("POST", "/v1/sessions/e/messages", {"to": "5511977770078", "text": "em dúvida"}, status=202)
    await asyncio.sleep(1)
    rows = [dict(row, key=dict(row["key"], fromMe=True)) for row in body["messages"]["records"]]
    key = {"remoteJid": "5511977770078@s.whatsapp.net", "fromMe": True, "id": "L9"}
    rows.insert(0, dict(rows[0], key=key, message={"conversation": "em dúvida"}))
    now = lab.clock.now()
    page = filled({"messages": {"total": 4, "pages": 1, "currentPage": 1, "records": rows}}, now, "")

    def answering(request):
        listed = "/chat/findMessages/loja" in request.url
        return HttpResponse(200, {"content-type": "application/json"}, json.dumps(page).encode()) if listed else None

    lab.wire.answers.append(answering)
    await asyncio.sleep(200)
    message = await lab.asked("GET", f"/v1/messages/{sent['id']}")
    assert (message["state"], message["provider_id"]) == ("sent", "L9")
