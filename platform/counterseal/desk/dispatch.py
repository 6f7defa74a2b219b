"""Use cases: find what is due, claim it as a batch, execute it under a mandate.

Job: let a platform service submit approved requests, at least once started, exactly once done.

Invariants
  I1  A batch holds ids only; every request is re-read and re-verified when it is executed.
  I2  One live batch per request: a lapsed lease gives the same batch its next attempt.
  I3  A stale attempt or a finished batch ends without effect.
  I4  Each request of a batch is submitted under one key, whatever attempt carries it; a request
      that was refused there stays approved and may be tried in a later batch.
  I5  An attempt that dies leaves whole parts of its batch or none; the next one repeats neither.

Not here: submitting (desk.order_batches), mandates (desk.mandates), when to wake (flows).
Source: workflow part 3.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from counterseal.approvals.model import ApprovalRequest, RequestStatus
from counterseal.desk.batches import Batch, BatchStatus
from counterseal.desk.bench import Bench
from counterseal.desk.commands import Done, Outcome, command_about
from counterseal.desk.order_batches import KeyedSubmission, OrderBatches
from counterseal.desk.orders import Submission
from counterseal.desk.ports import Reader
from counterseal.desk.recorder import Decide
from counterseal.desk.services import SERVICE_ISSUER
from counterseal.identity.mandate import MandateStatus, SubmitMandate
from counterseal.kernel.errors import IntegrityError
from counterseal.kernel.model import Actor, Event, Refusal, Subject, refuse
from counterseal.signals.intent import OrderType, Side

LEASE_SECONDS: Final = 60
"""How long a claimed batch is left to its attempt."""

BATCH_MAX: Final = 500
STREAM: Final = "dispatch"


class Due(NamedTuple):
    """What a claim under one mandate would take now.

    Attributes:
        request_ids: Approved, in its scope, and in no live batch.
        lapsed: Whether a batch waits for its next attempt, which comes before them.
    """

    mandate_id: str
    request_ids: tuple[str, ...]
    lapsed: bool


class Dispatch:
    """Claims and executes batches."""

    def __init__(self, bench: Bench, orders: OrderBatches) -> None:
        self._bench = bench
        self._orders = orders

    def claim(
        self,
        mandate_id: str,
        actor: Actor,
        *,
        key: str,
        run: str | None = None,
        leaving: Collection[str] = (),
    ) -> Outcome:
        """Claim what is approved and within the mandate's scope; the outcome names the batch.

        A batch whose lease has lapsed is claimed again before anything new. Requests in `leaving`
        are left for a later batch.

        Refusals: `NOT_FOUND`, `SERVICE_ONLY`, `NOTHING_DUE`.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            mandate = reader.get(SubmitMandate, mandate_id)
            if actor.issuer != SERVICE_ISSUER:
                return refuse("SERVICE_ONLY", "batches are the platform's own", actor=actor.id)
            if mandate is None:
                return refuse("NOT_FOUND", "no such mandate", mandate=mandate_id)
            lapsed = next((b for b in _claimed(reader, mandate_id) if b.lease_until <= now), None)
            batch = (
                self._first(reader, mandate, key, now, leaving)
                if lapsed is None
                else lapsed.amended(attempt=lapsed.attempt + 1, lease_until=_lease(now))
            )
            return batch if isinstance(batch, Refusal) else _done("batch.claimed", batch)

        return self._run("dispatch.claim", mandate_id, actor, key, decide, run)

    def execute(
        self, batch_id: str, attempt: int, actor: Actor, *, run: str | None = None
    ) -> tuple[Outcome, ...]:
        """Submit every request of a batch, each re-verified; outcomes in the batch's order.

        Many are committed together (`OrderBatches`). A refusal is a recorded, normal outcome. A
        stale attempt or a finished batch gives `()`. An unknown batch is refused with `NOT_FOUND`,
        on the record.

        Raises:
            IntegrityError: `REQUEST_MISSING`; the evidence behind a request is broken.
            AdapterError: as `OrderBatches.submit`: what was committed stays, and the next attempt
                goes on behind it.
        """
        with self._bench.store.reader() as reader:
            batch = reader.get(Batch, batch_id)
            mandate = None if batch is None else reader.get(SubmitMandate, batch.mandate_id)
            requests = {} if batch is None else _requests(reader, batch)
        if batch is None or mandate is None:
            return (self._unknown(batch_id, actor, run),)
        if batch.status is BatchStatus.DONE or attempt != batch.attempt:
            return ()
        asked = tuple(
            KeyedSubmission(
                key=f"submit:{batch_id}:{request_id}",
                asked=submission(requests[request_id], mandate),
            )
            for request_id in batch.request_ids
        )
        outcomes = self._orders.submit(asked, actor, run=run)
        self._finish(batch, actor, run)
        return outcomes

    def waiting(self, now: datetime) -> tuple[Due, ...]:
        """What waits at `now` (UTC) under each mandate in force; nothing is written.

        A mandate that is used up takes nothing new, and ends what it has claimed.
        """
        with self._bench.store.reader() as reader:
            found = [
                _waiting(reader, mandate, now)
                for mandate in reader.find(SubmitMandate, status=MandateStatus.ACTIVE.value)
                if mandate.valid_from <= now < mandate.valid_until
            ]
        return tuple(due for due in found if due.request_ids or due.lapsed)

    def due(self, mandate_id: str) -> tuple[str, ...]:
        """Approved requests that a claim under this mandate would take now; nothing is written."""
        with self._bench.store.reader() as reader:
            mandate = reader.get(SubmitMandate, mandate_id)
            return () if mandate is None else _due(reader, mandate)

    def _first(
        self,
        reader: Reader,
        mandate: SubmitMandate,
        key: str,
        now: datetime,
        leaving: Collection[str],
    ) -> Batch | Refusal:
        due = tuple(one for one in _due(reader, mandate) if one not in leaving)
        if not due:
            return refuse("NOTHING_DUE", "no approved request waits", mandate=mandate.mandate_id)
        return Batch(
            batch_id=self._bench.ids.new("bat", key, now),
            mandate_id=mandate.mandate_id,
            request_ids=due[:BATCH_MAX],
            attempt=1,
            status=BatchStatus.CLAIMED,
            claimed_at=now,
            lease_until=_lease(now),
        )

    def _finish(self, batch: Batch, actor: Actor, run: str | None) -> None:
        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            del now
            current = reader.get(Batch, batch.batch_id)
            if current is None or current.attempt != batch.attempt:
                return refuse("BATCH_STALE", "a later attempt has the batch", batch=batch.batch_id)
            return _done("batch.done", current.amended(status=BatchStatus.DONE))

        self._run(
            "dispatch.finish",
            batch.batch_id,
            actor,
            f"finish:{batch.batch_id}:{batch.attempt}",
            decide,
            run,
        )

    def _unknown(self, batch_id: str, actor: Actor, run: str | None) -> Outcome:
        def decide(_: Reader, now: datetime) -> Done | Refusal:
            del now
            return refuse("NOT_FOUND", "no such batch", batch=batch_id)

        return self._run("dispatch.execute", batch_id, actor, f"execute:{batch_id}", decide, run)

    def _run(
        self, name: str, asked: str, actor: Actor, key: str, decide: Decide, run: str | None
    ) -> Outcome:
        command = command_about(asked, name=name, stream=STREAM, actor=actor, key=key, run=run)
        return self._bench.recorder.run(command, decide)


def _claimed(reader: Reader, mandate_id: str) -> tuple[Batch, ...]:
    return reader.find(Batch, mandate_id=mandate_id, status=BatchStatus.CLAIMED.value)


def _waiting(reader: Reader, mandate: SubmitMandate, now: datetime) -> Due:
    claimed = _claimed(reader, mandate.mandate_id)
    used_up = mandate.orders_used >= mandate.orders_max
    return Due(
        mandate.mandate_id,
        () if used_up else _due(reader, mandate),
        lapsed=any(batch.lease_until <= now for batch in claimed),
    )


def _due(reader: Reader, mandate: SubmitMandate) -> tuple[str, ...]:
    """Ids of approved requests in the mandate's scope that no live batch holds."""
    taken = {i for batch in _claimed(reader, mandate.mandate_id) for i in batch.request_ids}
    approved = reader.find(
        ApprovalRequest,
        account_id=mandate.account_id,
        status=RequestStatus.APPROVED_FOR_PAPER.value,
    )
    return tuple(
        request.approval_request_id
        for request in approved
        if request.approval_request_id not in taken and _covers(mandate, request)
    )


def _covers(mandate: SubmitMandate, request: ApprovalRequest) -> bool:
    """Whether the mandate says everything that an order of the request needs."""
    protected = request.payload.order_type is OrderType.MWP
    priced = mandate.protection_points is not None or not protected
    return priced and request.strategy_id in mandate.strategies


def submission(request: ApprovalRequest, mandate: SubmitMandate) -> Submission:
    """What a mandated submit asks: the whole approved quantity, a limit at the approved bound.

    A stop waits at the bound that the market meets first. Points of a market order with protection
    are an operator's: those that the mandate was signed with.
    """
    bound = request.payload
    buys = bound.side is Side.BUY
    limit = bound.price_max if buys else bound.price_min
    stop = bound.price_min if buys else bound.price_max
    return Submission(
        approval_request_id=request.approval_request_id,
        quantity=bound.max_quantity,
        limit_price=limit if bound.order_type is OrderType.LIMIT else None,
        stop_price=stop if bound.order_type is OrderType.STOP else None,
        protection_points=mandate.protection_points if bound.order_type is OrderType.MWP else None,
        mandate_id=mandate.mandate_id,
    )


def _requests(reader: Reader, batch: Batch) -> dict[str, ApprovalRequest]:
    """The requests of a batch; one that is gone is an integrity matter, not a skip.

    Raises:
        IntegrityError: `REQUEST_MISSING`.
    """
    found = {i: reader.get(ApprovalRequest, i) for i in batch.request_ids}
    missing = [i for i, request in found.items() if request is None]
    if missing:
        raise IntegrityError("REQUEST_MISSING", "a claimed request is gone", got=missing[0])
    return {i: request for i, request in found.items() if request is not None}


def _lease(now: datetime) -> datetime:
    return now + timedelta(seconds=LEASE_SECONDS)


def _done(kind: str, batch: Batch) -> Done:
    event = Event(
        type=kind,
        stream=STREAM,
        subject=Subject(type="batch", id=batch.batch_id),
        action="dispatch",
        documents=(batch,),
        on_behalf_of=batch.mandate_id,
    )
    return Done(subject_id=batch.batch_id, events=(event,))
