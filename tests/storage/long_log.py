"""Logs that are long enough for tiles."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from counterseal.audit.merkle import leaf_hash
from counterseal.audit.record import StoredRow
from storage.store import create_database
from tests.core.audit.log_builder import a_draft
from tests.household import ORIGIN, Household

PLAIN: dict[str, object] = {"after": None, "policy": None, "command": None, "pii": []}


def lengthen(world: Household, records: int) -> None:
    """Seal so many records of no document behind the others."""
    start = len(world.log())
    with world.store.transaction() as work:
        for number in range(start, start + records):
            unsigned = a_draft(number, f"case:long-{number % 7}")
            work.record({**unsigned, **PLAIN}, ())  # type: ignore[typeddict-item]  # PLAIN has fields of a draft
    world.store.seal()


def body_of(seq: int) -> bytes:
    """What stands for a record where only its leaf counts."""
    return b"record-%d" % seq


def rows_of(start: int, end: int) -> Iterator[StoredRow]:
    """Rows of such records: each a case of its own, chained as the guards want them."""
    zero = "0" * 64
    for seq in range(start, end):
        leaf, event = leaf_hash(body_of(seq)).hex(), f"evt_{seq}"
        prev = leaf_hash(body_of(seq - 1)).hex() if seq else zero
        yield StoredRow(seq, prev, event, 1, zero, event, "t", "2026", "2026", leaf, body_of(seq))


def bare_log(path: Path, records: int) -> None:
    """A database whose records are leaves and nothing else, without checkpoint and tiles."""
    create_database(path, ORIGIN)
    with closing(sqlite3.connect(path)) as connection, connection:
        marks = ", ".join("?" * len(StoredRow._fields))
        connection.executemany(
            f"INSERT INTO audit_records VALUES ({marks})",
            rows_of(0, records),
        )
