"""What the paper broker reads and says.

Job: the quote, the request, the result with its checks, and the stored fill, for every model.

Invariants
  I1  A fill stores every input of the model, so that the model run again gives the same fill.
  I2  filled + remaining = requested, in every result.
  I3  What a model does not model is said as `not_modelled`, never left out.

Not here: the models (broker.models), prints and bars (broker.windows), costs (portfolio.costs),
order states (oms).
Source: TX-J10, TX-J11; trading reference 5.2.
"""

from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Final, Self

from pydantic import Field, model_validator

from counterseal.broker.windows import MarketWindow, PrintUse
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import (
    AlwaysFalse,
    AlwaysTrue,
    Detail,
    Document,
    DomainModel,
    Name,
    Sha256,
)
from counterseal.kernel.money import Currency, Exact, NonNegative, Price, Quantity
from counterseal.oms.model import RunId
from counterseal.policy.execution import FillRule, QuoteFillRule
from counterseal.signals.intent import OrderType, Side, TimeInForce

MODEL_VERSION: Final = "paper-broker-sim-v0.1"
ASPECTS: Final = ("latency", "queue_position", "market_impact", "partial_fills")
"""What every result says of: modelled, or not."""

NOT_MODELLED: Final = ("latency", "queue_position", "market_impact")
"""What v0.1 leaves out; told with every result."""


class QuoteSnapshot(DomainModel):
    """One quote as known at the decision.

    Attributes:
        bid, ask, last: Quote units.
        bid_size, ask_size: Contracts shown; zero or less means no liquidity.
        liquidity_score: 0 to 1; below 0.5 the model thins the size.
        basis: How the quote came about, such as `book` or `from_trades`.
        age_seconds: Age at the decision, negative when stamped in the future.
        method, method_version: What made the quote when it was not a book.
    """

    symbol: Name
    bid: Price
    ask: Price
    bid_size: Exact
    ask_size: Exact
    last: Price | None = None
    liquidity_score: Exact = Decimal(1)
    basis: Name
    source: Name
    quote_id: Name
    event_time: UtcDatetime
    receive_time: UtcDatetime
    age_seconds: Exact
    method: Name = "none"
    method_version: Name = "1"


class SimulationOutcome(StrEnum):
    """What the paper broker answers."""

    ACKNOWLEDGE = "acknowledge"
    PARTIAL_FILL = "partial_fill"
    FILL = "fill"
    REJECT = "reject"
    CANCEL = "cancel"


class SimulationRequest(DomainModel):
    """One order meeting one quote, the prints of one second, or one bar.

    Attributes:
        quantity: Contracts still wanted.
        stop_price: Quote units, of a STOP that no price has triggered yet.
        triggered: A STOP that was triggered earlier: it works as a market order.
        protection_price: The limit that a MWP order works with, from the quote at its place.
        tick: Smallest price step (quote units), in which slippage is counted.
        arrived_at: When the order took its place (UTC); None where the model has no use for it.
        rule: The model that is asked, and its parameters.
        quote: As known at the decision; for prints and bars it is what is told beside them.
        window: What the tape model or the bar model meets; None for the quote models.
        selected_outcome: A deterministic outcome chosen instead of the model's; None for the model.
        already_consumed: Contracts of this quote's side that earlier fills took.
        max_spread: Quote units. stale_quote_seconds: seconds.
    """

    order_id: Name
    symbol: Name
    side: Side
    order_type: OrderType
    limit_price: Price | None = None
    quantity: Quantity
    time_in_force: TimeInForce = TimeInForce.DAY
    stop_price: Price | None = None
    triggered: bool = False
    protection_price: Price | None = None
    tick: Quantity = Decimal(1)
    arrived_at: UtcDatetime | None = None
    rule: FillRule = QuoteFillRule()
    quote: QuoteSnapshot
    window: MarketWindow | None = None
    selected_outcome: SimulationOutcome | None = None
    already_consumed: NonNegative = Decimal(0)
    max_spread: NonNegative = Decimal(5)
    stale_quote_seconds: NonNegative = Decimal(3)
    paper_only: bool = True

    @model_validator(mode="after")
    def _chosen_at_a_quote(self) -> Self:
        if self.selected_outcome is not None and self.window is not None:
            raise ValueError("an outcome is selected at a quote, not at prints or bars")
        return self

    @property
    def working_limit(self) -> Decimal | None:
        """The worst price that the order may trade at (quote units); None for any price."""
        return self.protection_price if self.limit_price is None else self.limit_price

    @property
    def lot_id(self) -> str:
        """Names the market that is met: the quote, the second or the bar."""
        return self.quote.quote_id if self.window is None else self.window.lot_id

    @property
    def waits_at_stop(self) -> bool:
        """Whether it is a STOP that no price has triggered yet."""
        return self.order_type is OrderType.STOP and not self.triggered


class SimulationCheck(DomainModel):
    """One of the checks that a result reports; the quote models report the asked six."""

    name: Name
    passed: bool


class SimulationResult(DomainModel):
    """The model's answer. Prices in quote units, quantities in contracts.

    Attributes:
        reference_price: Before slippage: the quote's side, the first print used, or the bar's.
        slippage_ticks: Ticks against the order, inside the price.
        slippage_reason: Where they come from, `none` without any.
        latency_ms: Delay after the order's arrival in which nothing filled.
        queue_left: Contracts still ahead after this answer; None where no queue is modelled.
        touch: True when the fill needed no trade through its price.
        uses: Prints that filled the order, in file order.
        rests: Whether the order waits at its limit after this answer.
        waits: Whether the market had nothing to meet yet: no time in force ends the order by it.
        triggered_at: Stamp (UTC) of the print, bar or quote that triggered a STOP in this answer.
        modelled, not_modelled: The aspects; each in one of both.
    """

    model_version: Name = MODEL_VERSION
    simulation_outcome: SimulationOutcome
    reason: Name
    symbol: Name
    side: Side
    order_type: OrderType
    limit_price: Price | None
    reference_price: Price
    simulated_fill_price: Price | None
    requested_quantity: Quantity
    simulated_fill_quantity: NonNegative
    remaining_quantity: NonNegative
    bid_price: Price
    ask_price: Price
    spread_points: Exact
    available_size: NonNegative
    capacity: NonNegative
    liquidity_score: Exact
    slippage_ticks: Exact = Decimal(0)
    slippage_reason: Name = "none"
    latency_ms: int = Field(default=0, ge=0)
    queue_left: NonNegative | None = None
    touch: bool = True
    uses: tuple[PrintUse, ...] = ()
    rests: bool = False
    waits: bool = False
    triggered_at: UtcDatetime | None = None
    modelled: tuple[Name, ...] = ("partial_fills",)
    not_modelled: tuple[Name, ...] = NOT_MODELLED
    checks: tuple[SimulationCheck, ...] = Field(min_length=6, max_length=6)
    warnings: tuple[Name, ...]
    request_digest: Sha256
    paper_only: AlwaysTrue = True
    live_trading_enabled: AlwaysFalse = False
    broker_api_called: AlwaysFalse = False
    external_market_data_downloaded: AlwaysFalse = False
    production_execution_model: AlwaysFalse = False

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.simulated_fill_quantity + self.remaining_quantity != self.requested_quantity:
            raise ValueError("filled and remaining must add up to the request")
        if bool(self.simulated_fill_quantity) is not (self.simulated_fill_price is not None):
            raise ValueError("a filled quantity has a price, and the reverse")
        if sorted((*self.modelled, *self.not_modelled)) != sorted(ASPECTS):
            raise ValueError("each aspect is said to be modelled or not")
        if self.uses and sum(use.contracts for use in self.uses) != self.simulated_fill_quantity:
            raise ValueError("the prints used must add up to the fill")
        return self


class PaperAck(DomainModel):
    """The gateway's answer to a sent order."""

    broker_provider: Name = "paper"
    paper_order_id: Name
    order_id: Name
    accepted: bool
    message: str = Field(max_length=400)
    payload: tuple[Detail, ...] = ()
    at: UtcDatetime


class FeeLine(DomainModel):
    """One fee or tax of a fill.

    Attributes:
        kind: `transaction`, `clearing`, `commission` or `tax`.
        amount: Cost in the currency, zero or more, already rounded.
        rate: Per contract (fees) or fraction of the notional (tax).
        rule_date: Date text `YYYY-MM-DD` of the rule applied.
    """

    kind: Name
    amount: NonNegative
    currency: Currency
    rate: NonNegative
    rule_date: Name
    rounding: Name


class Fill(Document):
    """One simulated execution with every input that produced it.

    Attributes:
        fill_id: Also the execution id of the order.
        leg_id: `<order id>:<number>`, legs counted from 1.
        model_parameters: The numbers that the model was asked with.
        slippage_ticks: Signed ticks against the reference, inside the price; zero in v0.1.
        quote_id: Of the quote, second or bar, by which later fills learn what is left of it.
        queue_ahead: Contracts assumed ahead at the order's place; None where no queue is modelled.
        remaining_quantity: Contracts of the order left after this fill.
        uses: Prints of the tape that filled it, in file order; empty for quotes and bars.
        touch: True when the fill needed no trade through its price.
        trading_day: `YYYY-MM-DD` of the exchange's trading day.
        occurred_at: In the world (UTC). recorded_at: by us (UTC).
    """

    KIND: ClassVar[str] = "fills"
    KEY: ClassVar[str] = "fill_id"

    fill_id: Name
    order_id: Name
    leg_id: Name
    workflow_run_id: RunId
    account_id: Name
    symbol: Name
    side: Side
    last_quantity: Quantity
    last_price: Price
    multiplier: Quantity
    tx_equivalent: NonNegative
    currency: Currency
    model_name: Name
    model_version: Name
    model_parameters: tuple[Detail, ...] = Field(default=(), max_length=40)
    request: SimulationRequest
    result: SimulationResult
    quote: QuoteSnapshot
    quote_id: Name
    capacity: NonNegative
    liquidity_score: Exact
    slippage_ticks: Exact = Decimal(0)
    slippage_reason: Name = "none"
    latency_ms: int = Field(default=0, ge=0)
    queue_ahead: NonNegative | None = None
    remaining_quantity: NonNegative = Decimal(0)
    uses: tuple[PrintUse, ...] = ()
    touch: bool = True
    seed: str = Field(default="", max_length=120)
    not_modelled: tuple[Name, ...] = NOT_MODELLED
    fees: tuple[FeeLine, ...] = Field(default=(), max_length=20)
    late: bool = False
    trading_day: Name
    session: Name
    occurred_at: UtcDatetime
    recorded_at: UtcDatetime
    paper_only: AlwaysTrue = True

    @model_validator(mode="after")
    def _is_the_result(self) -> Self:
        same = (
            self.last_quantity == self.result.simulated_fill_quantity
            and self.last_price == self.result.simulated_fill_price
            and self.request.digest == self.result.request_digest
            and self.quote == self.request.quote
            and self.uses == self.result.uses
        )
        if not same:
            raise ValueError("a fill is exactly what the model answered")
        return self
