"""The store of one home.

Job: create, open and hold the database with its sequencer behind the desk's port.

Invariants
  I1  A database is created once, with its guards and an empty head, as a whole or not at all.
  I2  Nothing is written through a database whose schema or guards differ.
  I3  Threads that share a writing connection take turns: it holds one transaction.

Not here: documents (rows), sequencing (journal), how the schema comes to be (migrations).
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from counterseal.audit.ports import Signer
from counterseal.kernel.clock import Clock
from counterseal.kernel.errors import AdapterError, InputError
from storage.collection import uncollected
from storage.data_keys import DataKeys
from storage.databases import Database, SqliteFile, database_at
from storage.durable import sync_folder
from storage.engines import fold
from storage.guards import check_guards
from storage.journal import AfterStep, Journal, no_observer
from storage.openings import destroy_keys
from storage.overlay import BatchStore, Overlay
from storage.placing import create_head
from storage.schema import check_schema, has_tables
from storage.unit_of_work import SqlReader, SqlUnitOfWork, reading, translated_errors, writing


def create_database(place: Path | Database, origin: str) -> None:
    """Create tables, guards and an empty head: as a whole or not at all.

    A file is built beside its place, then moved there; elsewhere one transaction does all.

    Raises:
        InputError: `DATABASE_EXISTS`.
        AdapterError: `DATABASE_WRITE` when the folder cannot be written, or the failure of the
            database; nothing lies at `path` then.
    """
    database = database_at(place)
    if not isinstance(database, SqliteFile):
        _build(database, origin)
        return
    path = database.path
    check_absent(database)
    draft = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(draft)
        try:
            _build(SqliteFile(draft), origin)
            move_database(draft, path)
        finally:
            _remove(draft)
    except OSError as error:
        raise AdapterError("DATABASE_WRITE", str(error), got=path) from error


def check_absent(database: Database) -> None:
    """Refuse a place where a database lies, or a journal that SQLite would replay into a new one.

    Raises:
        InputError: `DATABASE_EXISTS`.
        AdapterError: those of a server that does not answer or refuses.
    """
    path = database.file
    if path is None:
        _check_empty(database)
        return
    if path.exists():
        raise InputError("DATABASE_EXISTS", "a database is here already", got=path)
    for suffix in ("-wal", "-journal"):
        journal = path.with_name(path.name + suffix)
        if journal.exists() and journal.stat().st_size:
            raise InputError(
                "DATABASE_EXISTS", "the journal of a lost database is here", got=journal
            )


def _check_empty(database: Database) -> None:
    """Refuse a database on a server that anybody put anything into.

    Raises:
        InputError: `DATABASE_EXISTS`.
    """
    with translated_errors(), database.looking().connect() as connection:
        if has_tables(connection):
            raise InputError("DATABASE_EXISTS", "a database is here already", got=database.name)


def _build(database: Database, origin: str) -> None:
    from storage.migrations import create_schema  # noqa: PLC0415 - opening needs no Alembic

    engine = database.writing()
    try:
        with translated_errors(), engine.begin() as connection:
            if has_tables(connection):
                raise InputError("DATABASE_EXISTS", "a database is here already")
            create_schema(connection)
            create_head(connection, origin)
    finally:
        engine.dispose()


def _remove(path: Path) -> None:
    """Remove a database that never came into use, and the files beside it."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def move_database(source: Path, target: Path) -> None:
    """Move a database that nobody has open, with everything that it holds, durably.

    Raises:
        AdapterError: `DATABASE_BUSY` when it is open elsewhere, or its failure.
        OSError: when it cannot be moved.
    """
    fold(source)
    source.replace(target)
    sync_folder(target.parent)


class SqlStore:
    """The desk's store.

    Args:
        place: The database: a SQLite file, or one that is named otherwise.
        signer: The guard of its log.
        clock: Tells when records are placed.
        after_step: Observer of durable steps; crash tests kill there.
        keys: Of personal data; a store without them neither keeps nor forgets any.

    Raises:
        AdapterError: `DATABASE_MISSING`, `SCHEMA_OLDER`, `SCHEMA_NEWER`, or the database's failure.
        IntegrityError: `GUARD_MISSING`.
    """

    def __init__(
        self,
        place: Path | Database,
        signer: Signer,
        clock: Clock,
        after_step: AfterStep = no_observer,
        keys: DataKeys | None = None,
    ) -> None:
        self._keys = keys
        database = database_at(place)
        self._engines = database.opened()
        self._reader, self._writer = self._engines.reading, self._engines.business
        with ExitStack() as refused:
            refused.callback(self._engines.dispose)
            with translated_errors(), self._reader.connect() as connection:
                check_schema(connection)
                check_guards(connection)
            self._draft_key = signer.draft_key()
            refused.pop_all()
        self._after_step = after_step
        self._turn = self._engines.turn
        self._journal = Journal(
            writer=self._engines.sequencing,
            reader=self._reader,
            signer=signer,
            clock=clock,
            gate=database.gate(self._engines.sequencing, signer.key.name),
            after_step=after_step,
            turn=self._turn,
        )

    @contextmanager
    def transaction(self) -> Iterator[SqlUnitOfWork]:
        """A writing transaction."""
        with self._turn, writing(self._writer, self._draft_key, self._keys) as work:
            yield work
        self._after_step("recorded")

    @contextmanager
    def batch(self) -> Iterator[BatchStore]:
        """A store whose transactions are all one, committed when the block ends."""
        with (
            self._turn,
            uncollected(),  # the search took a sixth of a batch's time
            writing(self._writer, self._draft_key, self._keys) as work,
        ):
            overlay = Overlay(work)
            yield BatchStore(overlay)
            overlay.flush()
        self._after_step("recorded")

    @contextmanager
    def reader(self) -> Iterator[SqlReader]:
        """A read-only view."""
        with reading(self._reader, self._keys) as reader:
            yield reader

    def seal(self) -> int:
        """Append everything recorded and sign a checkpoint; the size it covers.

        The keys of what a sealed record tells to be erased are destroyed then: also of one that a
        crash left behind.
        """
        with uncollected():
            size = self._journal.seal()
        if self._keys is not None and self._keys.going():
            with self._turn, translated_errors(), self._writer.begin() as connection:
                destroy_keys(connection, self._keys)
            self._after_step("keys destroyed")
        return size

    def close(self) -> None:
        """Close every connection."""
        self._engines.dispose()
