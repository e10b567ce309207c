"""`why NAME`: why is this number as it is, and what happens next? For somebody who was woken at night.

The order is the answer's own: what it is, why, what a person must do, what happens by itself, what the judgement rests
on, and the last lines of its timeline. Never lives here: a judgement; every sentence about the session is the
gateway's, or the core's sentence for a code that the gateway gave.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import groupby
from typing import Annotated, NamedTuple

import typer

from esteio.cli import output, texts
from esteio.cli.errors import Failed
from esteio.cli.output import MARKS, SHAPES, UNKNOWN, Span
from esteio.cli.remote.client import Client, Document, connect, path
from esteio.cli.remote.look import PAGE, Json, Name
from esteio.cli.texts import say

WORKS = frozenset({"connected"})


class Case(NamedTuple):
    """All that is known of one session at one moment; `now` is the gateway's clock."""

    session: Document
    server: Document | None
    approval: Document | None
    timeline: list[Document]
    now: float


def why(
    name: Name,
    lines: Annotated[int, typer.Option(min=0, max=500, help="How many lines of the timeline.")] = 12,
    as_json: Json = False,
) -> None:
    """Explain why a session is as it is and what happens next, with the evidence."""
    case = gather(connect(), name, lines)
    if as_json:
        output.data(
            {
                "session": case.session,
                "server": case.server,
                "approval": case.approval,
                "timeline": case.timeline,
            }
        )
        return
    for one in tell(case):
        if one.label is None:
            output.line(*one.spans, indent=one.indent)
        else:
            output.beside(one.label, *one.spans, indent=one.indent)


def gather(client: Client, name: str, lines: int) -> Case:
    """The session with what stands around it. What this key may not see is left out."""
    session = client.get(path("sessions", name))
    now = client.at or output.seconds(session["since"])
    entries = client.items(path("sessions", name, "timeline"), limit=PAGE) if lines else iter(())
    return Case(
        session=session,
        server=_if_allowed(client, path("servers", session["server"])),
        approval=_approval(client, name),
        timeline=list(deque(entries, maxlen=lines or None)),
        now=now,
    )


def _if_allowed(client: Client, where: str) -> Document | None:
    try:
        found: Document = client.get(where)
    except Failed as error:
        if getattr(error, "status", None) in (403, 404):
            return None
        raise
    return found


def _approval(client: Client, name: str) -> Document | None:
    page = _if_allowed(client, path("approvals"))
    return next((one for one in (page or {"items": []})["items"] if one["session"] == name), None)


class Line(NamedTuple):
    """One paragraph: its indent, its spans, and what stands before them in a column of its own."""

    indent: int
    spans: tuple[Span, ...]
    label: Span | None = None


def tell(case: Case) -> Iterator[Line]:
    """The answer, line by line: its indent and its spans."""
    yield from _what(case)
    yield from _cause(case)
    yield from _person(case)
    yield from _next(case)
    yield from _proof(case)
    yield from _history(case)


def _head(key: str) -> Iterator[Line]:
    yield Line(0, (("", ""),))
    yield Line(0, (("head", say(key)),))


def _text(text: str, style: output.Style = "") -> Line:
    return Line(2, ((style, output.clean(text)),))


def _ago(stamp: str, now: float) -> str:
    return texts.duration(now - output.seconds(stamp))


def _what(case: Case) -> Iterator[Line]:
    session = case.session
    state = session["state"]
    since = say("why.since", at=output.moment(session["since"], case.now), ago=_ago(session["since"], case.now))
    style = output.STATE_STYLES.get(state, "")
    shown = f"{SHAPES.get(state, UNKNOWN)} {texts.named('state', state)}"
    yield Line(0, (("head", output.clean(session["name"])), ("", "  "), (style, shown), ("", f"  {since}")))
    phone = session["phone"] or say("why.no-phone")
    yield _text(say("why.where", phone=phone, server=session["server"], policy=session["policy"]), "dim")


def _cause(case: Case) -> Iterator[Line]:
    yield from _head("why.cause")
    reason = case.session["reason"]
    told = output.clean(reason["text"])
    style = output.STATE_STYLES.get(case.session["state"], "")
    yield Line(2, (("" if style == "good" else style, told), ("dim", f" ({reason['code']})")))
    outage = case.session["outage"]
    if outage:
        key = "why.outage-again" if outage["reopened"] else "why.outage"
        since = output.moment(outage["since"], case.now)
        ago = _ago(outage["since"], case.now)
        because = texts.code(outage["because"])
        yield _text(say(key, since=since, ago=ago, because=because, times=outage["reopened"]), "bad")
    yield from _weather(case)


def _weather(case: Case) -> Iterator[Line]:
    """The server's health, when it is not simply well."""
    if case.server is None or case.server["health"]["state"] == "up":
        return
    health = case.server["health"]
    because = texts.code(health["because"])
    told = say("why.server", server=case.server["name"], state=texts.named("state", health["state"]), because=because)
    yield _text(told, output.STATE_STYLES.get(health["state"], ""))


def _person(case: Case) -> Iterator[Line]:
    yield from _head("why.person")
    session, approval = case.session, case.approval
    action = session["reason"]["action"]
    if approval:
        yield _text(say("why.approval", rung=texts.named("rung", approval["rung"])), "warn")
        yield _text(say("why.cost", cost=approval["cost"]))
        yield _text(f"esteio approve {approval['id']}", "head")
    if action:
        yield _text(action, "warn")
    if session["state"] == "awaiting_qr":
        yield _text(f"esteio qr {session['name']}", "head")
    if session["state"] == "paused":
        yield _text(say("why.resume", name=session["name"]))
    elif not (approval or action):
        yield _text(say("why.nothing"), "good")


def _next(case: Case) -> Iterator[Line]:
    yield from _head("why.next")
    yield _text(_plan(case))
    held = case.session["held"]
    if held:
        yield _text(texts.count("why.held", held), "warn")


def _plan(case: Case) -> str:
    session, recovery = case.session, case.session["recovery"]
    if session["state"] == "paused":
        return say("why.plan-paused")
    if recovery is None:
        return say("why.plan-works" if session["state"] in WORKS else "why.plan-watch")
    when = _when(recovery["next_at"], case.now)
    rung = recovery["rung"] or "wait"
    if rung in ("wait", "person"):
        return say(f"why.plan-{rung}", when=when)
    return say("why.plan-rung", rung=texts.named("rung", recovery["rung"]), attempt=recovery["attempt"], when=when)


def _when(stamp: str | None, now: float) -> str:
    """`at 21:08:00 (in 3 min)`; now, when that moment has come; as news comes, when none is set."""
    if not stamp:
        return say("why.when-news")
    left = output.seconds(stamp) - now
    if left <= 1:
        return say("why.when-now")
    return say("why.when-at", at=output.moment(stamp, now), ahead=texts.duration(left))


def _proof(case: Case) -> Iterator[Line]:
    yield from _head("why.proof")
    for axis, key in (("can_send", "why.sends"), ("can_receive", "why.receives")):
        answer = case.session[axis]
        value = answer["value"]
        style = output.STATE_STYLES.get(value, "")
        spans: list[Span] = [(style, f"{MARKS.get(value, UNKNOWN)} {say(f'answer.{value}')}")]
        if answer["evidence"]:
            at = f" ({_at_and_ago(answer['at'], case.now)})" if answer["at"] else ""
            spans.append(("", f" — {output.clean(_told(answer['evidence'], case.session['reason']))}{at}"))
        yield Line(2, tuple(spans), ("", f"{say(key)}: "))
    restart = case.session["last_restart_at"]
    if restart:
        yield _text(say("why.restart", at=output.moment(restart, case.now), ago=_ago(restart, case.now)), "dim")


def _told(evidence: str, reason: Document) -> str:
    """The proof in words; where it is the state's own reason, in that one's, which name the server and the number."""
    return str(reason["text"]) if evidence == reason["code"] else texts.code(evidence)


def _history(case: Case) -> Iterator[Line]:
    if not case.timeline:
        return
    yield from _head("why.history")
    for entries in folded(case.timeline):
        kind, told = entries[-1]["kind"], output.clean(entries[-1]["text"])
        style: output.Style = "" if kind in ("decision", "operator", "notice") else "dim"
        if len(entries) > 1:
            told += " " + say("why.times", n=len(entries))
        yield Line(2, ((style, told),), ("dim", f"{_span(entries[0], entries[-1], case.now)}  "))


def folded(timeline: list[Document]) -> list[list[Document]]:
    """Entries that say the same one after the other, together."""
    return [list(same) for _, same in groupby(timeline, key=lambda entry: (entry["kind"], entry["text"]))]


def _at_and_ago(stamp: str, now: float) -> str:
    return say("why.at-ago", at=output.moment(stamp, now), ago=_ago(stamp, now))


def _span(first: Document, last: Document, now: float) -> str:
    """When: of news that was folded together, its first and its last time."""
    begun, ended = output.moment(first.get("first_at") or first["at"], now), output.moment(last["at"], now)
    return begun if begun == ended else f"{begun} … {ended}"
