"""A real PostgreSQL for tests: a cluster in a folder of its own, on a Unix socket and on loopback, stopped at will.

    cluster = Cluster.made(programs)            an empty one that runs; `fsync=True` where durability is the matter
    cluster.url("name")                         how to reach a database of it (TCP); `socket=True` by the Unix socket
    cluster.create("name", template="other")    databases, a copy of another within some tens of milliseconds
    cluster.stop() .start() .restart() .kill()  what befalls a server; `kill` is kill -9 of all its processes
    cluster.leave()                             this process needs it no more

Whoever makes or joins one holds it until `leave` or the end of its process: then the watcher stops the server and
removes the folder. Everybody on this machine may log in as `postgres`; the role `guarded` has to give `PASSWORD`.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from tests.postgres_server import watcher
from tests.postgres_server.alone import joined
from tests.postgres_server.programs import handed_over, reachable, run_as

PASSWORD = "pão & água/42"
"""One that has to be quoted in an address."""
_PATIENCE_S = 60
_ACCESS = """\
local all all trust
host all guarded 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
"""
# Without fsync nothing is safe from a power cut, and everything is from a kill -9.
_QUICK = {"fsync": "off", "full_page_writes": "off"}
_SETTINGS = {
    "listen_addresses": "'127.0.0.1'", "max_connections": "300", "shared_buffers": "'64MB'", "max_wal_size": "'512MB'",
    "autovacuum_naptime": "'5s'", "log_min_messages": "warning", "lc_messages": "'C'", "timezone": "'UTC'",
    "file_copy_method": "copy", "wal_level": "minimal", "max_wal_senders": "0",
}  # fmt: skip
_SINCE_18 = {"file_copy_method"}


class Cluster:
    """One server and its folder."""

    def __init__(self, programs: Path, folder: Path, held: IO[str]) -> None:
        self.programs = programs
        self.folder = folder
        self._held = held
        self.port = int((folder / "port").read_text(encoding="utf-8"))

    @classmethod
    def made(cls, programs: Path, *, fsync: bool = False, settings: Mapping[str, str] = {}) -> Cluster:
        """A new one, running. `settings`: lines of postgresql.conf, as they are written there."""
        folder = Path(tempfile.mkdtemp(prefix="esteio-postgres-", dir="/tmp"))  # a socket's path may have 107 bytes
        (folder / "users.lock").touch()
        (folder / "port").write_text(str(free_port()), encoding="utf-8")
        handed_over(folder)
        servers = reachable(programs, folder)
        held = joined(folder / "users.lock")
        assert held is not None
        user = [run_as()["user"], run_as()["group"]] if run_as() else []
        watch = [sys.executable, watcher.__file__, str(folder), str(servers / "pg_ctl"), *map(str, user)]
        subprocess.run(watch, check=True, stdin=subprocess.DEVNULL)
        found = cls(servers, folder, held)
        found._init(fsync=fsync, settings=settings)
        found.start()
        found.execute(f"CREATE ROLE guarded LOGIN CREATEDB PASSWORD '{PASSWORD}'")
        return found

    @classmethod
    def met(cls, programs: Path, folder: Path) -> Cluster | None:
        """One that another process made, or None when it is gone."""
        held = joined(folder / "users.lock")
        return None if held is None else cls(programs, folder, held)

    def leave(self) -> None:
        """Use it no more; with its last user it goes."""
        self._held.close()

    def url(self, database: str = "postgres", *, socket: bool = False, guarded: bool = False, port: int = 0) -> str:
        """`port`: of a proxy before it. `guarded`: as the role that has a password, which is not in the address."""
        user = "guarded" if guarded else "postgres"
        if socket:
            return f"postgresql://{user}@/{database}?host={self.folder}&port={self.port}"
        return f"postgresql://{user}@127.0.0.1:{port or self.port}/{database}"

    def execute(self, sql: str, database: str = "postgres", *, port: int = 0) -> str:
        """Run statements by psql, each in a transaction of its own; what they answer, one row a line. `port`: through
        what stands before the server there."""
        words = [
            "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1",
            "--host", "127.0.0.1" if port else str(self.folder), "--port", str(port or self.port),
            "--username", "postgres", "--dbname", database,
        ]  # fmt: skip
        return self._run("psql", *words, given=sql).strip()

    def create(self, database: str, *, template: str = "template0") -> str:
        """A new database as a copy of `template`, which nobody may have open; its address."""
        self.execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        return self.url(database)

    def drop(self, database: str) -> None:
        """Whoever has it open is cut off."""
        self.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def start(self) -> None:
        """Start it, and wait until it answers."""
        log, options = self.folder / "log", f"-p {self.port} -k {self.folder}"
        self._run("pg_ctl", "--pgdata", str(self._data), "--log", str(log), "--options", options, "--wait", "start")

    def stop(self, *, mode: str = "fast") -> None:
        """`fast` ends connections and writes everything down; `immediate` recovers at the next start."""
        self._run("pg_ctl", "--pgdata", str(self._data), "--mode", mode, "--wait", "stop")

    def restart(self, *, mode: str = "fast") -> None:
        """Stop and start, on the same port."""
        self.stop(mode=mode)
        self.start()

    def kill(self) -> None:
        """kill -9 of the server's processes, all at once."""
        postmaster = int((self._data / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text(encoding="ascii").split()
        processes = (postmaster, *map(int, children))
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        while any(map(_runs, processes)):
            time.sleep(0.005)
        # Where nobody waits for the dead, their numbers are still taken, and the server would not start over them.
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        (self.folder / f".s.PGSQL.{self.port}.lock").unlink(missing_ok=True)

    @property
    def log(self) -> str:
        """What the server has written."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _init(self, *, fsync: bool, settings: Mapping[str, str]) -> None:
        words = ["--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8"]
        self._run("initdb", "--pgdata", str(self._data), "--no-sync", "--no-instructions", *words)
        (self._data / "pg_hba.conf").write_text(_ACCESS, encoding="utf-8")
        version = int((self._data / "PG_VERSION").read_text(encoding="ascii"))
        lines = {**_SETTINGS, **({} if fsync else _QUICK), **settings}
        if version < 18:
            lines = {name: value for name, value in lines.items() if name not in _SINCE_18}
        with (self._data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"{name} = {value}\n" for name, value in lines.items())

    def _run(self, program: str, *words: str, given: str = "") -> str:
        done: subprocess.CompletedProcess[str] = subprocess.run(
            [self.programs / program, *words],
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=_PATIENCE_S,
            cwd="/",
            env={"LC_ALL": "C", "PATH": os.environ["PATH"]},
            **({} if program == "psql" else run_as()),
        )
        assert done.returncode == 0, f"{program} failed: {done.stdout[-2000:]}"
        return done.stdout


def _runs(process: int) -> bool:
    """One that has ended and was not waited for by its parent runs no more."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
