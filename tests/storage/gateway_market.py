"""One path of prices as every fill model meets it, and gateways over both books."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from counterseal.broker.ports import Gateway
from counterseal.desk.bench import Bench
from counterseal.desk.recorder import Recorder
from counterseal.kernel.canonical import sha256_hex
from counterseal.kernel.model import Refusal, refuse
from counterseal.market.derived import DerivedRule
from counterseal.market.quotes import Quote, QuoteBasis
from counterseal.oms.ingest import CancelTerms, FixExecType, OrderTerms
from counterseal.oms.model import ReplaceTerms
from counterseal.policy.execution import BarFillRule, ExecutionRules, QuoteFillRule, TapeFillRule
from counterseal.signals.intent import OrderType, Side, TimeInForce
from storage.market_feeds import TapeFeed
from storage.paper_book import PaperBook, SqlitePaperBook
from storage.paper_gateway import PaperGateway
from tests.desk.tape_world import BARS, TAPE, printed
from tests.storage.memory_book import FaultyGateway, MemoryBook
from tests.world import ACCOUNT, SYMBOL, World

STEP = 60
"""Seconds between two prices of a path."""

LIMIT = Decimal(19_990)
Rule = QuoteFillRule | TapeFillRule | BarFillRule
RULES: dict[str, Rule] = {"quote": QuoteFillRule(), "tape": TAPE, "bar": BARS}
BOOKS: dict[str, Callable[[Path], PaperBook]] = {
    "memory": lambda _: MemoryBook(),
    "sqlite": lambda folder: SqlitePaperBook(folder / "gateway" / "paper.sqlite3"),
}


@dataclass
class PathQuotes:
    """Quotes at stated instants: the ask is the price, both sizes the contracts."""

    start: datetime
    path: tuple[tuple[int, int, int], ...]

    def quote(self, symbol: str, now: datetime) -> Quote | Refusal:
        seen = [one for one in self.path if self.start + timedelta(seconds=one[0]) <= now]
        if not seen or symbol != SYMBOL:
            return refuse("NO_QUOTE", "no quote", symbol=symbol)
        second, price, contracts = seen[-1]
        at = self.start + timedelta(seconds=second)
        return Quote(
            quote_id=f"quote-{second}",
            symbol=symbol,
            bid=Decimal(price - 1),
            ask=Decimal(price),
            bid_size=Decimal(contracts),
            ask_size=Decimal(contracts),
            last=Decimal(price),
            liquidity_score=Decimal(1),
            source="test",
            basis=QuoteBasis.CALLER,
            event_time=at,
            receive_time=at,
            method="none",
            method_version="1",
            parameters=(),
        )


@dataclass
class Venue:
    """A gateway under the contract: the price is 20000, then what `path` says, one a minute."""

    folder: Path
    model: str
    kind: str
    path: tuple[tuple[int, int], ...]
    faulty: bool = False
    book: PaperBook = field(init=False)
    world: World = field(init=False)
    bench: Bench = field(init=False)
    start: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.world = World(self.folder / "home")
        self.start = self.world.clock.now()
        self.book = BOOKS[self.kind](self.folder)
        self.bench = at_market(self.world, RULES[self.model], self.path)

    @property
    def gateway(self) -> Gateway:
        """Made anew for each call: what it knows lies in its book."""
        made = PaperGateway(self.book, self.bench)
        return FaultyGateway(made) if self.faulty else made

    @property
    def now(self) -> datetime:
        return self.world.clock.now()

    def reach(self, step: int) -> None:
        """Move to when the model has seen the path's step, from 1."""
        seconds = STEP * step + (STEP + 1 if self.model == "bar" else 2)
        self.world.clock.move_to(self.start + timedelta(seconds=seconds))

    def terms(self, name: str = "o-1", quantity: int = 4, **changes: object) -> OrderTerms:
        told: dict[str, object] = {
            "order_id": name,
            "cl_ord_id": name,
            "workflow_run_id": f"paper-workflow-{sha256_hex(name.encode())[:16]}",
            "account_id": ACCOUNT,
            "symbol": SYMBOL,
            "side": Side.BUY,
            "order_type": OrderType.LIMIT,
            "time_in_force": TimeInForce.DAY,
            "quantity": Decimal(quantity),
            "limit_price": LIMIT,
        }
        return OrderTerms.model_validate(told | changes)

    def cancelling(self, name: str = "c-1", order: str = "o-1") -> CancelTerms:
        return CancelTerms(order_id=order, cl_ord_id=name, orig_cl_ord_id=order)

    def replacing(self, quantity: int, name: str = "r-1", order: str = "o-1") -> ReplaceTerms:
        return ReplaceTerms(
            order_id=order,
            cl_ord_id=name,
            orig_cl_ord_id=order,
            quantity=Decimal(quantity),
            limit_price=LIMIT,
            asked_at=self.now,
        )

    def kinds(self) -> list[FixExecType]:
        """Everything reported so far."""
        return [report.exec_type for report in self.gateway.reports_after(0, 1000)]


def at_market(
    world: World,
    rule: Rule,
    path: tuple[tuple[int, int], ...],
) -> Bench:
    """The world's bench where a rule is in force and the path is the market."""
    bench, start = world.desk.bench, world.clock.now()
    steps = tuple((STEP * n, price, size) for n, (price, size) in enumerate(path, 1))
    whole = ((-1, 20_000, 3), *((s + 1, p, c) for s, p, c in steps))
    feed = (
        PathQuotes(start, whole)
        if isinstance(rule, QuoteFillRule)
        else TapeFeed(
            {bench.contracts.future(SYMBOL): printed(start, *whole)}, DerivedRule(), "test-tape"
        )
    )
    bundle = bench.bundle.amended(execution=ExecutionRules(default=rule))
    recorder = Recorder(bench.store, world.clock, bench.ids, None)
    return replace(bench, feed=feed, bundle=bundle, recorder=recorder)
