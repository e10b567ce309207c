"""No module imports another that, by whatever way, imports it: type-checking and deferred imports included."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import grimp
import pytest


def cycles(imports: Mapping[str, Iterable[str]]) -> list[frozenset[str]]:
    """The strongly connected components of more than one module (Tarjan), and modules that import themselves."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[frozenset[str]] = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for imported in imports[module]:
            if imported not in index:
                visit(imported)
                low[module] = min(low[module], low[imported])
            elif imported in stack:
                low[module] = min(low[module], index[imported])
        if low[module] == index[module]:
            component = frozenset(stack[stack.index(module) :])
            del stack[stack.index(module) :]
            if len(component) > 1 or module in imports[module]:
                found.append(component)

    for module in imports:
        if module not in index:
            visit(module)
    return found


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    graph = grimp.build_graph("esteio", cache_dir=None, exclude_type_checking_imports=False)
    return {module: set(graph.find_modules_directly_imported_by(module)) for module in sorted(graph.modules)}


def test_no_import_cycle(imports: dict[str, set[str]]) -> None:
    assert [sorted(one) for one in cycles(imports)] == []


def test_the_search_finds_cycles() -> None:
    assert cycles({"a": ["b"], "b": ["c"], "c": ["a", "d"], "d": []}) == [frozenset("abc")]
    assert cycles({"a": ["a"]}) == [frozenset("a")]
    assert cycles({"a": ["b", "c"], "b": ["c"], "c": []}) == []
