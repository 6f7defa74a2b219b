"""Where the paper gateway's book lies.

Job: keep what the gateway was asked, what it answered and what it works, in a file of its own.

Invariants
  I1  The file is not the log's database: what it says is a second witness of every order.
  I2  A turn is one transaction; a block that raises changes nothing.
  I3  Reports and fills are only ever added.

Not here: what a message does (broker.book), when one is taken (storage.paper_gateway), making the
file, whole and its owner's alone (storage.own_database).
Source: TX-I6; trading reference 3.3 rule 9; design of reconciliation.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, Protocol

from counterseal.broker.book import BookChange, WorkedOrder
from counterseal.broker.lots_taken import LotTaken, apply_fill_taken
from counterseal.broker.model import Fill
from counterseal.kernel.canonical import Json, canonical_bytes
from counterseal.kernel.model import DomainModel
from counterseal.oms.ingest import BrokerReport
from storage.journal import AfterStep, no_observer
from storage.own_database import own_transaction

_SCHEMA: Final = """
CREATE TABLE orders (order_id TEXT PRIMARY KEY, symbol TEXT NOT NULL, works INTEGER NOT NULL,
  content BLOB NOT NULL) STRICT;
CREATE INDEX orders_working ON orders (works, symbol);
CREATE TABLE messages (cl_ord_id TEXT PRIMARY KEY, order_id TEXT NOT NULL, asked BLOB NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL) STRICT;
CREATE TABLE reports (sequence INTEGER PRIMARY KEY, exec_id TEXT NOT NULL UNIQUE,
  content BLOB NOT NULL) STRICT;
CREATE TABLE fills (fill_id TEXT PRIMARY KEY, order_id TEXT NOT NULL, content BLOB NOT NULL) STRICT;
CREATE INDEX fills_by_order ON fills (order_id);
CREATE TABLE lots_taken (lot_id TEXT PRIMARY KEY, content BLOB NOT NULL) STRICT;
"""


class Pages(Protocol):
    """One turn at the book: read, then keep; nothing of it counts before the turn ends."""

    def sequence(self) -> int:
        """Number of the last report; 0 before the first."""

    def answered(self, cl_ord_id: str) -> tuple[BrokerReport, ...] | None:
        """What was answered to a ClOrdID; None when it never came."""

    def order_id_of(self, cl_ord_id: str) -> str | None:
        """The order that a message belongs to; None when it never came."""

    def order(self, order_id: str) -> WorkedOrder | None:
        """An order, whether it still works or not."""

    def working(self, symbol: str | None = None) -> tuple[WorkedOrder, ...]:
        """Orders that still work, of one symbol or of all."""

    def reports(self, after: int, limit: int) -> tuple[BrokerReport, ...]:
        """At most `limit` reports with a higher number than `after`, in order."""

    def fill(self, fill_id: str) -> Fill | None:
        """One fill."""

    def fills(self, order_id: str) -> tuple[Fill, ...]:
        """Fills of an order."""

    def taken(self, lot_id: str) -> LotTaken | None:
        """What is gone of a quote, second or bar; None when nothing is."""

    def keep(self, change: BookChange, asked: tuple[str, DomainModel] | None = None) -> None:
        """Keep a change, and the message (its ClOrdID and content) that asked for it."""


class PaperBook(Protocol):
    """Gives turns, one after the other."""

    def turn(self) -> AbstractContextManager[Pages]:
        """A turn; kept for good when the block ends, forgotten when it raises."""


class SqlitePages:
    """`Pages` within one transaction."""

    def __init__(self, work: sqlite3.Connection) -> None:
        self._work = work

    def sequence(self) -> int:
        """Number of the last report."""
        [found] = self._work.execute("SELECT COALESCE(MAX(sequence), 0) FROM reports").fetchone()
        return int(found)

    def answered(self, cl_ord_id: str) -> tuple[BrokerReport, ...] | None:
        """What was answered to a ClOrdID."""
        row = self._work.execute(
            "SELECT first, last FROM messages WHERE cl_ord_id = ?", (cl_ord_id,)
        ).fetchone()
        return None if row is None else self.reports(row[0] - 1, row[1] - row[0] + 1)

    def order_id_of(self, cl_ord_id: str) -> str | None:
        """The order that a message belongs to."""
        row = self._work.execute(
            "SELECT order_id FROM messages WHERE cl_ord_id = ?", (cl_ord_id,)
        ).fetchone()
        return None if row is None else str(row[0])

    def order(self, order_id: str) -> WorkedOrder | None:
        """One order."""
        row = self._work.execute(
            "SELECT content FROM orders WHERE order_id = ?", (order_id,)
        ).fetchone()
        return None if row is None else WorkedOrder.model_validate_json(row[0])

    def working(self, symbol: str | None = None) -> tuple[WorkedOrder, ...]:
        """Orders that still work."""
        rows = self._work.execute(
            "SELECT content FROM orders WHERE works = 1 AND symbol = COALESCE(?, symbol)"
            " ORDER BY order_id",
            (symbol,),
        )
        return tuple(WorkedOrder.model_validate_json(row[0]) for row in rows)

    def reports(self, after: int, limit: int) -> tuple[BrokerReport, ...]:
        """Reports in order."""
        rows = self._work.execute(
            "SELECT content FROM reports WHERE sequence > ? ORDER BY sequence LIMIT ?",
            (after, limit),
        )
        return tuple(BrokerReport.model_validate_json(row[0]) for row in rows)

    def fill(self, fill_id: str) -> Fill | None:
        """One fill."""
        row = self._work.execute(
            "SELECT content FROM fills WHERE fill_id = ?", (fill_id,)
        ).fetchone()
        return None if row is None else Fill.model_validate_json(row[0])

    def fills(self, order_id: str) -> tuple[Fill, ...]:
        """Fills of an order."""
        rows = self._work.execute(
            "SELECT content FROM fills WHERE order_id = ? ORDER BY fill_id", (order_id,)
        )
        return tuple(Fill.model_validate_json(row[0]) for row in rows)

    def taken(self, lot_id: str) -> LotTaken | None:
        """What is gone of a lot."""
        row = self._work.execute(
            "SELECT content FROM lots_taken WHERE lot_id = ?", (lot_id,)
        ).fetchone()
        return None if row is None else LotTaken.model_validate_json(row[0])

    def keep(self, change: BookChange, asked: tuple[str, DomainModel] | None = None) -> None:
        """Keep a change."""
        order, work = change.order, self._work
        if order is not None:
            values = (order.terms.symbol, bool(order.leaves_quantity), _bytes(order))
            work.execute(
                "INSERT INTO orders VALUES (?, ?, ?, ?) ON CONFLICT (order_id) DO UPDATE"
                " SET works = excluded.works, content = excluded.content",
                (order.terms.order_id, *values),
            )
        for report in change.reports:
            row = (report.sequence, report.exec_id, _bytes(report))
            work.execute("INSERT INTO reports VALUES (?, ?, ?)", row)
        for fill in change.fills:
            work.execute(
                "INSERT INTO fills VALUES (?, ?, ?)", (fill.fill_id, fill.order_id, _bytes(fill))
            )
            taken = apply_fill_taken(self.taken(fill.quote_id), fill)
            work.execute(
                "INSERT INTO lots_taken VALUES (?, ?) ON CONFLICT (lot_id) DO UPDATE"
                " SET content = excluded.content",
                (taken.lot_id, _bytes(taken)),
            )
        if asked is not None and order is not None:
            cl_ord_id, message = asked
            span = (change.reports[0].sequence, change.reports[-1].sequence)
            content = (cl_ord_id, order.terms.order_id, _bytes(message), *span)
            work.execute("INSERT INTO messages VALUES (?, ?, ?, ?, ?)", content)


class SqlitePaperBook:
    """`PaperBook` in one SQLite file, opened for each turn.

    Args:
        path: Made with the first turn.
        after_step: Called before (`book_written`) and after (`book_kept`) each commit.
    """

    def __init__(self, path: Path, after_step: AfterStep = no_observer) -> None:
        self._path = path
        self._after_step = after_step

    @contextmanager
    def turn(self) -> Iterator[Pages]:
        """A turn under the writer's lock.

        Raises:
            AdapterError: `GATEWAY_FAILED`, retriable.
        """
        with own_transaction(self._path, _fill, failed="GATEWAY_FAILED") as work:
            yield SqlitePages(work)
            self._after_step("book_written")
        self._after_step("book_kept")


def paper_book_file(home: Path) -> Path:
    """Where a home's paper gateway keeps its book."""
    return home / "gateway" / "paper.sqlite3"


def _bytes(model: DomainModel) -> bytes:
    value: Mapping[str, Json] = model.json_value()
    return canonical_bytes({**value})


def _fill(work: sqlite3.Connection) -> None:
    work.executescript(_SCHEMA)
