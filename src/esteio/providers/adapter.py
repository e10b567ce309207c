"""The base class of adapters, and every name that an adapter of a third party needs, in one place to import from.

`Adapter` answers for each operation that a server does not have; a subclass overrides what its server can do, and must
bring `kind`, `capabilities`, `declaration`, `probe`, `send` and `read_webhook`. See docs/how-to/adapters.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from esteio.core.model.capabilities import Capabilities, Quirk
from esteio.core.model.content import Content, Media
from esteio.core.model.evidence import KINDS, Evidence, Source, seen
from esteio.core.model.inbound import (
    DeletedMessage,
    EditedMessage,
    Receipt,
    ReceivedMessage,
    ReceivedReaction,
    SendEcho,
)
from esteio.providers.base import (
    ActOutcome,
    DownloadOutcome,
    Flow,
    HttpRequest,
    HttpResponse,
    InventoryEntry,
    InventoryOutcome,
    LookupOutcome,
    OutgoingMessage,
    ProbeDepth,
    ProbeOutcome,
    Provider,
    QrCode,
    QueueOutcome,
    SendOutcome,
    SentQuery,
    SessionEndpoint,
    StandingWebhook,
    TransportFailed,
    WebhookReading,
)
from esteio.providers.classify import Heard, ask, hear, list_news, look_failed, plain_act, server_news
from esteio.providers.declaration import SESSION, Declaration, Field
from esteio.providers.parsing import Json, at, decode, digits, first, items, moment, number, text, whole, word
from esteio.providers.send_errors import plain_no, refused_for_size, too_large

__all__ = [
    "KINDS",
    "SESSION",
    "ActOutcome",
    "Adapter",
    "Capabilities",
    "Content",
    "Declaration",
    "DeletedMessage",
    "DownloadOutcome",
    "EditedMessage",
    "Evidence",
    "Field",
    "Flow",
    "Heard",
    "HttpRequest",
    "HttpResponse",
    "InventoryEntry",
    "InventoryOutcome",
    "Json",
    "LookupOutcome",
    "Media",
    "OutgoingMessage",
    "ProbeDepth",
    "ProbeOutcome",
    "Provider",
    "QrCode",
    "QueueOutcome",
    "Quirk",
    "Receipt",
    "ReceivedMessage",
    "ReceivedReaction",
    "SendEcho",
    "SendOutcome",
    "SentQuery",
    "SessionEndpoint",
    "Source",
    "StandingWebhook",
    "TransportFailed",
    "WebhookReading",
    "ask",
    "at",
    "decode",
    "digits",
    "first",
    "hear",
    "items",
    "list_news",
    "look_failed",
    "moment",
    "no_step",
    "number",
    "plain_act",
    "plain_no",
    "refused_for_size",
    "seen",
    "server_news",
    "text",
    "too_large",
    "whole",
    "word",
]

T = TypeVar("T")
NOT_TOLD = "this server does not tell its webhook address"
NO_LIST = "this server keeps no list of messages"


def no_step(outcome: T) -> Flow[T]:
    """A flow that asks nothing."""
    yield from ()
    return outcome


def _unsupported(why: str) -> Flow[ActOutcome]:
    return no_step(ActOutcome("unsupported", why))


class Adapter:
    """What is answered where a server has no such call: acts are `unsupported`, looks tell nothing, nothing is kept.

    For each operation see `base.Provider`. `Capabilities` must agree: the conformance suite checks it.
    """

    def quirks(self, version: str | None) -> tuple[Quirk, ...]:
        """None is known, whatever the version."""
        return ()

    def create(self, where: SessionEndpoint, now: float, *, pair_phone: str | None = None) -> Flow[ActOutcome]:
        return _unsupported("this server makes no sessions")

    def connect(self, where: SessionEndpoint, now: float, *, pair_phone: str | None = None) -> Flow[ActOutcome]:
        return _unsupported("this server has no connect")

    def restart(self, where: SessionEndpoint, now: float) -> Flow[ActOutcome]:
        return _unsupported("this server has no restart")

    def logout(self, where: SessionEndpoint, now: float) -> Flow[ActOutcome]:
        return _unsupported("this server has no logout")

    def delete(self, where: SessionEndpoint, now: float) -> Flow[ActOutcome]:
        return _unsupported("this server has no delete")

    def set_webhook(self, where: SessionEndpoint, now: float) -> Flow[ActOutcome]:
        return _unsupported("this server takes a webhook address only when a session is created")

    def check_webhook(self, where: SessionEndpoint, now: float) -> Flow[ProbeOutcome]:
        return no_step(ProbeOutcome((), detail=NOT_TOLD))

    def standing_webhook(self, where: SessionEndpoint, now: float) -> Flow[StandingWebhook]:
        return no_step(StandingWebhook("unreadable", detail=NOT_TOLD))

    def put_back_webhook(self, where: SessionEndpoint, now: float, kept: StandingWebhook) -> Flow[ActOutcome]:
        return _unsupported(NOT_TOLD)

    def inventory(self, where: SessionEndpoint, now: float) -> Flow[InventoryOutcome]:
        """Nothing is asked, nothing is known."""
        return no_step(InventoryOutcome(None))

    def read_qr(self, where: SessionEndpoint, now: float) -> Flow[ProbeOutcome]:
        return no_step(ProbeOutcome(()))

    def look_up(self, where: SessionEndpoint, now: float, query: SentQuery) -> Flow[LookupOutcome]:
        return no_step(LookupOutcome("unknown", detail=NO_LIST))

    def read_queue(self, where: SessionEndpoint, now: float) -> Flow[QueueOutcome]:
        return no_step(QueueOutcome(None, "this server has no queue"))

    def history(self, where: SessionEndpoint, now: float, since: float) -> Flow[WebhookReading]:
        return no_step(WebhookReading(readable=True, note=NO_LIST, kept=False))

    def is_own_address(self, where: SessionEndpoint, url: str) -> bool:
        """False for every address, so that media is fetched through the guard of addresses."""
        return False

    def download(
        self, where: SessionEndpoint, now: float, kind: str, source: Mapping[str, str]
    ) -> Flow[DownloadOutcome]:
        return no_step(DownloadOutcome(said_no=True, detail="this server hands out no media"))
