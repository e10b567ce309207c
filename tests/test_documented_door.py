"""docs/reference/evolution-door.md shows every route of the door, and every known difference from Evolution."""

from __future__ import annotations

from pathlib import Path

from esteio.api.evolution.app import TABLE
from tests.api.evolution.whole.recorded import differences

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "evolution-door.md"
ROUTES = "<!-- routes: made from esteio.api.evolution.app.TABLE -->"
DIFFERENCES = "<!-- differences: made from tests/api/evolution/differences.toml -->"
ANYBODY = "nobody's key"


def routes() -> str:
    """A row a route, in the order of the table."""
    rows = [
        f"| `{route.method} {route.path}` | {route.treatment} | {f'`{route.role}`' if route.role else ANYBODY} |"
        for route in TABLE
    ]
    return "\n".join(["| Route | Treatment | Role |", "|---|---|---|", *rows])


def known_differences() -> str:
    """A row a difference."""
    rows = [
        f"| {route} | {one.evolution} | {one.here} | {one.why} |"
        for one in differences()
        for route in [one.route if one.route == "all" else ", ".join(f"`{word}`" for word in one.route.split(", "))]
    ]
    return "\n".join(["| Route | Evolution 2.3.7 | Esteio | Why |", "|---|---|---|---|", *rows])


def between(mark: str) -> str:
    shown = PAGE.read_text("utf-8").split(mark)
    assert len(shown) == 3, f"a table stands between two marks {mark}"
    return shown[1].strip()


def test_the_page_shows_every_route() -> None:
    assert between(ROUTES) == routes(), f"docs/reference/evolution-door.md should hold:\n{routes()}"


def test_the_page_shows_every_difference() -> None:
    assert between(DIFFERENCES) == known_differences(), (
        f"docs/reference/evolution-door.md should hold:\n{known_differences()}"
    )


def test_no_cell_breaks_its_table() -> None:
    for one in differences():
        assert "|" not in one.route + one.evolution + one.here + one.why


if __name__ == "__main__":
    # `python -m tests.test_documented_door` writes both tables anew.
    text = PAGE.read_text("utf-8")
    for mark, table in ((ROUTES, routes()), (DIFFERENCES, known_differences())):
        before, _, after = text.split(mark)
        text = f"{before}{mark}\n{table}\n{mark}{after}"
    PAGE.write_text(text, "utf-8")
