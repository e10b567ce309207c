"""What every dialect must keep, whatever it speaks: total readings, no secret in words, no session judged by a server.

A third party's adapter can be put under the same suite by adding it to `ADAPTERS`.
"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from provider_stepping import NOW, drive, html, reply, where

from esteio.core.model.content import Content, Media
from esteio.core.model.evidence import KINDS
from esteio.providers.base import HttpResponse, OutgoingMessage, SentQuery, TransportFailed
from esteio.providers.registry import load
from esteio.texts import catalogue

REGISTRY = load([])
ADAPTERS = [REGISTRY.get(kind) for kind in REGISTRY.kinds]
SECRET = "S3CR3T/key+1"
TOKEN = "T0K3N-of-this-instance"
HERE = where(
    credentials={"apikey": SECRET},
    ref={"instance_name": "s1", "session": "s1", "instance_id": "LITE-1", "token": TOKEN},
)
TEXT = OutgoingMessage("5511999990001", Content("text", text="oi"))
IMAGE = OutgoingMessage("5511999990001", Content("image", media=Media("image", url="http://m.test/a.png")))
QUERY = SentQuery("5511999990001", TEXT.content, NOW - 400, queue_ref="q1")

FLOWS = {
    "create": lambda a: a.create(HERE, NOW),
    "connect": lambda a: a.connect(HERE, NOW),
    "pair": lambda a: a.connect(HERE, NOW, pair_phone="5511955550001"),
    "restart": lambda a: a.restart(HERE, NOW),
    "logout": lambda a: a.logout(HERE, NOW),
    "delete": lambda a: a.delete(HERE, NOW),
    "set_webhook": lambda a: a.set_webhook(HERE, NOW),
    "check_webhook": lambda a: a.check_webhook(HERE, NOW),
    "probe-state": lambda a: a.probe(HERE, NOW, "state"),
    "probe-pulse": lambda a: a.probe(HERE, NOW, "pulse"),
    "probe-socket": lambda a: a.probe(HERE, NOW, "socket"),
    "probe-roundtrip": lambda a: a.probe(HERE, NOW, "roundtrip"),
    "inventory": lambda a: a.inventory(HERE, NOW),
    "read_qr": lambda a: a.read_qr(HERE, NOW),
    "send": lambda a: a.send(HERE, NOW, TEXT, 75),
    "send-image": lambda a: a.send(HERE, NOW, IMAGE, 75),
    "look_up": lambda a: a.look_up(HERE, NOW, QUERY),
    "read_queue": lambda a: a.read_queue(HERE, NOW),
    "history": lambda a: a.history(HERE, NOW, NOW - 900),
}
every_adapter = pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.kind)
every_flow = pytest.mark.parametrize("flow", FLOWS)

REFUSED = TransportFailed("the connection was refused", sent="no")
CROWDED = TransportFailed("too many requests to this server are under way", sent="no", crowded=True)
LATE = TransportFailed("no answer within 8 s", sent="maybe", timed_out=True)
RESET = TransportFailed("the connection was reset", sent="maybe")
ENDED = TransportFailed("the server closed the connection without an answer", sent="maybe", ours=True)
HUGE = TransportFailed("answer too large: more than 9 bytes", sent="maybe")
GOOD = reply({"instance": {"instanceName": "s1", "state": "connecting"}, "success": True, "connected": False,
              "count": 0, "messages": {"total": 9, "pages": 9, "records": []},
              "data": {"name": "s1", "status": "connecting"}})  # fmt: skip
"""Leads each dialect's flows through all their steps."""
SERVER_TROUBLE = {
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
SESSION_FACTS = {"look_failed", "request_wrong"}


@every_adapter
@every_flow
@pytest.mark.parametrize("trouble", SERVER_TROUBLE)
def test_a_servers_trouble_says_nothing_of_the_session(adapter, flow, trouble):
    outcome, _ = drive(FLOWS[flow](adapter), SERVER_TROUBLE[trouble])
    about_session = {one.kind for one in outcome.evidence if one.subject == "session"}
    assert about_session <= SESSION_FACTS


@every_adapter
@every_flow
@pytest.mark.parametrize("ours", [CROWDED, ENDED], ids=["crowded", "ours"])
def test_what_is_our_own_doing_says_nothing_of_the_server(adapter, flow, ours):
    """A crowd before its door, a kept connection that we were too slow to use: else a burst of looks would call it
    down, and its next answer a boot."""
    _, asked = drive(FLOWS[flow](adapter), GOOD)
    for step in range(len(asked)):
        outcome, _ = drive(FLOWS[flow](adapter), *[GOOD] * step, ours)
        assert not [one for one in outcome.evidence if KINDS[one.kind].weight == "death"]


@every_adapter
@every_flow
@pytest.mark.parametrize("trouble", ["refused", "reset", "404 page", "503", "500 in words"])
def test_nor_does_trouble_after_a_first_good_answer(adapter, flow, trouble):
    """The first step is answered well; what follows fails. Nothing may end a session by that (the silence of a round
    trip is WhatsApp's, and has its own test)."""
    good = reply({"instance": {"instanceName": "s1", "state": "open"}, "success": True, "connected": True,
                  "data": {"name": "s1", "status": "connected"}})  # fmt: skip
    outcome, _ = drive(FLOWS[flow](adapter), good, SERVER_TROUBLE[trouble])
    about_session = [KINDS[one.kind].weight for one in outcome.evidence if one.subject == "session"]
    assert "death" not in about_session


@every_adapter
@pytest.mark.parametrize("trouble", SERVER_TROUBLE)
def test_a_send_without_an_answer_is_never_lost_and_never_taken_for_sent(adapter, trouble):
    outcome, _ = drive(adapter.send(HERE, NOW, TEXT, 75), SERVER_TROUBLE[trouble])
    expected = {
        "refused": {"not_sent"}, "401": {"not_sent"}, "licence": {"not_sent"}, "404 page": {"not_sent"},
        "crowded": {"not_sent"}, "302": {"not_sent"}, "router": {"not_sent"},
    }.get(trouble, {"in_doubt"})  # fmt: skip
    assert {outcome.certainty} == expected
    assert outcome.fault != "none"
    assert outcome.provider_id is None


@every_adapter
def test_a_send_that_never_left_because_we_were_too_busy_was_surely_not_sent(adapter):
    late = TransportFailed("no answer within 75 s", sent="no", timed_out=True, ours=True)
    outcome, _ = drive(adapter.send(HERE, NOW, TEXT, 75), late)
    assert (outcome.certainty, outcome.evidence) == ("not_sent", ())


@every_adapter
@pytest.mark.parametrize("act", ["create", "connect", "restart", "logout", "delete", "set_webhook"])
def test_an_act_is_not_reached_or_unanswered_when_nobody_answers(adapter, act):
    first, asked = drive(FLOWS[act](adapter), REFUSED)
    assert first.answer == ("not_reached" if asked else "unsupported")
    first, asked = drive(FLOWS[act](adapter), CROWDED)
    assert first.answer == ("not_reached" if asked else "unsupported")
    assert len(asked) <= 1, "what could not be looked at is not acted on"
    assert act != "connect" or len(drive(FLOWS[act](adapter), ENDED)[1]) <= 1
    first, asked = drive(FLOWS[act](adapter), LATE)
    assert first.answer in {"unanswered", "not_reached", "unsupported"}


@every_adapter
@every_flow
def test_every_step_may_fail(adapter, flow):
    """TransportFailed at the n-th step, for every n that a flow reaches on good answers."""
    _, asked = drive(FLOWS[flow](adapter), GOOD)
    for step in range(len(asked)):
        for failure in (REFUSED, CROWDED, LATE, RESET, HUGE):
            outcome, _ = drive(FLOWS[flow](adapter), *[GOOD] * step, failure)
            assert outcome is not None


@every_adapter
@every_flow
@pytest.mark.parametrize("status", [200, 400, 403, 404, 500])
def test_no_secret_comes_back_in_words(adapter, flow, status):
    """A server that echoes our key and its token, in its message and in a page."""
    words = f"bad key {SECRET} token {TOKEN} and S3CR3T%2Fkey%2B1"
    for answer in (
        reply({"error": True, "message": words, "response": {"message": [words]}}, status),
        HttpResponse(status, {}, words.encode()),
        TransportFailed(words, sent="maybe"),
    ):
        outcome, _ = drive(FLOWS[flow](adapter), answer)
        detail = getattr(outcome, "detail", "") + getattr(outcome, "note", "")
        shown = detail + json.dumps([dict(one.data) for one in outcome.evidence])
        for secret in adapter.declaration.secrets(HERE.credentials, HERE.ref):
            assert secret not in shown
        assert len(detail) <= 600


@every_adapter
def test_the_keys_we_give_are_known_as_secrets(adapter):
    _, asked = drive(adapter.probe(HERE, NOW, "state"), REFUSED)
    sent = " ".join(asked[0].headers.values())
    assert any(secret in sent for secret in adapter.declaration.secrets(HERE.credentials, HERE.ref))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
# Real field names with anything in them: what junk that almost fits looks like.
NAMES = ["event", "instance", "data", "date_time", "key", "id", "remoteJid", "fromMe", "message", "conversation",
         "imageMessage", "messageTimestamp", "status", "state", "statusReason", "qrcode", "code", "count", "payload",
         "msgContent", "chat", "sender", "moment", "messageId", "records", "messages", "pages", "name", "fileLength",
         "connectionStatus", "disconnectionAt", "disconnectionObject", "low", "high", "reactionMessage", "response",
         "error", "editedMessage", "protocolMessage", "type", "wuid", "ownerJid", "connected", "success"]  # fmt: skip
EVENTS = ["messages.upsert", "MESSAGES_UPDATE", "connection.update", "qrcode.updated", "send.message", "message",
          "session.status", "qr.update", "webhookReceived", "webhookStatus", "status.instance", "messages.delete",
          "messages.edited", "webhookDelivery"]  # fmt: skip
LEAVES = (
    st.none() | st.booleans() | st.integers(-(10**400), 10**400) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from([*EVENTS, "open", "close", "5511@s.whatsapp.net", "1@lid", "2026-11-21", "ERROR"])
)  # fmt: skip
ALMOST = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=25,
)
BODIES = st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()) | ALMOST.map(
    lambda value: json.dumps(value).encode()
)  # fmt: skip
PATHS = st.sampled_from(["", "/in/t", "/in/t/messages-upsert", "/in/t/\x00/é"])


@every_adapter
@given(body=BODIES, path=PATHS)
def test_junk_in_a_webhook_never_raises_and_only_known_words_come_out(adapter, body, path):
    reading = adapter.read_webhook(HERE, body, path, NOW)
    for one in reading.evidence:
        assert one.kind in KINDS
        assert one.happened_at <= NOW
        assert all(isinstance(value, str) for value in one.data.values())
    assert reading.readable or not (reading.evidence or reading.events or reading.qr)


@every_adapter
@given(event=st.sampled_from(EVENTS), data=ALMOST)
def test_almost_right_events_never_raise(adapter, event, data):
    for field in ("data", "payload"):
        adapter.read_webhook(HERE, json.dumps({"event": event, field: data}).encode(), "", NOW)
    if isinstance(data, dict):
        adapter.read_webhook(HERE, json.dumps({**data, "event": event}).encode(), "", NOW)


@every_adapter
@every_flow
@given(status=st.sampled_from([200, 201, 400, 404, 500]), body=BODIES)
def test_junk_in_an_answer_never_raises(adapter, flow, status, body):
    outcome, _ = drive(FLOWS[flow](adapter), HttpResponse(status, {}, body))
    for one in outcome.evidence:
        assert one.kind in KINDS
        assert one.happened_at <= NOW


@every_adapter
def test_a_deep_body_is_junk_too(adapter):
    deep = b'{"event":' * 3000 + b"1" + b"}" * 3000
    assert not adapter.read_webhook(HERE, deep, "", NOW).readable
    drive(adapter.probe(HERE, NOW, "roundtrip"), HttpResponse(200, {}, deep))


@every_adapter
def test_an_unknown_word_for_a_state_is_kept_and_claims_nothing(adapter):
    strange = reply({"instance": {"state": "levitating"}, "success": True, "connected": "levitating",
                     "data": {"name": "s1", "status": "levitating"}})  # fmt: skip
    outcome, _ = drive(adapter.probe(HERE, NOW, "state"), strange)
    claims = [one for one in outcome.evidence if one.kind.startswith("said_")]
    assert not {one.kind for one in claims} - {"said_unknown"}
    assert all(one.data["state"] == "levitating" for one in claims)


@every_adapter
def test_what_can_be_asked_before_the_first_request(adapter):
    declared = adapter.declaration
    assert declared.missing_in_ref({}) is not None
    assert declared.missing_in_ref(HERE.ref) is None
    assert declared.missing_in_credentials({"apikey": "k"}) is None
    default = declared.whole_ref("loja", {})
    assert not default or declared.missing_in_ref(default) is None
    for quirk in adapter.quirks(None):
        assert quirk.text or (f"quirk {adapter.kind}", quirk.name) in catalogue("en")


@every_adapter
def test_what_is_unsupported_is_also_not_among_the_capabilities(adapter):
    outcome, _ = drive(adapter.restart(HERE, NOW), REFUSED)
    assert (outcome.answer == "unsupported") == (not adapter.capabilities.restart)
