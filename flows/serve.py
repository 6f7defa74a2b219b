"""The house at work: server, deployments, one worker, pages if asked for, until told to stop.

Job: keep Prefect's server, a worker and the pages running under guardians, and let running flows
end first when stopping.

Invariants
  I1  What is served is what prefect.yaml says.
  I2  A stop takes no new run and waits for running ones, up to a bound.

Not here: settings and the server itself (engine), ending processes (processes).
Source: workflow parts 5 and 6.
"""

import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from types import FrameType
from typing import Final, NoReturn

from counterseal.kernel.errors import AdapterError
from flows.engine import ROOT, Engine, engine_of, running_server
from flows.engine_client import asking
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


def serve(settings: Settings, tell: Callable[[str], None], *, pages: bool = False) -> None:
    """Serve until SIGTERM, SIGINT or the end of a part.

    Args:
        settings: Of the home.
        tell: Hears what happens.
        pages: Serve the windows too, before anything else.

    Raises:
        AdapterError: `ENGINE_PORT_TAKEN`, `ENGINE_FOREIGN`, `ENGINE_NOT_STARTED`, `DEPLOY_FAILED`;
            `HALL_PART_ENDED` when a part ends by itself.
    """
    engine = engine_of(settings)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    try:
        with ExitStack() as parts:
            windows = [parts.enter_context(_pages(engine))] if pages else []
            server = parts.enter_context(running_server(engine, services=True, pages=True))
            tell(f"server    http://127.0.0.1:{engine.port}")
            deploy(engine, "open")
            worker = parts.enter_context(_worker(engine))
            tell(f"worker    pool {POOL}")
            _watch(engine, worker, (server, worker, *windows), tell)
    except _StopError:
        return


def _watch(
    engine: Engine, worker: Guarded, parts: Sequence[Guarded], tell: Callable[[str], None]
) -> NoReturn:
    try:
        while all(part.status is None for part in parts):
            time.sleep(_WATCH_SECONDS)
    except _StopError:
        tell("stopping: no new runs; waiting for those that run")
        _drain(engine, worker)
        raise
    raise AdapterError("HALL_PART_ENDED", "a part ended; see the messages above")


def _pages(engine: Engine) -> Guarded:
    """The windows, by the command that people type."""
    return Guarded((sys.executable, "-m", "ui.cli.app", "web"), engine.environment)


def _drain(engine: Engine, worker: Guarded) -> None:
    """The worker would leave its runs behind: pause the pool, and wait for them."""
    # a server that is gone gives out no runs
    with suppress(AdapterError), asking(engine) as client:
        client.pause_pool(POOL)
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
