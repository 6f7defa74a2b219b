"""What leaves the log through a page: files with the bytes that the command line writes.

Job: make each export of a case, and name the command that makes the same one.

Invariants
  I1  An export is made by the function that its command calls; a page adds and leaves out nothing.
  I2  Nothing is written: a file exists in the answer to the browser alone.

Not here: who may see a case (ui.web.views.evidence_export), packs (ui.packing).
Source: TX-M1, TX-M3, TX-M4, TX-M7; ui part 1 (Evidence).
"""

from collections.abc import Mapping
from io import BytesIO
from typing import NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from counterseal.approvals.model import ApprovalDecision
from counterseal.audit.evidence import Evidence
from counterseal.desk.approvals import case_stream
from counterseal.identity.keys import PersonKey
from evidence.signatures import signature_files
from storage.home_reader import HomeReader
from storage.settings import Settings
from ui.cli.absence import told_records
from ui.evidence_texts import demo_evidence, evidence_json, integrity_evidence, risk_evidence
from ui.exports import document_text
from ui.web import house


class Export(NamedTuple):
    """One file and the command that writes the same."""

    name: str
    mime: str
    command: str


JSON = "application/json"


def records_of(request_id: str) -> Export:
    """Every record of a case as stored, and the newest checkpoint."""
    command = f"counterseal audit show --stream {case_stream(request_id)} --json"
    return Export(f"records-{request_id}.json", JSON, command)


def records_text(reader: HomeReader, request_id: str) -> str:
    """Its bytes."""
    rows = list(reader.in_streams(case_stream(request_id)))
    return document_text(told_records(reader, rows)[0])


def signatures_of(request_id: str) -> Export:
    """The signed bytes, signature and public key of every decision of a case."""
    command = f"counterseal approvals signatures {request_id} --out FOLDER"
    return Export(f"signatures-{request_id}.zip", "application/zip", command)


def signatures_zip(
    reader: HomeReader, request_id: str, decisions: tuple[ApprovalDecision, ...]
) -> bytes:
    """The files that the command writes into a folder, in one that is the same each time.

    Raises:
        IntegrityError: those of `signature_files`.
    """
    keys = {key.key_id: key for key in reader.find(PersonKey)}
    return zipped(signature_files(request_id, decisions, keys)[0])


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Files in the order of their names, without any time."""
    made = BytesIO()
    with ZipFile(made, "w", ZIP_DEFLATED) as folder:
        for name in sorted(files):
            folder.writestr(ZipInfo(name), files[name], ZIP_DEFLATED)
    return made.getvalue()


def demo_of(request_id: str) -> Export:
    """The newest order of a case, from its approval to what became of it."""
    command = f"counterseal evidence demo --case {request_id}"
    return Export(f"paper-demo-evidence-{request_id}.json", JSON, command)


def demo_text(settings: Settings, request_id: str) -> str:
    """Its bytes; the time at which it is made stands in it.

    Raises:
        CountersealError: the home cannot be read.
    """
    return evidence_json(demo_evidence(settings, request_id, house.CLOCK.now()))


def risk_of(order_id: str) -> Export:
    """All checks on an order, with the state and the limits that they were judged by."""
    command = f"counterseal evidence risk {order_id}"
    return Export(f"risk-evidence-{order_id}.json", JSON, command)


def risk_text(settings: Settings, order_id: str) -> str:
    """Its bytes.

    Raises:
        CountersealError: the home cannot be read.
    """
    return evidence_json(risk_evidence(settings, order_id, house.CLOCK.now()))


def run_of(run_id: str) -> Export:
    """Each record of one workflow run against what it should be."""
    command = f"counterseal evidence integrity --run {run_id}"
    return Export(f"integrity-{run_id}.json", JSON, command)


def run_text(settings: Settings, run_id: str) -> str:
    """Its bytes: the log alone is looked at, as the command does without options.

    Raises:
        CountersealError: the log cannot be read.
    """
    return evidence_json(integrity_evidence(settings, Evidence(), run_id, house.CLOCK.now()))


def log_export() -> Export:
    """The state of the whole log, its totals, flags and gaps."""
    return Export("audit-integrity.json", JSON, "counterseal evidence integrity")


def log_text(settings: Settings) -> str:
    """Its bytes: the log alone is looked at, as the command does without options.

    Raises:
        CountersealError: the log cannot be read.
    """
    return evidence_json(integrity_evidence(settings, Evidence(), None, house.CLOCK.now()))


def checkpoint_export() -> Export:
    """The newest signed checkpoint."""
    return Export("checkpoint.txt", "text/plain", "counterseal audit checkpoint")
