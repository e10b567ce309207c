"""Starting and stopping: what keeps a gateway from starting is one sentence and an exit code, in the right language."""

from __future__ import annotations

import asyncio
import socket
import threading
from pathlib import Path
from types import SimpleNamespace

import apsw
import pytest

from esteio.cli.freed_memory import give_back, trimmer
from esteio.cli.remote.client import Client
from tests.cli.cli_processes import Running, free_port, run

ZERO = "127.0.0.1:0"
ADMIN = "an-admin-key-of-the-tests"


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, Running, str]:
    """A data directory that a gateway has used, with one sealed secret, and how that gateway ended."""
    home = tmp_path_factory.mktemp("stopped")
    listen = f"127.0.0.1:{free_port()}"
    (home / "esteio.toml").write_text(
        f'listen = "{listen}"\ndata = "data"\n'
        '[[servers]]\nname = "evo"\nkind = "evolution"\nbase_url = "http://127.0.0.1:9"\n'
        'credentials = { apikey = "secret-of-the-server" }\n'
    )
    gateway = Running("serve", cwd=home, ESTEIO_ADMIN_KEY=ADMIN)
    try:
        gateway.logged("gateway.started")
        servers = run("doctor", "--json", cwd=home, ESTEIO_URL=f"http://{listen}", ESTEIO_KEY=ADMIN).out
    finally:
        code = gateway.end()
    return home, code, gateway, servers


def test_a_gateway_that_is_told_to_end_ends_well(stopped: tuple[Path, int, Running, str]) -> None:
    home, code, gateway, _ = stopped
    assert code == 0
    assert "gateway.stopped" in gateway.err.read_text()
    assert (home / "esteio.toml").read_text().split('"')[1] in gateway.err.read_text()
    assert gateway.out.read_text() == "", "a key that the environment gives is not printed"
    assert (home / "data" / "esteio.db").exists()


def test_declared_servers_are_there_after_the_start(stopped: tuple[Path, int, Running, str]) -> None:
    assert '"server evo"' in stopped[3]


def sentence(told: SimpleNamespace) -> tuple[int, str]:
    """The failure: exit code, and the last line of stderr, which is all there is beside the log."""
    lines = [line for line in told.err.splitlines() if not line.startswith("{")]
    assert len(lines) == 1, told.err
    return told.code, lines[0]


def test_another_secret_key_is_found_out_at_the_start(stopped: tuple[Path, int, Running, str]) -> None:
    told = run("serve", "--listen", ZERO, cwd=stopped[0], ESTEIO_SECRET_KEY="not-the-key-of-before")
    code, line = sentence(told)
    assert code == 1
    assert "sealed with another key" in line


def test_a_newer_database_is_not_touched(stopped: tuple[Path, int, Running, str]) -> None:
    path = str(stopped[0] / "data" / "esteio.db")
    database = apsw.Connection(path)
    known = database.pragma("user_version")
    try:
        database.pragma("user_version", 9999)
        told = run("serve", "--listen", ZERO, cwd=stopped[0], ESTEIO_LANGUAGE="pt-BR")
        assert database.pragma("user_version") == 9999
    finally:
        database.pragma("user_version", known)
        database.close()
    code, line = sentence(told)
    assert code == 1
    assert "9999" in line
    assert "mais novo" in line


@pytest.mark.parametrize(
    ("args", "more", "word"),
    [
        (("--listen", "nowhere"), {}, "HOST:PORT"),
        ((), {"ESTEIO_LISTN": "127.0.0.1:1"}, "ESTEIO_LISTEN"),
        ((), {"ESTEIO_ADMIN_KEY": "short"}, "16 characters"),
        (("--config", "missing.toml"), {}, "missing.toml"),
    ],
    ids=["listen", "misspelt", "short key", "no file"],
)
def test_settings_that_cannot_be_used_are_wrong_usage(
    tmp_path: Path, args: tuple[str, ...], more: dict[str, str], word: str
) -> None:
    code, line = sentence(run("serve", *args, cwd=tmp_path, **more))
    assert code == 2
    assert word in line
    assert not (tmp_path / "esteio-data").exists()


def test_a_declared_session_on_no_server_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "esteio.toml").write_text('listen = "127.0.0.1:0"\n[[sessions]]\nname = "a"\nserver = "nowhere"\n')
    code, line = sentence(run("serve", cwd=tmp_path))
    assert code == 2
    assert "nowhere" in line
    assert "(unknown-server)" in line


def test_an_address_of_somebody_else_cannot_be_listened_on(tmp_path: Path) -> None:
    code, line = sentence(run("serve", "--listen", "203.0.113.7:8700", cwd=tmp_path))
    assert code == 1
    assert "203.0.113.7:8700" in line


def test_a_directory_that_is_a_file_cannot_hold_the_data(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, line = sentence(run("serve", "--listen", ZERO, "--data", "file", cwd=tmp_path))
    assert code == 1
    assert "file" in line


def test_a_sandbox_on_a_taken_port_says_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        code, line = sentence(run("sandbox", "--evolution", ZERO, "--control", address, cwd=tmp_path))
    assert code == 1
    assert "in use" in line
    assert sentence(run("sandbox", "--evolution", "here", cwd=tmp_path))[0] == 2


def test_the_first_start_prints_a_key_and_the_second_none(tmp_path: Path) -> None:
    told = []
    for _ in range(2):
        gateway = Running("serve", "--listen", f"127.0.0.1:{free_port()}", "--data", "data", cwd=tmp_path)
        try:
            gateway.logged("gateway.started")
        finally:
            assert gateway.end() == 0
        told.append(gateway.out.read_text())
    assert told[0].split()[-1].startswith("esk_")
    assert told[1] == ""
    assert "esk_" not in "".join(one.read_text() for one in tmp_path.glob("*.err")).replace("esk_***", "")
    assert (tmp_path / "data" / "secret.key").stat().st_mode & 0o777 == 0o600


def test_an_empty_database_beside_a_key_that_is_known_is_told(tmp_path: Path) -> None:
    """Somebody copied `esteio.db` and `secret.key`, and not the write-ahead log, where everything was."""
    first = Running("serve", "--listen", ZERO, "--data", "data", cwd=tmp_path)
    try:
        first.logged("gateway.started")
        assert "esteio.db-wal" not in first.err.read_text()
        (tmp_path / "copy").mkdir()
        for name in ("esteio.db", "secret.key"):
            (tmp_path / "copy" / name).write_bytes((tmp_path / "data" / name).read_bytes())
    finally:
        first.end()
    second = Running("serve", "--listen", ZERO, "--data", "copy", cwd=tmp_path)
    try:
        second.logged("gateway.started")
        assert "esteio.db-wal is probably missing" in second.err.read_text()
    finally:
        second.end()
    third = Running("serve", "--listen", ZERO, "--data", "copy", cwd=tmp_path)
    try:
        third.logged("gateway.started")
        assert "esteio.db-wal" not in third.err.read_text(), "it is said once"
    finally:
        third.end()


def test_backup_and_restore_refuse_in_one_sentence(tmp_path: Path) -> None:
    told = run("backup", "a.tar", "--data", "nowhere", cwd=tmp_path)
    assert (told.code, told.out) == (2, "")
    assert "There is no Esteio database in nowhere" in told.err
    told = run("backup", "a.tar", cwd=tmp_path, ESTEIO_DATABASE="postgresql://nobody@127.0.0.1:1/esteio")
    assert told.code == 2
    assert "pg_dump" in told.err
    (tmp_path / "b.tar").write_text("no archive")
    told = run("restore", "b.tar", "--data", "new", cwd=tmp_path)
    assert told.code == 1
    assert "is not a backup" in told.err
    assert not (tmp_path / "new").exists()


def test_a_notice_target_that_nobody_knows_is_named_by_its_number(tmp_path: Path) -> None:
    told = run("serve", "--listen", ZERO, cwd=tmp_path, ESTEIO_NOTIFY="json://127.0.0.1:1,nonsense-and-a-secret")
    assert told.code == 2
    lines = [line for line in told.err.splitlines() if not line.startswith("{")]
    assert lines[-1].startswith("Notice target no. 2 ")
    assert "Traceback" not in told.err
    assert "and-a-secret" not in told.err


def test_a_damaged_database_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "esteio.db").write_bytes(b"this was a database once" * 400)
    (tmp_path / "data" / "esteio.db").chmod(0o600)
    code, line = sentence(run("serve", "--listen", ZERO, "--data", "data", cwd=tmp_path))
    assert code == 1
    assert "is damaged" in line


def test_files_that_others_can_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "esteio.db").write_bytes(b"")
    (tmp_path / "data" / "esteio.db").chmod(0o644)
    gateway = Running("serve", "--listen", ZERO, "--data", "data", cwd=tmp_path)
    try:
        gateway.logged("gateway.started")
        assert "chmod 600 data/esteio.db" in gateway.err.read_text()
    finally:
        gateway.end()


def test_metrics_have_a_listener_of_their_own(tmp_path: Path) -> None:
    listen, own = (f"127.0.0.1:{free_port()}" for _ in range(2))
    gateway = Running(
        "serve", "--listen", listen, cwd=tmp_path, ESTEIO_ADMIN_KEY=ADMIN, ESTEIO_METRICS_LISTEN=own, ESTEIO_DATA="data"
    )
    try:
        gateway.logged("gateway.started")
        asked = {place: Client(f"http://{place}", "", "en") for place in (listen, own)}
        status = {
            (place, path): client.ask("GET", path, any_status=True).status
            for place, client in asked.items()
            for path in ("/metrics", "/readyz", "/v1/sessions")
        }
    finally:
        code = gateway.end()
    assert status == {
        (listen, "/metrics"): 401,
        (listen, "/readyz"): 200,
        (listen, "/v1/sessions"): 401,
        (own, "/metrics"): 200,
        (own, "/readyz"): 200,
        (own, "/v1/sessions"): 404,
    }
    assert code == 0


def test_the_system_is_asked_in_a_thread_after_the_start_and_again_and_again() -> None:
    asked: list[tuple[int, bool]] = []
    enough = threading.Event()

    def trim(pad: int) -> int:
        asked.append((pad, threading.current_thread() is threading.main_thread()))
        if len(asked) == 4:
            enough.set()
        return 1

    async def story() -> None:
        task = asyncio.create_task(give_back(trim, (0.0, 0.01), 0.01))
        await asyncio.to_thread(enough.wait)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(story())
    assert set(asked) == {(0, False)}


def test_where_the_c_library_cannot_be_asked_nothing_is_done() -> None:
    asyncio.run(give_back(None))
    trim = trimmer()
    assert trim is None or trim(0) in (0, 1)
