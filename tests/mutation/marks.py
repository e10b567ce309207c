"""Guards: the `# guard: NAME` marks in the source, and what `guards/*.toml` says of each name.

A mark stands at the end of the guarded line, or alone on the line before it (SQL: `-- guard: NAME`, alone on the line
before). Several names are parted by commas. The tables hold what the source does not: the guard's family, what goes
wrong without it, how it is deleted (`deletion.py`), and the tests that have to notice.
"""

from __future__ import annotations

import io
import re
import tokenize
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SUITE = ROOT / "src" / "esteio" / "testing" / "conformance.py"
SOURCE = ROOT / "src" / "esteio"
KINDS = (".py", ".sql")
TABLES = Path(__file__).parent / "guards"
_MARK = re.compile(r"(?:#|--) guard: (\S.*)$")
_COMMENT = re.compile(r"\s*(?:#|--|$)")


class GuardError(Exception):
    """Marks and tables disagree, or a deletion does not fit the marked line."""


@dataclass(frozen=True)
class Mark:
    """Where a guard stands: a file under `src/esteio`, and the number of the guarded line (not of the comment)."""

    name: str
    path: str
    line: int


@dataclass(frozen=True)
class Guard:
    """One guard: a row of a table, and the place of its mark. `tests` are entries as `pytest_argument` reads them."""

    name: str
    family: str
    gone: str
    change: str
    tests: tuple[str, ...]
    path: str
    line: int


def marks_of(path: str, text: str) -> list[Mark]:
    """The marks in one file's text, in order; in Python only comments count. Raises `GuardError` for a mark with
    nothing behind it."""
    lines = text.splitlines()
    found: list[Mark] = []
    for number, comment in _comments(text, python=path.endswith(".py")):
        mark = _MARK.search(comment)
        if mark is None:
            continue
        guarded = number
        while guarded <= len(lines) and _COMMENT.match(lines[guarded - 1]):
            guarded += 1
        if guarded > len(lines):
            raise GuardError(f"{path}:{number}: nothing stands behind the mark")
        found += [Mark(name.strip(), path, guarded) for name in mark[1].split(",")]
    return found


def _comments(text: str, *, python: bool) -> Iterator[tuple[int, str]]:
    """Lines that may hold a mark, by number."""
    if not python:
        yield from enumerate(text.splitlines(), start=1)
    elif " guard: " in text:
        words = tokenize.generate_tokens(io.StringIO(text).readline)
        yield from ((word.start[0], word.string) for word in words if word.type == tokenize.COMMENT)


def marks_in(folder: Path = SOURCE) -> list[Mark]:
    """The marks in all Python and SQL files under a folder, by path and line."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix in KINDS)
    return [mark for path in paths for mark in marks_of(path.relative_to(folder).as_posix(), path.read_text("utf-8"))]


def rows_in(folder: Path = TABLES) -> dict[str, dict[str, object]]:
    """The rows of all tables by the guard's name, in order. Raises `GuardError` for a name in two tables."""
    rows: dict[str, dict[str, object]] = {}
    for path in sorted(folder.glob("*.toml")):
        for name, row in tomllib.loads(path.read_text("utf-8")).items():
            if name in rows:
                raise GuardError(f"{name}: stands in two tables")
            rows[name] = row
    return rows


def matched(rows: Mapping[str, Mapping[str, object]], marks: Iterable[Mark]) -> tuple[Guard, ...]:
    """A guard for each row. Raises `GuardError`, naming all of them: marks that are missing, doubled or unknown."""
    places: dict[str, list[Mark]] = {name: [] for name in rows}
    wrong: list[str] = []
    for mark in marks:
        if mark.name in places:
            places[mark.name].append(mark)
        else:
            wrong.append(f"{mark.path}:{mark.line}: no table knows the guard {mark.name!r}")
    for name, found in places.items():
        if len(found) != 1:
            where = ", ".join(f"{mark.path}:{mark.line}" for mark in found) or "nowhere"
            wrong.append(f"the mark of {name!r} has to stand in one place, and stands {where}")
    if wrong:
        raise GuardError("; ".join(wrong))
    return tuple(_guard(rows[name], found[0]) for name, found in places.items())


def _guard(row: Mapping[str, object], mark: Mark) -> Guard:
    family, gone, change, tests = (row.get(key) for key in ("family", "gone", "change", "tests"))
    if not (isinstance(family, str) and isinstance(gone, str) and isinstance(change, str)):
        raise GuardError(f"{mark.name}: a row has family, gone, change and tests")
    if not isinstance(tests, list) or not tests:
        raise GuardError(f"{mark.name}: a row has family, gone, change and tests")
    return Guard(mark.name, family, gone, change, tuple(map(str, tests)), mark.path, mark.line)


def guards() -> tuple[Guard, ...]:
    """All guards of this tree, in the order of their tables. Raises `GuardError`."""
    return matched(rows_in(), marks_in())


def pytest_argument(entry: str, tests: Path = ROOT / "tests") -> str:
    """The pytest argument, relative to `tests`, of an entry `room/test_file`, `room/test_file::test_name` or, for a
    test that a class may inherit from the conformance suite, `room/test_file::TestClass::test_name`.

    The file may stand at any depth below its room, so that it can be moved within it. Raises `GuardError` when no file
    or more than one has this name, or when the file has no such test.
    """
    path, _, name = entry.partition("::")
    room, _, stem = path.rpartition("/")
    found = sorted((tests / room).rglob(f"{stem}.py"))
    if len(found) != 1:
        raise GuardError(f"{entry}: {len(found)} files have this name")
    holder, _, test = name.rpartition("::")
    text = found[0].read_text("utf-8") + (SUITE.read_text("utf-8") if holder else "")
    if f"class {holder}(" * bool(holder) not in text or (f"def {test}(" if test else "def test_") not in text:
        raise GuardError(f"{entry}: the file has no such test")
    return found[0].relative_to(tests).as_posix() + (f"::{name}" if name else "")
