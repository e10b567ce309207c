"""Delete each guard in a copy of the repository, and see which test notices: `python -m tests.mutation.run_guards`.

Writes the list of guards into `docs/explanation/simulation-guards.md` (with `--page` only that), and prints which
test noticed each deletion. The end is 1 when a deleted guard was noticed by nobody, or when the tests fail without any
deletion. Words as arguments choose the guards whose name, family or sentence has one. `make sim` runs it.
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

from tests.mutation.deletion import deleted
from tests.mutation.marks import KINDS, ROOT, Guard, guards, pytest_argument

PAGE = ROOT / "docs" / "explanation" / "simulation-guards.md"
LIST_HEAD = "| Guard | Family | Without it | In | Tests that notice |\n|---|---|---|---|---|\n"
LONGEST_S = 300.0
"""A deletion that makes a test run for ever is noticed too, but not by a test with a name."""
FAILED = re.compile(r"^(?:FAILED|ERROR) tests/(\S+?)(?:\[.*)?(?: - .*)?$", re.MULTILINE)
BOUNDED = ("-x", "-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:cov")


class Copy:
    """A copy of what the tests need. Its bytecode is checked by content: a deletion may happen within one second.

    All of its source is written from the syntax tree, as a deletion writes its file: should that alone make a test
    fail, it is seen before anything is deleted.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        litter = shutil.ignore_patterns("__pycache__", "*.pyc")
        for name in ("src", "tests"):
            shutil.copytree(ROOT / name, folder / name, ignore=litter)
        shutil.copy(ROOT / "pyproject.toml", folder)
        self._texts = {path: path.read_text("utf-8") for path in (folder / "src").rglob("*.*") if path.suffix in KINDS}
        for path, text in self._texts.items():
            if path.suffix == ".py":
                path.write_text(ast.unparse(ast.parse(text)) + "\n", "utf-8")
        words = ("-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "src")
        subprocess.run([sys.executable, *words], cwd=folder, check=True)

    def tests(self, names: Iterable[str], within_s: float = LONGEST_S) -> tuple[int, str]:
        """Exit code and the first failed test; 124 when they took too long."""
        own = {"PYTHONPATH": str(self.folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
        words = (sys.executable, "-m", "pytest", *BOUNDED, *(f"tests/{pytest_argument(name)}" for name in names))
        try:
            done = subprocess.run(
                words, cwd=self.folder, env={**os.environ, **own}, capture_output=True, text=True, timeout=within_s
            )
        except subprocess.TimeoutExpired:
            return 124, "(did not end)"
        failed = FAILED.search(done.stdout)
        return done.returncode, failed[1] if failed else done.stdout[-2000:]

    def without(self, guard: Guard) -> tuple[int, str]:
        """The same with this guard deleted; it is there again afterwards."""
        path = self.folder / "src" / "esteio" / guard.path
        whole = path.read_text(encoding="utf-8")
        changed = deleted(guard, self._texts[path])
        path.write_text(changed, encoding="utf-8")
        try:
            return self.tests(guard.tests)
        finally:
            path.write_text(whole, encoding="utf-8")


def page(text: str, listed: Iterable[Guard]) -> str:
    """The page's text with this list of guards at its end."""
    rows = [
        (f"`{g.name}`", g.family, g.gone, f"`{g.path}`", ", ".join(f"`{name}`" for name in g.tests)) for g in listed
    ]
    return text[: text.index(LIST_HEAD)] + LIST_HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _lane(chosen: Sequence[Guard], names: Sequence[str]) -> tuple[list[tuple[Guard, int, str]], str]:
    """One copy, one guard after the other. The second value says what fails without any deletion."""
    with tempfile.TemporaryDirectory(prefix="esteio-guards-") as folder:
        copy = Copy(Path(folder))
        code, first = copy.tests(names, 6 * LONGEST_S) if names else (0, "")
        if code:
            return [], first
        found = []
        for guard in chosen:
            found.append((guard, *copy.without(guard)))
            sys.stderr.write(f"{guard.name}: {found[-1][2].splitlines()[-1]}\n")
        return found, ""


def main(words: Sequence[str]) -> int:
    """The whole run."""
    listed = guards()
    PAGE.write_text(page(PAGE.read_text("utf-8"), listed), "utf-8")
    if "--page" in words:
        return 0
    chosen = [one for one in listed if not words or any(w in f"{one.name} {one.family}: {one.gone}" for w in words)]
    lanes = int(os.environ.get("JOBS", "2"))
    names = sorted({name for one in chosen for name in one.tests})
    with ThreadPoolExecutor(lanes) as pool:
        runs = list(pool.map(_lane, [chosen[i::lanes] for i in range(lanes)], [names[i::lanes] for i in range(lanes)]))
    broken = [first for _, first in runs if first]
    if broken:
        sys.stderr.write(f"nothing is deleted yet, and the tests fail: {broken}\n")
        return 1
    order = {one: place for place, one in enumerate(chosen)}
    rows = sorted((row for found, _ in runs for row in found), key=lambda row: order[row[0]])
    for guard, code, first in rows:
        noticed = first if code in (1, 124) else f"nobody ({code})"
        sys.stdout.write(f"{guard.name}\t{guard.path}:{guard.line}\t{noticed}\n")
    alive = [row for row in rows if row[1] not in (1, 124)]
    sys.stderr.write(f"{len(rows)} guards deleted one by one, {len(alive)} unnoticed\n")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
