"""Control acts of Evolution: create, connect, restart, logout, delete, set_webhook.

The answers are answers, not effects: restart tells the state from before, logout may answer 500 after it happened,
delete answers before it deletes. A QR is passed on only where the answer itself proves it fresh: from a create (the
instance was never paired), or beside a pairing code that this very connect asked for on a closed instance. What connect
returns otherwise may be a code that was already used (recordings 113, 117, 244); `probes.read_qr` knows how to tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from esteio.core.model.evidence import Evidence, Source, seen
from esteio.providers.base import ActOutcome, Flow, QrCode, SessionEndpoint, StandingWebhook
from esteio.providers.classify import act_answer
from esteio.providers.evolution.client import STATE_S, Word, call, claim, instance, news, qr_of, say
from esteio.providers.parsing import Json, at, items, text
from esteio.providers.quirks import has

EVENTS: tuple[str, ...] = (
    "APPLICATION_STARTUP",
    "QRCODE_UPDATED",
    "CONNECTION_UPDATE",
    "STATUS_INSTANCE",
    "MESSAGES_UPSERT",
    "MESSAGES_UPDATE",
    "MESSAGES_DELETE",
    "SEND_MESSAGE",
)
"""What we subscribe to, on every version. Edits come inside MESSAGES_UPDATE, so nothing is lost without the three."""
FORBIDDEN_EVENTS: frozenset[str] = frozenset({"MESSAGES_EDITED", "LOGOUT_INSTANCE", "REMOVE_INSTANCE"})
"""A slow receiver of these blocks the event queue, deletes new credentials, or postpones a delete (2.3.7)."""

SETTINGS = (
    "rejectCall",
    "msgCall",
    "groupsIgnore",
    "alwaysOnline",
    "readMessages",
    "readStatus",
    "syncFullHistory",
    "wavoipToken",
)
"""What a create takes of `SessionEndpoint.settings`."""


def webhook_body(where: SessionEndpoint) -> Mapping[str, Json]:
    """The nested form; flat v1 fields are silently ignored on create (recording 200)."""
    return {
        "enabled": True,
        "url": where.webhook_url,
        "headers": {},
        "byEvents": False,
        "base64": True,
        "events": [*EVENTS, *where.more_events],
    }


def create(where: SessionEndpoint, now: float, pair_phone: str | None) -> Flow[ActOutcome]:
    """`exists` for a taken name. The answer's token goes into `ref`, to be blanked wherever it comes back."""
    body: dict[str, Json] = {
        "instanceName": instance(where),
        "integration": "WHATSAPP-BAILEYS",
        "qrcode": True,
        "webhook": webhook_body(where),
    }
    body |= {name: where.settings[name] for name in SETTINGS if name in where.settings}
    if pair_phone:
        body["number"] = pair_phone
    word = yield from say(where, call(where, "POST", "/instance/create", body))
    if word.kind == "no" and word.heard.status == 403 and "already in use" in word.heard.words:
        return ActOutcome("exists", word.detail, news(word, now, "act"))
    if word.kind != "ok":
        return _acted(word, now)
    return _created(where, word, now)


def _created(where: SessionEndpoint, word: Word, now: float) -> ActOutcome:
    ref = {"instance_name": text(at(word.body, "instance", "instanceName")) or instance(where)}
    if token := text(at(word.body, "hash")) or text(at(word.body, "hash", "apikey")):
        ref["token"] = token
    qr = qr_of(at(word.body, "qrcode"))
    shown: tuple[Evidence, ...] = ()
    if at(word.body, "qrcode") is not None:
        shown = (seen("qr_shown" if qr else "no_qr_yet", now, "act"),)
    return ActOutcome("ok", "", (*news(word, now, "act"), *shown), qr, ref)


def connect(where: SessionEndpoint, now: float, pair_phone: str | None) -> Flow[ActOutcome]:
    """First a look, for connect acts only on a closed instance: `noop` on an open or connecting one. When even the
    look gets no answer, connect is not asked for (`not_reached`)."""
    look, state = yield from _state(where)
    if look.kind == "missing":
        return ActOutcome("missing", look.detail, news(look, now, "state"))
    if look.kind in ("unreachable", "crowded", "late", "cut", "unread", "gateway"):  # guard: crowded-look-stops-act
        return ActOutcome("not_reached", look.detail, news(look, now, "state"))
    claims = (claim(state, now, "state"),) if look.kind == "ok" else ()
    query = f"?number={pair_phone}" if pair_phone else ""
    word = yield from say(where, call(where, "GET", f"/instance/connect/{{}}{query}"))
    return _connected(word, now, claims, state)


def _connected(word: Word, now: float, before: tuple[Evidence, ...], state: Json) -> ActOutcome:
    if word.kind != "ok":
        return _acted(word, now, before=before)
    evidence = (*before, *news(word, now, "act"))
    if text(at(word.body, "instance", "state")):
        return ActOutcome("noop", "already open", (*evidence, claim(at(word.body, "instance", "state"), now, "act")))
    code = qr_of(word.body)
    if code is None:
        evidence = (*evidence, seen("no_qr_yet", now, "act"))
    # guard: qr-not-of-connect-answer
    fresh: QrCode | None = code if code and code.pairing_code and state == "close" else None
    if fresh is not None:
        evidence = (*evidence, seen("qr_shown", now, "act"))
    return ActOutcome("noop" if state in ("open", "connecting") else "ok", "", evidence, fresh)


def restart(where: SessionEndpoint, now: float) -> Flow[ActOutcome]:
    """By POST; only the router's own 404 makes us try the old verb. `noop` on a closed instance."""
    word = yield from say(where, call(where, "POST", "/instance/restart/{}"))
    if word.kind == "router" and not has("restart-by-put-is-404", "evolution", where.version):
        word = yield from say(where, call(where, "PUT", "/instance/restart/{}"))
    closed = word.heard.status == 200 and word.kind == "no"
    if closed and ("[object object]" in word.heard.words or "not connected" in word.heard.words):
        return ActOutcome("noop", "the instance is closed", (*news(word, now, "act"), seen("said_closed", now, "act")))
    return _acted(word, now)


def logout(where: SessionEndpoint, now: float) -> Flow[ActOutcome]:
    """Unlinks the phone. `noop` on a closed instance. After the database race a look tells whether it happened;
    `unanswered` when that does not tell either."""
    word = yield from say(where, call(where, "DELETE", "/instance/logout/{}"))
    if word.kind == "no" and word.heard.status == 400 and "is not connected" in word.heard.words:
        return ActOutcome("noop", word.detail, (*news(word, now, "act"), seen("said_closed", now, "act")))
    if word.kind != "race":
        return _acted(word, now)
    look, state = yield from _state(where)
    if look.kind == "missing":
        return _acted(look, now)
    if state == "close":
        return ActOutcome("ok", "", (*news(word, now, "act"), claim(state, now, "state")))
    return ActOutcome("unanswered", word.detail, news(word, now, "act"))


def delete(where: SessionEndpoint, now: float) -> Flow[ActOutcome]:
    """`ok` comes before the deletion; a name stays taken until it is done (recordings 215 to 219).

    It logs out first, and that may race as `logout` does: then the logout has happened, nothing is deleted, and asking
    once more deletes. A socket that is still said to be open is a dead one, where asking again changes nothing.
    """
    word = yield from _delete(where)
    if word.kind != "closed":
        return _acted(word, now)
    look, state = yield from _state(where)
    if look.kind == "missing":
        return _acted(look, now)
    if state in ("close", "connecting"):
        word = yield from _delete(where)
    return _acted(word, now)


def _delete(where: SessionEndpoint) -> Flow[Word]:
    return (yield from say(where, call(where, "DELETE", "/instance/delete/{}"), deleting=True))


def _state(where: SessionEndpoint) -> Flow[tuple[Word, Json]]:
    """What it says of itself now; no state when that is not answered."""
    look = yield from say(where, call(where, "GET", "/instance/connectionState/{}", timeout_s=STATE_S))
    return look, at(look.body, "instance", "state") if look.kind == "ok" else None


def set_webhook(where: SessionEndpoint, now: float) -> Flow[ActOutcome]:
    """Our address, our events, nothing else."""
    word = yield from say(where, call(where, "POST", "/webhook/set/{}", {"webhook": webhook_body(where)}))
    outcome = _acted(word, now)
    if outcome.answer != "ok":
        return outcome
    found = webhook_evidence(where, word.body, now, "act")
    return ActOutcome("ok", found.data.get("detail", ""), (*outcome.evidence, found))


def standing_webhook(where: SessionEndpoint) -> Flow[StandingWebhook]:
    """The row of this instance, `null` where none was ever set; a disabled one is kept like any other."""
    word = yield from say(where, call(where, "GET", "/webhook/find/{}", timeout_s=STATE_S))
    if word.kind in ("missing", "unlisted"):
        return StandingWebhook("missing", detail=word.detail)
    if word.kind != "ok":
        return StandingWebhook("unanswered", detail=word.detail)
    return _standing(where, word.body)


def _standing(where: SessionEndpoint, row: Json) -> StandingWebhook:
    url = text(at(row, "url")) or ""
    if not url:
        return StandingWebhook("none")
    headers = at(row, "headers")
    words = {name: str(word) for name, word in headers.items()} if isinstance(headers, dict) else {}
    events = tuple(event for event in items(at(row, "events")) if isinstance(event, str))
    kept = {
        "enabled": at(row, "enabled") is not False,
        "url": url,
        "headers": headers if isinstance(headers, dict) else {},
        "byEvents": at(row, "webhookByEvents") is True,
        "base64": at(row, "webhookBase64") is True,
        "events": list(events),
    }
    found: Literal["ours", "foreign"] = "ours" if _is_ours(where, url) else "foreign"
    by_events = kept["byEvents"] is True
    return StandingWebhook(found, url, events, headers=words, by_events=by_events, row=kept)


def _is_ours(where: SessionEndpoint, url: str) -> bool:
    """Also where it was set by an earlier `public_url`: the token in its path is this session's alone."""
    token = where.webhook_url.rpartition("/in/")[2]
    return url == where.webhook_url or (bool(token) and f"/in/{token}" in url)


def put_back_webhook(where: SessionEndpoint, now: float, kept: StandingWebhook) -> Flow[ActOutcome]:
    """Only over ours. Where nothing stood, ours is switched off: an empty address is refused (recording 084)."""
    stands = yield from standing_webhook(where)
    if stands.found == "missing":
        return ActOutcome("missing", stands.detail)
    if stands.found in ("foreign", "none"):
        return ActOutcome("noop", "the webhook there is not ours")
    body = dict(kept.row) if kept.found == "foreign" else {**webhook_body(where), "enabled": False}
    word = yield from say(where, call(where, "POST", "/webhook/set/{}", {"webhook": body}))
    return _acted(word, now)


def webhook_evidence(where: SessionEndpoint, row: Json, now: float, source: Source) -> Evidence:
    """Whether a webhook row is ours: address, switched on, all we need, and nothing that corrupts 2.3.7."""
    wrong = _webhook_fault(where, row)
    return seen("webhook_config_gone", now, source, detail=wrong) if wrong else seen("webhook_config_ok", now, source)


def _webhook_fault(where: SessionEndpoint, row: Json) -> str:
    if row is None:
        return "none"
    if at(row, "enabled") is False:
        return "disabled"
    if at(row, "url") != where.webhook_url:
        return "address"
    events = {event for event in items(at(row, "events")) if isinstance(event, str)}
    if missing := sorted({*EVENTS, *where.more_events} - events):
        return f"without {', '.join(missing)}"
    if harmful := sorted(events & FORBIDDEN_EVENTS):
        return f"with {', '.join(harmful)}"
    return ""


def _acted(word: Word, now: float, *, before: tuple[Evidence, ...] = ()) -> ActOutcome:
    """Yes or no in the act's words; "Connection Closed" is a no that also says something of the socket."""
    evidence = (*before, *news(word, now, "act"))
    if word.kind == "closed":
        return ActOutcome("no", word.detail, (*evidence, seen("socket_closed", now, "act")))
    if word.kind == "missing":
        return ActOutcome("missing", word.detail, evidence)
    detail = "" if word.kind == "ok" else word.detail
    return ActOutcome(act_answer(word.heard), detail, evidence)
