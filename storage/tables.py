"""Every table, and the class that says how a change of it would be noticed.

Job: the log's own SQLModel tables, the tables derived from documents, and the register of both.

Invariants
  I1  Each table is of one class: log, projection, committed or volatile.
  I2  A table that is not registered here does not belong into the database.

Not here: triggers (guards), rows of documents (rows).
Source: policies/decisions; audit-log record format.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from sqlalchemy import Index, LargeBinary, Table, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from counterseal.desk.documents import DOCUMENTS
from storage.rows import DocumentTable


class TableClass(StrEnum):
    """How a changed cell is noticed."""

    LOG = "log"
    PROJECTION = "projection"
    COMMITTED = "committed"
    VOLATILE = "volatile"


class AuditRecordRow(SQLModel, table=True):
    """One sealed record: a checked index beside the bytes that were hashed."""

    __tablename__ = "audit_records"
    __table_args__ = (UniqueConstraint("stream", "stream_seq"), {"sqlite_strict": True})

    seq: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    prev: str = Field(unique=True, sa_type=Text)
    stream: str = Field(sa_type=Text)
    stream_seq: int
    stream_prev: str = Field(sa_type=Text)
    event_id: str = Field(unique=True, sa_type=Text)
    type: str = Field(sa_type=Text)
    occurred_at: str = Field(sa_type=Text)
    recorded_at: str = Field(sa_type=Text)
    leaf_hash: str = Field(sa_type=Text)
    body: bytes = Field(sa_type=LargeBinary)


class AuditCheckpointRow(SQLModel, table=True):
    """A signed checkpoint (C2SP signed note) for one size; `number` counts them from 1, gapless."""

    __tablename__ = "audit_checkpoints"
    __table_args__ = {"sqlite_strict": True}

    size: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    number: int = Field(unique=True)
    note: str = Field(sa_type=Text)


class AuditHeadRow(SQLModel, table=True):
    """The end of the log: always one row, the fence of the sequencer."""

    __tablename__ = "audit_head"
    __table_args__ = {"sqlite_strict": True}

    origin: str = Field(primary_key=True, sa_type=Text)
    size: int
    last_leaf: str = Field(sa_type=Text)
    peaks: str = Field(sa_type=Text)
    root: str = Field(sa_type=Text)
    lease_owner: str = Field(sa_type=Text)
    lease_epoch: int
    lease_until: str = Field(sa_type=Text)


class AuditOutboxRow(SQLModel, table=True):
    """A draft on its way into the log; gone once its checkpoint is stored."""

    __tablename__ = "audit_outbox"
    __table_args__ = (
        Index("audit_outbox_placed", "seq", sqlite_where=text("seq IS NOT NULL")),
        {"sqlite_strict": True},
    )

    position: int = Field(primary_key=True)
    event_id: str = Field(unique=True, sa_type=Text)
    draft: bytes = Field(sa_type=LargeBinary)
    digest: str = Field(sa_type=Text)
    seq: int | None = None


class AuditOpeningRow(SQLModel, table=True):
    """What opens one commitment to personal data; gone once it is erased."""

    __tablename__ = "audit_openings"
    __table_args__ = {"sqlite_strict": True}

    commitment: str = Field(primary_key=True, sa_type=Text)
    salt: str = Field(sa_type=Text)
    block: str = Field(sa_type=Text)
    person_id: str = Field(index=True, sa_type=Text)


DOCUMENT_TABLES: Final[Mapping[str, DocumentTable]] = {
    kind.KIND: DocumentTable(kind) for kind in DOCUMENTS
}
"""Projections by kind."""

REGISTER: Final[Mapping[str, TableClass]] = {
    "audit_records": TableClass.LOG,
    "audit_checkpoints": TableClass.LOG,
    "audit_head": TableClass.LOG,
    **dict.fromkeys(DOCUMENT_TABLES, TableClass.PROJECTION),
    "audit_openings": TableClass.COMMITTED,
    "audit_outbox": TableClass.VOLATILE,
    "alembic_version": TableClass.VOLATILE,
}
VOLATILE_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "audit_head": ("lease_owner", "lease_epoch", "lease_until"),
}
"""Columns that are volatile in a table of another class."""

VOLATILE_BECAUSE: Final[Mapping[str, str]] = {
    "audit_head": "who leads for now: another lease makes a sequencer wait or give way",
    "audit_outbox": "in flight between two transactions: one not as recorded stops the seal",
    "alembic_version": "schema version; another value refuses to start",
}


def table(name: str) -> Table:
    """The table of this name.

    Raises:
        KeyError: for an unregistered name.
    """
    return SQLModel.metadata.tables[name]
