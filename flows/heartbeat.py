"""Flow `heartbeat`: an idle log gets a record, and witnesses the newest checkpoint.

A contradiction or a witness that failed fails the run; the resident loop asks again in a minute.

Not here: what is asked of whom (evidence).
Source: audit-log part 5.
"""

from prefect import flow

from flows.evidence import EvidenceReport, keep_alive
from flows.runs import FAILURES, leave_trace, milestone, run_id
from flows.workplace import workplace


@milestone
async def kept_alive(run: str) -> EvidenceReport:
    """Heartbeat and cosignatures; see `flows.evidence.keep_alive`."""
    return keep_alive(workplace(), run)


@flow(name="heartbeat", persist_result=False, on_failure=FAILURES)
async def heartbeat() -> EvidenceReport:
    """One sign of life.

    Raises:
        IntegrityError: `EVIDENCE_CONTRADICTS`, after it was shown in the engine.
        AdapterError: `EVIDENCE_FAILED`, the same.
    """
    report = await kept_alive(run_id())
    await leave_trace("heartbeat", "head", report.subject, report.rows)
    return report.checked()
