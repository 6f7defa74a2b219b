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

from sqlalchemy import Identity, LargeBinary, Table, UniqueConstraint
from sqlmodel import Field, SQLModel

from counterseal.desk.documents import DOCUMENTS
from storage.columns import Whole, Words
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

    seq: int = Field(primary_key=True, sa_type=Whole, sa_column_kwargs={"autoincrement": False})
    prev: str = Field(sa_type=Words)
    stream: str = Field(sa_type=Words)
    stream_seq: int = Field(sa_type=Whole)
    stream_prev: str = Field(sa_type=Words)
    event_id: str = Field(unique=True, sa_type=Words)
    type: str = Field(sa_type=Words)
    occurred_at: str = Field(sa_type=Words)
    recorded_at: str = Field(sa_type=Words)
    leaf_hash: str = Field(sa_type=Words)
    body: bytes = Field(sa_type=LargeBinary)


class AuditCheckpointRow(SQLModel, table=True):
    """A signed checkpoint (C2SP signed note) for one size; `number` counts them from 1, gapless."""

    __tablename__ = "audit_checkpoints"
    __table_args__ = {"sqlite_strict": True}

    size: int = Field(primary_key=True, sa_type=Whole, sa_column_kwargs={"autoincrement": False})
    number: int = Field(unique=True, sa_type=Whole)
    note: str = Field(sa_type=Words)


class AuditTileRow(SQLModel, table=True):
    """256 hashes of one level of the tree and their root: what a proof reads, not what proves.

    Written with the checkpoint that covers it; a changed cell differs from the records
    (`audit reconcile`), and no proof leads from it to a signed root.
    """

    __tablename__ = "audit_tiles"
    __table_args__ = {"sqlite_strict": True}

    level: int = Field(primary_key=True, sa_type=Whole, sa_column_kwargs={"autoincrement": False})
    number: int = Field(primary_key=True, sa_type=Whole, sa_column_kwargs={"autoincrement": False})
    root: bytes = Field(sa_type=LargeBinary)
    hashes: bytes = Field(sa_type=LargeBinary)


class AuditHeadRow(SQLModel, table=True):
    """The end of the log: always one row, the fence of the sequencer."""

    __tablename__ = "audit_head"
    __table_args__ = {"sqlite_strict": True}

    origin: str = Field(primary_key=True, sa_type=Words)
    size: int = Field(sa_type=Whole)
    last_leaf: str = Field(sa_type=Words)
    peaks: str = Field(sa_type=Words)
    root: str = Field(sa_type=Words)
    lease_owner: str = Field(sa_type=Words)
    lease_epoch: int = Field(sa_type=Whole)
    lease_until: str = Field(sa_type=Words)


class AuditOutboxRow(SQLModel, table=True):
    """A draft on its way into the log; gone once its checkpoint is stored."""

    __tablename__ = "audit_outbox"
    __table_args__ = {"sqlite_strict": True}

    position: int = Field(primary_key=True, sa_type=Whole, sa_column_args=(Identity(always=False),))
    event_id: str = Field(unique=True, sa_type=Words)
    draft: bytes = Field(sa_type=LargeBinary)
    digest: str = Field(sa_type=Words)


class AuditOpeningRow(SQLModel, table=True):
    """What opens one commitment to personal data, sealed; gone once it is erased."""

    __tablename__ = "audit_openings"
    __table_args__ = {"sqlite_strict": True}

    commitment: str = Field(primary_key=True, sa_type=Words)
    nonce: bytes = Field(sa_type=LargeBinary)
    ciphertext: bytes = Field(sa_type=LargeBinary)
    person_id: str = Field(index=True, sa_type=Words)


DOCUMENT_TABLES: Final[Mapping[str, DocumentTable]] = {
    kind.KIND: DocumentTable(kind) for kind in DOCUMENTS
}
"""Projections by kind."""

REGISTER: Final[Mapping[str, TableClass]] = {
    "audit_records": TableClass.LOG,
    "audit_checkpoints": TableClass.LOG,
    "audit_tiles": TableClass.LOG,
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
