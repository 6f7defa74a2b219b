"""The seeded case, and evidence documents written to files."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from counterseal.audit.evidence import Evidence
from counterseal.desk.views.evidence_documents import PaperDemoEvidence
from counterseal.desk.views.evidence_markdown import markdown_of
from counterseal.desk.views.model_preview import preview_model
from counterseal.desk.views.simulation import SimulationForm
from counterseal.kernel.model import Refusal
from counterseal.oms.model import ExecutionReport, Order
from counterseal.policy.execution import ExecutionRules
from storage.home_integrity import outside_evidence
from storage.home_reader import read_home
from storage.seeded_home import SIGNAL, seed_case, seeded_settings
from storage.settings import Settings
from ui.checklist.checked import Checked, equal
from ui.cli.evidence_files import write_evidence
from ui.evidence_texts import (
    Made,
    demo_evidence,
    evidence_json,
    fill_evidence,
    integrity_evidence,
    risk_evidence,
)

PLACE: Final = Path("var/paper-evidence")
"""Where documents are written when nobody names a folder."""
SEEDED: Final = Path("var/paper-execution-demo")
"""Where the home of the seeded case lies."""


class Place(NamedTuple):
    """What a run works on.

    Attributes:
        settings: Of the home that documents are made of.
        out: Folder for documents.
        now: When (UTC).
    """

    settings: Settings
    out: Path
    now: datetime


def seeded(settings: Settings, folder: Path = SEEDED) -> list[Checked]:
    """Make the seeded case when it is not there, and look at what came of its order."""
    new = seed_case(settings, folder)
    with read_home(seeded_settings(settings, folder)) as reader:
        order = reader.find(Order, source_signal_id=SIGNAL)[0]
        reports = reader.find(ExecutionReport, order_id=order.order_id)
    last = max(reports, key=lambda one: one.cumulative_filled_quantity)
    filled = f"{order.quantity} {order.symbol[:3]}, last {last.last_quantity}"
    return [
        Checked("home", True, f"{folder / 'home'}, {'made now' if new else 'there already'}"),
        equal("filled", f"{filled}, leaves {last.leaves_quantity}", "2 TMF, last 1, leaves 1"),
        equal("state", order.state.value, "PARTIALLY_FILLED"),
    ]


def demo(place: Place) -> Refusal | list[Checked]:
    """The newest governed order, as JSON and as Markdown."""
    made = demo_evidence(place.settings, None, place.now)
    told = _written(place, "paper-demo-evidence.json", made)
    if isinstance(made, PaperDemoEvidence):
        write_evidence(place.out / "paper-demo-evidence.md", markdown_of(made), place.settings)
    return told


def fill(place: Place) -> Refusal | list[Checked]:
    """The usual question to the paper model."""
    form, rule = SimulationForm(), ExecutionRules().default
    result = preview_model(form, rule, place.now)
    made = fill_evidence(place.settings, form, rule, result, place.now)
    return _written(place, "paper-broker-simulation-evidence.json", made)


def risk(place: Place) -> Refusal | list[Checked]:
    """The checks of the newest governed order."""
    newest = demo_evidence(place.settings, None, place.now)
    if isinstance(newest, Refusal):
        return newest
    made = risk_evidence(place.settings, newest.order_id, place.now)
    return _written(place, "paper-risk-evidence.json", made)


def log(place: Place) -> Refusal | list[Checked]:
    """The log, held against what this installation keeps outside its database."""
    with read_home(place.settings) as reader:
        evidence: Evidence = outside_evidence(reader, place.settings)
    made = integrity_evidence(place.settings, evidence, None, place.now)
    return _written(place, "paper-audit-integrity.json", made)


EXPORTS: Final[dict[str, Callable[[Place], Refusal | list[Checked]]]] = {
    "paper-demo-evidence-export": demo,
    "paper-broker-simulation-evidence-export": fill,
    "paper-risk-evidence-export": risk,
    "paper-audit-integrity-check": log,
}
"""What writes a document, by its name in the checklist."""


def _written(place: Place, name: str, made: Made) -> Refusal | list[Checked]:
    if isinstance(made, Refusal):
        return made
    write_evidence(place.out / name, evidence_json(made), place.settings)
    return [Checked("EVIDENCE_MADE", True, str(place.out / name))]
