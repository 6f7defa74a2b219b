"""Flow `intake`: a kept file of signals becomes signals and approval requests, and the run ends.

Not here: people's decisions, which no run waits for.
Source: workflow parts 3 and 5.
"""

from prefect import flow

from flows.runs import FAILURES, counted, leave_trace, milestone, run_id
from flows.work import IntakeReport, take_in
from flows.workplace import workplace


@milestone
async def taken_in(digest: str, terms: str | None, run: str) -> IntakeReport:
    """Signals and requests; see `flows.work.take_in`."""
    return take_in(workplace(), digest, terms, run)


@flow(name="intake", persist_result=False, on_failure=FAILURES)
async def intake(digest: str, terms: str | None = None) -> IntakeReport:
    """Take a kept file in.

    Args:
        digest: Of the signals, as `flows.inbox.keep` gave it.
        terms: Of the terms on which approval is asked for; None asks for nothing.
    """
    report = await taken_in(digest, terms, run_id())
    await leave_trace("intake", "source", digest, counted((*report.signals, *report.requests)))
    return report
