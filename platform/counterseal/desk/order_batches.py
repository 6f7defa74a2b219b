"""Use case: submit many approvals at once.

Job: run the submits of a batch one after the other, and commit and seal them together.

Each order goes the way of a single submit, through the same decisions in the same order, and sees
what the ones before it left; only the commits differ. Between the steps of an order nothing
happens outside, for the paper model answers inside, and a gateway is told by a message that lies
in the outbox until a worker hands it over. So nothing is lost by committing the steps together.

Invariants
  I1  A batch leaves the records and documents of as many single submits, in the order given.
  I2  A part of a batch is recorded as a whole or not at all; nothing is answered before its seal.
  I3  A refused order is refused alone; the others go on.

Not here: the way of one order (desk.orders), how a batch lies in memory (storage.overlay).
Source: ADR 0023.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from counterseal.approvals.model import ApprovalDecision, ApprovalRequest
from counterseal.desk.bench import Bench
from counterseal.desk.commands import CommandRecord, Outcome
from counterseal.desk.orders import STEPS, Orders, Submission
from counterseal.desk.ports import Reader, Store
from counterseal.desk.submission import reference_of
from counterseal.kernel.model import Actor, DomainModel, Name
from counterseal.market.contracts import ContractTable
from counterseal.oms.model import Order, OrderKey

PART_MAX: Final = 1_000
"""Most orders that one commit may hold."""

PART: Final = 250
"""Orders that one commit holds unless told otherwise: others who write wait as long as it takes."""


class KeyedSubmission(DomainModel):
    """One order of a batch, under an idempotency key of its own."""

    key: Name
    asked: Submission


class OrderBatches:
    """Submits batches.

    Args:
        bench: Ports and law.
        by_message: As of `Orders`.
        part: Orders for each commit, 1 to `PART_MAX`.
    """

    def __init__(self, bench: Bench, *, by_message: bool = False, part: int = PART) -> None:
        self._bench = bench
        self._by_message = by_message
        self._part = min(max(part, 1), PART_MAX)

    def submit(
        self, batch: Sequence[KeyedSubmission], actor: Actor, *, run: str | None = None
    ) -> tuple[Outcome, ...]:
        """Submit approved requests; one outcome each, in their order.

        Refusals are those of `Orders.submit`. Under a key that was used before, in this batch or in
        an earlier one, the answer is the first one's.

        Raises:
            AdapterError: as `Recorder.run`; parts before the one that failed are done, and the
                same batch again goes on behind them.
        """
        return tuple(
            outcome
            for start in range(0, len(batch), self._part)
            for outcome in self._submitted(batch[start : start + self._part], actor, run)
        )

    def _submitted(
        self, part: Sequence[KeyedSubmission], actor: Actor, run: str | None
    ) -> Iterator[Outcome]:
        with self._bench.store.batch() as store:
            orders = Orders(self._bench.over(store), by_message=self._by_message)
            _read_ahead(store, part, self._bench.contracts)
            done = [orders.submit(one.asked, actor, key=one.key, run=run) for one in part]
        size = self._bench.store.seal()
        return (one.amended(sealed_size=size) for one in done)


def _read_ahead(store: Store, part: Sequence[KeyedSubmission], contracts: ContractTable) -> None:
    """Read in few questions what every submit asks for by itself."""
    requests = tuple(one.asked.approval_request_id for one in part)
    commands = tuple(f"{one.key}:{step}" for one in part for step in STEPS)
    with store.reader() as reader:
        _ = reader.find(CommandRecord, idempotency_key=commands)
        found = reader.find(ApprovalRequest, approval_request_id=requests)
        _ = reader.find(ApprovalDecision, approval_request_id=requests)
        _read_orders(reader, found, part, contracts)


def _read_orders(
    reader: Reader,
    requests: Sequence[ApprovalRequest],
    part: Sequence[KeyedSubmission],
    contracts: ContractTable,
) -> None:
    """Orders and uses that there were before."""
    by_id = {request.approval_request_id: request for request in requests}
    signals = tuple(request.payload.signal_id for request in requests)
    _ = reader.find(Order, source_signal_id=signals)
    known = [(by_id.get(one.asked.approval_request_id), one.asked) for one in part]
    uses = [reference_of(r, asked, contracts) for r, asked in known if r is not None]
    _ = reader.find(OrderKey, idempotency_key=tuple(one.idempotency_key for one in uses))
