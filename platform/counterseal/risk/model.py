"""What the risk checks read and what they leave behind.

Job: the order as risk sees it, the locked snapshot it is judged on, the recorded evaluation.

Invariants
  I1  Exposure is quantity x contract ratio, never a figure that the signal claims.
  I2  A check that did not run is `skipped`, never `passed`.
  I3  An evaluation is approved if and only if no check failed.
  I4  The fourteen stand first and apart, then every further check: all of them, in their order.

Not here: the rules (risk.checks, risk.further), their limits (policy.limits, policy.desk_limits),
gathering the snapshot (desk).
Source: TX-H1 to TX-H16; trading reference part 4.
"""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from itertools import filterfalse
from operator import attrgetter
from typing import ClassVar, Final, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from counterseal.kernel.canonical import digest
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
from counterseal.kernel.money import EXACT, Exact, NonNegative, Price, Quantity
from counterseal.policy.desk_limits import FurtherCheck
from counterseal.risk.facts import FurtherFacts
from counterseal.signals.intent import OrderType, Side


class CheckName(StrEnum):
    """The fourteen checks, in the order in which the first failure becomes the reason."""

    LIVE_TRADING_DISABLED = "LIVE_TRADING_DISABLED"
    PAPER_BROKER_ONLY = "PAPER_BROKER_ONLY"
    IDEMPOTENCY_KEY_PRESENT = "IDEMPOTENCY_KEY_PRESENT"
    PAPER_ONLY_INTENT = "PAPER_ONLY_INTENT"
    MAX_EXPOSURE = "MAX_EXPOSURE"
    STALE_QUOTE = "STALE_QUOTE"
    PRICE_REASONABILITY = "PRICE_REASONABILITY"
    MAX_ORDER_SIZE_BY_CONTRACT = "MAX_ORDER_SIZE_BY_CONTRACT"
    MARGIN_PROXY = "MARGIN_PROXY"
    DUPLICATE_ORDER_PREVENTION = "DUPLICATE_ORDER_PREVENTION"
    DAILY_LOSS_LIMIT = "DAILY_LOSS_LIMIT"
    POSITION_LIMIT = "POSITION_LIMIT"
    KILL_SWITCH = "KILL_SWITCH"
    BROKER_HEARTBEAT = "BROKER_HEARTBEAT"


CHECK_COUNT: Final = len(CheckName)
FURTHER_COUNT: Final = len(FurtherCheck)
_ORDER: Final = [*CheckName, *FurtherCheck]
_NAME: Final = attrgetter("name")
_PASSED: Final = attrgetter("passed")


class RiskIntent(DomainModel):
    """The order as the risk checks see it.

    Attributes:
        idempotency_key: Any text, also blank: a check refuses blanks, so that it is recorded.
        contract_root: `TX`, `MTX`, `TMF`, ..., or None when the symbol is unknown.
        quantity: Contracts, above zero.
        ratio: TX-equivalents per contract, or None when the contract is unknown.
        order_price: Limit or stop in quote units, or None for an order without a price.
        multiplier: TWD per point. tick: Smallest price step. Both None for an unknown contract.
        strategy_id: Whose order it is; None for a mere question.
        approved_target: TX-equivalents that people approved; the sign (direction) is ignored.
    """

    order_id: Name
    idempotency_key: str = Field(max_length=200)
    symbol: Name
    contract_root: Name | None
    side: Side
    quantity: Quantity
    ratio: NonNegative | None
    order_type: OrderType
    order_price: Price | None = None
    paper_only: bool
    approved_target: Exact
    multiplier: NonNegative | None = None
    tick: NonNegative | None = None
    strategy_id: Name | None = None

    @property
    def exposure(self) -> Decimal | None:
        """Unsigned TX-equivalents: quantity x ratio; None when the contract is unknown."""
        return exposure_of(self.quantity, self.ratio)


def exposure_of(contracts: Decimal, ratio: Decimal | None) -> Decimal | None:
    """TX-equivalents of contracts, with their sign; None when the contract is unknown."""
    return None if ratio is None else EXACT.multiply(contracts, ratio)


class RiskSnapshot(DomainModel):
    """Everything known about one account at the instant of the decision, read under one lock.

    Attributes:
        taken_at: UTC instant at which the facts were read.
        key_seen: Whether the intent's idempotency key was used by an earlier order.
        daily_realized_loss_twd: Loss of the trading day in TWD, net of costs; negative is a profit.
        position_tx_equivalent: Signed filled position.
        working_long_tx_equivalent: Open BUY quantity x ratio, unknown orders counted as filled.
        working_short_tx_equivalent: The same for SELL, unsigned.
        quote_age_seconds: Age of the quote; negative when from the future; None without one.
        quote_price: What the order would trade at now: ask for BUY, bid for SELL.
        reference_price: Independent price to compare with, such as the last trade.
        further: What the further checks read.
    """

    account_id: Name
    taken_at: UtcDatetime
    seen_idempotency_keys: int = Field(ge=0)
    key_seen: bool
    daily_realized_loss_twd: Exact
    position_tx_equivalent: Exact
    working_long_tx_equivalent: NonNegative
    working_short_tx_equivalent: NonNegative
    kill_switch_active: bool
    broker_heartbeat_healthy: bool
    heartbeat_at: UtcDatetime | None
    trading_mode: Name
    live_trading_enabled: bool
    broker_provider: Name
    quote_age_seconds: Exact | None
    quote_price: Price | None
    reference_price: Price | None
    further: FurtherFacts

    @cached_property
    def _told(self) -> str:
        return digest(self.json_value())

    @property
    def digest(self) -> str:
        """`sha256:<hex>` over the canonical bytes, computed once."""
        return self._told


class CheckEffect(StrEnum):
    """What a check that did not pass does: refuse, warn by policy, or nothing by an override."""

    REFUSE = "refuse"
    WARN = "warn"
    OVERRIDDEN = "overridden"


class Check(DomainModel):
    """Outcome of one check: exactly one of passed, skipped, or neither (see `effect`).

    Attributes:
        effect: Counts only where the check ran and did not pass.
    """

    name: CheckName | FurtherCheck
    passed: bool
    skipped: bool = False
    effect: CheckEffect = CheckEffect.REFUSE
    message: str = Field(min_length=1, max_length=400)
    details: tuple[Detail, ...] = ()

    @property
    def failed(self) -> bool:
        """Ran, did not pass, and refuses."""
        return not (self.passed or self.skipped) and self.effect is CheckEffect.REFUSE

    @field_validator("skipped")
    @classmethod
    def _one_outcome(cls, skipped: bool, told: ValidationInfo) -> bool:
        if skipped and told.data.get("passed"):
            raise ValueError("a skipped check has not passed")
        return skipped


def failed_of(checks: Iterable[Check]) -> tuple[CheckName | FurtherCheck, ...]:
    """Names of the checks that refuse, in order."""
    return tuple([check.name for check in filterfalse(_PASSED, checks) if check.failed])


class RiskEvaluation(Document):
    """The recorded outcome of all checks on one order.

    Attributes:
        reason: Name of the first failed check; empty when approved.
        checks: The fourteen, in order, whatever failed before.
        further_checks: All others, in order; one that the policy leaves off is skipped.
        snapshot_hash: Digest of `snapshot`, so that a report may cite it without carrying it.
        intent_hash: Digest of the judged intent.
        policy_digest: Digest of the limits applied.
    """

    KIND: ClassVar[str] = "risk_evaluations"
    KEY: ClassVar[str] = "evaluation_id"

    evaluation_id: Name
    order_id: Name
    account_id: Name
    approved: bool
    reason: str = Field(max_length=120)
    checks: tuple[Check, ...] = Field(min_length=CHECK_COUNT, max_length=CHECK_COUNT)
    further_checks: tuple[Check, ...] = Field(min_length=FURTHER_COUNT, max_length=FURTHER_COUNT)
    exposure_tx_equivalent: NonNegative | None
    snapshot: RiskSnapshot
    snapshot_hash: Sha256
    intent_hash: Sha256
    policy_digest: Sha256
    evaluated_at: UtcDatetime
    paper_only: AlwaysTrue = True
    live_trading_enabled: AlwaysFalse = False
    broker_api_called: AlwaysFalse = False

    @property
    def all_checks(self) -> tuple[Check, ...]:
        """The fourteen and then the others."""
        return (*self.checks, *self.further_checks)

    @property
    def failed(self) -> tuple[CheckName | FurtherCheck, ...]:
        """Names of the failed checks, in order."""
        return failed_of(self.all_checks)

    @property
    def warned(self) -> tuple[Check, ...]:
        """Checks that did not pass and refuse nothing: warnings and overridden breaches."""
        return tuple(c for c in self.all_checks if not (c.passed or c.skipped or c.failed))

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        checks = self.all_checks
        if [*map(_NAME, checks)] != _ORDER:
            raise ValueError("all checks are recorded, in their order")
        failed = failed_of(checks)
        if self.approved is bool(failed) or self.reason != (*failed, "")[0]:
            raise ValueError("the reason is the first failed check, and approval means none failed")
        if self.snapshot_hash != self.snapshot.digest:
            raise ValueError("the snapshot differs from its hash")
        return self


class RiskState(Document):
    """Switches of one account that people and the broker's heartbeat set."""

    KIND: ClassVar[str] = "risk_states"
    KEY: ClassVar[str] = "account_id"

    account_id: Name
    kill_switch_active: bool
    broker_heartbeat_healthy: bool
    heartbeat_at: UtcDatetime | None
    updated_at: UtcDatetime
    reason: str = Field(default="", max_length=2000)
