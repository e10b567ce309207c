"""W-API (w-api.app): one instance bought at the vendor's, addressed by its id and its own token.

`client` acts and looks, `messages` sends and reads, `queue` looks up, `download` gets media. **Unrecorded**: no shape
here was seen on the running service; they are from clients' code and say so in the tests. What it cannot do is in the
capabilities: no socket probe, no list of sessions (that needs the integrator's token), and a queue of its own that
makes a blind resend a double.
"""

from __future__ import annotations

from collections.abc import Mapping

from esteio.core.model.capabilities import Capabilities, Quirk
from esteio.providers.adapter import Adapter, no_step
from esteio.providers.base import (
    ActOutcome,
    DownloadOutcome,
    Flow,
    LookupOutcome,
    OutgoingMessage,
    ProbeDepth,
    ProbeOutcome,
    QueueOutcome,
    SendOutcome,
    SentQuery,
    SessionEndpoint,
    StandingWebhook,
    WebhookReading,
)
from esteio.providers.quirks import known
from esteio.providers.wapi import client, download, messages, queue
from esteio.providers.wapi.declaration import DECLARATION


class Wapi(Adapter):
    """The W-API dialect as a `Provider`; what its server does not have is left to `Adapter`."""

    kind = "wapi"
    capabilities = Capabilities(
        restart=True,
        restart_keeps_link=True,
        pairing_code=True,
        message_list=False,
        round_trip_probe=False,
        socket_probe=False,
        question_refutes=True,
        list_sessions=False,
        queues_while_down=True,
        connect=False,
        pairing_beside_qr=True,
        connect_pairs_after_unlink=True,
        create_takes_over=True,
    )
    declaration = DECLARATION

    def quirks(self, version: str | None) -> tuple[Quirk, ...]:
        return known(self.kind, version)

    def create(self, where: SessionEndpoint, now: float, *, pair_phone: str | None = None) -> Flow[ActOutcome]:
        return client.create(where, now, pair_phone)

    def connect(self, where: SessionEndpoint, now: float, *, pair_phone: str | None = None) -> Flow[ActOutcome]:
        return client.connect(where, now, pair_phone)

    def restart(self, where: SessionEndpoint, now: float) -> Flow[ActOutcome]:
        return client.restart(where, now)

    def logout(self, where: SessionEndpoint, now: float) -> Flow[ActOutcome]:
        return client.logout(where, now)

    def delete(self, where: SessionEndpoint, now: float) -> Flow[ActOutcome]:
        """An instance is cancelled at the vendor's."""
        return no_step(ActOutcome("unsupported", "a W-API instance is cancelled at the vendor's"))

    def set_webhook(self, where: SessionEndpoint, now: float) -> Flow[ActOutcome]:
        return client.set_webhook(where, now)

    def check_webhook(self, where: SessionEndpoint, now: float) -> Flow[ProbeOutcome]:
        return client.check_webhook(where, now)

    def standing_webhook(self, where: SessionEndpoint, now: float) -> Flow[StandingWebhook]:
        return client.standing_webhook(where)

    def put_back_webhook(self, where: SessionEndpoint, now: float, kept: StandingWebhook) -> Flow[ActOutcome]:
        return client.put_back_webhook(where, now, kept)

    def probe(self, where: SessionEndpoint, now: float, depth: ProbeDepth) -> Flow[ProbeOutcome]:
        return client.probe(where, now, depth)

    def read_qr(self, where: SessionEndpoint, now: float) -> Flow[ProbeOutcome]:
        return client.read_qr(where, now)

    def send(self, where: SessionEndpoint, now: float, message: OutgoingMessage, timeout_s: float) -> Flow[SendOutcome]:
        return messages.send(where, now, message, timeout_s)

    def look_up(self, where: SessionEndpoint, now: float, query: SentQuery) -> Flow[LookupOutcome]:
        return queue.look_up(where, now, query)

    def read_queue(self, where: SessionEndpoint, now: float) -> Flow[QueueOutcome]:
        return queue.read_queue(where, now)

    def history(self, where: SessionEndpoint, now: float, since: float) -> Flow[WebhookReading]:
        return messages.history(where, now, since)

    def download(
        self, where: SessionEndpoint, now: float, kind: str, source: Mapping[str, str]
    ) -> Flow[DownloadOutcome]:
        return download.download(where, kind, source)

    def read_webhook(self, where: SessionEndpoint, body: bytes, path: str, now: float) -> WebhookReading:
        return messages.read_webhook(where, body, now)
