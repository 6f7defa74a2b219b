"""`python -m flows attend`: the resident loop of a home, until told to stop.

Job: say which rounds a home has, and run them in two threads, so that what is slow (asking those
outside, mail) never keeps an approved order waiting.

Invariants
  I1  One loop leads a home: it holds a file beside the engine's, or a lock of the server that many
      machines share, and a second one waits for it.
  I2  A thread that ends by itself ends the process; its supervisor starts another.
  I3  Every round is kept as the last of its kind, and a round that did something or failed is told.

Not here: the loop (resident), what rounds do (their modules), its supervisor (serve), where rounds
are kept and told (storage.last_rounds, storage.telling).
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
from flows.resident import Resident, Round
from flows.told_rounds import RoundsTold
from flows.waiting import sweep_all
from flows.work import ExecuteReport
from flows.workplace import Workplace, working_at
from storage.log_signer import log_signer
from storage.quote_file import home_feed
from storage.sealed_log import SealedLog
from storage.settings import Settings
from storage.unit_of_work import translated_errors

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
    gate = settings.database.house(engine.folder / LOCK_FILE)
    with translated_errors(), gate.alone():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        import flows.execute  # noqa: F401, PLC0415 - now, so that no order waits for it later

        signer = log_signer(settings)
        head = SealedLog(settings.database.reading(keeps=True)).newest
        parts = (_orders(engine, settings), _calm())
        hear = RoundsTold(place, [one.name for part in parts for one in part], tell)

        def loop(rounds: tuple[Round, ...]) -> None:
            desk = partial(place.at_desk, signer)
            Resident(place.clock, desk, rounds, head, hear, place.ids).run(stopped)

        with ThreadPoolExecutor(3) as threads, hear.leading():
            running = [threads.submit(loop, part) for part in parts]
            running.append(threads.submit(gate.hold, stopped))
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
    return dispatch, Round("deliver", deliver_messages, grown=True)


def _calm() -> tuple[Round, ...]:
    """The rounds that time alone makes due."""
    return (
        Round("sweep", sweep_all),
        Round("heartbeat", lambda place, run: keep_alive(place, run).checked()),
        Round("notify", lambda place, _: asyncio.run(blocks.tell(place, _block))),
        Round("time_stamp", lambda place, _: stamp(place).checked()),
    )


def _executed(place: Workplace, batch_id: str, attempt: int) -> ExecuteReport:
    """A run of the engine, in this process: its first line comes at once."""
    from flows.execute import execute  # noqa: PLC0415 - Prefect is loaded under its settings only

    with working_at(place):
        return asyncio.run(execute(batch_id, attempt))


async def _block(name: str) -> blocks.Block:
    from flows.notify import loaded  # noqa: PLC0415 - Prefect is loaded where a block is named

    return await loaded(name)
