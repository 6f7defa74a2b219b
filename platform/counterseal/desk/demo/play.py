"""What a click does.

Job: a session from its clicks, one after the other. Pure.

The six use cases of the mock backend (TX-D1) are these on `DemoMarket.WAVES`: status and session
are the session itself with its portfolio, preview is `markets.quotes_at`, run, simulate and reset
are `clicked` with SIGNAL and ORDER, and `begun`.

Invariants
  I1  A session follows from its market and clicks alone: played again, it is the same, byte for
      byte.
  I2  A refused click leaves the session as it was.
  I3  Without a signal nothing is ordered; a signal belongs to the symbol that was selected.

Not here: quotes and signals (desk.demo.markets), checks, fills, what is held.
Source: features TX-C1 to TX-C4, TX-C11, TX-C16, TX-D1 to TX-D4.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from counterseal.desk.demo.filling import Asked, DemoFill, filled
from counterseal.desk.demo.holdings import held_after
from counterseal.desk.demo.judging import DemoGround, exposure_asked, judged
from counterseal.desk.demo.markets import STRATEGIES, quotes_at, signal_on
from counterseal.desk.demo.model import (
    CLICKS_MAX,
    QUANTITY_MAX,
    SEED,
    Act,
    Click,
    DemoEvent,
    DemoMarket,
    DemoOrder,
    DemoSession,
    DemoSignal,
    DemoStep,
    time_of,
)
from counterseal.kernel.canonical import Json, canonical_bytes, sha256_hex
from counterseal.kernel.model import Refusal, refuse
from counterseal.oms.states import OrderState
from counterseal.signals.intent import side_of
from counterseal.signals.model import Direction

_S = OrderState
_BEFORE_RISK: Final = (("CREATE", _S.PENDING), ("RISK_CHECK", _S.RISK_CHECKED))
_SENT: Final = (("SUBMIT", _S.SUBMITTED), ("ACCEPT", _S.ACCEPTED))


def begun(market: DemoMarket) -> DemoSession:
    """A session at tick 0 without a click: what Reset leads to."""
    started = DemoEvent(
        sequence=1,
        event="SESSION_START",
        tick=0,
        at=time_of(0),
        told=f"seed {SEED}",
    )
    return DemoSession(market=market, quotes=quotes_at(market, 0), timeline=(started,))


def played(market: DemoMarket, clicks: Iterable[Click]) -> DemoSession | Refusal:
    """The session that these clicks lead to, or why one of them cannot be."""
    session = begun(market)
    for click in clicks:
        after = clicked(session, click)
        if isinstance(after, Refusal):
            return after
        session = after
    return session


def clicked(session: DemoSession, click: Click) -> DemoSession | Refusal:
    """The session after a click; a refusal changes nothing.

    A click that a page offers is refused with `DEMO_FULL`, `DEMO_NO_SIGNAL`, `DEMO_QUANTITY` or,
    in the second market, `FLAT_SIGNAL`; one that lacks its symbol or quantity is taken as the
    selected symbol and one contract.

    Raises:
        InputError: those of `broker.paper.simulate`.
    """
    if len(session.clicks) >= CLICKS_MAX:
        return refuse("DEMO_FULL", "this demo session is long enough", clicks_max=CLICKS_MAX)
    match click.act:
        case Act.SELECT:
            after: DemoSession | Refusal = _selected(session, click)
        case Act.TICK:
            after = _ticked(session)
        case Act.SIGNAL:
            after = _signalled(session)
        case Act.ORDER:
            after = _ordered(session, click.quantity or 1)
    return after if isinstance(after, Refusal) else after.amended(clicks=(*session.clicks, click))


def _selected(session: DemoSession, click: Click) -> DemoSession:
    chosen = click.symbol or session.symbol
    kept = session.signal if chosen == session.symbol else None
    return session.amended(symbol=chosen, signal=kept)


def _ticked(session: DemoSession) -> DemoSession:
    tick = session.tick + 1
    after = session.amended(tick=tick, quotes=quotes_at(session.market, tick))
    quote = after.quote
    regime = "" if quote.regime is None else f" {quote.regime.value}"
    return _told(after, ("MARKET_TICK", f"{quote.symbol} {quote.last}{regime}"))


def _signalled(session: DemoSession) -> DemoSession:
    signal = signal_on(session.market, session.tick, session.quote)
    told = f"{signal.direction.value} {signal.symbol} {signal.confidence}"
    return _told(session.amended(signal=signal), ("STRATEGY_SIGNAL", told))


def _ordered(session: DemoSession, quantity: int) -> DemoSession | Refusal:
    signal = session.signal
    if signal is None:
        return refuse("DEMO_NO_SIGNAL", "run the strategy before you order")
    if session.market is DemoMarket.WAVES:
        if signal.direction is Direction.FLAT:
            return refuse("FLAT_SIGNAL", "a FLAT signal opens nothing", signal=signal.signal_id)
        if quantity > QUANTITY_MAX:
            return refuse("DEMO_QUANTITY", "too many contracts", limit=QUANTITY_MAX, got=quantity)
    order = _order(session, signal, quantity)
    side = "FLAT" if order.side is None else order.side.value
    events = [("PAPER_ORDER_INTENT", f"{side} {quantity} {order.symbol} {order.order_id}")]
    events += [(f"OMS_{step.event}", step.state.value) for step in order.steps]
    events[-1] = (events[-1][0], f"{order.state.value} {order.reason}")
    held = held_after(session.positions, order)
    after = session.amended(orders=(*session.orders, order), positions=held)
    return _told(after, *events)


def _order(session: DemoSession, signal: DemoSignal, quantity: int) -> DemoOrder:
    quote, ground = session.quote_of(signal.symbol), _ground(session, signal, quantity)
    checks = judged(session.market, session.tick, quote, signal, ground)
    failed = next((check.name for check in checks if not check.passed), None)
    side = None if signal.direction is Direction.FLAT else side_of(signal.direction)
    order_id = f"{STRATEGIES[session.market]}-order-{len(session.orders) + 1}"
    fill = DemoFill(0, None, failed or "")
    if failed is None and side is not None:
        taken = sum(
            one.filled_quantity
            for one in session.orders
            if (one.tick, one.symbol, one.side) == (session.tick, signal.symbol, side)
        )
        fill = filled(session.market, quote, Asked(order_id, session.tick, side, quantity, taken))
    steps = _steps(failed, fill.filled, quantity)
    return DemoOrder(
        order_id=order_id,
        idempotency_key=ground.idempotency_key,
        signal_id=signal.signal_id,
        tick=session.tick,
        symbol=signal.symbol,
        side=side,
        quantity=quantity,
        tx_equivalent_exposure=exposure_asked(signal.symbol, quantity),
        checks=checks,
        steps=steps,
        state=steps[-1].state,
        reason=str(fill.reason),
        filled_quantity=fill.filled,
        remaining_quantity=quantity - fill.filled,
        fill_price=fill.price,
    )


def _ground(session: DemoSession, signal: DemoSignal, quantity: int) -> DemoGround:
    facts: dict[str, Json] = {
        "signal_id": signal.signal_id,
        "symbol": signal.symbol,
        "quantity": quantity,
    }
    key = f"demo-idem-{sha256_hex(canonical_bytes(facts))[:16]}"
    held = [one.exposure_tx_equivalent for one in session.positions]
    realized = [one.realized_pnl for one in session.positions]
    return DemoGround(
        quantity=quantity,
        idempotency_key=key,
        key_seen=any(one.idempotency_key == key for one in session.orders),
        position_tx_equivalent=sum(held, Decimal(0)),
        daily_loss_twd=-sum(realized, Decimal(0)),
    )


def _steps(failed: str | None, count: int, quantity: int) -> tuple[DemoStep, ...]:
    """The life of an order (TX-C11)."""
    way: tuple[tuple[str, OrderState], ...] = (*_BEFORE_RISK, *_SENT)
    if failed is not None:
        way = (*_BEFORE_RISK, ("RISK_REJECT", _S.REJECTED))
    elif not count:
        way = (*way, ("REJECT", _S.REJECTED))
    elif count < quantity:
        way = (*way, ("PARTIAL_FILL", _S.PARTIALLY_FILLED))
    else:
        way = (*way, ("FILL", _S.FILLED))
    return tuple(DemoStep(event=event, state=state) for event, state in way)


def _told(session: DemoSession, *events: tuple[str, str]) -> DemoSession:
    first = len(session.timeline) + 1
    told = [
        DemoEvent(sequence=place, event=event, tick=session.tick, at=time_of(session.tick), told=t)
        for place, (event, t) in enumerate(events, first)
    ]
    return session.amended(timeline=(*session.timeline, *told))
