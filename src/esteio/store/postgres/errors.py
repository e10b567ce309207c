"""What an error of the driver calls for: try again, wait for the database, or tell the caller.

Never lives here: the trying (`database`).
"""

from __future__ import annotations

from typing import Literal

import psycopg
from psycopg import errors

from esteio.store.base import StoreUnavailable

Cure = Literal["again", "reconnect", "unprepared", "full", "tell"]

_AGAIN = (errors.DeadlockDetected, errors.SerializationFailure)
_UNPREPARED = (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement)
"""A transaction pooler gave the connection behind this one to somebody else."""
_RECONNECT = (
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.CannotConnectNow,
    errors.IdleInTransactionSessionTimeout,
    errors.TransactionTimeout,
    errors.TooManyConnections,
    errors.ReadOnlySqlTransaction,
    errors.FeatureNotSupported,
)
"""The server ends, starts or was made a standby, or a statement was prepared before the schema was changed."""
_RACES = 3


def cure_of(error: psycopg.Error, tries: int) -> Cure:
    """What to do about it after so many tries."""
    if isinstance(error, _AGAIN):
        return "again"
    if isinstance(error, errors.UniqueViolation):
        # Another node was faster between our look and our write: the next look sees what it did.
        return "again" if tries < _RACES else "tell"
    if isinstance(error, _UNPREPARED):
        return "unprepared"
    if isinstance(error, errors.DiskFull):
        return "full"
    if isinstance(error, _RECONNECT):
        return "reconnect"
    # Without a code it is the driver's own: no connection, or one that was lost.
    return "reconnect" if isinstance(error, psycopg.OperationalError) and error.sqlstate is None else "tell"


def heard(error: psycopg.Error) -> StoreUnavailable:
    """What callers are told of a database that does not do its part. No error of the driver holds the password."""
    lines = str(error).strip().splitlines()
    return StoreUnavailable(lines[0] if lines else type(error).__name__)
