"""The demo's plain pages: the greeting, one block a story, the accounts, and where to look afterwards.

Never lives here: what is claimed (`scenarios`), the live table (`screen`).
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from esteio.core.model.policy import DEFAULT
from esteio.sim.demo.account import Account, Part
from esteio.sim.demo.run import Run
from esteio.sim.demo.stage import HOMES, POLICY
from esteio.sim.demo.texts import Words

Line = tuple[str, int, str, str]
"""Style, indent, label, text."""
WIDEST = 110
LABEL = 10
CODE = "code"
"""The style of what is to be copied: never wrapped."""


def print_to(console: Console, lines: Iterable[Line]) -> None:
    """Lines of prose, wrapped to the console (to a page in a pipe), labels in a column of their own."""
    width = min(console.width, WIDEST) if console.is_terminal else WIDEST
    for style, indent, label, text in lines:
        head = " " * indent + (label.ljust(LABEL) if label else "")
        if style == CODE:
            console.print(Text(head + text), soft_wrap=True, highlight=False)
            continue
        wrapped = textwrap.wrap(text, max(20, width - len(head))) or [""]
        for number, piece in enumerate(wrapped):
            lead = head if number == 0 else " " * len(head)
            console.print(Text.assemble((lead, "dim"), (piece, style)), soft_wrap=True, highlight=False)


def greeting(run: Run, login_link: str) -> Iterator[Line]:
    """What is about to be seen."""
    words = run.words
    yield "bold", 0, "", "Esteio"
    yield "", 0, "", words("intro", servers=len(HOMES))
    yield "dim", 0, "", _policy(words)
    yield from _places(run, login_link)
    yield "", 0, "", ""


def summary(run: Run) -> Iterator[Line]:
    """The account of one run, line by line: greeting, policy, each story, the ledgers, seed and duration."""
    words = run.words
    yield "", 0, "", words("intro", servers=len(HOMES))
    yield "", 0, "", _policy(words)
    if run.healthy_after is not None:
        yield "", 0, "", words("first-healthy", seconds=words.seconds(run.healthy_after))
    yield "", 0, "", ""
    for account in run.tales.values():
        yield from _story(words, account)
    yield from _accounts(words, run.ledger)
    yield "", 0, "", words("seed", seed=run.plan.seed, seconds=words.seconds(run.took or 0.0))
    if run.failed:
        named = ", ".join(words("title.ledger") if code == "ledger" else code for code in run.failed)
        yield "bold red", 0, "", words("verdict.bad", stories=named)
    else:
        yield "bold green", 0, "", words("verdict.good")


def document(run: Run) -> dict[str, Any]:
    """The same account for programs. `took` and what was seen and done are sentences; durations end in `_s`."""
    accounts = (*run.tales.values(), run.ledger)
    return {
        "seed": run.plan.seed,
        "passed": not run.failed,
        "took_s": run.took,
        "first_connected_s": run.healthy_after,
        "stories": [
            {
                "code": one.code,
                "passed": one.over and not one.faults,
                "faults": one.faults,
                "parts": [msgspec.to_builtins(part) for part in one.parts],
            }
            for one in accounts
        ],
    }


def where(run: Run, fresh: str, login_link: str) -> Iterator[Line]:
    """What a person can do now. `login_link`: lets a browser in, once."""
    words, stage = run.words, run.stage
    yield "", 0, "", ""
    yield "bold", 0, "", f"{words('where')} {words('stop')}"
    yield from _places(run, login_link)
    yield "", 2, "", words("where.fresh", session=fresh)
    yield "", 2, "", words("where.try")
    yield CODE, 4, "", f"export ESTEIO_URL={stage.url}"
    yield CODE, 4, "", f"export ESTEIO_KEY={stage.key}"
    yield CODE, 4, "", f"esteio sessions; esteio why 001-process; esteio qr {fresh}"
    yield "", 0, "", ""


def _places(run: Run, login_link: str) -> Iterator[Line]:
    words, stage = run.words, run.stage
    yield CODE, 2, "", f"{words('where.front')}: {login_link}"
    yield "", 2, "", f"{words('where.docs')}: {stage.url}/docs"
    yield "", 2, "", f"{words('where.sandbox')}: {stage.sandbox.urls['control']}/_sandbox/"
    yield CODE, 2, "", f"{words('where.key')}: {stage.key}"


def _policy(words: Words) -> str:
    changes = [f"{knob} {getattr(DEFAULT, knob):g} → {value:g}" for knob, value in POLICY["default"].items()]
    return words("policy", changes=", ".join(changes))


def _story(words: Words, account: Account) -> Iterator[Line]:
    yield "bold", 0, "", f"{account.code}  {words(f'title.{account.code}')} — {_verdict(words, account)}"
    for part in account.parts:
        yield "bold", 2, "", part.who
        yield from _part(words, part)
    yield from _faults(words, account)
    yield "", 0, "", ""


def _accounts(words: Words, account: Account) -> Iterator[Line]:
    yield "bold", 0, "", f"{words('title.ledger')} — {_verdict(words, account)}"
    for part in account.parts:
        for claim in part.proof:
            yield "", 2, "", claim
    yield from _faults(words, account)
    yield "", 0, "", ""


def _part(words: Words, part: Part) -> Iterator[Line]:
    rows = (
        ("broke", [part.broke]), ("saw", part.saw), ("did", part.did), ("took", [part.took] if part.took else []),
        ("proof", part.proof),
    )  # fmt: skip
    for label, texts in rows:
        for number, text in enumerate(texts):
            yield "", 4, words(f"label.{label}") if number == 0 else " ", text


def _faults(words: Words, account: Account) -> Iterator[Line]:
    for fault in account.faults:
        yield "bold red", 4, words("label.fault"), fault


def _verdict(words: Words, account: Account) -> str:
    if account.faults:
        return words("failed")
    return words("passed" if account.over else "playing")
