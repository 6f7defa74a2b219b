"""A fill asked for against one's own quote.

Job: the form with its defaults, and the paper model's answer to it. Nothing is stored.

Invariants
  I1  The answer is the model's own result, every field of it.
  I2  The quote is marked as the caller's; its age is the age that the caller states.

Not here: the model (broker.paper), orders that trade (desk.orders).
Source: TX-J1 to TX-J12.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from pydantic import Field

from counterseal.broker.model import (
    QuoteSnapshot,
    SimulationOutcome,
    SimulationRequest,
    SimulationResult,
)
from counterseal.broker.paper import simulate
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel, Name
from counterseal.kernel.money import Exact, NonNegative, Price, Quantity
from counterseal.market.quotes import QuoteBasis
from counterseal.signals.intent import OrderType, Side

FORM_QUANTITY_MAX: Final = 20
AGE_SECONDS_MAX: Final = 86_400
_MILLIONTH: Final = 1_000_000


class SimulationForm(DomainModel):
    """What may be asked, with the defaults of every window (TX-J12).

    Attributes:
        quantity: Contracts, 1 to 20.
        limit_price, bid, ask, last: Quote units.
        quote_symbol: What the quote is for; None means the order's symbol.
        bid_size, ask_size: Contracts; zero or less means no liquidity.
        age_seconds: Stated age of the quote; negative comes from the future.
        max_spread: Quote units. stale_quote_seconds: seconds.
        selected_outcome: A deterministic answer instead of the model's.
    """

    symbol: Name = "TMF"
    side: Side = Side.BUY
    order_type: OrderType = OrderType.MARKET
    limit_price: Price | None = None
    quantity: Quantity = Field(default=Decimal(2), le=FORM_QUANTITY_MAX)
    quote_symbol: Name | None = None
    bid: Price = Decimal(19999)
    ask: Price = Decimal(20000)
    last: Price | None = Decimal("19999.5")
    bid_size: Exact = Decimal(5)
    ask_size: Exact = Decimal(5)
    age_seconds: Exact = Field(default=Decimal(0), ge=-AGE_SECONDS_MAX, le=AGE_SECONDS_MAX)
    liquidity_score: Exact = Field(default=Decimal(1), ge=0, le=1)
    max_spread: NonNegative = Decimal(5)
    stale_quote_seconds: NonNegative = Decimal(3)
    selected_outcome: SimulationOutcome | None = None


def preview_fill(form: SimulationForm, now: datetime) -> SimulationResult:
    """The quote model's answer at `now` (UTC); nothing is stored and no order exists.

    Raises:
        InputError: those of `request_of` and of the model: `QUOTE_SYMBOL_MISMATCH`,
            `LIMIT_PRICE_MISSING`, `PARTIAL_FILL_NEEDS_TWO`.
    """
    return simulate(request_of(form, now))


def request_of(form: SimulationForm, now: datetime) -> SimulationRequest:
    """What a form asks a model at `now` (UTC).

    Raises:
        InputError: `QUANTITY_NOT_WHOLE`.
    """
    if form.quantity % 1:
        raise InputError(
            "QUANTITY_NOT_WHOLE",
            "futures trade in whole contracts",
            field="quantity",
            got=form.quantity,
        )
    age = timedelta(microseconds=int(form.age_seconds * _MILLIONTH))
    quote = QuoteSnapshot(
        symbol=form.quote_symbol or form.symbol,
        bid=form.bid,
        ask=form.ask,
        bid_size=form.bid_size,
        ask_size=form.ask_size,
        last=form.last,
        liquidity_score=form.liquidity_score,
        basis=QuoteBasis.CALLER.value,
        source="form",
        quote_id="form",
        event_time=now - age,
        receive_time=now,
        age_seconds=form.age_seconds,
    )
    return SimulationRequest(
        order_id="preview",
        symbol=form.symbol,
        side=form.side,
        order_type=form.order_type,
        limit_price=form.limit_price,
        quantity=form.quantity,
        quote=quote,
        selected_outcome=form.selected_outcome,
        max_spread=form.max_spread,
        stale_quote_seconds=form.stale_quote_seconds,
    )
