"""Parameters of the approval policy.

Job: hold stages, clocks, thresholds and the void matrix as validated values.

Invariants
  I1  At least two stages, each with a positive quorum and a role: an empty quorum denies.
  I2  Stages stand in the order research, risk, compliance, each at most once.
  I3  The first two stages are always required; only later ones may start at a threshold.
  I4  No two rows of the void matrix name the same field, no two rows of authority the same role.
  I5  A role of a stage has its authority stated; one without a row has none.
  I6  A reminder comes before escalation, and both before the review time is over.
  I7  A stage's fallback roles are none of its own, and roles of another stage: who may approve may
      also reject, and has an authority.
  I8  What a strategy needs only ever adds to a stage: no quorum and no stage is lowered by it.

Not here: counting decisions (approvals.decide), reading files (storage).
Source: governance rules 2.1, 2.3, 2.4 and 3; policies/approval.
"""

from decimal import Decimal
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from counterseal.kernel.model import DomainModel, Name
from counterseal.kernel.money import Currency, NonNegative
from counterseal.policy.words import DecisionWord, EvidenceSection, Meaning, Role, Stage

STAGE_COUNT_MIN: Final = 2
BULK_COUNT_MAX: Final = 25
"""Decisions that one signing ceremony covers at the most, whatever a policy says."""
_ORDER: Final = tuple(Stage)

QUORUM_MAX: Final = 20
"""Most approvals that a stage may need."""
APPROVAL_USES_MAX: Final = 1000
"""No policy lets one approval serve for more orders."""

Seconds = Annotated[int, Field(gt=0, le=30 * 24 * 3600)]
"""A positive span in seconds, at most 30 days."""


class StageRule(DomainModel):
    """What one review stage requires.

    Attributes:
        quorum: Approvals by different people that complete the stage.
        decision: The approving word of the stage.
        key_class_min: 1 embedded key, 2 own machine, 3 passkey.
        fallback_roles: Roles that may take the seat as well once the case has escalated.
        required_from_notional: The stage is required from this notional up; None = always.
    """

    id: Stage
    roles: tuple[Role, ...] = Field(min_length=1)
    fallback_roles: tuple[Role, ...] = Field(default=(), max_length=10)
    decision: DecisionWord
    meaning: Meaning
    quorum: int = Field(ge=1, le=QUORUM_MAX)
    key_class_min: int = Field(ge=1, le=3)
    required_from_notional: NonNegative | None = None

    @model_validator(mode="after")
    def _approving_word(self) -> Self:
        if self.decision in {DecisionWord.REJECTED, DecisionWord.NEEDS_DATA}:
            raise ValueError("a stage needs an approving decision word")
        if set(self.fallback_roles) & set(self.roles):
            raise ValueError("a fallback role is none of the stage's own roles")
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


class Authority(DomainModel):
    """Up to which notional a role may approve.

    Attributes:
        notional_max: Inclusive, in the threshold currency; None = the policy sets no limit.
    """

    role: Role
    notional_max: NonNegative | None


class StrategyNeed(DomainModel):
    """That requests of a strategy need a stage, whatever their size.

    Attributes:
        quorum: Approvals that they need there at the least; the stage's own counts when larger.
    """

    strategy: Name
    stage: Stage
    quorum: int = Field(ge=1, le=QUORUM_MAX)


class EvidenceRule(DomainModel):
    """What of a case a reviewer has to open.

    Attributes:
        sections: Those that nobody leaves closed unnoticed.
        blocks: Whether a decision by who was shown nothing, or left one of them closed, is refused;
            otherwise it counts, and its record, windows and the reviewers' report say so.
    """

    sections: tuple[EvidenceSection, ...] = Field(default=(), max_length=len(EvidenceSection))
    blocks: bool = False


class ApprovalParameters(DomainModel):
    """The whole parameter document of an approval policy; spans in seconds.

    Attributes:
        strategy_needs: What single strategies need beyond the stages; `for_strategy` applies it.
        bulk_max: Decisions that one signing ceremony may cover; 1 = no bulk review.
        acr_required: Level that the login must state when somebody signs; "none" = any.
        authority: One row for each role of a stage.
        remind_after_seconds, escalate_after_seconds: From the opening of a request version.
        approval_uses_max: Most orders that one approval may serve for.
        market_day_orders_allowed: Whether a market order may be DAY; the exchange's own rule that
            it may not is unverified.
        evidence_shown_required: What of a case a reviewer has to open.
        delegation_days_max: Longest span of a grant, in days of 86,400 seconds.
    """

    schema_version: int = Field(ge=1, le=1)
    stages: tuple[StageRule, ...] = Field(min_length=STAGE_COUNT_MIN, max_length=3)
    strategy_needs: tuple[StrategyNeed, ...] = Field(default=(), max_length=300)
    threshold_currency: Currency
    remind_after_seconds: Seconds
    escalate_after_seconds: Seconds
    review_ttl_seconds: Seconds
    decision_ttl_seconds: Seconds
    execution_validity_seconds: Seconds
    nonce_ttl_seconds: Seconds
    auth_age_max_seconds: Seconds
    acr_required: Name
    signal_age_max_seconds: Seconds
    reason_length_min: int = Field(ge=1, le=500)
    distinct_submitter: bool
    bulk_max: int = Field(ge=1, le=BULK_COUNT_MAX)
    authority: tuple[Authority, ...] = Field(min_length=1, max_length=len(Role))
    approval_uses_max: int = Field(ge=1, le=APPROVAL_USES_MAX)
    market_day_orders_allowed: bool = True
    evidence_shown_required: EvidenceRule = EvidenceRule()
    delegation_days_max: int = Field(ge=1, le=30)
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
        named = [row.role for row in self.authority]
        if len(named) != len(set(named)) or not self.reviewer_roles() <= set(named):
            raise ValueError("authority names each role of a stage, and no role twice")
        if any(not set(rule.fallback_roles) <= self.reviewer_roles() for rule in self.stages):
            raise ValueError("a fallback role is a role of another stage")
        needs = [(need.strategy, need.stage) for need in self.strategy_needs]
        known = {rule.id for rule in self.stages}
        if len(needs) != len(set(needs)) or not {stage for _, stage in needs} <= known:
            raise ValueError("a strategy's need names a stage of the policy, and none twice")
        if not self.remind_after_seconds < self.escalate_after_seconds < self.review_ttl_seconds:
            raise ValueError("remind, then escalate, then expire: each after the one before")
        return self

    def stage(self, stage: Stage) -> StageRule | None:
        """The rule of a stage, or None when this policy has no such stage."""
        return next((rule for rule in self.stages if rule.id == stage), None)

    def for_strategy(self, strategy_id: str) -> Self:
        """The same, with the stages that requests of a strategy meet."""
        needs = {n.stage: n.quorum for n in self.strategy_needs if n.strategy == strategy_id}
        if not needs:
            return self
        stages = tuple(
            rule.amended(quorum=max(rule.quorum, needs[rule.id]), required_from_notional=None)
            if rule.id in needs
            else rule
            for rule in self.stages
        )
        return self.amended(stages=stages)

    def required_stages(
        self, notional: Decimal, currency: Currency, strategy_id: str
    ) -> tuple[StageRule, ...]:
        """The stages that a request needs, in order, each with the quorum of its strategy.

        A notional in another currency than the threshold's is not converted: it needs every stage.
        """
        foreign = currency != self.threshold_currency
        return tuple(
            rule
            for rule in self.for_strategy(strategy_id).stages
            if rule.required_from_notional is None
            or foreign
            or notional >= rule.required_from_notional
        )

    def reviewer_roles(self) -> frozenset[Role]:
        """Every role of any stage: who may reject or ask for data."""
        return frozenset(role for rule in self.stages for role in rule.roles)
