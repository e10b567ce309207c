"""Replays one recorded exchange through the flow that would have made it, and says in one line what was read in it.

The recordings are requests of another client, so a step before or after the recorded one is filled in: connect is
asked after a state read, a socket probe after `open`, a row of the list after `close`. What is filled in says nothing
of its own that could hide the recorded answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote

from esteio.core.model.content import Content, Media
from esteio.core.model.evidence import Evidence
from esteio.core.model.inbound import (
    DeletedMessage,
    EditedMessage,
    InboundEvent,
    Receipt,
    ReceivedMessage,
    ReceivedReaction,
    SendEcho,
)
from esteio.providers.base import ActOutcome, HttpResponse, OutgoingMessage, SessionEndpoint
from esteio.providers.evolution import Evolution
from esteio.providers.evolution.client import call, news, say
from esteio.testing.stepping import NOW, drive, kinds, reply, where

RECORDINGS = Path(__file__).resolve().parent.parent / "recordings" / "evolution-2.3.7"
EVOLUTION = Evolution()
TEXT = Content("text", text="oi")
MEDIA = Content("image", media=Media("image", url="http://media.test/x.png"))
UNLISTED = reply({"status": 404, "error": "Not Found", "response": {"message": ['Instance "?" not found']}}, 404)


def load(stem: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((RECORDINGS / f"{stem}.json").read_text(encoding="utf-8"))
    return loaded


def answer_of(recording: dict[str, Any]) -> HttpResponse:
    response = recording["response"]
    return reply(response["body"], response["status"], {k.lower(): v for k, v in response["headers"].items()})


def name_in(path: str) -> str:
    return unquote(path.partition("?")[0].rpartition("/")[2])


def read(stem: str, before: str) -> str:
    """One line: the outcome's words, then `|`, then the evidence in order (`kind` or `kind@road`)."""
    recording = load(stem)
    path, answer = recording["request"]["path"], answer_of(recording)
    place = where(ref={"instance_name": name_in(path)}, credentials={"apikey": "LAB-GLOBAL-KEY"})
    route = "/".join(path.partition("?")[0].split("/")[1:3])
    if route.startswith("message/"):
        return sent(place, answer, recording["request"]["body"], media="sendMedia" in route)
    return READERS.get(route, heard)(place, answer, before, recording)


class Told(Protocol):
    @property
    def evidence(self) -> tuple[Evidence, ...]: ...


def told(outcome: Told, first: str, *more: str | None) -> str:
    words = " ".join(str(word) for word in (first, *more) if word)
    return f"{words} | {' '.join(kinds(outcome.evidence))}"


def sent(place: SessionEndpoint, answer: HttpResponse, asked: dict[str, Any], media: bool) -> str:
    group = asked.get("number", "") if str(asked.get("number", "")).endswith("@g.us") else ""
    message = OutgoingMessage(group or "5511999990001", MEDIA if media else TEXT)
    outcome, _ = drive(EVOLUTION.send(place, NOW, message, 75), answer)
    fault = "" if outcome.fault == "none" else outcome.fault
    return told(outcome, outcome.certainty, fault, outcome.provider_id)


def acted(outcome: ActOutcome) -> str:
    qr = ("pairing" if outcome.qr.pairing_code else f"qr{outcome.qr.count}") if outcome.qr else None
    return told(outcome, outcome.answer, qr, "token" if "token" in outcome.ref else "")


def create(place: SessionEndpoint, answer: HttpResponse, _before: str, _recording: dict[str, Any]) -> str:
    return acted(drive(EVOLUTION.create(place, NOW), answer)[0])


def connect(place: SessionEndpoint, answer: HttpResponse, before: str, _recording: dict[str, Any]) -> str:
    state = reply({"instance": {"instanceName": "x", "state": before}})
    return acted(drive(EVOLUTION.connect(place, NOW, pair_phone="5511955550002"), state, answer)[0])


def state(place: SessionEndpoint, answer: HttpResponse, _before: str, _recording: dict[str, Any]) -> str:
    outcome, _ = drive(EVOLUTION.probe(place, NOW, "state"), answer, UNLISTED)
    return told(outcome, "state")


def presence(place: SessionEndpoint, answer: HttpResponse, before: str, _recording: dict[str, Any]) -> str:
    first = reply({"instance": {"instanceName": "x", "state": before or "open"}})
    outcome, _ = drive(EVOLUTION.probe(place, NOW, "socket"), first, answer, UNLISTED)
    beat, _ = drive(EVOLUTION.probe(place, NOW, "pulse"), answer, first, answer, UNLISTED)
    both = [{one.kind for one in seen.evidence if one.source == "probe"} for seen in (beat, outcome)]
    assert both[0] - {"server_answered"} == both[1], "what is seen of the socket alone is what is seen of it beside all"
    return told(outcome, "socket")


def listed(_place: SessionEndpoint, answer: HttpResponse, before: str, recording: dict[str, Any]) -> str:
    """By name: the row that a probe reads after `close`. Otherwise the inventory."""
    path = recording["request"]["path"]
    if "instanceName=" not in path:
        place = where(ref={"instance_name": "x"}, version="2.3.7")
        found, _ = drive(EVOLUTION.inventory(place, NOW), answer)
        rows = "none" if found.entries is None else ",".join(f"{one.key}:{one.state}" for one in found.entries)
        return told(found, "inventory", rows)
    place = where(ref={"instance_name": path.partition("instanceName=")[2]})
    first = reply({"instance": {"instanceName": "x", "state": "close"}})
    outcome, _ = drive(EVOLUTION.probe(place, NOW * 2, "state"), first, answer)
    row = [f"{one.kind}{':' + one.data['code'] if 'code' in one.data else ''}" for one in outcome.evidence[2:]]
    return f"row | {' '.join(row)}"


def root(_place: SessionEndpoint, answer: HttpResponse, _before: str, _recording: dict[str, Any]) -> str:
    outcome, _ = drive(EVOLUTION.inventory(where(), NOW), reply([]), answer)
    return told(outcome, "inventory", outcome.version)


def restart(place: SessionEndpoint, answer: HttpResponse, _before: str, recording: dict[str, Any]) -> str:
    if recording["request"]["method"] == "PUT":
        return heard(place, answer, _before, recording)
    return acted(drive(EVOLUTION.restart(place, NOW), answer)[0])


def logout(place: SessionEndpoint, answer: HttpResponse, _before: str, _recording: dict[str, Any]) -> str:
    return acted(drive(EVOLUTION.logout(place, NOW), answer)[0])


def delete(place: SessionEndpoint, answer: HttpResponse, _before: str, _recording: dict[str, Any]) -> str:
    return acted(drive(EVOLUTION.delete(place, NOW), answer)[0])


OURS = "http://127.0.0.1:28090/ok"


def webhook_set(place: SessionEndpoint, answer: HttpResponse, _before: str, _recording: dict[str, Any]) -> str:
    """As if we had asked with the address of most recordings."""
    place = where(ref=place.ref, webhook_url=OURS)
    outcome, _ = drive(EVOLUTION.set_webhook(place, NOW), answer)
    return told(outcome, outcome.answer, outcome.detail[:24] if outcome.answer == "ok" else "")


def webhook_find(place: SessionEndpoint, answer: HttpResponse, _before: str, _recording: dict[str, Any]) -> str:
    place = where(ref=place.ref, webhook_url=OURS)
    outcome, _ = drive(EVOLUTION.check_webhook(place, NOW), answer)
    return told(outcome, "webhook", outcome.detail[:24] if outcome.evidence[-1].kind == "webhook_config_gone" else "")


def heard(place: SessionEndpoint, answer: HttpResponse, _before: str, recording: dict[str, Any]) -> str:
    """A call that we do not make: how its answer would be heard."""
    word, _ = drive(say(place, call(place, recording["request"]["method"], "/x")), answer)
    return f"heard {word.kind} | {' '.join(kinds(news(word, NOW, 'probe')))}"


READERS: dict[str, Callable[[SessionEndpoint, HttpResponse, str, dict[str, Any]], str]] = {
    "": root,
    "instance/create": create,
    "instance/connect": connect,
    "instance/connectionState": state,
    "instance/fetchInstances": listed,
    "instance/setPresence": presence,
    "instance/restart": restart,
    "instance/logout": logout,
    "instance/delete": delete,
    "webhook/set": webhook_set,
    "webhook/find": webhook_find,
}


# -- webhooks ----------------------------------------------------------------------------------------------------

WEBHOOKS = RECORDINGS / "webhooks"


def read_hook(stem: str) -> str:
    """One line: evidence (`kind`, `:code` or `:phone`, `-N` seconds before it came), then the events, then a QR."""
    recording = json.loads((WEBHOOKS / f"{stem}.json").read_text(encoding="utf-8"))
    place = where(ref={"instance_name": stem.split("_")[1]})
    body = json.dumps(recording["body"]).encode()
    reading = EVOLUTION.read_webhook(place, body, recording["path"], recording["t"])
    assert reading.readable
    evidence = [proof(one) for one in reading.evidence]
    events = [told_event(one) for one in reading.events]
    return " | ".join(filter(None, [" ".join(evidence), " ".join(events), "qr" if reading.qr else "", reading.note]))


def proof(one: Evidence) -> str:
    late = round(one.seen_at - one.happened_at)
    detail = one.data.get("code") or one.data.get("phone") or ""
    return one.kind + (f":{detail}" if detail else "") + (f"-{late}" if late >= 2 else "")


def told_event(event: InboundEvent) -> str:
    words: list[str | None]
    match event:
        case ReceivedMessage() | SendEcho():
            words = [event.chat, event.content.kind, event.content.text]
        case Receipt():
            words = [event.state, "proves" if event.proves else "says"]
        case EditedMessage():
            words = [event.text]
        case DeletedMessage():
            words = []
        case ReceivedReaction():
            words = [event.target_provider_id, event.emoji]
    return f"{event.__struct_config__.tag}({', '.join(str(word) for word in (event.provider_id, *words))})"
