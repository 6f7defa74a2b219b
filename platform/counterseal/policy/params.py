"""Parameters of the approval policy.

Job: hold stages, clocks, thresholds and the void matrix as validated values.

Invariants
  I1  At least two stages, each with a positive quorum and a role: an empty quorum denies.
  I2  Stages stand in the order research, risk, compliance, each at most once.
  I3  The first two stages are always required; only later ones may start at a threshold.
  I4  No two rows of the void matrix name the same field.

Not here: counting decisions (approvals.decide), reading files (storage).
Source: governance rules 2.1, 2.3, 2.4 and 3; policies/approval.
"""

from decimal import Decimal
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from counterseal.kernel.model import DomainModel, Name
from counterseal.kernel.money import Currency, NonNegative
from counterseal.policy.words import DecisionWord, Meaning, Role, Stage

STAGE_COUNT_MIN: Final = 2
_ORDER: Final = tuple(Stage)

Seconds = Annotated[int, Field(gt=0, le=30 * 24 * 3600)]
"""A positive span in seconds, at most 30 days."""


class StageRule(DomainModel):
    """What one review stage requires.

    Attributes:
        quorum: Approvals by different people that complete the stage.
        decision: The approving word of the stage.
        key_class_min: 1 embedded key, 2 own machine, 3 passkey.
        required_from_notional: The stage is required from this notional up; None = always.
    """

    id: Stage
    roles: tuple[Role, ...] = Field(min_length=1)
    decision: DecisionWord
    meaning: Meaning
    quorum: int = Field(ge=1, le=20)
    key_class_min: int = Field(ge=1, le=3)
    required_from_notional: NonNegative | None = None

    @model_validator(mode="after")
    def _approving_word(self) -> Self:
        if self.decision in {DecisionWord.REJECTED, DecisionWord.NEEDS_DATA}:
            raise ValueError("a stage needs an approving decision word")
        return self


class VoidRow(DomainModel):
    """Which stages must review again when a payload field is amended.

    Attributes:
        voids: Stages whose decisions do not carry over.
        voids_when_lower: The same for a number that went down; None = like `voids`.
    """

    field: Name
    voids: tuple[Stage, ...]
    voids_when_lower: tuple[Stage, ...] | None = None


class ApprovalParameters(DomainModel):
    """The whole parameter document of an approval policy; spans in seconds."""

    schema_version: int = Field(ge=1, le=1)
    stages: tuple[StageRule, ...] = Field(min_length=STAGE_COUNT_MIN, max_length=3)
    threshold_currency: Currency
    review_ttl_seconds: Seconds
    decision_ttl_seconds: Seconds
    execution_validity_seconds: Seconds
    nonce_ttl_seconds: Seconds
    auth_age_max_seconds: Seconds
    signal_age_max_seconds: Seconds
    reason_length_min: int = Field(ge=1, le=500)
    distinct_submitter: bool
    void_matrix: tuple[VoidRow, ...] = Field(min_length=1, max_length=100)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        places = [_ORDER.index(rule.id) for rule in self.stages]
        if places != sorted(set(places)):
            raise ValueError("stages are unique and in the order research, risk, compliance")
        if any(rule.required_from_notional is not None for rule in self.stages[:STAGE_COUNT_MIN]):
            raise ValueError("the first two stages are always required")
        fields = [row.field for row in self.void_matrix]
        if len(fields) != len(set(fields)):
            raise ValueError("the void matrix names a field twice")
        return self

    def stage(self, stage: Stage) -> StageRule | None:
        """The rule of a stage, or None when this policy has no such stage."""
        return next((rule for rule in self.stages if rule.id == stage), None)

    def required_stages(self, notional: Decimal, currency: Currency) -> tuple[StageRule, ...]:
        """The stages that a request needs, in order.

        A notional in another currency than the threshold's is not converted: it needs every stage.
        """
        foreign = currency != self.threshold_currency
        return tuple(
            rule
            for rule in self.stages
            if rule.required_from_notional is None
            or foreign
            or notional >= rule.required_from_notional
        )

    def reviewer_roles(self) -> frozenset[Role]:
        """Every role of any stage: who may reject or ask for data."""
        return frozenset(role for rule in self.stages for role in rule.roles)
