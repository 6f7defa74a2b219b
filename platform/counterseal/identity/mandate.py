"""Standing permission to submit, signed by an operator.

Job: let an operator sign once, within narrow bounds, so that approved cases submit unattended.

Invariants
  I1  A mandate counts only inside `[valid_from, valid_until)`, for its account and strategies,
      below its limits, and only while the operator's signature and key hold.
  I2  The signature covers every bound: a changed row is refused.

Not here: approvals themselves, which a mandate never replaces.
Source: governance rules 2.6 and 3; features TX-G.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Final, Self

from pydantic import Field, model_validator

from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Person
from counterseal.identity.signatures import verify_signed
from counterseal.kernel.canonical import Json
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.errors import IntegrityError
from counterseal.kernel.model import Document, Name, Refusal, Signature, refuse
from counterseal.kernel.money import NonNegative, Quantity
from counterseal.policy.authorize import Action, authorize

KIND: Final = "mandate"
_POINTS: Final = "protection_points"
_UNSIGNED: Final = frozenset({"signature", "status", "orders_used"})


class MandateStatus(StrEnum):
    """Whether a mandate may be used."""

    ACTIVE = "active"
    REVOKED = "revoked"


class SubmitMandate(Document):
    """An operator's bounded permission.

    Attributes:
        orders_max: Orders that may be submitted under it; `orders_used` counts them.
        tx_equivalent_max: Largest exposure of one order.
        protection_points: Of its market orders with protection, in points; None submits none.
    """

    KIND: ClassVar[str] = "mandates"
    KEY: ClassVar[str] = "mandate_id"

    mandate_id: Name
    tenant: Name
    account_id: Name
    person_id: Name
    key_id: Name
    strategies: tuple[Name, ...] = Field(min_length=1, max_length=100)
    orders_max: int = Field(ge=1, le=10_000)
    tx_equivalent_max: NonNegative
    protection_points: Quantity | None = None
    valid_from: UtcDatetime
    valid_until: UtcDatetime
    issued_at: UtcDatetime
    nonce: Name
    status: MandateStatus = MandateStatus.ACTIVE
    orders_used: int = Field(default=0, ge=0)
    signature: Signature | None = None

    @model_validator(mode="after")
    def _span(self) -> Self:
        if not self.valid_from < self.valid_until:
            raise ValueError("valid_from must be before valid_until")
        return self


def mandate_statement(mandate: SubmitMandate) -> Mapping[str, Json]:
    """What the operator signs: every field but the signature, status and use count.

    Points that a mandate does not have are not stated.
    """
    told = {k: v for k, v in mandate.json_value().items() if k not in _UNSIGNED}
    return {k: v for k, v in told.items() if k != _POINTS or v is not None}


def check_mandate(
    mandate: SubmitMandate,
    operator: Person,
    key: PersonKey | None,
    *,
    account_id: str,
    strategy_id: str,
    tx_equivalent: Decimal,
    protection_points: Decimal | None,
    now: datetime,
) -> Refusal | None:
    """Whether one order may be submitted under the mandate now.

    Returns:
        None, or `ROLE`, `PERSON_DISABLED`, `MANDATE_INVALID` (signature, key, person),
        `MANDATE_EXPIRED`, `MANDATE_USED_UP` or `MANDATE_SCOPE`.
    """
    role = authorize(Action.MANDATE, operator.held_roles(), active=operator.active)
    if role is not None:
        return role
    if not _signed(mandate, operator, key):
        return refuse("MANDATE_INVALID", "the mandate's signature or key does not hold")
    if mandate.status != MandateStatus.ACTIVE or not (
        mandate.valid_from <= now < mandate.valid_until
    ):
        return refuse("MANDATE_EXPIRED", "the mandate is not in force", until=mandate.valid_until)
    if mandate.orders_used >= mandate.orders_max:
        return refuse("MANDATE_USED_UP", "no order is left", orders_max=mandate.orders_max)
    in_scope = account_id == mandate.account_id and strategy_id in mandate.strategies
    in_scope = in_scope and (protection_points or 0) <= (mandate.protection_points or 0)
    if not in_scope or tx_equivalent > mandate.tx_equivalent_max:
        return refuse("MANDATE_SCOPE", "the order lies outside the mandate", account=account_id)
    return None


def decide_use(mandate: SubmitMandate) -> SubmitMandate:
    """The mandate after one more order."""
    return mandate.amended(orders_used=mandate.orders_used + 1)


def _signed(mandate: SubmitMandate, operator: Person, key: PersonKey | None) -> bool:
    if key is None or mandate.signature is None or not key.counts_at(mandate.issued_at):
        return False
    owners = {mandate.person_id, key.person_id, operator.person_id}
    if len(owners) != 1 or mandate.key_id != key.key_id or key.revoked_at is not None:
        return False
    try:
        statement = verify_signed(mandate.signature, key, KIND)
    except IntegrityError:
        return False
    return statement == mandate_statement(mandate)
