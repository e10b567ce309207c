"""A page and its twin in Portuguese say the same: links, rows of tables, settings, routes and commands.

Sections and blocks are compared in tests/test_documented.py.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

DOCS = Path(__file__).parents[2] / "docs"
LOCALES = DOCS.parent / "src" / "esteio" / "locales"
TWIN = ".pt-BR"
TWINS = sorted(path for path in DOCS.rglob(f"*{TWIN}.md"))
NAMES = re.compile(r"\bESTEIO_[A-Z_]+\b|/v1/\w+|/_sandbox/[\w-]+|\besteio [a-z]+(?:-[a-z]+)*|\s--[a-z][a-z-]+")
"""What is never translated."""


def links(page: str) -> list[str]:
    """Pages and addresses, whichever language they are in; but for the one to the twin."""
    found = re.findall(r"\]\(([^)#\s]+)", page.split("\n", 3)[3])
    return sorted(link.replace(TWIN, "") for link in found)


def names(page: str) -> list[str]:
    return sorted(set(NAMES.findall(page)))


def difference(page: str, twin: str) -> list[str]:
    """What the two pages have in different ways."""
    looks = {
        "links": links,
        "rows": lambda text: len(re.findall(r"^ *\|", text, re.MULTILINE)),
        "names": names,
    }
    return [f"{name}: {look(page)} / {look(twin)}" for name, look in looks.items() if look(page) != look(twin)]


@pytest.mark.parametrize("twin", TWINS, ids=lambda path: path.name)
def test_a_page_and_its_twin_say_the_same(twin: Path) -> None:
    page = twin.with_name(twin.name.replace(TWIN, ""))
    assert not difference(page.read_text(encoding="utf-8"), twin.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", ["tutorial", "how-to/sandbox"])
@pytest.mark.parametrize(("language", "ending"), [("en", ""), ("pt_BR", TWIN)])
def test_what_a_page_prints_in_bold_is_written_on_the_screen(page: str, language: str, ending: str) -> None:
    """On these pages that is how buttons and headings of the dashboard and of the sandbox's page are named."""
    named = set(re.findall(r"\*\*([^*\n]+)\*\*", (DOCS / f"{page}{ending}.md").read_text(encoding="utf-8")))
    assert len(named) > 3
    assert named <= shown(language)


def shown(language: str) -> set[str]:
    """Every text of the pages in this language."""
    found: set[str] = set()
    for file in (*LOCALES.glob(f"{language}/dashboard*.po"), *LOCALES.glob(f"{language}/sandbox.po")):
        with file.open("rb") as texts:
            found |= {str(entry.string) for entry in read_po(texts)}
    return found


@pytest.mark.parametrize(
    "twin",
    ["# A\n\nx\n\n`esteio qr`", "# A\n\nx\n\n`esteio why` [b](c.md)", "| a |"],
)
def test_a_twin_that_says_something_else_is_found(twin: str) -> None:
    assert difference("# A\n\nx\n\n`esteio why`", twin.ljust(20, "\n"))
