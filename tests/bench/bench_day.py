"""A day of many signals on PostgreSQL: from a file to sealed fills, by 1, 2 and 4 dispatchers.

Measured: taking the signals in and asking for approval of each, by one process; then what the
dispatchers take from the mandate to the last sealed order. Not measured: the decisions, which
people sign beforehand. Each number of dispatchers has 1,000 signals of its own, or as many as
COUNTERSEAL_BENCH_SIGNALS says; figures are for a hundred thousand. Beside them stands what one
dispatcher takes, so that the ratio tells what the others add: business transactions take turns on
the server, whoever asks, and that is the bottleneck.
"""

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from counterseal.desk.batches import Batch, BatchStatus
from counterseal.desk.desk import Desk
from counterseal.policy.words import DecisionWord
from flows.inbox import keep
from flows.work import take_in
from tests.bench.measure import Measurement
from tests.household import ACCOUNT, SYMBOL
from tests.storage.postgres_server import running_server
from tests.torture.rounds import Dispatcher
from tests.torture.shared_world import SharedWorld

SIGNALS: Final = int(os.environ.get("COUNTERSEAL_BENCH_SIGNALS", "1000"))
DISPATCHERS: Final = (1, 2, 4)
DAY: Final = 100_000
DAY_MINUTES_MAX: Final = 30.0
PART: Final = 250
LOOK_SECONDS: Final = 0.2
WAIT_SECONDS_MAX: Final = 1_800


def measure(folder: Path) -> list[Measurement]:
    """Minutes that a day of a hundred thousand signals takes."""
    with running_server() as server:
        url = server.empty().url.render_as_string(hide_password=False)
        world = SharedWorld.founded(folder / "home", url)
        taken, worked = [], []
        for number in DISPATCHERS:
            start = time.monotonic()
            asked = asked_for(world, f"by-{number}")
            taken.append(minutes(time.monotonic() - start))
            decided(world, asked)
            with at_work(world, number):
                start = time.monotonic()
                await_done(world, world.mandate(orders_max=SIGNALS))
                worked.append(minutes(time.monotonic() - start))
        world.store.close()
    day = min(taken) + min(worked)
    return [
        Measurement("signals taken in and asked for", min(taken), "min"),
        *(
            Measurement(
                f"due to sealed fills, {number} dispatchers",
                spent,
                "min",
                floor_name="one",
                floor=worked[0],
            )
            for number, spent in zip(DISPATCHERS, worked, strict=True)
        ),
        Measurement("a day of 100,000 signals", day, "min", bar=DAY_MINUTES_MAX),
    ]


def minutes(seconds: float) -> float:
    """What the whole day would take at the same pace."""
    return seconds * DAY / SIGNALS / 60


def asked_for(world: SharedWorld, name: str) -> list[str]:
    """A file of signals, and a request for each."""
    world.signed_in = world.clock.now()
    signals = [
        {
            "signal_id": f"{name}-{place}",
            "strategy_id": "mean-reversion",
            "strategy_version": "1.0.0",
            "timestamp": world.clock.now().isoformat(),
            "direction": "SHORT" if place % 2 else "LONG",
            "target_tx_equivalent": "0.05",
            "confidence": "0.7",
            "reason": {"signals_only": True},
        }
        for place in range(SIGNALS)
    ]
    terms = [
        {
            "signal_id": one["signal_id"],
            "account_id": ACCOUNT,
            "symbol": SYMBOL,
            "max_quantity": "1",
            "price": "20000",
            "request_reason": "mean reversion after a sharp move",
            "author_ids": ["author"],
        }
        for one in signals
    ]
    source, wanted = (keep(world.settings, json.dumps(one).encode()) for one in (signals, terms))
    done = take_in(world.place_of("quant"), source, wanted, "bench")
    refused = [step for step in (*done.signals, *done.requests) if step.codes]
    assert not refused, refused[0]
    return [step.subject_id for step in done.requests]


def decided(world: SharedWorld, asked: Sequence[str]) -> None:
    """Two people approve each of them."""
    desk = world.desk
    for start in range(0, len(asked), PART):
        with desk.bench.store.batch() as store:
            world.desk = Desk(desk.bench.over(store))
            for one in asked[start : start + PART]:
                world.done(world.reviewed(one, "researcher", DecisionWord.RESEARCH_APPROVED))
                world.done(world.reviewed(one, "risk", DecisionWord.APPROVED_FOR_PAPER))
        desk.bench.store.seal()
    world.desk = desk


@contextmanager
def at_work(world: SharedWorld, number: int) -> Iterator[None]:
    """So many dispatchers, waiting for work."""
    with ExitStack() as stack:
        for _ in range(number):
            stack.callback(Dispatcher(world, Path(world.host)).kill)
        yield


def await_done(world: SharedWorld, mandate: str) -> None:
    """Wait until every request has left in a batch that is done."""
    until, done = time.monotonic() + WAIT_SECONDS_MAX, 0
    while done < SIGNALS:
        assert time.monotonic() < until, f"{done} of {SIGNALS} orders are there"
        time.sleep(LOOK_SECONDS)
        with world.looked() as reader:
            batches = reader.find(Batch, mandate_id=mandate, status=BatchStatus.DONE.value)
            done = sum(len(one.request_ids) for one in batches)
