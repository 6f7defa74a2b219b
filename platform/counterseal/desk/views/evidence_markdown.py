"""A governed order's evidence for people to read: the same facts as Markdown.

Job: write the document of TX-M1 as headings, lists and tables.

Invariants
  I1  Every figure is one of the document; text of people cannot become markup.

Not here: the document (views.evidence_documents).
Source: TX-M1.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from counterseal.desk.views.evidence_documents import PaperDemoEvidence
from counterseal.desk.views.marks import flag
from counterseal.kernel.clock import utc_text

_BLANK: Final = re.compile(r"\s+")


def plain(value: object) -> str:
    """A value as one code span of a table's cell, in which nothing is markup; empty stays empty."""
    said = _BLANK.sub(" ", str(value)).strip().replace("`", "'").replace("|", "\\|")
    return f"`{said}`" if said else ""


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    return [*lines, *(f"| {' | '.join(plain(cell) for cell in row)} |" for row in rows)]


def markdown_of(told: PaperDemoEvidence) -> str:
    """The document as Markdown, newline at the end."""
    payload = told.approval_request.payload
    facts = [
        ("Made at", utc_text(told.generated_at)),
        ("Workflow run", told.workflow_run_id),
        ("Approval request", told.approval_request_id),
        ("Asked for", f"{payload.side} up to {payload.max_quantity} {payload.symbol}"),
        ("Signal", told.source_signal_id),
        ("Strategy", f"{told.strategy_id} {told.strategy_version}"),
        ("Order", told.order_id),
        ("State of the order", told.final_oms_status),
        ("Sealed at", utc_text(told.persisted_at)),
        ("Database", told.local_sqlite_path or "none"),
    ]
    flags = [(name, flag(value)) for name, value in told.safety_flags]
    also = ("persisted", "uploaded", "export_persisted")
    flags += [(name, flag(getattr(told, name))) for name in also]
    lines = [
        "# Paper demo evidence (simulated)",
        "",
        *(f"- {warning}" for warning in told.warnings),
        "",
        *_table(("What", "Value"), facts),
        "",
        *_decisions(told),
        *_events(told),
        "## Safety flags",
        "",
        *_table(("Flag", "Value"), flags),
    ]
    return "\n".join(lines) + "\n"


def _decisions(told: PaperDemoEvidence) -> list[str]:
    rows = [
        (utc_text(one.decided_at), one.reviewer_id, one.reviewer_role, one.decision)
        for one in told.reviewer_decisions
    ]
    heads = ("Time", "Reviewer", "Role", "Decision")
    return ["## Decisions of reviewers", "", *_table(heads, rows), ""]


def _events(told: PaperDemoEvidence) -> list[str]:
    steps = [(e.sequence, e.event, e.to_state, utc_text(e.at)) for e in told.oms_events]
    records = [
        (e.seq, e.action, e.actor, "" if e.timestamp is None else utc_text(e.timestamp))
        for e in told.audit_events
    ]
    return [
        f"## Steps of the order: {told.oms_event_count}",
        "",
        *_table(("Step", "Event", "State", "Time"), steps),
        "",
        f"## Records of the log: {told.audit_event_count}",
        "",
        *_table(("Record", "Action", "By", "Time"), records),
        "",
    ]
