"""The fleet as lines of a terminal: only what fits is drawn, what needs a person first, and why below its session.

Each state has a shape beside its colour and its word; an axis has its mark and the age of its proof. Never lives here:
reading the fleet, the terminal itself.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from esteio.cli import output, texts
from esteio.cli.output import GAP, MARKS, SHAPES, UNKNOWN, Span, clean
from esteio.cli.remote.client import Document
from esteio.cli.remote.fleet import CALM

CUT = "…"
NEEDED = ("shape", "name", "state", "sends", "receives", "held")
COLUMNS = (*NEEDED, "age", "server")
"""What does not fit is dropped from the right, but first of all the word of the state, which has its shape; the reason
has the room that they leave."""
LEAST_REASON = 30
"""With less room the reason stands below the session."""
REASON_LINES = 2
NEWS = 3
"""So many servers and approvals are told on top; the others are counted."""
FEWEST_ROWS = 3
Line = list[Span]


class View(NamedTuple):
    """What is drawn. `rows` are the sessions with their ranks, in order; `now` is the gateway's clock; `lost` says
    that it is not heard."""

    rows: Sequence[tuple[int, Document]]
    servers: Sequence[Document]
    approvals: Sequence[Document]
    now: float
    url: str
    lost: str | None


class Picture(NamedTuple):
    """The lines, and how many sessions are drawn."""

    lines: list[Line]
    drawn: int


def picture(view: View, width: int, height: int | None, first: int = 0) -> Picture:
    """The whole picture; without a height every session is drawn. `first`: how many sessions are scrolled past."""
    head = [*_head(view, width), []]
    rows = view.rows[first:]
    if height is None:
        lines, drawn = _table(rows, view.now, width, None)
        return Picture([*head, *lines], drawn)
    head = head[: max(1, height - FEWEST_ROWS - 2)]
    lines, drawn = _table(rows[:height], view.now, width, height - len(head) - 1)
    space: list[Line] = [[] for _ in range(height - len(head) - len(lines) - 1)]
    return Picture([*head, *lines, *space, _foot(view, width, first, drawn)], drawn)


def text(line: Line) -> Text:
    """A line for the terminal."""
    return Text.assemble(*((word, output.STYLES[style]) for style, word in line), no_wrap=True)


def _head(view: View, width: int) -> Iterator[Line]:
    yield from _counts(view.rows, width)
    if view.lost is not None:
        yield from _wrapped("bad", texts.say("top.lost", why=view.lost), width)
    yield from _news("warn", [_asked(one) for one in view.approvals], width)
    ill = [one for one in view.servers if one["health"]["state"] != "up" or one["outage"]]
    yield from _news("bad", [_server(one, view.now) for one in ill], width)


def _counts(rows: Iterable[tuple[int, Document]], width: int) -> list[Line]:
    """How many sessions, and of each state, the worst first; on as many lines as it needs."""
    states = Counter(session["state"] for _, session in rows)
    lines: list[Line] = [[("head", texts.count("sessions", states.total()))]]
    for state in ("error", "awaiting_qr", "disconnected", "degraded", "connecting", "paused", "connected"):
        if states[state]:
            told = f"  {SHAPES[state]} {texts.named('state', state)} {states[state]}"
            if sum(cell_len(word) for _, word in lines[-1]) + cell_len(told) > width:
                lines.append([])
            lines[-1].append((output.STATE_STYLES.get(state, ""), told))
    return [_cut(line, width) for line in lines]


def _news(style: output.Style, told: Sequence[str], width: int) -> Iterator[Line]:
    for one in told[:NEWS]:
        yield from _wrapped(style, f"▲ {clean(one)}", width)
    if len(told) > NEWS:
        yield [(style, texts.count("top.more", len(told) - NEWS))]


def _asked(approval: Document) -> str:
    rung = texts.named("rung", approval["rung"])
    return texts.say("top.approval", session=approval["session"], rung=rung, id=approval["id"])


def _server(server: Document, now: float) -> str:
    health, outage = server["health"], server["outage"]
    state = texts.named("state", health["state"])
    because = texts.code(health["because"] or (outage or {}).get("because"))
    if outage is None:
        return texts.say("why.server", server=server["name"], state=state, because=because)
    ago = texts.duration(now - output.seconds(outage["since"]))
    return texts.say("top.outage", server=server["name"], state=state, ago=ago, because=because)


def _table(rows: Sequence[tuple[int, Document]], now: float, width: int, room: int | None) -> tuple[list[Line], int]:
    """Head and rows, as many as fit into so many lines, and how many those are."""
    cells = [_cells(session, now) for _, session in rows]
    heads = {name: texts.say(f"head.{name}") for name in (*COLUMNS[1:], "reason")}
    top: dict[str, Span] = {"shape": ("", ""), **{name: ("head", head) for name, head in heads.items()}}
    widths = _widths([top, *cells], width)
    lines = [_row(top, widths)]
    drawn = 0
    for (place, session), row in zip(rows, cells, strict=True):
        block = [_row(row, widths)]
        if "reason" not in widths and place < CALM:
            block += _below(session["reason"]["text"], width)
        if room is not None and len(lines) + len(block) > room:
            break
        lines += block
        drawn += 1
    return lines, drawn


def _cells(session: Document, now: float) -> dict[str, Span]:
    state = session["state"]
    style = output.STATE_STYLES.get(state, "")
    return {
        "shape": (style, SHAPES.get(state, UNKNOWN)),
        "name": ("head", clean(session["name"])),
        "state": (style, texts.named("state", state)),
        "sends": _axis(session["can_send"], now),
        "receives": _axis(session["can_receive"], now),
        "held": ("warn" if session["held"] else "dim", str(session["held"])),
        "age": ("", texts.duration(now - output.seconds(session["since"]))),
        "server": ("", clean(session["server"])),
        "reason": ("dim" if state == "connected" else "", clean(session["reason"]["text"])),
    }


def _axis(axis: Document, now: float) -> Span:
    age = f" {texts.duration(now - output.seconds(axis['at']))}" if axis["at"] else ""
    return output.STATE_STYLES.get(axis["value"], ""), MARKS.get(axis["value"], UNKNOWN) + age


def _widths(rows: Sequence[Mapping[str, Span]], width: int) -> dict[str, int]:
    """The columns that fit, and how wide they are; a name alone is cut, where it would take half the line."""
    needs = {column: max(1, *(cell_len(row[column][1]) for row in rows)) for column in COLUMNS}
    needs["name"] = min(needs["name"], max(8, width // 2))
    gaps = {column: 1 if column == "shape" else GAP for column in COLUMNS}
    if sum(needs[column] + gaps[column] for column in NEEDED) - GAP > width:
        del needs["state"]
    found: dict[str, int] = {}
    left = width
    for column, needed in needs.items():
        if needed > left:
            return found
        found[column] = needed
        left -= needed + gaps[column]
    if left >= LEAST_REASON:
        found["reason"] = left
    return found


def _row(cells: Mapping[str, Span], widths: Mapping[str, int]) -> Line:
    line: Line = []
    for column, width in widths.items():
        style, word = cells.get(column, ("", ""))
        gap = 0 if line and column == list(widths)[-1] else 1 if column == "shape" else GAP
        line.append((style, _fitted(word, width) + " " * gap))
    return line


def _below(reason: str, width: int) -> Iterator[Line]:
    indent = "  "
    lines = textwrap.wrap(clean(reason), max(8, width - len(indent)), max_lines=REASON_LINES, placeholder=CUT)
    for one in lines:
        yield [("dim", _fitted(f"{indent}{one}", width))]


def _wrapped(style: output.Style, told: str, width: int) -> Iterator[Line]:
    for one in textwrap.wrap(clean(told), max(8, width), subsequent_indent="  "):
        yield [(style, _fitted(one, width))]


def _foot(view: View, width: int, first: int, drawn: int) -> Line:
    """Where one is in the list, and the keys."""
    shown = f"{first + 1 if drawn else 0}–{first + drawn}"
    told = texts.say("top.foot", shown=shown, all=len(view.rows))
    return [("dim", _fitted(f"{told}  {view.url}", width))]


def _fitted(word: str, width: int) -> str:
    """The word in exactly so many cells."""
    return set_cell_size(word, width) if cell_len(word) <= width else set_cell_size(word, width - 1) + CUT


def _cut(line: Line, width: int) -> Line:
    """As much of the line as fits."""
    kept: Line = []
    for style, word in line:
        if cell_len(word) >= width:
            return [*kept, (style, _fitted(word, width))] if width > 0 else kept
        kept.append((style, word))
        width -= cell_len(word)
    return kept
