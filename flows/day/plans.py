"""The two stated days.

Job: say what the deterministic day and a real day show, and under which parameters.

Not here: the types of a plan (plan), how it is carried out (loop).
Source: the demo's list of what must be shown; TX-F7, TX-F17, TX-H6, TX-I8, TX-J7.
"""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Final

from counterseal.kernel.errors import InputError
from counterseal.market.contracts import ContractTable
from counterseal.market.derived import DerivedRule
from counterseal.market.trading_days import TradingCalendar
from counterseal.policy.words import DecisionWord, Stage
from counterseal.signals.intent import OrderType
from counterseal.signals.strategies_samples import Momentum
from flows.day.markets import DayMarket, regime_day, tape_day
from flows.day.plan import (
    DEPUTY,
    QUANT,
    RESEARCH,
    RISK,
    CasePlan,
    DayPlan,
    Remark,
    StandIn,
    Topic,
    Verdict,
    approvals,
)
from flows.day.strategies import Chosen, ours

DEMO_DAY: Final = date(2026, 1, 5)
DEMO_SYMBOLS: Final = {"TX": "TX202601", "MTX": "MTX202601", "TMF": "TMF202601"}
DEMO_ROOT: Final = "TMF"
MOMENTUM: Final = "demo-momentum"
UNMANDATED: Final = "demo-momentum-by-hand"
REVIEW_DELAY: Final = 15
"""Seconds that each automatic reviewer of the demo takes."""

CEREMONY: Final = "research-of-two"
_NEEDS_DATA: Final = DecisionWord.NEEDS_DATA
_TWO, _FOUR, _FIVE = Decimal(2), Decimal(4), Decimal(5)


def demo_market() -> DayMarket:
    """The deterministic market over the regular session of a stated day."""
    return regime_day(
        DEMO_DAY,
        DEMO_SYMBOLS,
        DEMO_ROOT,
        strategy=ours(Momentum(name=MOMENTUM)),
        cooldown=timedelta(minutes=10),
    )


def demo_plan(seed: str) -> DayPlan:
    """What the deterministic day shows, one topic a case; the rest is approved and executed."""
    return DayPlan(
        seed=seed,
        mandated=(MOMENTUM,),
        tx_equivalent_max=Decimal("0.25"),
        stand_ins=(_stand_in(),),
        order_timeout_seconds=300,
        script=_script(),
        usual=(_case(quantity=_TWO),),
        roots=(DEMO_ROOT,),
    )


def _stand_in() -> StandIn:
    return StandIn(
        delegator=RISK,
        delegate=DEPUTY,
        stages=(Stage.RISK,),
        strategies=(MOMENTUM,),
        instruments=(DEMO_ROOT,),
        tx_equivalent_max=Decimal("0.1"),
        notional_max=Decimal(500_000),
        reason="in meetings this morning, please stand in",
    )


def _case(topic: Topic = Topic.USUAL, *, minutes: int = 1, **told: object) -> CasePlan:
    """A case of the demo: a market order of two contracts, reviewed and submitted in a minute."""
    usual: dict[str, object] = {
        "topic": topic,
        "strategy_id": MOMENTUM,
        "quantity": _TWO,
        "verdicts": _approved(),
        "submit_after_seconds": 60 * minutes,
    }
    return CasePlan.model_validate(usual | told)


def _script() -> tuple[CasePlan, ...]:
    word = DecisionWord
    no = _verdict(RESEARCH, word.REJECTED, "the move is noise at this size")
    own = _verdict(QUANT, word.RESEARCH_APPROVED, "an own request, reviewed by its author", 5)
    limit = partial(_case, order_type=OrderType.LIMIT, limit_offset_points=Decimal(-40))
    large = approvals(compliance=True, delay_seconds=REVIEW_DELAY)
    return (
        _case(),
        _case(Topic.REJECTION, verdicts=(no,)),
        _sent_back(),
        _case(Topic.SELF_APPROVAL, verdicts=(own, *_approved())),
        _case(Topic.EXPIRED, strategy_id=UNMANDATED),
        _case(Topic.STALE),
        limit(Topic.TIME_OUT),
        limit(Topic.CANCEL, cancel_after_seconds=120),
        _case(Topic.LARGEST, quantity=_FIVE, verdicts=large),
        _made_smaller(),
        _stood_in_for(),
        _together(waits=10),
        _together(waits=0),
    )


def _sent_back() -> CasePlan:
    asked = "which hour is missing, the last one or the one of the move?"
    return _case(
        Topic.NEEDS_DATA,
        verdicts=(_verdict(RISK, _NEEDS_DATA, "the volatility of the last hour is missing"),),
        remarks=(
            Remark(person_id=QUANT, text=asked, after_seconds=60),
            Remark(person_id=RISK, text="the one before the signal", after_seconds=120),
        ),
        then=_case(Topic.ASKED_AGAIN),
        then_after_seconds=300,
    )


def _made_smaller() -> CasePlan:
    research, risk = _approved()
    return _case(
        Topic.SUPERSEDED,
        quantity=_FOUR,
        verdicts=(research,),
        then=_case(Topic.AMENDED, verdicts=(risk,)),
        then_after_seconds=60,
    )


def _stood_in_for() -> CasePlan:
    research, risk = _approved()
    stand_in = risk.amended(person_id=DEPUTY, in_the_name_of=RISK)
    return _case(Topic.DELEGATED, verdicts=(research, stand_in))


def _together(waits: int) -> CasePlan:
    """One of two cases whose research review is one ceremony; `waits` minutes for the other."""
    research, risk = (
        verdict.amended(after_seconds=verdict.after_seconds + 60 * waits) for verdict in _approved()
    )
    verdicts = (research.amended(ceremony=CEREMONY), risk)
    return _case(Topic.BATCH, minutes=waits + 1, verdicts=verdicts)


def _approved() -> tuple[Verdict, ...]:
    return approvals(compliance=False, delay_seconds=REVIEW_DELAY)


def _verdict(person: str, word: DecisionWord, reason: str, after: int = REVIEW_DELAY) -> Verdict:
    return Verdict(person_id=person, word=word, reason=reason, after_seconds=after)


REAL_QUANTITY: Final = {"TX": Decimal(1), "MTX": Decimal(1), "TMF": Decimal(5)}
REAL_STRATEGIES: Final = ("mean-reversion", "opening-range-breakout")
"""Who listens to a real day when nothing is said."""
REAL_DELAY: Final = 10
REAL_SUBMIT: Final = 40
_ABOVE_THRESHOLD: Final = frozenset({"TX"})


def real_market(
    path: Path,
    products: Collection[str],
    contracts: ContractTable,
    calendar: TradingCalendar,
    strategies: tuple[Chosen, ...],
) -> DayMarket:
    """A past day's prints, and who listens to them.

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
        strategies=strategies,
        quotes=DerivedRule(),
        cooldown=timedelta(minutes=5),
    )


def real_plan(seed: str, products: Collection[str], strategies: Sequence[str]) -> DayPlan:
    """A real day: every signal is approved, and its order is a limit at the price that was seen.

    It rests until its session closes.
    """
    roots = tuple(sorted(products))
    return DayPlan(
        seed=seed,
        mandated=tuple(strategies),
        order_timeout_seconds=None,
        usual=tuple(_real_case(root) for root in roots),
        roots=roots,
    )


def _real_case(root: str) -> CasePlan:
    return CasePlan(
        order_type=OrderType.LIMIT,
        quantity=REAL_QUANTITY[root],
        verdicts=approvals(compliance=root in _ABOVE_THRESHOLD, delay_seconds=REAL_DELAY),
        submit_after_seconds=REAL_SUBMIT,
    )
