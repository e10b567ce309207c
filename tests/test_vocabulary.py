"""One word for one thing: names that `docs/reference/glossary.md` replaced do not come back.

Looked at are the names of modules, classes, functions, parameters and attributes below `src` and `benchmarks`; texts
and comments are for the eye.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
RETIRED = {
    "ajar": "socket open while claimed closed",
    "courier": "webhook client",
    "desk": "command objects",
    "ears": "silence watch",
    "lookout": "prober",
    "mailbox": "scheduler",
    "mailboxes": "scheduler",
    "nudge": "wake-up",
    "nudges": "wake-ups",
    "pacer": "rate limiter",
    "parking": "provider queue",
    "postman": "webhook sender",
    "rhythm": "traffic baseline",
    "road": "source, path or transport",
    "shelf": "media store",
    "sky": "server conditions",
    "tale": "account",
    "upkeep": "maintenance",
    "wishes": "operator actions",
}
"""The retired word, and what the thing is called now."""
STILL_THERE = {"road"}
"""Of these the simulator's network paths still speak; nowhere else."""


def names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def retired(path: Path, source: str) -> list[str]:
    allowed = STILL_THERE if "sim" in path.parts else set()
    found = {*names(ast.parse(source)), path.stem}
    return sorted(f"{path.name}: {name}" for name in found if words(name) & (RETIRED.keys() - allowed))


@pytest.mark.parametrize("folder", ["src", "benchmarks"])
def test_no_retired_word_is_a_name(folder: str) -> None:
    faults = [
        fault for path in sorted((ROOT / folder).rglob("*.py")) for fault in retired(path, path.read_text("utf-8"))
    ]
    assert faults == []


@pytest.mark.parametrize("source", ["class MediaShelf: ...", "def nudge(): ...", "def f(road): ...", "self._ears = 1"])
def test_the_rule_finds_a_retired_word(source: str) -> None:
    assert retired(Path("a.py"), source)
