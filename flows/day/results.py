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

from counterseal.approvals.model import ApprovalRequest
from counterseal.audit.checkpoint import read_checkpoint
from counterseal.broker.model import Fill
from counterseal.desk.commands import CommandRecord
from counterseal.desk.installation import INSTALLATION_ID, Installation
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.errors import InvariantError
from counterseal.kernel.model import Detail, Document, DomainModel, Name
from counterseal.market.quotes import Quote
from counterseal.oms.model import Order
from counterseal.portfolio.model import Account, Position
from counterseal.portfolio.valuation import Mark, Valuation, value_account
from counterseal.risk.model import RiskEvaluation
from counterseal.signals.model import SignalRecord
from flows.day.home import DemoHome
from flows.day.markets import DayMarket
from flows.day.plan import DayPlan
from flows.work import LogReport
from storage.homes import read_home
from storage.signers import write_durably

FOLDER: Final = "results"
SUMMARY: Final = "summary.json"
FILES: Final[Mapping[str, type[Document]]] = {
    "signals": SignalRecord,
    "orders": Order,
    "fills": Fill,
}


class Tally(DomainModel):
    """How often something happened."""

    what: Name
    times: int


class DaySummary(DomainModel):
    """A finished day. Simulated throughout; no claim of performance.

    Attributes:
        requests, orders: How many stand in which state at the end.
        refusals: How often each reason was the first of a refusal, on the record.
        failed_checks: How often each risk check failed.
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
    refusals: tuple[Tally, ...]
    failed_checks: tuple[Tally, ...]
    valuation: Valuation
    log_size: int
    log_root: Name
    verified: Name
    reconciled: bool


def summarize(home: DemoHome, market: DayMarket, plan: DayPlan, report: LogReport) -> DaySummary:
    """The summary of a day that has ended, read from its home.

    Raises:
        InvariantError: when the home was never installed.
    """
    with read_home(home.settings) as reader:
        installation = reader.get(Installation, INSTALLATION_ID)
        requests, orders = reader.find(ApprovalRequest), reader.find(Order)
        commands, evaluations = reader.find(CommandRecord), reader.find(RiskEvaluation)
        positions, accounts = reader.find(Position), reader.find(Account)
        signals, fills = reader.find(SignalRecord), reader.find(Fill)
        checkpoint = read_checkpoint(reader.checkpoints()[-1].note)
    if installation is None:
        raise InvariantError("a home without an installation")
    now = home.clock.now()
    marks = _closing_marks(market, positions)
    return DaySummary(
        origin=installation.origin,
        log_vkey=installation.log_vkey,
        day=market.day,
        seed=plan.seed,
        clock_source=home.clock.source,
        ended_at=now,
        market=market.stated,
        plan=plan,
        signals=len(signals),
        requests=_tallies(r.status for r in requests),
        orders=_tallies(o.state for o in orders),
        partial_fills=_partially_filled(fills, orders),
        fills=len(fills),
        refusals=_tallies(c.refusal.code for c in commands if c.refusal is not None),
        failed_checks=_tallies(c.name for e in evaluations for c in e.checks if not c.passed),
        valuation=value_account(accounts[0], positions, marks, now=now),
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


def _partially_filled(fills: Sequence[Fill], orders: Sequence[Order]) -> int:
    """Orders that were filled in part at least once."""
    whole = {order.order_id: order.quantity for order in orders}
    return len({fill.order_id for fill in fills if fill.last_quantity < whole[fill.order_id]})


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
