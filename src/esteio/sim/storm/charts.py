"""The pictures of a run, as SVG written by hand: small, sharp at any size, readable in light and dark.

Never lives here: a number that is not in the outcome (`report` counts), a library.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

from esteio.sim.storm import report
from esteio.sim.storm.storm import Outcome

WIDTH, HEIGHT = 860, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 150, 36, 44
COLOURS: Mapping[str, str] = {"default": "#0f766e", "seeds": "#b45309", "monitor": "#be123c"}
MORE_COLOURS = ("#4338ca", "#0369a1", "#4d7c0f", "#86198f")
STYLE = (
    "<style>svg{background:#fff}text{font:12px system-ui,sans-serif;fill:#334155}.t{font-weight:600;font-size:14px}"
    ".g{stroke:#e2e8f0}.a{stroke:#94a3b8}path{fill:none;stroke-width:2}</style>"
)
FATES = (("delivered within a minute", "#0f766e"), ("delivered late", "#5eead4"), ("waiting or in doubt", "#fbbf24"),
         ("failed, and said so", "#94a3b8"), ("lost", "#be123c"))  # fmt: skip


def draw(outcomes: Sequence[Outcome]) -> dict[str, tuple[str, str]]:
    """File name → (alternative text, SVG) of every picture."""
    found = {
        "availability.svg": ("availability over time", availability(outcomes)),
        "times.svg": ("how long until seen, and until back", times(outcomes)),
        "calls.svg": ("calls to providers and the budget", calls(outcomes)),
        "messages.svg": ("what became of the messages", messages(outcomes)),
    }
    for outcome in outcomes:
        found[f"heat-{outcome.policy}.svg"] = (f"sessions by hour under {outcome.policy}", heat(outcome))
    return found


def availability(outcomes: Sequence[Outcome]) -> str:
    """Share of the fleet that could carry messages, over time."""
    width_s = max(60.0, outcomes[0].ended_at / 240)
    curves = {o.policy: _mean(report.grid(o, width_s).values()) for o in outcomes}
    lowest = min((value for curve in curves.values() for value in curve), default=0.0)
    floor = math.floor(lowest * 10) / 10
    frame = _Frame("Sockets that can really carry messages", (0, outcomes[0].ended_at / 3600), (floor, 1.0))
    frame.axis_x("hours", lambda x: f"{x:g}")
    frame.axis_y(lambda y: f"{100 * y:.0f} %")
    for name, curve in curves.items():
        frame.line(name, [((index + 0.5) * width_s / 3600, value) for index, value in enumerate(curve)])
    return frame.svg()


def _mean(rows: Iterable[Sequence[float]]) -> list[float]:
    columns = list(zip(*rows, strict=True))
    return [sum(column) / len(column) for column in columns]


def times(outcomes: Sequence[Outcome]) -> str:
    """Cumulated shares of detection and recovery times, seconds on a logarithmic axis."""
    frames = []
    titles = (("From death to seen", report.detections), ("From seen to back", report.recoveries))
    for title, pick in titles:
        frame = _Frame(title, (-1.0, 4.0), (0.0, 1.0))
        frame.axis_x("seconds", lambda x: f"{10**x:g}")
        frame.axis_y(lambda y: f"{100 * y:.0f} %")
        for outcome in outcomes:
            frame.line(outcome.policy, _cumulated(pick(outcome.falls)))
        frames.append(frame)
    return _stacked(frames)


def _cumulated(values: Sequence[float]) -> list[tuple[float, float]]:
    points = []
    for index, value in enumerate(sorted(values)):
        x = min(4.0, max(-1.0, math.log10(max(value, 0.1))))
        points += [(x, index / len(values)), (x, (index + 1) / len(values))]
    return [*points, (4.0, 1.0)] if points else []


def calls(outcomes: Sequence[Outcome]) -> str:
    """All calls a minute, and those that open sockets beside what the servers may get."""
    hours = outcomes[0].ended_at / 3600
    every = _Frame("Calls to providers, a minute", (0, hours), (0, _top(o.calls_per_minute for o in outcomes)))
    budget = max(o.budget_per_minute for o in outcomes)
    highest = max(budget, _top(o.opens_per_minute for o in outcomes))
    opens = _Frame("Socket-opening calls, a minute", (0, hours), (0, highest))
    for frame in (every, opens):
        frame.axis_x("hours", lambda x: f"{x:g}")
        frame.axis_y(lambda y: f"{y:.0f}")
    for outcome in outcomes:
        every.line(outcome.policy, _over_time(outcome.calls_per_minute, hours))
        opens.line(outcome.policy, _over_time(outcome.opens_per_minute, hours, most=True))
    opens.line("budget", [(0, budget), (hours, budget)], colour="#64748b")
    return _stacked([every, opens])


def _top(rows: Iterable[Sequence[int]]) -> float:
    return max(1.0, max((max(row, default=0) for row in rows), default=0) * 1.05)


def _over_time(values: Sequence[int], hours: float, *, most: bool = False) -> list[tuple[float, float]]:
    """At most 240 points: the mean of each stretch, or its greatest."""
    values = values[: math.ceil(hours * 60)]
    step = max(1, len(values) // 240)
    points = []
    for begin in range(0, len(values), step):
        part = values[begin : begin + step]
        points.append(((begin + len(part) / 2) / 60, float(max(part)) if most else sum(part) / len(part)))
    return points


def heat(outcome: Outcome) -> str:
    """Each session's hours: white is up all the hour, the darker the longer it was down."""
    rows = report.grid(outcome, 3600.0)
    order = sorted(rows, key=lambda line: sum(rows[line]))[:60]
    columns = max(len(cells) for cells in rows.values())
    cell_w, cell_h = max(3.0, min(28.0, 640 / columns)), 9.0
    width, height = LEFT + 60 + cell_w * columns, TOP + cell_h * len(order) + BOTTOM
    title = f"Down by session and hour, {escape(outcome.policy)} (worst {len(order)})"
    parts = [f'<text class="t" x="12" y="22">{title}</text>']
    for index, line in enumerate(order):
        y = TOP + index * cell_h
        parts.append(f'<text x="8" y="{y + 8:.0f}" style="font-size:8px">{escape(line[1])}</text>')
        for hour, up in enumerate(rows[line]):
            if up < 0.9995:
                shade = f"rgba(190,18,60,{0.12 + 0.88 * (1 - up):.2f})"
                parts.append(_rect(LEFT + hour * cell_w, y, cell_w - 0.5, cell_h - 0.5, shade))
    size = f'width="{cell_w * columns:.0f}" height="{cell_h * len(order):.0f}"'
    parts.append(f'<rect x="{LEFT}" y="{TOP}" {size} fill="none" class="a"/>')
    ticks = range(0, columns + 1, max(1, columns // 8))
    y = height - 26
    parts += [f'<text x="{LEFT + hour * cell_w:.0f}" y="{y:.0f}" text-anchor="middle">{hour}</text>' for hour in ticks]
    parts.append(f'<text x="{LEFT}" y="{height - 8:.0f}">hours since the start</text>')
    return _document(width, height, parts)


def messages(outcomes: Sequence[Outcome]) -> str:
    """What became of the application's messages, a bar for each policy."""
    row, bar = 46.0, 22.0
    width, height = float(WIDTH), TOP + row * len(outcomes) + 70
    parts = ['<text class="t" x="12" y="22">What became of the messages</text>']
    for index, outcome in enumerate(outcomes):
        y, x = TOP + index * row, float(LEFT + 30)
        told = outcome.messages
        shares = (
            told.delivered - told.late,
            told.late,
            told.waiting + told.in_doubt,
            told.said_failed,
            max(0, told.lost),
        )
        parts.append(f'<text x="12" y="{y + 15:.0f}">{escape(outcome.policy)}</text>')
        for (_, colour), share in zip(FATES, shares, strict=True):
            length = (WIDTH - LEFT - 50) * share / max(1, told.accepted)
            parts.append(_rect(x, y, length, bar, colour))
            x += length
        words = (
            f"{told.accepted} handed over, {told.late} late, {told.lost} lost, {told.doubled} doubled,"
            f" {_unlinked(outcome)} unlinks by the supervisor"
        )
        parts.append(f'<text x="{LEFT + 30}" y="{y + 36:.0f}">{words}</text>')
    for index, (name, colour) in enumerate(FATES):
        parts.append(_rect(20 + index * 166, height - 30, 12, 12, colour))
        parts.append(f'<text x="{38 + index * 166}" y="{height - 20:.0f}">{name}</text>')
    return _document(width, height, parts)


def _unlinked(outcome: Outcome) -> int:
    return sum(count for cause, count in outcome.unlinks.items() if cause in ("logout", "delete", "repair"))


# -- how a picture is put together ---------------------------------------------------------------------------------


class _Frame:
    """One chart: axes, lines, a legend at the right."""

    def __init__(self, title: str, xs: tuple[float, float], ys: tuple[float, float]) -> None:
        self.xs, self.ys = xs, ys if ys[1] > ys[0] else (ys[0], ys[0] + 1)
        self.parts = [f'<text class="t" x="12" y="22">{escape(title)}</text>']
        self._names = 0

    def x(self, value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - self.xs[0]) / (self.xs[1] - self.xs[0] or 1)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - self.ys[0]) / (self.ys[1] - self.ys[0])

    def axis_x(self, name: str, tell: Callable[[float], str]) -> None:
        for step in range(6):
            value = self.xs[0] + (self.xs[1] - self.xs[0]) * step / 5
            x = self.x(value)
            self.parts.append(f'<line class="g" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}"/>')
            self.parts.append(
                f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{tell(round(value, 2))}</text>'
            )
        self.parts.append(
            f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(name)}</text>'
        )

    def axis_y(self, tell: Callable[[float], str]) -> None:
        for step in range(5):
            value = self.ys[0] + (self.ys[1] - self.ys[0]) * step / 4
            y = self.y(value)
            self.parts.append(f'<line class="g" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>')
            self.parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tell(value)}</text>')

    def line(self, name: str, points: Sequence[tuple[float, float]], colour: str = "") -> None:
        colour = colour or COLOURS.get(name) or MORE_COLOURS[self._names % len(MORE_COLOURS)]
        y = TOP + 12 + 18 * self._names
        self._names += 1
        self.parts.append(_rect(WIDTH - RIGHT + 14, y - 9, 12, 4, colour))
        self.parts.append(f'<text x="{WIDTH - RIGHT + 32}" y="{y - 3}">{escape(name)}</text>')
        if points:
            told = " ".join(
                f"{'L' if index else 'M'}{self.x(x):.1f} {self.y(y):.1f}" for index, (x, y) in enumerate(points)
            )
            self.parts.append(f'<path d="{told}" stroke="{colour}"/>')

    def svg(self) -> str:
        return _document(WIDTH, HEIGHT, self.parts)


def _stacked(frames: Sequence[_Frame]) -> str:
    parts = [
        f'<g transform="translate(0 {index * HEIGHT})">{"".join(frame.parts)}</g>' for index, frame in enumerate(frames)
    ]
    return _document(WIDTH, HEIGHT * len(frames), parts)


def _rect(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(0.0, width):.1f}" height="{height:.1f}" fill="{colour}"/>'


def _document(width: float, height: float, parts: Iterable[str]) -> str:
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{STYLE}\n' + "\n".join(parts) + "\n</svg>\n"
