"""The verb `sessions`, and the arguments that verbs share (`why` and `qr` have their own rooms).

Never lives here: what a state means.
"""

from __future__ import annotations

from typing import Annotated

import typer

from esteio.cli import show, words
from esteio.cli.client import Document, connect, path

Json = Annotated[bool, typer.Option("--json", help="Print the gateway's own documents.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="A session's name.", show_default=False)]


def sessions(
    state: Annotated[str | None, typer.Option(help="Only this state.", metavar="STATE")] = None,
    server: Annotated[str | None, typer.Option(help="Only this server's.", metavar="NAME")] = None,
    as_json: Json = False,
) -> None:
    """List the sessions: state, since when, can it send and receive, messages held.

    In a pipe: tab-separated name, state, since, can_send, can_receive, held, server, phone, reason code.
    """
    client = connect()
    found = list(client.items(path("sessions"), state=state, server=server, limit=PAGE))
    if as_json:
        show.data({"items": found, "next": None})
    elif show.to_person():
        show.table([words.say(f"head.{name}") for name in HEADS], [_row(one, client.at) for one in found])
        show.line(("dim", words.count("sessions", len(found))))
    else:
        show.table((), [_cells(one) for one in found])


PAGE = 500
HEADS = ("name", "state", "held", "sends", "receives", "since", "server", "phone", "reason")


def _row(session: Document, now: float | None) -> list[show.Span]:
    state, sends, receives = session["state"], session["can_send"]["value"], session["can_receive"]["value"]
    return [
        ("head", session["name"]),
        (show.STATE_STYLES.get(state, ""), words.named("state", state)),
        ("warn" if session["held"] else "dim", str(session["held"])),
        (show.STATE_STYLES.get(sends, ""), words.say(f"answer.{sends}")),
        (show.STATE_STYLES.get(receives, ""), words.say(f"answer.{receives}")),
        ("", show.moment(session["since"], now)),
        ("", session["server"]),
        ("", session["phone"] or "-"),
        ("dim", words.code(session["reason"]["code"])),
    ]


def _cells(session: Document) -> list[show.Span]:
    row = (
        session["name"],
        session["state"],
        session["since"],
        session["can_send"]["value"],
        session["can_receive"]["value"],
        session["held"],
        session["server"],
        session["phone"] or "",
        session["reason"]["code"],
    )
    return [("", str(cell)) for cell in row]
