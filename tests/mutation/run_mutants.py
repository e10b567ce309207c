"""Mutation testing of `core/judge` with mutmut, on mutants drawn by a seed: `python -m tests.mutation.run_mutants`.

mutmut changes a copy of the source in `build/mutants` and runs for each mutant the fast tests that reach the changed
function (`[tool.mutmut]` in `pyproject.toml`) until one fails. `MUTANTS` is how many are drawn (500), `MUTANTS_SEED` by
which seed (15), `JOBS` how many processes run (2). With names of mutants as arguments those are run and none is drawn.

Prints the score and writes each survivor's difference into `build/mutants/survivors.txt`; the end is 1 below 85 %.
`docs/explanation/mutation.md` has the last run's figures and why its survivors are none to fear. It is run
by `make sim SIM=mutants`.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "mutants"
WANTED = 85.0
"""The least score, in percent."""
FIRST = "esteio.core.judge.gap.*__mutmut_1"
"""A few mutants: running them makes all others, and learns which tests reach which function."""
NOTICED = frozenset({"killed", "timeout", "segfault", "caught by type check"})


def drawn(names: Iterable[str], count: int, seed: int) -> list[str]:
    """`count` of these names, or all of them when they are fewer; the same for the same names and seed."""
    ordered = sorted(names)
    return random.Random(seed).sample(ordered, min(count, len(ordered)))


def statuses(text: str) -> dict[str, str]:
    """What `mutmut results` says of each mutant, by its name."""
    lines = (line.strip().partition(": ") for line in text.splitlines())
    return {name: status for name, colon, status in lines if colon and "__mutmut_" in name}


def score(found: Mapping[str, str]) -> float:
    """The share of mutants that were noticed, in percent."""
    return 100 * sum(status in NOTICED for status in found.values()) / len(found)


def _copy() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    litter = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in ("src", "tests"):
        shutil.copytree(ROOT / name, FOLDER / name, ignore=litter)
    shutil.copy(ROOT / "pyproject.toml", FOLDER)


def _mutmut(*words: str) -> str:
    """One command of mutmut in the copy. Its output goes to `mutmut.log`; raises `SystemExit` with the end of it."""
    with (FOLDER / "mutmut.log").open("w+", encoding="utf-8") as log:
        done = subprocess.run([sys.executable, "-m", "mutmut", *words], cwd=FOLDER, stdout=log, stderr=log)
        log.seek(0)
        said = log.read()
    if done.returncode:
        raise SystemExit(f"mutmut {words[0]}: {said[-2000:]}")
    return said


def _report(found: Mapping[str, str]) -> None:
    survivors = sorted(name for name, status in found.items() if status not in NOTICED)
    (FOLDER / "survivors.txt").write_text("\n".join(_mutmut("show", name) for name in survivors), encoding="utf-8")
    for name in survivors:
        sys.stdout.write(f"{found[name]}\t{name}\n")
    counts = ", ".join(f"{count} {status}" for status, count in Counter(found.values()).most_common())
    sys.stdout.write(f"{len(found)} mutants: {counts}; score {score(found):.1f} %\n")


def main(words: Sequence[str]) -> int:
    """The whole run."""
    os.nice(5)
    run = ("run", "--max-children", os.environ.get("JOBS", "2"))
    _copy()
    _mutmut(*run, FIRST)
    names = statuses(_mutmut("results", "--all", "true"))
    chosen = words or drawn(names, int(os.environ.get("MUTANTS", "500")), int(os.environ.get("MUTANTS_SEED", "15")))
    _mutmut(*run, *chosen)
    found = statuses(_mutmut("results", "--all", "true"))
    found = {name: found[name] for name in chosen}
    _report(found)
    return 0 if score(found) >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
