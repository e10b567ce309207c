"""The pictures of a run, drawn by pygal, which is no dependency of the product but the extra `esteio[charts]`.

Which pictures there are: `draw`. The same outcomes give the same bytes. Never lives here: a number that is not in the
outcome (`report` counts), an axis or a shape drawn by hand.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any

from esteio.sim.storm import report
from esteio.sim.storm.storm import Outcome

COLOURS: Mapping[str, str] = {"default": "#0f766e", "seeds": "#b45309", "monitor": "#be123c"}
MORE_COLOURS = ("#4338ca", "#0369a1", "#4d7c0f", "#86198f")
BUDGET, DOWN = "#64748b", "#be123c"
DASHED = {"width": 2, "dasharray": "6, 4"}
FATES = (("delivered within a minute", "#0f766e"), ("delivered late", "#5eead4"), ("waiting or in doubt", "#fbbf24"),
         ("failed, and said so", "#94a3b8"), ("lost", "#be123c"))  # fmt: skip
WORST = 60
"""The most sessions that a heat map shows."""
POINTS = 240
"""The most points of a curve over time."""
SHORTEST_S, DECADES = 0.1, 5
"""Where the curves of detection and recovery begin, and how many powers of ten they run over."""


def installed() -> bool:
    """Whether the library of the extra is there; nothing can be drawn without it."""
    return importlib.util.find_spec("pygal") is not None


def draw(outcomes: Sequence[Outcome]) -> dict[str, tuple[str, str]]:
    """File name → (alternative text, SVG) of every picture of these runs of one plan. Raises ImportError where the
    library is not `installed`."""
    found = {
        "availability.svg": ("availability over time", availability(outcomes)),
        "seen.svg": ("how long until seen", times(outcomes, "From death to seen", report.detections)),
        "back.svg": ("how long from seen to back", times(outcomes, "From seen to back", report.recoveries)),
        "calls.svg": ("calls to providers", calls(outcomes)),
        "opens.svg": ("socket-opening calls and their budget", opens(outcomes)),
        "messages.svg": ("what became of the messages", messages(outcomes)),
    }
    for outcome in outcomes:
        found[f"heat-{outcome.policy}.svg"] = (f"sessions by hour under {outcome.policy}", heat(outcome))
    return found


def availability(outcomes: Sequence[Outcome]) -> str:
    """Share of the fleet that could carry messages, over time."""
    width_s = max(60.0, outcomes[0].ended_at / POINTS)
    curves = {o.policy: _mean(report.grid(o, width_s).values()) for o in outcomes}
    lowest = min((value for curve in curves.values() for value in curve), default=0.0)
    chart = _lines(
        "Sockets that can really carry messages",
        _colours(outcomes),
        x_title="hours",
        range=(math.floor(lowest * 10) * 10, 100),
        value_formatter=lambda y: f"{y:.0f} %",
    )
    for name, curve in curves.items():
        chart.add(name, [((index + 0.5) * width_s / 3600, 100 * value) for index, value in enumerate(curve)])
    return _svg(chart)


def _mean(rows: Iterable[Sequence[float]]) -> list[float]:
    columns = list(zip(*rows, strict=True))
    return [sum(column) / len(column) for column in columns]


def times(outcomes: Sequence[Outcome], title: str, pick: report.Pick) -> str:
    """Cumulated shares of the times that `pick` finds in the falls, seconds on a logarithmic axis."""
    chart = _lines(
        title,
        _colours(outcomes),
        x_title="seconds",
        xrange=(0, DECADES),
        x_labels=list(range(DECADES + 1)),
        x_value_formatter=lambda x: f"{SHORTEST_S * 10**x:g}",
        range=(0, 100),
        value_formatter=lambda y: f"{y:.0f} %",
    )
    for outcome in outcomes:
        chart.add(outcome.policy, _cumulated(pick(outcome.falls)))
    return _svg(chart)


def _cumulated(values: Sequence[float]) -> list[tuple[float, float]]:
    points: list[tuple[float, float]] = []
    for index, value in enumerate(sorted(values)):
        x = min(float(DECADES), math.log10(max(value, SHORTEST_S) / SHORTEST_S))
        points += [(x, 100 * index / len(values)), (x, 100 * (index + 1) / len(values))]
    return [*points, (DECADES, 100.0)] if points else []


def calls(outcomes: Sequence[Outcome]) -> str:
    """All calls a minute."""
    hours = outcomes[0].ended_at / 3600
    chart = _lines("Calls to providers, a minute", _colours(outcomes), x_title="hours", include_x_axis=True)
    for outcome in outcomes:
        chart.add(outcome.policy, _over_time(outcome.calls_per_minute, hours))
    return _svg(chart)


def opens(outcomes: Sequence[Outcome]) -> str:
    """The calls a minute that open sockets, beside what the servers may get."""
    hours = outcomes[0].ended_at / 3600
    budget = max(o.budget_per_minute for o in outcomes)
    colours = [*_colours(outcomes), BUDGET]
    chart = _lines("Socket-opening calls, a minute", colours, x_title="hours", include_x_axis=True)
    for outcome in outcomes:
        chart.add(outcome.policy, _over_time(outcome.opens_per_minute, hours, most=True))
    chart.add("budget", [(0, budget), (hours, budget)], stroke_style=DASHED)
    return _svg(chart)


def _over_time(values: Sequence[int], hours: float, *, most: bool = False) -> list[tuple[float, float]]:
    """At most about `POINTS` points: the mean of each stretch, or its greatest."""
    values = values[: math.ceil(hours * 60)]
    step = max(1, len(values) // POINTS)
    points = []
    for begin in range(0, len(values), step):
        part = values[begin : begin + step]
        points.append(((begin + len(part) / 2) / 60, float(max(part)) if most else sum(part) / len(part)))
    return points


def heat(outcome: Outcome) -> str:
    """Each session's hours: no dot is up all the hour, the largest down all the hour."""
    import pygal  # noqa: PLC0415 - an extra

    rows = report.grid(outcome, 3600.0)
    order = sorted(rows, key=lambda line: sum(rows[line]))[:WORST]
    columns = max(len(cells) for cells in rows.values())
    chart = pygal.Dot(
        **_look([DOWN] * len(order)),
        title=f"Minutes down by session and hour, {outcome.policy} (worst {len(order)})",
        height=120 + 16 * len(order),
        show_legend=False,
        range=(0, 60),
        x_title="hours since the start",
        x_labels=[str(hour) for hour in range(columns)],
        x_labels_major_every=max(1, columns // 12),
        show_minor_x_labels=False,
        no_data_text="never down",
    )
    for line in order:
        chart.add(line[1], [round(60 * (1 - up), 1) if up < 0.9995 else None for up in rows[line]])
    return _svg(chart)


def messages(outcomes: Sequence[Outcome]) -> str:
    """What became of the application's messages, a bar for each policy."""
    import pygal  # noqa: PLC0415 - an extra

    rows = list(reversed(outcomes))  # pygal puts the first one at the bottom
    chart = pygal.HorizontalStackedBar(
        **_look([colour for _, colour in FATES], edge="0"),  # with an edge a bar of no length would show, too
        title="What became of the messages",
        height=140 + 50 * len(outcomes),
        x_labels=[outcome.policy for outcome in rows],
        print_values=True,
        print_zeroes=False,
    )
    for (name, _), counts in zip(FATES, zip(*map(_fates, rows), strict=True), strict=True):
        chart.add(name, counts)
    return _svg(chart)


def _fates(outcome: Outcome) -> tuple[int, ...]:
    told = outcome.messages
    return told.delivered - told.late, told.late, told.waiting + told.in_doubt, told.said_failed, max(0, told.lost)


# -- what all pictures share ---------------------------------------------------------------------------------------


def _colours(outcomes: Iterable[Outcome]) -> list[str]:
    more: Iterator[str] = cycle(MORE_COLOURS)
    return [COLOURS.get(outcome.policy) or next(more) for outcome in outcomes]


def _lines(title: str, colours: Sequence[str], **options: Any) -> Any:
    import pygal  # noqa: PLC0415 - an extra

    usual: dict[str, Any] = {"height": 320, "show_dots": False, "stroke_style": {"width": 2}}
    return pygal.XY(**_look(colours), **usual, title=title, **options)


def _look(colours: Sequence[str], edge: str = "2") -> dict[str, Any]:
    """A white ground of its own, so that it reads alike on a light and on a dark page; no script from elsewhere."""
    from pygal.style import Style  # noqa: PLC0415 - an extra

    style = Style(
        background="#fff",
        plot_background="#fff",
        foreground="#334155",
        foreground_strong="#334155",
        foreground_subtle="#e2e8f0",
        guide_stroke_color="#e2e8f0",
        major_guide_stroke_color="#e2e8f0",
        font_family="system-ui, sans-serif",
        label_font_size=12,
        major_label_font_size=12,
        value_font_size=12,
        legend_font_size=12,
        no_data_font_size=20,
        opacity="1",
        stroke_opacity="1",
        stroke_width=edge,
        colors=tuple(colours),
    )
    return {
        "style": style,
        "width": 860,
        "explicit_size": True,
        "js": (),
        "disable_xml_declaration": True,
        "truncate_legend": -1,
        "truncate_label": -1,
    }


def _svg(chart: Any) -> str:
    from pygal.etree import etree  # noqa: PLC0415 - an extra

    etree.to_etree()  # where lxml happens to be installed, pygal would write other bytes by it
    chart.uuid = "picture"  # a random one otherwise; `no_prefix` instead leaves rules of CSS without a selector
    chart.add_xml_filter(_undated)
    return f"{chart.render()}\n"


def _undated(root: Any) -> Any:
    """Without the library's comments, one of which holds today's date, and its script, which nothing here runs."""
    for node in list(root):
        if callable(node.tag):  # a comment
            root.remove(node)
    for defs in root.iter("defs"):
        for script in defs.findall("script"):
            defs.remove(script)
    return root
