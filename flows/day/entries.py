"""The two flows of a governed day.

Each run takes its party's turns until the day is over; whose turn it is follows the replayed time.

Not here: what a turn does (loop); Prefect's settings (engine).
Source: workflow part 5 (governed day: intake and execute, two runs); ADR 0004.
"""

from prefect import flow

from flows.day.run import execute_turns, intake_turns


@flow(name="intake", persist_result=False)
async def intake(day: str) -> None:
    """Signals and approval requests of a day, as its market moves."""
    await intake_turns(day)


@flow(name="execute", persist_result=False)
async def execute(day: str) -> None:
    """Submits of a day, as approvals become due."""
    await execute_turns(day)
