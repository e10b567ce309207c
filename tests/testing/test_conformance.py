"""The conformance suite finds what it is there to find: an adapter that breaks one rule fails the test of that rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from esteio.core.model.evidence import Evidence, seen
from esteio.providers.baileys import Baileys
from esteio.providers.base import (
    ActOutcome,
    Flow,
    HttpRequest,
    OutgoingMessage,
    ProbeDepth,
    ProbeOutcome,
    SendOutcome,
    SessionEndpoint,
    TransportFailed,
    WebhookReading,
)
from esteio.providers.classify import ask
from esteio.testing.conformance import AdapterConformance

GOOD = ({"success": True, "data": {"name": "s1", "status": "connected", "messageId": "A"}},)
STRANGE = {"success": True, "data": {"name": "s1", "status": "levitating"}}


def suite(adapter: Baileys) -> AdapterConformance:
    class Suite(AdapterConformance):
        good = GOOD
        strange_state = STRANGE
        webhooks = ({"event": "session.status", "session": "loja", "payload": {"status": "WORKING"}},)

    Suite.adapter = adapter
    return Suite()


class Resends(Baileys):
    """Takes silence for a no."""

    def send(self, where: SessionEndpoint, now: float, message: OutgoingMessage, timeout_s: float) -> Flow[SendOutcome]:
        try:
            yield HttpRequest("POST", where.base_url)
        except TransportFailed as failed:
            return SendOutcome("not_sent", fault="server", detail=failed.reason)
        return SendOutcome("accepted", "A")


class Blames(Baileys):
    """Takes its server's trouble for the session's end."""

    def probe(self, where: SessionEndpoint, now: float, depth: ProbeDepth) -> Flow[ProbeOutcome]:
        outcome = yield from super().probe(where, now, depth)
        return ProbeOutcome((*outcome.evidence, seen("socket_closed", now, "state")))


class Tells(Baileys):
    """Puts the key into an address, and the answer's words into its own as they came."""

    def restart(self, where: SessionEndpoint, now: float) -> Flow[ActOutcome]:
        key = where.credentials["apikey"]
        try:
            answer = yield HttpRequest("POST", f"{where.base_url}?key={key}")
        except TransportFailed as failed:
            return ActOutcome("not_reached", failed.reason)
        return ActOutcome("no", answer.text())


class Believes(Baileys):
    """Takes an unknown word for a state it knows."""

    def probe(self, where: SessionEndpoint, now: float, depth: ProbeDepth) -> Flow[ProbeOutcome]:
        yield HttpRequest("GET", where.base_url, {"x-api-key": where.credentials["apikey"]})
        return ProbeOutcome((Evidence("said_open", now, now, "state"),))


class Raises(Baileys):
    """Trusts a webhook."""

    def read_webhook(self, where: SessionEndpoint, body: bytes, path: str, now: float) -> WebhookReading:
        return WebhookReading(readable=True, note=msgspec.json.decode(body)["event"])


class Learns(Baileys):
    """Learns a word that it does not declare."""

    def create(self, where: SessionEndpoint, now: float, *, pair_phone: str | None = None) -> Flow[ActOutcome]:
        outcome = yield from super().create(where, now)
        return msgspec.structs.replace(outcome, ref={"name": "s1"})


class Promises(Baileys):
    """Says that it can restart."""

    capabilities = msgspec.structs.replace(Baileys.capabilities, restart=True)


class Hides(Baileys):
    """Sends a key that it does not declare."""

    def probe(self, where: SessionEndpoint, now: float, depth: ProbeDepth) -> Flow[ProbeOutcome]:
        yield from ask(HttpRequest("GET", where.base_url, {"x-api-key": "another"}))
        return ProbeOutcome(())


Check = Callable[[AdapterConformance], Any]
BREAKS: dict[type[Baileys], Check] = {
    Resends: lambda one: one.test_a_send_without_an_answer_is_never_lost_and_never_taken_for_sent("late"),
    Blames: lambda one: one.test_a_servers_trouble_says_nothing_of_the_session("probe-state", "503"),
    Tells: lambda one: one.test_no_secret_comes_back_in_words("restart", 400),
    Believes: lambda one: one.test_an_unknown_word_for_a_state_is_kept_and_claims_nothing(),
    Learns: lambda one: one.test_what_an_act_learns_is_declared("create"),
    Promises: lambda one: one.test_what_is_unsupported_is_not_among_the_capabilities(),
    Hides: lambda one: one.test_the_keys_we_send_are_declared_as_secrets(),
}


@pytest.mark.parametrize("broken", BREAKS, ids=lambda one: one.__name__)
def test_a_broken_rule_is_found_and_the_unbroken_adapter_passes(broken: type[Baileys]) -> None:
    BREAKS[broken](suite(Baileys()))
    with pytest.raises(AssertionError):
        BREAKS[broken](suite(broken()))


def test_a_secret_in_an_address_is_found() -> None:
    with pytest.raises(AssertionError, match="restart"):
        suite(Tells()).test_no_secret_stands_in_an_address()


def test_a_webhook_that_raises_is_found() -> None:
    with pytest.raises((msgspec.DecodeError, KeyError, TypeError, ExceptionGroup)):
        suite(Raises()).test_junk_in_a_webhook_never_raises_and_only_known_words_come_out()
