"""Flow `time_stamp`: the newest checkpoint under a time-stamp of the authority that is named.

Not here: what is asked (evidence).
Source: audit-log part 5; RFC 3161.
"""

from prefect import flow

from flows.evidence import EvidenceReport, stamp
from flows.runs import FAILURES, leave_trace, milestone
from flows.workplace import workplace


@milestone
async def stamped() -> EvidenceReport:
    """The token; see `flows.evidence.stamp`."""
    return stamp(workplace())


@flow(name="time-stamp", persist_result=False, on_failure=FAILURES)
async def time_stamp() -> EvidenceReport:
    """One time-stamp, where an authority is named and the last one is old.

    Raises:
        IntegrityError: `EVIDENCE_CONTRADICTS`, after it was shown in the engine.
        AdapterError: `EVIDENCE_FAILED`, the same.
    """
    report = await stamped()
    await leave_trace("time-stamp", "head", report.subject, report.rows)
    return report.checked()
