"""PgBouncer in transaction mode before a cluster: Debian's `pgbouncer`, where it stands or by apt.

What it takes away from its clients is the matter of the tests: a transaction may run on another connection than the one
before, so nothing that belongs to a connection survives its COMMIT: prepared statements, LISTEN, SET, advisory locks.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from tests.postgres_server.cluster import Cluster, free_port
from tests.postgres_server.programs import Unavailable, apt, handed_over, run_as

_PATIENCE_S = 20


def pgbouncer() -> str:
    """Where the program is. Raises `Unavailable`."""
    if (found := _standing()) is None:
        apt("pgbouncer")
        found = _standing()
    if found is None:
        raise Unavailable("Debian's package pgbouncer brings no pgbouncer here")
    return found


def _standing() -> str | None:
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


class Pooler:
    """One PgBouncer; `connections`: how many it keeps to the server, for any number of clients."""

    def __init__(self, cluster: Cluster, *, connections: int = 4) -> None:
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="esteio-pgbouncer-", dir="/tmp"))
        handed_over(self._folder)
        (self._folder / "users.txt").write_text('"postgres" ""\n', encoding="utf-8")
        (self._folder / "pgbouncer.ini").write_text(
            f"[databases]\n* = host=127.0.0.1 port={cluster.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {self.port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {self._folder}/users.txt\n"
            f"pool_mode = transaction\ndefault_pool_size = {connections}\nmax_client_conn = 500\n"
            "ignore_startup_parameters = extra_float_digits\n",
            encoding="utf-8",
        )
        with (self._folder / "log").open("w") as log:
            self._process = subprocess.Popen(
                [pgbouncer(), str(self._folder / "pgbouncer.ini")], cwd="/",
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, **run_as(),
            )  # fmt: skip
        _answers(self.port)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def url(self, database: str = "postgres") -> str:
        """How to reach a database through it."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def close(self) -> None:
        """Stop it at once."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def _answers(port: int) -> None:
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert time.monotonic() < until, "PgBouncer does not answer"
            time.sleep(0.01)
        else:
            return
