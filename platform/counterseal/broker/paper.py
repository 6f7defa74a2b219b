"""The deterministic fill model `paper-broker-sim-v0.1`.

Job: one order and one quote in, one answer out. Pure.

Invariants
  I1  The same request gives the same result, byte for byte.
  I2  Two orders cannot take the same contracts of one quote.
  I3  The model never cancels by itself; a fill is never worse than the limit.

Not here: who may send (broker.gateway), what the order becomes (oms), costs (portfolio).
Source: TX-J1 to TX-J10; trading reference 5.1.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from counterseal.broker.model import (
    NOT_MODELLED,
    Fill,
    SimulationCheck,
    SimulationOutcome,
    SimulationRequest,
    SimulationResult,
)
from counterseal.kernel.errors import InputError
from counterseal.kernel.money import EXACT
from counterseal.signals.intent import OrderType, Side

LIQUID_SCORE: Final = Decimal("0.5")
_O = SimulationOutcome
_FILLS: Final = (SimulationOutcome.FILL, SimulationOutcome.PARTIAL_FILL)


def reference_price(request: SimulationRequest) -> Decimal:
    """Ask for BUY, bid for SELL (quote units)."""
    return request.quote.ask if request.side is Side.BUY else request.quote.bid


def available_size(request: SimulationRequest) -> Decimal:
    """Contracts of the side taken from that earlier fills left; never below zero."""
    quote = request.quote
    shown = quote.ask_size if request.side is Side.BUY else quote.bid_size
    return max(Decimal(0), shown - request.already_consumed)


def is_marketable(request: SimulationRequest) -> bool:
    """Whether the limit reaches the quote; a market order always does, a missing limit never."""
    if request.order_type is OrderType.MARKET:
        return True
    if request.limit_price is None:
        return False
    price = reference_price(request)
    return (
        request.limit_price >= price if request.side is Side.BUY else request.limit_price <= price
    )


def capacity(request: SimulationRequest) -> Decimal:
    """Contracts that the model lets through: all of the size, or a thinned part below score 0.5."""
    size, score = available_size(request), request.quote.liquidity_score
    if size <= 0 or score <= 0:
        return Decimal(0)
    if score >= LIQUID_SCORE:
        return size
    thinned = EXACT.multiply(request.quantity, score) // 1
    return max(Decimal(1), min(size, thinned))


def simulation_checks(request: SimulationRequest) -> tuple[SimulationCheck, ...]:
    """The six reported checks, in order."""
    quote = request.quote
    outcomes = {
        "paper_only": request.paper_only,
        "symbol_matches": quote.symbol == request.symbol,
        "quote_fresh": 0 <= quote.age_seconds <= request.stale_quote_seconds,
        "valid_spread": 0 <= quote.ask - quote.bid <= request.max_spread,
        "has_liquidity": available_size(request) > 0 and quote.liquidity_score > 0,
        "limit_marketable": is_marketable(request),
    }
    return tuple(SimulationCheck(name=name, passed=passed) for name, passed in outcomes.items())


def _check_input(request: SimulationRequest) -> None:
    if request.quote.symbol != request.symbol:
        raise InputError(
            "QUOTE_SYMBOL_MISMATCH",
            "the quote is for another symbol",
            field="quote.symbol",
            expected=request.symbol,
            got=request.quote.symbol,
        )
    if request.order_type is OrderType.LIMIT and request.limit_price is None:
        raise InputError("LIMIT_PRICE_MISSING", "a limit order needs a price", field="limit_price")
    if request.selected_outcome is _O.PARTIAL_FILL and request.quantity <= 1:
        raise InputError(
            "PARTIAL_FILL_NEEDS_TWO",
            "one contract cannot be filled in part",
            field="quantity",
            expected="at least 2",
            got=request.quantity,
        )


def _refused_by_quote(request: SimulationRequest) -> tuple[SimulationOutcome, str] | None:
    quote = request.quote
    if not request.paper_only:
        return _O.REJECT, "NOT_PAPER_ONLY"
    if quote.ask < quote.bid:
        return _O.REJECT, "CROSSED_QUOTE"
    if not 0 <= quote.age_seconds <= request.stale_quote_seconds:
        return _O.REJECT, "STALE_QUOTE"
    if request.selected_outcome is None and quote.ask - quote.bid > request.max_spread:
        return _O.ACKNOWLEDGE, "SPREAD_TOO_WIDE"
    if not is_marketable(request):
        return _O.ACKNOWLEDGE, "LIMIT_NOT_MARKETABLE"
    return None


def _answer(request: SimulationRequest) -> tuple[SimulationOutcome, str, Decimal]:
    """Outcome, reason and filled contracts."""
    selected, wanted = request.selected_outcome, request.quantity
    if selected is not None and selected not in _FILLS:
        return selected, "SELECTED_OUTCOME", Decimal(0)
    refused = _refused_by_quote(request)
    if refused is not None:
        return (*refused, Decimal(0))
    if selected is not None:
        half = max(Decimal(1), wanted // 2)
        return selected, "SELECTED_OUTCOME", wanted if selected is _O.FILL else half
    filled = min(wanted, capacity(request))
    if not filled:
        return _O.ACKNOWLEDGE, "NO_LIQUIDITY", filled
    if filled == wanted:
        return _O.FILL, "FILLED_AT_QUOTE", filled
    return _O.PARTIAL_FILL, "LIMITED_BY_CAPACITY", filled


def simulate(request: SimulationRequest) -> SimulationResult:
    """Ask the model.

    A selected `acknowledge`, `reject` or `cancel` is answered as it is. A selected `fill` or
    `partial_fill` still needs a valid, fresh quote and a marketable limit, but ignores spread and
    size; a selected partial fill fills half, rounded down, and at least one contract.

    Raises:
        InputError: `QUOTE_SYMBOL_MISMATCH`, `LIMIT_PRICE_MISSING`, `PARTIAL_FILL_NEEDS_TWO`.
    """
    _check_input(request)
    outcome, reason, filled = _answer(request)
    quote, selected = request.quote, request.selected_outcome is not None
    return SimulationResult(
        simulation_outcome=outcome,
        reason=reason,
        symbol=request.symbol,
        side=request.side,
        order_type=request.order_type,
        limit_price=request.limit_price,
        reference_price=reference_price(request),
        simulated_fill_price=_fill_price(request) if filled else None,
        requested_quantity=request.quantity,
        simulated_fill_quantity=filled,
        remaining_quantity=request.quantity - filled,
        bid_price=quote.bid,
        ask_price=quote.ask,
        spread_points=quote.ask - quote.bid,
        available_size=available_size(request),
        capacity=capacity(request),
        liquidity_score=quote.liquidity_score,
        checks=simulation_checks(request),
        warnings=(
            *(("outcome_selected_not_modelled",) if selected else ()),
            *(f"not_modelled:{name}" for name in NOT_MODELLED),
        ),
        request_digest=request.digest,
    )


def _fill_price(request: SimulationRequest) -> Decimal:
    price = reference_price(request)
    if request.limit_price is None:
        return price
    better = min if request.side is Side.BUY else max
    return better(price, request.limit_price)


def consumed(fills: Iterable[Fill], *, quote_id: str, side: Side) -> Decimal:
    """Contracts that fills already took from one side of one quote."""
    taken = (f.last_quantity for f in fills if f.quote.quote_id == quote_id and f.side is side)
    return sum(taken, Decimal(0))
