"""Verbs that ask the gateway to do something: `send`, `approve`, `reject`, `pause`, `resume`, `recover`.

Never lives here: whether it may be done.
"""

from __future__ import annotations

import secrets
import sys
from typing import Annotated

import typer

from esteio.cli import show, words
from esteio.cli.client import connect, path
from esteio.cli.failed import FAILED, Failed
from esteio.cli.looking import Json, Name

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
        show.data(told)
    elif show.to_person():
        _tell(told)
    else:
        show.table((), [[("", told["id"]), ("", told["state"])]])
    if told["state"] in LOST:
        raise typer.Exit(FAILED)


def _tell(message: dict[str, object]) -> None:
    state = str(message["state"])
    show.line((show.STATE_STYLES.get(state, ""), words.say(f"message.{state}")), ("dim", f"  {message['id']}"))
    reason = message["reason"]
    if isinstance(reason, dict):
        show.line(("", show.clean(f"{reason['text']} {reason['action'] or ''}")), indent=2)


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
        show.data(told)
    elif show.to_person():
        rung = words.named("rung", told["rung"])
        show.line(("good", words.say(f"{verb}-done", rung=rung, session=show.clean(told["session"]))))
        if verb == "approve":
            show.line(("", show.clean(told["cost"])), indent=2)
    else:
        show.table((), [[("", told["id"]), ("", told["state"])]])


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
        show.data(told)
    elif show.to_person():
        state = words.named("state", told["state"])
        show.line((show.STATE_STYLES.get(told["state"], ""), f"{show.clean(name)}: {state}"))
        show.line(("", show.clean(told["reason"]["text"])), indent=2)
    else:
        show.table((), [[("", told["name"]), ("", told["state"])]])
