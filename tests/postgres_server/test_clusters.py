"""The server that other tests stand on: what befalls it, what stands before it, and that none is left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres_server.cluster import Cluster
from tests.postgres_server.pooler import Pooler, pgbouncer
from tests.postgres_server.programs import Unavailable, left_out
from tests.postgres_server.proxy import Proxy

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30


@pytest.fixture(scope="module")
def cluster(postgres_programs: Path) -> Iterator[Cluster]:
    found = Cluster.made(postgres_programs, fsync=True)
    yield found
    found.leave()


def test_rows_outlive_a_restart_and_a_kill_of_all_its_processes(cluster: Cluster) -> None:
    cluster.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)")
    cluster.restart()
    cluster.execute("INSERT INTO kept VALUES (2)")
    cluster.kill()
    cluster.start()

    assert cluster.execute("SELECT n FROM kept ORDER BY n") == "1\n2"
    assert cluster.execute("SHOW fsync") == "on"


def test_a_database_is_a_copy_of_its_template(postgres: Cluster) -> None:
    postgres.create("whole")
    postgres.execute("CREATE TABLE there (n int); INSERT INTO there VALUES (7)", "whole")
    postgres.create("copy", template="whole")

    assert postgres.execute("SELECT n FROM there", "copy") == "7"
    postgres.drop("copy")
    postgres.drop("whole")


def test_nothing_is_left_of_a_cluster_whose_process_was_killed(postgres_programs: Path) -> None:
    made = (
        "import sys, pathlib; from tests.postgres_server.cluster import Cluster;"
        f"found = Cluster.made(pathlib.Path({str(postgres_programs)!r}));"
        "print(found.folder, (found.folder / 'data' / 'postmaster.pid').read_text().split()[0], flush=True);"
        "sys.stdin.read()"
    )
    user = subprocess.Popen(
        [sys.executable, "-c", made], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert user.stdout is not None
    folder, server = user.stdout.readline().split()
    assert Path("/proc", server).exists()

    user.send_signal(signal.SIGKILL)
    user.communicate()

    until = time.monotonic() + PATIENCE_S
    while Path(folder).exists() and time.monotonic() < until:
        time.sleep(0.02)
    assert not Path(folder).exists()
    assert not Path("/proc", server).exists() or "zombie" in Path("/proc", server, "status").read_text()


def test_a_proxy_passes_delays_resets_and_refuses(postgres: Cluster) -> None:
    with Proxy(postgres.port) as proxy:
        assert postgres.execute("SELECT 1", port=proxy.port) == "1"
        proxy.delay_s = 0.05
        before = time.monotonic()
        assert postgres.execute("SELECT repeat('x', 100000)", port=proxy.port) == "x" * 100000
        assert time.monotonic() - before > 0.1, "a login and a statement are more than two round trips"
        proxy.delay_s = 0

        proxy.refuse()
        with pytest.raises(AssertionError, match="refused"):
            postgres.execute("SELECT 1", port=proxy.port)
        proxy.restore()
        assert postgres.execute("SELECT 2", port=proxy.port) == "2"


def test_a_proxy_loses_the_answer_to_what_the_server_did_or_the_request(postgres: Cluster) -> None:
    postgres.execute("CREATE TABLE asked (word text)")
    with Proxy(postgres.port) as proxy:
        proxy.lose_answer(b"heard")
        with pytest.raises(AssertionError, match="connection"):
            postgres.execute("INSERT INTO asked VALUES ('heard')", port=proxy.port)
        proxy.lose_request(b"unheard")
        with pytest.raises(AssertionError, match="connection"):
            postgres.execute("INSERT INTO asked VALUES ('unheard')", port=proxy.port)

        assert proxy.lost
        assert postgres.execute("SELECT word FROM asked", port=proxy.port) == "heard"
    postgres.execute("DROP TABLE asked")


def test_what_is_frozen_goes_on_when_the_network_is_back(postgres: Cluster) -> None:
    with Proxy(postgres.port) as proxy:
        proxy.freeze()
        words = [
            "--host",
            "127.0.0.1",
            "--port",
            str(proxy.port),
            "--username",
            "postgres",
            "--command",
            "SELECT 'here'",
        ]
        asking = subprocess.Popen([postgres.programs / "psql", *words], stdout=subprocess.PIPE, text=True)
        with pytest.raises(subprocess.TimeoutExpired):
            asking.wait(timeout=0.5)
        proxy.restore()
        said, _ = asking.communicate(timeout=PATIENCE_S)
    assert "here" in said


def test_behind_the_pooler_nothing_of_a_connection_survives_its_transaction(postgres: Cluster) -> None:
    try:
        pgbouncer()
    except Unavailable as why:
        left_out(why)
    with Pooler(postgres, connections=1) as pooler:
        first = postgres.execute("SELECT pg_backend_pid()", port=pooler.port)
        assert postgres.execute("SELECT pg_backend_pid()", port=pooler.port) == first
