"""Flow `deliver`: messages that wait go to the gateway, and what it reported is taken in.

A message is claimed under a lease and kept under its ClOrdID, so that two rounds at once hand it
over once. A home without a gateway has nothing to do here.

Not here: what is done (gateway_work), when to work (resident).
Source: TX-I6; workflow part 5.
"""

from prefect import flow

from flows.gateway_work import deliver_messages
from flows.runs import FAILURES, counted, leave_trace, milestone, run_id
from flows.work import RoundReport
from flows.workplace import workplace


@milestone
async def delivered(run: str) -> RoundReport:
    """One round; see `flows.gateway_work.deliver_messages`."""
    return deliver_messages(workplace(), run)


@flow(name="deliver", persist_result=False, on_failure=FAILURES)
async def deliver() -> RoundReport:
    """One round over every message that is due.

    Raises:
        IntegrityError: sealing failed; nothing is acknowledged then.
        AdapterError: the home cannot be opened or written, or the gateway cannot be asked.
    """
    report = await delivered(run_id())
    await leave_trace("deliver", "head", report.subject, counted(report.steps))
    return report
