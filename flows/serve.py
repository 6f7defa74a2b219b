"""The house at work: server, deployments, worker, resident loop, pages, until told to stop.

Job: keep Prefect's server, a worker, the resident loop and the pages running, each started again
when it ends, and let running flows end first when stopping.

Invariants
  I1  What is served is what prefect.yaml says.
  I2  A stop takes no new run and waits for running ones, up to a bound.
  I3  What happens to the house stands in its log, too; a failure by its code.

Not here: settings and the server itself (engine), when a part is started again (supervisor), ending
processes (processes), what the loop does (attend).
Source: workflow parts 5 and 6.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from types import FrameType
from typing import Final, NoReturn

from counterseal.kernel.errors import AdapterError
from flows.engine import ROOT, Engine, await_server, engine_of, start_server
from flows.engine_client import asking
from flows.processes import Guarded, descendants
from flows.supervisor import Part
from storage.log_files import shorten
from storage.settings import Settings
from storage.system import process_clock
from storage.telling import House, Told, telling

PAGES: Final = "pages"
"""The one part that prints at the terminal, where people are told where it is."""

POOL: Final = "counterseal"  # as flows.furnish makes it; that module loads Prefect, this must not
POLL_SECONDS: Final = 5
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
    """Serve until SIGTERM or SIGINT; a part that ends is started again.

    Args:
        settings: Of the home.
        tell: Hears what happens.
        pages: Serve the windows too, before anything else.

    Raises:
        AdapterError: `ENGINE_PORT_TAKEN`, `ENGINE_FOREIGN`, `ENGINE_NOT_STARTED`, `DEPLOY_FAILED`;
            `HALL_PART_ENDED` when a part ends again and again.
    """
    engine = engine_of(settings)
    log = telling(settings.counterseal_home, House.SUPERVISOR, process_clock())
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    try:
        with ExitStack() as stack:

            def kept(name: str, start: Callable[[], Guarded]) -> Part:
                printed = None if name == PAGES else engine.output_of(name)
                made = stack.enter_context(Part(name, start, tell, log=log, output=printed))
                log(Told.PART_STARTED, child=name)
                return made

            parts = [kept(PAGES, partial(_pages, engine))] if pages else []
            server = kept("server", partial(start_server, engine, services=True, pages=True))
            await_server(engine, server.child)
            tell(f"server    http://127.0.0.1:{engine.port}")
            deploy(engine, "open")
            rounds = kept("rounds", partial(_rounds, engine))
            worker = kept("worker", partial(_worker, engine))
            tell(f"logs      {engine.logs}")
            tell(f"worker    pool {POOL}")
            log(Told.HOUSE_UP, port=engine.port, pid=os.getpid())
            _watch(engine, worker, (*parts, server, rounds, worker), tell)
    except _StopError:
        log(Told.HOUSE_STOPPED, pid=os.getpid())
    except AdapterError as error:
        log(Told.HOUSE_FAILED, error)
        raise


def _watch(
    engine: Engine, worker: Part, parts: Sequence[Part], tell: Callable[[str], None]
) -> NoReturn:
    try:
        while True:
            for part in parts:
                part.look()
            time.sleep(_WATCH_SECONDS)
    except _StopError:
        tell("stopping: no new runs; waiting for those that run")
        _drain(engine, worker.child)
        raise


def _pages(engine: Engine) -> Guarded:
    """The windows, by the command that people type; they say on the terminal where they are."""
    return Guarded((sys.executable, "-m", "ui.cli.app", "web"), engine.environment)


def _rounds(engine: Engine) -> Guarded:
    """The resident loop."""
    with engine.output_of("rounds").open("ab") as log:
        return Guarded((sys.executable, "-m", "flows", "attend"), engine.environment, log, ROOT)


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
    with engine.output_of("worker").open("ab") as log:
        return Guarded((sys.executable, "-m", *command), environment, log)


def _run(engine: Engine, *words: str) -> None:
    """Run a client of the engine from the checkout to its end.

    Raises:
        AdapterError: `DEPLOY_FAILED`.
    """
    told = engine.output_of("deploy")
    shorten(told)
    command = (sys.executable, "-m", *words)
    with told.open("ab") as log, Guarded(command, engine.environment, log, ROOT) as client:
        status = client.wait(_COMMAND_SECONDS_MAX)
    if status != 0:
        raise AdapterError("DEPLOY_FAILED", "Prefect refused; see its log", got=told)


def _stop(number: int, _: FrameType | None) -> NoReturn:
    del number
    raise _StopError
