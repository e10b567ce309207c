"""Style as a test: what the linter cannot say about this house.

Each rule is a function from one parsed module to the list of its faults, so that the rules themselves are tested below
on a bad example; a rule that cannot fail is no rule.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "esteio"
LONGEST_FILE = 500
MOST_FILES = 20
"""Python files in one folder."""
STILL_TOO_MANY = {"src/esteio/engine/commands"}
"""What another change under way brings within the bounds; the entry goes with it."""
FLOOR_DRAINS = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc", "types"}
# Who may ask the machine what time it is: the clock, and nobody else. The storm draws its dice from a seed.
CLOCK_READERS = {"clock.py"}
DICE_OWNERS = {"clock.py"}
DICE_ROOM = "sim/"

CLOCK_CALLS = {
    "time.time",
    "time.time_ns",
    "time.monotonic",
    "time.monotonic_ns",
    "time.localtime",
    "time.gmtime",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.date.today",
}


@dataclass(frozen=True)
class Module:
    """One file of the package: its path inside it, its text and its tree."""

    name: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)


def modules() -> list[Module]:
    return [
        Module(path.relative_to(SOURCE).as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted(SOURCE.rglob("*.py"))
    ]


def dotted(node: ast.expr) -> str:
    """`a.b.c` for the expression a.b.c, and nothing for any other."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (head := dotted(node.value)):
        return f"{head}.{node.attr}"
    return ""


def python_files() -> list[Path]:
    return [path for room in ("src", "tests", "benchmarks") for path in sorted((ROOT / room).rglob("*.py"))]


def headless(module: Module) -> list[str]:
    return [] if ast.get_docstring(module.tree) else ["has no docstring that says what lives here"]


def floor_drain(module: Module) -> list[str]:
    words = set(re.split(r"[/_.]", module.name.removesuffix(".py")))
    return [f"is named {word!r}, a room that everyone fills" for word in sorted(words & FLOOR_DRAINS)]


def reads_clock(module: Module) -> list[str]:
    if module.name in CLOCK_READERS:
        return []
    faults = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and dotted(node) in CLOCK_CALLS:
            faults.append(f"line {node.lineno} reads the clock by {dotted(node)}")
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            names = {alias.name for alias in node.names} - {"struct_time", "sleep"}
            faults += [f"line {node.lineno} takes {name} from time" for name in sorted(names)]
    return faults


def throws_dice(module: Module) -> list[str]:
    """Unseeded dice anywhere but in the clock's room; in the storm only `random.Random(seed)` is allowed."""
    if module.name in DICE_OWNERS:
        return []
    seeded = module.name.startswith(DICE_ROOM)
    faults = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.module == "random":
            names = {alias.name for alias in node.names} - ({"Random"} if seeded else set())
            faults += [f"line {node.lineno} takes {name} from random" for name in sorted(names)]
        if isinstance(node, ast.Attribute) and dotted(node).startswith("random."):
            if seeded and dotted(node).startswith("random.Random"):
                continue
            faults.append(f"line {node.lineno} throws dice by {dotted(node)}")
        if isinstance(node, ast.Call) and dotted(node.func) in {"random.Random", "Random"} and not node.args:
            faults.append(f"line {node.lineno} makes dice without a seed")
    return faults


def reads_rows_by_position(module: Module) -> list[str]:
    """In the store a row has names (`store.sql.db.Row`): what came from `.rows(…)` or `.row(…)` is never indexed, taken
    apart or spread. mypy says the same as long as a row is typed."""
    if not module.name.startswith("store/"):
        return []
    scopes = [node for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    faults = {f"line {line} reads a row by its position" for scope in scopes for line in positions_of_rows(scope)}
    return sorted(faults)


def positions_of_rows(scope: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[int]:
    """Lines in which a function reads a column by its place."""
    many = {name for target, value in bindings(scope) if asks(value, "rows") for name in bound(target)}
    pairs = [*bindings(scope), *loops(scope)]
    single = {name for target, value in pairs if asks(value, "row") for name in bound(target)}
    for target, value in loops(scope):
        if asks(value, "rows") or (isinstance(value, ast.Name) and value.id in many):
            single |= bound(target)
            if isinstance(target, ast.Tuple):
                yield target.lineno
    single |= {arg.arg for arg in scope.args.args if arg.annotation is not None and "Row" in names_in(arg.annotation)}
    for node in ast.walk(scope):
        if isinstance(node, ast.Subscript | ast.Starred) and is_row(node.value, single, many):
            yield node.lineno
    yield from (target.lineno for target, value in bindings(scope) if takes_apart(target, value, single, many))


def takes_apart(target: ast.expr, value: ast.expr, single: set[str], many: set[str]) -> bool:
    """`a, b = row`; `(row,) = rows` is the one row of them, and so is not."""
    if not isinstance(target, ast.Tuple):
        return False
    return is_row(value, single, many) or (asks(value, "rows") and any(isinstance(x, ast.Tuple) for x in target.elts))


def is_row(node: ast.expr, single: set[str], many: set[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in single - many
    if isinstance(node, ast.Subscript):
        return asks(node.value, "rows") or (isinstance(node.value, ast.Name) and node.value.id in many)
    return asks(node, "row")


def asks(node: ast.expr, what: str) -> bool:
    """Whether an expression is, or holds as its operand, an awaited call of `.row(…)` or `.rows(…)`."""
    operands = (node, *(node.values if isinstance(node, ast.BoolOp) else ()))
    calls = [one.value if isinstance(one, ast.Await) else one for one in operands]
    return any(
        isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute) and one.func.attr == what for one in calls
    )


def bindings(scope: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign):
            yield from ((target, node.value) for target in node.targets)
        elif isinstance(node, ast.NamedExpr | ast.AnnAssign) and node.value is not None:
            yield node.target, node.value


def loops(scope: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    return ((node.target, node.iter) for node in ast.walk(scope) if isinstance(node, ast.For | ast.comprehension))


def bound(target: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}


def names_in(node: ast.expr) -> set[str]:
    """Of an annotation, the alternatives that are plain names."""
    if isinstance(node, ast.BinOp):
        return names_in(node.left) | names_in(node.right)
    return {node.id} if isinstance(node, ast.Name) else set()


RULES = (headless, floor_drain, reads_clock, throws_dice, reads_rows_by_position)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_module_is_tidy(rule: Callable[[Module], list[str]]) -> None:
    faults = [f"{module.name} {fault}" for module in modules() for fault in rule(module)]
    assert not faults, "\n" + "\n".join(faults)


@pytest.mark.parametrize(
    ("rule", "bad"),
    [
        (headless, Module("core/a.py", "x = 1\n")),
        (floor_drain, Module("core/utils.py", "")),
        (floor_drain, Module("engine/common/a.py", "")),
        (floor_drain, Module("engine/session_manager.py", "")),
        (reads_clock, Module("engine/a.py", "import time\nnow = time.time()\n")),
        (reads_clock, Module("engine/a.py", "from time import monotonic\n")),
        (
            reads_clock,
            Module("engine/a.py", "import datetime as d\nfrom datetime import datetime\ndatetime.now(d.UTC)\n"),
        ),
        (reads_clock, Module("engine/a.py", "default_factory = time.time\n")),
        (throws_dice, Module("engine/a.py", "import random\nrandom.random()\n")),
        (throws_dice, Module("engine/a.py", "from random import Random\n")),
        (throws_dice, Module("sim/a.py", "from random import choice\n")),
        (throws_dice, Module("sim/a.py", "from random import Random\ndice = Random()\n")),
        *(
            (reads_rows_by_position, Module("store/sql/a.py", f"async def f(db, row: Row | None):\n    {line}\n"))
            for line in (
                "return row[0]",
                "one = await db.row('x', {})\n    return one[-1]",
                "return (await db.row('x', {}) or ('', ''))[1]",
                "return [one[7] for one in await db.rows('x', {})]",
                "return [a for a, b in await db.rows('x', {})]",
                "for a, _ in await self._reader.rows('x', {}):\n        pass",
                "found = await db.rows('x', {})\n    return found[-1][0]",
                "found = await db.rows('x', {})\n    return [a + b for a, b in found]",
                "return (await db.rows('x', {}))[0][1]",
                "a, b = (await db.rows('x', {}))[0]",
                "((a, b),) = await db.rows('x', {})",
                "a, b = row",
                "return [Gap(*one) for one in await db.rows('x', {})]",
                "if (one := await db.row('x', {})) is not None:\n        return one[0]",
            )
        ),
    ],
    ids=lambda value: getattr(value, "__name__", "case"),
)
def test_the_rule_finds_a_fault(rule: Callable[[Module], list[str]], bad: Module) -> None:
    assert rule(bad)


def test_a_row_among_rows_is_found_by_its_place() -> None:
    lines = (
        "found = await db.rows('x', {})\n    (only,) = found\n    return found[0].seq, found[-1].at, only.id, key[0]"
    )
    assert not reads_rows_by_position(Module("store/sql/a.py", f"async def f(db, key):\n    {lines}\n"))


def test_the_storm_may_throw_seeded_dice() -> None:
    assert not throws_dice(Module("sim/world/faults.py", "import random\ndice = random.Random(7)\n"))


def test_no_file_is_too_long() -> None:
    lines = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8").count("\n") for path in python_files()}
    assert len(lines) > 400
    assert {name for name, count in lines.items() if count > LONGEST_FILE} == set()


def test_no_folder_has_too_many_files() -> None:
    folders = Counter(path.parent.relative_to(ROOT).as_posix() for path in python_files())
    assert len(folders) > 40
    assert {name for name, files in folders.items() if files > MOST_FILES} <= STILL_TOO_MANY


# Words that would tie the repository to one machine or one workplace. Assembled, so that this file passes its own rule.
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:root|home/\w+|Users/\w+|work|opt/\w+|tmp/\w+)/")
PACKAGE_HOSTS = re.compile(r"\b(?:pypi\.org|pythonhosted|npmjs|test\.pypi|files\.python)", re.IGNORECASE)
WRITTEN_BY_PEOPLE = {
    ".py",
    ".md",
    ".toml",
    ".lock",
    ".sql",
    ".html",
    ".css",
    ".js",
    ".txt",
    ".yml",
    ".yaml",
    ".cfg",
    "",
}


def tracked_texts() -> list[Path]:
    """What git tracks, or, in an unpacked archive, what is there; recordings keep what was recorded."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode == 0 and listing.stdout:
        paths = [ROOT / name for name in listing.stdout.split("\0") if name]
    else:
        paths = [*SOURCE.rglob("*"), *(ROOT / "docs").rglob("*"), *ROOT.glob("*")]
    return [
        path
        for path in paths
        if path.is_file()
        and path.suffix in WRITTEN_BY_PEOPLE
        and "recordings" not in path.parts
        and path != Path(__file__)
    ]


# Where the samples install: in a container, or on the reader's machine.
TOLD_TO_THE_READER = ("/opt/esteio/", "/home/node/")


def test_nothing_names_this_machine_or_a_package_host() -> None:
    faults = [
        f"{path.relative_to(ROOT)}:{number}: {found.group()}"
        for path in tracked_texts()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if (found := MACHINE_PATHS.search(line) or PACKAGE_HOSTS.search(line))
        and not found.group().startswith(TOLD_TO_THE_READER)
    ]
    assert not faults, "\n" + "\n".join(faults)


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_locked_package_is_pinned_by_hash_and_names_no_place(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    body = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#")).replace("\\\n", " ")
    entries = [line for line in body.splitlines() if line.strip()]
    assert entries
    assert "://" not in body
    loose = [
        entry.split()[0] for entry in entries if not re.match(r"[\w.\-\[\],]+==\S+.*--hash=sha256:[0-9a-f]{64}", entry)
    ]
    assert not loose


def test_the_runtime_lock_is_part_of_the_development_lock() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[\w.\-]+==\S+", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))

    assert pins("requirements.lock") <= pins("requirements-dev.lock")


def test_no_name_is_let_off_as_dead_that_is_used_again() -> None:
    """Of pyproject's `ignore_names`: a list that only grows would hide what it was not meant for."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["vulture"]
    decorators = ",".join(settings["ignore_decorators"])
    command = [sys.executable, "-m", "vulture", "--config", os.devnull, "--ignore-decorators", decorators, str(SOURCE)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    dead = set(re.findall(r"unused \w+ '(\w+)'", told))
    assert dead
    assert set(settings["ignore_names"]) <= dead
