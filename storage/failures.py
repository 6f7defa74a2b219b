"""What a database's failure means here.

Job: give our code, and whether a retry may help, for the words or the code of either database.

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
    "3D000": ("DATABASE_MISSING", False),
    "XX001": ("DATABASE_UNREADABLE", False),
    "XX002": ("DATABASE_UNREADABLE", False),
}
_CONNECTION_CLASSES: Final = ("08", "57P")
"""Codes of a connection that was lost or refused begin so."""


def failure_of(error: DatabaseError) -> AdapterError:
    """Our failure for the database's.

    Returns:
        `DATABASE_BUSY` (retriable), `DATABASE_MISSING`, `DATABASE_READ_ONLY`, `DATABASE_FULL`,
        `DATABASE_SCHEMA`, `DATABASE_UNREADABLE` or `DATABASE_FAILED`, which is retriable when the
        connection was lost.
    """
    told = str(error.orig)
    if type(error.orig).__module__.startswith("psycopg"):
        code, retriable = _of_server(getattr(error.orig, "sqlstate", None))
    else:
        code, retriable = next(
            (_SQLITE[word] for word in _SQLITE if word in told), ("DATABASE_FAILED", False)
        )
    return AdapterError(code, told, retriable=retriable)


def _of_server(sqlstate: str | None) -> tuple[str, bool]:
    lost = sqlstate is None or sqlstate.startswith(_CONNECTION_CLASSES)
    return _POSTGRESQL.get(sqlstate or "", ("DATABASE_FAILED", lost))
