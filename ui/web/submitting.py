"""An order before and after it is sent, at the quote that its operator states.

Job: have the desk rehearse a submit, keep what the broker's model answered in it, and send it.

Invariants
  I1  What is sent is what was rehearsed: the desk judges it anew, at the same stated quote.
  I2  A quote stated here is marked as the caller's, in the rehearsal as in the record.

Not here: the form (ui.web.views.submit_form), the decisions (desk.orders, desk.views.preview).
Source: TX-G2, TX-G10; ui part 1 (Submit).
"""

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from counterseal.broker.model import SimulationRequest, SimulationResult
from counterseal.broker.ports import Broker
from counterseal.desk.approvals import case_stream
from counterseal.desk.commands import Outcome
from counterseal.desk.desk import Desk
from counterseal.desk.views.preview import WorkflowInput, preview, supposing
from counterseal.desk.views.workflow import WorkflowView, run_detail
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import Actor, Refusal, refuse
from counterseal.oms.model import Order
from storage.home_reader import HomeReader
from ui.web import house


class Rehearsal(NamedTuple):
    """What a submit would come to; `answer` is None when the broker would not be asked."""

    run: WorkflowView | Refusal
    answer: SimulationResult | None


class Sent(NamedTuple):
    """What a submit came to.

    Attributes:
        order_id: The order; None when none was made, and the approval is as it was.
    """

    request_id: str
    order_id: str | None
    refusal: Refusal | None
    event_id: str | None
    sealed_size: int


class _Heard:
    """A broker that remembers its last answer."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.answered: SimulationResult | None = None

    @property
    def provider(self) -> str:
        return self._broker.provider

    def heartbeat(self, now: datetime) -> datetime | None:
        return self._broker.heartbeat(now)

    def answer(self, request: SimulationRequest) -> SimulationResult:
        self.answered = self._broker.answer(request)
        return self.answered


def rehearsed(asked: WorkflowInput, actor: Actor, now: datetime, *, key: str) -> Rehearsal:
    """What sending this would come to at `now` (UTC); nothing is stored."""
    bench = house.desk().bench
    heard = _Heard(bench.broker)
    with house.reading() as reader:
        try:
            run = preview(reader, replace(bench, broker=heard), asked, actor, now, key=key)
        except CountersealError as error:
            return Rehearsal(refuse(error.code, error.message), None)
    return Rehearsal(run, heard.answered)


def send(asked: WorkflowInput, actor: Actor, *, key: str) -> Sent:
    """Have the desk submit it; whatever stands against it is a refusal."""
    desk = house.desk()
    try:
        with house.reading() as reader:
            bench = supposing(reader, desk.bench, asked)
        outcome = Desk(bench, desk.gateway).orders.submit(asked.submission(), actor, key=key)
    except CountersealError as error:
        refusal = refuse(error.code, error.message)
        return Sent(asked.approval_request_id, None, refusal, None, 0)
    return _sent(asked.approval_request_id, outcome)


def _sent(request_id: str, outcome: Outcome) -> Sent:
    with house.reading() as reader:
        order = reader.get(Order, outcome.subject_id)
    order_id = None if order is None else order.order_id
    return Sent(request_id, order_id, outcome.refusal, outcome.event_id, outcome.sealed_size)


def stored_run(reader: HomeReader, order: Order) -> WorkflowView | Refusal:
    """The order's run as it is stored."""
    rows = reader.in_streams(case_stream(order.approval_request_id))
    return run_detail(reader, rows, order.workflow_run_id)
