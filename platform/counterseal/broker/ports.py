"""The ports behind which brokers and fill models live.

Job: say what a broker and a fill model promise. Only the paper broker exists.

Not here: the models (broker.models), the gate in front of them (broker.gateway).
Source: TX-G1, TX-G6, TX-J; trading reference 5.2 and 5.3.
"""

from datetime import datetime
from typing import Protocol

from counterseal.broker.model import Fill, SimulationRequest, SimulationResult
from counterseal.oms.ingest import BrokerReport, CancelTerms, OrderTerms
from counterseal.oms.model import ReplaceTerms


class FillModel(Protocol):
    """One named, versioned, pure rule of fills.

    MUST answer the same request with the same result, byte for byte. MUST fill at most what the
    market of the request still has after what earlier fills took, at no worse price than the
    limit, and nothing before the order's arrival: later prices MUST NOT change an earlier answer.
    MUST name its version, and say of each aspect whether it is modelled. MUST refuse a request of
    another symbol, or without the market that it needs. MUST NOT cancel by itself.
    """

    @property
    def version(self) -> str:
        """Name and version, as results and policies name it."""

    def answer(self, request: SimulationRequest) -> SimulationResult:
        """What happens to the order in the market of the request.

        Raises:
            InputError: when the request cannot be understood.
        """


class Broker(Protocol):
    """Answers orders.

    MUST answer the same request with the same result. MUST name its model version in each result.
    MUST NOT reach a network, a real broker or real money. MUST NOT be called for an order that the
    gateway did not accept. Callers MUST NOT assume a fill: every outcome is normal.
    """

    @property
    def provider(self) -> str:
        """`paper`, and nothing else."""

    def heartbeat(self, now: datetime) -> datetime | None:
        """When the broker last gave a sign of life (aware), asked at `now`; None for never."""

    def answer(self, request: SimulationRequest) -> SimulationResult:
        """What the model that the request names answers.

        Raises:
            InputError: when the request cannot be understood.
        """


class Gateway(Protocol):
    """Works orders on its own and tells what became of them; asked outside any transaction.

    MUST keep what it was asked and what it answered before it returns. MUST work a ClOrdID once:
    placing, cancelling or replacing again under the same one gives the first reports and nothing
    else. MUST number its reports from 1 without gaps, over all orders, and give each an exec id of
    its own. MUST give every report also by `reports_after`, the ones it returned included. MUST NOT
    reach a network, a real broker or real money. MAY answer late, twice or out of order. Callers
    MUST NOT take silence for a refusal: after an error they ask for the status or call again.

    Every call raises `AdapterError`: `retriable` says that the same call may succeed later.
    """

    @property
    def name(self) -> str:
        """Which gateway it is; one name, one sequence of reports."""

    def place(self, terms: OrderTerms, now: datetime) -> tuple[BrokerReport, ...]:
        """Take an order; the reports so far, a refusal by REJECTED among them.

        Raises:
            AdapterError: the outcome is not known.
        """

    def cancel(self, terms: CancelTerms, now: datetime) -> tuple[BrokerReport, ...]:
        """End what works of an order: CANCELED or CANCEL_REJECTED, now or later.

        Raises:
            AdapterError: the outcome is not known.
        """

    def replace(self, terms: ReplaceTerms, now: datetime) -> tuple[BrokerReport, ...]:
        """Change an order: REPLACED or REPLACE_REJECTED, now or later.

        Less than is filled is granted as what is filled. A smaller quantity keeps the place in the
        queue, any other change goes to its end.

        Raises:
            AdapterError: the outcome is not known.
        """

    def status(self, cl_ord_id: str) -> BrokerReport | None:
        """Where an order stands, by any of its ClOrdIDs; None when no message of it ever came.

        The answer has the exec type STATUS and the ClOrdID that is in force.

        Raises:
            AdapterError: when it cannot be asked.
        """

    def reports_after(self, sequence: int, limit: int) -> tuple[BrokerReport, ...]:
        """At most `limit` reports with a higher number, in order.

        Raises:
            AdapterError: when it cannot be asked.
        """

    def fill(self, exec_id: str) -> Fill | None:
        """What the fill of a report was made from, without costs; None for other reports.

        Raises:
            AdapterError: when it cannot be asked.
        """
