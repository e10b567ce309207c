"""The verb `sessions`, and the arguments that verbs share (`why` and `qr` have their own rooms).

Never lives here: what a state means.
"""

from __future__ import annotations

from typing import Annotated

import typer

from esteio.cli import output, texts
from esteio.cli.remote import complete
from esteio.cli.remote.client import Document, connect, path

Json = Annotated[bool, typer.Option("--json", help="Print the gateway's own documents.")]
Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="A session's name.", show_default=False, autocompletion=complete.sessions),
]


def sessions(
    state: Annotated[str | None, typer.Option(help="Only this state.", metavar="STATE")] = None,
    server: Annotated[
        str | None, typer.Option(help="Only this server's.", metavar="NAME", autocompletion=complete.servers)
    ] = None,
    as_json: Json = False,
) -> None:
    """List the sessions: state, since when, can it send and receive, messages held.

    In a pipe: tab-separated name, state, since, can_send, can_receive, held, server, phone, reason code.
    """
    client = connect()
    found = list(client.items(path("sessions"), state=state, server=server, limit=PAGE))
    if as_json:
        output.data({"items": found, "next": None})
    elif output.to_person():
        output.table([texts.say(f"head.{name}") for name in HEADS], [_row(one, client.at) for one in found])
        output.line(("dim", texts.count("sessions", len(found))))
    else:
        output.table((), [_cells(one) for one in found])


PAGE = 500
HEADS = ("name", "state", "held", "sends", "receives", "since", "server", "phone", "reason")


def _row(session: Document, now: float | None) -> list[output.Span]:
    state, sends, receives = session["state"], session["can_send"]["value"], session["can_receive"]["value"]
    return [
        ("head", session["name"]),
        (output.STATE_STYLES.get(state, ""), texts.named("state", state)),
        ("warn" if session["held"] else "dim", str(session["held"])),
        (output.STATE_STYLES.get(sends, ""), texts.say(f"answer.{sends}")),
        (output.STATE_STYLES.get(receives, ""), texts.say(f"answer.{receives}")),
        ("", output.moment(session["since"], now)),
        ("", session["server"]),
        ("", session["phone"] or "-"),
        ("dim", texts.code(session["reason"]["code"])),
    ]


def _cells(session: Document) -> list[output.Span]:
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
