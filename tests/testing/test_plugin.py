"""The pytest plugin, as another project's run loads it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

WRONG = """
from esteio.providers.adapter import SendOutcome
from esteio.providers.baileys import Baileys
from esteio.testing.conformance import AdapterConformance


class Silent(Baileys):
    def send(self, where, now, message, timeout_s):
        yield from ()
        return SendOutcome("refused")


class TestSilent(AdapterConformance):
    adapter = Silent()
    good = ({},)
    strange_state = {}
"""


def run_in(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # By its name alone, whether or not this environment has its entry point.
    environ = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    how = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "esteio.testing.plugin", *words)
    return subprocess.run(how, cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False)


def test_a_failure_of_the_suite_shows_its_values(tmp_path: Path) -> None:
    (tmp_path / "test_silent.py").write_text(WRONG, encoding="utf-8")
    done = run_in(tmp_path, "-k", "never_taken_for_sent and late")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "'refused' == 'in_doubt'" in done.stdout


def test_it_is_harmless_where_no_adapter_is_tested(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text("def test_other():\n    assert True\n", encoding="utf-8")
    done = run_in(tmp_path, "-W", "error")
    assert done.returncode == 0, done.stdout + done.stderr
