"""The code of the pages on n8n and Supabase, run by Node on deliveries that the gateway's own code has signed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from esteio.engine.delivery.client import SECRET, signatures
from tests.clients.packages import Unavailable, npm_ci
from tests.docs.examples import needed

HERE = Path(__file__).parent
PAGES = HERE.parents[2] / "docs" / "how-to"
TWINS = ("", ".pt-BR")
WORD = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
OTHER = "whsec_" + "b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXI="
EVENT = {
    "type": "message.received",
    "timestamp": "2026-11-30T08:00:00.000Z",
    "data": {"session": "shop", "text": "Olá"},
}
DATABASE = """
globalThis.rows = [];
const failing = globalThis.Deno.env.get("FAILS");
export const createClient = () => ({
  from: (table) => ({
    upsert: async (row, { onConflict, ignoreDuplicates }) => {
      if (failing) return { error: { message: "the disk is full" } };
      const known = globalThis.rows.some((one) => one[onConflict] === row[onConflict]);
      if (!(known && ignoreDuplicates)) globalThis.rows.push({ table, ...row });
      return { error: null };
    },
  }),
});
"""
"""A stand-in for Supabase's client: one table in memory, with the primary key that the page makes."""


def block(page: str, language: str) -> str:
    """The first block of a page in a language."""
    found = re.search(rf"^```{language}\n(.*?)^```", (PAGES / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found, page
    return found[1]


def delivery(ident: str, *, secrets: tuple[str, ...] = (WORD,), age_s: float = 0, body: str = "") -> dict[str, Any]:
    """A request as the gateway makes it. Several secrets: a rotation overlaps. `body`: what came instead of it."""
    now, text = time.time() - age_s, json.dumps(EVENT, ensure_ascii=False, separators=(",", ":"))
    words = {SECRET: secrets[0]} | {f"old:{now + 3600}": one for one in secrets[1:]}
    signed = signatures(words, ident, now, text.encode())
    headers = {"webhook-id": ident, "webhook-timestamp": str(int(now)), "webhook-signature": signed}
    return {"headers": headers, "body": body or text}


def run(**asked: Any) -> Any:
    needed("js")
    command = ["node", str(HERE / "receive.mjs")]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("twin", TWINS)
def test_the_code_node_of_the_page_on_n8n_takes_what_is_signed_and_nothing_else(twin: str) -> None:
    code = block(f"n8n{twin}.md", "js").replace("whsec_…", WORD)
    good = [delivery("msg_1"), delivery("msg_2", secrets=(OTHER, WORD))]
    bad = [
        delivery("msg_3", secrets=(OTHER,)),
        delivery("msg_4", age_s=600),
        delivery("msg_5", body=json.dumps(EVENT | {"type": "message.deleted"})),
    ]
    answers = run(kind="n8n", code=code, requests=[*good, *bad])["answers"]
    assert answers[0] == {"items": [{"json": {"id": "msg_1", **EVENT}}]}
    assert answers[1] == {"items": [{"json": {"id": "msg_2", **EVENT}}]}
    assert ["failed" in answer for answer in answers[2:]] == [True, True, True]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose node_modules has the library that the page names, and a stand-in for Supabase's."""
    needed("js")
    folder = tmp_path_factory.mktemp("receivers")
    try:
        npm_ci(HERE / "receivers", folder)
    except Unavailable as reason:
        pytest.skip(str(reason))
    client = folder / "node_modules" / "@supabase" / "supabase-js"
    client.mkdir(parents=True)
    (client / "package.json").write_text('{"name": "@supabase/supabase-js", "type": "module", "main": "index.js"}')
    (client / "index.js").write_text(DATABASE)
    return folder


@pytest.mark.parametrize("twin", TWINS)
def test_the_function_of_the_page_on_supabase_stores_each_event_once(twin: str, packages: Path) -> None:
    code = re.sub(r'"npm:([^"]+?)@[\d.]+"', r'"\1"', block(f"supabase{twin}.md", "ts"))
    function = packages / f"function{twin}.mjs"
    function.write_text(code, encoding="utf-8")
    wrong = [delivery("msg_3", secrets=(OTHER,)), delivery("msg_4", age_s=600)]
    env = {"WEBHOOK_SECRET": WORD}
    asked = {"kind": "supabase", "file": str(function), "requests": [delivery("msg_1"), delivery("msg_1"), *wrong]}
    done = run(**asked, env=env)
    assert [answer["status"] for answer in done["answers"]] == [204, 204, 401, 401]
    (row,) = done["rows"]
    stored = {"webhook_id": "msg_1", "type": "message.received", "session": "shop", "data": EVENT["data"]}
    assert row == {"table": "esteio_events", "happened_at": EVENT["timestamp"], **stored}
    columns = re.findall(r"^  (\w+) ", block(f"supabase{twin}.md", "sql"), re.MULTILINE)
    assert {*row} - {"table"} <= {*columns}
    failed = run(**asked, env=env | {"FAILS": "yes"})
    assert [answer["status"] for answer in failed["answers"]] == [500, 500, 401, 401]


def test_node_is_there_in_the_ci() -> None:
    """So that the tests above cannot be passed over without anybody noticing."""
    needed("js")
    assert shutil.which("node")
