"""`qr NAME`: the code to scan, or with `--phone` the code to type. In a pipe once; a terminal follows it (`qr_follow`).

Never lives here: when a code may be shown (the gateway's answer says that), how one is drawn (`qr_picture`).
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from esteio.cli import output, texts
from esteio.cli.errors import Failed
from esteio.cli.remote.client import Answer, Client, connect, path
from esteio.cli.remote.look import Json, Name

PAIR_WAIT_S = 20
LINKED = frozenset({"connected", "degraded"})
"""As `qr_follow` has it, which this file loads only when it is needed."""


def qr(
    name: Name,
    *,
    pair: Annotated[bool, typer.Option("--pair", help="Ask the provider for a new code first.")] = False,
    phone: Annotated[
        str | None,
        typer.Option("--phone", metavar="NUMBER", help="Ask for a code to type on this phone, instead of a QR code."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Show the current code once and exit.")] = False,
    png: Annotated[
        Path | None, typer.Option("--png", metavar="FILE", help="Write the picture to a file instead.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the session's QR code, and each new one in its place, until it is scanned (exit code 0).

    On the terminal Enter asks for a new code and q ends it (exit code 1). In a pipe: the code's text, once.
    """
    client = connect()
    typed = _ask(client, name, phone) if pair or phone else None
    if png is not None:
        _save(client, name, png, as_json=as_json)
    elif not (as_json or once) and output.full_screen():
        from esteio.cli.remote.qr_follow import follow  # noqa: PLC0415 - only people need it

        follow(client, name, typed if phone else None)
    elif phone:
        _tell_typed(typed or {}, name, as_json=as_json)
    else:
        _tell(_current(client, name), client.at, as_json=as_json)


def _ask(client: Client, name: str, phone: str | None) -> Any:
    """The gateway's answer to a request for a new code."""
    body = {"wait_s": PAIR_WAIT_S} | ({"phone_number": phone} if phone else {})
    with output.progress("pairing", name=name):
        return client.post(path("sessions", name, "pair"), body, wait_s=PAIR_WAIT_S)


def _current(client: Client, name: str) -> Answer:
    """The code that may be scanned now. Raises `Failed` when there is none."""
    answer = client.ask("GET", path("sessions", name, "qr"))
    if answer.status == 204:
        raise no_code(client.get(path("sessions", name)))
    return answer


def no_code(session: dict[str, Any]) -> Failed:
    """Why there is nothing to scan."""
    key = "qr-not-needed" if session["state"] in LINKED else "qr-none"
    state = texts.named("state", session["state"])
    return Failed(key, name=session["name"], state=state, reason=session["reason"]["text"])


def _save(client: Client, name: str, file: Path, *, as_json: bool) -> None:
    picture = client.ask("GET", path("sessions", name, "qr"), headers={"Accept": "image/png"})
    if picture.status == 204:
        raise no_code(client.get(path("sessions", name)))
    try:
        file.write_bytes(picture.body)
    except OSError as error:
        raise Failed("backup.io", file=file, why=error.strerror or error) from error
    if as_json:
        output.data({"session": name, "file": str(file)})
    else:
        output.line(("good", texts.say("qr-saved", file=file)))


def _tell_typed(session: dict[str, Any], name: str, *, as_json: bool) -> None:
    """The code to type, once."""
    if "pairing_code" not in session:
        raise no_code(session)
    if as_json:
        output.data({"session": name, "pairing_code": session["pairing_code"]})
    elif output.to_person():
        output.line(("head", session["pairing_code"]))
        output.line(("", texts.say("qr-type")))
    else:
        print(session["pairing_code"])


def _tell(answer: Answer, now: float | None, *, as_json: bool) -> None:
    """The code to scan, once."""
    told = answer.document()
    if as_json:
        output.data(told)
    elif output.to_person():
        _draw(told, now)
    elif told["code"]:
        print(told["code"])
    else:
        raise Failed("qr-picture-only")


def _draw(told: dict[str, Any], now: float | None) -> None:
    """The code in half blocks. Raises `Failed` when the terminal is too small: half a code is scanned by nobody."""
    from esteio.cli.remote import qr_picture  # noqa: PLC0415

    modules = qr_picture.modules_of(told)
    lines = qr_picture.drawn(modules)
    width, height = shutil.get_terminal_size()
    if len(lines) + 1 > height or qr_picture.side(modules) > width:
        raise Failed("qr-too-large", rows=len(lines) + 1, columns=qr_picture.side(modules))
    print("\n".join(lines))
    until = texts.say("qr-until", until=output.moment(told["expires_at"], now))
    output.line(("", f"{texts.say('qr-scan')} {until}"))
