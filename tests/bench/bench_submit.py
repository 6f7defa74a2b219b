"""Milliseconds of an interactive submit at a warm desk, and rows a second of a verification.

The floor writes the same number of transactions, of fsyncs and of bytes, and decides nothing.
"""

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from counterseal.audit.verify import Evidence, verify_log
from counterseal.signals.model import Direction
from storage.durable import write_durably
from tests.bench.measure import Measurement, percentile, seconds
from tests.world import World

SUBMITS = 500
P99_MS_MAX = 50.0
STEPS_MAX = 3
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "recursive_triggers=ON")
TABLES = (
    "CREATE TABLE outbox (position INTEGER PRIMARY KEY, id TEXT UNIQUE, draft BLOB, seq INTEGER)",
    "CREATE TABLE records (seq INTEGER PRIMARY KEY, leaf TEXT, id TEXT UNIQUE, body BLOB)",
    "CREATE TABLE checkpoints (size INTEGER PRIMARY KEY, note TEXT)",
    "CREATE TABLE head (origin TEXT PRIMARY KEY, size INTEGER)",
    "CREATE TABLE documents (id TEXT PRIMARY KEY, cells TEXT)",
)


def measure(folder: Path) -> list[Measurement]:
    """Submits of approved requests, the approvals outside the measured time."""
    world = World(folder / "home")
    steps: Counter[str] = Counter()
    world.reopen(lambda step: steps.update([step]))
    spent = []
    sealed: Counter[str] = Counter()
    for turn in range(SUBMITS):
        direction = Direction.SHORT if turn % 2 else Direction.LONG
        request = world.approved(quantity=1, direction=direction)
        _move_market(world, selling=turn % 2 == 1)
        asked, at_start = world.key(), Counter(steps)

        def submit(request: str = request, asked: str = asked) -> None:
            world.done(world.submitted(request, quantity=1, key=asked))

        spent.append(1000 * seconds(submit))
        sealed += steps - at_start
    assert len(world.fills()) == SUBMITS
    assert sealed["checkpointed"] <= STEPS_MAX * SUBMITS
    records = [row for row in world.log() if row.type.startswith(("order.", "approval.consumed"))]
    body = b"x" * (sum(len(row.body) for row in records) // len(records))
    floor = Skeleton(folder / "skeleton").run(
        submits=SUBMITS,
        steps=sealed["checkpointed"] // SUBMITS,
        records=round(len(records) / SUBMITS),
        body=body,
    )
    return [
        *(
            Measurement(
                f"submit p{round(100 * share)}",
                percentile(spent, share),
                "ms",
                floor_name="same commits, raw sqlite3",
                floor=percentile(floor, share),
                bar=bar,
            )
            for share, bar in ((0.5, None), (0.99, P99_MS_MAX))
        ),
        _verify(world),
    ]


def _move_market(world: World, *, selling: bool) -> None:
    """A quote with fresh depth, and dearer to sell at, so that no limit of losses is reached."""
    bid = 20_050 if selling else 19_999
    world.quote(bid=str(bid), ask=str(bid + 1))


class Skeleton:
    """The disk's part of a submit: what is left when nothing is decided, signed or checked."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._database, self._state = folder / "raw.sqlite", folder / "state.json"

    def run(self, *, submits: int, steps: int, records: int, body: bytes) -> list[float]:
        """Milliseconds of each submit."""
        with closing(sqlite3.connect(self._database, isolation_level=None)) as connection:
            for pragma in PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            for statement in TABLES:
                connection.execute(statement)
            connection.execute("INSERT INTO head VALUES ('log', 0)")
            shares = [records // steps + (step < records % steps) for step in range(steps)]
            self._connection, self._size, self._body = connection, 0, body
            return [1000 * seconds(partial(self._submit, shares)) for _ in range(submits)]

    def _submit(self, shares: Sequence[int]) -> None:
        for records in shares:
            self._step(records)

    def _step(self, records: int) -> None:
        places = range(self._size, self._size + records)
        self._commit(
            *(
                ("INSERT INTO outbox (id, draft) VALUES (?, ?)", (f"evt-{n}", self._body))
                for n in places
            ),
            *(
                ("INSERT INTO documents VALUES (?, ?)", (f"doc-{n}", self._body.decode()))
                for n in places
            ),
        )
        leaf = hashlib.sha256(self._body).hexdigest()
        self._commit(
            *(
                ("INSERT INTO records VALUES (?, ?, ?, ?)", (n, leaf, f"evt-{n}", self._body))
                for n in places
            ),
            *(("UPDATE outbox SET seq = ? WHERE id = ?", (n, f"evt-{n}")) for n in places),
            ("UPDATE head SET size = ?", (self._size + records,)),
        )
        self._size += records
        write_durably(self._state, self._body[:200])
        self._commit(
            ("INSERT INTO checkpoints VALUES (?, ?)", (self._size, self._body[:300].decode())),
            ("DELETE FROM outbox WHERE seq < ?", (self._size,)),
        )

    def _commit(self, *statements: tuple[str, tuple[object, ...]]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        for text, values in statements:
            self._connection.execute(text, values)
        self._connection.execute("COMMIT")


def _verify(world: World) -> Measurement:
    """Rows a second of the whole verification, beside the same hashes and signatures alone."""
    rows, notes = world.log(), world.notes()
    evidence = Evidence(log_key=world.log_key.key, heads=(world.remembered(),))
    taken = seconds(lambda: verify_log(rows, notes, evidence))
    private = Ed25519PrivateKey.from_private_bytes(bytes(32))
    public, signature = private.public_key(), private.sign(rows[0].body)

    def bare() -> None:
        for row in rows:
            hashlib.sha256(row.body).digest()
        for _ in notes:
            public.verify(signature, rows[0].body)

    return Measurement(
        f"verify {len(rows)} rows, {len(notes)} notes",
        len(rows) / taken,
        "rows/s",
        floor_name="sha256, Ed25519",
        floor=len(rows) / seconds(bare),
    )
