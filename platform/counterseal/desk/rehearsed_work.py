"""The tools of rehearsals at a gateway.

Job: hand messages over, read back what came of them, and collect what was told.

Not here: what is tried out (desk.rehearsed_orders, desk.rehearsed_doubts).
Source: TX-L8.
"""

from collections.abc import Callable, Sequence
from typing import Final

from counterseal.broker.ports import Gateway
from counterseal.desk.commands import Outcome
from counterseal.desk.delivery import Delivery
from counterseal.desk.ingesting import Ingesting
from counterseal.desk.ports import D
from counterseal.desk.readiness import completed
from counterseal.desk.scratch import ScratchHouse
from counterseal.kernel.errors import CountersealError, InputError
from counterseal.oms.model import Order, OutboxEntry, OutboxStatus
from counterseal.readiness.model import Exercise, Exercised

FIRST: Final = "worker-1"
SECOND: Final = "worker-2"


class ScratchWork:
    """A house whose orders go out to one gateway, and what was told of it so far."""

    def __init__(self, house: ScratchHouse, gateway: Gateway) -> None:
        self.house = house
        self.gateway = gateway
        self.bench = house.desk.bench
        self._told: list[Exercised] = []

    def carried_out(
        self, steps: Sequence[Callable[[], None]], names: tuple[Exercise, ...]
    ) -> tuple[Exercised, ...]:
        """What the steps told; a name that none of them told stands as not carried out."""
        return told_by(steps, self._told, names)

    def tell(self, name: Exercise, passed: bool, evidence: str) -> None:
        """Note what came of an exercise."""
        self._told.append(Exercised(name=name, passed=passed, evidence=evidence))

    def get(self, order_id: str) -> Order:
        """The order as it lies.

        Raises:
            InputError: `REHEARSAL_STOPPED` when it is gone.
        """
        with self.bench.store.reader() as reader:
            order = reader.get(Order, order_id)
        if order is None:
            raise InputError("REHEARSAL_STOPPED", "an order is gone", got=order_id)
        return order

    def of_order(self, kind: type[D], order_id: str) -> tuple[D, ...]:
        """Documents of one kind about an order."""
        with self.bench.store.reader() as reader:
            return reader.find(kind, order_id=order_id)

    def message(self, order_id: str) -> OutboxEntry:
        """The message that hands the order itself over."""
        return self.of_order(OutboxEntry, order_id)[0]

    def deliver(self, order_id: str, owner: str, delivery: Delivery) -> tuple[Outcome, ...]:
        """Hand an order's open messages over; what came of each."""
        service = self.house.service(owner)
        waiting = self.of_order(OutboxEntry, order_id)
        return tuple(
            outcome
            for entry in sorted(waiting, key=lambda e: e.outbox_id)
            if entry.status is not OutboxStatus.COMPLETED
            for outcome in delivery.deliver(entry.outbox_id, owner, service)
        )

    def drained(self, owner: str = FIRST) -> tuple[int, int]:
        """Everything due handed over by one worker: how many messages were, and are."""
        delivery = Delivery(self.bench, self.gateway)
        service = self.house.service(owner)
        due = delivery.due(self.house.now)
        for outbox_id in due:
            delivery.deliver(outbox_id, owner, service)
        return len(due), len(delivery.due(self.house.now))

    def polled(self) -> Ingesting:
        """Take in everything that the gateway reported."""
        ingesting = Ingesting(self.bench, self.gateway)
        ingesting.poll(self.house.service(FIRST))
        return ingesting


def told_by(
    steps: Sequence[Callable[[], None]], told: Sequence[Exercised], names: tuple[Exercise, ...]
) -> tuple[Exercised, ...]:
    """What the steps put into `told`; a name that none of them told was not carried out."""
    stopped = "not reached"
    for step in steps:
        try:
            step()
        except CountersealError as error:
            stopped = f"the rehearsal stopped: {error.code} {error.got or ''}".strip()
    return completed(told, names, stopped)


def codes_of(*outcomes: Outcome) -> tuple[str, ...]:
    """The codes of every refusal among some outcomes."""
    return tuple(code for one in outcomes if one.refusal for code in one.refusal.codes)
