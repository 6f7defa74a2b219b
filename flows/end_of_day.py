"""Flow `end_of_day`: equity, cash and positions of every account when a trading day has ended.

Days that were missed are made up in their order; on a day without a session nothing is due.

Not here: which days are due (desk.day_end), the schedule (prefect.yaml).
Source: MB-E4; workflow part 5.
"""

from prefect import flow

from flows.daily_work import end_days
from flows.runs import FAILURES, counted, leave_trace, milestone, run_id
from flows.work import RoundReport
from flows.workplace import workplace


@milestone
async def ended(run: str) -> RoundReport:
    """The statements that are due; see `flows.daily_work.end_days`."""
    return end_days(workplace(), run)


@flow(name="end-of-day", persist_result=False, on_failure=FAILURES)
async def end_of_day() -> RoundReport:
    """State every trading day that ended without a statement.

    Raises:
        InputError: `CALENDAR_RANGE` beyond the calendar.
        IntegrityError: sealing failed; nothing is acknowledged then.
        AdapterError: the home cannot be opened or written.
    """
    report = await ended(run_id())
    await leave_trace("end-of-day", "head", report.subject, counted(report.steps))
    return report
