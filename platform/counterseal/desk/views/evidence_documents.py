"""Evidence documents: what leaves a home as one file.

Job: the four documents of the checklist, as frozen models from which their schemas are made.

Invariants
  I1  Each says that it is simulated, that making it stored and sent nothing, and what its flags
      are.
  I2  Its counts are those of its lists.

Not here: making them (views.evidence_made), their schemas (views.evidence_schemas), packs that
prove what was left out.
Source: TX-M1 to TX-M4, TX-M7.
"""

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from counterseal.approvals.model import ApprovalDecision, ApprovalRequest
from counterseal.broker.model import SimulationResult
from counterseal.desk.views.evidence_flags import SafetyFlags
from counterseal.desk.views.integrity import IntegrityFlags, IntegrityView
from counterseal.desk.views.records import AuditEntry
from counterseal.desk.views.simulation import SimulationForm
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Name, Text
from counterseal.oms.model import OrderEvent, RunId
from counterseal.oms.states import OrderState
from counterseal.policy.desk_limits import FurtherCheck
from counterseal.policy.execution import FillRule
from counterseal.policy.limits import RiskLimits
from counterseal.risk.model import CheckName, RiskEvaluation, RiskSnapshot
from counterseal.signals.intent import PaperOrderIntent

SIMULATED_NOTICE: Final = (
    "Simulated: every order, fill and price here is of paper trading; no market was reached."
)
NO_ADVICE: Final = "This shows a workflow; it is no investment advice and no performance claim."
UNPROVEN: Final = (
    "A file like this proves nothing by itself: verify the log, or a pack that was exported of it."
)
WARNINGS: Final = (SIMULATED_NOTICE, NO_ADVICE, UNPROVEN)


class EvidenceDocument(DomainModel):
    """What every document says.

    Attributes:
        persisted: Making it stored nothing.
        uploaded: Making it sent nothing away.
    """

    simulated: Literal[True] = True
    safety_flags: SafetyFlags
    persisted: Literal[False] = False
    uploaded: Literal[False] = False
    warnings: tuple[Text, ...] = Field(default=WARNINGS, min_length=1)


class PaperDemoEvidence(EvidenceDocument):
    """One governed order, from its approval to what became of it (TX-M1).

    Attributes:
        generated_at: When this file was made (UTC).
        reviewer_decisions: Signed decisions, in their order; reasons as the commitments signed.
        persisted_at: When the newest record about the order was sealed (UTC).
        oms_events: Steps of the order, in sequence.
        audit_events: Records about the order, in the order of the log.
        local_sqlite_path: The database file as it was named; empty for another store.
        export_persisted: As `persisted`.
    """

    evidence_type: Literal["paper_demo"] = "paper_demo"
    generated_at: UtcDatetime
    workflow_run_id: RunId
    approval_request_id: Name
    approval_request: ApprovalRequest
    reviewer_decisions: tuple[ApprovalDecision, ...]
    order_id: Name
    final_oms_status: OrderState
    source_signal_id: Name
    strategy_id: Name
    strategy_version: Name
    persisted_at: UtcDatetime
    oms_event_count: int = Field(ge=0)
    audit_event_count: int = Field(ge=0)
    oms_events: tuple[OrderEvent, ...]
    audit_events: tuple[AuditEntry, ...]
    local_sqlite_path: str
    export_persisted: Literal[False] = False

    @model_validator(mode="after")
    def _counted(self) -> Self:
        counts = (len(self.oms_events), len(self.audit_events))
        if counts != (self.oms_event_count, self.audit_event_count):
            raise ValueError("the counts are those of the lists")
        return self


class SimulationInput(DomainModel):
    """What the paper model was asked: the form, and the model with its parameters."""

    form: SimulationForm
    model: FillRule


class BrokerSimulationEvidence(EvidenceDocument):
    """A fill asked for and not ordered (TX-M2).

    Attributes:
        evidence_id: `broker-simulation-evidence-` and 16 hex digits over input and result.
        preview: No order exists.
    """

    evidence_type: Literal["broker_simulation"] = "broker_simulation"
    evidence_id: Name
    preview: Literal[True] = True
    input: SimulationInput
    result: SimulationResult


class RiskGuardrailEvidence(EvidenceDocument):
    """All checks on one order (TX-M3).

    Attributes:
        evidence_id: `risk-guardrail-evidence-` and 16 hex digits over the evaluation.
        policy: The limits that were applied; None when no activation of this home holds them.
        state: What was known of the account at the decision.
        passed_checks, failed_checks: In the order of the checks; what was skipped, or only warned,
            is in neither.
    """

    evidence_type: Literal["risk_guardrail"] = "risk_guardrail"
    evidence_id: Name
    intent: PaperOrderIntent
    policy: RiskLimits | None
    state: RiskSnapshot
    risk_evaluation: RiskEvaluation
    passed_checks: tuple[CheckName | FurtherCheck, ...]
    failed_checks: tuple[CheckName | FurtherCheck, ...]


class AuditIntegrityEvidence(EvidenceDocument):
    """What a verification of the log came to (TX-M4).

    Attributes:
        evidence_id: `audit-integrity-evidence-` and 16 hex digits over the verification.
        integrity: Of the whole log without its events, or of one run with them.
        flags, gaps: Of the installation; None and empty for one run.
    """

    evidence_type: Literal["audit_integrity"] = "audit_integrity"
    evidence_id: Name
    integrity: IntegrityView
    flags: IntegrityFlags | None = None
    gaps: tuple[Text, ...] = ()
