"""Approval requests and decisions.

Job: hold the frozen payload that reviewers sign, the request around it, and each decision.

Invariants
  I1  A payload is paper-only by type: `approval_for_live` cannot be true.
  I2  The request hash is the digest of the payload: any bound field changes it.
  I3  A decision carries its signature, so that it can be verified without any table.

Not here: state moves (approvals.states), checks (approvals.decide).
Source: governance rules 2.1, 2.2 and 2.9; features TX-F3, TX-F4, TX-F11.
"""

from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from counterseal.approvals.routing import ROUTED_MAX, RoutedSeat
from counterseal.kernel.canonical import digest, sha256_hex
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import Document, DomainModel, Name, Sha256, Signature, Text
from counterseal.kernel.money import Currency, Exact, NonNegative, Price, Quantity
from counterseal.policy.params import APPROVAL_USES_MAX, BULK_COUNT_MAX, Seconds, VoidRow
from counterseal.policy.words import DecisionWord, EvidenceSection, Meaning, Role, Stage
from counterseal.signals.intent import Leg, OrderType, Side, TimeInForce
from counterseal.signals.model import Direction

REQUESTED_ACTION: Final = "paper_simulation"

TreeHash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A hash of a Merkle tree, 64 hex digits."""


class RequestStatus(StrEnum):
    """The ten states of a request."""

    PENDING_REVIEW = "pending_review"
    RESEARCH_APPROVED = "research_approved"
    APPROVED_FOR_PAPER = "approved_for_paper_simulation"
    REJECTED = "rejected"
    NEEDS_DATA = "needs_data_review"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"
    SUPERSEDED = "superseded"
    CONSUMED = "consumed"


UNDER_REVIEW: Final = frozenset({RequestStatus.PENDING_REVIEW, RequestStatus.RESEARCH_APPROVED})
"""States in which a review is waited for."""


class RequestPayload(DomainModel):
    """Every fact that an approval binds.

    Attributes:
        price_min, price_max: Inclusive bounds in the quote unit; None = unbounded on that side.
        good_till: Latest end of a GTD order (UTC); None for every other time in force.
        tx_equivalent: Exposure of the maximum quantity, computed from the contract ratio.
        notional: Of the maximum quantity, in `currency`.
        author_ids: Authors of strategy and model; they may not review.
        max_quantity: Bounds each order; `uses_max` bounds how many orders there may be.
        answers: The own request that ended in `needs_data_review` and that this one answers.
        created_at: When the case was first asked for; an amended version keeps it.
    """

    tenant: Name
    account_id: Name
    requester_id: Name
    requested_action: Literal["paper_simulation"] = "paper_simulation"
    request_reason: Text
    strategy_id: Name
    strategy_version: Name
    author_ids: tuple[Name, ...] = Field(min_length=1, max_length=20)
    signal_id: Name
    signal_expires_at: UtcDatetime
    direction: Direction
    target_tx_equivalent: NonNegative
    confidence: Annotated[Exact, Field(ge=0, le=1)]
    stop_distance_points: Quantity | None = None
    symbol: Name
    legs: tuple[Leg, ...] = Field(min_length=1, max_length=8)
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    max_quantity: Quantity
    uses_max: int = Field(default=1, ge=1, le=APPROVAL_USES_MAX)
    price_min: Price | None = None
    price_max: Price | None = None
    good_till: UtcDatetime | None = None
    tx_equivalent: NonNegative
    notional: NonNegative
    currency: Currency
    review_ttl_seconds: Seconds
    execution_validity_seconds: Seconds
    data_version: Name
    code_version: Name
    parameters_hash: Sha256
    evidence_pack_hash: Sha256
    policy_bundle_hash: Sha256
    answers: Name | None = None
    paper_only: Literal[True] = True
    approval_for_live: Literal[False] = False
    created_at: UtcDatetime

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        low, high = self.price_min, self.price_max
        if low is not None and high is not None and low > high:
            raise ValueError("price_min is above price_max")
        if (self.time_in_force is TimeInForce.GTD) is not (self.good_till is not None):
            raise ValueError("a GTD request states its end, and no other does")
        return self


class ApprovalRequest(Document):
    """A governed request and where it stands.

    Attributes:
        approval_request_id: The product's time-ordered id.
        request_reference: Deterministic `paper-approval-request-<16 hex>`.
        latest_chain_hash: Hash of the last decision, or the request hash.
        updated_at: Last recorded time of the case; going back is refused.
        version, supersedes: 1 and None, or one more than the version that this one amends.
        reminded_at, escalated_at: When that was recorded; what it means follows from the clock.
        orders: Every order that used the approval, oldest first.
        consumed_by_order: The order of the last use that was allowed; None while one is left.
        routing: Whom the requester asked for; it tells people and decides nothing.
    """

    KIND: ClassVar[str] = "approval_requests"
    KEY: ClassVar[str] = "approval_request_id"

    approval_request_id: Name
    request_reference: Name
    version: int = Field(ge=1)
    tenant: Name
    account_id: Name
    requester_id: Name
    strategy_id: Name
    signal_id: Name
    payload: RequestPayload
    request_hash: Sha256
    status: RequestStatus
    required_review_count: int = Field(ge=2)
    required_decision_sequence: tuple[DecisionWord, ...]
    stages_required: tuple[Stage, ...]
    stages_done: tuple[Stage, ...] = ()
    latest_chain_hash: Sha256
    created_at: UtcDatetime
    updated_at: UtcDatetime
    review_expires_at: UtcDatetime
    last_approval_at: UtcDatetime | None = None
    execution_valid_until: UtcDatetime | None = None
    reminded_at: UtcDatetime | None = None
    escalated_at: UtcDatetime | None = None
    orders: tuple[Name, ...] = Field(default=(), max_length=APPROVAL_USES_MAX)
    consumed_by_order: Name | None = None
    supersedes: Name | None = None
    superseded_by: Name | None = None
    routing: tuple[RoutedSeat, ...] = Field(default=(), max_length=ROUTED_MAX)

    @property
    def next_stage(self) -> Stage | None:
        """The stage that is due, or None when all are done."""
        return next((s for s in self.stages_required if s not in self.stages_done), None)


class CarriedFrom(DomainModel):
    """The signed decision of an earlier version that a carried one repeats, and why it may.

    Attributes:
        decision_hash: Chain hash of the earlier decision.
        changed: Payload fields that differ between the two versions.
        rows: The rows of the void matrix for those fields.
    """

    approval_request_id: Name
    approval_decision_id: Name
    decision_hash: Sha256
    changed: tuple[Name, ...] = Field(max_length=100)
    rows: tuple[VoidRow, ...] = Field(max_length=100)


class BatchPath(DomainModel):
    """Where a decision lies among those that its reviewer signed as one.

    Attributes:
        signature: The reviewer's, of kind `batch`, over the root of all the decisions.
        index: Place of the decision among them, from 0; they stand in the order of request ids.
        size: How many they are.
        path: Sibling hashes from the leaf upward (RFC 6962), 64 hex digits each.
    """

    signature: Signature
    index: int = Field(ge=0)
    size: int = Field(ge=1, le=BULK_COUNT_MAX)
    path: tuple[TreeHash, ...] = Field(max_length=BULK_COUNT_MAX.bit_length())


class ApprovalDecision(Document):
    """One reviewer's signed decision.

    Attributes:
        decision_hash: Chain hash over the recorded words (see `decision_chain_hash`).
        statement_digest: SHA-256 of the signed bytes.
        decision_reason: The signed commitment to the reviewer's words, which lie beside the log.
        demo_labels: Labels of the person at the time, such as `demo-automatic`.
        on_behalf_of, grant_id: The delegator and the grant that a delegate acted under.
        evidence_unopened: Sections that the bundle wanted opened and the reviewer left closed.
        carried: Where the signature was given, when that was for an earlier version.
        signature: The statement and the reviewer's signature over it.
        batch: For a decision of a batch the path to what was signed; `signature` holds the
            statement alone then. `approvals.batch.statement_of` is the one way to check either.
    """

    KIND: ClassVar[str] = "approval_decisions"
    KEY: ClassVar[str] = "approval_decision_id"

    approval_decision_id: Name
    approval_request_id: Name
    request_version: int = Field(ge=1)
    tenant: Name
    sequence: int = Field(ge=1)
    seat: int = Field(ge=1)
    stage: Stage
    decision: DecisionWord
    meaning: Meaning
    reviewer_id: Name
    reviewer_role: Role
    decision_reason: Text
    decided_at: UtcDatetime
    previous_chain_hash: Sha256
    decision_hash: Sha256
    statement_digest: Sha256
    key_id: Name
    key_class: int = Field(ge=1, le=3)
    nonce: Name
    issued_at: UtcDatetime
    expires_at: UtcDatetime
    paper_only: bool = True
    approval_for_live: bool = False
    demo_labels: tuple[Name, ...] = ()
    on_behalf_of: Name | None = None
    grant_id: Name | None = None
    evidence_unopened: tuple[EvidenceSection, ...] = ()
    carried: CarriedFrom | None = None
    signature: Signature
    batch: BatchPath | None = None

    @property
    def approves(self) -> bool:
        """Whether the decision counts toward a quorum."""
        return self.decision in {DecisionWord.RESEARCH_APPROVED, DecisionWord.APPROVED_FOR_PAPER}


class ReviewNonce(Document):
    """A single-use word that binds a statement to a person, a request version and a few minutes.

    Attributes:
        statement: Canonical text of the statement that was prepared under it.
        reason: The signed commitment to the reviewer's words, which lie beside the log.
    """

    KIND: ClassVar[str] = "review_nonces"
    KEY: ClassVar[str] = "nonce"

    nonce: Name
    person_id: Name
    approval_request_id: Name
    request_version: int = Field(ge=1)
    issued_at: UtcDatetime
    expires_at: UtcDatetime
    used_at: UtcDatetime | None = None
    statement: str = Field(default="", max_length=20_000)
    reason: str = Field(default="", max_length=2000)


class BatchNonce(Document):
    """What one ceremony may sign: a single statement, by one person, within a few minutes.

    Each decision in it has its own single-use `ReviewNonce` besides.

    Attributes:
        statement: Canonical text of the batch statement that was prepared under it.
    """

    KIND: ClassVar[str] = "batch_nonces"
    KEY: ClassVar[str] = "nonce"

    nonce: Name
    person_id: Name
    issued_at: UtcDatetime
    expires_at: UtcDatetime
    statement: str = Field(max_length=20_000)


def request_hash(payload: RequestPayload) -> str:
    """`sha256:<hex>` over the canonical payload: what reviewers sign."""
    return payload.digest


def request_reference(payload: RequestPayload) -> str:
    """`paper-approval-request-` and 16 hex digits, deterministic for a payload."""
    return f"paper-approval-request-{sha256_hex(request_hash(payload).encode())[:16]}"


def decision_chain_hash(decision: ApprovalDecision) -> str:
    """The hash that links a decision to its predecessor; of a carried one, also to its origin."""
    value = decision.json_value()
    names = (
        "approval_request_id",
        "sequence",
        "decision",
        "reviewer_id",
        "reviewer_role",
        "decision_reason",
        "decided_at",
        "paper_only",
        "approval_for_live",
        "previous_chain_hash",
    )
    origin = {} if decision.carried is None else {"carried": value["carried"]}
    return digest({name: value[name] for name in names} | origin)
