"""Somebody with every secret of a server: database, guards, data keys and the log's own key."""

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from counterseal.audit.checkpoint import Checkpoint, sign_checkpoint
from counterseal.audit.merkle import root
from counterseal.audit.note import NoteSigner
from counterseal.audit.record import StoredRow
from counterseal.kernel.clock import parse_utc
from counterseal.kernel.model import Document
from storage.guards import GUARDS
from tests.core.audit.log_builder import edited, rechained, true_snapshot, with_snapshot

Documents = dict[str, list[dict[str, object]]]
Change = Callable[[Documents], object]


@dataclass
class Forger:
    """Rewrites a log as whoever owns the server can: nothing in it contradicts anything else.

    Attributes:
        rows: The log as it will be.
        sizes: Of the checkpoints that are signed anew.
    """

    database: Path
    log_key: NoteSigner
    rows: list[StoredRow] = field(init=False)
    sizes: list[int] = field(init=False)

    def __post_init__(self) -> None:
        fields = ", ".join(StoredRow._fields)
        with closing(sqlite3.connect(self.database)) as connection:
            told = connection.execute(f"SELECT {fields} FROM audit_records ORDER BY seq")
            self.rows = [StoredRow._make(row) for row in told]
            sizes = connection.execute("SELECT size FROM audit_checkpoints ORDER BY size")
            self.sizes = [size for (size,) in sizes]

    def find(self, kind: type[Document], nth: int = -1, **fields: object) -> int:
        """Place of a record that carries a document with these fields."""
        found = [
            place
            for place, row in enumerate(self.rows)
            for told in documents_of(row).get(kind.KIND, ())
            if all(told.get(name) == value for name, value in fields.items())
        ]
        return found[nth]

    def carries(self, place: int) -> Documents:
        return documents_of(self.rows[place])

    def edit(self, place: int, change: Change, **words: object) -> int:
        """Change the documents of a record, and other fields of it; its place."""
        self.rows[place] = _changed(self.rows[place], change, words)
        return place

    def insert(self, place: int, like: int, change: Change, **words: object) -> int:
        """A record that never was, made like another one; its place."""
        fresh = {"event_id": f"evt_{place:032x}", "pii": [], "approver_sig": None} | words
        self.rows.insert(place, _changed(self.rows[like], change, fresh))
        return place

    def snapshot(self, **change: object) -> int:
        """A snapshot of the streams, true but for what is changed; its place."""
        stated = {**true_snapshot(self.rows)._asdict(), **change}
        self.rows = with_snapshot(self.rows, parse_utc(self.rows[-1].recorded_at), **stated)
        return len(self.rows) - 1

    def move(self, place: int, to: int) -> int:
        self.rows.insert(to, self.rows.pop(place))
        return to

    def seal(self, end: int | None = None) -> None:
        """Write the first records, linked anew, under checkpoints that the log's key signs."""
        rows = rechained(self.rows[:end])
        leaves = [bytes.fromhex(row.leaf_hash) for row in rows]
        sizes = sorted({n for n in self.sizes if n < len(rows)} | {len(rows)})
        notes = [
            (place, size, self._signed(size, root(leaves[:size])))
            for place, size in enumerate(sizes, 1)
        ]
        marks = ", ".join("?" * len(StoredRow._fields))
        with closing(sqlite3.connect(self.database)) as connection, connection:
            for name in GUARDS:
                connection.execute(f"DROP TRIGGER {name}")
            connection.execute("DELETE FROM audit_records")
            connection.execute("DELETE FROM audit_checkpoints")
            connection.executemany(f"INSERT INTO audit_records VALUES ({marks})", rows)
            connection.executemany(
                "INSERT INTO audit_checkpoints (number, size, note) VALUES (?, ?, ?)", notes
            )
            for statement in GUARDS.values():
                connection.execute(statement)

    def _signed(self, size: int, head: bytes) -> str:
        return sign_checkpoint(Checkpoint(self.log_key.key.name, size, head), self.log_key)


def documents_of(row: StoredRow) -> Documents:
    """What a record carries, by kind; a copy."""
    after = json.loads(row.body)["after"] if row.body else None
    told: Documents = (after or {}).get("documents", {})
    return told


def only(kind: type[Document], *documents: Document | Mapping[str, object]) -> Change:
    """A change that puts these documents in the place of all others."""

    def change(told: Documents) -> None:
        told.clear()
        told[kind.KIND] = [
            dict(one.json_value() if isinstance(one, Document) else one) for one in documents
        ]

    return change


def _changed(row: StoredRow, change: Change, words: Mapping[str, object]) -> StoredRow:
    documents = documents_of(row)
    change(documents)
    return edited(row, {"after": {"documents": documents, "facts": {}}, **words})


def first(rows: Sequence[StoredRow], kind: str) -> int:
    """Place of the first record of a type."""
    return next(place for place, row in enumerate(rows) if row.type == kind)
