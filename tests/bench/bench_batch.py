"""Orders a second through the batch path, from verified approvals to sealed fills.

Every order goes the whole way: the approval verified from its signed decisions and by the rules,
every risk check, the order's states, the fill, the books, the records, one seal for each commit.
The floor inserts the same rows of the same bytes by `executemany`, with the same commits, and
decides nothing. Where the processor's time goes is told by a run that clocks in and out.

    COUNTERSEAL_BENCH_ORDERS=10000 python -m tests.bench batch
"""

import os
import sqlite3
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import partial, wraps
from pathlib import Path
from typing import NamedTuple, Self
from unittest.mock import patch

from sqlalchemy import Connection

from counterseal.audit.drafts import DraftWriter
from counterseal.audit.record import StoredRow
from counterseal.broker.gateway import PaperBroker
from counterseal.broker.model import SimulationRequest, SimulationResult
from counterseal.desk import booking, orders, recorder
from counterseal.desk.desk import Desk
from counterseal.desk.order_batches import PART_MAX, KeyedSubmission, OrderBatches
from counterseal.desk.orders import Submission
from counterseal.kernel.canonical import Json
from counterseal.kernel.model import Refusal
from counterseal.market.quotes import Quote
from counterseal.signals.model import Direction
from storage import dialects
from storage.journal import Journal
from storage.rows import DocumentTable
from storage.tables import DOCUMENT_TABLES
from storage.unit_of_work import SqlReader, SqlUnitOfWork
from tests.bench.bench_submit import PRAGMAS
from tests.bench.measure import Measurement
from tests.world import World

ORDERS = int(os.environ.get("COUNTERSEAL_BENCH_ORDERS", "1000"))
WARM, TOLD = 20, 500
PARTS = 5
"""Commits of the measured run at the least; none holds more orders than a commit may."""
RATE_MIN, VERIFIED_MIN = 2_000, 500
"""Orders a second that are asked for: from the verified approval on, and from the approval on."""
FLAT_MAX = 1.2
MANY = 10**9


class FreshQuotes(PaperBroker):
    """A quote of its own for each order, dearer to sell at, so that no limit is ever reached."""

    def __init__(self, world: World) -> None:
        self._quote = world.quote(bid="20000", ask="20001", size=10)
        self._place = 0

    def quote(self, symbol: str, now: datetime) -> Quote | Refusal:
        """The quote of the order at hand."""
        del symbol, now
        return self._quote

    def answer(self, request: SimulationRequest) -> SimulationResult:
        """As the paper broker; then the market moves."""
        answered = super().answer(request)
        self._place += 1
        bid = Decimal(20_050 if self._place % 2 else 20_000)
        named = f"quote-of-{self._place}"
        self._quote = self._quote.amended(quote_id=named, bid=bid, ask=bid + 1, last=bid)
        return answered


@dataclass
class Clocked:
    """The processor's seconds of each part of the work, without what the parts within it took."""

    own: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    _open: list[float] = field(default_factory=list)

    def timed(self, name: str, work: Callable[..., object]) -> Callable[..., object]:
        """The same work, clocked under a name."""

        @wraps(work)
        def clocked(*args: object, **named: object) -> object:
            self._open.append(0.0)
            start = time.process_time()
            try:
                return work(*args, **named)
            finally:
                taken = time.process_time() - start
                self.own[name] += taken - self._open.pop()
                if self._open:
                    self._open[-1] += taken

        return clocked

    @contextmanager
    def clocking(self) -> Iterator[None]:
        """Clock in and out at every place."""
        with ExitStack() as clocks:
            for name, owner, work in PLACES:
                timed = self.timed(name, getattr(owner, work))
                clocks.enter_context(patch.object(owner, work, timed))
            yield


PLACES: Sequence[tuple[str, object, str]] = (
    ("authorize", orders, "execution_case"),
    ("authorize", orders, "judge_execution"),
    ("authorize", orders, "load_case"),
    ("authorize", orders, "check_may_trade"),
    ("risk", orders, "risk_of"),
    ("risk", orders, "counted_order"),
    ("oms", orders, "risk_judged"),
    ("oms", orders, "intended"),
    ("oms", booking, "apply_answer"),
    ("oms", booking, "_handed_over"),
    ("fill", booking, "put_to_quote"),
    ("ledger", booking, "booked"),
    ("canonical bytes", recorder, "after"),
    ("canonical bytes", DraftWriter, "written"),
    ("canonical bytes", DocumentTable, "cells"),
    ("sql", SqlUnitOfWork, "record_all"),
    ("sql", SqlUnitOfWork, "store_all"),
    ("sql", SqlReader, "find"),
    ("seal", Journal, "seal"),
)


def measure(folder: Path) -> list[Measurement]:
    """Rates, their floor, and where the time goes."""
    world = _opened(folder)
    told = min(ORDERS, TOLD)
    batch = _approved(world, WARM + ORDERS + told)
    _submit(world, batch[:WARM])
    size = max(1, min(PART_MAX, ORDERS // PARTS))
    parts = [batch[at : at + size] for at in range(WARM, WARM + ORDERS, size)]
    spent = [Spent.on(partial(_submit, world, part)).each(size) for part in parts]
    each = Spent(*map(statistics.median, zip(*spent, strict=True)))
    kept, clocked = Kept(), Clocked()
    with kept.keeping():
        _submit(world, batch[-told : -told // 2])
    floor = kept.inserted(folder).each(told - told // 2)
    with clocked.clocking():
        clocked.timed("rest", partial(_submit, world, batch[-told // 2 :]))()
    own = sum(clocked.own.values())
    verified = 1 - clocked.own["authorize"] / own
    beside = partial(Measurement, unit="us", floor_name="the same rows inserted")
    return [
        beside("order from its approval on", each.wall, floor=floor.wall, bar=1e6 / VERIFIED_MIN),
        beside(
            "from the verified approval on",
            each.wall * verified,
            floor=floor.wall,
            bar=1e6 / RATE_MIN,
        ),
        beside("the processor's part", each.processor, floor=floor.processor),
        beside(
            "of it, from the verified approval on",
            each.processor * verified,
            floor=floor.processor,
        ),
        *(
            Measurement(f"of it, {name}", each.processor * took / own, "us")
            for name, took in sorted(clocked.own.items(), key=lambda one: -one[1])
        ),
        Measurement(
            f"processor, last {size:,} of {ORDERS:,} orders",
            spent[-1].processor,
            "us",
            floor_name="the first",
            floor=spent[0].processor,
            bar=FLAT_MAX,
            of_ratio=True,
        ),
    ]


class Spent(NamedTuple):
    """Microseconds on the wall and on the processor."""

    wall: float
    processor: float

    @classmethod
    def on(cls, work: Callable[[], object]) -> Self:
        """What some work takes."""
        wall, processor = time.perf_counter(), time.process_time()
        work()
        return cls(1e6 * (time.perf_counter() - wall), 1e6 * (time.process_time() - processor))

    def each(self, count: int) -> "Spent":
        """The same for one of so many."""
        return Spent(self.wall / count, self.processor / count)


class Kept:
    """The rows that a run wrote, to be inserted again by nothing else."""

    def __init__(self) -> None:
        self._written: list[tuple[str, list[tuple[object, ...]]]] = []

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Keep what is written inside."""
        record, store, place = (
            SqlUnitOfWork.record_all,
            SqlUnitOfWork.store_all,
            dialects.insert_records,
        )

        def record_all(work: SqlUnitOfWork, drafts: Sequence[tuple[str, bytes]]) -> None:
            self._written.append(("outbox", [(*draft, "x" * 64) for draft in drafts]))
            record(work, drafts)

        def store_all(work: SqlUnitOfWork, kind: str, told: Sequence[Mapping[str, Json]]) -> None:
            cells = DOCUMENT_TABLES[kind].cells
            self._written.append((kind, [tuple(cells(one).values()) for one in told]))
            store(work, kind, told)

        def insert_records(connection: Connection, rows: Sequence[StoredRow]) -> None:
            self._written.append(("records", list(rows)))
            place(connection, rows)

        with (
            patch.object(SqlUnitOfWork, "record_all", record_all),
            patch.object(SqlUnitOfWork, "store_all", store_all),
            patch("storage.placing.insert_records", insert_records),
        ):
            yield

    def inserted(self, folder: Path) -> Spent:
        """What inserting the rows takes: business and log by a commit each, as the run did."""
        with closing(sqlite3.connect(folder / "floor.sqlite", isolation_level=None)) as bare:
            for pragma in PRAGMAS:
                bare.execute(f"PRAGMA {pragma}")
            for name, rows in self._written:
                if rows:
                    columns = ", ".join(f"c{n}" for n in range(len(rows[0])))
                    bare.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns}, PRIMARY KEY (c0))")
            return Spent.on(partial(self._insert, bare))

    def _insert(self, bare: sqlite3.Connection) -> None:
        for log in (False, True):
            bare.execute("BEGIN IMMEDIATE")
            for name, rows in self._written:
                if rows and (name == "records") is log:
                    marks = ", ".join("?" * len(rows[0]))
                    bare.executemany(f"INSERT OR REPLACE INTO {name} VALUES ({marks})", rows)
            bare.execute("COMMIT")


def _opened(folder: Path) -> World:
    """A world whose limits count no orders: that many a second are what is measured."""
    world = World(folder / "home")
    feed, bench = FreshQuotes(world), world.desk.bench
    limits = bench.bundle.limits
    desk = limits.desk.amended(
        orders_per_second_max=MANY,
        messages_per_second_max=MANY,
        orders_per_day_max=MANY,
        repeats_max=MANY,
    )
    wide = bench.bundle.amended(limits=limits.amended(desk=desk))
    world.desk = Desk(replace(bench, bundle=wide, feed=feed, broker=feed))
    return world


def _approved(world: World, count: int) -> list[KeyedSubmission]:
    """Approvals by two people each, made in batches of their own."""
    desk, made = world.desk, list[str]()
    for start in range(0, count, 500):
        with desk.bench.store.batch() as store:
            world.desk = Desk(desk.bench.over(store))
            made += [
                world.approved(
                    quantity=1, direction=Direction.SHORT if place % 2 else Direction.LONG
                )
                for place in range(start, min(start + 500, count))
            ]
        desk.bench.store.seal()
    world.desk = desk
    asked = (Submission(approval_request_id=name, quantity=Decimal(1)) for name in made)
    return [KeyedSubmission(key=world.key(), asked=one) for one in asked]


def _submit(world: World, batch: Sequence[KeyedSubmission]) -> None:
    """One commit; every order is filled."""
    batches = OrderBatches(world.desk.bench, part=PART_MAX)
    done = batches.submit(batch, world.actor("operator"))
    refused = [outcome.refusal for outcome in done if outcome.refusal is not None]
    assert not refused, refused[0]
