"""The deterministic quote models `paper-broker-sim-v0.1` and `v0.2`.

Job: one order and one quote in, one answer out. Pure.

Invariants
  I1  The same request gives the same result, byte for byte.
  I2  Two orders cannot take the same contracts of one quote.
  I3  The model never cancels by itself; a fill is never worse than the limit.
  I4  v0.2 differs from v0.1 by a delay and by slippage only.

Not here: prints and bars (broker.tape, broker.bars), who may send (broker.gateway), what the order
becomes (oms), costs (portfolio).
Source: TX-J1 to TX-J10; trading reference 5.1.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Final

from counterseal.broker.model import (
    SimulationCheck,
    SimulationOutcome,
    SimulationRequest,
    SimulationResult,
)
from counterseal.broker.verdict import (
    Finding,
    check_order_terms,
    filled_word,
    quote_side,
    result_of,
    slipped,
)
from counterseal.kernel.errors import InputError
from counterseal.kernel.money import EXACT
from counterseal.policy.execution import DelayedQuoteFillRule
from counterseal.signals.intent import OrderType, Side

LIQUID_SCORE: Final = Decimal("0.5")
_O = SimulationOutcome
_FILLS: Final = (SimulationOutcome.FILL, SimulationOutcome.PARTIAL_FILL)
_MODELLED: Final = ("partial_fills",)


class QuoteFillModel:
    """Fills at the quote: `paper-broker-sim`, with or without delay and slippage."""

    def __init__(self, version: str) -> None:
        self._version = version

    @property
    def version(self) -> str:
        """`paper-broker-sim-v0.1` or `paper-broker-sim-v0.2`."""
        return self._version

    def answer(self, request: SimulationRequest) -> SimulationResult:
        """Ask the model; see `simulate`."""
        return simulate(request)


def reference_price(request: SimulationRequest) -> Decimal:
    """Ask for BUY, bid for SELL (quote units)."""
    return quote_side(request)


def available_size(request: SimulationRequest) -> Decimal:
    """Contracts of the side taken from that earlier fills left; never below zero."""
    quote = request.quote
    shown = quote.ask_size if request.side is Side.BUY else quote.bid_size
    return max(Decimal(0), shown - request.already_consumed)


def is_marketable(request: SimulationRequest) -> bool:
    """Whether the order reaches the quote: a market order always, a missing limit never."""
    if request.order_type is OrderType.MARKET:
        return True
    if request.order_type is OrderType.STOP:
        return request.triggered
    if request.working_limit is None:
        return False
    return request.side.sign * (request.working_limit - reference_price(request)) >= 0


def triggers(request: SimulationRequest) -> bool:
    """Whether the quote triggers a waiting STOP: its side is at or through the stop price."""
    if not request.waits_at_stop or request.stop_price is None:
        return False
    return request.side.sign * (reference_price(request) - request.stop_price) >= 0


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
    return tuple(SimulationCheck(name=name, passed=passed) for name, passed in _checks(request))


def _checks(request: SimulationRequest) -> tuple[tuple[str, bool], ...]:
    quote = request.quote
    return (
        ("paper_only", request.paper_only),
        ("symbol_matches", quote.symbol == request.symbol),
        ("quote_fresh", 0 <= quote.age_seconds <= request.stale_quote_seconds),
        ("valid_spread", 0 <= quote.ask - quote.bid <= request.max_spread),
        ("has_liquidity", available_size(request) > 0 and quote.liquidity_score > 0),
        ("limit_marketable", is_marketable(request)),
    )


def _check_input(request: SimulationRequest) -> None:
    check_order_terms(request)
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
    return None


def _meets_later(request: SimulationRequest) -> bool:
    """Whether the stated delay after the arrival is not over when the quote comes.

    Without a delay the order meets the quote that stands, however long before it came.
    """
    delay = timedelta(milliseconds=_stated(request)[0])
    if not delay or request.arrived_at is None or request.selected_outcome is not None:
        return False
    return request.quote.receive_time < request.arrived_at + delay


def _stated(request: SimulationRequest) -> tuple[int, int]:
    """Milliseconds of delay and ticks of slippage."""
    rule = request.rule
    if isinstance(rule, DelayedQuoteFillRule):
        return rule.latency_ms, rule.slippage_ticks
    return 0, 0


def _without_fill(request: SimulationRequest) -> Finding | None:
    """Why nothing fills, in the order of the rules; None when contracts can be taken."""
    if request.selected_outcome is not None and request.selected_outcome not in _FILLS:
        return Finding(request.selected_outcome, "SELECTED_OUTCOME")
    if _meets_later(request):
        return Finding(_O.ACKNOWLEDGE, "WAITS_FOR_LATENCY", waits=True)
    refused = _refused_by_quote(request)
    if refused is not None:
        return Finding(*refused)
    return None if is_marketable(request) else _out_of_reach(request)


def _out_of_reach(request: SimulationRequest) -> Finding:
    if not request.waits_at_stop:
        return Finding(_O.ACKNOWLEDGE, "LIMIT_NOT_MARKETABLE")
    if not triggers(request):
        return Finding(_O.ACKNOWLEDGE, "STOP_NOT_REACHED", waits=True)
    at = request.quote.receive_time
    return Finding(_O.ACKNOWLEDGE, "STOP_TRIGGERED", waits=True, triggered_at=at)


def _taken(request: SimulationRequest) -> tuple[str, Decimal]:
    """Reason and contracts of what the quote gives."""
    selected, wanted = request.selected_outcome, request.quantity
    if selected is not None:
        half = max(Decimal(1), wanted // 2)
        return "SELECTED_OUTCOME", wanted if selected is _O.FILL else half
    filled = min(wanted, capacity(request))
    if not filled:
        return "NO_LIQUIDITY", filled
    return "FILLED_AT_QUOTE" if filled == wanted else "LIMITED_BY_CAPACITY", filled


def _found(request: SimulationRequest) -> Finding:
    barred = _without_fill(request)
    if barred is not None:
        return barred
    reason, filled = _taken(request)
    word = request.selected_outcome or filled_word(request, filled)
    if not filled:
        return Finding(word, reason)
    price, ticks = slipped(request, reference_price(request), _stated(request)[1])
    return Finding(word, reason, filled, price, slippage_ticks=ticks)


def simulate(request: SimulationRequest) -> SimulationResult:
    """Ask the quote model that the request's rule names.

    A selected `acknowledge`, `reject` or `cancel` is answered as it is. A selected `fill` or
    `partial_fill` still needs a valid, fresh quote and a marketable limit, but ignores delay,
    spread and size; a selected partial fill fills half, rounded down, and at least one contract.
    A quote that triggers a STOP does not fill it: it meets later quotes as a market order.

    Raises:
        InputError: those of `check_order_terms`, and `PARTIAL_FILL_NEEDS_TWO`.
    """
    _check_input(request)
    found = _found(request)._replace(
        available=available_size(request),
        capacity=capacity(request),
        latency_ms=_stated(request)[0],
    )
    delayed = isinstance(request.rule, DelayedQuoteFillRule)
    modelled = ("latency", *_MODELLED) if delayed else _MODELLED
    return result_of(request, found, _checks(request), modelled)
