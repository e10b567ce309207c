"""`make bench BENCH=pages` measures: small, for what it says is right and not how fast it was."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.long
def test_the_pages_are_measured(browser: Browser) -> None:
    small = ("--sessions", "12", "--servers", "2", "--rounds", "2", "--viewers", "3", "--burst", "4")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "pages", *small],
        cwd=ROOT, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    line = json.loads(done.stdout)
    assert (line["bench"], line["sessions"], line["viewers"]) == ("pages", 12, 3)
    assert line["drawings_sent"] >= 3, "each page was drawn, and showed all four at the end"
    measured = ("first_byte_ms", "first_paint_ms", "update_ms", "update_in_browser_ms", "webhook_to_code_ms", "rss_mb")
    assert all(line[name] > 0 for name in measured)
