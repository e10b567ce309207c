"""What the page of states shows of the code's tables, and the pictures of them. Never lives here: a rule."""

from __future__ import annotations

from esteio.core.messages.transitions import MEANINGS, MOVES

MARK = "<!-- moves of a message: made from core.messages.transitions -->"


def moves() -> str:
    """The table by which messages really move: one row an event."""
    lines = ["| What happens | In which states | Then it is |", "|---|---|---|"]
    for event, moves in MOVES.items():
        parts: dict[str, list[str]] = {}
        for before, following in moves.items():
            parts.setdefault("unchanged" if following == before else f"`{following}`", []).append(f"`{before}`")
        whence = "; ".join(", ".join(one) for one in parts.values())
        lines.append(f"| `{event}`: {MEANINGS[event]} | {whence} | {'; '.join(parts)} |")
    return "\n".join(lines)
