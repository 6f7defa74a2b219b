"""A gateway whose answers get lost, or whose caller stops.

Job: stand before a gateway and fail where a rehearsal wants it.

Not here: rehearsals (desk.rehearsed_orders), gateways (storage).
Source: trading reference 3.3 rule 9.
"""

from datetime import datetime

from counterseal.broker.model import Fill
from counterseal.broker.ports import Gateway
from counterseal.oms.ingest import BrokerReport, CancelTerms, OrderTerms
from counterseal.oms.model import ReplaceTerms


class StoppedWorkerError(Exception):
    """The worker stopped in the middle of a message; nothing of the desk may catch it."""


class FaultyGateway:
    """A `Gateway` that fails every new order.

    Args:
        inner: What it stands before.
        before: Raised before `inner` hears of the order.
        after: Raised after `inner` took it: the answer is lost.
    """

    def __init__(
        self, inner: Gateway, *, before: Exception | None = None, after: Exception | None = None
    ) -> None:
        self._inner = inner
        self._before = before
        self._after = after
        self.name = inner.name

    def place(self, terms: OrderTerms, now: datetime) -> tuple[BrokerReport, ...]:
        """Fail, before or after `inner` took the order; `Gateway.place`."""
        if self._before is not None:
            raise self._before
        reports = self._inner.place(terms, now)
        if self._after is not None:
            raise self._after
        return reports

    def cancel(self, terms: CancelTerms, now: datetime) -> tuple[BrokerReport, ...]:
        """`Gateway.cancel`."""
        return self._inner.cancel(terms, now)

    def replace(self, terms: ReplaceTerms, now: datetime) -> tuple[BrokerReport, ...]:
        """`Gateway.replace`."""
        return self._inner.replace(terms, now)

    def status(self, cl_ord_id: str) -> BrokerReport | None:
        """`Gateway.status`."""
        return self._inner.status(cl_ord_id)

    def reports_after(self, sequence: int, limit: int) -> tuple[BrokerReport, ...]:
        """`Gateway.reports_after`."""
        return self._inner.reports_after(sequence, limit)

    def fill(self, exec_id: str) -> Fill | None:
        """`Gateway.fill`."""
        return self._inner.fill(exec_id)
