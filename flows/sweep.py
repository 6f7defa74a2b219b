"""Flow `sweep`: what time does to cases that wait is recorded: reminders, escalations, expiries.

Each step has a key of its own, so that a round again records nothing twice. Nobody's rights hang on
a round: whoever reads a case sees what is due by the clock.

Not here: what is due (desk.waiting), telling people (notify), schedules (prefect.yaml).
Source: governance rules 2.4 and 2.6; workflow part 5.
"""

from prefect import flow

from flows.runs import counted, leave_trace, milestone, run_id
from flows.waiting import SweepReport, sweep_cases
from flows.workplace import workplace


@milestone
async def swept(run: str) -> SweepReport:
    """One round; see `flows.waiting.sweep_cases`."""
    return sweep_cases(workplace(), run)


@flow(name="sweep", persist_result=False)
async def sweep() -> SweepReport:
    """One round over every case that waits.

    Raises:
        IntegrityError: sealing failed; nothing is acknowledged then.
        AdapterError: the home cannot be opened or written.
    """
    report = await swept(run_id())
    await leave_trace("sweep", "head", report.subject, counted(report.steps))
    return report
