"""`--json` at every verb: what it prints in a pipe is one JSON document, or one a line where it is a stream.

The verbs are read out of the command itself, so that a new one is missed here until it has its line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import typer
from typer.main import get_command
from typer.testing import CliRunner

from esteio.cli.main import app
from esteio.core.views import documents
from esteio.sim.demo import summary
from esteio.sim.demo.account import Part
from esteio.sim.demo.run import Plan, Run
from esteio.sim.demo.texts import Words
from tests.cli.cli_processes import Installation, Running, free_port
from tests.cli.test_answers import NOW, Gateway, approval, gateway

__all__ = ["gateway"]
"""A fixture."""


def leaves(found: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that can be called, by its words."""
    below = getattr(found, "commands", {})
    if not below or getattr(found, "invoke_without_command", False):
        yield words, found
    for name in below:
        _, command, _ = found.resolve_command(typer.Context(found, info_name="esteio"), [name])
        yield from leaves(command, (*words, name))


VERBS = {words: command for words, command in leaves(get_command(app)) if words}

AGAINST_A_GATEWAY: dict[tuple[str, ...], tuple[str, ...]] = {
    ("top",): (),
    ("login",): (),
    ("sessions",): (),
    ("why",): ("clinic",),
    ("send",): ("clinic", "5511912345678", "hello"),
    ("pause",): ("clinic",),
    ("resume",): ("clinic",),
    ("recover",): ("clinic",),
    ("adopt",): ("evo",),
    ("notify",): ("--test",),
    ("doctor",): (),
    ("servers",): (),
    ("servers", "add"): ("spare", "evolution", "http://127.0.0.1:9", "--apikey", "k"),
    ("servers", "remove"): ("spare",),
    ("webhooks",): (),
    ("webhooks", "add"): ("http://127.0.0.1:9/hook",),
    ("webhooks", "test"): ("WEBHOOK",),
    ("webhooks", "rotate"): ("WEBHOOK",),
    ("webhooks", "deliveries"): ("WEBHOOK",),
    ("webhooks", "remove"): ("WEBHOOK",),
    ("dead-letters",): (),
    ("dead-letters", "replay"): ("--dry-run",),
    ("keys", "create"): ("reader", "--role", "read"),
    ("keys", "list"): (),
    ("keys", "revoke"): ("KEY",),
    ("audit", "list"): (),
    ("audit", "verify"): (),
    ("vault", "show"): (),
    ("tenants", "create"): ("lojas", "--sessions", "3"),
    ("tenants", "list"): (),
    ("tenants", "change"): ("lojas", "--suspend"),
    ("tenants", "remove"): ("lojas",),
    ("export",): ("clinic", "--out", "FOLDER/clinic.jsonl"),
    ("replay",): ("FOLDER/clinic.jsonl",),
    ("apply",): ("FOLDER/empty.toml", "--plan"),
    ("backup",): ("FOLDER/copy.tar", "--data", "DATA"),
    ("restore",): ("FOLDER/copy.tar", "--data", "FOLDER/back"),
    ("simulate",): ("--sessions", "1", "--hours", "0.1", "--policy", "default", "--jobs", "1"),
}
"""What is given to each, in this order; capitals stand for what an earlier one gave."""
ELSEWHERE = {
    ("serve",),
    ("sandbox",),
    ("demo",),
    ("qr",),
    ("events",),
    ("approve",),
    ("reject",),
    ("migrate-data",),
} | {
    ("audit", "export"),
    ("vault", "rotate"),
    ("vault", "retire"),
}
"""With a test of their own, here, in `moving`, `audit`, or where the demo's account is tested."""


def documents_of(stdout: str) -> list[Any]:
    """A document a line. Raises `ValueError` for anything else."""
    return [json.loads(line) for line in stdout.splitlines()]


def test_every_verb_has_the_option_and_a_line_here() -> None:
    without = [words for words, command in VERBS.items() if not any("--json" in one.opts for one in command.params)]
    assert without == []
    assert set(VERBS) == {*AGAINST_A_GATEWAY, *ELSEWHERE}


def test_what_it_prints_is_one_document(linked: Installation, tmp_path: Path) -> None:
    given = {"FOLDER": str(tmp_path), "DATA": str(linked.home / "data")}
    (tmp_path / "empty.toml").write_text("")
    for words, args in AGAINST_A_GATEWAY.items():
        filled = [given[arg] if arg in given else arg.replace("FOLDER", given["FOLDER"]) for arg in args]
        told = CliRunner().invoke(app, [*words, *filled, "--json"], env=linked.environment())
        assert told.exception is None or isinstance(told.exception, SystemExit), words
        found = documents_of(told.stdout)
        assert len(found) == 1, (words, told.output)
        assert isinstance(found[0], dict), words
        if words == ("webhooks", "add"):
            given["WEBHOOK"] = found[0]["id"]
        if words == ("keys", "create"):
            given["KEY"] = found[0]["id"]
        if words == ("backup",):
            assert found[0]["counts"]["sessions"] >= 1


def test_a_decision_about_an_approval_is_a_document(gateway: Gateway) -> None:
    for verb in ("approve", "reject"):
        gateway.answers[f"/v1/approvals/apr_1/{verb}"] = {**approval(), "state": "decided"}
        assert documents_of(gateway.verb(verb, "apr_1", "--json").stdout)[0]["id"] == "apr_1"


def test_a_code_is_a_document_and_so_is_one_to_type(gateway: Gateway) -> None:
    code = {"code": "2@x", "png_base64": "", "count": 1, "seen_at": documents.timestamp(NOW), "expires_at": "…"}
    gateway.answers["/v1/sessions/clinic/qr"] = code
    assert documents_of(gateway.verb("qr", "clinic", "--json").stdout) == [code]
    gateway.answers["/v1/sessions/clinic/pair"] = {"pairing_code": "ABCD-EFGH"}
    told = gateway.verb("qr", "clinic", "--phone", "5511912345678", "--json")
    assert documents_of(told.stdout) == [{"session": "clinic", "pairing_code": "ABCD-EFGH"}]
    assert json.loads(gateway.asked[-1][3])["phone_number"] == "5511912345678"
    assert gateway.verb("qr", "clinic", "--phone", "5511912345678").stdout == "ABCD-EFGH\n"


def test_events_are_a_document_a_line(linked: Installation) -> None:
    listener = Running("events", "--after", "0", "--json", cwd=linked.home, **linked.environment())
    try:
        told = listener.said("session.state_changed").splitlines()
    finally:
        listener.end()
    assert all("type" in json.loads(line) for line in told[:-1])


def test_what_goes_on_serving_says_first_where_it_is(tmp_path: Path) -> None:
    listen = f"127.0.0.1:{free_port()}"
    gateway = Running("serve", "--json", "--listen", listen, "--data", "data", cwd=tmp_path)
    box = Running("sandbox", "--json", "--evolution", "127.0.0.1:0", "--control", "127.0.0.1:0", cwd=tmp_path)
    try:
        served, simulated = json.loads(gateway.said("}\n")), json.loads(box.said("}\n"))
    finally:
        gateway.end()
        box.end()
    assert served["urls"]["api"] == f"http://{listen}"
    assert served["admin_key"]
    assert set(simulated["urls"]) == {"evolution", "control"}


def test_the_demos_account_is_a_document() -> None:
    stage: Any = SimpleNamespace(world=SimpleNamespace(now=lambda: NOW))
    run = Run(Plan(7, "en"), stage, Words("en"))
    run.ledger.parts.append(Part("all", NOW, "", proof=["Nothing was lost."]))
    run.ledger.over, run.tales["000"].faults, run.took = True, ["Too late."], 61.5
    told = json.loads(json.dumps(summary.document(run)))
    assert (told["seed"], told["passed"], told["took_s"]) == (7, False, 61.5)
    by_code = {story["code"]: story for story in told["stories"]}
    assert by_code["ledger"]["passed"]
    assert by_code["ledger"]["parts"][0]["proof"] == ["Nothing was lost."]
    assert by_code["000"] == {"code": "000", "passed": False, "faults": ["Too late."], "parts": []}
