"""The risk checks on an order of the demo.

Job: the eleven checks of the first market, and for the second the fourteen of the paper path.

Invariants
  I1  Every check runs, whatever failed before; the first failed one is the reason.
  I2  An order at a limit passes.
  I3  The fourteen are those of the risk room, on limits of the desk's own numbers.

Not here: fills (desk.demo.filling), the checks of real paper orders (risk.checks).
Source: features TX-C9, TX-D4.
"""

from decimal import Decimal
from typing import Final

from counterseal.desk.demo.markets import EXPOSURE_MAX, SPREAD_MAX, point_value_of, ratio_of
from counterseal.desk.demo.model import (
    DemoCheck,
    DemoCheckName,
    DemoMarket,
    DemoQuote,
    DemoSignal,
    time_of,
)
from counterseal.kernel.model import DomainModel, Name, details
from counterseal.kernel.money import Exact, normal_text
from counterseal.policy.limits import OrderSizeMax, RiskLimits
from counterseal.risk.checks import fourteen_checks
from counterseal.risk.facts import FurtherFacts, Standing, TradingState
from counterseal.risk.model import RiskIntent, RiskSnapshot, exposure_of
from counterseal.signals.intent import OrderType, side_of
from counterseal.signals.model import Direction

_N = DemoCheckName
LIMITS: Final = RiskLimits(
    schema_version=1,
    max_tx_equivalent_exposure=EXPOSURE_MAX,
    stale_quote_seconds=Decimal(3),
    price_deviation_max=Decimal("0.02"),
    order_size_max=(
        OrderSizeMax(contract_root="TX", quantity_max=Decimal(1)),
        OrderSizeMax(contract_root="MTX", quantity_max=Decimal(4)),
        OrderSizeMax(contract_root="TMF", quantity_max=Decimal(20)),
    ),
    margin_per_tx_twd=Decimal(200_000),
    margin_max_twd=Decimal(50_000),
    daily_loss_max_twd=Decimal(5_000),
    position_max_tx_equivalent=EXPOSURE_MAX,
    kill_switch=False,
    heartbeat_max_age_seconds=Decimal(30),
)
"""The first release's limits of the paper desk; the demo reads no policy file."""
_NOTHING: Final = Standing(
    position_tx_equivalent=Decimal(0),
    working_long_tx_equivalent=Decimal(0),
    working_short_tx_equivalent=Decimal(0),
)


class DemoGround(DomainModel):
    """What the checks of an order read besides its quote and signal.

    Attributes:
        key_seen: Whether an earlier order of this session had the same key.
        position_tx_equivalent, daily_loss_twd: Signed; of this session.
    """

    quantity: int
    idempotency_key: Name
    key_seen: bool = False
    position_tx_equivalent: Exact = Decimal(0)
    daily_loss_twd: Exact = Decimal(0)
    paper_only: bool = True
    live_trading_enabled: bool = False
    broker_provider: Name = "paper"
    kill_switch_active: bool = False
    heartbeat_healthy: bool = True


def judged(
    market: DemoMarket, tick: int, quote: DemoQuote, signal: DemoSignal, ground: DemoGround
) -> tuple[DemoCheck, ...]:
    """The checks on an order of `ground.quantity` contracts at `tick`, in their order."""
    if market is DemoMarket.REGIMES:
        return eleven_checks(quote, signal, ground)
    return _fourteen(tick, quote, signal, ground)


def eleven_checks(
    quote: DemoQuote, signal: DemoSignal, ground: DemoGround
) -> tuple[DemoCheck, ...]:
    """The checks of the first market (TX-C9)."""
    size, size_max = Decimal(ground.quantity), LIMITS.order_size_limit(quote.symbol)
    exposure, exposure_max = size * ratio_of(quote.symbol), LIMITS.max_tx_equivalent_exposure
    age, age_max = Decimal(quote.age_seconds), LIMITS.stale_quote_seconds
    return (
        _said(_N.PAPER_ONLY, ground.paper_only, paper_only=ground.paper_only),
        _said(
            _N.LIVE_TRADING_DISABLED,
            not ground.live_trading_enabled,
            live_trading_enabled=ground.live_trading_enabled,
        ),
        _said(
            _N.BROKER_PROVIDER_PAPER,
            ground.broker_provider == "paper",
            broker_provider=ground.broker_provider,
        ),
        _said(
            _N.SIGNAL_NOT_FLAT, signal.direction is not Direction.FLAT, direction=signal.direction
        ),
        _at_most(_N.MAX_ORDER_SIZE, size, size_max),
        _at_most(_N.MAX_EXPOSURE, exposure, exposure_max),
        _at_most(_N.QUOTE_NOT_STALE, age, age_max),
        _at_most(_N.PRICE_REASONABILITY, quote.spread, SPREAD_MAX[quote.symbol]),
        _said(_N.DUPLICATE_ORDER, not ground.key_seen, key=ground.idempotency_key),
        _said(
            _N.KILL_SWITCH,
            not ground.kill_switch_active,
            kill_switch_active=ground.kill_switch_active,
        ),
        _said(
            _N.HEARTBEAT,
            ground.heartbeat_healthy,
            heartbeat_healthy=ground.heartbeat_healthy,
        ),
    )


def _said(name: DemoCheckName, passed: bool, **facts: object) -> DemoCheck:
    return DemoCheck(name=name.value, passed=passed, facts=details(**facts))


def _at_most(name: DemoCheckName, value: Decimal, limit: Decimal) -> DemoCheck:
    return _said(name, value <= limit, value=normal_text(value), limit=normal_text(limit))


def _fourteen(
    tick: int, quote: DemoQuote, signal: DemoSignal, ground: DemoGround
) -> tuple[DemoCheck, ...]:
    order, seen = _intent(quote, signal, ground), _snapshot(tick, quote, ground)
    checks = fourteen_checks(order, seen, LIMITS, time_of(tick))
    return tuple(
        DemoCheck(name=check.name.value, passed=check.passed, facts=check.details)
        for check in checks
    )


def _intent(quote: DemoQuote, signal: DemoSignal, ground: DemoGround) -> RiskIntent:
    return RiskIntent(
        order_id=ground.idempotency_key,
        idempotency_key=ground.idempotency_key,
        symbol=quote.symbol,
        contract_root=quote.symbol,
        side=side_of(signal.direction),
        quantity=Decimal(ground.quantity),
        ratio=ratio_of(quote.symbol),
        order_type=OrderType.MARKET,
        paper_only=ground.paper_only,
        approved_target=EXPOSURE_MAX,
        multiplier=point_value_of(quote.symbol),
        tick=Decimal(1),
        strategy_id=signal.strategy_id,
    )


def _snapshot(tick: int, quote: DemoQuote, ground: DemoGround) -> RiskSnapshot:
    return RiskSnapshot(
        account_id="mock-backend-demo",
        taken_at=time_of(tick),
        seen_idempotency_keys=int(ground.key_seen),
        key_seen=ground.key_seen,
        daily_realized_loss_twd=ground.daily_loss_twd,
        position_tx_equivalent=ground.position_tx_equivalent,
        working_long_tx_equivalent=Decimal(0),
        working_short_tx_equivalent=Decimal(0),
        kill_switch_active=ground.kill_switch_active,
        broker_heartbeat_healthy=ground.heartbeat_healthy,
        heartbeat_at=time_of(tick),
        trading_mode="live" if ground.live_trading_enabled else "paper",
        live_trading_enabled=ground.live_trading_enabled,
        broker_provider=ground.broker_provider,
        quote_age_seconds=Decimal(quote.age_seconds),
        quote_price=quote.last,
        reference_price=quote.last,
        further=_nothing_further(tick),
    )


def _nothing_further(tick: int) -> FurtherFacts:
    """The fourteen read none of these; what is unknown here is said to be unknown."""
    return FurtherFacts(
        trading_state=TradingState.ACTIVE,
        position_contracts=Decimal(0),
        working_buy_contracts=Decimal(0),
        working_sell_contracts=Decimal(0),
        strategy=None,
        instrument=_NOTHING,
        group=None,
        session_phase="unknown",
        expires_on=None,
        settlement_price=None,
        unrealized_pnl_twd=None,
        cash_twd=None,
        margin_day=f"{time_of(tick):%Y-%m-%d}",
        margin_order_contract_twd=None,
        margin_held_twd=None,
        signal_used_by="",
        approval_breaches=None,
        orders_today=0,
        cancels_today=0,
        orders_this_second=0,
        messages_this_second=0,
        active_orders=0,
        repeats=0,
    )


def exposure_asked(symbol: str, quantity: int) -> Decimal:
    """TX-equivalents of contracts of a symbol, unsigned."""
    return exposure_of(Decimal(quantity), ratio_of(symbol)) or Decimal(0)
