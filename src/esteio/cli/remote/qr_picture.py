"""A code to scan as lines of a terminal: two rows of modules a line, black on white.

A code whose text is unknown (W-API hands out a picture) is drawn from the picture's own modules. Its colours are part
of the code, and so they stay where NO_COLOR is set: phones read no code that is white on black. Never lives here: when
a code may be shown.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

from esteio.cli.errors import Failed
from esteio.cli.remote.client import Document

QUIET = 2
"""Light modules around the code; the standard asks for four, phones are content with two."""
INK, RESET = "\x1b[38;5;16;48;5;231m", "\x1b[0m"
"""Black on white, whatever the terminal's own colours are."""
Modules = Sequence[Sequence[bool]]


def modules_of(told: Document) -> Modules:
    """The modules of a code as the gateway tells it. Raises `Failed` for a picture that is none."""
    return of_text(told["code"]) if told["code"] else of_picture(base64.b64decode(told["png_base64"]))


def of_text(code: str) -> Modules:
    """The modules of the code with this text."""
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


def side(modules: Modules) -> int:
    """How many columns it is wide, its light edge with it."""
    return len(modules) + 2 * QUIET


def drawn(modules: Modules) -> list[str]:
    """Two rows of modules a line, with a light edge, in black on white."""
    width = side(modules)
    rows = [[False] * width for _ in range(QUIET)]
    rows += [[False] * QUIET + list(row) + [False] * QUIET for row in modules]
    rows += [[False] * width for _ in range(QUIET)]
    if len(rows) % 2:
        rows.append([False] * width)
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return [f"{INK}{''.join(_HALF[a, b] for a, b in zip(*pair, strict=True))}{RESET}" for pair in pairs]


_HALF = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
