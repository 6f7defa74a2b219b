"""What the dispatcher does, in plain functions that know no engine.

Job: claim what waits under each mandate in force, and have every batch executed at once.

Invariants
  I1  Nothing is claimed while nobody can execute it: what waits goes on waiting, and shows.
  I2  A request that was refused is tried again after a pause that doubles: time heals a closed
      market, and no log fills with one refusal.
  I3  Only pauses are remembered here; forgetting them costs one try each.

Not here: what is due, claims and their leases (desk.dispatch), when to look (resident), the run of
a batch (execute).
Source: workflow part 3.
"""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from counterseal.desk.batches import Batch
from counterseal.desk.dispatch import Due
from counterseal.kernel.model import DomainModel
from flows.work import REFUSED, ExecuteReport, Step, claim
from flows.workplace import Workplace

PAUSE_FIRST: Final = timedelta(minutes=1)
PAUSE_MAX: Final = timedelta(hours=1)

Execute = Callable[[str, int], ExecuteReport]
"""Executes an attempt at a batch, both by their names."""


class _Pause(NamedTuple):
    """How long a refused request was left alone, and until when it is."""

    length: timedelta
    until: datetime


class DispatchReport(DomainModel):
    """What became of every batch, and claims that were refused; nothing on most rounds."""

    refused: tuple[Step, ...] = ()
    batches: tuple[ExecuteReport, ...] = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        """Claims that were refused, then the orders of every batch."""
        return (*self.refused, *(step for batch in self.batches for step in batch.orders))

    @property
    def exit_status(self) -> int:
        """0 all submitted or nothing to do, 1 something was refused."""
        refused = self.refused or any(batch.exit_status for batch in self.batches)
        return REFUSED if refused else 0


class Dispatching:
    """The dispatcher of one home.

    Args:
        executor: Gives what executes a batch; raises when nobody can at present.
    """

    def __init__(self, executor: Callable[[Workplace], Execute]) -> None:
        self._executor = executor
        self._pauses: dict[str, _Pause] = {}

    def round(self, place: Workplace, run: str) -> DispatchReport:
        """Have everything executed that waits now and is not left alone.

        Args:
            place: Where to work.
            run: The round's id; what is executed has a run of its own.

        Raises:
            AdapterError: nobody can execute, or the desk's; the next round tries again.
            IntegrityError: the evidence behind a request is broken.
        """
        del run
        now = place.clock.now()
        waiting = place.opened().dispatch.waiting(now)
        still = {request for due in waiting for request in due.request_ids}
        self._pauses = {one: rest for one, rest in self._pauses.items() if one in still}
        alone = {one for one, rest in self._pauses.items() if now < rest.until}
        ready = [due for due in waiting if due.lapsed or not alone.issuperset(due.request_ids)]
        refused, batches = list[Step](), list[ExecuteReport]()
        for due in ready:
            execute = self._executor(place)
            key = place.ids.new("cmd", "dispatch", now)
            claimed = claim(place, due.mandate_id, key, leaving=alone)
            if claimed.attempt == 0:
                refused.append(claimed.step)
                continue
            batches.append(execute(claimed.step.subject_id, claimed.attempt))
            self._leave_alone(place, due, claimed.step.subject_id)
        return DispatchReport(refused=tuple(refused), batches=tuple(batches))

    def _leave_alone(self, place: Workplace, due: Due, batch_id: str) -> None:
        """Remember which requests of an executed batch were refused: they wait as before."""
        desk, now = place.opened(), place.clock.now()
        with desk.bench.store.reader() as reader:
            batch = reader.get(Batch, batch_id)
        tried: Collection[str] = () if batch is None else batch.request_ids
        for request in set(tried).intersection(desk.dispatch.due(due.mandate_id)):
            before = self._pauses.get(request)
            length = PAUSE_FIRST if before is None else min(2 * before.length, PAUSE_MAX)
            self._pauses[request] = _Pause(length, now + length)
