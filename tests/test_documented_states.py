"""The page of states shows the table by which messages really move."""

from pathlib import Path

from esteio.core.messages.transitions import MEANINGS, MOVES

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "states.md"
MARK = "<!-- moves of a message: made from core.messages.transitions -->"


def table() -> str:
    """The table as the page has it: one row an event."""
    lines = ["| What happens | In which states | Then it is |", "|---|---|---|"]
    for event, moves in MOVES.items():
        parts: dict[str, list[str]] = {}
        for before, following in moves.items():
            parts.setdefault("unchanged" if following == before else f"`{following}`", []).append(f"`{before}`")
        whence = "; ".join(", ".join(one) for one in parts.values())
        lines.append(f"| `{event}`: {MEANINGS[event]} | {whence} | {'; '.join(parts)} |")
    return "\n".join(lines)


def test_the_page_shows_the_table_of_moves() -> None:
    shown = PAGE.read_text("utf-8").split(MARK)
    assert len(shown) == 3, "the table stands between two marks"
    assert shown[1].strip() == table(), f"docs/reference/states.md should hold:\n{table()}"
