"""What comes back closed with its server's start is connected at once, within the budget, and told once."""

from __future__ import annotations

import pytest

from esteio.sim.storm import reboot
from esteio.sim.storm.report import quantile

SEEDS = range(1, 9)


def test_six_of_twenty_that_come_back_closed_live_within_thirty_seconds_and_are_one_outage() -> None:
    boots = [reboot.boot(seed) for seed in SEEDS]
    said = reboot.summary(boots)
    assert sum(one.never for one in boots) == 0, said
    assert quantile([s for one in boots for s in one.back_s], 0.95) <= reboot.BOUND_S, said
    for one in boots:
        assert one.in_flight <= 2, said
        assert one.closest_s >= 2.999, said
        assert one.notices <= 1, said
        assert (one.started, one.ended) == (1, 1), said
        assert (one.duels, one.destructive) == (0, 0), said


def test_the_same_seed_is_the_same_boot() -> None:
    assert reboot.boot(3) == reboot.boot(3)


def test_from_a_shell_a_broken_bound_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reboot, "BOUND_S", 0.0)
    assert reboot.main(["--seeds", "1"]) == 1
    assert "1 boots" in capsys.readouterr().out
