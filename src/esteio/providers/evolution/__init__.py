"""Evolution API 2.x. Observed: 2.3.7 (`tests/recordings/evolution-2.3.7`); other versions by their quirks.

| file | what |
|---|---|
| `declaration` | what has to be said to use a server and an instance |
| `client` | its requests, and the words of its answers |
| `control` | create, connect, restart, logout, delete, set_webhook |
| `probes` | probe, inventory, read_qr, check_webhook |
| `send` | our content in its bodies, and what its answer makes of a message |
| `history` | its own list of messages: look_up and history |
| `webhook` | its events |
| `download` | the bytes of a media |
| `passed` | calls of its own API that are handed through |
"""

from __future__ import annotations

from collections.abc import Mapping

from esteio.core.model.capabilities import Capabilities, Quirk
from esteio.core.model.evidence import Evidence
from esteio.providers.adapter import Adapter
from esteio.providers.base import (
    ActOutcome,
    DownloadOutcome,
    Flow,
    HttpRequest,
    HttpResponse,
    InventoryOutcome,
    LookupOutcome,
    OutgoingMessage,
    ProbeDepth,
    ProbeOutcome,
    SendOutcome,
    SentQuery,
    SessionEndpoint,
    StandingWebhook,
    TransportFailed,
    WebhookReading,
)
from esteio.providers.evolution import control, download, history, passed, probes, send, webhook
from esteio.providers.evolution.declaration import DECLARATION
from esteio.providers.pass_through import PassedCall
from esteio.providers.quirks import known


class Evolution(Adapter):
    """The dialect; see the modules for what each answer means."""

    kind = "evolution"
    capabilities = Capabilities(
        restart=True,
        restart_keeps_link=True,
        pairing_code=True,
        message_list=True,
        round_trip_probe=True,
        socket_probe=True,
        list_sessions=True,
        queues_while_down=False,
        boots_by_list=True,
        reconnects=True,
        echoes_sends=True,
        code_by_connect=True,
    )

    declaration = DECLARATION

    def quirks(self, version: str | None) -> tuple[Quirk, ...]:
        return known(self.kind, version)

    def create(self, where: SessionEndpoint, now: float, *, pair_phone: str | None = None) -> Flow[ActOutcome]:
        return control.create(where, now, pair_phone)

    def connect(self, where: SessionEndpoint, now: float, *, pair_phone: str | None = None) -> Flow[ActOutcome]:
        return control.connect(where, now, pair_phone)

    def restart(self, where: SessionEndpoint, now: float) -> Flow[ActOutcome]:
        return control.restart(where, now)

    def logout(self, where: SessionEndpoint, now: float) -> Flow[ActOutcome]:
        return control.logout(where, now)

    def delete(self, where: SessionEndpoint, now: float) -> Flow[ActOutcome]:
        return control.delete(where, now)

    def set_webhook(self, where: SessionEndpoint, now: float) -> Flow[ActOutcome]:
        return control.set_webhook(where, now)

    def check_webhook(self, where: SessionEndpoint, now: float) -> Flow[ProbeOutcome]:
        return probes.check_webhook(where, now)

    def standing_webhook(self, where: SessionEndpoint, now: float) -> Flow[StandingWebhook]:
        return control.standing_webhook(where)

    def put_back_webhook(self, where: SessionEndpoint, now: float, kept: StandingWebhook) -> Flow[ActOutcome]:
        return control.put_back_webhook(where, now, kept)

    def probe(self, where: SessionEndpoint, now: float, depth: ProbeDepth) -> Flow[ProbeOutcome]:
        return probes.probe(where, now, depth)

    def inventory(self, where: SessionEndpoint, now: float) -> Flow[InventoryOutcome]:
        return probes.inventory(where, now)

    def read_qr(self, where: SessionEndpoint, now: float) -> Flow[ProbeOutcome]:
        return probes.read_qr(where, now)

    def send(self, where: SessionEndpoint, now: float, message: OutgoingMessage, timeout_s: float) -> Flow[SendOutcome]:
        return send.send(where, now, message, timeout_s)

    def look_up(self, where: SessionEndpoint, now: float, query: SentQuery) -> Flow[LookupOutcome]:
        return history.look_up(where, now, query)

    def history(self, where: SessionEndpoint, now: float, since: float) -> Flow[WebhookReading]:
        return history.history(where, now, since)

    def download(
        self, where: SessionEndpoint, now: float, kind: str, source: Mapping[str, str]
    ) -> Flow[DownloadOutcome]:
        return download.download(where, source)

    def read_webhook(self, where: SessionEndpoint, body: bytes, path: str, now: float) -> WebhookReading:
        return webhook.read_webhook(where, body, path, now)

    def names_instance(self, call: PassedCall) -> bool:
        return passed.names_instance(call)

    def passed_request(self, where: SessionEndpoint, call: PassedCall, timeout_s: float) -> HttpRequest:
        return passed.request(where, call, timeout_s)

    def passed_evidence(
        self, where: SessionEndpoint, call: PassedCall, answer: HttpResponse | TransportFailed, now: float
    ) -> tuple[Evidence, ...]:
        return passed.evidence(where, call, answer, now)

    def known_secrets(self, where: SessionEndpoint) -> tuple[str, ...]:
        return passed.known_secrets(where)
