"""Flow `sweep`: records what time does to cases and orders: reminders, escalations, expiries.

It also looks at the loss of every account and at orders that waited too long.

Each step has a key of its own, so that a round again records nothing twice. Nobody's rights hang on
a round: whoever reads a case sees what is due by the clock.

Not here: what is due (desk.waiting, desk.closing), telling people (notify), when to
look (resident).
Source: governance rules 2.4 and 2.6; trading reference 1.5; workflow part 5.
"""

from prefect import flow

from flows.runs import FAILURES, counted, leave_trace, milestone, run_id
from flows.waiting import sweep_all
from flows.work import RoundReport
from flows.workplace import workplace


@milestone
async def swept(run: str) -> RoundReport:
    """One round; see `flows.waiting.sweep_all`."""
    return sweep_all(workplace(), run)


@flow(name="sweep", persist_result=False, on_failure=FAILURES)
async def sweep() -> RoundReport:
    """One round over every case that waits and every order that rests.

    Raises:
        IntegrityError: sealing failed; nothing is acknowledged then.
        AdapterError: the home cannot be opened or written.
    """
    report = await swept(run_id())
    await leave_trace("sweep", "head", report.subject, counted(report.steps))
    return report
