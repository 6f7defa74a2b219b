"""Business transactions: documents and the audit outbox, together or not at all.

Job: read documents, and store drafts with the documents that they carry.

Invariants
  I1  A draft enters the outbox in the transaction that stores its documents.
  I2  Documents stored are exactly those that the draft carries.

Not here: sequencing (journal), decisions (the core).
"""

import hmac
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache, lru_cache
from typing import Final, TypeVar, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    bindparam,
    delete,
    func,
    insert,
    select,
)
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import DatabaseError, IntegrityError

from counterseal.audit.privacy import Opening
from counterseal.audit.record import Draft, draft_bytes
from counterseal.desk.ports import Wanted
from counterseal.kernel.clock import parse_utc
from counterseal.kernel.errors import AdapterError, InvariantError
from counterseal.kernel.model import Document
from storage.openings import forget_openings, keep_openings, read_opening
from storage.rows import Cell
from storage.tables import DOCUMENT_TABLES, table

D = TypeVar("D", bound=Document)
DOCUMENTS_KEPT: Final = 8_192
"""Documents that stay parsed; the one not read for longest is forgotten first."""


class SqlReader:
    """Documents as one connection sees them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, kind: type[D], key: str) -> D | None:
        """The document with this key, or None."""
        found = self.find(kind, **{kind.KEY: key})
        return found[0] if found else None

    def find(self, kind: type[D], **equal: Wanted) -> tuple[D, ...]:
        """Documents whose fields equal the given ones, in the order of their keys."""
        rows = self._connection.execute(_query(kind.KIND, *_asked(equal)), equal)
        return tuple(cast("D", _document(kind.KIND, tuple(row))) for row in rows)

    def count(self, kind: type[D], **equal: Wanted) -> int:
        """How many documents `find` would give."""
        query = _count(kind.KIND, *_asked(equal))
        return int(self._connection.execute(query, equal).scalar_one())

    def opened(self, commitment: str) -> Opening | None:
        """What opens a commitment to personal data; None when it was erased or never made."""
        return read_opening(self._connection, commitment)


def bound_draft(key: bytes, content: bytes) -> str:
    """What binds a waiting draft: who only owns the database cannot make one."""
    return hmac.digest(key, content, "sha256").hex()


class SqlUnitOfWork(SqlReader):
    """A writing transaction.

    Args:
        connection: Holds the writer's lock.
        draft_key: Binds what waits for the sequencer.
    """

    def __init__(self, connection: Connection, draft_key: bytes) -> None:
        super().__init__(connection)
        self._draft_key = draft_key

    def last_time(self) -> datetime | None:
        """When the newest record was recorded (UTC), or None for an empty log."""
        records = table("audit_records")
        text = self._connection.execute(
            select(records.c.recorded_at).order_by(records.c.seq.desc()).limit(1)
        ).scalar_one_or_none()
        return None if text is None else parse_utc(text)

    def record(self, draft: Draft, documents: Sequence[Document]) -> None:
        """Put a draft into the outbox and store its documents.

        Raises:
            InputError: when the draft does not fit the record format.
        """
        content = draft_bytes(draft)
        bound = bound_draft(self._draft_key, content)
        row = {"event_id": draft["event_id"], "draft": content, "digest": bound}
        self._connection.execute(insert(table("audit_outbox")), row)
        for document in documents:
            self._store(document)

    def keep(self, openings: Sequence[Opening]) -> None:
        """Keep what opens the commitments of a draft."""
        keep_openings(self._connection, openings)

    def forget(self, commitments: Sequence[str]) -> None:
        """Destroy what opened these commitments."""
        forget_openings(self._connection, commitments)

    def drop(self, kind: str, key: str) -> None:
        """Remove a document whose records a purge lets go."""
        mapped = DOCUMENT_TABLES[kind]
        column = mapped.table.c[mapped.kind.KEY]
        self._connection.execute(delete(mapped.table).where(column == key))

    def _store(self, document: Document) -> None:
        mapped = DOCUMENT_TABLES.get(document.KIND)
        if mapped is None or mapped.kind is not type(document):
            raise InvariantError(f"{document.KIND} is no registered document")
        cells = mapped.cells(document.json_value())
        self._connection.exec_driver_sql(_replacement(document.KIND), cells)


@lru_cache(maxsize=DOCUMENTS_KEPT)
def _document(kind: str, cells: tuple[Cell, ...]) -> Document:
    """Equal cells are the same frozen document: checked once, however often they are read."""
    mapped = DOCUMENT_TABLES[kind]
    return mapped.document(dict(zip(mapped.kind.model_fields, cells, strict=True)))


def _asked(equal: Mapping[str, Wanted]) -> tuple[tuple[str, bool], ...]:
    """Names, and whether several values will do."""
    return tuple((name, isinstance(value, tuple)) for name, value in equal.items())


@cache
def _query(kind: str, *asked: tuple[str, bool]) -> Select[tuple[Cell, ...]]:
    """Documents of a kind whose columns equal parameters of the same names; built once."""
    mapped = DOCUMENT_TABLES[kind]
    chosen = select(mapped.table).where(*_conditions(kind, asked))
    return chosen.order_by(mapped.table.c[mapped.kind.KEY])


@cache
def _count(kind: str, *asked: tuple[str, bool]) -> Select[tuple[int]]:
    """How many; built once."""
    mapped = DOCUMENT_TABLES[kind]
    return select(func.count()).select_from(mapped.table).where(*_conditions(kind, asked))


def _conditions(kind: str, asked: Sequence[tuple[str, bool]]) -> tuple[ColumnElement[bool], ...]:
    columns = DOCUMENT_TABLES[kind].table.c
    return tuple(
        columns[name].in_(bindparam(name, expanding=True))
        if several
        else columns[name] == bindparam(name)
        for name, several in asked
    )


@cache
def _replacement(kind: str) -> str:
    """A document's row, in the place of the one with its key.

    Text, because SQLAlchemy 2.0 keeps no compiled `ON CONFLICT`: it would build it every time.
    """
    mapped = DOCUMENT_TABLES[kind]
    statement = upsert(mapped.table)
    fresh = {name: statement.excluded[name] for name in mapped.kind.model_fields}
    del fresh[mapped.kind.KEY]
    whole = statement.on_conflict_do_update(index_elements=[mapped.kind.KEY], set_=fresh)
    return str(whole.compile(dialect=sqlite_dialect(paramstyle="named")))


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn the database's operational failures into ours.

    Raises:
        AdapterError: `DATABASE_BUSY` (retriable), `DATABASE_READ_ONLY`, `DATABASE_FULL`,
            `DATABASE_SCHEMA`, `DATABASE_UNREADABLE` or `DATABASE_FAILED`.
        IntegrityError: the database's own, for a broken constraint: that is no fault of the world.
    """
    try:
        yield
    except IntegrityError:
        raise
    except DatabaseError as error:
        text = str(error.orig)
        known = {
            "locked": ("DATABASE_BUSY", True),
            "readonly": ("DATABASE_READ_ONLY", False),
            "disk is full": ("DATABASE_FULL", False),
            "no such table": ("DATABASE_SCHEMA", False),
            "no such column": ("DATABASE_SCHEMA", False),
            "not a database": ("DATABASE_UNREADABLE", False),
            "malformed": ("DATABASE_UNREADABLE", False),
        }
        code, retriable = next(
            (known[word] for word in known if word in text), ("DATABASE_FAILED", False)
        )
        raise AdapterError(code, text, retriable=retriable) from error


@contextmanager
def writing(engine: Engine, draft_key: bytes) -> Iterator[SqlUnitOfWork]:
    """A unit of work on the writing engine."""
    with translated_errors(), engine.begin() as connection:
        yield SqlUnitOfWork(connection, draft_key)


@contextmanager
def reading(engine: Engine) -> Iterator[SqlReader]:
    """A reader on the reading engine."""
    with translated_errors(), engine.connect() as connection:
        yield SqlReader(connection)
