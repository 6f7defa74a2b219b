"""Work that several processes share.

Job: hand parts of one job to worker processes, and give what comes back in the order of the parts.

Invariants
  I1  Results come in the order of the parts, however long each takes.
  I2  Few parts are under way at once: memory does not grow with the job.

Not here: what a part is, and what to do when a worker dies (parallel_verify, parallel_replay).
Source: design part "performance bars".
"""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from itertools import islice
from typing import Final, TypeVar

P = TypeVar("P")
R = TypeVar("R")

_PARTS_AHEAD: Final = 2
"""Parts for each worker that are under way or wait to be taken."""


def processors() -> int:
    """How many processes can run at once here."""
    return os.cpu_count() or 1


def worker_pool(workers: int) -> Executor:
    """Fresh processes: a fork would share the parent's connection. The parent alone is told ^C."""
    return ProcessPoolExecutor(
        workers,
        multiprocessing.get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    )


def in_order(
    pool: Executor, workers: int, act: Callable[[P], R], parts: Iterator[P]
) -> Generator[tuple[P, R], None, None]:
    """Each part with what `act` made of it; parts are asked for when a worker is near to free.

    Raises:
        BrokenExecutor: when a worker died; what was not taken by then is lost.
    """
    ahead: deque[tuple[P, Future[R]]] = deque()
    try:
        while True:
            for part in islice(parts, workers * _PARTS_AHEAD - len(ahead)):
                ahead.append((part, pool.submit(act, part)))
            if not ahead:
                return
            part, made = ahead.popleft()
            yield part, made.result()
    finally:
        for _, made in ahead:
            made.cancel()
