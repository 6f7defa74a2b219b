"""Flow `notify`: people are told what waits for them and what became of what they did.

A channel that fails is tried again later; a round that told nobody is no failed run. Nothing of the
log or of a case changes here.

Not here: what is done (blocks, storage.notifying), when to tell (resident).
Source: issue point 5; governance row "reason, explanation, notices".
"""

from typing import cast

from prefect import flow
from prefect.blocks.core import Block as EngineBlock

from flows.blocks import Block, NotifyReport, tell
from flows.runs import FAILURES, leave_trace, milestone
from flows.workplace import workplace


async def loaded(name: str) -> Block:
    """A notification block that is kept at the server, by `type/name`."""
    return cast("Block", await EngineBlock.aload(name))


@milestone
async def told() -> NotifyReport:
    """One round; see `flows.blocks.tell`."""
    return await tell(workplace(), loaded)


@flow(name="notify", persist_result=False, on_failure=FAILURES)
async def notify() -> NotifyReport:
    """One round over every channel of the home.

    Raises:
        AdapterError: the home or its spool cannot be read.
        InputError: the home's channels are told wrongly.
    """
    report = await told()
    rows: list[dict[str, int | str]] = [
        {"channel": c.channel, "told": c.told, "postponed": c.postponed, "code": c.code or "ok"}
        for c in report.channels
    ]
    await leave_trace("notify", "fresh", str(report.fresh), rows)
    return report
