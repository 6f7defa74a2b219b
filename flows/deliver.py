"""Flow `deliver`: messages that wait go to the gateway, and what it reported is taken in.

A message is claimed under a lease and kept under its ClOrdID, so that two rounds at once hand it
over once. A home without a gateway has nothing to do here.

Not here: what is done (gateway_work), schedules (prefect.yaml).
Source: TX-I6; workflow part 5.
"""

from prefect import flow

from flows.gateway_work import DeliverReport, deliver_messages
from flows.runs import counted, leave_trace, milestone, run_id
from flows.workplace import workplace


@milestone
async def delivered(run: str) -> DeliverReport:
    """One round; see `flows.gateway_work.deliver_messages`."""
    return deliver_messages(workplace(), run)


@flow(name="deliver", persist_result=False)
async def deliver() -> DeliverReport:
    """One round over every message that is due.

    Raises:
        IntegrityError: sealing failed; nothing is acknowledged then.
        AdapterError: the home cannot be opened or written, or the gateway cannot be asked.
    """
    report = await delivered(run_id())
    await leave_trace("deliver", "head", report.subject, counted(report.steps))
    return report
