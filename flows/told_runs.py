"""The newest runs of a home, as its workflow server tells them.

Job: ask the resident server over its own interface, as a client that loads nothing of the engine.

Invariants
  I1  Looking starts no server, makes no secret and changes no run.
  I2  A server that does not answer, or not as it should, is an error and never an empty list.
  I3  What a run did are the counts and codes of its own trace (flows.runs); nothing else is read.

Not here: what runs left on record in the home (storage.home_runs), starting and ending the server
(flows.engine, flows.serve), asking (flows.engine_client).
Source: workflow parts 2 and 5; ui part 1 (Settings: flow runs).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.errors import AdapterError
from counterseal.kernel.model import DomainModel, Name, Text
from flows.engine import answers, engine_of, secret_file
from flows.engine_client import ANSWER_SECONDS_MAX, ROWS, Rows, asking
from storage.settings import Settings

RUNS_MAX: Final = 200
"""What the server gives at once."""
_UNTOLD: Final = "unknown"


class RunState(StrEnum):
    """How a run stands, in the server's words."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CRASHED = "CRASHED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    PAUSED = "PAUSED"


class TraceRow(DomainModel):
    """One row of a run's trace, such as `accepted` and how many steps came to that."""

    name: Text
    value: Text


class RunTold(DomainModel):
    """One run; times in UTC.

    Attributes:
        flow: Its name, as deployments have it.
        started, ended: None before.
        did: From its trace; empty for a run that left none.
    """

    run_id: Name
    flow: Name
    state: RunState
    started: UtcDatetime | None = None
    ended: UtcDatetime | None = None
    did: tuple[TraceRow, ...] = ()


def told_runs(settings: Settings, limit: int = RUNS_MAX) -> tuple[RunTold, ...]:
    """The newest runs that were begun, newest first.

    Raises:
        AdapterError: `ENGINE_UNREACHABLE`, `ENGINE_FOREIGN`.
        IntegrityError: `KEY_FILE_OPEN` when others may read the server's secret.
        InputError: `SETTINGS_INVALID`.
    """
    if not secret_file(settings).exists():
        raise AdapterError("ENGINE_UNREACHABLE", "no workflow server ever ran in this home")
    engine = engine_of(settings)
    if not answers(engine, ANSWER_SECONDS_MAX):
        raise AdapterError("ENGINE_UNREACHABLE", "no workflow server answers", retriable=True)
    begun = {"state": {"type": {"not_any_": ["SCHEDULED"]}}}
    asked = {"sort": "START_TIME_DESC", "limit": min(limit, RUNS_MAX), "flow_runs": begun}
    with asking(engine) as client:
        runs = client.rows("flow_runs", asked)
        ids = {"any_": [run["id"] for run in runs]}
        flows = {"flows": {"id": {"any_": sorted({run["flow_id"] for run in runs})}}}
        names = {row["id"]: row["name"] for row in client.rows("flows", flows)}
        traces = client.rows("artifacts", {"artifacts": {"flow_run_id": ids}})
        return tuple(_run(row, names, traces) for row in runs)


def _run(row: Mapping[str, Any], names: Mapping[str, str], traces: Rows) -> RunTold:
    own = (one for one in traces if one["flow_run_id"] == row["id"] and one["type"] == "table")
    return RunTold(
        run_id=row["id"],
        flow=names.get(row["flow_id"], _UNTOLD),
        state=RunState(row["state_type"]),
        started=_time(row["start_time"]),
        ended=_time(row["end_time"]),
        did=tuple(told for one in own for told in _trace(one["data"])),
    )


def _trace(table: object) -> list[TraceRow]:
    """The rows of a trace; what is no table of two columns says nothing."""
    try:
        rows = [[*map(str, row.values())] for row in ROWS.validate_json(str(table))]
        return [TraceRow(name=name, value=value) for name, value in rows]
    except ValueError:
        return []


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
