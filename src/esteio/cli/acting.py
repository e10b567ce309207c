"""Verbs that ask the gateway to do something: `send` and `approve`.

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
    wait: Annotated[int, typer.Option(min=0, max=60, help="Seconds to wait until it is settled.")] = 5,
    idempotency_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Sending again with the same key and text sends nothing twice.")
    ] = None,
    client_ref: Annotated[str | None, typer.Option(metavar="REF", help="Your own word for it.")] = None,
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


def approve(
    approval: Annotated[str, typer.Argument(metavar="ID", help="As `esteio why` names it.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Agree to a destructive step that waits for a person. It unlinks the phone: read `esteio why NAME` first."""
    told = connect().post(path("approvals", approval, "approve"))
    if as_json:
        show.data(told)
    elif show.to_person():
        rung = words.named("rung", told["rung"])
        show.line(("good", words.say("approved", rung=rung, session=show.clean(told["session"]))))
        show.line(("", show.clean(told["cost"])), indent=2)
    else:
        show.table((), [[("", told["id"]), ("", told["state"])]])
