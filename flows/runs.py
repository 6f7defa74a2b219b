"""What every run has: an id, milestones that may be tried again, and a trace.

Job: bind our plain functions to Prefect in one place.

Invariants
  I1  Only a failure of the world is tried again, and only one that says it may pass.
  I2  A trace holds counts, codes and ids: no name, comment or price.
  I3  How a run ended stands in the log of the flows, too, under its id.

Not here: what the functions do (work), the log of the flows (run_log).
Source: workflow parts 4 and 5.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from prefect import Flow, task
from prefect.artifacts import acreate_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import FlowRun, State, TaskRun
from prefect.events import emit_event
from prefect.events.worker import EventsWorker
from prefect.flows import FlowStateHook
from prefect.logging.handlers import APILogWorker
from prefect.runtime import flow_run
from prefect.states import aget_state_exception
from prefect.tasks import Task

from counterseal.kernel.errors import AdapterError
from flows.run_log import tell_done, tell_failed
from flows.work import Step

RETRIES: Final = 2
RETRY_DELAYS_SECONDS: Final = [1.0, 5.0]
DRAIN_SECONDS_MAX: Final = 5
ACCEPTED: Final = "accepted"


def may_try_again(task_: Task[Any, Any], run: TaskRun, state: State[Any]) -> bool:
    """Whether the failure is the world's and may pass."""
    del task_, run
    return isinstance(state.data, AdapterError) and state.data.retriable


milestone = task(
    retries=RETRIES,
    retry_delay_seconds=RETRY_DELAYS_SECONDS,
    retry_condition_fn=may_try_again,
    cache_policy=NO_CACHE,
    persist_result=False,
)
"""Makes a visible step of a run, tried again after a passing failure of the world."""


def run_id() -> str:
    """Id of the run that calls, for tracing only; it never enters a key."""
    return str(flow_run.id)


def counted(steps: Sequence[Step]) -> list[dict[str, int | str]]:
    """How many steps were accepted, and how many refused for which first reason."""
    counts = Counter(step.codes[0] if step.codes else ACCEPTED for step in steps)
    return [{"outcome": code, "count": count} for code, count in sorted(counts.items())]


async def leave_trace(
    name: str, kind: str, subject: str, rows: Sequence[dict[str, int | str]]
) -> None:
    """One table and one event.

    Args:
        name: Of the flow, in lower case with dashes.
        kind: What the subject is: `source`, `batch` or `head`.
        subject: Its id.
        rows: The table; counts and codes only.
    """
    tell_done(run_id(), name, subject)
    await acreate_table_artifact(table=[*rows], key=name, description=f"{kind} {subject}")
    emit_event(
        event=f"counterseal.{name}.done",
        resource={"prefect.resource.id": f"counterseal.{kind}.{subject}"},
    )


async def tell_failure(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:
    """A run that failed, in the log of the flows: by the code of what ended it."""
    tell_failed(str(flow_run.id), flow.name, await aget_state_exception(state))


FAILURES: Final[list[FlowStateHook[..., Any]]] = [tell_failure]
"""What every flow is told with: `@flow(..., on_failure=FAILURES)`."""


def drain() -> None:
    """Send what waits to be sent, before a temporary server goes."""
    EventsWorker.drain_all(timeout=DRAIN_SECONDS_MAX, at_exit=False)
    APILogWorker.drain_all(timeout=DRAIN_SECONDS_MAX, at_exit=False)
