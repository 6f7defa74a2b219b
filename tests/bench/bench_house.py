"""The house at work: what it costs while idle, and how long an approved order waits.

A demo opened to visitors, served by `python -m flows up` with its engine, worker, resident loop and
pages. From the last signature to the sealed fill: by the resident loop, beside an operator who
submits at an open desk; and by a run of a process worker, with the share that passes before the
flow's first line. Idle: processor time and memory of all its processes.

`COUNTERSEAL_BENCH_IDLE_SECONDS=600` watches it longer.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from counterseal.approvals.model import ApprovalRequest, RequestStatus
from counterseal.desk.batches import Batch, BatchStatus
from counterseal.desk.desk import Desk
from counterseal.desk.orders import Submission
from counterseal.policy.words import DecisionWord
from counterseal.signals.model import Direction
from flows.day.people import AutomaticPeople
from flows.day.plan import OPERATOR, Verdict
from flows.day.plans import demo_plan
from flows.engine import engine_of, free_port
from flows.processes import descendants
from flows.visit import STRATEGY, Visit
from flows.work import claim
from flows.workplace import Workplace
from storage.desk import closing_desk
from storage.home_keys import keys_folder
from storage.homes import open_log_key
from storage.quote_file import home_feed
from storage.settings import Settings
from storage.system import DEMO_AHEAD, MachineIdSource, process_clock
from tests.bench.measure import ROOT, Measurement
from tests.day.visited import a_visit_now
from tests.flows.hall import Row, filtered, post

IDLE_SECONDS: Final = int(os.environ.get("COUNTERSEAL_BENCH_IDLE_SECONDS", "60"))
SETTLES_SECONDS: Final = 20
ORDERS, BY_WORKER = 3, 2
LOT: Final = Decimal(1)
"""Of both sides in turn: all of them together stay within the limit of a position."""
UP_SECONDS_MAX: Final = 180
WAIT_SECONDS_MAX: Final = 60
LOOK_SECONDS: Final = 0.005
RESIDENT_SECONDS_MAX: Final = 1.0
WORKER_SECONDS_MAX: Final = 8.0
IDLE_SHARE_MAX: Final = 5.0
MEMORY_MB_MAX: Final = 1000.0
TICKS: Final = os.sysconf("SC_CLK_TCK")


def measure(folder: Path) -> list[Measurement]:
    """Serve a demo, let it idle, and let orders come due."""
    with a_visit_now(folder / "demo") as visit, served(visit.settings, folder) as pid:
        time.sleep(SETTLES_SECONDS)
        found = idle(pid)
        key = open_log_key(visit.settings)
        clock, ids, feed = process_clock(), MachineIdSource(), home_feed(visit.settings)
        with closing_desk(visit.settings, key, clock=clock, ids=ids, feed=feed) as desk:
            room = Room(visit.settings, desk)
            by_hand = [room.submitted() for _ in range(ORDERS)]
            mandate = room.mandate()
            resident = [room.filled() for _ in range(ORDERS)]
            worked = [room.worked(mandate) for _ in range(BY_WORKER)]
    return [
        *found,
        Measurement(
            "last signature to sealed fill, resident loop",
            statistics.median(resident),
            "s",
            "an operator at an open desk",
            statistics.median(by_hand),
            RESIDENT_SECONDS_MAX,
        ),
        Measurement("the slowest of them", max(resident), "s"),
        Measurement(
            "claimed to sealed fill, a run of a process worker",
            statistics.median(one for one, _ in worked),
            "s",
            "of it before the flow's first line",
            statistics.median(before for _, before in worked),
            WORKER_SECONDS_MAX,
        ),
    ]


@contextmanager
def served(settings: Settings, folder: Path) -> Iterator[int]:
    """The home's flows and pages in processes of their own; gives the supervisor's id.

    Raises:
        RuntimeError: they do not start.
    """
    os.environ |= environment(settings)
    told = folder / "up.txt"
    with told.open("wb") as stream:
        up = subprocess.Popen([sys.executable, "-m", "flows", "up"], stderr=stream, cwd=ROOT)
        try:
            until = time.monotonic() + UP_SECONDS_MAX
            while "worker " not in told.read_text():
                if up.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(told.read_text())
                time.sleep(0.2)
            yield up.pid
        finally:
            up.terminate()
            up.wait()


def environment(settings: Settings) -> Mapping[str, str]:
    """What a terminal beside the visit has, and ports of its own."""
    places = {
        "COUNTERSEAL_HOME": settings.counterseal_home,
        "COUNTERSEAL_POLICIES": settings.counterseal_policies,
        "COUNTERSEAL_SIGNER_STATE": settings.counterseal_signer_state,
        "COUNTERSEAL_LOG_KEY_PASSPHRASE_FILE": settings.counterseal_log_key_passphrase_file,
    }
    return {
        **{name: str(path) for name, path in places.items()},
        DEMO_AHEAD: str(settings.counterseal_demo_ahead_seconds),
        "COUNTERSEAL_ENGINE_PORT": str(free_port()),
        "WEB_PORT": str(free_port()),
    }


def idle(pid: int) -> list[Measurement]:
    """Processor time and memory of a process and everything below it."""
    before = spent(pid)
    time.sleep(IDLE_SECONDS)
    share = 100 * (spent(pid) - before) / IDLE_SECONDS
    memory = sum(proportional(one) for one in (pid, *descendants(pid)))
    return [
        Measurement("processor time of an idle house", share, "% of a core", bar=IDLE_SHARE_MAX),
        Measurement("memory of an idle house", memory, "MB", bar=MEMORY_MB_MAX),
    ]


def spent(pid: int) -> float:
    """Seconds of processor time of a process, of those below it and of those that ended there."""
    total = 0
    for one in (pid, *descendants(pid)):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        total += sum(map(int, fields[11:15]))
    return total / TICKS


def proportional(pid: int) -> float:
    """Megabytes of a process, with its share of what it has in common with others."""
    rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(row.split()[1] for row in rows if row.startswith("Pss:"))) / 1024


class Room:
    """Automatic people of an opened demo, at a desk of their own."""

    def __init__(self, settings: Settings, desk: Desk) -> None:
        self._settings, self._desk = settings, desk
        self._clock, self._ids = process_clock(), MachineIdSource()
        keys = keys_folder(settings)
        self._people = AutomaticPeople(desk, keys, "demo", self._clock, self._ids)
        self._place = Workplace(settings, desk=desk)
        self._engine, self._asked = engine_of(settings), 0

    def approved(self) -> str:
        """A request that two people have just approved."""
        self._asked += 1
        direction = Direction.SHORT if self._asked % 2 == 0 else Direction.LONG
        Visit(self._desk, self._settings, self._clock, self._ids).ask(direction, LOT)
        with self._desk.bench.store.reader() as reader:
            waiting = reader.find(ApprovalRequest, status=RequestStatus.PENDING_REVIEW.value)
        request = max(waiting, key=lambda one: one.created_at).approval_request_id
        for who, word in (
            ("research", DecisionWord.RESEARCH_APPROVED),
            ("risk", DecisionWord.APPROVED_FOR_PAPER),
        ):
            reason = "checked against the tape"
            verdict = Verdict(person_id=who, word=word, reason=reason, after_seconds=0)
            done = self._people.review(request, verdict, key=self._key())
            assert done.accepted, done.refusal
        return request

    def submitted(self) -> float:
        """Seconds of a submit by an operator."""
        asked = Submission(approval_request_id=self.approved(), quantity=LOT, limit_price=None)
        start = time.monotonic()
        done = self._desk.orders.submit(asked, self._people.actor(OPERATOR), key=self._key())
        assert done.accepted, done.refusal
        return time.monotonic() - start

    def mandate(self) -> str:
        """The operator's mandate for what a visit asks for."""
        plan = demo_plan("visited").amended(mandated=(STRATEGY,))
        return self._people.mandate(plan, self._clock.now() + timedelta(hours=1))

    def filled(self) -> float:
        """Seconds from the second approval to the order's seal."""
        request = self.approved()
        return passed(lambda: self._is_consumed(request))

    def worked(self, mandate: str) -> tuple[float, float]:
        """Seconds of a claimed batch by a run of a process worker, and those before its first line.

        The resident loop is at work, too: whoever claims first has the batch.
        """
        attempt = 0
        while not attempt:
            self.approved()
            claimed = claim(self._place, mandate, self._key())
            batch, attempt = claimed.step.subject_id, claimed.attempt
        [deployed] = (one for one in self._rows("deployments") if one["name"] == "execute")
        told: Row = {"parameters": {"batch_id": batch, "attempt": attempt}}
        asked = time.time()
        made = post(self._engine, f"/api/deployments/{deployed['id']}/create_flow_run", told)
        assert isinstance(made, dict)
        took = passed(lambda: self._is_done(batch))
        [run] = (one for one in self._rows("flow_runs") if one["id"] == made["id"])
        return took, datetime.fromisoformat(str(run["start_time"])).timestamp() - asked

    def _rows(self, kind: str) -> list[Row]:
        return filtered(self._engine, f"/api/{kind}/filter")

    def _is_done(self, batch_id: str) -> bool:
        with self._desk.bench.store.reader() as reader:
            batch = reader.get(Batch, batch_id)
        return batch is not None and batch.status is BatchStatus.DONE

    def _is_consumed(self, request: str) -> bool:
        with self._desk.bench.store.reader() as reader:
            found = reader.get(ApprovalRequest, request)
        return found is not None and found.status is RequestStatus.CONSUMED

    def _key(self) -> str:
        return self._ids.new("cmd", "bench", self._clock.now())


def passed(happened: Callable[[], bool]) -> float:
    """Seconds until something has happened.

    Raises:
        TimeoutError: it did not.
    """
    start = time.monotonic()
    while not happened():
        if time.monotonic() - start > WAIT_SECONDS_MAX:
            raise TimeoutError("it did not happen")
        time.sleep(LOOK_SECONDS)
    return time.monotonic() - start
