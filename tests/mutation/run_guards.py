"""Delete each guard in a copy of the repository, and see which test notices: `python tests/mutation/run_guards.py`.

Prints a Markdown table. The end is 1 when a deleted guard was noticed by nobody, or when the tests fail without any
deletion. Words of guards or families as arguments choose among them. It is a program, not a test: `make sim` runs it.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from guards import GUARDS, Guard

ROOT = Path(__file__).resolve().parents[2]
LONGEST_S = 300.0
"""A deletion that makes a test run for ever is noticed too, but not by a test with a name."""
FAILED = re.compile(r"^(?:FAILED|ERROR) tests/(\S+?)(?:\[.*)?(?: - .*)?$", re.MULTILINE)
BOUNDED = ("-x", "-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:cov")


class Copy:
    """A copy of what the tests need. Its bytecode is checked by content: a deletion may happen within one second."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        litter = shutil.ignore_patterns("__pycache__", "*.pyc")
        for name in ("src", "tests"):
            shutil.copytree(ROOT / name, folder / name, ignore=litter)
        shutil.copy(ROOT / "pyproject.toml", folder)
        words = ("-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "src")
        subprocess.run([sys.executable, *words], cwd=folder, check=True)

    def tests(self, names: Iterable[str]) -> tuple[int, str]:
        """Exit code and the first failed test; 124 when they took too long."""
        own = {"PYTHONPATH": str(self.folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
        words = (sys.executable, "-m", "pytest", *BOUNDED, *(f"tests/{name}" for name in names))
        try:
            done = subprocess.run(
                words, cwd=self.folder, env={**os.environ, **own}, capture_output=True, text=True, timeout=LONGEST_S
            )
        except subprocess.TimeoutExpired:
            return 124, "(did not end)"
        failed = FAILED.search(done.stdout)
        return done.returncode, failed[1] if failed else done.stdout[-2000:]

    def without(self, guard: Guard) -> tuple[int, str]:
        """The same with this guard deleted; it is there again afterwards."""
        path = self.folder / "src" / "esteio" / guard.path
        whole = path.read_text(encoding="utf-8")
        changed = deleted(guard, whole)
        path.write_text(changed, encoding="utf-8")
        try:
            return self.tests(guard.tests)
        finally:
            path.write_text(whole, encoding="utf-8")


def deleted(guard: Guard, whole: str) -> str:
    """The file's text without the guard. Raises `ValueError` when it does not stand there exactly once, or when what
    is left is no Python: such a deletion would prove nothing."""
    found = whole.count(guard.text)
    if found != 1:
        raise ValueError(f"{guard.path}: the text of {guard.guard!r} ({guard.gone}) stands there {found} times")
    changed = whole.replace(guard.text, guard.instead)
    if guard.path.endswith(".py"):
        ast.parse(changed)
    return changed


def _lane(guards: Sequence[Guard], names: Sequence[str]) -> tuple[list[tuple[Guard, int, str]], str]:
    """One copy, one guard after the other. The second value says what fails without any deletion."""
    with tempfile.TemporaryDirectory(prefix="esteio-guards-") as folder:
        copy = Copy(Path(folder))
        code, first = copy.tests(names) if names else (0, "")
        if code:
            return [], first
        found = []
        for guard in guards:
            found.append((guard, *copy.without(guard)))
            sys.stderr.write(f"{guard.guard}: {guard.gone}: {found[-1][2].splitlines()[-1]}\n")
        return found, ""


def main(words: Sequence[str]) -> int:
    """The whole run."""
    guards = [one for one in GUARDS if not words or any(word in f"{one.guard}: {one.gone}" for word in words)]
    lanes = int(os.environ.get("JOBS", "2"))
    names = sorted({name for one in guards for name in one.tests})
    with ThreadPoolExecutor(lanes) as pool:
        runs = list(pool.map(_lane, [guards[i::lanes] for i in range(lanes)], [names[i::lanes] for i in range(lanes)]))
    broken = [first for _, first in runs if first]
    if broken:
        sys.stderr.write(f"nothing is deleted yet, and the tests fail: {broken}\n")
        return 1
    order = {one: place for place, one in enumerate(guards)}
    rows = sorted((row for found, _ in runs for row in found), key=lambda row: order[row[0]])
    sys.stdout.write("| Guard | Deleted: from now on | In | Noticed by |\n|---|---|---|---|\n")
    for guard, code, first in rows:
        noticed = f"`{first}`" if code in (1, 124) else f"**nobody** ({code})"
        sys.stdout.write(f"| {guard.guard} | {guard.gone} | `{guard.path}` | {noticed} |\n")
    alive = [row for row in rows if row[1] not in (1, 124)]
    sys.stderr.write(f"{len(rows)} guards deleted one by one, {len(alive)} unnoticed\n")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
