"""Microseconds of one order's risk evaluation: every check on, numbers that differ each time.

The floor validates and hashes the same evaluation again, and judges nothing.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path

from counterseal.policy.limits import RiskLimits
from counterseal.risk.decide import evaluate
from counterseal.risk.model import RiskEvaluation, RiskIntent, RiskSnapshot
from storage.policy_files import bundle_from, read_policy_files
from storage.settings import POLICY_VERSION
from tests.bench.measure import ROOT, Measurement, percentile, seconds
from tests.core.risk.test_decide import INTENT, NOW, SNAPSHOT

JUDGED = 2_000
US_MAX = 100.0


def measure(folder: Path) -> list[Measurement]:
    """One evaluation, of facts that were read already; and the making of these facts."""
    del folder
    limits = _shipped()
    _judged(limits, *_case(0))
    spent = [1e6 * seconds(partial(_judged, limits, *_case(place))) for place in range(JUDGED)]
    moved = [1e6 * seconds(partial(_judged, limits, *_moved(place))) for place in range(JUDGED)]
    done = _judged(limits, *_case(JUDGED))
    floor = [1e6 * seconds(_again(done)) for _ in range(JUDGED)]
    made = [1e6 * seconds(partial(_case, place)) for place in range(JUDGED)]
    return [
        Measurement(
            "risk evaluation p50",
            percentile(spent, 0.5),
            "us",
            floor_name="the record validated again",
            floor=percentile(floor, 0.5),
            bar=US_MAX,
        ),
        Measurement("risk evaluation p99", percentile(spent, 0.99), "us"),
        Measurement("risk evaluation p50, every number new", percentile(moved, 0.5), "us"),
        Measurement("its intent and snapshot made", percentile(made, 0.5), "us"),
    ]


def _shipped() -> RiskLimits:
    files = read_policy_files(ROOT / "policies", POLICY_VERSION)
    return bundle_from(files, POLICY_VERSION, datetime(2026, 1, 1, tzinfo=UTC)).limits


def _case(place: int) -> tuple[RiskIntent, RiskSnapshot]:
    """An order and the facts of its account, other numbers for each place."""
    price = Decimal(20_000 + place % 97)
    held = Decimal(place % 5)
    further = SNAPSHOT.further.amended(
        position_contracts=held,
        orders_today=place,
        unrealized_pnl_twd=Decimal(-place % 1_000),
        cash_twd=Decimal(1_000_000 - place),
    )
    snapshot = SNAPSHOT.amended(
        quote_price=price,
        reference_price=price,
        seen_idempotency_keys=place,
        position_tx_equivalent=held * Decimal("0.05"),
        further=further,
    )
    return INTENT.amended(order_id=f"ord_{place}", idempotency_key=f"key-{place}"), snapshot


def _moved(place: int) -> tuple[RiskIntent, RiskSnapshot]:
    """As `_case`, with prices, positions, loss and ages that no order before had."""
    order, seen = _case(place)
    step = Decimal(place + 1) / 1_000
    standing = seen.further.instrument.amended(position_tx_equivalent=step)
    further = seen.further.amended(
        position_contracts=step,
        strategy=standing,
        instrument=standing,
        group=standing,
        unrealized_pnl_twd=-step,
    )
    return order, seen.amended(
        quote_price=20_000 + step,
        reference_price=20_000 - step,
        quote_age_seconds=step,
        daily_realized_loss_twd=step,
        position_tx_equivalent=step,
        further=further,
    )


def _judged(limits: RiskLimits, intent: RiskIntent, snapshot: RiskSnapshot) -> RiskEvaluation:
    return evaluate(intent, snapshot, limits, evaluation_id="rev_1", now=NOW)


def _again(done: RiskEvaluation) -> Callable[[], object]:
    return partial(RiskEvaluation.model_validate, dict(done))
