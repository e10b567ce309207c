"""Every block of the documents below a line `<!-- run -->` is run as it stands, in its page's order.

They find what their pages speak of: a gateway without servers, an Evolution server with two linked instances, and
somebody who listens at the webhook's address. A page that needs more has a test of its own (`examples.OWN_STORY`).
"""

from __future__ import annotations

import asyncio
import re
import subprocess
from pathlib import Path

import pytest

from esteio.sim.sandbox.servers import DEFAULT_KEY
from tests.clients.door import opened
from tests.clients.hooks import listening
from tests.clients.test_moving_page import old_instance
from tests.docs.api_pages import FOLDER
from tests.docs.examples import NEEDS, OWN_STORY, ROOT, Example, marked, needed, running

PAGES = sorted(path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
HERE = [page for page in PAGES if marked(page) and page not in OWN_STORY]
SHOWN = re.compile(r"^```js\n(.*?)^```", re.MULTILINE | re.DOTALL)
INSTANCES = {"clinic-prod": "5511987654321", "shop-prod": "5511912345678"}


@pytest.mark.parametrize("page", HERE)
def test_every_marked_example_of_a_page_runs(page: str, tmp_path: Path) -> None:
    for example in marked(page):
        needed(example.language)

    async def whole() -> None:
        async with opened(tmp_path, server=False) as door, listening() as hooks:
            own = {
                "https://evolution.example.com": door.world.servers["evolution"].base_url,
                "YOUR-EVOLUTION-KEY": DEFAULT_KEY,
                "SUA-CHAVE-DA-EVOLUTION": DEFAULT_KEY,
                "https://crm.example/hooks/esteio": hooks.url,
            }
            for name, phone in INSTANCES.items():
                await old_instance(door, hooks.url, name, phone)
            async with running(f"http://127.0.0.1:{door.gateway.port}", door.key, tmp_path) as runner:
                for example in marked(page):
                    await runner.run(example.with_words(own))

    asyncio.run(whole())


def test_javascript_that_is_only_shown_can_be_read_by_node(tmp_path: Path) -> None:
    """What a page below `docs/reference/api` shows is run. What imports nothing may be the body of a function."""
    needed("js")
    shown = [page for page in PAGES if not page.startswith(f"{FOLDER}/")]
    blocks = [block for page in shown for block in SHOWN.findall((ROOT / page).read_text("utf-8"))]
    assert blocks
    for number, block in enumerate(blocks):
        file = tmp_path / f"{number}.mjs"
        whole = block if re.search(r"^import ", block, re.MULTILINE) else f"async () => {{\n{block}\n}};\n"
        file.write_text(whole, encoding="utf-8")
        told = subprocess.run(["node", "--check", str(file)], capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stderr


def test_pages_have_marked_examples_and_every_one_can_be_run() -> None:
    assert len(HERE) >= 3
    assert all(example.language in NEEDS for page in PAGES for example in marked(page))
    for page, test in OWN_STORY.items():
        assert marked(page), f"{page} has no marked example any more"
        assert Path(page).name in (ROOT / test).read_text("utf-8")


def test_a_mark_is_read_with_and_without_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page = "<!-- run -->\n```sh\na\n```\n\n```sh\nb\n```\n\n<!-- run: then look -->\n\n```js\nc\n```\n"
    (tmp_path / "page.md").write_text(page)
    monkeypatch.setattr("tests.docs.examples.ROOT", tmp_path)
    assert marked("page.md") == [Example("sh", "a\n"), Example("js", "c\n")]
