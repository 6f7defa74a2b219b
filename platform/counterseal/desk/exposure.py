"""What risk is told about an account.

Job: read the live facts of an account under the lock and hand them to the checks.

Invariants
  I1  Every fact comes from documents, none from the caller.
  I2  Working and unknown orders count as if they filled: the worse case on each side.

Not here: the checks (risk).
Source: TX-H16, TX-G14; trading reference part 4.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from counterseal.broker.ports import Broker
from counterseal.desk.ports import Reader
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Refusal
from counterseal.kernel.money import EXACT
from counterseal.market.contracts import ContractTable
from counterseal.market.instruments import contract_root
from counterseal.market.ports import MarketFeed
from counterseal.market.quotes import Quote, age_seconds
from counterseal.market.sessions import session_at, trading_day
from counterseal.market.trading_days import TradingCalendar
from counterseal.oms.decide import working_contracts
from counterseal.oms.model import Order, OrderKey
from counterseal.oms.states import OPEN_STATES
from counterseal.portfolio.model import DailyPnl, Position
from counterseal.risk.model import RiskIntent, RiskSnapshot, RiskState
from counterseal.signals.intent import PaperOrderIntent, Side


class Ground(Protocol):
    """What the checks need beside documents; every `Bench` offers it.

    MUST come from checked settings, the active policy and a market feed, never from a caller.
    """

    @property
    def feed(self) -> MarketFeed:
        """Quotes."""

    @property
    def broker(self) -> Broker:
        """The paper broker, asked for its sign of life only."""

    @property
    def contracts(self) -> ContractTable:
        """Contract terms."""

    @property
    def calendar(self) -> Callable[[], TradingCalendar]:
        """Gives the trading days, loaded when first asked."""

    @property
    def trading_mode(self) -> str:
        """`paper`, or what else the settings say."""

    @property
    def live_trading_enabled(self) -> bool:
        """The live flag of the settings."""

    @property
    def broker_provider(self) -> str:
        """`paper`, or what else the settings say."""


class Asked(Protocol):
    """An order that is judged: an intent, or a question about one."""

    @property
    def order_id(self) -> str:
        """Its id; working orders of this id are not counted beside it."""

    @property
    def account_id(self) -> str:
        """Whose facts count."""

    @property
    def idempotency_key(self) -> str:
        """Its key; blank when it has none."""

    @property
    def symbol(self) -> str:
        """What it trades."""

    @property
    def side(self) -> Side:
        """Which side of the quote it takes."""


def trading_day_text(ground: Ground, now: datetime) -> str:
    """The trading day as `YYYY-MM-DD`.

    Raises:
        InputError: `CALENDAR_RANGE` beyond the calendar.
    """
    return trading_day(now, ground.calendar()).isoformat()


def session_text(ground: Ground, now: datetime) -> str:
    """The session's name, or `closed`."""
    session = session_at(now, ground.calendar())
    return "closed" if session is None else str(session.kind)


def risk_intent(intent: PaperOrderIntent, contracts: ContractTable) -> RiskIntent:
    """The order as the checks see it; an unknown contract has neither root nor ratio."""
    root = contract_root(intent.symbol)
    spec = contracts.spec(root)
    return RiskIntent(
        order_id=intent.order_id,
        idempotency_key=intent.idempotency_key,
        symbol=intent.symbol,
        contract_root=None if root is None else str(root),
        side=intent.side,
        quantity=intent.quantity,
        ratio=None if spec is None else spec.tx_equivalent,
        order_type=intent.order_type,
        order_price=intent.order_price,
        paper_only=intent.paper_only,
        approved_target=intent.target_tx_equivalent,
    )


def market_notional(intent: PaperOrderIntent, contracts: ContractTable) -> Decimal:
    """Contracts x multiplier x the higher of reference and limit price, in the table's currency."""
    spec = contracts.spec(contract_root(intent.symbol))
    prices = [p for p in (intent.reference_price, intent.order_price) if p is not None]
    if spec is None or not prices:
        return Decimal(0)
    return EXACT.multiply(EXACT.multiply(intent.quantity, spec.multiplier), max(prices))


def risk_snapshot(reader: Reader, ground: Ground, intent: Asked, now: datetime) -> RiskSnapshot:
    """The account's facts at `now`; the intent's own order is left out of the working orders."""
    account = intent.account_id
    state = reader.get(RiskState, account)
    working = reader.find(Order, account_id=account, state=OPEN_STATES)
    orders = [o for o in working if o.order_id != intent.order_id]
    own = reader.count(Order, account_id=account, order_id=intent.order_id)
    others = reader.count(Order, account_id=account) - own
    key = reader.get(OrderKey, intent.idempotency_key)
    quote = ground.feed.quote(intent.symbol, now)
    live = None if isinstance(quote, Refusal) else quote
    return RiskSnapshot(
        account_id=account,
        taken_at=now,
        seen_idempotency_keys=others,
        key_seen=key is not None and key.order_id != intent.order_id,
        daily_realized_loss_twd=daily_loss(reader, ground, account, now),
        position_tx_equivalent=net_position(reader, account),
        working_long_tx_equivalent=_working(orders, Side.BUY, ground.contracts),
        working_short_tx_equivalent=_working(orders, Side.SELL, ground.contracts),
        kill_switch_active=state is None or state.kill_switch_active,
        broker_heartbeat_healthy=state is not None and state.broker_heartbeat_healthy,
        heartbeat_at=ground.broker.heartbeat(now),
        trading_mode=ground.trading_mode,
        live_trading_enabled=ground.live_trading_enabled,
        broker_provider=ground.broker_provider,
        quote_age_seconds=None if live is None else age_seconds(live, now),
        quote_price=None if live is None else _touch(live, intent.side),
        reference_price=None if live is None else live.last,
    )


def _touch(quote: Quote, side: Side) -> Decimal:
    return quote.ask if side is Side.BUY else quote.bid


def daily_loss(reader: Reader, ground: Ground, account: str, now: datetime) -> Decimal:
    """Realized loss of the trading day at `now` (UTC) in TWD, net of costs; negative is a profit.

    Raises:
        InputError: `CALENDAR_RANGE` beyond the calendar.
    """
    day = reader.get(DailyPnl, f"{account}:{trading_day_text(ground, now)}")
    return Decimal(0) if day is None else day.loss


def net_position(reader: Reader, account: str) -> Decimal:
    """Signed filled position of all symbols in TX-equivalents."""
    total = Decimal(0)
    for position in reader.find(Position, account_id=account):
        total = EXACT.add(total, EXACT.multiply(position.quantity, position.tx_equivalent))
    return total


def _working(orders: list[Order], side: Side, contracts: ContractTable) -> Decimal:
    total = Decimal(0)
    for symbol in {o.symbol for o in orders if o.leaves_quantity}:
        spec = contracts.spec(contract_root(symbol))
        if spec is None:
            raise InputError("SYMBOL_UNKNOWN", "no contract terms", field="symbol", got=symbol)
        leaves = working_contracts([o for o in orders if o.symbol == symbol], side)
        total = EXACT.add(total, EXACT.multiply(leaves, spec.tx_equivalent))
    return total
