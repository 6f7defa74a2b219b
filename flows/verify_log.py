"""Flow `verify_log`: verify the log against outside evidence and the tables against the log.

A contradiction fails the run and is never tried again: evidence that is broken stays broken.

Not here: how a log is verified (audit.verify), how tables are compared (storage.reconcile).
Source: workflow part 5.
"""

from prefect import flow

from counterseal.kernel.errors import IntegrityError
from flows.runs import FAILURES, leave_trace, milestone
from flows.work import TAMPERED, LogReport, judge_log
from flows.workplace import workplace


class LogTamperedError(IntegrityError):
    """The log contradicts itself or the evidence, or a table differs from it.

    Attributes:
        report: Everything that was found.
    """

    def __init__(self, report: LogReport) -> None:
        verdict, tables = report.verdict, report.reconciliation
        super().__init__(
            "LOG_TAMPERED",
            "the log or its tables were changed",
            got=f"{verdict.findings_count} findings, {len(tables.differences)} differences",
        )
        self.report = report


@milestone
async def judged() -> LogReport:
    """The verdict; see `flows.work.judge_log`."""
    return judge_log(workplace())


@flow(name="verify-log", persist_result=False, on_failure=FAILURES)
async def verify_log() -> LogReport:
    """Verify the whole log.

    Raises:
        LogTamperedError: `LOG_TAMPERED`, after the verdict was shown in the engine.
    """
    report = await judged()
    verdict, tables = report.verdict, report.reconciliation
    rows: list[dict[str, int | str]] = [
        {"question": "verdict", "answer": verdict.outcome.value},
        {"question": "records", "answer": verdict.totals.size},
        {"question": "records unsealed", "answer": verdict.totals.unsealed},
        {"question": "findings", "answer": verdict.findings_count},
        {"question": "rows compared", "answer": tables.rows},
        {"question": "differences", "answer": len(tables.differences)},
    ]
    rows.extend(
        {"question": a.attacker.value, "answer": a.verdict.value} for a in verdict.attackers
    )
    await leave_trace("verify-log", "head", str(verdict.totals.size), rows)
    if report.exit_status == TAMPERED:
        raise LogTamperedError(report)
    return report
