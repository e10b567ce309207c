"""Marks, tables and page agree, and each guard can be deleted as its table says. The run itself is a program
(`run_guards.py`, in `make sim`); here it is only seen to tell a guard that is noticed from one that is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutation.deletion import deleted
from tests.mutation.marks import SOURCE, Guard, GuardError, Mark, guards, marks_of, matched, pytest_argument, rows_in
from tests.mutation.run_guards import FAILED, PAGE, page

GUARDS = guards()
ROW = {"family": "f", "gone": "g", "change": "never", "tests": ["core/test_ladder"]}


@pytest.mark.parametrize("guard", GUARDS, ids=[guard.name for guard in GUARDS])
def test_each_guard_can_be_deleted_and_its_tests_exist(guard: Guard) -> None:
    whole = (SOURCE / guard.path).read_text(encoding="utf-8")
    assert deleted(guard, whole) != whole
    for test in guard.tests:
        assert pytest_argument(test)


def test_no_two_guards_say_the_same() -> None:
    assert len({(guard.family, guard.gone) for guard in GUARDS}) == len(GUARDS)


def test_the_page_has_the_list_of_today() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text, GUARDS), "make docs writes it anew"


def test_a_mark_stands_at_the_end_of_its_line_or_alone_before_it() -> None:
    text = "a = 1  # guard: one, two\n# guard: three\n\n# why\nb = 2\n"
    assert marks_of("a.py", text) == [Mark("one", "a.py", 1), Mark("two", "a.py", 1), Mark("three", "a.py", 5)]
    assert marks_of("a.py", 'a = """\n# guard: one\n"""\n') == []
    assert marks_of("a.sql", "-- guard: one\nSELECT 1\n") == [Mark("one", "a.sql", 2)]
    with pytest.raises(GuardError, match="nothing stands behind"):
        marks_of("a.py", "a = 1\n# guard: one\n")


@pytest.mark.parametrize(
    ("marks", "says"),
    [
        ([], "'one' has to stand in one place, and stands nowhere"),
        ([Mark("one", "a.py", 1), Mark("one", "b.py", 2)], "and stands a.py:1, b.py:2"),
        ([Mark("one", "a.py", 1), Mark("two", "a.py", 3)], "a.py:3: no table knows the guard 'two'"),
    ],
    ids=["gone", "doubled", "unknown"],
)
def test_a_mark_that_is_gone_doubled_or_unknown_is_a_mistake(marks: list[Mark], says: str) -> None:
    with pytest.raises(GuardError, match=says):
        matched({"one": ROW}, marks)


@pytest.mark.parametrize("missing", sorted(ROW))
def test_a_row_has_all_facts_of_its_guard(missing: str) -> None:
    assert matched({"one": ROW}, [Mark("one", "a.py", 1)])[0].change == "never"
    with pytest.raises(GuardError, match="a row has"):
        matched({"one": {key: value for key, value in ROW.items() if key != missing}}, [Mark("one", "a.py", 1)])


def test_a_name_in_two_tables_is_a_mistake(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.toml").write_text("[one]\nfamily = 'f'\n")
    with pytest.raises(GuardError, match="two tables"):
        rows_in(tmp_path)


def test_a_test_is_named_by_its_room_and_its_file_wherever_in_the_room_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "core" / "judge" / "test_a.py"
    file.parent.mkdir(parents=True)
    file.write_text("def test_b():\n    pass\n")
    assert pytest_argument("core/test_a", tmp_path) == "core/judge/test_a.py"
    assert pytest_argument("core/test_a::test_b", tmp_path) == "core/judge/test_a.py::test_b"
    for wrong in ("core/test_a::test_", "core/test_b", "store/test_a"):
        with pytest.raises(GuardError):
            pytest_argument(wrong, tmp_path)
    (tmp_path / "core" / "test_a.py").write_text("")
    with pytest.raises(GuardError, match="2 files"):
        pytest_argument("core/test_a", tmp_path)


STATEMENTS = """\
import re
P = re.compile("a|b")
def f(a, b, c):
    if a and b:
        c = (1, "two", b)
    elif c:
        return max(a, b) if a else max(b, a)
    with a:
        f(a, b=b)
    match a:
        case 1 if b:
            return b
    return [one for one in a if one]
"""


@pytest.mark.parametrize(
    ("line", "change", "becomes"),
    [
        (4, "never", "    if (a and b) and False:"),
        (6, "always", "    elif c or True:"),
        (11, "always", "        case 1 if True:"),
        (4, "drop a", "    if b:"),
        (5, "drop two", "        c = (1, b)"),
        (5, "is None", "        c = None"),
        (5, "gone", "        pass"),
        (7, "max(b, a) -> b", "        return max(a, b) if a else b"),
        (8, "gone", "    f(a, b=b)"),
        (9, "drop b", "        f(a)"),
        (13, "drop one", "    return [one for one in a]"),
        (2, "text a| -> ", "P = re.compile('b')"),
    ],
)
def test_a_change_is_made_in_the_marked_statement(line: int, change: str, becomes: str) -> None:
    guard = Guard("g", "family", "gone", change, (), "a.py", line)
    assert becomes in deleted(guard, STATEMENTS).splitlines()


def test_in_sql_a_line_a_condition_or_a_word_is_changed() -> None:
    text = "SELECT 1 FROM a\nWHERE b = 1 AND cd = 2 AND c = 3 ORDER BY b\nLIMIT 1\n"
    guard = Guard("g", "family", "gone", "gone", (), "a.sql", 3)
    assert deleted(guard, text) == "SELECT 1 FROM a\nWHERE b = 1 AND cd = 2 AND c = 3 ORDER BY b\n"
    guard = replace(guard, line=2, change="drop c")
    assert deleted(guard, text).splitlines()[1] == "WHERE b = 1 AND cd = 2 ORDER BY b"
    guard = replace(guard, change="b = 1 -> TRUE")
    assert deleted(guard, text).splitlines()[1] == "WHERE TRUE AND cd = 2 AND c = 3 ORDER BY b"
    for change in ("drop b", "drop x", "x -> y", "never", "gone away"):
        with pytest.raises(GuardError, match="does not fit"):
            deleted(replace(guard, change=change), text)


@pytest.mark.parametrize(
    ("line", "change", "says"),
    [
        (5, "never", "has no condition"),
        (4, "is None", "has no value"),
        (4, "drop x", "0 places fit"),
        (7, "a -> b", "3 places fit"),
        (4, "a -> x", "nothing is called"),
        (4, "a -> a", "changes nothing"),
        (2, "text x -> y", "does not stand there once"),
        (4, "a -> (", "was never closed"),
        (4, "weaken", "no such change"),
        (4, "never more", "no such change"),
        (99, "gone", "no statement"),
    ],
)
def test_a_change_that_does_not_fit_is_a_mistake(line: int, change: str, says: str) -> None:
    with pytest.raises(GuardError, match=says):
        deleted(Guard("g", "family", "gone", change, (), "a.py", line), STATEMENTS)


def test_the_first_failed_test_is_named() -> None:
    out = "FAILED tests/core/test_a.py::test_b[x y] - assert 1 == 2\nFAILED tests/core/test_c.py::test_d\n"
    found = FAILED.search(out)
    assert found
    assert found[1] == "core/test_a.py::test_b"
