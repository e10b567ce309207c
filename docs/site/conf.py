"""How `make docs` makes HTML of the repository's pages (Sphinx reads this file): what is a page, what is in which part.

The navigation is `docs/README.md` itself: its headings are the parts, the links below one are the pages of that part,
in their order; `api.md` beside a folder `api` is the chapter of that folder's pages. A page with a twin in Portuguese
(`NAME.pt-BR.md`) links to it, and stands in the navigation for both.
Never lives here: a text, and what would have a page ask for something from elsewhere.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]
TWIN = ".pt-BR"

project = "Esteio"
copyright = "Esteio's contributors, Apache License 2.0"
language = "en"
extensions = ["myst_parser"]
root_doc = "docs/README"
include_patterns = ["*.md", "docs/**.md"]
exclude_patterns = [one.name for one in ROOT.iterdir() if one.is_dir() and one.name != "docs"]

myst_heading_anchors = 6

html_theme = "furo"
html_title = "Esteio"
html_static_path = ["static"]
html_css_files = ["esteio.css"]
html_copy_source = False
templates_path = ["templates"]
html_additional_pages = {"index": "index.html"}


def parts(contents: str) -> dict[str, list[str]]:
    """Of `docs/README.md`: each heading with the pages that are linked below it, as Sphinx names them."""
    found: dict[str, list[str]] = {}
    for block in contents.split("\n## ")[1:]:
        heading, _, rest = block.partition("\n")
        links = re.findall(r"\]\(([^)#]+)\.md\)", rest)
        found[heading.strip()] = [link for link in links if not link.endswith(TWIN)]
    return found


def navigation(contents: str) -> str:
    """The page of documents with its parts as Sphinx's navigation, which shows beside every page."""
    trees = [
        f"```{{toctree}}\n:hidden:\n:caption: {part}\n\n" + "\n".join(pages) + "\n```"
        for part, pages in parts(contents).items()
        if pages
    ]
    return "\n\n".join([contents, *trees])


def chapter(name: str, contents: str) -> str:
    """A page with the pages of the folder that is called like it, in the order of its links."""
    folder = name.rpartition("/")[2]
    links = dict.fromkeys(re.findall(rf"\]\(({re.escape(folder)}/[^)#]+)\.md\b", contents))
    pages = [link for link in links if not link.endswith(TWIN)]
    return "\n\n".join([contents, "```{toctree}\n:hidden:\n\n" + "\n".join(pages) + "\n```"])


def on_source(_app: Sphinx, name: str, content: list[str]) -> None:
    """A twin is reached from its page, not from the navigation."""
    if name == root_doc:
        content[0] = navigation(content[0])
    elif (ROOT / name).is_dir():
        content[0] = chapter(name, content[0])
    elif name.endswith(TWIN):
        content[0] = f"---\norphan: true\n---\n{content[0]}"


def on_page(_app: Sphinx, name: str, _template: str, context: dict[str, Any], _tree: object) -> None:
    """A page says which language it is in, for readers of the screen."""
    if name.endswith(TWIN):
        context["language"] = "pt-BR"


def setup(app: Sphinx) -> dict[str, bool]:
    """What Sphinx calls."""
    app.connect("source-read", on_source)
    app.connect("html-page-context", on_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
