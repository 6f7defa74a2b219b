"""Which fill model answers an order, and with which numbers.

Job: hold the choice of fill models and their parameters as validated values.

Invariants
  I1  Every order has exactly one model: the first choice that names its account or root, else the
      default.
  I2  A parameter belongs to the version of its model; another meaning is another version.

Not here: the models (broker), the numbers in force (policies/execution).
Source: trading reference parts 5.1 to 5.3.
"""

from decimal import Decimal
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from counterseal.kernel.model import DomainModel, Name
from counterseal.kernel.money import Exact, NonNegative

CHOICES_MAX: Final = 1000
Milliseconds = Annotated[int, Field(ge=0, le=600_000)]
"""A delay of at most ten minutes."""

SlippageTicks = Annotated[int, Field(ge=0, le=1000)]
"""Ticks against the order, inside its price; zero for none."""

Share = Annotated[Exact, Field(gt=0, le=1)]
"""A part of one: above zero, at most all."""


class QuoteFillRule(DomainModel):
    """The asked quote model; its limits of age and spread travel in each request."""

    model_version: Literal["paper-broker-sim-v0.1"] = "paper-broker-sim-v0.1"


class DelayedQuoteFillRule(DomainModel):
    """The quote model with a delay and slippage; with both at zero it answers as v0.1."""

    model_version: Literal["paper-broker-sim-v0.2"] = "paper-broker-sim-v0.2"
    latency_ms: Milliseconds = 0
    slippage_ticks: SlippageTicks = 0


class TapeFillRule(DomainModel):
    """The model that meets the prints after an order's arrival. All numbers are assumptions.

    Attributes:
        latency_ms: An order meets only prints stamped later than its arrival and this delay.
        participation_cap: Share of the printed contracts that all paper orders together may take.
        slippage_ticks: For orders that take; a resting limit fills at its price.
        fills_at_touch: Whether a print at a resting limit fills once the queue ahead has traded.
        queue_share: Contracts ahead at arrival, as a multiple of those printed at that price
            in the window before it, rounded up.
        queue_min_contracts: Fewest contracts that are assumed to be ahead.
        queue_window_seconds: Length of that window.
    """

    model_version: Literal["tape-fill-v1"] = "tape-fill-v1"
    latency_ms: Milliseconds = 0
    participation_cap: Share = Decimal("0.25")
    slippage_ticks: SlippageTicks = 1
    fills_at_touch: bool = False
    queue_share: NonNegative = Decimal(1)
    queue_min_contracts: int = Field(default=10, ge=0, le=1_000_000)
    queue_window_seconds: int = Field(default=300, ge=1, le=86_400)


class BarFillRule(DomainModel):
    """The model that meets whole bars after an order's arrival. All numbers are assumptions.

    Attributes:
        participation_cap: Share of a bar's contracts that all paper orders together may take.
        slippage_ticks: For market orders and stops; a limit fills at its price or at the open.
    """

    model_version: Literal["bar-fill-v1"] = "bar-fill-v1"
    participation_cap: Share = Decimal("0.1")
    slippage_ticks: SlippageTicks = 1


FillRule = Annotated[
    QuoteFillRule | DelayedQuoteFillRule | TapeFillRule | BarFillRule,
    Field(discriminator="model_version"),
]
"""A model's version with its parameters; the version tells which."""


class ModelChoice(DomainModel):
    """A model for one account, one contract root, or one root in one account."""

    account_id: Name | None = None
    contract_root: Name | None = None
    model: FillRule

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if self.account_id is None and self.contract_root is None:
            raise ValueError("a choice names an account, a contract root or both")
        return self

    def covers(self, account_id: str, contract_root: str | None) -> bool:
        """Whether everything that the choice names is the order's."""
        wanted = (self.account_id, self.contract_root)
        pairs = zip(wanted, (account_id, contract_root), strict=True)
        return all(named is None or named == own for named, own in pairs)


class ExecutionRules(DomainModel):
    """The document `fill_models.yaml`.

    Attributes:
        default: For every order that no choice covers.
        choices: In order; the first that covers an order decides.
    """

    schema_version: int = Field(default=1, ge=1, le=1)
    default: FillRule = QuoteFillRule()
    choices: tuple[ModelChoice, ...] = Field(default=(), max_length=CHOICES_MAX)

    def model_for(self, account_id: str, contract_root: str | None) -> FillRule:
        """The model of an order; an unknown root (None) meets only choices without one."""
        found = (one.model for one in self.choices if one.covers(account_id, contract_root))
        return next(found, self.default)
