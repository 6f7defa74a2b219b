"""Flow `execute`: one attempt at one claimed batch of approved requests, and the run ends.

The run is started at least once; the desk's keys and the attempt number make its effect happen
once. It brings ids only: an approval is read and verified where it is spent.

Not here: claiming (desk.dispatch), what may be submitted (approvals, risk).
Source: workflow part 3.
"""

from prefect import flow

from flows.runs import FAILURES, counted, leave_trace, milestone, run_id
from flows.work import ExecuteReport, carry_out
from flows.workplace import workplace


@milestone
async def carried_out(batch_id: str, attempt: int, run: str) -> ExecuteReport:
    """Orders, or the reasons against them; see `flows.work.carry_out`."""
    return carry_out(workplace(), batch_id, attempt, run)


@flow(name="execute", persist_result=False, on_failure=FAILURES)
async def execute(batch_id: str, attempt: int) -> ExecuteReport:
    """Execute a batch.

    Args:
        batch_id: As `desk.dispatch.claim` named it.
        attempt: The claim this run acts for.
    """
    report = await carried_out(batch_id, attempt, run_id())
    await leave_trace("execute", "batch", batch_id, counted(report.orders))
    return report
