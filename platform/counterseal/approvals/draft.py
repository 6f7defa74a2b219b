"""From an admitted signal to the payload that reviewers will sign.

Job: fill in every bound fact of a request from its signal, its requester, the contract and the law.

Invariants
  I1  Side, exposure and notional are computed, never told.
  I2  What the signal said travels unchanged.

Not here: whether the request is allowed (approvals.decide).
Source: features TX-E5, TX-E6, TX-F3, TX-F18.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Self

from pydantic import Field, model_validator

from counterseal.approvals.model import RequestPayload
from counterseal.identity.people import Person
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Name, Text
from counterseal.kernel.money import EXACT, Currency, Price, Quantity
from counterseal.market.contracts import ContractSpec
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.params import APPROVAL_USES_MAX
from counterseal.signals.intent import Leg, OrderType, TimeInForce, exposure, side_of
from counterseal.signals.model import SignalRecord

_OF_SIGNAL: Final = (
    "signal_id",
    "strategy_id",
    "strategy_version",
    "direction",
    "target_tx_equivalent",
    "confidence",
    "stop_distance_points",
    "data_version",
    "code_version",
    "parameters_hash",
)


class RequestTerms(DomainModel):
    """What a requester adds to a signal.

    Attributes:
        max_quantity: Most contracts that may be ordered.
        price: Price in points at which the notional is stated, above zero.
        price_min, price_max: Inclusive bounds in points; None = unbounded on that side.
        good_till: Latest end of a GTD order (UTC); None for every other time in force.
        uses_max: Orders that the approval may serve for, each up to `max_quantity`.
        answers: The own request that ended in `needs_data_review`, when this one answers it.
    """

    account_id: Name
    symbol: Name
    max_quantity: Quantity
    price: Quantity
    price_min: Price | None = None
    price_max: Price | None = None
    order_type: OrderType = OrderType.MARKET
    time_in_force: TimeInForce = TimeInForce.DAY
    good_till: UtcDatetime | None = None
    request_reason: Text
    author_ids: tuple[Name, ...] = Field(min_length=1, max_length=20)
    uses_max: int = Field(default=1, ge=1, le=APPROVAL_USES_MAX)
    answers: Name | None = None


class AmendedTerms(DomainModel):
    """What a requester changes of an own request; None keeps what was asked.

    Attributes:
        price: In points, at which the notional is stated; a new quantity needs it.
    """

    max_quantity: Quantity | None = None
    price: Quantity | None = None
    price_min: Price | None = None
    price_max: Price | None = None
    order_type: OrderType | None = None
    time_in_force: TimeInForce | None = None
    good_till: UtcDatetime | None = None
    request_reason: Text | None = None
    uses_max: int | None = Field(default=None, ge=1, le=APPROVAL_USES_MAX)

    @model_validator(mode="after")
    def _stated(self) -> Self:
        if self.max_quantity is not None and self.price is None:
            raise ValueError("a new quantity needs the price that its notional is stated at")
        return self


def amended_payload(old: RequestPayload, terms: AmendedTerms, spec: ContractSpec) -> RequestPayload:
    """The payload of the next version; exposure and notional follow from quantity and price.

    Raises:
        InputError: `NUMBER_TOO_LONG` when exposure or notional would need rounding.
    """
    told = {name: value for name, value in terms if value is not None and name != "price"}
    if terms.time_in_force not in (None, TimeInForce.GTD):
        told["good_till"] = None
    changed = old.amended(**told)
    if terms.price is None:
        return changed
    return changed.amended(
        tx_equivalent=exposure(changed.max_quantity, spec.tx_equivalent),
        notional=_notional(changed.max_quantity, terms.price, spec),
    )


def draft_payload(
    signal: SignalRecord,
    requester: Person,
    terms: RequestTerms,
    spec: ContractSpec,
    *,
    bundle: PolicyBundle,
    currency: Currency,
    now: datetime,
) -> RequestPayload:
    """The payload of a request made now; exposure in TX-equivalents, notional exact in `currency`.

    Raises:
        InputError: `FLAT_SIGNAL`; `NUMBER_TOO_LONG` when exposure or notional would need rounding.
    """
    side = side_of(signal.direction)
    rules = bundle.approval
    own = terms.model_dump(exclude={"price"})
    return RequestPayload(
        **own,
        **{name: getattr(signal, name) for name in _OF_SIGNAL},
        tenant=requester.tenant,
        requester_id=requester.person_id,
        signal_expires_at=signal.timestamp + timedelta(seconds=rules.signal_age_max_seconds),
        legs=(Leg(symbol=terms.symbol, side=side, ratio=1),),
        side=side,
        tx_equivalent=exposure(terms.max_quantity, spec.tx_equivalent),
        notional=_notional(terms.max_quantity, terms.price, spec),
        currency=currency,
        review_ttl_seconds=rules.review_ttl_seconds,
        execution_validity_seconds=rules.execution_validity_seconds,
        evidence_pack_hash=signal.payload_digest,
        policy_bundle_hash=bundle.bundle_hash,
        created_at=now,
    )


def _notional(quantity: Decimal, price: Decimal, spec: ContractSpec) -> Decimal:
    """Price x multiplier x contracts, exact.

    Raises:
        InputError: `NUMBER_TOO_LONG`.
    """
    return exposure(quantity, EXACT.multiply(price, spec.multiplier))
