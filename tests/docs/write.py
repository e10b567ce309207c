"""`python -m tests.docs.write`: writes every page, part of a page and picture that is made from code, anew.

`tests/test_documented_pages.py` compares them with what would be written. Never lives here: what one says.
"""

from __future__ import annotations

from pathlib import Path

from tests.docs import api_pages, command_pages, event_pages, life_pictures, pictures, settings_pages, state_pages

ROOT = Path(__file__).resolve().parents[2]


def generated() -> dict[str, str]:
    """Path in the repository → the whole file."""
    made = (api_pages, event_pages, command_pages)
    files = {name: text for one in made for name, text in one.pages().items()}
    files |= pictures.pictures() | life_pictures.pictures()
    return {name: text.rstrip() + "\n" for name, text in files.items()}


def parts() -> dict[tuple[str, str], str]:
    """(Path, mark) → what stands between two lines of that mark in a page that people write."""
    states = [(state_pages.MARK, state_pages.moves()), *(pictures.shown(name) for name in pictures.drawn())]
    return {("docs/reference/states.md", mark): text for mark, text in states} | settings_pages.parts()


if __name__ == "__main__":
    for name, text in generated().items():
        (ROOT / name).parent.mkdir(exist_ok=True)
        (ROOT / name).write_text(text, encoding="utf-8")
    for (name, mark), text in parts().items():
        before, _, after = (ROOT / name).read_text("utf-8").split(mark)
        (ROOT / name).write_text(f"{before}{mark}\n{text}\n{mark}{after}", encoding="utf-8")
