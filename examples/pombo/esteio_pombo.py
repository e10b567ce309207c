"""An Esteio adapter for Pombo, a REST server that does not exist: a file to copy and fill with a real server's words.

| Pombo's call | its answer |
|---|---|
| `PUT /lines/{line}` `{"webhook": URL}` | makes a line, or returns it: `{"line": {"name", "state", "qr"}}` |
| `GET /lines/{line}`; `GET /lines` | the same; `{"lines": [...]}` |
| `POST /lines/{line}/restart`; `DELETE /lines/{line}` | the same; `{}` |
| `POST /lines/{line}/messages` `{"to", "text"}` | `{"id"}`; 409 `line is offline`: nothing was sent |

`state` is `online`, `pairing` or `offline`: what the process last heard. Each line has its own `access_key` (header
`X-Access-Key`); the list takes the server's `admin_key`. Webhooks are `message`, `receipt` and `state`.
"""

from __future__ import annotations

import json
from urllib.parse import quote

from esteio.providers import adapter as api
from esteio.providers.adapter import Field, Flow, Json, SessionEndpoint, at, seen, text

CLAIMS = {"online": "said_open", "pairing": "said_connecting", "offline": "said_closed"}


class Pombo(api.Adapter):
    """What it does not define here, Pombo does not have: `Adapter` answers that."""

    kind = "pombo"
    capabilities = api.Capabilities(
        restart=True,
        restart_keeps_link=True,
        pairing_code=False,
        message_list=False,
        history=False,
        round_trip_probe=False,
        socket_probe=False,
        list_sessions=True,
        queues_while_down=False,
        tells_webhook=False,
    )
    declaration = api.Declaration(
        label="Pombo",
        ref=(
            Field("line", "the line's name at the server", default=api.SESSION),
            Field("access_key", "the line's own key", secret=True),
        ),
        instance="line",
        credentials=(Field("admin_key", "the server's key", secret=True),),
    )

    def create(self, where: SessionEndpoint, now: float, *, pair_phone: str | None = None) -> Flow[api.ActOutcome]:
        return _act(where, now, "PUT", "", {"webhook": where.webhook_url})

    def connect(self, where: SessionEndpoint, now: float, *, pair_phone: str | None = None) -> Flow[api.ActOutcome]:
        return self.create(where, now)

    def restart(self, where: SessionEndpoint, now: float) -> Flow[api.ActOutcome]:
        return _act(where, now, "POST", "/restart")

    def delete(self, where: SessionEndpoint, now: float) -> Flow[api.ActOutcome]:
        return _act(where, now, "DELETE", "")

    def probe(self, where: SessionEndpoint, now: float, depth: api.ProbeDepth) -> Flow[api.ProbeOutcome]:
        heard = yield from _line(where, "GET", "")
        if _unknown(heard):
            return api.ProbeOutcome((seen("server_answered", now, "state"), seen("instance_missing", now, "state")))
        claims = _claims(at(heard.body, "line", "state"), now, "state") if heard.kind == "ok" else ()
        if not claims:
            return api.ProbeOutcome(api.look_failed(heard, now, "state"), detail=heard.detail)
        return api.ProbeOutcome((*api.server_news(heard, now, "state"), *claims))

    def read_qr(self, where: SessionEndpoint, now: float) -> Flow[api.ProbeOutcome]:
        heard = yield from _line(where, "GET", "")
        code = text(at(heard.body, "line", "qr")) if heard.kind == "ok" else None
        shown = (seen("qr_shown", now, "probe"),) if code else ()
        return api.ProbeOutcome((*api.server_news(heard, now, "probe"), *shown), api.QrCode(code) if code else None)

    def inventory(self, where: SessionEndpoint, now: float) -> Flow[api.InventoryOutcome]:
        heard = yield from _ask(where, "GET", "/lines", where.credentials.get("admin_key", ""))
        rows = at(heard.body, "lines")
        fits = heard.kind == "ok" and isinstance(rows, list)
        entries = tuple(_entry(row) for row in rows if text(at(row, "name"))) if fits else None
        return api.InventoryOutcome(entries, api.list_news(heard, now, fits=fits))

    def send(
        self, where: SessionEndpoint, now: float, message: api.OutgoingMessage, timeout_s: float
    ) -> Flow[api.SendOutcome]:
        if message.content.kind != "text" or message.quote_provider_id or message.mentions:
            return api.SendOutcome("refused", fault="request", detail="this server sends plain texts only")
        body = {"to": message.to, "text": message.content.text}
        heard = yield from _line(where, "POST", "/messages", body, timeout_s)
        if heard.kind == "ok" and (sent := text(at(heard.body, "id"))):
            news = (*api.server_news(heard, now, "send"), seen("send_accepted", now, "send"))
            return api.SendOutcome("accepted", sent, evidence=news)
        if heard.kind == "no" and "line is offline" in heard.words:
            news = (seen("server_answered", now, "send"), seen("send_closed", now, "send"))
            return api.SendOutcome("not_sent", fault="socket", detail=heard.detail, evidence=news)
        return api.plain_no(heard, now)

    def read_webhook(self, where: SessionEndpoint, body: bytes, path: str, now: float) -> api.WebhookReading:
        event = api.decode(body)
        ident, dated = text(at(event, "id")), api.moment(at(event, "at"), now)
        match at(event, "event"):
            case "message" if ident and (sender := text(at(event, "from"))):
                content = api.Content("text", text=text(at(event, "text")))
                came = api.ReceivedMessage(ident, sender, sender, dated or now, content)
                proof = (seen("message_received", now, "webhook", happened_at=dated),) if dated else ()
                return api.WebhookReading(readable=True, evidence=proof, events=(came,))
            case "receipt" if ident and at(event, "status") == "delivered":
                return api.WebhookReading(readable=True, events=(api.Receipt(ident, "device", dated or now),))
            case "state":
                return api.WebhookReading(readable=True, evidence=_claims(at(event, "state"), now, "webhook"))
        return api.WebhookReading(readable=isinstance(event, dict), note="nothing to read")


def _ask(
    where: SessionEndpoint, method: str, path: str, key: str, body: Json = None, timeout_s: float = 10
) -> Flow[api.Heard]:
    headers = {"x-access-key": key, "content-type": "application/json"}
    content = b"" if body is None else json.dumps(body).encode()
    answer = yield from api.ask(api.HttpRequest(method, where.base_url + path, headers, content, timeout_s))
    return api.hear(answer, Pombo.declaration.secrets(where.credentials, where.ref))


def _line(where: SessionEndpoint, method: str, path: str, body: Json = None, timeout_s: float = 10) -> Flow[api.Heard]:
    line = quote(where.ref.get("line", ""), safe="")
    return _ask(where, method, f"/lines/{line}{path}", where.ref.get("access_key", ""), body, timeout_s)


def _act(where: SessionEndpoint, now: float, method: str, path: str, body: Json = None) -> Flow[api.ActOutcome]:
    heard = yield from _line(where, method, path, body)
    return api.ActOutcome("missing", heard.detail) if _unknown(heard) else api.plain_act(heard, now)


def _unknown(heard: api.Heard) -> bool:
    return heard.kind == "no" and "no such line" in heard.words


def _claims(state: Json, now: float, source: api.Source) -> tuple[api.Evidence, ...]:
    if not text(state):
        return ()
    kind = CLAIMS.get(state)
    return (seen(kind, now, source) if kind else seen("said_unknown", now, source, state=state[:40]),)


def _entry(row: Json) -> api.InventoryEntry:
    state = api.word(at(row, "state"))
    return api.InventoryEntry(at(row, "name"), state, CLAIMS.get(state, "said_unknown"))
