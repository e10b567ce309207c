"""On which database the stories of this suite are told: by `turns`, each as (dialect, …).

The whole on SQLite and a short one on PostgreSQL; with `DIALECT=postgres` the whole on PostgreSQL
(`make sim SIM=postgres`). A test that takes `dialect` gets its databases by the fixture `new_database`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.postgres_server.dialects import OVER_POSTGRES


def turns(whole: Sequence[tuple[Any, ...]], short: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """(dialect, *one) for `pytest.mark.parametrize`."""
    if OVER_POSTGRES:
        return [("postgres", *one) for one in whole]
    return [("sqlite", *one) for one in whole] + [("postgres", *one) for one in short]
