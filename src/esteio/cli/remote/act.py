"""Verbs that ask the gateway to do something: `send`, `approve`, `reject`, `pause`, `resume`, `recover`.

Never lives here: whether it may be done.
"""

from __future__ import annotations

import secrets
import sys
from typing import Annotated

import typer

from esteio.cli import output, texts
from esteio.cli.errors import FAILED, Failed
from esteio.cli.remote.client import connect, path
from esteio.cli.remote.look import Json, Name

LOST = frozenset({"failed", "expired", "cancelled"})


def send(
    name: Name,
    to: Annotated[str, typer.Argument(metavar="TO", help="A phone number or a chat's id.", show_default=False)],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The text; - reads it from stdin.", show_default=False)],
    *,
    wait: Annotated[int, typer.Option(min=0, max=60, help="Seconds to wait for the outcome.")] = 5,
    idempotency_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Sending again with the same key and text sends nothing twice.")
    ] = None,
    client_ref: Annotated[str | None, typer.Option(metavar="REF", help="Your own reference for the message.")] = None,
    as_json: Json = False,
) -> None:
    """Send a text. It is on the gateway's disk before this command ends.

    Exit code 1 when it failed or expired. In a pipe: tab-separated id and state.
    """
    body = {"to": to, "text": sys.stdin.read() if text == "-" else text}
    key = idempotency_key or f"cli-{secrets.token_hex(12)}"
    headers = {"Idempotency-Key": key, "Prefer": f"wait={wait}"}
    try:
        told = connect().post(
            path("sessions", name, "messages"),
            body | ({"client_ref": client_ref} if client_ref else {}),
            headers=headers,
            wait_s=wait,
        )
    except Failed as error:
        if error.key in ("timed-out", "broken-answer"):
            raise Failed("send-in-doubt", key=key) from error
        raise
    if as_json:
        output.data(told)
    elif output.to_person():
        _tell(told)
    else:
        output.table((), [[("", told["id"]), ("", told["state"])]])
    if told["state"] in LOST:
        raise typer.Exit(FAILED)


def _tell(message: dict[str, object]) -> None:
    state = str(message["state"])
    output.line((output.STATE_STYLES.get(state, ""), texts.say(f"message.{state}")), ("dim", f"  {message['id']}"))
    reason = message["reason"]
    if isinstance(reason, dict):
        output.line(("", output.clean(f"{reason['text']} {reason['action'] or ''}")), indent=2)


Approval = Annotated[str, typer.Argument(metavar="ID", help="As `esteio why` shows it.", show_default=False)]


def approve(approval: Approval, as_json: Json = False) -> None:
    """Approve a destructive step that waits for a person. It unlinks the phone: read `esteio why NAME` first."""
    _decide(approval, "approve", as_json=as_json)


def reject(approval: Approval, as_json: Json = False) -> None:
    """Reject a destructive step that waits for a person. The session is still monitored."""
    _decide(approval, "reject", as_json=as_json)


def _decide(approval: str, verb: str, *, as_json: bool) -> None:
    told = connect().post(path("approvals", approval, verb))
    if as_json:
        output.data(told)
    elif output.to_person():
        rung = texts.named("rung", told["rung"])
        output.line(("good", texts.say(f"{verb}-done", rung=rung, session=output.clean(told["session"]))))
        if verb == "approve":
            output.line(("", output.clean(told["cost"])), indent=2)
    else:
        output.table((), [[("", told["id"]), ("", told["state"])]])


def pause(name: Name, as_json: Json = False) -> None:
    """Pause a session: it is monitored but not acted on, and its messages wait."""
    _wish(name, "pause", as_json=as_json)


def resume(name: Name, as_json: Json = False) -> None:
    """Resume a paused session; its waiting messages go out."""
    _wish(name, "resume", as_json=as_json)


def recover(name: Name, as_json: Json = False) -> None:
    """Check a session now and start its recovery from the first, harmless step."""
    _wish(name, "recover", as_json=as_json)


def _wish(name: str, verb: str, *, as_json: bool) -> None:
    """In a pipe: tab-separated name and state."""
    told = connect().post(path("sessions", name, verb))
    if as_json:
        output.data(told)
    elif output.to_person():
        state = texts.named("state", told["state"])
        output.line((output.STATE_STYLES.get(told["state"], ""), f"{output.clean(name)}: {state}"))
        output.line(("", output.clean(told["reason"]["text"])), indent=2)
    else:
        output.table((), [[("", told["name"]), ("", told["state"])]])
