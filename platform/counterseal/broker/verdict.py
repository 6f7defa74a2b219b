"""What a model found, as the result that every model gives.

Job: add to a model's findings what is the same for all: the order's words, the quote, the digest.

Invariants
  I1  filled + remaining = requested, and a filled quantity has a price.
  I2  Each aspect is said to be modelled or not.

Not here: finding it (broker.paper, broker.tape, broker.bars).
Source: TX-J11; trading reference 5.1.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from counterseal.broker.model import (
    ASPECTS,
    SimulationCheck,
    SimulationOutcome,
    SimulationRequest,
    SimulationResult,
)
from counterseal.broker.windows import PrintUse
from counterseal.kernel.errors import InputError
from counterseal.kernel.money import EXACT
from counterseal.signals.intent import OrderType, Side

_NONE: Final = Decimal(0)
_SAME_IN_RESULT: Final = frozenset({"symbol", "side", "order_type", "limit_price"})


class Finding(NamedTuple):
    """A model's own part of the result; fields as in `SimulationResult`."""

    outcome: SimulationOutcome
    reason: str
    filled: Decimal = _NONE
    price: Decimal | None = None
    reference: Decimal | None = None
    available: Decimal = _NONE
    capacity: Decimal = _NONE
    slippage_ticks: Decimal = _NONE
    latency_ms: int = 0
    queue_left: Decimal | None = None
    touch: bool = True
    uses: tuple[PrintUse, ...] = ()
    rests: bool = False
    waits: bool = False
    triggered_at: datetime | None = None


def quote_side(request: SimulationRequest) -> Decimal:
    """Ask for BUY, bid for SELL (quote units)."""
    return request.quote.ask if request.side is Side.BUY else request.quote.bid


def filled_word(request: SimulationRequest, filled: Decimal) -> SimulationOutcome:
    """FILL for the whole quantity (contracts), PARTIAL_FILL for less, ACKNOWLEDGE for nothing."""
    if not filled:
        return SimulationOutcome.ACKNOWLEDGE
    whole = filled == request.quantity
    return SimulationOutcome.FILL if whole else SimulationOutcome.PARTIAL_FILL


def slipped(request: SimulationRequest, price: Decimal, ticks: int) -> tuple[Decimal, Decimal]:
    """A price with stated ticks against the order, and the ticks that it took.

    The limit stops it; quote units, exact.
    """
    taken = Decimal(ticks)
    if request.working_limit is not None:
        room = request.side.sign * (request.working_limit - price)
        taken = max(_NONE, min(taken, room // request.tick))
    worse = EXACT.multiply(taken * request.side.sign, request.tick)
    return EXACT.add(price, worse), taken


def check_order_terms(request: SimulationRequest) -> None:
    """What every model needs of an order.

    Raises:
        InputError: `QUOTE_SYMBOL_MISMATCH`, `WINDOW_SYMBOL_MISMATCH`, `LIMIT_PRICE_MISSING`,
            `STOP_PRICE_MISSING`, `PROTECTION_PRICE_MISSING`.
    """
    told = {"QUOTE": request.quote.symbol}
    if request.window is not None:
        told["WINDOW"] = request.window.symbol
    for what, symbol in told.items():
        if symbol != request.symbol:
            raise InputError(
                "QUOTE_SYMBOL_MISMATCH" if what == "QUOTE" else "WINDOW_SYMBOL_MISMATCH",
                f"the {what.lower()} is for another symbol",
                field=f"{what.lower()}.symbol",
                expected=request.symbol,
                got=symbol,
            )
    if request.order_type is OrderType.LIMIT and request.limit_price is None:
        raise InputError("LIMIT_PRICE_MISSING", "a limit order needs a price", field="limit_price")
    if request.waits_at_stop and request.stop_price is None:
        raise InputError("STOP_PRICE_MISSING", "a stop needs its price", field="stop_price")
    if request.order_type is OrderType.MWP and request.protection_price is None:
        raise InputError(
            "PROTECTION_PRICE_MISSING",
            "a protected order needs the limit made of a quote",
            field="protection_price",
        )


def result_of(
    request: SimulationRequest,
    found: Finding,
    checks: Iterable[tuple[str, bool]],
    modelled: tuple[str, ...],
) -> SimulationResult:
    """The result of a request: what the model found, and what is the same for every model."""
    quote = request.quote
    absent = tuple(name for name in ASPECTS if name not in modelled)
    chosen = ("outcome_selected_not_modelled",) if request.selected_outcome else ()
    return SimulationResult(
        model_version=request.rule.model_version,
        simulation_outcome=found.outcome,
        reason=found.reason,
        **{name: getattr(request, name) for name in _SAME_IN_RESULT},
        reference_price=quote_side(request) if found.reference is None else found.reference,
        simulated_fill_price=found.price,
        requested_quantity=request.quantity,
        simulated_fill_quantity=found.filled,
        remaining_quantity=request.quantity - found.filled,
        bid_price=quote.bid,
        ask_price=quote.ask,
        spread_points=quote.ask - quote.bid,
        available_size=found.available,
        capacity=found.capacity,
        liquidity_score=quote.liquidity_score,
        slippage_ticks=found.slippage_ticks,
        slippage_reason="stated_ticks" if found.slippage_ticks else "none",
        latency_ms=found.latency_ms,
        queue_left=found.queue_left,
        touch=found.touch,
        uses=found.uses,
        rests=found.rests,
        waits=found.waits,
        triggered_at=found.triggered_at,
        modelled=modelled,
        not_modelled=absent,
        checks=tuple(SimulationCheck(name=name, passed=passed) for name, passed in checks),
        warnings=(*chosen, *(f"not_modelled:{name}" for name in absent)),
        request_digest=request.digest,
    )
