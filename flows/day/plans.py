"""The two stated days.

Job: say what the deterministic day and a real day show, and under which parameters.

Not here: the types of a plan (plan), how it is carried out (loop).
Source: the demo's list of what must be shown; TX-F7, TX-F17, TX-H6, TX-I8, TX-J7.
"""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from counterseal.kernel.errors import InputError
from counterseal.market.contracts import ContractTable
from counterseal.market.derived import DerivedRule
from counterseal.market.trading_days import TradingCalendar
from counterseal.policy.words import DecisionWord
from counterseal.signals.intent import OrderType
from counterseal.signals.strategies import MomentumRule, ReversionRule
from flows.day.markets import DayMarket, regime_day, tape_day
from flows.day.plan import (
    QUANT,
    RESEARCH,
    RISK,
    CasePlan,
    DayPlan,
    Topic,
    Verdict,
    approvals,
)

DEMO_DAY: Final = date(2026, 1, 5)
DEMO_SYMBOLS: Final = {"TX": "TX202601", "MTX": "MTX202601", "TMF": "TMF202601"}
DEMO_ROOT: Final = "TMF"
MOMENTUM: Final = "demo-momentum"
UNMANDATED: Final = "demo-momentum-by-hand"
REVERSION: Final = "mean-reversion"
REVIEW_DELAY: Final = 15
"""Seconds that each automatic reviewer of the demo takes."""

_TWO, _FIVE = Decimal(2), Decimal(5)


def demo_market() -> DayMarket:
    """The deterministic market over the regular session of a stated day."""
    return regime_day(
        DEMO_DAY,
        DEMO_SYMBOLS,
        DEMO_ROOT,
        rule=MomentumRule(),
        cooldown=timedelta(minutes=10),
    )


def demo_plan(seed: str) -> DayPlan:
    """What the deterministic day shows, one topic a case; the rest is approved and executed."""
    return DayPlan(
        seed=seed,
        mandated=(MOMENTUM,),
        tx_equivalent_max=Decimal("0.25"),
        order_timeout_seconds=300,
        script=_script(),
        usual=(_case(quantity=_TWO),),
        roots=(DEMO_ROOT,),
    )


def _case(
    topic: Topic = Topic.USUAL,
    *,
    quantity: Decimal,
    verdicts: Sequence[Verdict] | None = None,
    strategy_id: str = MOMENTUM,
    order_type: OrderType = OrderType.MARKET,
    offset: int = 0,
    minutes: int = 1,
    cancel_after: int | None = None,
) -> CasePlan:
    usual = approvals(compliance=quantity >= _FIVE, delay_seconds=REVIEW_DELAY)
    return CasePlan(
        topic=topic,
        strategy_id=strategy_id,
        order_type=order_type,
        limit_offset_points=Decimal(offset),
        quantity=quantity,
        verdicts=tuple(usual if verdicts is None else verdicts),
        submit_after_seconds=60 * minutes,
        cancel_after_seconds=cancel_after,
    )


def _script() -> tuple[CasePlan, ...]:
    word = DecisionWord
    no = _verdict(RESEARCH, word.REJECTED, "the move is noise at this size")
    more = _verdict(RISK, word.NEEDS_DATA, "the volatility of the last hour is missing")
    own = _verdict(QUANT, word.RESEARCH_APPROVED, "an own request, reviewed by its author", 5)
    resting = OrderType.LIMIT
    return (
        _case(quantity=_TWO),
        _case(Topic.REJECTION, quantity=_TWO, verdicts=[no]),
        _case(Topic.NEEDS_DATA, quantity=_TWO, verdicts=[more]),
        _case(Topic.SELF_APPROVAL, quantity=_TWO, verdicts=[own, *_approved()]),
        _case(Topic.EXPIRED, quantity=_TWO, strategy_id=UNMANDATED),
        _case(Topic.STALE, quantity=_TWO),
        _case(Topic.TIME_OUT, quantity=_TWO, order_type=resting, offset=-40),
        _case(Topic.CANCEL, quantity=_TWO, order_type=resting, offset=-40, cancel_after=120),
        _case(Topic.LARGEST, quantity=_FIVE),
    )


def _approved() -> tuple[Verdict, ...]:
    return approvals(compliance=False, delay_seconds=REVIEW_DELAY)


def _verdict(person: str, word: DecisionWord, reason: str, after: int = REVIEW_DELAY) -> Verdict:
    return Verdict(person_id=person, word=word, reason=reason, after_seconds=after)


REAL_QUANTITY: Final = {"TX": Decimal(1), "MTX": Decimal(1), "TMF": Decimal(5)}
REAL_DELAY: Final = 10
REAL_SUBMIT: Final = 40
_ABOVE_THRESHOLD: Final = frozenset({"TX"})


def real_market(
    path: Path, products: Collection[str], contracts: ContractTable, calendar: TradingCalendar
) -> DayMarket:
    """A past day's prints.

    Raises:
        InputError: `PRODUCT_UNKNOWN`, and those of `markets.tape_day`.
    """
    unknown = sorted(set(products) - set(REAL_QUANTITY))
    if unknown or not products:
        raise InputError(
            "PRODUCT_UNKNOWN",
            "no terms for this product",
            field="--products",
            expected=",".join(REAL_QUANTITY),
            got=",".join(unknown),
        )
    return tape_day(
        path,
        products,
        contracts,
        calendar,
        rule=ReversionRule(),
        quotes=DerivedRule(),
        cooldown=timedelta(minutes=5),
    )


def real_plan(seed: str, products: Collection[str]) -> DayPlan:
    """A real day: every signal is approved and executed as a limit at the close it saw."""
    roots = tuple(sorted(products))
    return DayPlan(
        seed=seed,
        mandated=(REVERSION,),
        order_timeout_seconds=300,
        usual=tuple(_real_case(root) for root in roots),
        roots=roots,
    )


def _real_case(root: str) -> CasePlan:
    return CasePlan(
        strategy_id=REVERSION,
        order_type=OrderType.LIMIT,
        quantity=REAL_QUANTITY[root],
        verdicts=approvals(compliance=root in _ABOVE_THRESHOLD, delay_seconds=REAL_DELAY),
        submit_after_seconds=REAL_SUBMIT,
    )
