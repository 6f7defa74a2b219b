"""What came of a day.

Job: read a demo home's documents into a summary and into files that two runs share byte for byte.

Invariants
  I1  Nothing that differs between two equal runs is written: no path, no wall time, no engine id.
  I2  Files appear whole, the summary last: where a summary lies, the day is finished.
  I3  Every file and the summary say that all of it is simulated.

Not here: how it is shown (ui).
Source: the demo's *same result* rule; TX-K5 (verify before anything is called verified).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from counterseal.approvals.model import ApprovalRequest, RequestStatus
from counterseal.audit.checkpoint import read_checkpoint
from counterseal.broker.model import Fill
from counterseal.desk.commands import CommandRecord
from counterseal.desk.installation import INSTALLATION_ID, Installation
from counterseal.desk.ports import Reader
from counterseal.desk.views.reviewers import ReviewerRecord, reviewers
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.errors import InvariantError
from counterseal.kernel.model import Detail, Document, DomainModel, Name
from counterseal.kernel.money import Exact, Quantity
from counterseal.market.quotes import Quote
from counterseal.oms.model import Order
from counterseal.oms.states import OrderState
from counterseal.portfolio.model import Account, Position
from counterseal.portfolio.settlement import Settlement
from counterseal.portfolio.valuation import Mark, Valuation, value_account
from counterseal.risk.model import RiskEvaluation
from counterseal.signals.intent import Side
from counterseal.signals.model import SignalRecord
from flows.day.governance import Shown, replayed, rules_behind, shown
from flows.day.home import DemoHome
from flows.day.markets import DayMarket
from flows.day.plan import CasePlan, DayPlan, Topic
from flows.day.strategy_results import StrategyResult, strategy_results
from flows.work import LogReport
from storage.durable import write_durably
from storage.homes import HomeReader, read_home
from storage.law import law_in_force

FOLDER: Final = "results"
SUMMARY: Final = "summary.json"
FILES: Final[Mapping[str, type[Document]]] = {
    "signals": SignalRecord,
    "orders": Order,
    "fills": Fill,
    "settlements": Settlement,
}

Planned = Mapping[str, CasePlan]
"""What was planned for each signal, by its id."""


class Tally(DomainModel):
    """How often something happened."""

    what: Name
    times: int


class CaseResult(DomainModel):
    """What became of one request.

    Attributes:
        topic: What the case was planned to show.
        reasons: Failed risk checks of its order, else the refusals that its reviews met.
        rules: Ids of the rules behind those refusals.
    """

    topic: Topic
    at: UtcDatetime
    request_id: Name
    symbol: Name
    side: Side
    quantity: Quantity
    request: RequestStatus
    order_id: Name | None
    order: OrderState | None
    fills: tuple[Exact, ...]
    average_price: Exact | None
    reasons: tuple[Name, ...]
    rules: tuple[Name, ...]


class SymbolResult(DomainModel):
    """Orders of one symbol, how many of them filled, and which risk checks failed how often."""

    symbol: Name
    orders: int
    filled: int
    failed_checks: tuple[Tally, ...]


class DaySummary(DomainModel):
    """A finished day. Simulated throughout; no claim of performance.

    Attributes:
        strategies: What became of each strategy's signals, by name.
        requests, orders: How many stand in which state at the end.
        refusals: How often each reason was the first of a refusal, on the record.
        cases: One for each version of a request, in the order of time.
        shown: What occurred of the ways to decide.
        reviewers: How each reviewer reviewed; numbers of automatic people.
        replayed, replay_differs: Recorded answers of the rules that were asked again, and how many
            of them came out otherwise.
        log_size, log_root: Of the newest signed checkpoint.
        verified, reconciled: Outcome of the verification and of the comparison with the log.
    """

    simulated: bool = True
    performance_claim: bool = False
    origin: Name
    log_vkey: Name
    day: Name
    seed: Name
    clock_source: Name
    ended_at: UtcDatetime
    market: tuple[Detail, ...]
    plan: DayPlan
    signals: int
    requests: tuple[Tally, ...]
    orders: tuple[Tally, ...]
    partial_fills: int
    fills: int
    settlements: int
    refusals: tuple[Tally, ...]
    symbols: tuple[SymbolResult, ...]
    strategies: tuple[StrategyResult, ...]
    cases: tuple[CaseResult, ...]
    shown: tuple[Shown, ...]
    reviewers: tuple[ReviewerRecord, ...]
    replayed: int
    replay_differs: int
    valuation: Valuation
    log_size: int
    log_root: Name
    verified: Name
    reconciled: bool


def failed_checks(reader: Reader) -> Mapping[str, tuple[str, ...]]:
    """The checks that refused each order, in their order; nothing that was skipped or warned."""
    return {e.order_id: tuple(map(str, e.failed)) for e in reader.find(RiskEvaluation)}


class _Found:
    """The documents of a home, as the summary needs them."""

    def __init__(self, reader: HomeReader) -> None:
        self.requests = sorted(
            reader.find(ApprovalRequest), key=lambda r: (r.created_at, r.approval_request_id)
        )
        self.signals = {signal.signal_id: signal for signal in reader.find(SignalRecord)}
        self.commands = reader.find(CommandRecord)
        self.orders = {order.order_id: order for order in reader.find(Order)}
        self.fills = reader.find(Fill)
        self.positions = reader.find(Position)
        self.settlements = reader.count(Settlement)
        self.account = reader.find(Account)[0]
        self.failed = failed_checks(reader)
        self.refused: dict[str, tuple[str, ...]] = {}
        self.rules: dict[str, tuple[str, ...]] = {}
        for command in self.commands:
            if command.refusal is not None:
                case = command.subject_id.removeprefix("case:")
                self.refused[case] = (*self.refused.get(case, ()), command.refusal.code)
                self.rules[case] = (*self.rules.get(case, ()), *rules_behind(command))

    def topic(self, request: ApprovalRequest, planned: Planned) -> Topic:
        """What a request was planned to show; what is asked instead of it has its own topic."""
        case = planned[request.signal_id]
        asked_instead = request.supersedes is not None or request.payload.answers is not None
        return case.then.topic if asked_instead and case.then is not None else case.topic

    def case(self, request: ApprovalRequest, planned: Planned) -> CaseResult:
        bound, order_id = request.payload, request.consumed_by_order
        order = None if order_id is None else self.orders[order_id]
        failed = () if order_id is None else self.failed.get(order_id, ())
        return CaseResult(
            topic=self.topic(request, planned),
            at=request.created_at,
            request_id=request.approval_request_id,
            symbol=bound.symbol,
            side=bound.side,
            quantity=bound.max_quantity,
            request=request.status,
            order_id=order_id,
            order=None if order is None else order.state,
            fills=tuple(f.last_quantity for f in self.fills if f.order_id == order_id),
            average_price=None if order is None else order.average_price,
            reasons=failed or self.refused.get(request.approval_request_id, ()),
            rules=self.rules.get(request.approval_request_id, ()),
        )

    def strategies(self, marks: Iterable[Mark]) -> tuple[StrategyResult, ...]:
        return strategy_results(
            self.signals.values(), self.requests, self.orders.values(), self.fills, marks
        )

    def symbols(self) -> tuple[SymbolResult, ...]:
        found = sorted({request.payload.symbol for request in self.requests})
        return tuple(self.symbol(symbol) for symbol in found)

    def symbol(self, symbol: str) -> SymbolResult:
        own = [order for order in self.orders.values() if order.symbol == symbol]
        failed = (name for order in own for name in self.failed.get(order.order_id, ()))
        return SymbolResult(
            symbol=symbol,
            orders=len(own),
            filled=sum(order.state is OrderState.FILLED for order in own),
            failed_checks=_tallies(failed),
        )


def summarize(
    home: DemoHome, market: DayMarket, plan: DayPlan, planned: Planned, report: LogReport
) -> DaySummary:
    """The summary of a day that has ended, read from its home.

    Raises:
        InvariantError: when the home was never installed.
    """
    now = home.clock.now()
    with read_home(home.settings) as reader:
        installation, found = _installation(reader), _Found(reader)
        ways, replay = shown(reader), replayed(reader)
        people = reviewers(reader, law_in_force(reader, now).bundle.approval, now).reviewers
        checkpoint = read_checkpoint(reader.checkpoints()[-1].note)
    marks = _closing_marks(market, found.positions)
    return DaySummary(
        origin=installation.origin,
        log_vkey=installation.log_vkey,
        day=market.day,
        seed=plan.seed,
        clock_source=home.clock.source,
        ended_at=now,
        market=market.stated,
        plan=plan,
        signals=len(found.signals),
        requests=_tallies(r.status for r in found.requests),
        orders=_tallies(o.state for o in found.orders.values()),
        partial_fills=_partially_filled(found.fills, found.orders),
        fills=len(found.fills),
        settlements=found.settlements,
        refusals=_tallies(c.refusal.code for c in found.commands if c.refusal is not None),
        symbols=found.symbols(),
        strategies=found.strategies(marks),
        cases=tuple(found.case(request, planned) for request in found.requests),
        shown=ways,
        reviewers=people,
        replayed=replay.replayed,
        replay_differs=len(replay.differences),
        valuation=value_account(found.account, found.positions, marks, now=now),
        log_size=checkpoint.size,
        log_root=checkpoint.root.hex(),
        verified=report.verdict.outcome.value,
        reconciled=report.reconciliation.clean,
    )


def write_results(home: DemoHome, summary: DaySummary) -> None:
    """Write the files of a finished day, the summary last.

    Raises:
        OSError: when a file cannot be written.
    """
    folder = home.settings.counterseal_home / FOLDER
    folder.mkdir(exist_ok=True)
    with read_home(home.settings) as reader:
        for name, kind in FILES.items():
            lines = [canonical_bytes(document.json_value()) for document in reader.find(kind)]
            write_durably(folder / f"{name}.jsonl", b"".join(line + b"\n" for line in lines))
    write_durably(folder / SUMMARY, canonical_bytes(summary.json_value()) + b"\n")


def finished(home: Path) -> DaySummary | None:
    """The summary of a day that was finished here, or None."""
    path = home / FOLDER / SUMMARY
    return DaySummary.model_validate_json(path.read_bytes()) if path.is_file() else None


def _installation(reader: HomeReader) -> Installation:
    """What was installed.

    Raises:
        InvariantError: when nothing was.
    """
    installation = reader.get(Installation, INSTALLATION_ID)
    if installation is None:
        raise InvariantError("a home without an installation")
    return installation


def _partially_filled(fills: Sequence[Fill], orders: Mapping[str, Order]) -> int:
    """Orders that were filled in part at least once."""
    return len({f.order_id for f in fills if f.last_quantity < orders[f.order_id].quantity})


def _closing_marks(market: DayMarket, positions: Sequence[Position]) -> list[Mark]:
    """The last price that was seen of each held symbol, just before the close."""
    last = market.ends_at - timedelta(microseconds=1)
    quotes = [market.feed.quote(position.symbol, last) for position in positions]
    return [
        Mark(symbol=q.symbol, price=q.last, seen_at=q.event_time, source=q.source)
        for q in quotes
        if isinstance(q, Quote) and q.last is not None
    ]


def _tallies(found: Iterable[str]) -> tuple[Tally, ...]:
    return tuple(Tally(what=str(w), times=n) for w, n in sorted(Counter(found).items()))
