"""What opens the commitments of the log.

Job: keep, show and destroy openings of personal data.

Invariants
  I1  An opening is stored in the transaction that puts its commitment on the way into the log.
  I2  What is forgotten is overwritten in the file; the journal beside it is emptied by `scrub`.
  I3  A row that is no opening stops nothing: it is shown as one that does not hold.

Not here: whether every commitment is accounted for (audit.privacy), backups.
Source: design part "privacy, retention, legal hold"; SQLite documentation, pragma secure_delete.
"""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import ValidationError
from sqlalchemy import Connection, Engine, delete, insert, select

from counterseal.audit.privacy import Opening
from counterseal.kernel.errors import AdapterError, IntegrityError
from storage.tables import table


def keep_openings(connection: Connection, openings: Sequence[Opening]) -> None:
    """Store openings; each commitment once."""
    rows = [opening.json_value() for opening in openings]
    if rows:
        connection.execute(insert(table("audit_openings")), rows)


def forget_openings(connection: Connection, commitments: Sequence[str]) -> None:
    """Destroy openings: their pages are overwritten, not only unlinked."""
    connection.exec_driver_sql("PRAGMA secure_delete=ON")
    openings = table("audit_openings")
    for commitment in commitments:
        connection.execute(delete(openings).where(openings.c.commitment == commitment))


def read_opening(connection: Connection, commitment: str) -> Opening | None:
    """The opening of one commitment, None when there is none.

    Raises:
        IntegrityError: `OPENING_INVALID` for a row that cannot be an opening, or opens another.
    """
    openings = table("audit_openings")
    query = select(openings).where(openings.c.commitment == commitment)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    opening = _opening(dict(row))
    if not opening.holds:
        raise IntegrityError("OPENING_INVALID", "a stored opening does not hold", got=commitment)
    return opening


def _opening(cells: Mapping[str, object]) -> Opening:
    try:
        return Opening.model_validate(cells)
    except ValidationError:
        raise IntegrityError(
            "OPENING_INVALID", "a stored opening does not hold", got=cells["commitment"]
        ) from None


def read_openings(connection: Connection, person_id: str | None = None) -> Iterator[Opening]:
    """Openings in the order of their commitments, of one person or of all.

    Raises:
        IntegrityError: `OPENING_INVALID` for a row that cannot be an opening.
    """
    openings = table("audit_openings")
    query = select(openings).order_by(openings.c.commitment)
    if person_id is not None:
        query = query.where(openings.c.person_id == person_id)
    for row in connection.execute(query).mappings():
        yield _opening(dict(row))


def scrub(writer: Engine) -> None:
    """Empty the write-ahead log, where bytes that were just destroyed would live on.

    Raises:
        AdapterError: `DATABASE_BUSY`, retriable, while a reader still needs it.
    """
    with writer.connect() as connection:
        raw = connection.connection.driver_connection
        if raw is None:
            raise AdapterError("DATABASE_FAILED", "no connection to the database")
        busy, *_ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise AdapterError("DATABASE_BUSY", "a reader keeps the erased bytes", retriable=True)
