"""Use case: look for orders that waited too long, as a duty that leaves a record.

Job: find the candidates of one instant and record the round: who, when, inputs, counts, digest.

Invariants
  I1  A scan marks nothing: an operator previews an order, which is a read, and marks it, which is
      a record of its own. No machine ends an order because it waited.
  I2  The digest names candidates and their states, not their ages: it changes when they do.

Not here: which orders are old (oms.timeouts), preview and mark (desk.lifecycle), rounds themselves
(desk.rounds).
Source: TX-I8, TX-I9; TX-L4:full_timeout_worker_enabled.
"""

from counterseal.desk.bench import Bench
from counterseal.desk.commands import Outcome
from counterseal.desk.lifecycle import Lifecycle
from counterseal.desk.rounds import Duty, RoundFound, Rounds
from counterseal.kernel.canonical import digest
from counterseal.kernel.model import Actor, details
from counterseal.oms.timeouts import TIMEOUT_SECONDS_DEFAULT


class TimeoutScans:
    """Scans for candidates."""

    def __init__(self, bench: Bench, lifecycle: Lifecycle, rounds: Rounds) -> None:
        self._bench = bench
        self._lifecycle = lifecycle
        self._rounds = rounds

    def scan(
        self,
        actor: Actor,
        *,
        timeout_seconds: int = TIMEOUT_SECONDS_DEFAULT,
        run: str | None = None,
    ) -> Outcome | None:
        """One round at the present time; None when it found what the last one found, lately.

        Refusals: `SERVICE_ONLY`.

        Raises:
            InputError: `TIMEOUT_OUT_OF_RANGE`.
            IntegrityError: when sealing fails.
            AdapterError: the store's.
        """
        found = self._lifecycle.timeouts(self._bench.recorder.now(), timeout_seconds)
        named = sorted((order.order_id, order.state.value) for order in found)
        told = RoundFound(
            duty=Duty.TIMEOUTS,
            inputs=details(timeout_seconds=timeout_seconds),
            counts=details(
                candidates=len(found), workflows=len({order.workflow_run_id for order in found})
            ),
            findings=digest([list(pair) for pair in named]),
        )
        return self._rounds.record(told, actor, run=run)
