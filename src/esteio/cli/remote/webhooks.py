"""The verbs `webhooks` (list, add, remove, test, rotate, deliveries), `dead-letters` and `events`.

Never lives here: when a delivery is tried again.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal

import typer

from esteio.cli import output, texts
from esteio.cli.errors import FAILED
from esteio.cli.remote.client import Document, connect, path
from esteio.cli.remote.look import Json

app = typer.Typer(invoke_without_command=True)
dead_letters = typer.Typer(invoke_without_command=True)
Id = Annotated[str, typer.Argument(metavar="ID", help="As `esteio webhooks` shows it.", show_default=False)]
HEADS = ("id", "state", "waiting", "format", "url", "sessions")


@app.callback()
def listed(ctx: typer.Context, as_json: Json = False) -> None:
    """List the subscriptions: state, how many events wait, where they go.

    In a pipe: tab-separated id, state, chats that wait, format, url, sessions, what is wrong.
    """
    if ctx.invoked_subcommand is not None:
        return
    found = list(connect().items(path("webhooks")))
    if as_json:
        output.data({"items": found, "next": None})
        return
    rows = [_row(one) for one in found]
    if not output.to_person():
        rows = [[*row, ("", one["because"] or "")] for row, one in zip(rows, found, strict=True)]
    output.table([texts.say(f"head.{name}") for name in HEADS], rows)
    if output.to_person():
        for one in found:
            if one["because"]:
                output.line(("warn", output.clean(f"{one['id']}: {one['because']}")))


def _row(webhook: Document) -> list[output.Span]:
    state = webhook["state"]
    return [
        ("head", webhook["id"]),
        ("good" if state == "ok" else "bad" if state == "failing" else "dim", state),
        ("", str(webhook["waiting"]["chats"])),
        ("", webhook["format"]),
        ("", webhook["url"]),
        ("dim", ",".join(webhook["sessions"]) or "*"),
    ]


@app.command("add")
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where the events go.", show_default=False)],
    *,
    event: Annotated[list[str] | None, typer.Option(metavar="TYPE", help="Only these; may be repeated.")] = None,
    session: Annotated[list[str] | None, typer.Option(metavar="GLOB", help="Only these; may be repeated.")] = None,
    form: Annotated[
        Literal["standard", "evolution", "cloudevents"] | None, typer.Option("--format", help="Default: standard.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Subscribe an address. Its signing secret is shown once. In a pipe: id and secret."""
    body: dict[str, object] = {"url": url}
    body |= {"events": event} if event else {}
    body |= {"sessions": session} if session else {}
    body |= {"format": form} if form else {}
    told = connect().post(path("webhooks"), body)
    _tell_secret(told, as_json=as_json)


def _tell_secret(told: Document, *, as_json: bool) -> None:
    if as_json:
        output.data(told)
    elif output.to_person():
        output.line(("", texts.say("webhook-secret", id=output.clean(told["id"]))))
        print(told["secret"])
    else:
        output.table((), [[("", told["id"]), ("", told["secret"])]])


@app.command("remove")
def remove(webhook: Id, as_json: Json = False) -> None:
    """Delete a subscription, with its queue."""
    connect().delete(path("webhooks", webhook))
    if as_json:
        output.data({"removed": webhook})
    elif output.to_person():
        output.line(("good", texts.say("webhook-removed", id=output.clean(webhook))))


@app.command("test")
def try_out(webhook: Id, as_json: Json = False) -> None:
    """Call the address once with an event `webhook.test`. Exit code 1 when it did not accept it."""
    with output.progress("webhook-test.begun", id=webhook):
        told = connect().post(path("webhooks", webhook, "test"), wait_s=30)
    if as_json:
        output.data(told)
    else:
        style: output.Style = "good" if told["outcome"] == "delivered" else "bad"
        output.line(
            (style, texts.say(f"webhook-test.{style}", status=told["status"] or "-", detail=told["detail"] or ""))
        )
    if told["outcome"] != "delivered":
        raise typer.Exit(FAILED)


@app.command("rotate")
def rotate(
    webhook: Id,
    overlap: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long the old secret keeps signing as well.")
    ] = 86_400,
    as_json: Json = False,
) -> None:
    """Create a new signing secret. It is shown once."""
    told = connect().post(path("webhooks", webhook, "rotate"), {"overlap_s": overlap})
    _tell_secret({"id": webhook, **told}, as_json=as_json)


@app.command("deliveries")
def deliveries(
    webhook: Id, limit: Annotated[int, typer.Option(min=1, max=500, help="How many.")] = 20, as_json: Json = False
) -> None:
    """The last deliveries, newest first. In a pipe: tab-separated time, type, attempt, outcome, status, detail."""
    found = connect().get(path("webhooks", webhook, "deliveries"), limit=limit)["items"]
    if as_json:
        output.data({"items": found, "next": None})
        return
    heads = [texts.say(f"head.{name}") for name in ("at", "type", "attempt", "result", "status", "reason")]
    output.table(heads, [_delivery(one) for one in found])


def _delivery(one: Document) -> list[output.Span]:
    style: output.Style = "good" if one["outcome"] == "delivered" else "bad"
    return [
        ("", output.moment(one["at"]) if output.to_person() else one["at"]),
        ("", one["type"]),
        ("", str(one["attempt"])),
        (style, one["outcome"]),
        ("", str(one["status"] or "-")),
        ("dim", one["detail"] or ""),
    ]


@dead_letters.callback()
def dead(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many.")] = 50,
    session: Annotated[str | None, typer.Option(metavar="NAME", help="Only this session's.")] = None,
    as_json: Json = False,
) -> None:
    """List what failed, expired or could not be delivered, newest last. `replay` sends it again.

    In a pipe: tab-separated kind, id, session, time, why.
    """
    if ctx.invoked_subcommand is not None:
        return
    found = connect().get(path("dead-letters"), limit=limit, session=session)["items"]
    if as_json:
        output.data({"items": found, "next": None})
        return
    heads = [texts.say(f"head.{name}") for name in ("kind", "id", "session", "at", "reason")]
    output.table(heads, [_dead(one) for one in found])


def _dead(one: Document) -> list[output.Span]:
    message, event = one.get("message"), one.get("event")
    what = message or event or {}
    why = str((message.get("reason") or {}).get("text") or message["state"]) if message else str(what.get("detail", ""))
    return [
        ("", one["kind"]),
        ("head", str(what.get("id", "-"))),
        ("", one["session"] or "-"),
        ("", output.moment(one["died_at"]) if output.to_person() else one["died_at"]),
        ("dim", why),
    ]


@dead_letters.command("replay")
def replay(
    session: Annotated[str | None, typer.Option(metavar="NAME", help="Only this session's.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    as_json: Json = False,
) -> None:
    """Send again what failed, expired or could not be delivered."""
    body: dict[str, object] = {"dry_run": dry_run}
    body |= {"session": session} if session else {}
    told = connect().post(path("dead-letters", "replay"), body)
    if as_json or not output.to_person():
        output.data(told)
        return
    for name, value in told.items():
        output.line(("", output.clean(f"{name}: {value}")))


def events(
    after: Annotated[int | None, typer.Option(metavar="SEQ", help="Start after this sequence number.")] = None,
    as_json: Json = False,
) -> None:
    """Follow the stream of events until Ctrl-C: one JSON document a line in a pipe, short lines on a terminal."""
    for place, kind, document in connect().events(after):
        if as_json or not output.to_person():
            print(json.dumps({"seq": place, **document}, ensure_ascii=False), flush=True)
            continue
        data = document.get("data", {})
        name = document.get("session") or data.get("session") or data.get("name") or ""
        output.line(
            ("dim", f"{output.moment(document.get('timestamp'))}  "),
            ("head", output.clean(name)),
            ("", output.clean(f"  {kind}  {data.get('state') or ''}")),
        )
