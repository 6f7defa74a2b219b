"""What a demo session is made of.

Job: the clicks, and what they came to: quotes, a signal, orders, holdings and a timeline.

Invariants
  I1  A session keeps of its visitor their clicks alone, in three words and numbers.
  I2  Every time in it follows from the tick: no clock is read.
  I3  An order of the demo is paper only, by its type.

Not here: what a click does (desk.demo.play), the evidence of it (desk.demo.evidence).
Source: features TX-C1, TX-C10, TX-C11, TX-C16, TX-C18, TX-D4.
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

from pydantic import Field

from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import AlwaysTrue, Detail, DomainModel, Name, Text
from counterseal.kernel.money import Exact, NonNegative, Price
from counterseal.market.regimes import Regime
from counterseal.oms.states import OrderState
from counterseal.portfolio.model import Position
from counterseal.signals.intent import Side
from counterseal.signals.model import Direction

BEGINS_AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""Time of tick 0 (TX-C19); each tick is a second."""
CLICKS_MAX: Final = 200
"""A session that has as many clicks takes no more, so that playing it again stays short."""
SEED: Final = "taifex-browser-only-seed-v1"
"""Names the rule that makes every number (TX-C1)."""
QUANTITY_MAX: Final = 20
"""Largest order in contracts that the mock backend takes (TX-D4)."""
Symbol = Literal["TX", "MTX", "TMF"]


class DemoMarket(StrEnum):
    """Which of the two markets; the value is the type of its evidence."""

    REGIMES = "browser_only_mock_demo"
    WAVES = "mock_backend_demo"


class Act(StrEnum):
    """What can be clicked."""

    SELECT = "select"
    TICK = "tick"
    SIGNAL = "signal"
    ORDER = "order"


class DemoCheckName(StrEnum):
    """The checks of the first market, in the order in which the first failed one is the reason."""

    PAPER_ONLY = "paper_only"
    LIVE_TRADING_DISABLED = "live_trading_disabled"
    BROKER_PROVIDER_PAPER = "broker_provider_paper"
    SIGNAL_NOT_FLAT = "signal_not_flat"
    MAX_ORDER_SIZE = "max_order_size_by_contract"
    MAX_EXPOSURE = "max_tx_equivalent_exposure"
    QUOTE_NOT_STALE = "quote_not_stale"
    PRICE_REASONABILITY = "price_reasonability"
    DUPLICATE_ORDER = "duplicate_order_prevention"
    KILL_SWITCH = "kill_switch_inactive"
    HEARTBEAT = "broker_heartbeat_simulated_healthy"


class DemoFillReason(StrEnum):
    """What the simulated fill of the first market says; that of the second says codes."""

    FILLED = "filled"
    LIMITED_BY_SIZE = "limited_by_size"
    NO_SIZE = "no_size"
    ILLIQUID_MARKET = "illiquid_market"
    STALE_QUOTE = "stale_quote"


class Click(DomainModel):
    """One click: SELECT names a symbol, ORDER a quantity of contracts."""

    act: Act
    symbol: Symbol | None = None
    quantity: int | None = Field(default=None, ge=1, le=1000)


class DemoQuote(DomainModel):
    """One simulated quote; points, contracts, seconds; liquidity 0..1.

    Attributes:
        regime, slippage, volatility: None in the market that has none.
    """

    symbol: Symbol
    regime: Regime | None
    bid: Price
    ask: Price
    last: Price
    spread: NonNegative
    change: Exact
    age_seconds: int
    liquidity_score: NonNegative
    slippage: NonNegative | None
    bid_size: int
    ask_size: int
    volatility: int | None


class DemoSignal(DomainModel):
    """What the strategy said of a symbol at a tick; a signal creates no order.

    Attributes:
        target_tx_equivalent: In TX-equivalents, unsigned; 0 when FLAT.
    """

    signal_id: Name
    strategy_id: Name
    strategy_version: Name = "0.1.0"
    tick: int
    symbol: Symbol
    direction: Direction
    confidence: NonNegative
    target_tx_equivalent: NonNegative
    signals_only: AlwaysTrue = True


class DemoCheck(DomainModel):
    """One risk check, with the numbers that it compared."""

    name: Name
    passed: bool
    facts: tuple[Detail, ...]


class DemoStep(DomainModel):
    """One event of an order's life and the state that it led to."""

    event: Name
    state: OrderState


class DemoOrder(DomainModel):
    """One simulated order and how it ended.

    Attributes:
        side: None of a FLAT signal.
        tx_equivalent_exposure: Contracts times ratio, in TX-equivalents.
        reason: The failed check, or what the simulated fill says.
        fill_price: In points; None while nothing is filled.
    """

    order_id: Name
    idempotency_key: Name
    signal_id: Name
    tick: int
    symbol: Symbol
    side: Side | None
    quantity: int
    tx_equivalent_exposure: NonNegative
    checks: tuple[DemoCheck, ...]
    steps: tuple[DemoStep, ...]
    state: OrderState
    reason: Name
    filled_quantity: int = Field(ge=0)
    remaining_quantity: int = Field(ge=0)
    fill_price: Price | None
    paper_only: AlwaysTrue = True
    simulated: AlwaysTrue = True


class DemoEvent(DomainModel):
    """One line of the timeline."""

    sequence: int
    event: Name
    tick: int
    at: UtcDatetime
    told: Text


class DemoSession(DomainModel):
    """One session, whole: it follows from `market` and `clicks`.

    Attributes:
        orders: Oldest first; the newest is the latest order.
        timeline: Oldest first.
    """

    market: DemoMarket
    clicks: tuple[Click, ...] = Field(default=(), max_length=CLICKS_MAX)
    tick: int = 0
    symbol: Symbol = "TMF"
    quotes: tuple[DemoQuote, ...]
    signal: DemoSignal | None = None
    orders: tuple[DemoOrder, ...] = ()
    positions: tuple[Position, ...] = ()
    timeline: tuple[DemoEvent, ...]

    @property
    def order(self) -> DemoOrder | None:
        """The latest order."""
        return self.orders[-1] if self.orders else None

    @property
    def quote(self) -> DemoQuote:
        """Of the selected symbol."""
        return self.quote_of(self.symbol)

    def quote_of(self, symbol: str) -> DemoQuote:
        """Of a symbol at this tick."""
        return next(quote for quote in self.quotes if quote.symbol == symbol)


def time_of(tick: int) -> datetime:
    """The time (UTC) that stands for a tick."""
    return BEGINS_AT + timedelta(seconds=tick)
