"""What leaves the log through a page: files with the bytes that the command line writes.

Job: make each export of a case, and name the command that makes the same one.

Invariants
  I1  An export is made by the function that its command calls; a page adds and leaves out nothing.
  I2  Nothing is written: a file exists in the answer to the browser alone.

Not here: who may see a case (ui.web.views.evidence_export), packs that prove what was left out.
Source: TX-M4, TX-M7; ui part 1 (Evidence).
"""

from collections.abc import Mapping
from io import BytesIO
from typing import NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from counterseal.approvals.model import ApprovalDecision
from counterseal.audit.evidence import Evidence
from counterseal.desk.approvals import case_stream
from counterseal.desk.views.integrity import run_integrity
from counterseal.identity.keys import PersonKey
from counterseal.kernel.model import Refusal
from storage.home_integrity import home_integrity
from storage.home_reader import HomeReader, read_home
from storage.settings import Settings
from ui.cli.absence import told_records
from ui.cli.signature_export import signature_files
from ui.exports import document_text


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


def run_of(run_id: str) -> Export:
    """Each record of one workflow run against what it should be."""
    return Export(f"integrity-{run_id}.json", JSON, f"counterseal audit run {run_id} --json")


def run_text(settings: Settings, run_id: str) -> str:
    """Its bytes: the log alone is looked at, as the command does without options.

    Raises:
        CountersealError: the log cannot be read.
    """
    with read_home(settings) as reader:
        view = run_integrity(reader.records(), reader.checkpoints(), Evidence(), run_id)
    if isinstance(view, Refusal):
        return document_text({"ok": False, "refusal": view.json_value()})
    return document_text({"integrity": view.json_value()})


def log_export() -> Export:
    """The state of the whole log, its totals, flags and gaps."""
    return Export("audit-integrity.json", JSON, "counterseal audit status --json")


def log_text(settings: Settings) -> str:
    """Its bytes: the log alone is looked at, as the command does without options.

    Raises:
        CountersealError: the log cannot be read.
    """
    with read_home(settings) as reader:
        panel = home_integrity(reader, settings, Evidence()).panel
    return document_text(panel.json_value())


def checkpoint_export() -> Export:
    """The newest signed checkpoint."""
    return Export("checkpoint.txt", "text/plain", "counterseal audit checkpoint")
