"""A log on either database, with its signer; and a process that writes to it.

The process is forked from this one, as its modules are loaded here, and opens the log by itself. It
says `ack ID` for each record once its seal returned. With a step it kills itself right after that
step.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy import Connection

from counterseal.audit.note import NoteSigner
from counterseal.audit.record import Draft, StoredRow
from counterseal.audit.verdict import Verdict
from counterseal.audit.verify import Evidence, head_of_signer, verify_log
from counterseal.kernel.clock import Clock
from counterseal.kernel.errors import CountersealError
from storage.databases import Database, PostgresDatabase, SqliteFile, database_at
from storage.home_reader import HomeReader
from storage.journal import AfterStep, Journal, no_observer
from storage.lease import LEASE_SECONDS
from storage.signers import EmbeddedSigner, create_state, read_state
from storage.store import SqlStore, create_database
from storage.system import MachineClock
from tests.bench.bench_seal import AT, IDS, ORIGIN, draft
from tests.forked import Speaking

KEY = NoteSigner(ORIGIN, bytes(range(32)))
THREADS = 8
GROUP = 4
PLACE = "place"


def event_id(name: str) -> str:
    return IDS.new("evt", name, AT)


def named_draft(name: str, number: int = 0, **changes: object) -> Draft:
    """A draft of this name."""
    fresh = draft(number)
    fresh["event_id"] = event_id(name)
    return Draft(**{**fresh, **changes})  # type: ignore[typeddict-item]  # tests may ask for wrong ones


@dataclass(frozen=True)
class LogRoom:
    """One log: its database, and a folder for its signer."""

    folder: Path
    database: Database

    @property
    def signer(self) -> EmbeddedSigner:
        return EmbeddedSigner(KEY, self.folder / "signer")

    @contextmanager
    def store(
        self, after_step: AfterStep = no_observer, clock: Clock | None = None
    ) -> Iterator[SqlStore]:
        made = SqlStore(self.database, self.signer, clock or MachineClock(), after_step)
        try:
            yield made
        finally:
            made.close()

    @contextmanager
    def journal(self, clock: Clock, after_step: AfterStep = no_observer) -> Iterator[Journal]:
        """A sequencer without any lock: the lease and the fence alone decide."""
        engines = self.database.opened()
        try:
            yield Journal(
                writer=engines.sequencing,
                reader=engines.reading,
                signer=self.signer,
                clock=clock,
                gate=None,
                after_step=after_step,
            )
        finally:
            engines.dispose()

    @contextmanager
    def raw(self) -> Iterator[Connection]:
        """A writing connection as any of ours, in a transaction that is rolled back."""
        engine = self.database.writing()
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()

    def changed(self, statement: str) -> int:
        """Carry out a change; how many rows it met."""
        with self.raw() as connection:
            met = connection.exec_driver_sql(statement).rowcount
            connection.commit()
            return met

    @contextmanager
    def reader(self) -> Iterator[HomeReader]:
        engine = self.database.reading()
        try:
            with engine.connect() as connection:
                yield HomeReader(connection)
        finally:
            engine.dispose()

    def rows(self) -> list[StoredRow]:
        with self.reader() as reader:
            return list(reader.records())

    def waiting(self) -> int:
        with self.reader() as reader:
            return reader.waiting()

    def verdict(self) -> Verdict:
        """By the log's key and the signer's memory."""
        head = head_of_signer(read_state(self.folder / "signer", ORIGIN))
        with self.reader() as reader:
            evidence = Evidence(log_key=KEY.key, heads=(head,))
            return verify_log(reader.records(), reader.checkpoints(), evidence)

    def is_whole(self, acknowledged: Sequence[str] = ()) -> None:
        """Nothing is forked, unsealed or lost."""
        found, rows = self.verdict(), self.rows()
        assert (found.outcome, found.totals.unsealed) == ("ok", 0), found.findings
        assert [row.seq for row in rows] == list(range(len(rows)))
        known = [row.event_id for row in rows]
        assert len(set(known)) == len(known)
        assert set(acknowledged) <= set(known)
        assert self.waiting() == 0

    def process(self, name: str, seconds: float, step: str = "") -> Speaking:
        """A process that writes."""
        return Speaking(lambda: write(self.folder, name, seconds, step))


def heard(process: Speaking, *, failing: bool = False) -> list[str]:
    """Ids that a process acknowledged until its end; a line cut short says nothing."""
    said = process.stdout.read()
    lines = said.splitlines() if said.endswith("\n") else said.splitlines()[:-1]
    failed = [line for line in lines if line.startswith("failed")]
    assert bool(failed) == failing, failed
    return [line.removeprefix("ack ") for line in lines if line.startswith("ack ")]


def founded(folder: Path, database: Database) -> LogRoom:
    """A new log; a database on a server holds its empty log already."""
    create_state(folder / "signer", ORIGIN)
    if isinstance(database, SqliteFile):
        create_database(database, ORIGIN)
        told = str(database.path)
    else:
        assert isinstance(database, PostgresDatabase)
        told = database.url.render_as_string(hide_password=False)
    (folder / PLACE).write_text(told, "utf-8")
    return LogRoom(folder, database)


def found_again(folder: Path) -> LogRoom:
    told = (folder / PLACE).read_text("utf-8")
    return LogRoom(folder, database_at(told if "://" in told else Path(told)))


def plainly(room: LogRoom) -> psycopg.Connection:
    """A superuser's session with none of our settings."""
    assert isinstance(room.database, PostgresDatabase)
    url = room.database.url.set(drivername="postgresql")
    return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)


def recorded(store: SqlStore, *names: str) -> None:
    with store.transaction() as work:
        for place, name in enumerate(names):
            work.record(named_draft(name, place), ())


def written(store: SqlStore, name: str, seconds: float) -> None:
    """Threads record and seal until the time is over, and say what was acknowledged."""
    end, told = time.monotonic() + seconds, threading.Lock()

    def say(lines: Sequence[str]) -> None:
        with told:
            sys.stdout.write("".join(f"{line}\n" for line in lines))
            sys.stdout.flush()

    def work(writer: int) -> None:
        count = 0
        while time.monotonic() < end:
            names = [f"{name}-{writer}-{count + n}" for n in range(GROUP)]
            count += GROUP
            try:
                with store.transaction() as unit:
                    for place, one in enumerate(names):
                        unit.record(named_draft(one, place), ())
                store.seal()
            except CountersealError as error:
                say([f"failed {error}"])
                return
            say([f"ack {event_id(one)}" for one in names])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def write(folder: Path, name: str, seconds: float, last: str) -> None:
    """Write; and die after the third time of a step."""
    met = 0

    def observe(step: str) -> None:
        nonlocal met
        met += step == last
        if last and met > 2:
            os.kill(os.getpid(), signal.SIGKILL)

    with found_again(folder).store(observe) as store:
        written(store, name, seconds)


AFTER_LEASE = LEASE_SECONDS + 1
