"""Flow `retention`: what the schedule lets go, and no hold keeps, is put before two people.

The run purges nothing: it writes the plan that `counterseal records purge` needs two people for.

Not here: what is due (audit.retention), planning (desk.due_purges), the schedule (prefect.yaml).
Source: workflow part 5; policies/retention.
"""

from prefect import flow

from flows.daily_work import plan_purges
from flows.runs import FAILURES, counted, leave_trace, milestone, run_id
from flows.work import RoundReport
from flows.workplace import workplace


@milestone
async def planned(run: str) -> RoundReport:
    """The plan that is due; see `flows.daily_work.plan_purges`."""
    return plan_purges(workplace(), run)


@flow(name="retention", persist_result=False, on_failure=FAILURES)
async def retention() -> RoundReport:
    """Plan what may go by now; nothing on most days.

    Raises:
        IntegrityError: sealing failed; nothing is acknowledged then.
        AdapterError: the home cannot be opened or written.
    """
    report = await planned(run_id())
    await leave_trace("retention", "head", report.subject, counted(report.steps))
    return report
