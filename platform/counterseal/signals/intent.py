"""From an approved direction to a paper order intent.

Job: compute side, exposure and the deterministic references of an intent.

Invariants
  I1  Exposure is quantity x contract ratio, never a claim of the signal.
  I2  Equal inputs give equal references; one changed field gives others.
  I3  FLAT never becomes a side.

Not here: whether the approval allows it (approvals.execution), contract ratios (market.contracts).
Source: features TX-E3 to TX-E6.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Final

from pydantic import Field

from counterseal.kernel.canonical import canonical_bytes, sha256_hex
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Document, DomainModel, Name, Sha256
from counterseal.kernel.money import (
    EXACT,
    Exact,
    NonNegative,
    Price,
    Quantity,
    exact_text,
    normalized,
)
from counterseal.signals.model import Direction


class Side(StrEnum):
    """Which way an order goes: BUY adds to a position, SELL takes from it."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """+1 for BUY, -1 for SELL."""
        return 1 if self is Side.BUY else -1


class OrderType(StrEnum):
    """How an order is priced.

    STOP waits until the market trades at its stop price and works as a market order from then on.
    MWP is the exchange's market order with protection: buy at best bid + protection points, sell
    at best offer - points, then a limit; refused without that quote.
    """

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP = "STOP"
    MWP = "MWP"


class TimeInForce(StrEnum):
    """How long an order works, in FIX words (tag 59).

    DAY is what the exchange calls ROD (rest of day): it works until its session closes. IOC fills
    what it can at once and cancels the rest. FOK fills whole at once or not at all. GTC works until
    cancelled, GTD until its named instant; the exchange has neither, the paper gateway holds them.
    """

    DAY = "DAY"
    IOC = "IOC"
    FOK = "FOK"
    GTC = "GTC"
    GTD = "GTD"


_TERM_OF_TYPE: Final = (
    ("limit_price", OrderType.LIMIT),
    ("stop_price", OrderType.STOP),
    ("protection_points", OrderType.MWP),
)


def missing_terms(
    order_type: OrderType, time_in_force: TimeInForce, terms: Mapping[str, object]
) -> tuple[str, ...]:
    """Names of the terms that are absent though needed, or given though foreign; empty when right.

    A LIMIT has `limit_price`, a STOP `stop_price`, a MWP positive `protection_points`, a GTD order
    `good_till`; no other order has them.
    """
    wrong = [
        name
        for name, kind in _TERM_OF_TYPE
        if (terms.get(name) is not None) is not (order_type is kind)
    ]
    points = terms.get("protection_points")
    if isinstance(points, Decimal) and points <= 0:
        wrong.append("protection_points")
    if (terms.get("good_till") is not None) is not (time_in_force is TimeInForce.GTD):
        wrong.append("good_till")
    return tuple(wrong)


class Leg(DomainModel):
    """One instrument of an order; `ratio` contracts per unit of the order's quantity."""

    symbol: Name
    side: Side
    ratio: int = Field(ge=1, le=100)


class PaperOrderIntent(Document):
    """What the platform, and only the platform, asks risk and OMS to do.

    Attributes:
        order_id: The product's time-ordered id; `intent_reference` is the deterministic one.
        quote_age_seconds: Computed from the quote's time stamps.
        mandate_id: The mandate that a service submitted under, on behalf of `submitted_by`.
        order_price, stop_price, reference_price: In the instrument's quote unit; None when absent.
        protection_points: Of a MWP order, in points. good_till: of a GTD order.
        parent_order_id: The order that this one is a leg or a slice of.
    """

    KIND: ClassVar[str] = "intents"
    KEY: ClassVar[str] = "order_id"

    order_id: Name
    intent_reference: Name
    idempotency_key: Name
    tenant: Name
    account_id: Name
    symbol: Name
    legs: tuple[Leg, ...] = Field(min_length=1, max_length=8)
    side: Side
    quantity: Quantity
    order_type: OrderType
    time_in_force: TimeInForce
    order_price: Price | None = None
    stop_price: Price | None = None
    protection_points: Price | None = None
    good_till: UtcDatetime | None = None
    parent_order_id: Name | None = None
    reference_price: Price | None = None
    tx_equivalent_exposure: NonNegative
    quote_age_seconds: NonNegative
    paper_only: bool = True
    source_signal_id: Name
    strategy_id: Name
    strategy_version: Name
    approval_id: Name
    direction: Direction
    target_tx_equivalent: NonNegative
    confidence: Exact
    stop_distance_points: Quantity | None = None
    policy_bundle_hash: Sha256
    submitted_by: Name
    mandate_id: Name | None = None
    created_at: UtcDatetime


class IntentReference(DomainModel):
    """The two deterministic ids of an intent."""

    order_id: Name
    idempotency_key: Name


def side_of(direction: Direction) -> Side:
    """LONG buys, SHORT sells.

    Raises:
        InputError: `FLAT_SIGNAL`: a flat signal opens nothing.
    """
    match direction:
        case Direction.LONG:
            return Side.BUY
        case Direction.SHORT:
            return Side.SELL
        case Direction.FLAT:
            raise InputError(
                "FLAT_SIGNAL", "a FLAT signal cannot become an order", field="direction"
            )


def exposure(quantity: Decimal, ratio: Decimal) -> Decimal:
    """TX-equivalent exposure: contracts times the contract's ratio, exact and unsigned.

    Raises:
        InputError: `NUMBER_TOO_LONG` when the product would need rounding.
    """
    try:
        return normalized(abs(EXACT.multiply(quantity, ratio)))
    except ArithmeticError:
        raise InputError(
            "NUMBER_TOO_LONG", "too many digits", field="quantity", got=quantity
        ) from None


def intent_reference(
    *,
    signal_id: str,
    strategy_id: str,
    strategy_version: str,
    approval_id: str,
    symbol: str,
    side: Side,
    quantity: Decimal,
    tx_equivalent_exposure: Decimal,
    paper_only: bool = True,
    use: int = 1,
) -> IntentReference:
    """Order id and idempotency key from the first and next 16 hex digits of one SHA-256.

    `use` counts the uses of an approval that may be used more than once, from 1; the first is not
    named in the hashed words.
    """
    again = {} if use == 1 else {"use": use}
    text = sha256_hex(
        canonical_bytes(
            {
                "signal_id": signal_id,
                "strategy_id": strategy_id,
                "strategy_version": strategy_version,
                "approval_id": approval_id,
                "symbol": symbol,
                "side": side.value,
                "quantity": exact_text(normalized(quantity)),
                "tx_equivalent_exposure": exact_text(normalized(tx_equivalent_exposure)),
                "paper_only": paper_only,
                **again,
            }
        )
    )
    return IntentReference(
        order_id=f"paper-order-{text[:16]}", idempotency_key=f"paper-idem-{text[16:32]}"
    )
