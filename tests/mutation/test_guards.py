"""The list of guards is true: each stands where it says, and each names tests that exist. The run itself is a program
(`run_guards.py`, in `make sim`); here it is only seen to tell a guard that is noticed from one that is not."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from guards import GUARDS, Guard
from run_guards import FAILED, ROOT, deleted

IDS = [f"{guard.guard}: {guard.gone}" for guard in GUARDS]


@pytest.mark.parametrize("guard", GUARDS, ids=IDS)
def test_each_guard_stands_where_the_list_says_and_its_tests_exist(guard: Guard) -> None:
    whole = (ROOT / "src" / "esteio" / guard.path).read_text(encoding="utf-8")
    assert deleted(guard, whole) != whole
    for test in guard.tests:
        path, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / "tests" / path).read_text(encoding="utf-8") if name else "def test_"


def test_no_guard_is_listed_twice() -> None:
    assert len(set(IDS)) == len(IDS)


def test_a_text_that_moved_or_a_deletion_that_is_no_python_is_a_mistake() -> None:
    guard = Guard("g", "gone", "a.py", "if x:", "if False:", ())
    assert deleted(guard, "if x:\n    y\n") == "if False:\n    y\n"
    for whole in ("y\n", "if x:\n    y\nif x:\n    z\n"):
        with pytest.raises(ValueError, match="stands there"):
            deleted(guard, whole)
    with pytest.raises(SyntaxError):
        deleted(replace(guard, instead=""), "if x:\n    y\n")


def test_the_page_has_every_guard_and_no_other() -> None:
    page = (ROOT / "docs" / "simulation-guards.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| `[^`]+` \| `[^`]+` \|$", page, re.MULTILINE)
    assert [f"{guard}: {gone}" for guard, gone in rows] == IDS


def test_the_first_failed_test_is_named() -> None:
    out = "FAILED tests/core/test_a.py::test_b[x y] - assert 1 == 2\nFAILED tests/core/test_c.py::test_d\n"
    found = FAILED.search(out)
    assert found
    assert found[1] == "core/test_a.py::test_b"
