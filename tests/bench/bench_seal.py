"""Records a second from a filled outbox into the log, beside a raw insert of the same rows."""

import gc
import sqlite3
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from counterseal.audit.note import NoteSigner
from counterseal.audit.record import Draft
from counterseal.kernel.ids import SeededIdSource
from storage.signers import EmbeddedSigner, create_state
from storage.store import SqlStore, create_database
from storage.system import ReplayClock
from tests.bench.measure import Measurement

RECORDS = 40_000
GROUP = 1_000
STREAMS = 2_000
CLIENTS, TURNS = 64, 20
AT = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
ORIGIN = "counterseal.example/bench"
RATE_MIN = 20_000
IDS = SeededIdSource("bench")


def draft(place: int) -> Draft:
    """A record of the usual size: an order event with one document."""
    return Draft(
        stream=f"case:{place % STREAMS}",
        event_id=IDS.new("evt", str(place), AT),
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


def filled(folder: Path, records: int = RECORDS) -> SqlStore:
    """A store whose outbox holds as many drafts."""
    folder.mkdir(parents=True)
    database = folder / "home" / "bench.sqlite"
    create_database(database, ORIGIN)
    create_state(folder / "signer", ORIGIN)
    signer = EmbeddedSigner(NoteSigner(ORIGIN, bytes(range(32))), folder / "signer")
    store = SqlStore(database, signer, ReplayClock(AT))
    with store.transaction() as work:
        for place in range(records):
            work.record(draft(place), ())
    return store


def raw_rate(source: Path, folder: Path) -> float:
    """Rows a second when the sealed rows go into a bare table, one commit for each group."""
    with closing(sqlite3.connect(source)) as connection:
        rows = connection.execute("SELECT * FROM audit_records ORDER BY seq").fetchall()
    with closing(sqlite3.connect(folder / "bare.sqlite", isolation_level=None)) as bare:
        bare.execute("PRAGMA journal_mode=WAL")
        bare.execute("PRAGMA synchronous=FULL")
        names = ", ".join(f"c{place}" for place in range(len(rows[0])))
        bare.execute(f"CREATE TABLE bare ({names.replace('c0', 'c0 INTEGER PRIMARY KEY', 1)})")
        marks = ", ".join("?" * len(rows[0]))
        start = time.perf_counter()
        for first in range(0, len(rows), GROUP):
            bare.execute("BEGIN IMMEDIATE")
            bare.executemany(f"INSERT INTO bare VALUES ({marks})", rows[first : first + GROUP])
            bare.execute("COMMIT")
        return len(rows) / (time.perf_counter() - start)


def client_rate(store: SqlStore) -> float:
    """Commands a second when 64 threads each record, seal and wait for the answer."""

    def work(client: int) -> None:
        for turn in range(TURNS):
            with store.transaction() as unit:
                unit.record(draft(RECORDS + client * TURNS + turn), ())
            store.seal()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(CLIENTS)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return CLIENTS * TURNS / (time.perf_counter() - start)


def commit_rate(folder: Path) -> float:
    """Bare durable commits of one row a second."""
    with closing(sqlite3.connect(folder / "commits.sqlite", isolation_level=None)) as bare:
        bare.execute("PRAGMA journal_mode=WAL")
        bare.execute("PRAGMA synchronous=FULL")
        bare.execute("CREATE TABLE bare (body BLOB)")
        start = time.perf_counter()
        for _ in range(CLIENTS * TURNS):
            bare.execute("INSERT INTO bare VALUES (zeroblob(800))")
        return CLIENTS * TURNS / (time.perf_counter() - start)


def measure(folder: Path) -> list[Measurement]:
    """Every record sealed, read back, checkpointed and remembered by the signer."""
    store = filled(folder / "seal")
    gc.collect()
    gc.freeze()  # as the command line does: what was loaded is no garbage
    start = time.perf_counter()
    size = store.seal()
    rate = size / (time.perf_counter() - start)
    clients = client_rate(store)
    store.close()
    floor = raw_rate(folder / "seal" / "home" / "bench.sqlite", folder)
    return [
        Measurement(
            f"group commit of {size:,} waiting records",
            1e6 / rate,
            unit="us/record",
            floor_name="raw bulk insert",
            floor=1e6 / floor,
            bar=1e6 / RATE_MIN,
        ),
        Measurement(
            f"{CLIENTS} clients, each with its own transaction and answer",
            1e6 / clients,
            unit="us/record",
            floor_name="bare commit",
            floor=1e6 / commit_rate(folder),
        ),
    ]
