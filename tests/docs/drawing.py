"""A small drawing as SVG: boxes and arrows, readable in light and in dark, with words for who cannot see it.

It has a background of its own, because a page may be dark where the reader's system is light. Never lives here: what is
drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import Final

STYLE: Final = """
svg { font: 13px system-ui, sans-serif; color-scheme: light dark }
.paper { fill: #fff } .box { fill: #f4f5f7; stroke: #5b6470 } .good { fill: #e3f4e8; stroke: #1f7a3d }
.bad { fill: #fdeaea; stroke: #b3261e } .asks { fill: #fff4d6; stroke: #8a6100 } .group { fill: none; stroke: #8b95a1 }
.group { stroke-dasharray: 2 3 } text { fill: #1b1f24 }
.soft { fill: #4a525c; font-size: 12px } .title { font-weight: 600 }
.line { fill: none; stroke: #4a525c; stroke-width: 1.4 } .dashed { stroke-dasharray: 5 4 } .tip { fill: #4a525c }
.under { fill: #fff }
@media (prefers-color-scheme: dark) {
.paper, .under { fill: #16191d } .box { fill: #23282e; stroke: #9aa4b0 } .good { fill: #15301f; stroke: #6cc98a }
.bad { fill: #3a1c1b; stroke: #ff9b94 } .asks { fill: #352b10; stroke: #f0c65a } text { fill: #eceff3 }
.soft { fill: #b9c1cb } .line { stroke: #b9c1cb } .tip { fill: #b9c1cb }
}
"""
LINE: Final = 17
"""Height of a line of text."""
WIDE: Final = 6.6
"""What a letter takes, about."""
Point = tuple[float, float]


class Drawing:
    """`width` × `height` in pixels. `title` and `words` say what is to be seen."""

    def __init__(self, width: int, height: int, title: str, words: str) -> None:
        self._size, self._title, self.words = (width, height), title, words
        self._parts: list[str] = []

    def box(
        self, place: tuple[float, float, float, float], lines: Sequence[str], kind: str = "box", first: str = "title"
    ) -> None:
        """(x, y, width, height) with lines of text in it, the first as `first`; what warns has sharp corners."""
        x, y, width, height = place
        corner = 1 if kind in ("bad", "asks") else 9
        self._parts.append(f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="{corner}"/>')
        top = y + height / 2 - (len(lines) - 1) * LINE / 2 + 4.5
        for number, text in enumerate(lines):
            self.text((x + width / 2, top + number * LINE), text, "soft" if number else first, "middle")

    def group(self, place: tuple[float, float, float, float], text: str, indent: float = 12) -> None:
        """A border around several, with what they have in common, `indent` from its left."""
        x, y, width, height = place
        self._parts.append(f'<rect class="group" x="{x}" y="{y}" width="{width}" height="{height}" rx="12"/>')
        self.text((x + indent, y + 18), text, "soft")

    def arrow(self, points: Sequence[Point], label: str = "", at: Point | None = None, *, dashed: bool = False) -> None:
        """A line through `points` with a tip at the last; `label` at the middle of its longest part, or `at`."""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        kind = "line dashed" if dashed else "line"
        self._parts.append(f'<polyline class="{kind}" points="{path}" marker-end="url(#tip)"/>')
        if label:
            self._label(label, at or middle(points))

    def text(self, at: Point, text: str, kind: str = "", anchor: str = "start") -> None:
        """One line of text; `at` is its baseline."""
        self._parts.append(
            f'<text class="{kind}" x="{at[0]:g}" y="{at[1]:g}" text-anchor="{anchor}">{escape(text)}</text>'
        )

    def _label(self, text: str, at: Point) -> None:
        lines = text.split("\n")
        width, height = max(map(len, lines)) * WIDE * 0.92 + 6, len(lines) * 15 + 2
        x, y = at[0] - width / 2, at[1] - height / 2
        self._parts.append(f'<rect class="under" x="{x:g}" y="{y:g}" width="{width:g}" height="{height}"/>')
        for number, line in enumerate(lines):
            self.text((at[0], y + 13 + number * 15), line, "soft", "middle")

    def svg(self) -> str:
        """The whole file."""
        width, height = self._size
        head = f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        tip = 'viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto"'
        whole = (
            f'<svg {head} role="img" aria-labelledby="title words">',
            f'<title id="title">{escape(self._title)}</title>',
            f'<desc id="words">{escape(self.words)}</desc>',
            f"<style>{STYLE}</style>",
            f'<defs><marker id="tip" {tip}><path class="tip" d="M0 0 10 5 0 10z"/></marker></defs>',
            f'<rect class="paper" width="{width}" height="{height}" rx="8"/>',
            *self._parts,
            "</svg>",
        )
        return "\n".join(whole) + "\n"


def middle(points: Sequence[Point]) -> Point:
    """Of the longest part of a line."""
    (ax, ay), (bx, by) = max(
        pairwise(points), key=lambda pair: abs(pair[0][0] - pair[1][0]) + abs(pair[0][1] - pair[1][1])
    )
    return ((ax + bx) / 2, (ay + by) / 2)
