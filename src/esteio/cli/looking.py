"""Verbs that look: `sessions` and `qr` (`why` has its own room).

Never lives here: what a state means.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from esteio.cli import show, words
from esteio.cli.client import Answer, Client, Document, connect, path
from esteio.cli.failed import Failed

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
HEADS = ("name", "state", "since", "sends", "receives", "held", "server", "phone", "reason")


def _row(session: Document, now: float | None) -> list[show.Span]:
    state, sends, receives = session["state"], session["can_send"]["value"], session["can_receive"]["value"]
    return [
        ("head", session["name"]),
        (show.STATE_STYLES.get(state, ""), words.named("state", state)),
        ("", show.moment(session["since"], now)),
        (show.STATE_STYLES.get(sends, ""), words.say(f"answer.{sends}")),
        (show.STATE_STYLES.get(receives, ""), words.say(f"answer.{receives}")),
        ("warn" if session["held"] else "dim", str(session["held"])),
        ("", session["server"]),
        ("", session["phone"] or "-"),
        ("dim", session["reason"]["code"]),
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


def qr(
    name: Name,
    pair: Annotated[bool, typer.Option("--pair", help="Ask the provider for a new code first.")] = False,
    as_json: Json = False,
) -> None:
    """Draw the session's QR code in the terminal. In a pipe: the code's text."""
    client = connect()
    if pair:
        show.progress("pairing", name=name)
        client.post(path("sessions", name, "pair"), {"wait_s": PAIR_WAIT_S}, wait_s=PAIR_WAIT_S)
    answer = client.ask("GET", path("sessions", name, "qr"))
    if answer.status == 204:
        raise _no_code(client, name)
    if as_json:
        show.data(answer.document())
    else:
        _draw(answer, client.at)


PAIR_WAIT_S = 20


def _no_code(client: Client, name: str) -> Failed:
    session = client.get(path("sessions", name))
    key = "qr-not-needed" if session["state"] in ("connected", "degraded") else "qr-none"
    return Failed(key, name=name, state=words.named("state", session["state"]), reason=session["reason"]["text"])


def _draw(answer: Answer, now: float | None) -> None:
    """On a terminal the picture; a code whose text is unknown (the provider gave a picture only) is refused."""
    told = answer.document()
    if not told["code"]:
        raise Failed("qr-picture-only")
    if not show.to_person():
        print(told["code"])
        return
    import segno  # noqa: PLC0415 - only people need it

    segno.make(told["code"], micro=False).terminal(out=sys.stdout, compact=True)
    show.line(("", words.say("qr-scan", until=show.moment(told["expires_at"], now))))
