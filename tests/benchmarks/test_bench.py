"""Each measurement once, with tiny counts: that it runs from end to end and says what it must. Never a figure."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmarks import deliver, load
from benchmarks.bare import SqliteRows, application
from benchmarks.load import Plan, queues
from benchmarks.processes import Failed, ask, listening
from benchmarks.processes import load as press
from benchmarks.stub import Stub
from benchmarks.subscriber import Subscriber
from benchmarks.tail import figures
from benchmarks.watching.faults import Faults
from benchmarks.watching.fleet import Fleet
from tests.browser.installed import Unavailable, chromium, left_out

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("--sessions", "2", "--chats", "4", "--connections", "4", "--rounds", "1")


def bench(*words: str, small: tuple[str, ...] = SMALL) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *words, *small],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "in a pipe there is no progress"
    lines = done.stdout.splitlines()
    assert len(lines) == 1
    line: dict[str, Any] = json.loads(lines[0])
    return line


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "figures"),
    [
        (
            ("deliver", "--messages", "60"),
            {"messages_per_s", "bare_per_s", "ratio", "accepted_per_s", "cpu_us", "bare_cpu_us"},
        ),
        (
            ("accept", "--messages", "60", "--seconds", "0.2"),
            {
                "accepted_per_s",
                "bare_per_s",
                "ratio",
                "cpu_us",
                "bare_cpu_us",
                "p99_ms_at_25_percent",
                "p99_ms_at_50_percent",
                "p99_ms_at_75_percent",
                "bare_p99_ms_at_25_percent",
                "bare_p99_ms_at_50_percent",
                "bare_p99_ms_at_75_percent",
                "ratio_p99_at_25_percent",
                "ratio_p99_at_50_percent",
                "ratio_p99_at_75_percent",
            },
        ),
        (
            ("door", "--messages", "60"),
            {"native_per_s", "native_cpu_us", "door_per_s", "door_cpu_us", "ratio"},
        ),
        (
            ("inbound", "--webhooks", "60", "--seconds", "0.2", "--rate", "50", "--through-rate", "50"),
            {
                "webhooks_per_s",
                "read_per_s",
                "bare_per_s",
                "bare_cpu_us",
                "ratio",
                "p99_ms_at_steady_rate",
                "bare_p99_ms_at_steady_rate",
                "ratio_p99_at_steady_rate",
                "caught_up_per_s",
                "through_p50_ms",
                "through_p95_ms",
            },
        ),
    ],
)
def test_a_measurement_ends_with_one_line_of_figures(words: tuple[str, ...], figures: set[str]) -> None:
    line = bench(*words)
    assert line["bench"] == words[0]
    assert line["sessions"] == 2
    assert figures <= set(line)
    # So few requests may take less than one tick of the system's CPU clock.
    assert all(line[figure] > 0 or (figure.endswith("cpu_us") and line[figure] == 0) for figure in figures)
    assert [set(one) for one in line["each"]] == [figures]


@pytest.mark.slow
def test_a_trace_tells_each_step_of_the_requests_of_each_load(tmp_path: Path) -> None:
    bench("accept", "--messages", "200", "--seconds", "1", "--trace", str(tmp_path / "steps.json"))
    for server in ("steps", "steps-bare"):
        loads = json.loads((tmp_path / f"{server}.json").read_bytes())
        assert loads
        for one in loads:
            assert one["whole"]["p99"] >= one["alone"]["p99"] > 0
            assert list(one["parts"]) == list(figures.PARTS.values())
            assert one["writer"]["operations"] >= one["writer"]["of_requests"] > 0


@pytest.mark.slow
def test_a_call_through_the_door_is_measured_beside_the_same_call_at_the_provider() -> None:
    words = ("--sessions", "2", "--connections", "2", "--rounds", "1", "--seconds", "0.2", "--rate", "50")
    line = bench("passed", small=words)
    assert line["bench"] == "passed"
    # The CPU of ten calls may be less than what the system counts in.
    assert min(line["p50_ms"], line["alone_p50_ms"]) > 0 <= line["cpu_us"]
    assert line["added_p50_ms"] == round(line["p50_ms"] - line["alone_p50_ms"], 2)
    assert line["ratio_p50"] > 0


@pytest.mark.slow
def test_a_code_is_measured_from_its_webhook_to_its_picture(tmp_path: Path) -> None:
    try:
        chromium(tmp_path)
    except Unavailable as why:
        left_out(why)
    line = bench("qr", small=("--codes", "3"))
    assert (line["bench"], line["codes"]) == ("qr", 3)
    assert 0 < line["p50_ms"] <= line["p90_ms"] <= line["max_ms"]


def test_a_chat_belongs_to_one_connection_and_stands_in_order() -> None:
    plan = Plan(port=1, paths=("/a", "/b"), count=100, connections=3, chats=7, first=50)
    seen: dict[str, tuple[int, int]] = {}
    for line, queue in enumerate(queues(plan)):
        for _, whole in queue:
            body = json.loads(whole.partition(b"\r\n\r\n")[2])
            chat, place = body["text"].split()[:2]
            before_line, before = seen.get(chat, (line, int(place) - 1))
            assert (line, int(place) - 1) == (before_line, before)
            seen[chat] = (line, int(place))
    assert len(seen) == 7


def test_the_open_press_starts_each_request_when_it_is_due() -> None:
    plan = Plan(port=1, paths=("/a",), count=10, connections=3, rate=5.0)
    assert [place for place, _ in queues(plan)[0]] == list(range(10))


def test_the_stub_sees_doubles_and_broken_order() -> None:
    stub = Stub()
    for place in (0, 1, 1, 2, 4):
        body = msgspec.json.encode({"number": "55", "text": load.text_of(0, place)})
        status, _ = stub._answer("/message/sendText/one", body)
        assert status == 201
    tally = stub._answer("/_bench/seen", b"")[1]
    assert json.loads(tally) | {"last_at": 0} == {
        "messages": 5,
        "doubled": 1,
        "out_of_order": 1,
        "last_at": 0,
        "webhooks": {},
    }


def test_the_subscriber_sees_doubles_and_broken_order() -> None:
    subscriber = Subscriber()
    for number, place in ((0, 0), (1, 1), (1, 1), (2, 3)):
        message = {"session": "s", "chat": "55", "provider_id": f"3EB0{number:018X}", "text": load.text_of(0, place)}
        subscriber._answer("/hook", msgspec.json.encode({"type": "message.received", "data": message}))
    assert json.loads(subscriber._answer("/_bench/seen", b"")) == {"events": 3, "doubled": 1, "out_of_order": 1}
    assert [number for number, _ in json.loads(subscriber._answer("/_bench/arrivals", b""))] == [0, 1, 2]


def test_the_bare_loop_settles_every_row_it_accepted(tmp_path: Path) -> None:
    async def story() -> None:
        async with listening("benchmarks.stub", tmp_path, "stub") as provider:
            words = (str(tmp_path / "bare.db"), f"http://127.0.0.1:{provider.port}")
            async with listening("benchmarks.bare", tmp_path, "bare", *words) as bare:
                seen = await press(Plan(port=bare.port, paths=("/rows",), count=30, connections=3, chats=5))
                assert Counter(seen.statuses) == {"202": 30}
                assert await deliver.bare_settled(bare.port, 30) >= seen.began_at
                assert (await ask(provider.port, "/_bench/seen"))["messages"] == 30

    asyncio.run(story())


def test_a_load_that_is_refused_is_no_figure(tmp_path: Path) -> None:
    async def story() -> None:
        async with listening("benchmarks.bare", tmp_path, "bare", str(tmp_path / "bare.db")) as bare:
            with pytest.raises(Failed, match="404"):
                await press(Plan(port=bare.port, paths=("/nowhere",), count=3, connections=1))

    asyncio.run(story())


def test_the_bare_server_has_two_addresses_only(tmp_path: Path) -> None:
    app = application(SqliteRows(str(tmp_path / "bare.db")), None)
    assert [getattr(route, "path", None) for route in app.routes] == ["/rows", "/settled"]


@pytest.mark.slow
def test_requests_are_answered_as_expected_and_what_they_cost_is_told() -> None:
    line = bench("requests", "--requests", "5", "--rounds", "1", small=())
    assert line["bench"] == "requests"
    assert all(line[name]["cpu_us"] > 0 for name in ("livez", "message", "send", "webhook", "no address"))


@pytest.mark.slow
def test_the_stores_operations_are_carried_out_and_what_they_cost_is_told() -> None:
    line = bench("store", "--sessions", "2", "--messages", "3", "--rounds", "1", small=())
    assert line["bench"] == "store"
    each = ("accept", "next_due", "claim", "settle", "due_sessions", "session_view", "message", "timeline")
    assert all(line[name] > 0 for name in (*each, "delivery_claim", "delivery_settle"))


@pytest.mark.slow
def test_idle_sessions_are_looked_at_a_period_apart_and_what_it_costs_is_told() -> None:
    words = ("supervise", "--sessions", "6", "--servers", "2", "--seconds", "2", "--period-s", "0.5")
    line = bench(*words, small=())
    assert (line["bench"], line["sessions"], line["servers"]) == ("supervise", 6, 2)
    assert line["looked_at"] == 6
    assert line["soonest_s"] > 0.25, "a period apart, as seen from outside on a busy machine"
    assert all(line[figure] > 0 for figure in ("rss_mb", "rss_peak_mb", "looks_per_s", "requests_per_s"))
    assert line["late_p50_s"] <= line["late_p99_s"] <= line["late_most_s"]


def test_the_fleet_measures_what_comes_later_than_its_period() -> None:
    fleet = Fleet([7000, 7001], 10.0, 2)
    times = iter([0.0, 1.0, 10.5, 12.0, 30.5])
    fleet._now = lambda: next(times)
    for name in ("a", "b", "a", "b", "a"):
        fleet._note(f"/instance/setPresence/{name}")
        status, _ = fleet._answer(f"/instance/setPresence/{name}", b"")
        assert status == 200
    told = fleet._watched()
    assert (told.looks, told.looked_at, told.soonest_s) == (3, 2, 10.5)
    assert (told.late_p50_s, told.late_p99_s) == (1.0, 10.0)
    listed = json.loads(fleet._lists[7001])
    assert [row["name"] for row in listed] == ["bench-01-00000", "bench-01-00001"]
    assert json.loads(fleet._rows(7001, b"")) == listed
    assert json.loads(fleet._rows(7001, b"instanceName=bench-01-00001")) == listed[1:]
    fleet._begin()
    assert (fleet._watched().looks, fleet._watched().looked_at) == (0, 0)


def test_the_fleet_counts_what_it_is_asked_by_kind_and_not_what_the_measurement_asks() -> None:
    fleet = Fleet([7000], 10.0, 1, 0.5)

    async def send(_message: Any) -> None:
        """Nobody listens."""

    async def receive() -> dict[str, Any]:
        return {"body": b""}

    async def asked(path: str, query: bytes = b"") -> None:
        scope = {"type": "http", "path": path, "query_string": query, "server": ("", 7000)}
        await fleet(scope, receive, send)

    async def story() -> None:
        for _ in range(3):
            await asked("/webhook/find/bench-00-00000")
        await asked("/instance/fetchInstances", b"instanceName=bench-00-00000")
        await asked("/instance/fetchInstances")
        await asked("/")
        await asked("/_bench/fleet")

    asyncio.run(story())
    told = fleet._watched()
    assert told.requests == 6, "also those that fail"
    listed = "/instance/fetchInstances"
    assert told.requests_by_kind == {"/webhook/find": 3, f"{listed}?instanceName": 1, listed: 1, "/": 1}


def test_one_answer_and_one_socket_in_so_many_fail_and_a_restart_brings_the_socket_back() -> None:
    times = iter(float(second) for second in range(1000))
    faults = Faults(0.5, lambda: next(times))
    answers: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        answers.append(dict(message))

    async def story() -> list[bool]:
        return [await faults.fails(send) for _ in range(4)]

    assert asyncio.run(story()) == [False, True, False, True]
    assert [one["status"] for one in answers if "status" in one] == [502, 500]
    assert faults.failed == 2
    faults.fall(["s-00-00000", "s-00-00001", "s-01-00000", "s-01-00001"], 4.0)
    while faults.fallen < 2:
        pass
    assert faults.closed("s-00-00000") is None
    assert (faults.closed("s-00-00001") or (0, b""))[0] == 400
    faults.restart("s-00-00001")
    assert (faults.closed("s-00-00001"), faults.fallen, len(faults.restored)) == (None, 1, 1)
