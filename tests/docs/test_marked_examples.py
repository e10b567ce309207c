"""Every block of the documents below a line `<!-- run -->` is run as it stands, in its page's order.

They find what their pages speak of: a gateway without servers, one server of each kind with instances that people had
before, and somebody who listens at the webhooks' addresses. The pages share a gateway, one after another; a page that
speaks of the same servers as others is `ALONE`, and one that needs more has a test of its own (`examples.OWN_STORY`).
Translations are not marked: they have their pages' commands (`test_twins`, `typed`).
"""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from esteio.sim.sandbox.servers import DEFAULT_KEY, live_world, serve_sandbox
from tests.clients.door import Door, opened
from tests.clients.hooks import listening
from tests.clients.test_moving_page import old_instance
from tests.docs.api_pages import FOLDER
from tests.docs.examples import NEEDS, OWN_STORY, ROOT, Example, marked, needed, running

PAGES = sorted(path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
HERE = [page for page in PAGES if marked(page) and page not in OWN_STORY]
ALONE = ["docs/how-to/adopting.md"]
SHOWN = re.compile(r"^```js\n(.*?)^```", re.MULTILINE | re.DOTALL)
INSTANCES = {"clinic-prod": "5511933334444", "shop-prod": "5511944445555"}


async def made(url: str, body: Any, headers: dict[str, str]) -> Any:
    """What a provider's server answers to somebody who makes something there, past the gateway."""
    async with aiohttp.ClientSession(headers=headers) as client, client.post(url, json=body) as answer:
        assert answer.status < 300, await answer.text()
        return await answer.json()


@asynccontextmanager
async def providers(door: Door, hook: str) -> AsyncIterator[dict[str, str]]:
    """The servers of the pages. What stands in the pages for something of the reader's own → what it is here."""
    for name, phone in INSTANCES.items():
        await old_instance(door, hook, name, phone)
    sandbox = await serve_sandbox(live_world(), baileys="127.0.0.1:0", wapi="127.0.0.1:0")
    baileys, wapi = sandbox.urls["baileys"], sandbox.urls["wapi"]
    try:
        await made(f"{baileys}/sessions", {"name": "default"}, {"x-api-key": DEFAULT_KEY})
        key = {"authorization": f"Bearer {DEFAULT_KEY}"}
        lite = await made(f"{wapi}/integrator/create-instance", {"instanceName": "support"}, key)
        yield {
            "https://evolution.example.com": door.world.servers["evolution"].base_url,
            "https://baileys.example.com": baileys,
            "https://api.w-api.app/v1": wapi,
            "LITE-XXXXXX-XXXXXX": lite["instanceId"],
            "YOUR-INSTANCE-TOKEN": lite["token"],
            "YOUR-EVOLUTION-KEY": DEFAULT_KEY,
            "SUA-CHAVE-DA-EVOLUTION": DEFAULT_KEY,
            "YOUR-SERVER-KEY": DEFAULT_KEY,
            "https://crm.example/hooks/esteio": hook,
            "https://n8n.example.com/webhook/esteio": hook,
            "https://YOUR-PROJECT.supabase.co/functions/v1/esteio": hook,
        }
    finally:
        await sandbox.aclose()


@pytest.mark.parametrize("pages", [*([page] for page in ALONE), [page for page in HERE if page not in ALONE]], ids=len)
def test_every_marked_example_of_the_pages_runs(pages: Sequence[str], tmp_path: Path) -> None:
    examples = [(page, example) for page in pages for example in marked(page)]
    for _, example in examples:
        needed(example.language)

    async def whole() -> None:
        async with (
            opened(tmp_path, server=False) as door,
            listening() as hooks,
            providers(door, hooks.url) as own,
            running(f"http://127.0.0.1:{door.gateway.port}", door.key, tmp_path) as runner,
        ):
            for page, example in examples:
                try:
                    await runner.run(example.with_words(own))
                except AssertionError as why:
                    raise AssertionError(f"{page}: {why}") from None

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
    assert len(HERE) >= 8
    assert all(example.language in NEEDS for page in PAGES for example in marked(page))
    for page, test in OWN_STORY.items():
        assert marked(page), f"{page} has no marked example any more"
        assert Path(page).name in (ROOT / test).read_text("utf-8")


def test_a_mark_is_read_with_and_without_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page = "<!-- run -->\n```sh\na\n```\n\n```sh\nb\n```\n\n<!-- run: then look -->\n\n```js\nc\n```\n"
    (tmp_path / "page.md").write_text(page)
    monkeypatch.setattr("tests.docs.examples.ROOT", tmp_path)
    assert marked("page.md") == [Example("sh", "a\n"), Example("js", "c\n")]
