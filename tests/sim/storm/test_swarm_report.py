"""Numbers, table, pictures and the replay of a journal, over one short run under three supervisors."""

import re
import sys
import xml.etree.ElementTree as ET
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from esteio.core.model.policy import BUILT_IN
from esteio.engine.commands.journal_export import FORMAT, export
from esteio.sim import replay
from esteio.sim.clock.virtual_loop import START_EPOCH, run_virtual
from esteio.sim.storm import charts, report, simulate
from esteio.sim.storm.observer import Fall
from esteio.sim.storm.plan import Plan, PlannedFault, busyness, draw
from esteio.sim.storm.storm import Outcome, Storm
from esteio.sim.world.ledger import SocketInterval

POLICIES = ("default", "seeds", "monitor")


def plan_with_a_ghost(variant: str = "restart_cures") -> Plan:
    plan = draw(3, sessions=4, hours=1.0, epoch0=START_EPOCH, servers=1, storm=0.0, talk=5.0)
    rates = (0.5, 400.0, 5.0, 20.0)
    busy = tuple(msgspec.structs.replace(line, out_rate=rate) for line, rate in zip(plan.lines, rates, strict=True))
    ghost = PlannedFault(600.0, "evolution-1", "line0002", "ghost", {"variant": variant})
    return msgspec.structs.replace(plan, lines=busy, faults=(ghost,))


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    return simulate.compare(plan_with_a_ghost(), POLICIES)


def test_the_gateway_loses_nothing_and_the_poller_does(outcomes: list[Outcome]) -> None:
    by_name = {outcome.policy: outcome for outcome in outcomes}
    assert by_name["default"].messages.lost == 0
    assert by_name["default"].messages.delivered == by_name["default"].messages.accepted > 50
    assert by_name["monitor"].messages.lost > 0
    assert by_name["seeds"].messages.lost == 0


def test_every_policy_met_the_same_story(outcomes: list[Outcome]) -> None:
    assert len({outcome.messages.accepted for outcome in outcomes}) == 1
    assert len({outcome.inbound for outcome in outcomes}) == 1
    assert {outcome.falls[0].down_at for outcome in outcomes} == {START_EPOCH + 600.0}


def test_a_ghost_with_traffic_is_seen_and_healed_quickly(outcomes: list[Outcome]) -> None:
    falls = outcomes[0].falls
    assert report.quantile(report.detections_with_traffic(falls), 1.0) <= 5.0
    assert report.quantile(report.single_recoveries(falls), 1.0) <= 15.0


def test_the_poller_never_sees_a_ghost_that_says_open(outcomes: list[Outcome]) -> None:
    assert report.detections(outcomes[2].falls) == []


def test_the_table_has_a_column_for_each(outcomes: list[Outcome]) -> None:
    lines = report.table(outcomes).splitlines()
    assert lines[0] == "|  | default | seeds | monitor |"
    assert all(line.count("|") == 5 for line in lines)
    assert len(lines) == 2 + len(report.ROWS)


def test_falls_are_told_apart_by_what_bounds_them() -> None:
    def fall(kind: str, seen: float, back: float, **how: bool) -> Fall:
        return Fall("s", "a", kind, "", 100.0, seen_at=100.0 + seen, back_at=100.0 + seen + back, **how)

    falls = [
        fall("half_open", 70.0, 3.0),
        fall("ghost", 4.0, 1.0),
        fall("ghost", 8.0, 2.0),
        fall("ghost", 9.0, 90.0, many=True),
        fall("drop", 9.0, 900.0, many=True, rough=True),
    ]
    assert report.apart(falls).splitlines()[2:] == [
        "| under bad weather | 1 | 9.0 s / 9.0 s (n=1) | 15 min / 15 min (n=1) |",
        "| with others of its server | 1 | 9.0 s / 9.0 s (n=1) | 90.0 s / 90.0 s (n=1) |",
        "| ghost | 2 | 4.0 s / 8.0 s (n=2) | 1.0 s / 2.0 s (n=2) |",
        "| half_open | 1 | 70.0 s / 70.0 s (n=1) | 3.0 s / 3.0 s (n=1) |",
    ]


def test_what_is_kept(outcomes: list[Outcome], tmp_path: Path) -> None:
    files = {file.name: file.read_text() for file in simulate.keep(outcomes, tmp_path, "esteio simulate --seed 3")}
    assert "esteio simulate --seed 3" in files["report.md"]
    shown = set(re.findall(r"\]\(([^)]+\.svg)\)", files["report.md"]))
    assert shown == {name for name in files if name.endswith(".svg")}
    for name in shown:
        assert ET.fromstring(files[name]).tag.endswith("svg")
    assert [one["policy"] for one in msgspec.json.decode(files["numbers.json"])] == list(POLICIES)


def test_without_the_extra_the_report_is_kept_and_has_no_pictures(
    outcomes: list[Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pygal", None)
    files = {file.name: file.read_text() for file in simulate.keep(outcomes, tmp_path, "esteio simulate")}
    assert set(files) == {"report.md", "numbers.json"}
    assert "svg" not in files["report.md"]
    assert report.table(outcomes) in files["report.md"]


def test_pictures_of_the_same_outcomes_are_the_same_bytes_on_any_day(
    outcomes: list[Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    once = charts.draw(outcomes)
    monkeypatch.setattr("pygal.svg.date", type("Then", (date,), {"today": lambda: date(2001, 2, 3)}))
    assert charts.draw(outcomes) == once


def test_pictures_run_nothing_and_fetch_nothing(outcomes: list[Outcome]) -> None:
    for _, svg in charts.draw(outcomes).values():
        assert "<script" not in svg
        assert "@import" not in svg
        assert set(re.findall(r"https?://[^\"' ]+", svg)) <= {
            "http://www.w3.org/2000/svg",
            "http://www.w3.org/1999/xlink",
        }


def test_each_policy_and_only_what_happened_is_drawn(outcomes: list[Outcome]) -> None:
    drawn = {name: svg for name, (_, svg) in charts.draw(outcomes).items()}
    assert all(f">{policy}<" in drawn["availability.svg"] for policy in POLICIES)
    root = ET.fromstring(drawn["messages.svg"])
    lost = [g for g in root.iter() if "serie-4" in g.get("class", "").split()]
    widths = [float(node.get("width") or 0) for g in lost for node in g.iter() if node.tag.endswith("}rect")]
    assert [width > 1 for width in widths] == [outcome.messages.lost > 0 for outcome in reversed(outcomes)]
    assert ".reactive{fill-opacity:1;stroke-opacity:1;stroke-width:0}" in drawn["messages.svg"]


def test_availability_is_counted_from_the_truth(outcomes: list[Outcome]) -> None:
    outcome = msgspec.structs.replace(
        outcomes[0], epoch0=1000.0, ended_at=100.0, lines=[("s", "a"), ("s", "b")],
        intervals=[SocketInterval("s", "a", 990.0, 1050.0), SocketInterval("s", "b", 1000.0, None)],
    )  # fmt: skip
    assert report.availability(outcome) == pytest.approx(0.75)
    assert report.grid(outcome, 25.0) == {("s", "a"): [1.0, 1.0, 0.0, 0.0], ("s", "b"): [1.0] * 4}


def test_unknown_policies_are_refused() -> None:
    with pytest.raises(simulate.UnknownPolicy, match="nobody"):
        simulate.compare(plan_with_a_ghost(), ["nobody"])


def test_night_and_weekend_are_quiet() -> None:
    wednesday_ten = START_EPOCH + 2 * 3600
    assert busyness(wednesday_ten) > 0.7
    assert busyness(wednesday_ten + 16 * 3600) < 0.1
    assert busyness(wednesday_ten + 4 * 86400) < 0.3


def test_the_plan_is_the_seed_s() -> None:
    assert simulate.swarm_plan(5) == simulate.swarm_plan(5)
    assert simulate.swarm_plan(5) != simulate.swarm_plan(6)
    assert list(simulate.swarm_plan(5).talks()) == list(simulate.swarm_plan(5).talks())


# -- replay -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def journal() -> list[bytes]:
    """The journal of the line that had a ghost, as a gateway exports it."""
    lines: list[bytes] = []

    async def main() -> None:
        storm = Storm(plan_with_a_ghost("restart_noop"), "default")
        supervisor: Any = storm.supervisor
        usual = supervisor.aclose

        async def export_first() -> None:
            store = supervisor.store
            session = await store.sessions.by_name("line0002")
            lines.extend(
                (b"".join([piece async for piece in export(store.servers, store.journal, session)])).splitlines()
            )
            await usual()

        supervisor.aclose = export_first
        await storm.run()

    run_virtual(main)
    return lines


def test_under_its_own_policy_a_journal_replays_alike(journal: list[bytes]) -> None:
    head, entries = replay.read(journal)
    told = replay.replay(head, entries, BUILT_IN["default"])
    assert told.pieces > 20
    assert told.same >= 4
    assert told.differences == ()


def test_under_another_policy_the_difference_shows(journal: list[bytes]) -> None:
    head, entries = replay.read(journal)
    told = replay.replay(head, entries, BUILT_IN["seeds"])
    assert ("then", "begin restart") in {(one.side, one.what) for one in told.differences}
    assert ("now", "begin logout") in {(one.side, one.what) for one in told.differences}


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [([], "head"), ([b"{}"], "line 1"), ([b"no"], "line 1"), ([b'{"esteio_journal":99}'], "line 1")],
)
def test_what_is_no_journal_is_named(lines: list[bytes], wrong: str) -> None:
    with pytest.raises(replay.BadJournal, match=wrong):
        replay.read(lines)


def test_a_newer_journal_is_refused(journal: list[bytes]) -> None:
    newer = msgspec.json.decode(journal[0]) | {"esteio_journal": FORMAT + 1}
    with pytest.raises(replay.BadJournal, match="newer"):
        replay.read([msgspec.json.encode(newer)])
