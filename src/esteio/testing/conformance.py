"""What every adapter must keep, whatever it speaks. A test module brings one subclass for each adapter:

    class TestAcme(AdapterConformance):
        adapter = Acme()
        good = ({"ok": True, "line": {"state": "online"}}, {"ok": True, "line": {"state": "pairing"}})
        strange_state = {"ok": True, "line": {"state": "levitating"}}
        webhooks = ({"event": "message", "id": "A1", "from": "5511999990001", "text": "oi"},)

Checked are: readings that never raise, no secret in words, no session judged by its server's trouble, no send lost or
taken for sent without an answer, capabilities and declaration that agree with what the adapter does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esteio.core.model.content import Content, Media
from esteio.core.model.evidence import KINDS
from esteio.providers.base import (
    Flow,
    HttpResponse,
    OutgoingMessage,
    Provider,
    SentQuery,
    SessionEndpoint,
    TransportFailed,
)
from esteio.providers.declaration import Field
from esteio.providers.registry import faults
from esteio.testing import junk
from esteio.testing.stepping import NOW, drive, html, reply, where
from esteio.texts import catalogue

TEXT = OutgoingMessage("5511999990001", Content("text", text="oi"))
IMAGE = OutgoingMessage("5511999990001", Content("image", media=Media("image", url="http://m.test/a.png")))
QUERY = SentQuery("5511999990001", TEXT.content, NOW - 400, queue_ref="q1")
STRANGE = "levitating"
"""The word for a state that no server has: it stands in `AdapterConformance.strange_state`."""
SECRET = "S3CR3T/key+1"  # noqa: S105 (nobody's)

FLOWS: Mapping[str, Callable[[Provider, SessionEndpoint], Flow[Any]]] = {
    "create": lambda a, w: a.create(w, NOW),
    "connect": lambda a, w: a.connect(w, NOW),
    "pair": lambda a, w: a.connect(w, NOW, pair_phone="5511955550001"),
    "restart": lambda a, w: a.restart(w, NOW),
    "logout": lambda a, w: a.logout(w, NOW),
    "delete": lambda a, w: a.delete(w, NOW),
    "set_webhook": lambda a, w: a.set_webhook(w, NOW),
    "check_webhook": lambda a, w: a.check_webhook(w, NOW),
    "probe-state": lambda a, w: a.probe(w, NOW, "state"),
    "probe-pulse": lambda a, w: a.probe(w, NOW, "pulse"),
    "probe-socket": lambda a, w: a.probe(w, NOW, "socket"),
    "probe-roundtrip": lambda a, w: a.probe(w, NOW, "roundtrip"),
    "inventory": lambda a, w: a.inventory(w, NOW),
    "read_qr": lambda a, w: a.read_qr(w, NOW),
    "send": lambda a, w: a.send(w, NOW, TEXT, 75),
    "send-image": lambda a, w: a.send(w, NOW, IMAGE, 75),
    "look_up": lambda a, w: a.look_up(w, NOW, QUERY),
    "read_queue": lambda a, w: a.read_queue(w, NOW),
    "history": lambda a, w: a.history(w, NOW, NOW - 900),
}
ACTS = ("create", "connect", "restart", "logout", "delete", "set_webhook")
REFUSED = TransportFailed("the connection was refused", sent="no")
CROWDED = TransportFailed("too many requests to this server are under way", sent="no", crowded=True)
LATE = TransportFailed("no answer within 8 s", sent="maybe", timed_out=True)
RESET = TransportFailed("the connection was reset", sent="maybe")
ENDED = TransportFailed("the server closed the connection without an answer", sent="maybe", ours=True)
HUGE = TransportFailed("answer too large: more than 9 bytes", sent="maybe")
TROUBLE: Mapping[str, HttpResponse | TransportFailed] = {
    "refused": REFUSED,
    "crowded": CROWDED,
    "late": LATE,
    "reset": RESET,
    "ours": ENDED,
    "too large": HUGE,
    "404 page": html(404),
    "200 page": html(200),
    "302": HttpResponse(302, {"location": "http://login.test/"}, b""),
    "502 page": html(502),
    "503": reply({"message": "try later"}, 503),
    "500 in words": reply({"status": 500, "response": {"message": ["Internal server error"]}}, 500),
    "empty 500": HttpResponse(500),
    "401": reply({"status": 401, "response": {"message": "Unauthorized"}}, 401),
    "licence": reply({"code": "LICENSE_REQUIRED", "error": "service not activated"}, 503),
    "router": reply({"status": 404, "response": {"message": ["Cannot PUT /x"]}}, 404),
}
"""What a server, or somebody before it, may answer to anything; none of it is about a session."""
SURELY_NOT_SENT = frozenset({"refused", "401", "licence", "404 page", "crowded", "302", "router"})
SESSION_FACTS = frozenset({"look_failed", "request_wrong"})
every_flow = pytest.mark.parametrize("flow", FLOWS)
# `@given` on a method that several classes inherit is what this suite is.
unhurried = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors], print_blob=True
)


class AdapterConformance:
    """The suite. See the module's head for how it is used."""

    adapter: ClassVar[Provider]
    good: ClassVar[Sequence[Any]]
    """Bodies (JSON) that lead the flows through their steps; the first is of a session that works."""
    strange_state: ClassVar[Any]
    """The answer to a look at the state in which the word for it is `levitating`."""
    webhooks: ClassVar[Sequence[Any]] = ()
    """Bodies (JSON) as the server posts them: each must be readable and say something."""

    @classmethod
    def here(cls) -> SessionEndpoint:
        """A session as the adapter declares it, every secret recognisable."""
        declared = cls.adapter.declaration
        ref = {one.name: _value(one, f"ref.{one.name}") for one in declared.ref}
        credentials = {one.name: _value(one, f"credentials.{one.name}") for one in declared.credentials}
        return where(credentials=credentials, ref=ref)

    def run(self, flow: str, *answers: HttpResponse | TransportFailed) -> tuple[Any, list[Any]]:
        """One of `FLOWS`, stepped: its outcome and the requests."""
        return drive(FLOWS[flow](self.adapter, self.here()), *answers)

    def _steps(self, flow: str) -> Iterator[list[HttpResponse]]:
        """The good answers before each step that this flow reaches."""
        for good in map(reply, self.good):
            _, asked = self.run(flow, good)
            yield from ([good] * step for step in range(len(asked)))

    # -- what it declares ----------------------------------------------------------------------------------------

    def test_it_has_all_that_the_protocol_asks_for(self) -> None:
        assert faults(self.adapter) == []

    def test_what_has_to_be_said_is_known_before_the_first_request(self) -> None:
        declared, here = self.adapter.declaration, self.here()
        assert declared.missing_in_ref({}) is not None
        assert declared.missing_in_ref(here.ref) is None
        assert declared.missing_in_credentials(here.credentials) is None
        assert here.ref[declared.instance]

    def test_its_fields_and_quirks_are_explained(self) -> None:
        adapter, texts = self.adapter, catalogue("en")
        for place, fields in (("ref", adapter.declaration.ref), ("credentials", adapter.declaration.credentials)):
            for field in fields:
                assert field.text or (f"field {adapter.kind}", f"{place}.{field.name}") in texts
        for quirk in adapter.quirks(None):
            assert quirk.text or (f"quirk {adapter.kind}", quirk.name) in texts

    def test_the_keys_we_send_are_declared_as_secrets(self) -> None:
        here = self.here()
        _, asked = self.run("probe-state", REFUSED)
        sent = " ".join(asked[0].headers.values())
        secrets = self.adapter.declaration.secrets(here.credentials, here.ref)
        assert any(secret in sent for secret in secrets) or not secrets

    def test_no_secret_stands_in_an_address(self) -> None:
        here = self.here()
        for flow in FLOWS:
            asked = [request for good in self.good for request in self.run(flow, reply(good))[1]]
            for secret in self.adapter.declaration.secrets(here.credentials, here.ref):
                assert not any(secret in one.url for one in asked), flow

    @pytest.mark.parametrize("act", ACTS)
    def test_what_an_act_learns_is_declared(self, act: str) -> None:
        """An undeclared word would be encrypted and never be found again."""
        for good in self.good:
            outcome, _ = self.run(act, reply(good))
            assert set(outcome.ref) <= {field.name for field in self.adapter.declaration.ref}

    def test_what_is_unsupported_is_not_among_the_capabilities(self) -> None:
        outcome, _ = self.run("restart", REFUSED)
        assert (outcome.answer == "unsupported") == (not self.adapter.capabilities.restart)
        outcome, asked = self.run("inventory", REFUSED)
        assert bool(asked) == self.adapter.capabilities.list_sessions
        assert outcome.entries is None
        outcome, asked = self.run("look_up", REFUSED)
        assert outcome.result == "unknown"
        assert asked or not self.adapter.capabilities.message_list

    # -- whose trouble it is -------------------------------------------------------------------------------------

    @every_flow
    @pytest.mark.parametrize("trouble", TROUBLE)
    def test_a_servers_trouble_says_nothing_of_the_session(self, flow: str, trouble: str) -> None:
        outcome, _ = self.run(flow, TROUBLE[trouble])
        assert {one.kind for one in outcome.evidence if one.subject == "session"} <= SESSION_FACTS

    @every_flow
    @pytest.mark.parametrize("ours", [CROWDED, ENDED], ids=["crowded", "ours"])
    def test_what_is_our_own_doing_says_nothing_of_the_server(self, flow: str, ours: TransportFailed) -> None:
        """A crowd before its door, a kept connection that we were too slow to use: else a burst of looks would call it
        down, and its next answer a boot."""
        for before in self._steps(flow):
            outcome, _ = self.run(flow, *before, ours)
            assert not [one for one in outcome.evidence if KINDS[one.kind].weight == "death"]

    @every_flow
    @pytest.mark.parametrize("trouble", ["refused", "reset", "404 page", "503", "500 in words"])
    def test_nor_does_trouble_after_a_first_good_answer(self, flow: str, trouble: str) -> None:
        """Nothing may end a session by that (the silence of a round trip is WhatsApp's, and has its own test)."""
        outcome, _ = self.run(flow, reply(self.good[0]), TROUBLE[trouble])
        about_session = [KINDS[one.kind].weight for one in outcome.evidence if one.subject == "session"]
        assert "death" not in about_session

    # -- sends and acts ------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("trouble", TROUBLE)
    def test_a_send_without_an_answer_is_never_lost_and_never_taken_for_sent(self, trouble: str) -> None:
        outcome, _ = self.run("send", TROUBLE[trouble])
        assert outcome.certainty == ("not_sent" if trouble in SURELY_NOT_SENT else "in_doubt")
        assert outcome.fault != "none"
        assert outcome.provider_id is None

    def test_a_send_that_never_left_because_we_were_too_busy_was_surely_not_sent(self) -> None:
        late = TransportFailed("no answer within 75 s", sent="no", timed_out=True, ours=True)
        outcome, _ = self.run("send", late)
        assert (outcome.certainty, outcome.evidence) == ("not_sent", ())

    @pytest.mark.parametrize("act", ACTS)
    def test_an_act_is_not_reached_or_unanswered_when_nobody_answers(self, act: str) -> None:
        first, asked = self.run(act, REFUSED)
        assert first.answer == ("not_reached" if asked else "unsupported")
        first, asked = self.run(act, CROWDED)
        assert first.answer == ("not_reached" if asked else "unsupported")
        assert len(asked) <= 1, "what could not be looked at is not acted on"
        assert act != "connect" or len(self.run(act, ENDED)[1]) <= 1
        first, asked = self.run(act, LATE)
        assert first.answer in {"unanswered", "not_reached", "unsupported"}

    @every_flow
    def test_every_step_may_fail(self, flow: str) -> None:
        """TransportFailed at the n-th step, for every n that a flow reaches on good answers."""
        for before in self._steps(flow):
            for failure in (REFUSED, CROWDED, LATE, RESET, HUGE):
                outcome, _ = self.run(flow, *before, failure)
                assert outcome is not None

    # -- words ---------------------------------------------------------------------------------------------------

    @every_flow
    @pytest.mark.parametrize("status", [200, 400, 403, 404, 500])
    def test_no_secret_comes_back_in_words(self, flow: str, status: int) -> None:
        """A server that echoes our keys, in its message and in a page."""
        here = self.here()
        secrets = self.adapter.declaration.secrets(here.credentials, here.ref)
        escaped = [secret.replace("/", "%2F").replace("+", "%2B") for secret in secrets]
        words = f"bad keys {' '.join([*secrets, *escaped])}"
        for answer in (
            reply({"error": True, "message": words, "response": {"message": [words]}}, status),
            HttpResponse(status, {}, words.encode()),
            TransportFailed(words, sent="maybe"),
        ):
            outcome, _ = self.run(flow, answer)
            detail = getattr(outcome, "detail", "") + getattr(outcome, "note", "")
            shown = detail + json.dumps([dict(one.data) for one in outcome.evidence])
            assert not [secret for secret in (*secrets, *escaped) if secret in shown]
            assert len(detail) <= 600

    def test_an_unknown_word_for_a_state_is_kept_and_claims_nothing(self) -> None:
        outcome, _ = self.run("probe-state", reply(self.strange_state))
        claims = [one for one in outcome.evidence if one.kind.startswith("said_")]
        assert not {one.kind for one in claims} - {"said_unknown"}
        assert all(one.data["state"] == STRANGE for one in claims)

    # -- readings never raise ------------------------------------------------------------------------------------

    @property
    def _words(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return junk.words_of([*self.good, self.strange_state, *self.webhooks])

    def test_its_webhooks_are_read(self) -> None:
        for body in self.webhooks:
            reading = self.adapter.read_webhook(self.here(), json.dumps(body).encode(), "", NOW)
            assert reading.readable, body
            assert reading.evidence or reading.events or reading.qr or reading.note, body

    @unhurried
    @given(drawn=st.data())
    def test_junk_in_a_webhook_never_raises_and_only_known_words_come_out(self, drawn: st.DataObject) -> None:
        body, path = drawn.draw(junk.bodies(*self._words)), drawn.draw(junk.PATHS)
        reading = self.adapter.read_webhook(self.here(), body, path, NOW)
        for one in reading.evidence:
            assert one.kind in KINDS
            assert one.happened_at <= NOW
            assert all(isinstance(value, str) for value in one.data.values())
        assert reading.readable or not (reading.evidence or reading.events or reading.qr)

    @unhurried
    @given(drawn=st.data())
    def test_almost_right_events_never_raise(self, drawn: st.DataObject) -> None:
        names, words = self._words
        event, data = drawn.draw(junk.events(words)), drawn.draw(junk.almost(names, words))
        read, here = self.adapter.read_webhook, self.here()
        for field in ("data", "payload"):
            read(here, json.dumps({"event": event, field: data}).encode(), "", NOW)
        if isinstance(data, dict):
            read(here, json.dumps({**data, "event": event}).encode(), "", NOW)

    @every_flow
    @settings(unhurried, max_examples=30)
    @given(drawn=st.data())
    def test_junk_in_an_answer_never_raises(self, flow: str, drawn: st.DataObject) -> None:
        status, body = drawn.draw(st.sampled_from([200, 201, 400, 404, 500])), drawn.draw(junk.bodies(*self._words))
        outcome, _ = self.run(flow, HttpResponse(status, {}, body))
        for one in outcome.evidence:
            assert one.kind in KINDS
            assert one.happened_at <= NOW

    def test_a_deep_body_is_junk_too(self) -> None:
        deep = b'{"event":' * 3000 + b"1" + b"}" * 3000
        assert not self.adapter.read_webhook(self.here(), deep, "", NOW).readable
        self.run("probe-roundtrip", HttpResponse(200, {}, deep))


def _value(field: Field, place: str) -> str:
    if field.secret and not field.pattern:
        return f"{SECRET}-{place}"
    return field.example or f"s1-{field.name}"
