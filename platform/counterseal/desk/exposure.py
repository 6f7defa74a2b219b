"""What risk is told about an account.

Job: read the live facts of an account under the lock and hand them to the checks.

Invariants
  I1  Every fact comes from documents, none from the caller.
  I2  Working and unknown orders count as if they filled: the worse case on each side.

Not here: the checks (risk).
Source: TX-H16, TX-G14; trading reference part 4.
"""

from datetime import datetime
from decimal import Decimal

from counterseal.desk.bench import Bench
from counterseal.desk.ports import Reader
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Refusal
from counterseal.kernel.money import EXACT
from counterseal.market.contracts import ContractTable
from counterseal.market.instruments import contract_root
from counterseal.market.quotes import Quote, age_seconds
from counterseal.market.sessions import session_at, trading_day
from counterseal.oms.decide import working_contracts
from counterseal.oms.model import Order, OrderKey
from counterseal.portfolio.model import DailyPnl, Position
from counterseal.risk.model import RiskIntent, RiskSnapshot, RiskState
from counterseal.signals.intent import PaperOrderIntent, Side


def trading_day_text(bench: Bench, now: datetime) -> str:
    """The trading day as `YYYY-MM-DD`.

    Raises:
        InputError: `CALENDAR_RANGE` beyond the calendar.
    """
    return trading_day(now, bench.calendar()).isoformat()


def session_text(bench: Bench, now: datetime) -> str:
    """The session's name, or `closed`."""
    session = session_at(now, bench.calendar())
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


def risk_snapshot(
    reader: Reader, bench: Bench, intent: PaperOrderIntent, now: datetime
) -> RiskSnapshot:
    """The account's facts at `now`; the intent's own order is left out of the working orders."""
    account = intent.account_id
    state = reader.get(RiskState, account)
    orders = [o for o in reader.find(Order, account_id=account) if o.order_id != intent.order_id]
    key = reader.get(OrderKey, intent.idempotency_key)
    quote = bench.feed.quote(intent.symbol, now)
    live = None if isinstance(quote, Refusal) else quote
    return RiskSnapshot(
        account_id=account,
        taken_at=now,
        seen_idempotency_keys=len(orders),
        key_seen=key is not None and key.order_id != intent.order_id,
        daily_realized_loss_twd=_daily_loss(reader, bench, account, now),
        position_tx_equivalent=_position(reader, account),
        working_long_tx_equivalent=_working(orders, Side.BUY, bench.contracts),
        working_short_tx_equivalent=_working(orders, Side.SELL, bench.contracts),
        kill_switch_active=state is None or state.kill_switch_active,
        broker_heartbeat_healthy=state is not None and state.broker_heartbeat_healthy,
        heartbeat_at=None if state is None else state.heartbeat_at,
        trading_mode=bench.trading_mode,
        live_trading_enabled=bench.live_trading_enabled,
        broker_provider=bench.broker_provider,
        quote_age_seconds=None if live is None else age_seconds(live, now),
        quote_price=None if live is None else _touch(live, intent.side),
        reference_price=None if live is None else live.last,
    )


def _touch(quote: Quote, side: Side) -> Decimal:
    return quote.ask if side is Side.BUY else quote.bid


def _daily_loss(reader: Reader, bench: Bench, account: str, now: datetime) -> Decimal:
    day = reader.get(DailyPnl, f"{account}:{trading_day_text(bench, now)}")
    return Decimal(0) if day is None else day.loss


def _position(reader: Reader, account: str) -> Decimal:
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
