"""Every statement of the store is one that PostgreSQL takes, with the types that its parameters are given."""

from __future__ import annotations

import psycopg

from esteio.store.postgres.statements import STATEMENTS


def test_the_server_takes_each_of_them(migrated_url: str) -> None:
    refused = {}
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        for name, statement in STATEMENTS.items():
            try:
                connection.execute(f'PREPARE "{name}" AS {statement.text}'.encode())
            except psycopg.Error as error:
                refused[name] = str(error).splitlines()[0]
    assert refused == {}
