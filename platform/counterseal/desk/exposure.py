"""What risk is told about an account.

Job: read the live facts of an account under the lock and hand them to the checks.

Invariants
  I1  Every fact comes from documents, none from the caller.
  I2  Working and unknown orders count as if they filled: the worse case on each side.
  I3  Accounts, orders and positions of another tenant count nowhere.
  I4  Nothing that grows with past orders is read: what is counted was counted when it happened.

Not here: the checks (risk), facts of the further checks (desk.risk_facts).
Source: TX-H16, TX-G14; trading reference part 4.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from counterseal.desk.commands import Done
from counterseal.desk.ground import Asked, Ground
from counterseal.desk.ports import Reader
from counterseal.desk.risk_facts import (
    Scene,
    further_facts,
    net_of,
    open_orders,
    standing_of,
    switches_of,
)
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Refusal
from counterseal.kernel.money import EXACT
from counterseal.market.contracts import ContractTable
from counterseal.market.instruments import contract_root
from counterseal.market.quotes import Quote, age_seconds
from counterseal.market.sessions import session_at, trading_day
from counterseal.oms.model import OrderKey
from counterseal.portfolio.model import Account, DailyPnl, Position
from counterseal.risk.counters import (
    RiskCounters,
    apply_cancel,
    apply_order,
    apply_replace,
    counted_at,
    repeat_key,
)
from counterseal.risk.model import RiskIntent, RiskSnapshot, RiskState
from counterseal.signals.intent import PaperOrderIntent, Side

__all__ = [
    "Asked",
    "Ground",
    "cancel_counted",
    "counted_order",
    "counters_of",
    "daily_loss",
    "market_notional",
    "net_position",
    "replace_counted",
    "risk_intent",
    "risk_snapshot",
    "session_text",
    "trading_day_text",
]


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
        order_price=intent.stop_price if intent.order_price is None else intent.order_price,
        paper_only=intent.paper_only,
        approved_target=intent.target_tx_equivalent,
        multiplier=None if spec is None else spec.multiplier,
        tick=None if spec is None else spec.tick,
        strategy_id=intent.strategy_id,
    )


def market_notional(intent: PaperOrderIntent, contracts: ContractTable) -> Decimal:
    """Contracts x multiplier x the higher of reference and limit price, in the table's currency."""
    spec = contracts.spec(contract_root(intent.symbol))
    prices = [p for p in (intent.reference_price, intent.order_price) if p is not None]
    if spec is None or not prices:
        return Decimal(0)
    return EXACT.multiply(EXACT.multiply(intent.quantity, spec.multiplier), max(prices))


def risk_snapshot(reader: Reader, ground: Ground, intent: Asked, now: datetime) -> RiskSnapshot:
    """The account's facts at `now`; the intent's own order is left out of the working orders.

    Raises:
        InputError: `CALENDAR_RANGE` beyond the calendar, `SYMBOL_UNKNOWN` for an open order of a
            contract without terms.
    """
    account = intent.account_id
    state = reader.get(RiskState, account)
    scene = _scene(reader, ground, intent, now)
    standing = standing_of(
        (o for o in scene.orders if o.account_id == account),
        net_of(p for p in scene.positions if p.account_id == account),
        ground.contracts,
    )
    killed = any(switch.kill_switch_active for switch in scene.switches)
    key = reader.get(OrderKey, intent.idempotency_key)
    quote = ground.feed.quote(intent.symbol, now)
    live = None if isinstance(quote, Refusal) else quote
    return RiskSnapshot(
        account_id=account,
        taken_at=now,
        seen_idempotency_keys=scene.counters.orders_total,
        key_seen=key is not None and key.order_id != intent.order_id,
        daily_realized_loss_twd=daily_loss(reader, ground, account, now),
        position_tx_equivalent=standing.position_tx_equivalent,
        working_long_tx_equivalent=standing.working_long_tx_equivalent,
        working_short_tx_equivalent=standing.working_short_tx_equivalent,
        kill_switch_active=state is None or state.kill_switch_active or killed,
        broker_heartbeat_healthy=state is not None and state.broker_heartbeat_healthy,
        heartbeat_at=ground.broker.heartbeat(now),
        trading_mode=ground.trading_mode,
        live_trading_enabled=ground.live_trading_enabled,
        broker_provider=ground.broker_provider,
        quote_age_seconds=None if live is None else age_seconds(live, now),
        quote_price=None if live is None else _touch(live, intent.side),
        reference_price=None if live is None else live.last,
        further=further_facts(reader, ground, intent, scene, now),
    )


def _scene(reader: Reader, ground: Ground, asked: Asked, now: datetime) -> Scene:
    strategy = asked.strategy_id if isinstance(asked, PaperOrderIntent) else None
    counters = counters_of(reader, ground, asked.account_id, now)
    repeated = repeat_key(strategy, asked.symbol, asked.side, asked.quantity)
    account = reader.get(Account, asked.account_id)
    orders, positions = open_orders(reader), reader.find(Position)
    named = {o.account_id for o in orders} | {p.account_id for p in positions}
    accounts = _of_tenant(reader, account, named)
    tenant = "" if account is None else account.tenant
    return Scene(
        account=account,
        accounts=accounts,
        orders=tuple(
            o for o in orders if o.account_id in accounts and o.order_id != asked.order_id
        ),
        positions=tuple(p for p in positions if p.account_id in accounts),
        switches=switches_of(reader, asked.account_id, strategy, tenant),
        counters=counters,
        repeats=counters.repeats if counters.repeat_of == repeated else 0,
        day=trading_day(now, ground.calendar()),
    )


def _of_tenant(reader: Reader, account: Account | None, named: set[str]) -> Mapping[str, Account]:
    """The account and, of those named, the others of its tenant, by id."""
    if account is None:
        return {}
    if named <= {account.account_id}:
        return {account.account_id: account}
    return {one.account_id: one for one in reader.find(Account, tenant=account.tenant)}


def counters_of(reader: Reader, ground: Ground, account_id: str, now: datetime) -> RiskCounters:
    """The counts of an account as they stand at `now` (UTC).

    Raises:
        InputError: `CALENDAR_RANGE` beyond the calendar.
    """
    day = trading_day_text(ground, now)
    return counted_at(reader.get(RiskCounters, account_id), account_id, day, now)


def counted_order(
    reader: Reader, ground: Ground, intent: PaperOrderIntent, now: datetime
) -> RiskCounters:
    """The account's counts with one more judged order, to be stored beside its evaluation.

    Raises:
        InputError: `CALENDAR_RANGE` beyond the calendar.
    """
    counters = counters_of(reader, ground, intent.account_id, now)
    key = repeat_key(intent.strategy_id, intent.symbol, intent.side, intent.quantity)
    return apply_order(counters, key, now)


def cancel_counted(
    done: Done, reader: Reader, ground: Ground, account_id: str, now: datetime
) -> Done:
    """What a cancel did, with the account's counts beside it at `now` (UTC).

    Beyond the calendar nothing is counted: a cancel is never stopped by it.
    """
    try:
        counters = counters_of(reader, ground, account_id, now)
    except InputError:
        return done
    return _beside(done, apply_cancel(counters, now))


def replace_counted(
    done: Done, reader: Reader, ground: Ground, account_id: str, now: datetime
) -> Done:
    """What a replace that was asked for did, with the account's counts beside it at `now` (UTC).

    Raises:
        InputError: `CALENDAR_RANGE` beyond the calendar.
    """
    return _beside(done, apply_replace(counters_of(reader, ground, account_id, now), now))


def _beside(done: Done, counters: RiskCounters) -> Done:
    first, *others = done.events
    counted = first.amended(documents=(*first.documents, counters))
    return done.amended(events=(counted, *others))


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
    return net_of(reader.find(Position, account_id=account))
