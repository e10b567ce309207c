"""A story told by several gateways and run on several processes: the same story, and the same outcome."""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from typer.testing import CliRunner

from esteio.cli.main import app
from esteio.sim.clock.virtual_loop import START_EPOCH
from esteio.sim.storm import processes, report, simulate
from esteio.sim.storm.partition import SERVERS_A_GATEWAY, as_one, gateways_for
from esteio.sim.storm.plan import Plan, draw
from esteio.sim.storm.processes import Failed, Piece, side_by_side
from esteio.sim.storm.storm import Outcome
from tests.sim.piecework import work

POLICIES = ("default", "monitor")


def plan_of(servers: int, sessions: int) -> Plan:
    return draw(11, sessions=sessions, hours=0.3, epoch0=START_EPOCH, servers=servers, storm=40.0, talk=20.0)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_of(servers=3, sessions=6)


@pytest.fixture(scope="module")
def outcomes(plan: Plan) -> list[Outcome]:
    return simulate.compare(plan, POLICIES, gateways=2, jobs=1)


def test_the_parts_are_the_whole(plan: Plan) -> None:
    parts = plan.parts(2)
    assert [[server.name for server in part.servers] for part in parts] == [
        [plan.servers[0].name, plan.servers[2].name],
        [plan.servers[1].name],
    ]
    assert sorted(line.name for part in parts for line in part.lines) == sorted(line.name for line in plan.lines)
    assert len(plan.faults) > 10
    assert sorted((fault for part in parts for fault in part.faults), key=plan.faults.index) == list(plan.faults)

    def told(one: Plan) -> list[tuple[int, float, str, str, str]]:
        return [(talk.number, talk.at, talk.way, talk.contact, one.lines[talk.line].name) for talk in one.talks()]

    assert sorted(told(parts[0]) + told(parts[1])) == told(plan)
    assert min(len(told(part)) for part in parts) > 10


def test_no_more_parts_than_servers(plan: Plan) -> None:
    assert plan.parts(1) == (plan,)
    assert len(plan.parts(9)) == len(plan.servers)
    assert plan.parts(2)[0].parts(2)[0].whole == plan.lines


@pytest.mark.parametrize(("servers", "gateways"), [(1, 1), (5, 1), (6, 2), (17, 4), (20, 4)])
def test_a_gateway_watches_a_handful_of_servers(servers: int, gateways: int) -> None:
    assert SERVERS_A_GATEWAY == 5
    assert gateways_for(plan_of(servers, 20)) == gateways


def test_what_comes_of_the_parts_is_one_outcome(plan: Plan, outcomes: list[Outcome]) -> None:
    alone = [simulate.compare(part, ("default",), gateways=1)[0] for part in plan.parts(2)]
    whole = outcomes[0]
    assert (whole.gateways, whole.servers, whole.sessions) == (2, 3, 6)
    assert whole.lines == [(line.server, line.name) for line in plan.lines]
    assert sum(whole.faults.values()) == len(plan.faults)
    assert whole.messages.accepted == sum(1 for talk in plan.talks() if talk.way == "out")
    assert whole.messages.delivered == sum(one.messages.delivered for one in alone) > 0
    assert whole.inbound == sum(one.inbound for one in alone) > 0
    assert len(whole.falls) == sum(len(one.falls) for one in alone) > 0
    assert [fall.down_at for fall in whole.falls] == sorted(fall.down_at for one in alone for fall in one.falls)
    assert whole.calls_per_minute[:5] == [a + b for a, b in zip(*(o.calls_per_minute for o in alone), strict=False)][:5]
    up = [sum(report.uptimes(one, 0.0, 900.0).values()) for one in alone]
    assert sum(report.uptimes(whole, 0.0, 900.0).values()) == pytest.approx(sum(up))
    assert whole.digest not in {one.digest for one in alone}


def test_every_number_of_an_outcome_adds_up(plan: Plan, outcomes: list[Outcome]) -> None:
    """All but what is one for the whole story, and the two times of which the longest counts."""
    one = outcomes[0]
    numbers = [name for name in Outcome.__struct_fields__ if type(getattr(one, name)) in {int, float}]
    alike = {"seed", "sessions", "servers", "hours", "epoch0", "ended_at", "calm_took_s", "gateways"}
    parts = [msgspec.structs.replace(one, **dict.fromkeys(numbers, times * 3)) for times in (1, 2)]
    whole = as_one(plan, parts)
    assert {name: getattr(whole, name) for name in numbers if name not in alike} == dict.fromkeys(
        set(numbers) - alike, 9
    )
    assert (whole.ended_at, whole.calm_took_s) == (6, 6)
    assert whole.messages.accepted == 2 * one.messages.accepted
    assert whole.calls == {verb: 2 * count for verb, count in one.calls.items()}


def test_how_many_processes_there_are_changes_nothing(plan: Plan, outcomes: list[Outcome]) -> None:
    heard = []
    again = simulate.compare(plan, POLICIES, gateways=2, jobs=2, told=lambda one: heard.append(one.policy))
    assert heard == list(POLICIES)
    for one in (*outcomes, *again):
        one.real_s = 0.0
    assert [msgspec.to_builtins(one) for one in again] == [msgspec.to_builtins(one) for one in outcomes]


def test_the_report_says_how_many_gateways(outcomes: list[Outcome]) -> None:
    assert report.story(outcomes[0]).startswith("6 sessions on 3 servers, watched by 2 gateways, 0.3 h")
    assert report.story(msgspec.structs.replace(outcomes[0], gateways=1)).startswith("6 sessions on 3 servers, 0.3 h")


def test_the_command_says_it_too() -> None:
    asks = "simulate --sessions 4 --hours 0.1 --policy monitor --gateways 3 --jobs 1"
    done = CliRunner().invoke(app, asks.split())
    assert done.exit_code == 0
    assert done.stdout.startswith("4 sessions on one server, 0.1 h of virtual time, seed 1;")
    assert "--gateways 3" in simulate.command_of(1, 4, 0.1, ["monitor"], gateways=3)


def test_a_swarm_begins_nothing_when_its_time_is_over() -> None:
    assert list(simulate.swarm(range(3), within_s=0.0)) == []


# -- processes ----------------------------------------------------------------------------------------------------


def pieces(*hows: str) -> list[Piece[Any]]:
    return [Piece(f"piece {number}", (number, how)) for number, how in enumerate(hows)]


def test_answers_come_in_the_order_of_asking() -> None:
    answers = list(side_by_side(work, pieces("slow", "", "", ""), 2))
    assert [number for number, _ in answers] == [0, 1, 2, 3]
    assert len({process for _, process in answers}) == 2
    assert os.getpid() not in {process for _, process in answers}


def test_nobody_is_asked_for_more_than_there_are_hands() -> None:
    asked = []

    def lazily() -> Iterator[Piece[Any]]:
        for piece in pieces(*["slow"] * 9):
            asked.append(piece.name)
            yield piece

    answers = cast("Generator[tuple[int, int]]", side_by_side(work, lazily(), 2))
    next(answers)
    assert 2 <= len(asked) < 9
    answers.close()


@pytest.mark.parametrize("processes", [1, 2])
def test_what_raises_is_named(processes: int) -> None:
    with pytest.raises(Failed, match=r"(?s)piece 1.*nothing comes of 1"):
        list(side_by_side(work, pieces("", "raises"), processes))


def test_what_kills_its_process_is_named() -> None:
    with pytest.raises(Failed, match="piece 1: its process ended with 7"):
        list(side_by_side(work, pieces("slow", "dies", "slow"), 2))


def _until(is_so: Callable[[], object], seconds: int = 60) -> None:
    """Processes live in real time. Generous: it only bounds how long a failure takes."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def _is_free(path: Path) -> bool:
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_who_is_at_work_ends_with_the_one_that_was_killed(tmp_path: Path) -> None:
    """`kill` of a simulation of an hour left its processes at work, each on a core, for nobody."""
    story = (
        "from tests.sim.piecework import stay; from esteio.sim.storm.processes import Piece, side_by_side\n"
        f"if __name__ == '__main__': list(side_by_side(stay, [Piece('a', {str(tmp_path)!r})] * 2, 2))"
    )
    script = tmp_path / "story.py"
    script.write_text(story)
    roads = os.pathsep.join((str(Path(__file__).parents[3]), str(Path(processes.__file__).parents[3])))
    with subprocess.Popen([sys.executable, str(script)], env={**os.environ, "PYTHONPATH": roads}) as parent:
        try:
            _until(lambda: len(list(tmp_path.glob("*.there"))) == 2)
            locks = list(tmp_path.glob("*.locked"))
            assert [_is_free(lock) for lock in locks] == [False, False]
        finally:
            parent.kill()
    _until(lambda: all(_is_free(lock) for lock in locks), 20)
