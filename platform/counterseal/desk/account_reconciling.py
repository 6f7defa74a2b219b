"""Use cases: compare the four records, and unlock an account that differs.

Job: gather what gateway, orders, books and log say, record what differs, and lock or unlock.

Invariants
  I1  The gateway is asked outside any transaction, after the desk's own records were read.
  I2  A critical difference locks its account in the record that tells of it; one that may be
      everybody's locks all.
  I3  Only a risk reviewer unlocks, with a reason and a signature over exactly what is open, and
      never one who submitted an order in question.
  I4  A person's comparison trusts nothing that an earlier one found.

Not here: comparing (desk.comparing), what closed days add up to (desk.carried_books), orders of
unknown outcome (desk.reconciling).
Source: trading reference 3.3 rule 9; TX-I11 (reconciliation_loop).
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Final

from counterseal.broker.ports import Gateway
from counterseal.desk.bench import Bench
from counterseal.desk.carried_books import (
    BookFacts,
    CarriedBooks,
    DeskFacts,
    carry,
    desk_facts,
    load_books,
    sessions_until,
)
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.comparing import (
    GatewayFacts,
    LogDifference,
    compare_books,
    compare_fills,
    compare_gateway,
    compare_log,
)
from counterseal.desk.discrepancies import (
    KEPT_MAX,
    KIND,
    AccountLock,
    Discrepancy,
    ReconciliationRun,
    ResolutionTerms,
    locked_by,
    resolution_statement,
    unlocked,
)
from counterseal.desk.ingesting import PAGE, Ingesting
from counterseal.desk.mandates import barred_person
from counterseal.desk.people import enrolled_key, person_of
from counterseal.desk.ports import Reader
from counterseal.desk.posting import in_parts
from counterseal.desk.recorder import Decide
from counterseal.desk.services import SERVICE_ISSUER
from counterseal.identity.people import Role
from counterseal.identity.proposals import signature_problem
from counterseal.kernel.canonical import canonical_bytes, digest
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Actor, Document, Event, Refusal, Signature, Subject, refuse
from counterseal.market.sessions import trading_day
from counterseal.oms.ingest import BrokerReport, GatewayCursor, IngestedReport
from counterseal.oms.model import ClientOrderId
from counterseal.policy.authorize import Action
from counterseal.policy.words import Meaning
from counterseal.portfolio.model import Account
from counterseal.signals.intent import PaperOrderIntent

STREAM: Final = "reconciliation"


class AccountReconciling:
    """Reconciles accounts."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def compare(
        self,
        gateway: Gateway | None,
        log: Sequence[LogDifference],
        actor: Actor,
        *,
        key: str,
        run: str | None = None,
    ) -> Outcome:
        """Compare everything and record it; the outcome names the run.

        The service first takes in what the gateway has reported, and reads the books since the days
        that a clean run has carried; a person compares everything that is there. With a gateway all
        of its reports are compared with all orders.

        Args:
            gateway: None where no gateway works orders.
            log: Where tables differ from the log, as storage found it.
            actor: The service, or who may stop an account.
            key: Idempotency key.
            run: Workflow run, for tracing only.

        Refusals: `NOT_FOUND`, `PERSON_DISABLED`, `ROLE`.

        Raises:
            AdapterError: when the gateway cannot be asked; nothing is recorded then.
        """
        if gateway is not None and actor.issuer == SERVICE_ISSUER:
            Ingesting(self._bench, gateway).poll(actor, run=run)
        made, found, carried = self._compared(gateway, tuple(log), actor, key)

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            barred = barred_person(reader, actor, Action.KILL_SWITCH)
            if barred is not None:
                return barred
            locks = _locks(reader, made.run_id, found, now)
            event = Event(
                type="reconciliation.recorded",
                stream=STREAM,
                subject=Subject(type="reconciliation_run", id=made.run_id),
                action="reconciliation.compare",
                documents=(made, *locks),
            )
            closed = tuple(_carried(made.run_id, part) for part in in_parts(carried))
            return Done(subject_id=made.run_id, events=(event, *closed))

        asked = {"gateway": made.gateway, "log": [one.json_value() for one in log]}
        return self._run("reconciliation.compare", key, digest(asked), actor, decide, run)

    def terms(self, account_id: str, actor: Actor, *, reason: str) -> ResolutionTerms | Refusal:
        """What to show and sign to unlock an account now; nothing is recorded.

        What the actor signed for it before, with the same reason, is given as it was.

        Returns:
            The terms, or `ACCOUNT_NOT_LOCKED`.
        """
        with self._bench.store.reader() as reader:
            lock = reader.get(AccountLock, account_id)
        signed = None if lock is None else lock.terms
        if signed is not None and (signed.person, signed.reason) == (actor.id, reason):
            return signed
        if lock is None or not lock.locked:
            return _not_locked(account_id)
        return ResolutionTerms(
            log_origin=self._bench.origin,
            account_id=account_id,
            run_id=lock.run_id,
            differences=lock.differences,
            reason=reason,
            person=actor.id,
            issued_at=self._bench.recorder.now(),
        )

    def resolve(
        self, terms: ResolutionTerms, signature: Signature, actor: Actor, *, key: str
    ) -> Outcome:
        """Accept what differs by signed terms and unlock the account; the outcome names it.

        Refusals: `NOT_FOUND`, `PERSON_DISABLED`, `ROLE` (risk reviewers only),
        `ACCOUNT_NOT_LOCKED`, `LOCK_CHANGED`, `SUBMITTER_RESOLVES`, `OTHER_LOG`,
        `SIGNER_NOT_ACTING`, `KEY_NOT_ENROLLED`, `SIGNATURE_INVALID`.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            person = person_of(reader, actor)
            if isinstance(person, Refusal):
                return person
            if Role.RISK_REVIEWER not in person.held_roles():
                return refuse("ROLE", "a risk reviewer resolves", needed=Role.RISK_REVIEWER)
            lock = reader.get(AccountLock, terms.account_id)
            if lock is None or not lock.locked:
                return _not_locked(terms.account_id)
            barred = _other_lock(reader, lock, terms, actor) or self._unsigned(
                reader, terms, signature, actor, now
            )
            return barred or _resolved(unlocked(lock, terms, signature, now), terms, signature)

        stated = {k: v for k, v in terms.json_value().items() if k != "issued_at"}
        return self._run("reconciliation.resolve", key, digest(stated), actor, decide, None)

    def _unsigned(
        self,
        reader: Reader,
        terms: ResolutionTerms,
        signature: Signature,
        actor: Actor,
        now: datetime,
    ) -> Refusal | None:
        """Why these terms are not what the actor signed here."""
        if terms.log_origin != self._bench.origin:
            return refuse("OTHER_LOG", "this was signed for another log", log=terms.log_origin)
        if terms.person != actor.id:
            return refuse("SIGNER_NOT_ACTING", "everybody signs for themselves", by=terms.person)
        own = enrolled_key(reader, signature.key_id)
        if own is None or own.person_id != actor.id or not own.counts_at(now):
            return refuse("KEY_NOT_ENROLLED", "no key of this person", person=actor.id)
        stated = canonical_bytes(resolution_statement(terms)).decode()
        problem = signature_problem(signature, own, KIND, stated)
        return refuse("SIGNATURE_INVALID", problem, key_id=own.key_id) if problem else None

    def _compared(
        self, gateway: Gateway | None, log: tuple[LogDifference, ...], actor: Actor, key: str
    ) -> tuple[ReconciliationRun, tuple[Discrepancy, ...], tuple[CarriedBooks, ...]]:
        now, whole = self._bench.recorder.now(), actor.issuer != SERVICE_ISSUER
        sessions = self._sessions(now)
        with self._bench.store.reader() as reader:
            accounts = reader.find(Account)
            books = tuple(load_books(reader, one, sessions, whole=whole) for one in accounts)
            desk = desk_facts(reader, books, whole=whole or gateway is not None)
            told = None if gateway is None else _read(reader, gateway.name, desk)
        found = [*compare_fills(desk), *(one for own in books for one in compare_books(own))]
        if gateway is not None and told is not None:
            told = told._replace(reports=_every(gateway))
            found = [*compare_gateway(told, desk), *found]
        every = (*found, *compare_log(log))
        critical = sum(one.is_critical for one in every)
        made = ReconciliationRun(
            run_id=self._bench.ids.new("rec", key, now),
            gateway=None if gateway is None else gateway.name,
            read_to=0 if told is None else told.read_to,
            orders=len(desk.orders),
            reports=0 if told is None else len(told.reports),
            fills=len(desk.fills),
            accounts=len(books),
            critical=critical,
            warnings=len(every) - critical,
            differences=every[:KEPT_MAX],
            findings=digest([one.json_value() for one in every]),
            started_by=actor.id,
            at=now,
        )
        return made, every, tuple(_clean(books, every, sessions, made.run_id, now))

    def _sessions(self, now: datetime) -> Sequence[date]:
        """Trading days up to the present one; none beyond the calendar."""
        calendar = self._bench.calendar()
        try:
            return sessions_until(calendar.sessions, trading_day(now, calendar))
        except InputError:
            return ()

    def _run(
        self,
        name: str,
        key: str,
        asked: str,
        actor: Actor,
        decide: Decide,
        run: str | None,
    ) -> Outcome:
        command = Command(
            name=name, actor=actor, key=key, stream=STREAM, payload_digest=asked, run=run
        )
        return self._bench.recorder.run(command, decide)


def _read(reader: Reader, name: str, desk: DeskFacts) -> GatewayFacts:
    """How far the desk has read a gateway; what that says is asked for afterwards."""
    cursor = reader.get(GatewayCursor, name)
    taken = frozenset(row.exec_id for row in reader.find(IngestedReport, gateway=name))
    names = {one.cl_ord_id: one.order_id for one in reader.find(ClientOrderId)}
    names |= {order.order_id: order.order_id for order in desk.orders}
    return GatewayFacts((), 0 if cursor is None else cursor.sequence, taken, names)


def _every(gateway: Gateway) -> tuple[BrokerReport, ...]:
    found: list[BrokerReport] = []
    while page := gateway.reports_after(found[-1].sequence if found else 0, PAGE):
        found += page
    return tuple(found)


def _clean(
    books: Iterable[BookFacts],
    found: Sequence[Discrepancy],
    sessions: Sequence[date],
    run_id: str,
    now: datetime,
) -> Iterator[CarriedBooks]:
    """The closed days of every account about which nothing was found."""
    named = {one.account_id for one in found}
    for own in books:
        if not named & {None, own.account.account_id}:
            closed = carry(own, sessions, run_id, now)
            if closed is not None:
                yield closed


def _carried(run_id: str, documents: tuple[Document, ...]) -> Event:
    return Event(
        type="reconciliation.carried",
        stream=STREAM,
        subject=Subject(type="reconciliation_run", id=run_id),
        action="reconciliation.compare",
        documents=documents,
    )


def _locks(
    reader: Reader, run_id: str, found: tuple[Discrepancy, ...], now: datetime
) -> tuple[AccountLock, ...]:
    """New states of the locks that the critical differences reach."""
    made = (
        locked_by(
            reader.get(AccountLock, account.account_id),
            account.account_id,
            run_id,
            (one for one in found if one.account_id in (None, account.account_id)),
            now,
        )
        for account in reader.find(Account)
    )
    return tuple(lock for lock in made if lock is not None)


def _not_locked(account_id: str) -> Refusal:
    return refuse("ACCOUNT_NOT_LOCKED", "nothing is to be resolved", account=account_id)


def _other_lock(
    reader: Reader, lock: AccountLock, terms: ResolutionTerms, actor: Actor
) -> Refusal | None:
    """Why these terms are not for this lock, or the actor is not who may sign them."""
    if (terms.run_id, terms.differences) != (lock.run_id, lock.differences):
        return refuse("LOCK_CHANGED", "other differences are open by now", run=lock.run_id)
    if actor.id in _submitters(reader, lock):
        return refuse("SUBMITTER_RESOLVES", "who submitted does not resolve", by=actor.id)
    return None


def _resolved(lock: AccountLock, terms: ResolutionTerms, signature: Signature) -> Done:
    event = Event(
        type="reconciliation.resolved",
        stream=STREAM,
        subject=Subject(type="account_lock", id=lock.account_id),
        action="reconciliation.resolve",
        reason_text=terms.reason,
        documents=(lock,),
        meaning=Meaning.RESOLVED_DIFFERENCES.value,
        signature=signature,
    )
    return Done(subject_id=lock.account_id, events=(event,))


def _submitters(reader: Reader, lock: AccountLock) -> frozenset[str]:
    """Who submitted the orders in question; without any named, every order of the account."""
    intents = reader.find(PaperOrderIntent, account_id=lock.account_id)
    asked = [one for one in intents if one.order_id in lock.orders or not lock.orders]
    return frozenset(one.submitted_by for one in asked)
