"""What the flows about the gateway do, in plain functions that know no engine.

Job: hand messages over once and take reports in; compare the four records; report what came of it.

Invariants
  I1  The same round again is harmless: a lease keeps two workers from one message.
  I2  A home without a gateway has nothing to deliver; its records are compared all the same.
  I3  A worker that finds nothing to do says so on record now and then (desk.rounds).

Not here: delivery, ingestion, comparing (desk), when to work (resident, prefect.yaml).
Source: TX-I6, TX-I11; workflow part 5.
"""

from counterseal.desk.comparing import LogDifference
from counterseal.desk.discrepancies import ReconciliationRun
from counterseal.desk.rounds import Duty, RoundFound
from counterseal.kernel.canonical import digest
from counterseal.kernel.errors import InvariantError
from counterseal.kernel.model import DomainModel, details
from flows.work import REFUSED, RoundReport
from flows.workplace import Workplace
from storage.data_keys import data_keys
from storage.reconcile import reconcile


class ReconcileAccountsReport(DomainModel):
    """One comparison; `kinds` are its kinds of differences, in their order."""

    run_id: str
    critical: int
    warnings: int
    kinds: tuple[str, ...] = ()

    @property
    def exit_status(self) -> int:
        """0 nothing critical, 1 an account is locked or stays as a person left it."""
        return REFUSED if self.critical else 0


def deliver_messages(place: Workplace, run: str) -> RoundReport:
    """One round at the present time, with leases of its own; `run` is the run's id, for tracing.

    Raises:
        IntegrityError: sealing failed.
        AdapterError: the desk's, or the gateway cannot be asked; the same call may be repeated.
    """
    desk, actor = place.opened(), place.actor(run)
    delivery, ingesting = desk.delivery, desk.ingesting
    if delivery is None or ingesting is None:
        return RoundReport()
    outcomes = [
        outcome
        for outbox_id in delivery.due(place.clock.now())
        for outcome in delivery.deliver(outbox_id, actor.session, actor, run=run)
    ]
    outcomes += ingesting.poll(actor, run=run)
    left = delivery.due(place.clock.now())
    name = "none" if desk.gateway is None else desk.gateway.name
    told = RoundFound(
        duty=Duty.DELIVER,
        inputs=details(gateway=name),
        counts=details(steps=len(outcomes), left=len(left)),
        findings=digest([name, sorted(left)]),
    )
    alive = desk.rounds.record(told, actor, run=run)
    outcomes += () if alive is None or alive.accepted else (alive,)
    return RoundReport.of(outcomes)


def reconcile_accounts(place: Workplace, run: str) -> ReconcileAccountsReport:
    """Compare gateway, orders, books and log once.

    Raises:
        IntegrityError: sealing failed.
        AdapterError: the desk's, the database cannot be read, or the gateway cannot be asked.
        InvariantError: the run that was recorded is gone.
    """
    desk, settings, actor = place.opened(), place.settings, place.actor(run)
    found = reconcile(settings.database, data_keys(settings)).differences
    log = [
        LogDifference(row=f"{d.table} {d.key} {d.column}".strip(), expected=d.expected, got=d.got)
        for d in found
    ]
    outcome = desk.account_reconciling.compare(
        desk.gateway, log, actor, key=f"reconcile:{actor.session}", run=run
    )
    with desk.bench.store.reader() as reader:
        made = reader.get(ReconciliationRun, outcome.subject_id)
    if made is None:
        raise InvariantError("a recorded comparison is gone")
    kinds = dict.fromkeys(one.kind.value for one in made.differences)
    return ReconcileAccountsReport(
        run_id=made.run_id, critical=made.critical, warnings=made.warnings, kinds=tuple(kinds)
    )
