"""Evidence documents as windows hand them out: the same from a command and from a page."""

from datetime import datetime

from counterseal.audit.evidence import Evidence
from counterseal.broker.model import SimulationResult
from counterseal.desk.views.evidence_documents import (
    AuditIntegrityEvidence,
    BrokerSimulationEvidence,
    PaperDemoEvidence,
    RiskGuardrailEvidence,
)
from counterseal.desk.views.evidence_made import (
    audit_integrity_evidence,
    broker_simulation_evidence,
    paper_demo_evidence,
    risk_guardrail_evidence,
)
from counterseal.desk.views.integrity import run_integrity
from counterseal.desk.views.simulation import SimulationForm
from counterseal.kernel.model import Refusal
from counterseal.policy.execution import FillRule
from storage.home_integrity import home_integrity
from storage.home_reader import read_home
from storage.settings import Settings
from storage.surroundings import applied_limits, surroundings
from ui.exports import document_text

Made = (
    PaperDemoEvidence
    | BrokerSimulationEvidence
    | RiskGuardrailEvidence
    | AuditIntegrityEvidence
    | Refusal
)


def demo_evidence(
    settings: Settings, name: str | None, now: datetime
) -> PaperDemoEvidence | Refusal:
    """The governed order of this name, or the newest; see `order_named`.

    Raises:
        CountersealError: the home cannot be read.
    """
    with read_home(settings) as reader:
        seen = surroundings(settings, reader)
        return paper_demo_evidence(reader, reader.in_streams, name, seen, now)


def fill_evidence(
    settings: Settings,
    form: SimulationForm,
    rule: FillRule,
    result: SimulationResult,
    now: datetime,
) -> BrokerSimulationEvidence | Refusal:
    """A fill that was asked for; no home is looked at."""
    return broker_simulation_evidence(form, rule, result, surroundings(settings), now)


def risk_evidence(settings: Settings, name: str, now: datetime) -> RiskGuardrailEvidence | Refusal:
    """All checks on an order, by its id or that of an evaluation.

    Raises:
        CountersealError: the home cannot be read.
    """
    with read_home(settings) as reader:
        seen, limits = surroundings(settings, reader), applied_limits(reader, settings)
        return risk_guardrail_evidence(reader, name, limits, seen, now)


def integrity_evidence(
    settings: Settings, evidence: Evidence, run: str | None, now: datetime
) -> AuditIntegrityEvidence | Refusal:
    """The log, or the case that one workflow run belongs to, held against some evidence.

    Raises:
        CountersealError: the log cannot be read.
    """
    with read_home(settings) as reader:
        seen = surroundings(settings, reader)
        if run is None:
            panel = home_integrity(reader, settings, evidence).panel
            return audit_integrity_evidence(panel, seen, now)
        view = run_integrity(reader.records(), reader.checkpoints(), evidence, run)
        return view if isinstance(view, Refusal) else audit_integrity_evidence(view, seen, now)


def evidence_json(made: Made) -> str:
    """A document, or why there is none, as JSON."""
    if isinstance(made, Refusal):
        return document_text({"ok": False, "refusal": made.json_value()})
    return document_text(made.json_value())
