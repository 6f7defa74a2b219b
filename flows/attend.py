"""`python -m flows attend`: the resident loop of a home, until told to stop.

Job: say which rounds a home has, and run them in two threads, so that what is slow (asking those
outside, mail) never keeps an approved order waiting.

Invariants
  I1  One loop leads a home: it holds a file beside the engine's, and a second one waits for it.
  I2  A thread that ends by itself ends the process; its supervisor starts another.

Not here: the loop (resident), what rounds do (their modules), its supervisor (serve).
Source: workflow part 5.
"""

import asyncio
import signal
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from functools import partial
from typing import Final

from counterseal.kernel.errors import AdapterError
from flows import blocks
from flows.dispatching import Dispatching, Execute
from flows.engine import Engine, adopt, answers, engine_of, hall_settings
from flows.evidence import keep_alive, stamp
from flows.gateway_work import deliver_messages
from flows.resident import Resident, Round, Turn
from flows.waiting import sweep_all
from flows.work import ExecuteReport
from flows.workplace import Workplace, working_at
from storage.engines import reading_engine
from storage.leading import FileGate
from storage.log_signer import log_signer
from storage.quote_file import home_feed
from storage.sealed_log import SealedLog
from storage.settings import Settings

LOCK_FILE: Final = "resident.lock"
_ANSWER_SECONDS_MAX: Final = 10


def attend(settings: Settings, tell: Callable[[str], None]) -> None:
    """Do the rounds of a home until SIGTERM or SIGINT.

    Args:
        settings: Of the home.
        tell: Hears that the loop leads, and of every round that failed.

    Raises:
        InputError, IntegrityError: the home's key cannot be opened; `SETTINGS_INVALID`.
        AdapterError: the home cannot be read; `LOOP_ENDED` when a thread of it ended.
    """
    engine, stopped = engine_of(settings), threading.Event()
    adopt(engine)
    service = hall_settings().counterseal_service_id
    place = Workplace(settings, feed=home_feed(settings), service_id=service)
    with FileGate(engine.folder / LOCK_FILE).alone():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        import flows.execute  # noqa: F401, PLC0415 - now, so that no order waits for it later

        signer = log_signer(settings)
        head = SealedLog(reading_engine(settings.database, keeps=True)).newest

        def hear(turn: Turn) -> None:
            if turn.error is not None:
                tell(f"rounds    {turn.name} failed: {type(turn.error).__name__} {turn.error}")

        def loop(rounds: tuple[Round, ...]) -> None:
            Resident(place.clock, partial(place.at_desk, signer), rounds, head, hear).run(stopped)

        tell("rounds    the resident loop leads")
        with ThreadPoolExecutor(2) as threads:
            running = [threads.submit(loop, part) for part in (_orders(engine, settings), _calm())]
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            ended = not stopped.is_set()
            stopped.set()
        for one in done:
            one.result()
        if ended:
            raise AdapterError("LOOP_ENDED", "a thread of the resident loop ended")


def _orders(engine: Engine, settings: Settings) -> tuple[Round, ...]:
    """The rounds that orders wait for: at once when the log has grown."""

    def executor(place: Workplace) -> Execute:
        if not answers(engine, _ANSWER_SECONDS_MAX):
            raise AdapterError("ENGINE_UNREACHABLE", "no workflow server answers", retriable=True)
        return lambda batch_id, attempt: _executed(place, batch_id, attempt)

    dispatch = Round("dispatch", Dispatching(executor).round, grown=True)
    if settings.counterseal_gateway == "none":
        return (dispatch,)
    return dispatch, Round("deliver", lambda place: deliver_messages(place, "rounds"), grown=True)


def _calm() -> tuple[Round, ...]:
    """The rounds that time alone makes due."""
    return (
        Round("sweep", lambda place: sweep_all(place, "rounds")),
        Round("heartbeat", lambda place: keep_alive(place, "rounds").checked()),
        Round("notify", lambda place: asyncio.run(blocks.tell(place, _block))),
        Round("time_stamp", lambda place: stamp(place).checked()),
    )


def _executed(place: Workplace, batch_id: str, attempt: int) -> ExecuteReport:
    """A run of the engine, in this process: its first line comes at once."""
    from flows.execute import execute  # noqa: PLC0415 - Prefect is loaded under its settings only

    with working_at(place):
        return asyncio.run(execute(batch_id, attempt))


async def _block(name: str) -> blocks.Block:
    from flows.notify import loaded  # noqa: PLC0415 - Prefect is loaded where a block is named

    return await loaded(name)
