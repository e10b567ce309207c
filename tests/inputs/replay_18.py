"""Documents by URL arrive under their names and types; a sign-in page is no document."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.inputs.input_lab import InputLab

HOST = "https://arquivos.example"
PDF, ZIP, PAGE = b"%PDF-1.7\n...", b"PK\x03\x04....", b"<!doctype html><title>Entrar</title>"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NAMES = [
    "document.pdf",
    "Boleto marco.pdf",
    "Relatório final.pdf",
    "planilha.xlsx",
    "nota sem extensao.pdf",
    "nota.pdf",
]


async def replay(lab: InputLab, given: dict[str, Any]) -> None:
    put = lab.media_hosts.put
    put(f"{HOST}/files/42", PDF, **{"content-type": "application/pdf"})
    attached = 'attachment; filename="Boleto marco.pdf"'
    octets = {"content-type": "application/octet-stream", "content-disposition": attached}
    put(f"{HOST}/files/43", PDF, **octets)
    put(f"{HOST}/enc/Relat%C3%B3rio%20final.pdf", PDF)
    put(f"{HOST}/planilha.xlsx", ZIP, **{"content-type": SHEET})
    put(f"{HOST}/page.pdf", PAGE, **{"content-type": "text/html"})
    for session in "ew":
        lab.wire.requests.clear()
        made = []
        for request in json.loads(json.dumps(given["requests"]).replace("MEDIA/", f"{HOST}/")):
            made.append(await lab.asked("POST", f"/v1/sessions/{session}/messages", request, status=202))
            await asyncio.sleep(10)
        sent = lab.wire.sends()
        assert [body["fileName"] for body in sent] == NAMES
        told = [body.get("mimetype") or body["document"].partition(";")[0].removeprefix("data:") for body in sent]
        assert told == ["application/pdf"] * 3 + [SHEET] + ["application/pdf"] * 2
        page = await lab.asked("GET", f"/v1/messages/{made[-1]['id']}")
        assert (page["state"], page["reason"]["code"]) == ("failed", "media-is-a-page")
        assert "the address gave text/html" in page["reason"]["text"]
