"""Business transactions: documents and the audit outbox, together or not at all.

Job: read documents, and store drafts with the documents that they carry.

Invariants
  I1  A draft enters the outbox in the transaction that stores its documents.
  I2  Documents stored are exactly those that the draft carries.

Not here: sequencing (journal), decisions (the core).
"""

import hmac
from collections.abc import Collection, Iterator, Mapping, Sequence
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
    select,
)
from sqlalchemy.exc import DatabaseError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from counterseal.audit.drafts import draft_bytes
from counterseal.audit.privacy import Opening
from counterseal.audit.record import Draft
from counterseal.desk.ports import Wanted
from counterseal.kernel.canonical import Json
from counterseal.kernel.clock import parse_utc
from counterseal.kernel.errors import AdapterError, InvariantError
from counterseal.kernel.model import Document
from storage.columns import Beside
from storage.data_keys import DataKeys
from storage.dialects import insert_drafts, replacement
from storage.failures import failure_of
from storage.openings import forget_openings, keep_openings, read_opening
from storage.rows import Cell, beside_rank
from storage.tables import DOCUMENT_TABLES, table

D = TypeVar("D", bound=Document)
_Carried = Mapping[str, Mapping[str, Sequence[Mapping[str, Json]]]]
DOCUMENTS_KEPT: Final = 8_192
"""Documents that stay parsed; the one not read for longest is forgotten first."""


class SqlReader:
    """Documents as one connection sees them.

    Args:
        connection: Where they lie.
        keys: Of personal data; without them nothing of it is opened.
    """

    def __init__(self, connection: Connection, keys: DataKeys | None = None) -> None:
        self._connection = connection
        self._keys = keys

    def get(self, kind: type[D], key: str) -> D | None:
        """The document with this key, or None."""
        found = self.find(kind, **{kind.KEY: key})
        return found[0] if found else None

    def find(self, kind: type[D], **equal: Wanted) -> tuple[D, ...]:
        """Documents whose fields equal the given ones, in the order of their keys."""
        rows = self._connection.execute(_query(kind.KIND, *_asked(equal)), _bound(equal))
        return tuple(cast("D", _document(kind.KIND, tuple(row))) for row in rows)

    def count(self, kind: type[D], **equal: Wanted) -> int:
        """How many documents `find` would give."""
        query = _count(kind.KIND, *_asked(equal))
        return int(self._connection.execute(query, _bound(equal)).scalar_one())

    def since(self, kind: type[D], name: str, least: str, /, **equal: Wanted) -> tuple[D, ...]:
        """Of what `find` gives those whose field `name` is not below a text, by their keys.

        Ids are ordered by time, so that asked by the key only what came last is read.
        """
        query = _since(kind.KIND, name, *_asked(equal))
        rows = self._connection.execute(query, {**_bound(equal), "least": least})
        return tuple(cast("D", _document(kind.KIND, tuple(row))) for row in rows)

    def newest(
        self, kind: type[D], name: str, limit: int, behind: int = 0, /, **equal: Wanted
    ) -> tuple[D, ...]:
        """At most `limit` of what `find` gives, those of the highest time `name` and key first."""
        query = _newest(kind.KIND, name, *_asked(equal))
        places = {"at_most": limit, "passed_over": behind}
        rows = self._connection.execute(query, {**_bound(equal), **places})
        return tuple(cast("D", _document(kind.KIND, tuple(row))) for row in rows)

    def texts(self, kind: type[Document]) -> Iterator[bytes]:
        """JSON of every document of a kind, in the order of their keys, unchecked."""
        mapped, streamed = DOCUMENT_TABLES[kind.KIND], self._connection.dialect.name != "sqlite"
        options = {"stream_results": streamed}
        rows = self._connection.execute(_query(kind.KIND), execution_options=options)
        return (mapped.text(dict(zip(kind.model_fields, row, strict=True))) for row in rows)

    def opened(self, commitment: str) -> Opening | None:
        """What opens a commitment to personal data; None when it was erased or never made."""
        return (
            None if self._keys is None else read_opening(self._connection, self._keys, commitment)
        )


def bound_draft(key: bytes, content: bytes) -> str:
    """What binds a waiting draft: who only owns the database cannot make one."""
    made = _binding(key).copy()
    made.update(content)
    return made.hexdigest()


@lru_cache(maxsize=8)
def _binding(key: bytes) -> hmac.HMAC:
    """The key's part of every binding, worked out once."""
    return hmac.new(key, digestmod="sha256")


class SqlUnitOfWork(SqlReader):
    """A writing transaction.

    Args:
        connection: Holds the writer's lock.
        draft_key: Binds what waits for the sequencer.
        keys: Of personal data; without them none is stored and none forgotten.
    """

    def __init__(
        self, connection: Connection, draft_key: bytes, keys: DataKeys | None = None
    ) -> None:
        super().__init__(connection, keys)
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
        self.record_all([(draft["event_id"], draft_bytes(draft))])
        for document, told in as_told(draft, documents):
            self.store_all(document.KIND, [told])

    def record_all(self, drafts: Sequence[tuple[str, bytes]]) -> None:
        """Put drafts into the outbox in their order, each by event id and checked lines."""
        rows = [(name, lines, bound_draft(self._draft_key, lines)) for name, lines in drafts]
        if rows:
            insert_drafts(self._connection, rows)

    def store_all(self, kind: str, told: Sequence[Mapping[str, Json]]) -> None:
        """Store documents of one kind, each in the place of the one with its key."""
        cells = DOCUMENT_TABLES[kind].cells
        rows = [cells(one) for one in told]
        if rows:
            statement = _replacement(kind, self._connection.dialect.name)
            self._connection.exec_driver_sql(statement, rows)

    def keep(self, openings: Sequence[Opening]) -> None:
        """Keep what opens the commitments of a draft."""
        keep_openings(self._connection, self._data_keys(), openings)

    def forget(self, commitments: Sequence[str]) -> None:
        """Destroy what opened these commitments."""
        forget_openings(self._connection, self._data_keys(), commitments)

    def _data_keys(self) -> DataKeys:
        if self._keys is None:
            raise InvariantError("this store has no place for the keys of personal data")
        return self._keys

    def drop(self, kind: str, key: str) -> None:
        """Remove a document whose records a purge lets go."""
        mapped = DOCUMENT_TABLES[kind]
        column = mapped.table.c[mapped.kind.KEY]
        self._connection.execute(delete(mapped.table).where(column == key))


def as_told(
    draft: Draft, documents: Sequence[Document]
) -> Iterator[tuple[Document, Mapping[str, Json]]]:
    """Documents with the JSON that the draft carries of each.

    Raises:
        InvariantError: for what has no table, and what the draft carries others of its kind for.
    """
    carried = cast("_Carried", draft["after"] or {}).get("documents", {})
    told = {kind: iter(values) for kind, values in carried.items()}
    for document in documents:
        mapped = DOCUMENT_TABLES.get(document.KIND)
        if mapped is None or mapped.kind is not type(document):
            raise InvariantError(f"{document.KIND} is no registered document")
        own = told.get(document.KIND)
        value = document.json_value() if own is None else next(own, None)
        if value is None or value[mapped.kind.KEY] != document.key:
            raise InvariantError(f"the draft carries no {document.KIND} {document.key}")
        yield document, value


@lru_cache(maxsize=DOCUMENTS_KEPT)
def _document(kind: str, cells: tuple[Cell, ...]) -> Document:
    """Equal cells are the same frozen document: checked once, however often they are read."""
    mapped = DOCUMENT_TABLES[kind]
    return mapped.document(dict(zip(mapped.kind.model_fields, cells, strict=True)))


def _asked(equal: Mapping[str, Wanted]) -> tuple[tuple[str, bool], ...]:
    """Names, and whether several values will do."""
    return tuple((name, isinstance(value, tuple)) for name, value in equal.items())


def _bound(equal: Mapping[str, Wanted]) -> dict[str, Wanted]:
    """Values as columns hold them: a truth is a whole number, which PostgreSQL minds."""
    return {name: int(v) if isinstance(v, bool) else v for name, v in equal.items()}


@cache
def _query(kind: str, *asked: tuple[str, bool]) -> Select[tuple[Cell, ...]]:
    """Documents of a kind whose columns equal parameters of the same names; built once."""
    mapped = DOCUMENT_TABLES[kind]
    chosen = select(mapped.table).where(*_conditions(kind, asked))
    return chosen.order_by(mapped.table.c[mapped.kind.KEY])


@cache
def _since(kind: str, name: str, *asked: tuple[str, bool]) -> Select[tuple[Cell, ...]]:
    """Those that `_query` gives whose column is not below the parameter `least`; built once."""
    mapped = DOCUMENT_TABLES[kind]
    chosen = select(mapped.table).where(*_conditions(kind, asked))
    chosen = chosen.where(mapped.table.c[name] >= bindparam("least"))
    return chosen.order_by(mapped.table.c[mapped.kind.KEY])


@cache
def _newest(kind: str, name: str, *asked: tuple[str, bool]) -> Select[tuple[Cell, ...]]:
    """Of what `_query` gives `at_most` of the highest time and key, behind those; built once."""
    mapped = DOCUMENT_TABLES[kind]
    columns, beside = mapped.table.c, beside_rank(kind, name, [one for one, _ in asked])
    chosen = select(mapped.table).where(*_conditions(kind, asked, beside))
    ranked = chosen.order_by(columns[name].desc(), columns[mapped.kind.KEY].desc())
    return ranked.limit(bindparam("at_most")).offset(bindparam("passed_over"))


@cache
def _count(kind: str, *asked: tuple[str, bool]) -> Select[tuple[int]]:
    """How many; built once."""
    mapped = DOCUMENT_TABLES[kind]
    return select(func.count()).select_from(mapped.table).where(*_conditions(kind, asked))


def _conditions(
    kind: str, asked: Sequence[tuple[str, bool]], beside: Collection[str] = ()
) -> tuple[ColumnElement[bool], ...]:
    """What is asked of columns; those `beside` lead to no row."""
    columns = DOCUMENT_TABLES[kind].table.c
    found = ((Beside(columns[n]) if n in beside else columns[n], n, many) for n, many in asked)
    return tuple(
        column.in_(bindparam(name, expanding=True)) if several else column == bindparam(name)
        for column, name, several in found
    )


@cache
def _replacement(kind: str, dialect: str) -> str:
    mapped = DOCUMENT_TABLES[kind]
    return replacement(mapped.table, mapped.kind.KEY, dialect)


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
    except PoolTimeoutError as error:
        told = "every connection is in use"
        raise AdapterError("DATABASE_BUSY", told, retriable=True) from error
    except DatabaseError as error:
        failure: AdapterError = failure_of(error)
        raise failure from error


@contextmanager
def writing(
    engine: Engine, draft_key: bytes, keys: DataKeys | None = None
) -> Iterator[SqlUnitOfWork]:
    """A unit of work on the writing engine."""
    with translated_errors(), engine.begin() as connection:
        yield SqlUnitOfWork(connection, draft_key, keys)


@contextmanager
def reading(engine: Engine, keys: DataKeys | None = None) -> Iterator[SqlReader]:
    """A reader on the reading engine."""
    with translated_errors(), engine.connect() as connection:
        yield SqlReader(connection, keys)
