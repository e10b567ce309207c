"""`qr NAME`: the code to scan, in the terminal, replaced whenever the provider makes a new one, until it is scanned.

A code whose text is unknown (W-API hands out a picture) is drawn from the picture's own modules. Never lives here: when
a code may be shown (the gateway's answer says that).
"""

from __future__ import annotations

import base64
import io
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from esteio.cli import output, texts
from esteio.cli.errors import Failed
from esteio.cli.remote.client import Answer, Client, connect, path
from esteio.cli.remote.look import Json, Name

PAIR_WAIT_S = 20
LOOK_EVERY_S = 2.0
QUIET = 2
"""Light modules around the code; the standard asks for four, phones are content with two."""
LINKED = frozenset({"connected", "degraded"})
INK, RESET, CLEAR = "\x1b[38;5;16;48;5;231m", "\x1b[0m", "\x1b[2J\x1b[H"
"""Black on white, whatever the terminal's own colours are."""
Modules = Sequence[Sequence[bool]]


def qr(
    name: Name,
    pair: Annotated[bool, typer.Option("--pair", help="Ask the provider for a new code first.")] = False,
    once: Annotated[bool, typer.Option("--once", help="Draw the current code once and exit.")] = False,
    png: Annotated[
        Path | None, typer.Option("--png", metavar="FILE", help="Write the picture to a file instead.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw the session's QR code, and each new one, until it is scanned. In a pipe: the code's text, once."""
    client = connect()
    if pair:
        output.progress("pairing", name=name)
        client.post(path("sessions", name, "pair"), {"wait_s": PAIR_WAIT_S}, wait_s=PAIR_WAIT_S)
    if png is not None:
        _save(client, name, png)
    elif as_json:
        output.data(_current(client, name).document())
    elif not output.to_person():
        _print_text(_current(client, name).document())
    elif once:
        _draw(_current(client, name).document(), client.at)
    else:
        _follow(client, name)


def _current(client: Client, name: str) -> Answer:
    """The code that may be scanned now. Raises `Failed` when there is none."""
    answer = client.ask("GET", path("sessions", name, "qr"))
    if answer.status == 204:
        raise _no_code(client, name)
    return answer


def _no_code(client: Client, name: str) -> Failed:
    session = client.get(path("sessions", name))
    key = "qr-not-needed" if session["state"] in LINKED else "qr-none"
    return Failed(key, name=name, state=texts.named("state", session["state"]), reason=session["reason"]["text"])


def _save(client: Client, name: str, file: Path) -> None:
    picture = client.ask("GET", path("sessions", name, "qr"), headers={"Accept": "image/png"})
    if picture.status == 204:
        raise _no_code(client, name)
    try:
        file.write_bytes(picture.body)
    except OSError as error:
        raise Failed("backup.io", file=file, why=error.strerror or error) from error
    output.line(("good", texts.say("qr-saved", file=file)))


def _print_text(told: dict[str, Any]) -> None:
    if not told["code"]:
        raise Failed("qr-picture-only")
    print(told["code"])


def _follow(client: Client, name: str) -> None:
    """Redraw at every new code; end when the session is linked."""
    _current(client, name)
    shown, waiting = "", False
    while True:
        answer = client.ask("GET", path("sessions", name, "qr"))
        if answer.status == 200:
            told = answer.document()
            if told["seen_at"] != shown:
                shown, waiting = told["seen_at"], False
                sys.stdout.write(CLEAR)
                _draw(told, client.at)
        else:
            session = client.get(path("sessions", name))
            if session["state"] in LINKED:
                output.line(("good", texts.say("qr-linked", name=output.clean(name))))
                return
            if not waiting:
                waiting = True
                sys.stdout.write(CLEAR)
                output.line(("warn", output.clean(session["reason"]["text"])))
        time.sleep(LOOK_EVERY_S)


def _draw(told: dict[str, Any], now: float | None) -> None:
    """The code in half blocks. Raises `Failed` when the terminal is too small: half a code is scanned by nobody."""
    modules = _of_text(told["code"]) if told["code"] else of_picture(base64.b64decode(told["png_base64"]))
    lines = drawn(modules)
    width, height = shutil.get_terminal_size()
    if len(lines) + 1 > height or len(modules) + 2 * QUIET > width:
        raise Failed("qr-too-large", rows=len(lines) + 1, columns=len(modules) + 2 * QUIET)
    print("\n".join(lines))
    output.line(("", texts.say("qr-scan", until=output.moment(told["expires_at"], now))))


def _of_text(code: str) -> Modules:
    import segno  # noqa: PLC0415 - only people need it

    # Lower error correction makes a smaller picture; a screen is not scratched.
    return [[bool(cell) for cell in row] for row in segno.make(code, micro=False, error="l", boost_error=False).matrix]


def of_picture(picture: bytes) -> Modules:
    """The modules of a QR code that is known only as a PNG. Raises `Failed` for a picture that is none."""
    import png  # noqa: PLC0415 - only such codes need it

    try:
        width, height, rows, info = png.Reader(file=io.BytesIO(picture)).asRGBA8()
        dark = [[_is_dark(row, x) for x in range(width)] for row in (bytes(row) for row in rows)]
    except (png.Error, ValueError, EOFError) as error:
        raise Failed("qr-picture-only") from error
    del height, info
    return _sampled(dark)


def _is_dark(row: bytes, x: int) -> bool:
    red, green, blue, alpha = row[4 * x : 4 * x + 4]
    return alpha >= 128 and (red + green + blue) < 3 * 128


def _sampled(dark: Modules) -> Modules:
    """One look into the middle of each module. The first dark run is the top edge of a finder: seven modules."""
    top = next((y for y, row in enumerate(dark) if any(row)), None)
    if top is None:
        raise Failed("qr-picture-only")
    bottom = max(y for y, row in enumerate(dark) if any(row))
    left = dark[top].index(True)
    run = next((x for x in range(left, len(dark[top])) if not dark[top][x]), len(dark[top])) - left
    size = run / 7
    count = round((bottom - top + 1) / size)
    if count < 21 or (count - 17) % 4:
        raise Failed("qr-picture-only")
    middles = [int((place + 0.5) * size) for place in range(count)]
    return [[dark[top + y][left + x] for x in middles] for y in middles]


def drawn(modules: Modules) -> list[str]:
    """Two rows of modules a line, with a light edge, in black on white."""
    side = len(modules) + 2 * QUIET
    rows = [[False] * side for _ in range(QUIET)]
    rows += [[False] * QUIET + list(row) + [False] * QUIET for row in modules]
    rows += [[False] * side for _ in range(QUIET)]
    if len(rows) % 2:
        rows.append([False] * side)
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return [f"{INK}{''.join(_HALF[a, b] for a, b in zip(*pair, strict=True))}{RESET}" for pair in pairs]


_HALF = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
