"""The hall at work: server, deployments, one worker, until told to stop.

Job: keep Prefect's server and a worker running under guardians, and let running flows end first
when stopping.

Invariants
  I1  What is served is what prefect.yaml says.
  I2  A stop takes no new run and waits for running ones, up to a bound.

Not here: settings and the server itself (engine), ending processes (processes).
Source: workflow parts 5 and 6.
"""

import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Final, NoReturn

from counterseal.kernel.errors import AdapterError
from flows.engine import ROOT, Engine, engine_of, running_server
from flows.processes import Guarded, descendants
from storage.settings import Settings

POOL: Final = "counterseal"  # as flows.furnish makes it; that module loads Prefect, this must not
POLL_SECONDS: Final = 2
"""How often the worker looks for due runs; the server's idle load grows with it."""

DRAIN_SECONDS_MAX: Final = 60
_WATCH_SECONDS: Final = 0.5
_IDLE_WORKER: Final = 1  # process below the worker's guardian: the worker itself
_COMMAND_SECONDS_MAX: Final = 120


class _StopError(Exception):
    """A signal told us to stop."""


def deploy(engine: Engine, *told: str) -> None:
    """Bring pool and deployments to a running server; again changes nothing.

    Args:
        engine: Its server runs.
        told: `open` lets a pool give out runs that an earlier stop had closed.

    Raises:
        AdapterError: `DEPLOY_FAILED`.
    """
    _run(engine, "flows.furnish", *told)
    _run(engine, "prefect", "--no-prompt", "deploy", "--all")


def serve(settings: Settings, tell: Callable[[str], None]) -> None:
    """Serve until SIGTERM, SIGINT or the end of a part.

    Args:
        settings: Of the home.
        tell: Hears what happens.

    Raises:
        AdapterError: `ENGINE_PORT_TAKEN`, `ENGINE_FOREIGN`, `ENGINE_NOT_STARTED`, `DEPLOY_FAILED`;
            `HALL_PART_ENDED` when server or worker end by themselves.
    """
    engine = engine_of(settings)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    try:
        with running_server(engine, services=True, pages=True) as server:
            tell(f"server    http://127.0.0.1:{engine.port}")
            deploy(engine, "open")
            with _worker(engine) as worker:
                tell(f"worker    pool {POOL}")
                _watch(engine, server, worker, tell)
    except _StopError:
        return


def _watch(
    engine: Engine, server: Guarded, worker: Guarded, tell: Callable[[str], None]
) -> NoReturn:
    try:
        while server.status is None and worker.status is None:
            time.sleep(_WATCH_SECONDS)
    except _StopError:
        tell("stopping: no new runs; waiting for those that run")
        _drain(engine, worker)
        raise
    raise AdapterError("HALL_PART_ENDED", "server or worker ended; see the messages above")


def _drain(engine: Engine, worker: Guarded) -> None:
    """The worker would leave its runs behind: pause the pool, and wait for them."""
    with suppress(AdapterError):  # a server that is gone gives out no runs
        _run(engine, "prefect", "work-pool", "pause", POOL)
    until = time.monotonic() + DRAIN_SECONDS_MAX
    while time.monotonic() < until and len(descendants(worker.pid)) > _IDLE_WORKER:
        time.sleep(_WATCH_SECONDS)


def _worker(engine: Engine) -> Guarded:
    environment = {**engine.environment, "PREFECT_WORKER_QUERY_SECONDS": str(POLL_SECONDS)}
    command = ("prefect", "worker", "start", "--pool", POOL, "--type", "process")
    return Guarded((sys.executable, "-m", *command), environment)


def _run(engine: Engine, *words: str) -> None:
    """Run a client of the engine from the checkout to its end.

    Raises:
        AdapterError: `DEPLOY_FAILED`.
    """
    told = engine.folder / "deploy.log"
    command = (sys.executable, "-m", *words)
    with told.open("wb") as log, Guarded(command, engine.environment, log, ROOT) as client:
        status = client.wait(_COMMAND_SECONDS_MAX)
    if status != 0:
        raise AdapterError("DEPLOY_FAILED", "Prefect refused; see its log", got=told)


def _stop(number: int, _: FrameType | None) -> NoReturn:
    del number
    raise _StopError
