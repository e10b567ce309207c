"""Does docs/how-to/adapters.md tell the truth? Its tables are complete, its code is Python, its imports exist."""

from __future__ import annotations

import ast
import importlib
import re
import tomllib
from importlib.util import find_spec
from inspect import get_annotations, isfunction
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from esteio.core.model.capabilities import Capabilities
from esteio.core.model.evidence import KINDS
from esteio.providers import adapter
from esteio.providers.base import ActOutcome, Provider
from esteio.providers.classify import Kind
from esteio.providers.declaration import Declaration, Field
from esteio.testing.conformance import AdapterConformance
from tests.narrowing import not_none, of_type

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "how-to" / "adapters.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples" / "pombo"


def first_cells(head: str) -> list[str]:
    """The names in the first column of the table whose first head this is."""
    found = re.search(rf"^\| {re.escape(head)} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert found, head
    return [
        name for row in found[1].splitlines() for name in re.findall(r"`([^`]+)`", row.strip("| ").partition(" | ")[0])
    ]


def fields_of(shape: type[msgspec.Struct]) -> list[str]:
    return [field.name for field in msgspec.structs.fields(shape)]


def operations() -> set[str]:
    return {name for name, one in vars(Provider).items() if isfunction(one) and not name.startswith("_")}


@pytest.mark.parametrize(
    ("head", "names"),
    [
        ("of a `Field`", fields_of(Field)),
        ("of the `Declaration`", fields_of(Declaration)),
        ("operation", sorted(operations())),
        ("`Heard.kind`", sorted(get_args(Kind))),
        ("capability", fields_of(Capabilities)),
    ],
)
def test_a_table_has_all_there_is_and_nothing_else(head: str, names: list[str]) -> None:
    assert sorted(first_cells(head)) == sorted(names)


def test_the_certainties_are_those_of_a_send() -> None:
    from esteio.core.messages.outbox import Certainty

    assert set(first_cells("certainty")) == set(get_args(Certainty))


def test_the_answers_of_an_act_are_all_named() -> None:
    paragraph = next(one for one in PAGE.split("\n\n") if one.startswith("The answer of an act"))
    assert set(get_args(get_annotations(ActOutcome, eval_str=True)["answer"])) <= set(re.findall(r"`(\w+)`", paragraph))


def test_the_kinds_of_evidence_exist_and_prove_what_the_page_says() -> None:
    rows = re.findall(r"^\| (that .*|nothing.*?) \| (.*) \|$", PAGE, re.MULTILINE)
    weights = {"that the session works": "life", "that it does not": "death", "nothing: look again": "hint"}
    assert [head for head, _ in rows] == list(weights)
    for head, examples in rows:
        named = [name for name in re.findall(r"`(\w+)`", examples) if name != "state"]
        assert {KINDS[name].weight for name in named} == {weights[head]}


def code() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_its_code_is_python_and_its_imports_exist() -> None:
    assert len(code()) == 3
    for block in code():
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module != "esteio_pombo":
                module = importlib.import_module(not_none(node.module))
                assert all(hasattr(module, alias.name) for alias in node.names)


@pytest.mark.parametrize("number", [0, 1])
def test_what_its_flow_and_its_declaration_use_is_in_the_one_module_to_import_from(number: int) -> None:
    names = {node.id for node in ast.walk(ast.parse(code()[number])) if isinstance(node, ast.Name)}
    own = {"self", "where", "now", "depth", "heard", "str", "float", "declaration"}
    assert names - own <= set(adapter.__all__)


def test_its_suite_is_told_all_that_the_suite_asks_for() -> None:
    (told,) = [node for node in ast.parse(code()[2]).body if isinstance(node, ast.ClassDef)]
    said = {of_type(ast.Name, node.targets[0]).id for node in told.body if isinstance(node, ast.Assign)}
    assert said == set(get_annotations(AdapterConformance))


def test_all_that_an_adapter_may_import_is_there_once() -> None:
    assert sorted(adapter.__all__) == sorted(set(adapter.__all__))
    assert all(hasattr(adapter, name) for name in adapter.__all__)


def test_the_sample_is_short_and_its_entry_point_is_the_one_that_the_page_shows() -> None:
    assert (EXAMPLE / "esteio_pombo.py").read_text(encoding="utf-8").count("\n") < 150
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    shown = tomllib.loads(not_none(re.search(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))[1])["project"]
    assert project["entry-points"] == shown["entry-points"]


def test_the_plugin_that_the_page_promises_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (plugin,) = project["entry-points"]["pytest11"].values()
    assert find_spec(plugin) is not None
    assert "testing" in project["optional-dependencies"]
