"""`make docs`: the pages become HTML that holds together and asks nothing from elsewhere."""

from __future__ import annotations

import fcntl
import re
import shlex
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOADS = {"script": "src", "img": "src", "source": "srcset", "iframe": "src", "link": "href", "object": "data"}
"""Of each element that makes a browser ask for something, the attribute that says for what."""
STANDS_FOR_ITSELF = {"search", "genindex", "index"}
"""Pages that are made from none of ours."""


class Page(HTMLParser):
    """What a page is called, links to, loads and has places for."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.language = path, ""
        self.links: list[str] = []
        self.loads: list[str] = []
        self.places: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        self.places |= {said[name] for name in ("id", "name") if name in said}
        if tag == "html":
            self.language = said.get("lang", "")
        if tag == "a" and "href" in said:
            self.links.append(said["href"])
        if said.get(LOADS.get(tag, "")) and said.get("rel") not in {"next", "prev", "search", "index"}:
            self.loads.append(said[LOADS[tag]])


def build(root: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """Make the site of a repository, by the line that the Makefile has for it."""
    line = re.search(r"^\t\$\(PY\) (-m sphinx .*) \. build/docs$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert line is not None
    words = shlex.split(line[1].replace("build/doctrees", str(out / "doctrees")))
    command = [sys.executable, *words, str(root), str(out / "html")]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Page]:
    """Built once for the whole run, whichever worker comes first."""
    base = tmp_path_factory.getbasetemp()
    out = ((base.parent if base.name.startswith("popen-") else base) / "site").resolve()
    out.mkdir(exist_ok=True)
    with (out / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (out / "done").exists():
            built = build(ROOT, out)
            assert built.returncode == 0, built.stderr
            (out / "done").touch()
    return {path: Page(path) for path in sorted((out / "html").rglob("*.html"))}


def dead(page: Page, site: dict[Path, Page]) -> list[str]:
    """Links of a page into the site that find nothing there."""
    found = []
    for link in page.links:
        parts = urlsplit(link)
        if parts.scheme:
            continue
        target = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
        place = unquote(parts.fragment)
        if not target.is_file() or (place and target in site and place not in site[target].places):
            found.append(link)
    return found


def outside(page: Page) -> list[str]:
    """What a page loads that the site does not hold."""
    return [
        load
        for load in page.loads
        if urlsplit(load).netloc or not (page.path.parent / unquote(urlsplit(load).path)).is_file()
    ]


def test_every_link_and_every_place_in_a_page_is_there(site: dict[Path, Page]) -> None:
    assert len(site) > 20
    assert {path.as_posix(): links for path, page in site.items() if (links := dead(page, site))} == {}


def test_no_page_loads_anything_from_elsewhere(site: dict[Path, Page]) -> None:
    assert sum(len(page.loads) for page in site.values()) > 100
    assert {path.as_posix(): loads for path, page in site.items() if (loads := outside(page))} == {}
    root = next(path.parent for path in site if path.name == "search.html")
    styles = "\n".join(path.read_text("utf-8") for path in root.rglob("*.css"))
    assert re.findall(r"(?:url\(|@import)\s*[\"']?(?!data:|[\"']?data:)([^)\"';]*//[^)\"';]*)", styles) == []


def test_every_page_of_ours_became_one(site: dict[Path, Page]) -> None:
    root = next(path.parent for path in site if path.name == "search.html")
    made = {path.relative_to(root).with_suffix("").as_posix() for path in site} - STANDS_FOR_ITSELF
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    assert made == {path.relative_to(ROOT).as_posix().removesuffix(".md") for path in pages}


def test_twins_link_to_one_another_and_say_their_language(site: dict[Path, Page]) -> None:
    twins = {path: path.with_name(path.name.replace(".pt-BR", "")) for path in site if ".pt-BR." in path.name}
    assert len(twins) >= 3
    for portuguese, english in twins.items():
        assert (site[portuguese].language, site[english].language) == ("pt-BR", "en")
        assert portuguese.name in site[english].links
        assert english.name in site[portuguese].links


def test_the_navigation_has_the_four_parts_and_leads_to_every_page(site: dict[Path, Page]) -> None:
    root = next(path.parent for path in site if path.name == "search.html")
    tree = re.search(
        r'<div class="sidebar-tree">(.*?)</div>\s*</div>', (root / "search.html").read_text("utf-8"), re.DOTALL
    )
    assert tree is not None
    assert re.findall(r'<span class="caption-text">(.*?)</span>', tree[1]) == [
        "Tutorial",
        "How-to",
        "Reference",
        "Explanation",
    ]
    reached = set(re.findall(r'href="([^"#]+)\.html"', tree[1]))
    pages = {path.relative_to(root).with_suffix("").as_posix() for path in site if ".pt-BR" not in path.name}
    assert pages - STANDS_FOR_ITSELF - {"docs/README"} == reached


def test_the_index_of_the_search_is_part_of_the_site(site: dict[Path, Page]) -> None:
    root = next(path.parent for path in site if path.name == "search.html")
    index = (root / "searchindex.js").read_text("utf-8")
    assert index.startswith("Search.setIndex(")
    assert "docs/reference/states" in index


def test_dead_links_and_a_page_that_is_not_listed_end_the_build(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs" / "site", tmp_path / "docs" / "site")
    (tmp_path / "docs" / "README.md").write_text("# Documents\n\n## Tutorial\n\n[one](one.md)\n")
    (tmp_path / "docs" / "one.md").write_text("# One\n\n[a](none.md) [b](README.md#nowhere) [c](../nothing.yml)\n")
    (tmp_path / "docs" / "two.md").write_text("# Two\n")
    built = build(tmp_path, tmp_path / "build")
    assert built.returncode != 0
    for wrong in ("none.md", "nowhere", "nothing.yml", "two.md: WARNING: document isn't included in any toctree"):
        assert wrong in built.stderr
