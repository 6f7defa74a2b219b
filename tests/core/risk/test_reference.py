"""An evaluation says, to the byte, what its rules say when nothing is remembered."""

import random
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar

import pytest

from counterseal.kernel.canonical import canonical_bytes
from counterseal.policy.desk_limits import (
    HARD,
    Breach,
    CheckRow,
    DeskLimits,
    FurtherCheck,
    NamedLimit,
)
from counterseal.policy.limits import RiskLimits
from counterseal.risk.decide import evaluate
from counterseal.risk.facts import (
    FurtherFacts,
    NamedStanding,
    OverrideInForce,
    Standing,
    TradingState,
)
from counterseal.risk.model import RiskEvaluation, RiskIntent, RiskSnapshot
from counterseal.signals.intent import OrderType, Side
from tests.core.risk.reference_further import evaluation
from tests.core.risk.test_decide import FACTS, INTENT, LIMITS, NOW, SNAPSHOT

CASES = 600
SEED = 20260105
T = TypeVar("T")
Case = tuple[RiskIntent, RiskSnapshot, RiskLimits]


class Dice:
    """Draws facts from few values, so that limits are met exactly and facts come again."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a seeded choice, no secret

    def one(self, *values: T) -> T:
        return self._random.choice(values)

    def flag(self, unlike: int) -> bool:
        """True about once in so many."""
        return self._random.randrange(unlike) == 0

    def number(self, *texts: str) -> Decimal:
        return Decimal(self.one(*texts))

    def unknown(self, value: T) -> T | None:
        return None if self.flag(8) else value

    def some(self, values: Sequence[T]) -> tuple[T, ...]:
        return tuple(value for value in values if self.flag(6))

    def order(self) -> RiskIntent:
        kind = self.one(*OrderType)
        price = self.number("19400", "20000", "20000.5", "20400", "22000.25", "-3")
        return INTENT.amended(
            order_id=f"ord_{self.one(1, 2)}",
            idempotency_key=self.one("key-1", "key-2", " ", ""),
            symbol=self.one("TMF", "TMF202601"),
            contract_root=self.unknown(self.one("TMF", "TX", "ZZ")),
            side=self.one(*Side),
            quantity=self.number("1", "2.5", "5", "10", "20", "200"),
            ratio=self.unknown(self.number("0.05", "0.25", "1", "0.0000001")),
            order_type=kind,
            order_price=None if self.flag(3) else price,
            paper_only=not self.flag(9),
            approved_target=self.number("-0.25", "0.25", "1", "100"),
            multiplier=self.unknown(self.number("10", "50")),
            tick=self.unknown(self.number("0", "1", "0.5")),
            strategy_id=self.unknown(self.one("trend", "fade")),
        )

    def standing(self) -> Standing:
        return Standing(
            position_tx_equivalent=self.number("0", "-0.5", "0.25", "0.75", "1.5"),
            working_long_tx_equivalent=self.number("0", "0.25", "9"),
            working_short_tx_equivalent=self.number("0", "0.25", "9"),
        )

    def named(self, *names: str) -> NamedStanding:
        told = dict(self.standing())
        return NamedStanding.model_validate({**told, "name": self.one(*names)})

    def override(self) -> OverrideInForce:
        return OverrideInForce(
            override_id=self.one("ovr_1", "ovr_2"),
            check=self.one(*FurtherCheck),
            expires_at=NOW + timedelta(seconds=self.one(0, 1)),
            signed_by=("risk", "compliance"),
        )

    def facts(self) -> FurtherFacts:
        return FACTS.amended(
            trading_state=self.one(*TradingState),
            state_scopes=self.some(("strategy:trend=REDUCING", "all=HALTED")),
            position_contracts=self.number("0", "5", "-5", "20", "-0.5"),
            working_buy_contracts=self.number("0", "1", "2.5"),
            working_sell_contracts=self.number("0", "1", "2.5"),
            strategy=self.unknown(self.standing()),
            instrument=self.standing(),
            group=self.unknown(self.standing()),
            account_group=self.unknown(self.named("book-a", "book-b")),
            tenant=self.unknown(self.named("desk")),
            session_phase=self.one("open", "add_only", "closed", "unknown"),
            expires_on=self.unknown("2026-01-21"),
            settlement_price=self.unknown(self.number("20000", "18181.82", "18181.81")),
            unrealized_pnl_twd=self.unknown(self.number("0", "-4999.99", "-5000", "12.5")),
            cash_twd=self.unknown(self.number("0", "84500", "1000000")),
            margin_day=self.one("2026-01-05", "2026-01-06"),
            margin_order_contract_twd=self.unknown(Decimal(16_900)),
            margin_held_twd=self.unknown(self.number("0", "15000.5")),
            signal_used_by=self.unknown(self.one("", "apr_2")),
            approval_breaches=self.unknown(self.some(("side", "quantity"))),
            orders_today=self.one(0, 2, 3),
            cancels_today=self.one(0, 3, 4),
            orders_this_second=self.one(0, 2, 3),
            messages_this_second=self.one(0, 2, 3),
            active_orders=self.one(0, 2, 3),
            repeats=self.one(0, 2, 3),
            overrides=tuple(self.override() for _ in range(self.one(0, 0, 1, 8))),
        )

    def snapshot(self) -> RiskSnapshot:
        return SNAPSHOT.amended(
            seen_idempotency_keys=self.one(0, 1, 7),
            key_seen=self.flag(9),
            daily_realized_loss_twd=self.number("0", "4999.99", "5000", "-12.5"),
            position_tx_equivalent=self.number("0", "0.2", "-0.25", "1"),
            working_long_tx_equivalent=self.number("0", "0.05"),
            working_short_tx_equivalent=self.number("0", "0.05"),
            kill_switch_active=self.flag(9),
            broker_heartbeat_healthy=not self.flag(9),
            heartbeat_at=self.unknown(NOW - timedelta(seconds=self.one(-1, 0, 2, 60, 60.01))),
            trading_mode=self.one("paper", "paper", "shadow"),
            live_trading_enabled=self.flag(9),
            broker_provider=self.one("paper", "paper", "sim"),
            quote_age_seconds=self.unknown(self.number("0", "3", "3.01", "-0.01")),
            quote_price=self.unknown(self.number("20000", "20400.01", "19999.5", "-3.5")),
            reference_price=self.unknown(self.number("20000", "19600")),
            further=self.facts(),
        )

    def row(self, check: FurtherCheck) -> CheckRow:
        if check in HARD:
            return CheckRow(check=check)
        breach, unknown, soft = self.one(*Breach), self.one(*Breach), self.flag(2)
        return CheckRow(check=check, on_breach=breach, on_unknown=unknown, soft=soft)

    def table(self, name: str, *limits: str) -> tuple[NamedLimit, ...]:
        rows = [NamedLimit(name=n, limit=self.number(*limits)) for n in (name, "*")]
        return tuple(rows[self.one(0, 0, 1) :][: self.one(1, 2)])

    def limits(self) -> RiskLimits:
        numbers: dict[str, object] = {
            "collar_fraction_max": self.number("0.03", "0.1"),
            "daily_limit_fraction": Decimal("0.1"),
            "lots_max": self.table("MARKET", "10", "100"),
            "order_notional_max": self.table("TMF", "1000000", "9000000"),
            "order_value_max_twd": self.number("1000000", "999999.5"),
            "instrument_notional_max_twd": self.number("1000000", "9000000"),
            "account_position_max": self.table("acc_1", "0.25", "1"),
            "strategy_position_max": self.table("trend", "0.25", "1"),
            "instrument_position_max": self.table("TMF", "0.25", "1"),
            "group_position_max_tx_equivalent": self.number("0.25", "1", "9"),
            "account_group_position_max": self.table("book-a", "0.25", "1", "9"),
            "tenant_position_max": self.table("other", "0.25", "9"),
            "portfolio_loss_max_twd": self.number("5000", "20000"),
        }
        rows = tuple(self.row(check) for check in FurtherCheck if not self.flag(9))
        bare: dict[str, object] = {"checks": (), "quantity_min": self.number("1", "2")}
        told = bare if self.flag(9) else {**COUNTS, **numbers, **bare, "checks": rows}
        return LIMITS.amended(
            max_tx_equivalent_exposure=self.number("0.25", "100"),
            margin_max_twd=self.number("50000", "100000000"),
            position_max_tx_equivalent=self.number("0.25", "100"),
            kill_switch=self.flag(9),
            desk=DeskLimits.model_validate(told),
        )


COUNTS: dict[str, object] = {
    "orders_per_second_max": 3,
    "messages_per_second_max": 3,
    "orders_per_day_max": 3,
    "cancels_per_day_max": 3,
    "active_orders_max": 3,
    "repeats_max": 3,
    "restricted_symbols": ("TX",),
    "restricted_strategies": ("fade",),
}


def drawn(seed: int, count: int) -> list[Case]:
    dice = Dice(seed)
    documents = [dice.limits() for _ in range(20)]
    return [(dice.order(), dice.snapshot(), dice.one(*documents)) for _ in range(count)]


def judged(case: Case) -> RiskEvaluation:
    return evaluate(*case, evaluation_id="rev_1", now=NOW)


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return drawn(SEED, CASES)


def test_every_evaluation_is_the_plain_one_to_the_byte(cases: list[Case]) -> None:
    """TX-H: all checks with their numbers; I1 of outcomes, met facts and new ones alike."""
    for case in cases:
        expected = evaluation(*case, NOW)
        assert judged(case).json_value() == expected
        assert canonical_bytes(judged(case).json_value()) == canonical_bytes(expected)


def test_what_was_judged_before_changes_nothing(cases: list[Case]) -> None:
    """I1 of outcomes: the same bytes in another order, and once more."""
    first = [canonical_bytes(judged(case).json_value()) for case in cases]
    again = [canonical_bytes(judged(case).json_value()) for case in reversed(cases)]
    assert again[::-1] == first


def test_each_check_is_drawn_with_every_outcome(cases: list[Case]) -> None:
    """The drawn cases: each check passes and fails, warnings and overrides occur."""
    outcomes: dict[str, set[bool]] = {}
    effects: set[str] = set()
    for case in cases:
        for check in judged(case).all_checks:
            effects.add(check.effect)
            if not check.skipped:
                outcomes.setdefault(check.name, set()).add(check.passed)
    assert all(found == {True, False} for found in outcomes.values())
    assert (len(outcomes), effects) == (38, {"refuse", "warn", "overridden"})
