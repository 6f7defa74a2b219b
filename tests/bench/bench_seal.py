"""Records a second into the log, on both databases, beside a raw insert of the same rows."""

import gc
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from counterseal.audit.checkpoint import Checkpoint, sign_checkpoint
from counterseal.audit.growth import growth_path
from counterseal.audit.merkle import Frontier, leaf_hash
from counterseal.audit.note import NoteSigner
from counterseal.audit.record import Draft, StoredRow
from counterseal.audit.signer import decide_signing, genesis_state
from counterseal.kernel.ids import SeededIdSource
from storage.databases import Database, PostgresDatabase, SqliteFile
from storage.signers import EmbeddedSigner, create_state
from storage.store import SqlStore, create_database
from storage.system import ReplayClock
from tests.bench.measure import Measurement

RECORDS, ROUNDS = 20_000, 3
GROUP = 1_000
STREAMS = 2_000
CLIENTS, TURNS, GROUPED = 64, 20, 25
AT = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
ORIGIN = "counterseal.example/bench"
RATE_MIN = {"SQLite": 20_000, "PostgreSQL": 10_000}
CHECKPOINT_MAX = 0.15
IDS = SeededIdSource("bench")


def draft(place: int) -> Draft:
    """A record of the usual size: an order event with one document."""
    return Draft(
        stream=f"case:{place % STREAMS}",
        event_id=IDS.new("evt", str(place), AT + timedelta(microseconds=50 * place)),
        type="order.filled",
        occurred_at="2026-01-05T01:00:00.000000Z",
        actor={
            "id": "operator",
            "authn": {
                "issuer": "counterseal:bench",
                "amr": ["key"],
                "acr": "mfa",
                "auth_time": "2026-01-05T01:00:00.000000Z",
            },
            "session": "session-1",
        },
        on_behalf_of=None,
        action="orders.submit",
        meaning="",
        reason={"code": "", "text": ""},
        before=None,
        after={"documents": {"notes": [{"id": f"note-{place}", "text": "x" * 200}]}},
        subject={"type": "order", "id": f"order-{place}", "version": 1},
        policy=None,
        run=None,
        step="orders.submit",
        request_id=f"case:{place % STREAMS}",
        idempotency_key=f"key-{place}",
        command=None,
        pii=[],
        approver_sig=None,
    )


def opened(folder: Path, database: Database) -> SqlStore:
    """A store with an empty log."""
    create_database(database, ORIGIN)
    create_state(folder / "signer", ORIGIN)
    signer = EmbeddedSigner(NoteSigner(ORIGIN, bytes(range(32))), folder / "signer")
    return SqlStore(database, signer, ReplayClock(AT))


def fill(store: SqlStore, first: int = 0, records: int = RECORDS) -> None:
    """Let as many drafts wait."""
    with store.transaction() as work:
        for place in range(first, first + records):
            work.record(draft(place), ())


def sealed_rows(database: Database, first: int) -> list[StoredRow]:
    """Rows of the log from one place on."""
    engine = database.reading()
    with engine.connect() as connection:
        found = connection.exec_driver_sql(
            f"SELECT * FROM audit_records WHERE seq >= {first} ORDER BY seq"
        ).all()
    engine.dispose()
    return [StoredRow(*row) for row in found]


@dataclass(frozen=True)
class Bare:
    """A database without anything of ours, durable as ours is.

    Attributes:
        insert: Rows into a table without index or guard, in the fastest way, and a commit.
        commit: One short row, and a commit.
    """

    insert: Callable[[Sequence[StoredRow]], object]
    commit: Callable[[], object]


@contextmanager
def bare_sqlite(folder: Path) -> Iterator[Bare]:
    """A file."""
    with closing(sqlite3.connect(folder / "bare.sqlite", isolation_level=None)) as bare:
        bare.execute("PRAGMA journal_mode=WAL")
        bare.execute("PRAGMA synchronous=FULL")
        names = ", ".join(StoredRow._fields).replace("seq", "seq INTEGER PRIMARY KEY", 1)
        bare.execute(f"CREATE TABLE rows_only ({names})")
        bare.execute("CREATE TABLE short (body BLOB)")
        marks = ", ".join("?" * len(StoredRow._fields))

        def insert(rows: Sequence[StoredRow]) -> None:
            bare.execute("BEGIN IMMEDIATE")
            bare.executemany(f"INSERT INTO rows_only VALUES ({marks})", rows)
            bare.execute("COMMIT")

        yield Bare(insert, lambda: bare.execute("INSERT INTO short VALUES (zeroblob(800))"))


@contextmanager
def bare_postgresql(database: PostgresDatabase) -> Iterator[Bare]:
    """A database on the server of this run."""
    url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    kinds = ["int8" if "seq" in name else "text" for name in StoredRow._fields[:-1]] + ["bytea"]
    with psycopg.connect(url, autocommit=True) as bare:
        cells = ", ".join(f"{n} {k}" for n, k in zip(StoredRow._fields, kinds, strict=True))
        bare.execute(f"CREATE TABLE rows_only ({cells}, PRIMARY KEY (seq))")
        bare.execute("CREATE TABLE short (body bytea)")

        def insert(rows: Sequence[StoredRow]) -> None:
            with bare.cursor().copy("COPY rows_only FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(kinds)
                for row in rows:
                    copy.write_row(row)

        yield Bare(insert, lambda: bare.execute("INSERT INTO short VALUES (%s)", (bytes(800),)))


def seconds_each(act: Callable[[], object], times: int) -> float:
    """Wall seconds of one call among many."""
    start = time.perf_counter()
    for _ in range(times):
        act()
    return (time.perf_counter() - start) / times


def raw_seconds(bare: Bare, rows: Sequence[StoredRow]) -> float:
    """Seconds for each row when they go into a bare table, one commit for each group."""
    groups = [rows[first : first + GROUP] for first in range(0, len(rows), GROUP)]
    start = time.perf_counter()
    for group in groups:
        bare.insert(group)
    return (time.perf_counter() - start) / len(rows)


def client_seconds(store: SqlStore, first: int, grouped: int) -> float:
    """Seconds for each record when 64 threads record, seal and wait for the answer.

    Args:
        store: Shared by all.
        first: Number of the first record that was not used yet.
        grouped: Records in each transaction.
    """

    places = iter(range(first, first + CLIENTS * TURNS * grouped))
    drafts = [
        [[draft(next(places)) for _ in range(grouped)] for _ in range(TURNS)]
        for _ in range(CLIENTS)
    ]

    def work(client: int) -> None:
        for group in drafts[client]:
            with store.transaction() as unit:
                for one in group:
                    unit.record(one, ())
            store.seal()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(CLIENTS)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (time.perf_counter() - start) / (CLIENTS * TURNS * grouped)


def alone_seconds(store: SqlStore, first: int, times: int) -> float:
    """Seconds of one record, committed and sealed before the next."""
    places = iter(range(first, first + times))

    def one() -> None:
        with store.transaction() as unit:
            unit.record(draft(next(places)), ())
        store.seal()

    return seconds_each(one, times)


def checkpoint_seconds() -> float:
    """Seconds to make a signed checkpoint over one more record: root, proof, decision, note."""
    key = NoteSigner(ORIGIN, bytes(range(32)))
    edge = Frontier()
    edge.extend(leaf_hash(b"%d" % n) for n in range(RECORDS - 1))
    leaf = leaf_hash(b"one more")
    state = genesis_state(ORIGIN).amended(size=edge.size, root=edge.root().hex())

    def one() -> None:
        grown = Frontier(edge.size, edge.peaks)
        grown.append(leaf)
        root = grown.root()
        proof = growth_path(edge, [leaf])
        decide_signing(state, ORIGIN, grown.size, root, proof, 0)
        sign_checkpoint(Checkpoint(ORIGIN, grown.size, root), key)

    return seconds_each(one, 2_000)


def lines(kind: str, folder: Path, database: Database, bare: Bare) -> Iterator[Measurement]:
    """What one database does."""
    store = opened(folder, database)
    gc.collect()
    gc.freeze()  # as the command line does: what was loaded is no garbage
    taken, raw = [], []
    for turn in range(ROUNDS):
        fill(store, turn * RECORDS)
        taken.append(seconds_each(store.seal, 1) / RECORDS)
        raw.append(raw_seconds(bare, sealed_rows(database, turn * RECORDS)))
    yield Measurement(
        f"{kind}: group commit of {RECORDS:,} waiting records, best of {ROUNDS}",
        min(taken) * 1e6,
        unit="us/record",
        floor_name="raw bulk insert",
        floor=min(raw) * 1e6,
        bar=1e6 / RATE_MIN[kind],
    )
    first = ROUNDS * RECORDS
    for grouped, told in ((GROUPED, f"{GROUPED} records in each transaction"), (1, "one in each")):
        commit = seconds_each(bare.commit, CLIENTS * TURNS)
        yield Measurement(
            f"{kind}: {CLIENTS} clients, {told}, each waits for its answer",
            client_seconds(store, first, grouped) * 1e6,
            unit="us/record",
            floor_name="bare commit",
            floor=commit * 1e6,
        )
        first += CLIENTS * TURNS * grouped
    alone = alone_seconds(store, first, 200)
    store.close()
    yield Measurement(
        f"{kind}: a signed checkpoint for each commit of one record",
        checkpoint_seconds() * 1e6,
        unit="us",
        floor_name="commit and seal",
        floor=alone * 1e6,
        bar=CHECKPOINT_MAX,
        of_ratio=True,
    )


def measure(folder: Path) -> list[Measurement]:
    """Every record sealed, read back, checkpointed and remembered by the signer."""
    from tests.storage.postgres_server import running_server  # noqa: PLC0415 - it starts a server

    one, other = folder / "sqlite", folder / "postgresql"
    for place in (one, other):
        place.mkdir()
    with bare_sqlite(one) as bare:
        found = list(lines("SQLite", one, SqliteFile(one / "home" / "bench.sqlite"), bare))
    try:
        with running_server() as server, bare_postgresql(server.empty()) as bare:
            found += lines("PostgreSQL", other, server.empty(), bare)
    except AssertionError as missing:
        found.append(Measurement("PostgreSQL: group commit", absent=str(missing)))
    return found
