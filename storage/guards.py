"""Triggers that refuse to rewrite the log.

Job: install the append-only guards, and say which are missing or altered.

Invariants
  I1  The database itself refuses UPDATE, DELETE and REPLACE on records, checkpoints and tiles; the
      one exception empties the body of a record that a `retention.purged` record in the log names.
  I2  A record enters only at the head: its seq is the number of records, its prev the last leaf.
  I3  The live guards are compared as text with these before anything is written.

Not here: what triggers cannot stop (DROP TRIGGER by who owns the file): `audit verify` finds that.
Source: SQLite documentation, CREATE TRIGGER and RAISE.
"""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection

from counterseal.kernel.errors import IntegrityError
from storage import postgres_guards


def _refusal(table: str, verb: str) -> str:
    return (
        f"CREATE TRIGGER guard_{table}_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )


_COLUMNS: Final = (
    "seq",
    "prev",
    "stream",
    "stream_seq",
    "stream_prev",
    "event_id",
    "type",
    "occurred_at",
    "recorded_at",
    "leaf_hash",
)
_SAME: Final = " AND ".join(f"NEW.{name} = OLD.{name}" for name in _COLUMNS)
_TOLD: Final = (
    "EXISTS (SELECT 1 FROM audit_records AS told, json_each("
    "CAST(told.body AS TEXT), '$.after.documents.purges[0].ranges') AS part "
    "WHERE told.stream = 'retention' AND told.type = 'retention.purged' AND told.seq > OLD.seq "
    "AND told.seq < (SELECT MAX(size) FROM audit_checkpoints) "
    "AND json_extract(part.value, '$.stream') = OLD.stream "
    "AND OLD.seq BETWEEN json_extract(part.value, '$.first') "
    "AND json_extract(part.value, '$.last'))"
)
"""The log names the record in a purge behind it, under a signed checkpoint."""

GUARDS: Final[Mapping[str, str]] = {
    "guard_audit_records_update": (
        "CREATE TRIGGER guard_audit_records_update BEFORE UPDATE ON audit_records "
        f"WHEN NOT (NEW.body = x'' AND OLD.stream LIKE 'case:%' AND {_SAME} AND {_TOLD}) "
        "BEGIN SELECT RAISE(ABORT, 'audit_records is append-only'); END"
    ),
    "guard_audit_records_delete": _refusal("audit_records", "DELETE"),
    "guard_audit_checkpoints_update": _refusal("audit_checkpoints", "UPDATE"),
    "guard_audit_checkpoints_delete": _refusal("audit_checkpoints", "DELETE"),
    "guard_audit_tiles_update": _refusal("audit_tiles", "UPDATE"),
    "guard_audit_tiles_delete": _refusal("audit_tiles", "DELETE"),
    "guard_audit_openings_update": _refusal("audit_openings", "UPDATE"),
    "guard_audit_head_delete": _refusal("audit_head", "DELETE"),
    "guard_audit_records_insert": (
        "CREATE TRIGGER guard_audit_records_insert BEFORE INSERT ON audit_records "
        "WHEN NEW.seq <> (SELECT COALESCE(MAX(seq) + 1, 0) FROM audit_records) "
        "OR NEW.prev <> COALESCE("
        "(SELECT leaf_hash FROM audit_records ORDER BY seq DESC LIMIT 1), hex(zeroblob(32))) "
        "BEGIN SELECT RAISE(ABORT, 'a record enters only at the head'); END"
    ),
    "guard_audit_checkpoints_insert": (
        "CREATE TRIGGER guard_audit_checkpoints_insert BEFORE INSERT ON audit_checkpoints "
        "WHEN EXISTS (SELECT 1 FROM audit_checkpoints WHERE size >= NEW.size) "
        "BEGIN SELECT RAISE(ABORT, 'checkpoints only grow'); END"
    ),
}


def install_guards(connection: Connection) -> None:
    """Create the triggers anew (a table rebuilt by a migration loses them silently)."""
    if connection.dialect.name == "postgresql":
        postgres_guards.install_guards(connection)
        return
    for name, statement in GUARDS.items():
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
        connection.exec_driver_sql(statement)


def missing_guards(connection: Connection) -> tuple[str, ...]:
    """Names of guards that are absent, altered or foreign."""
    if connection.dialect.name == "postgresql":
        return postgres_guards.missing_guards(connection)
    rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type='trigger'")
    live = {str(name): str(sql) for name, sql in rows}
    return tuple(sorted(n for n in live.keys() | GUARDS.keys() if live.get(n) != GUARDS.get(n)))


def check_guards(connection: Connection) -> None:
    """Refuse to go on when a guard is gone.

    Raises:
        IntegrityError: `GUARD_MISSING`.
    """
    missing = missing_guards(connection)
    if missing:
        raise IntegrityError("GUARD_MISSING", "append-only guards differ", got=", ".join(missing))
