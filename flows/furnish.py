"""What deployments need on the server: a pool, and an automation that shows dead runs.

A run whose process was killed with its worker stays "Running" for ever; without a heartbeat for
90 seconds it is shown Crashed. That is all this automation does: cases and orders have leases of
their own, and no automation acts on them. Run as a program, in the engine's environment.

Not here: deployments themselves (prefect.yaml).
Source: workflow part 6, where each was measured.
"""

import asyncio
import sys
from contextlib import suppress
from datetime import timedelta
from typing import Final

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectAlreadyExists
from prefect.workers.process import ProcessWorker

POOL: Final = "counterseal"
ZOMBIES: Final = "counterseal: a run without heartbeat is shown crashed"
SILENCE_SECONDS_MAX: Final = 90
"""Three heartbeats."""

_RUN: Final = "prefect.flow-run"
_HEARTBEAT: Final = f"{_RUN}.heartbeat"
_ENDS: Final = ("Completed", "Failed", "Crashed", "Cancelled")


OPEN: Final = "open"
"""Told to the program: let the pool give out runs again, after a stop had closed it."""


async def furnish(client: PrefectClient) -> None:
    """Create what is missing; again changes nothing."""
    pool = WorkPoolCreate(
        name=POOL,
        type=ProcessWorker.type,
        base_job_template=ProcessWorker.get_default_base_job_template(),
    )
    with suppress(ObjectAlreadyExists):  # its settings are the operator's by then
        await client.create_work_pool(pool)
    if not await client.read_automations_by_name(ZOMBIES):
        await client.create_automation(zombies())


def zombies() -> AutomationCore:
    """The automation: after a heartbeat, neither a heartbeat nor an end within 90 seconds."""
    return AutomationCore(
        name=ZOMBIES,
        trigger=EventTrigger(
            after={_HEARTBEAT},
            expect={_HEARTBEAT, *(f"{_RUN}.{end}" for end in _ENDS)},
            match={"prefect.resource.id": f"{_RUN}.*"},
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=SILENCE_SECONDS_MAX),
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message="no heartbeat for 90 s")],
    )


async def _main() -> None:
    async with get_client() as client:
        await furnish(client)
        if OPEN in sys.argv[1:]:
            await client.update_work_pool(POOL, WorkPoolUpdate(is_paused=False))


if __name__ == "__main__":
    asyncio.run(_main())
