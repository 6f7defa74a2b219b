"""What a database's failure means here.

Job: give our code, and whether a retry may help, for the words or the code of either database.

Invariants
  I1  What is told of a connection that was not made or was lost names no user, host or password.

Not here: broken constraints, which are no fault of the world (unit_of_work).
Source: SQLite result codes; PostgreSQL documentation, appendix on error codes.
"""

from collections.abc import Mapping
from typing import Final

from sqlalchemy.exc import DatabaseError

from counterseal.kernel.errors import AdapterError

_BUSY: Final = ("DATABASE_BUSY", True)
_SQLITE: Final[Mapping[str, tuple[str, bool]]] = {
    "locked": _BUSY,
    "readonly": ("DATABASE_READ_ONLY", False),
    "disk is full": ("DATABASE_FULL", False),
    "no such table": ("DATABASE_SCHEMA", False),
    "no such column": ("DATABASE_SCHEMA", False),
    "not a database": ("DATABASE_UNREADABLE", False),
    "malformed": ("DATABASE_UNREADABLE", False),
}
_POSTGRESQL: Final[Mapping[str, tuple[str, bool]]] = {
    "40001": _BUSY,  # serialization_failure
    "40P01": _BUSY,  # deadlock_detected
    "53300": _BUSY,  # too_many_connections
    "55P03": _BUSY,  # lock_not_available
    "57014": _BUSY,  # query_canceled, by its time
    "25006": ("DATABASE_READ_ONLY", False),
    "53100": ("DATABASE_FULL", False),
    "42P01": ("DATABASE_SCHEMA", False),
    "42703": ("DATABASE_SCHEMA", False),
    "42501": ("DATABASE_FORBIDDEN", False),
    "3D000": ("DATABASE_MISSING", False),
    "XX001": ("DATABASE_UNREADABLE", False),
    "XX002": ("DATABASE_UNREADABLE", False),
}
_CONNECTION_CLASSES: Final = ("08", "57P")
"""Codes of a connection that was lost or refused begin so."""
_UNREACHABLE: Final = "the database server does not answer, or the connection to it was lost"
_REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    'FATAL:  database "': ("DATABASE_MISSING", "the server has no database of this name"),
    "FATAL:  ": ("DATABASE_REFUSED", "the database server refuses this user or its password"),
    "fe_sendauth": ("DATABASE_REFUSED", "the database server asks for a password"),
}
"""What a server says before a connection is made, which has no code; the first that fits counts."""
_NOT_YET: Final = ("starting up", "shutting down", "too many", "recovery", "slots are reserved")
"""Of these refusals, those that pass by themselves."""


def failure_of(error: DatabaseError) -> AdapterError:
    """Our failure for the database's.

    Returns:
        `DATABASE_BUSY` (retriable), `DATABASE_MISSING`, `DATABASE_READ_ONLY`, `DATABASE_FULL`,
        `DATABASE_SCHEMA`, `DATABASE_UNREADABLE` or `DATABASE_FAILED`; of a server also
        `DATABASE_UNREACHABLE` (retriable), `DATABASE_REFUSED` and `DATABASE_FORBIDDEN`.
    """
    told = str(error.orig)
    if type(error.orig).__module__.startswith("psycopg"):
        return _of_server(getattr(error.orig, "sqlstate", None), told)
    code, retriable = next(
        (_SQLITE[word] for word in _SQLITE if word in told), ("DATABASE_FAILED", False)
    )
    return AdapterError(code, told, retriable=retriable)


def _of_server(sqlstate: str | None, told: str) -> AdapterError:
    if sqlstate is None:
        return _unconnected(told)
    lost = sqlstate.startswith(_CONNECTION_CLASSES)
    code, retriable = _POSTGRESQL.get(
        sqlstate, ("DATABASE_UNREACHABLE" if lost else "DATABASE_FAILED", lost)
    )
    return AdapterError(code, _UNREACHABLE if lost else told, retriable=retriable)


def _unconnected(told: str) -> AdapterError:
    """Of a connection that was not made or was lost; the server's words are not handed on."""
    passing = not told.startswith("connection ") or any(words in told for words in _NOT_YET)
    refused = () if passing else (found for begun, found in _REFUSALS.items() if begun in told)
    for code, words in refused:
        return AdapterError(code, words)
    return AdapterError("DATABASE_UNREACHABLE", _UNREACHABLE, retriable=True)
