"""The tables of the page of settings: every setting, every knob of a policy, each with its default and its sentence.

The sentences are those that stand below the fields in the code. Never lives here: a default, a sentence.
"""

from __future__ import annotations

import ast
import json
from itertools import pairwise
from pathlib import Path

from msgspec import Struct
from msgspec.structs import fields

from esteio import config
from esteio.core.model.policy import DEFAULT, KNOBS, SEEDS

SOURCE = Path(__file__).resolve().parents[2] / "src" / "esteio"
PAGE = "docs/reference/settings.md"
SETTINGS = "<!-- settings: made from esteio.config -->"
POLICIES = "<!-- knobs: made from core.model.policy -->"
ELSEWHERE = {"policy", "servers", "sessions"}
"""Tables of their own in the file of settings."""


def parts() -> dict[tuple[str, str], str]:
    """(Page, mark) → table."""
    return {(PAGE, SETTINGS): settings(), (PAGE, POLICIES): knobs()}


def settings() -> str:
    """A row a setting."""
    variables = {".".join(path): f"`{name}`" for name, path in config.ENVIRONMENT.items()}
    rows = ["| Name | Variable | Default | Meaning |", "|---|---|---|---|"]
    for table, shape in [("", config.Settings), *((f.name, f.type) for f in fields(config.Settings))]:
        if not (isinstance(shape, type) and issubclass(shape, Struct)):
            continue
        said = sentences("config.py", shape.__name__)
        for field in fields(shape):
            path = f"{table}.{field.name}".lstrip(".")
            if field.name in said and field.name not in ELSEWHERE:
                rows.append(f"| `{path}` | {variables.get(path, '–')} | {plain(field.default)} | {said[field.name]} |")
    return "\n".join(rows)


def knobs() -> str:
    """A row a knob; what the seeds say where it differs."""
    said = sentences("core/model/policy.py", "Policy")
    rows = ["| Knob | `default` | `seeds` | Meaning |", "|---|---|---|---|"]
    for knob in KNOBS:
        usual, letter = getattr(DEFAULT, knob), getattr(SEEDS, knob)
        rows.append(f"| `{knob}` | {plain(usual)} | {'' if usual == letter else plain(letter)} | {said[knob]} |")
    return "\n".join(rows)


def sentences(module: str, name: str) -> dict[str, str]:
    """What a class says under each of its fields."""
    tree = ast.parse((SOURCE / module).read_text("utf-8"))
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    said = {}
    for field, text in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            said[field.target.id] = " ".join(ast.literal_eval(text.value).split())
    return said


def plain(value: object) -> str:
    """A default as the page spells it."""
    whole = isinstance(value, float) and value == int(value)
    return f"`{json.dumps(int(value) if whole else value)}`"  # type: ignore[call-overload]
