"""Appending to and proving from logs of ten thousand to ten million records.

Each log is made up, not sealed: leaves are hashes of small bodies, every full tile over them is
written straight into the table, the head, the signer and one checkpoint are given the size and
root. So ten million take seconds. Up to a million every record is there as a row; of the largest
log only those of the last tile are, for the sequencer and a proof read no others: the indexes of
its other rows are what that figure leaves out. All sizes end half a tile behind a full one.

Processor time, which other work on the machine disturbs least.
"""

import gc
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import orjson
from sqlalchemy import Engine

from counterseal.audit.merkle import Frontier, check_inclusion, node_hash
from counterseal.audit.note import NoteSigner
from counterseal.audit.tiles import TILE_WIDTH, TiledTree, full_tiles
from storage.engines import reading_engine, writing_engine
from storage.guards import GUARDS
from storage.signers import EmbeddedSigner, create_state
from storage.store import SqlStore, create_database
from storage.system import ReplayClock
from storage.tiles import BLOCK, StoredTiles, TileRow, complete_tiles, tiles_over
from tests.bench.bench_seal import AT, ORIGIN, draft
from tests.bench.measure import Measurement
from tests.storage.long_log import body_of, rows_of

SIZES = (10_112, 99_968, 1_000_064, 10_000_000)
WHOLE_MAX = 1_000_064
"""Records of a log whose rows are all there."""
GROUP = 1_000
TURNS = 9
SINGLE = 60
PROOFS = 100_000
NEWEST = 200_000
SCATTERED = 2_000
MICROSECONDS_MAX = 10.0
"""100,000 proofs a second."""
FLAT_MAX = 3.0
"""Ten million beside ten thousand: a level of tiles more, and nothing that grows with the size."""
ROW = ", ".join("?" * 11)


@dataclass(frozen=True, slots=True)
class Log:
    """One log, with its sequencer and its views."""

    size: int
    peaks: Sequence[bytes]
    store: SqlStore
    writer: Engine
    reader: Engine

    def close(self) -> None:
        """Let go of the files."""
        self.store.close()
        self.writer.dispose()
        self.reader.dispose()


def leaves(start: int, end: int) -> list[bytes]:
    """Leaf hashes of the made-up records."""
    return [sha256(b"\x00" + body_of(seq)).digest() for seq in range(start, end)]


def tiles(size: int, roots: list[bytes]) -> Iterator[TileRow]:
    """Every full tile, the lowest level first; its roots are left in `roots`."""
    for first in range(0, full_tiles(0, size), BLOCK):
        end = min(first + BLOCK, full_tiles(0, size))
        for row in tiles_over(0, first, leaves(first * TILE_WIDTH, end * TILE_WIDTH)):
            roots.append(row.root)
            yield row
    level, below = 1, roots
    while len(below) >= TILE_WIDTH:
        rows = list(tiles_over(level, 0, below))
        yield from rows
        level, below = level + 1, [row.root for row in rows]


def made(folder: Path, size: int) -> Log:
    """A log of that size in a home of its own."""
    folder.mkdir()
    database = folder / "home" / "tree.sqlite"
    create_database(database, ORIGIN)
    create_state(folder / "signer", ORIGIN)
    signer = EmbeddedSigner(NoteSigner(ORIGIN, bytes(range(32))), folder / "signer")
    roots: list[bytes] = []
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-262144")
        connection.execute("BEGIN")
        for guard in GUARDS:
            connection.execute(f"DROP TRIGGER {guard}")
        connection.executemany("INSERT INTO audit_tiles VALUES (?, ?, ?, ?)", tiles(size, roots))
        edge = leaves(len(roots) * TILE_WIDTH, size)
        start = 0 if size <= WHOLE_MAX else size - len(edge)
        connection.executemany(f"INSERT INTO audit_records VALUES ({ROW})", rows_of(start, size))
        peaks = [*_peaks(roots), *_peaks(edge)]
        root = Frontier(size, peaks).root()
        connection.execute(
            "UPDATE audit_head SET size = ?, last_leaf = ?, peaks = ?, root = ?",
            (size, edge[-1].hex(), orjson.dumps([p.hex() for p in peaks]).decode(), root.hex()),
        )
        note = signer.sign_checkpoint(ORIGIN, size, root, ())
        connection.execute("INSERT INTO audit_checkpoints VALUES (?, 1, ?)", (size, note))
        for statement in GUARDS.values():
            connection.execute(statement)
        connection.execute("COMMIT")
    store = SqlStore(database, signer, ReplayClock(AT))
    return Log(size, peaks, store, writing_engine(database), reading_engine(database))


def _peaks(hashes: Sequence[bytes]) -> tuple[bytes, ...]:
    frontier = Frontier()
    frontier.extend(hashes)
    return frontier.peaks


def sealing(log: Log, turn: int) -> Callable[[], object]:
    """Seal a thousand records that wait; they are new ones in every turn."""
    with log.store.transaction() as work:
        for place in range(turn * GROUP, (turn + 1) * GROUP):
            work.record(draft(place), ())
    return log.store.seal


def growing(log: Log, _: int) -> Callable[[], object]:
    """Edge and tiles of a thousand new leaves, in a transaction that is given up."""
    fresh = leaves(log.size, log.size + GROUP)

    def act() -> None:
        with log.writer.connect() as connection:
            Frontier(log.size, log.peaks).extend(fresh)
            complete_tiles(connection, log.size + GROUP, fresh)
            connection.rollback()

    return act


def proving(log: Log, turn: int) -> Callable[[], object]:
    """One proof by who has read nothing yet."""
    index = _anywhere(log.size, turn)

    def act() -> None:
        with log.reader.connect() as connection:
            TiledTree(log.size, StoredTiles(connection)).inclusion_path(index)

    return act


def curve(
    logs: Sequence[Log], prepared: Callable[[Log, int], Callable[[], object]], turns: int
) -> list[float]:
    """Median processor microseconds at each size; they take turns, and the first is not counted."""
    spent: list[list[float]] = [[] for _ in logs]
    for turn in range(turns + 1):
        for log, told in zip(logs, spent, strict=True):
            act = prepared(log, turn)
            told.append(_microseconds(act))
    return [statistics.median(told[1:]) for told in spent]


def _microseconds(act: Callable[[], object]) -> float:
    start = time.process_time()
    act()
    return (time.process_time() - start) * 1e6


def _flat(name: str, found: Sequence[float], each: int = 1) -> Iterator[Measurement]:
    """A line for each size, beside the smallest."""
    for size, value in zip(SIZES, found, strict=True):
        yield Measurement(
            f"{name} {size:,} records",
            value / each,
            "us",
            floor_name=f"of {SIZES[0]:,}",
            floor=found[0] / each,
            bar=FLAT_MAX,
            of_ratio=True,
        )


def many(log: Log, name: str, indices: Sequence[int], bar: float | None) -> Measurement:
    """Proofs of many records by one reader; a sample of them leads to the root."""
    with log.reader.connect() as connection:
        tree = TiledTree(log.size, StoredTiles(connection))
        paths: list[tuple[bytes, ...]] = []
        spent = _microseconds(lambda: paths.extend(map(tree.inclusion_path, indices)))
        root = tree.root()
    floor = _microseconds(lambda: _hashed(sum(map(len, paths))))
    for index, path in zip(indices[::97], paths[::97], strict=True):
        assert check_inclusion(index, log.size, leaves(index, index + 1)[0], path, root)
    return Measurement(
        f"a proof of {log.size:,}: {len(paths):,} {name}",
        spent / len(paths),
        "us",
        floor_name="hash as many nodes",
        floor=floor / len(paths),
        bar=bar,
    )


def _anywhere(size: int, number: int) -> int:
    """A place below `size`, another one for each number, far from the last."""
    return number * 2_654_435_761 % size


def _hashed(nodes: int) -> None:
    left = right = bytes(32)
    for _ in range(nodes):
        right = node_hash(left, right)


def measure(folder: Path) -> list[Measurement]:
    """Appending, one proof, many proofs."""
    logs = [made(folder / str(size), size) for size in SIZES]
    gc.collect()
    gc.freeze()  # as the command line does: what was loaded is no garbage
    largest = logs[-1]
    near = range(largest.size // 2, largest.size // 2 + PROOFS)
    newest = [largest.size - 1 - _anywhere(NEWEST, number) for number in range(PROOFS)]
    far = [_anywhere(largest.size, number) for number in range(SCATTERED)]
    try:
        return [
            many(largest, "neighbours", near, MICROSECONDS_MAX),
            many(largest, f"scattered over the newest {NEWEST:,}", newest, MICROSECONDS_MAX),
            many(largest, "scattered over all", far, None),
            *_flat("one proof out of", curve(logs, proving, SINGLE)),
            *_flat(f"tree and tiles of {GROUP:,} more behind", curve(logs, growing, TURNS)),
            *_flat("a record sealed behind", curve(logs, sealing, TURNS), GROUP),
        ]
    finally:
        for log in logs:
            log.close()
