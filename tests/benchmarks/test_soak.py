"""The soak: that it runs from end to end in small, and that its slope is one."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from benchmarks import soak
from benchmarks.soak import Sample, slope


def test_the_slope_is_of_the_memory_after_the_warm_up() -> None:
    filling = [Sample(float(at), 80.0 + at, 9, 9) for at in range(60)]
    level = [Sample(float(at), 140.0 + (at % 2) / 10, 9, 9) for at in range(60, 600)]
    leaking = [Sample(float(at), 140.0 + at / 360, 9, 9) for at in range(60, 600)]
    assert slope(filling, 0) == pytest.approx(3600)
    assert abs(slope(filling + level, 60)) < 0.1
    assert slope(filling + leaking, 60) == pytest.approx(10)
    assert slope(filling, 59) == 0, "one look is no line"


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory and open files are read from /proc")
def test_a_short_soak_ends_with_its_figures_and_leaves_no_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Kept connections are closed 15 s after their last use; that is not waited for here.
    monkeypatch.setattr(soak, "QUIET_S", 1.0)
    ask = soak.Soak(seconds=3, rate=20, burst=30, sessions=2, chats=4, connections=4)
    steps: list[str] = []
    line = asyncio.run(soak.run(ask, tmp_path, steps.append))
    assert (line["bench"], line["errors"], line["rate_per_s"]) == ("soak", 0, 20)
    assert line["messages"] == line["webhooks"] >= 30 + 40
    assert line["tasks_after"] <= line["tasks_before"]
    assert line["rss_mib_before"] > 10
    assert len(line["samples"]) >= 2
    assert len(steps) >= 2
