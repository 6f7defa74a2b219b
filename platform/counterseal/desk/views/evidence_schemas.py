"""JSON Schemas of the evidence documents.

Job: make each schema from the model that makes the document, so that they cannot differ.

Not here: the models (views.evidence_documents), the files (evidence/schemas).
Source: TX-M1 to TX-M4.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from counterseal.desk.views.evidence_documents import (
    AuditIntegrityEvidence,
    BrokerSimulationEvidence,
    EvidenceDocument,
    PaperDemoEvidence,
    RiskGuardrailEvidence,
)
from counterseal.desk.views.evidence_files import EvidenceKind
from counterseal.kernel.canonical import Json, Told

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
MODELS: Final[Mapping[EvidenceKind, type[EvidenceDocument]]] = MappingProxyType(
    {
        EvidenceKind.PAPER_DEMO: PaperDemoEvidence,
        EvidenceKind.BROKER_SIMULATION: BrokerSimulationEvidence,
        EvidenceKind.RISK_GUARDRAIL: RiskGuardrailEvidence,
        EvidenceKind.AUDIT_INTEGRITY: AuditIntegrityEvidence,
    }
)
"""The model of each kind of document."""


def schema_name(kind: EvidenceKind) -> str:
    """The file that holds the schema of a kind."""
    return f"{kind.value.replace('_', '-')}.schema.json"


def schema_of(kind: EvidenceKind) -> dict[str, Json]:
    """The schema of a document as it is written; decimals and times are text in it.

    Raises:
        KeyError: for the demo without a store, whose file no model makes.
    """
    return Told({"$schema": DRAFT, **MODELS[kind].model_json_schema(mode="serialization")})
