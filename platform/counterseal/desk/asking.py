"""What a fill model is asked about an order.

Job: choose the model in force for an order and gather what it meets: a quote, prints or a bar.

Invariants
  I1  The policy chooses the model; a selected outcome is always the quote model's.
  I2  An order meets nothing before its arrival and nothing after its own end.
  I3  What earlier fills took of a quote, a print or a bar is gone, at one read however many.

Not here: the models (broker), carrying the answer through the order (desk.booking).
Source: TX-J13; trading reference 5.2 and 5.3.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from counterseal.broker.gateway import arrival_of, protection_of, request_for
from counterseal.broker.lifetime import deadline_of
from counterseal.broker.lots_taken import LotTaken, taken_rows, taken_side, taken_whole
from counterseal.broker.model import (
    Fill,
    QuoteSnapshot,
    SimulationOutcome,
    SimulationRequest,
)
from counterseal.broker.walk import latency, place_of, walk_bars, walk_tape
from counterseal.broker.windows import BarWindow
from counterseal.desk.bench import Bench
from counterseal.desk.ports import Reader
from counterseal.kernel.model import Refusal, refuse
from counterseal.market.instruments import contract_root
from counterseal.market.ports import BarFeed, PrintFeed
from counterseal.market.quotes import Quote, age_seconds
from counterseal.oms.model import Order
from counterseal.oms.states import OPEN_STATES
from counterseal.policy.execution import BarFillRule, FillRule, QuoteFillRule, TapeFillRule
from counterseal.signals.intent import OrderType


def snapshot_of(quote: Quote, now: datetime) -> QuoteSnapshot:
    """The quote as the broker stores it, with its age at the decision."""
    return QuoteSnapshot(
        symbol=quote.symbol,
        bid=quote.bid,
        ask=quote.ask,
        bid_size=quote.bid_size,
        ask_size=quote.ask_size,
        last=quote.last,
        liquidity_score=quote.liquidity_score,
        basis=quote.basis.value,
        source=quote.source,
        quote_id=quote.quote_id,
        event_time=quote.event_time,
        receive_time=quote.receive_time,
        age_seconds=age_seconds(quote, now),
        method=quote.method,
        method_version=quote.method_version,
    )


def rule_for(bench: Bench, order: Order) -> FillRule:
    """The fill model that the policy in force chooses for an order, with its parameters."""
    root = contract_root(order.symbol)
    return bench.bundle.execution.model_for(order.account_id, None if root is None else root.value)


def put_to_quote(
    reader: Reader, bench: Bench, order: Order, now: datetime, selected: SimulationOutcome | None
) -> SimulationRequest | Refusal:
    """What the model in force is asked at `now` (UTC).

    Returns:
        The request; or `NO_QUOTE`, `NO_TAPE` (the feed lacks what the model meets),
        `ORDER_PAST_ITS_END` (its session, instant or contract is over, at quotes; prints and bars
        after that are not met), and the gateway's refusals.
    """
    quote = bench.feed.quote(order.symbol, now)
    if isinstance(quote, Refusal):
        return quote
    rule = QuoteFillRule() if selected is not None else rule_for(bench, order)
    taken = taken_side(reader.get(LotTaken, quote.quote_id), order.side)
    spec = bench.contracts.spec(contract_root(order.symbol))
    asked = request_for(
        order,
        snapshot_of(quote, now),
        already_consumed=taken,
        selected_outcome=selected,
        rule=rule,
        tick=Decimal(1) if spec is None else spec.tick,
        now=now,
    )
    if isinstance(asked, Refusal):
        return asked
    match rule:
        case TapeFillRule():
            return _on_tape(reader, bench, order, asked, rule, now)
        case BarFillRule():
            return _on_bars(reader, bench, order, asked, now)
        case _ if _until(bench, order, now) < now:
            return refuse("ORDER_PAST_ITS_END", "the order's time is over", order=order.order_id)
        case _:
            return asked


def _on_tape(
    reader: Reader,
    bench: Bench,
    order: Order,
    asked: SimulationRequest,
    rule: TapeFillRule,
    now: datetime,
) -> SimulationRequest | Refusal:
    feed = bench.feed
    if not isinstance(feed, PrintFeed):
        return refuse("NO_TAPE", "the model in force needs prints", model=rule.model_version)
    arrived = arrival_of(order, now)
    asked = _protected(bench, order, asked, arrived)
    since = arrived - timedelta(seconds=rule.queue_window_seconds)
    before = feed.prints(order.symbol, since, arrived)
    until = _until(bench, order, now)
    tape = feed.prints(order.symbol, arrived + latency(rule), until)
    place = place_of(asked, rule, before, after_row=_last_row(reader, order))

    def taken(lot_id: str) -> Mapping[int, Decimal]:
        return taken_rows(reader.get(LotTaken, lot_id))

    return walk_tape(asked, tape, place, taken).request


def _on_bars(
    reader: Reader, bench: Bench, order: Order, asked: SimulationRequest, now: datetime
) -> SimulationRequest | Refusal:
    feed = bench.feed
    if not isinstance(feed, BarFeed):
        return refuse("NO_TAPE", "the model in force needs bars", model=asked.rule.model_version)
    arrived = arrival_of(order, now)
    asked = _protected(bench, order, asked, arrived)
    own = reader.find(Fill, order_id=order.order_id)
    met = [w.ends_at for w in (fill.request.window for fill in own) if isinstance(w, BarWindow)]
    bars = feed.bars(order.symbol, max((arrived, *met)), _until(bench, order, now))

    def taken(lot_id: str) -> Mapping[int, Decimal]:
        return taken_whole(reader.get(LotTaken, lot_id))

    return walk_bars(asked, bars, taken, pair_stop=_pair_stop(reader, order)).request


def _protected(
    bench: Bench, order: Order, asked: SimulationRequest, arrived: datetime
) -> SimulationRequest:
    """The request with the limit that a MWP order got from the quote at its arrival."""
    if order.order_type is not OrderType.MWP:
        return asked
    quote = bench.feed.quote(order.symbol, arrived)
    if isinstance(quote, Refusal):
        return asked
    return asked.amended(protection_price=protection_of(order, bid=quote.bid, ask=quote.ask))


def _until(bench: Bench, order: Order, now: datetime) -> datetime:
    ends = deadline_of(order, bench.calendar())
    return now if ends is None else min(now, ends.astimezone(UTC))


def _last_row(reader: Reader, order: Order) -> int:
    own = reader.find(Fill, order_id=order.order_id)
    return max((use.row for fill in own for use in fill.uses), default=0)


def _pair_stop(reader: Reader, order: Order) -> Decimal | None:
    """The stop price of the open order that would close the same position."""
    if order.parent_order_id is None:
        return None
    siblings = reader.find(Order, parent_order_id=order.parent_order_id, state=OPEN_STATES)
    prices = [o.stop_price for o in siblings if o.side is order.side and o.triggered_at is None]
    return next((price for price in prices if price is not None), None)
