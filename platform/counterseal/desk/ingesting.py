"""Use cases: take in what a gateway reports, and ask it about unknown orders.

Job: give each report its record, its effect on the order and its booking, once.

Invariants
  I1  One report, one transaction: report, order, fill and books change together.
  I2  The gateway is asked outside any transaction.
  I3  The cursor moves after its reports were taken in; a crash between reads them again, unharmed.
  I4  Once everything reported so far was taken in, an order whose sums differ becomes UNKNOWN.

Not here: what a report does to an order (oms.reports), messages to the gateway (desk.delivery).
Source: TX-I5; trading reference 3.3 rules 7 to 9.
"""

from datetime import datetime
from typing import Final

from counterseal.broker.model import Fill
from counterseal.broker.ports import Gateway
from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.messages import order_of_message
from counterseal.desk.order_events import changed, order_event
from counterseal.desk.ports import Reader
from counterseal.desk.posting import booked, priced
from counterseal.desk.recorder import Decide
from counterseal.desk.services import SERVICE_ISSUER
from counterseal.kernel.canonical import digest
from counterseal.kernel.model import Actor, Document, Event, Refusal, Subject, refuse
from counterseal.oms.ingest import BrokerReport, FixExecType, GatewayCursor, IngestedReport
from counterseal.oms.model import Order
from counterseal.oms.reports import Ingested, ingest, marked_unknown, unsettled

STREAM: Final = "gateways"
PAGE: Final = 500
"""Most reports that one call asks for."""


class Ingesting:
    """Takes in the reports of one gateway."""

    def __init__(self, bench: Bench, gateway: Gateway) -> None:
        self._bench = bench
        self._gateway = gateway

    def poll(self, actor: Actor, *, run: str | None = None) -> tuple[Outcome, ...]:
        """Take in everything reported since the last time; one outcome for each new report.

        Raises:
            AdapterError: when the gateway cannot be asked.
        """
        outcomes: list[Outcome] = []
        touched: dict[str, int] = {}
        while page := self._gateway.reports_after(self._cursor(), PAGE):
            outcomes += self.take(page, actor, run=run)
            for report in page:
                touched[report.cl_ord_id] = report.sequence
            self._advance(page[-1].sequence, actor, run)
        for cl_ord_id, sequence in touched.items():
            self._settle(cl_ord_id, sequence, actor, run)
        return tuple(outcomes)

    def take(
        self, reports: tuple[BrokerReport, ...], actor: Actor, *, run: str | None = None
    ) -> tuple[Outcome, ...]:
        """Take these reports in, one after the other; what is kept already is left out.

        Refusals: `SERVICE_ONLY`, `EXECUTION_ID_REUSED`, `REPORT_OF_UNKNOWN_ORDER`,
        `REPORT_CONTRADICTS_ORDER`; each is on the record, with the order as it stands after it.

        Raises:
            AdapterError: when the gateway cannot say what a fill was made from.
        """
        with self._bench.store.reader() as reader:
            kept = {r.exec_id: reader.get(IngestedReport, r.exec_id) for r in reports}
        known = {exec_id: row.report for exec_id, row in kept.items() if row is not None}
        fresh = (report for report in reports if known.get(report.exec_id) != report)
        return tuple(self._one(report, actor, run) for report in fresh)

    def _one(self, report: BrokerReport, actor: Actor, run: str | None) -> Outcome:
        trade = report.exec_type is FixExecType.TRADE
        fill = self._gateway.fill(report.exec_id) if trade else None

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            if actor.issuer != SERVICE_ISSUER:
                return refuse(
                    "SERVICE_ONLY", "reports are taken in by the platform", actor=actor.id
                )
            order = order_of_message(reader, report.cl_ord_id)
            known = reader.get(IngestedReport, report.exec_id)
            taken = ingest(
                order, report, known, now, gateway=self._gateway.name, problem=_doubt(report, fill)
            )
            return self._taken(reader, taken, report, fill, now)

        key = f"report:{digest([self._gateway.name, actor.id, report.digest])[7:39]}"
        return self._run("gateway.report", key, report.digest, decide, actor, run)

    def _taken(
        self,
        reader: Reader,
        taken: Ingested,
        report: BrokerReport,
        fill: Fill | None,
        now: datetime,
    ) -> Done | Refusal:
        order = None if taken.change is None else taken.change.order
        if taken.kept is None and taken.refusal is not None:
            return taken.refusal
        documents: list[Document] = [] if taken.kept is None else [taken.kept]
        if taken.change is not None and taken.change.events:
            documents += changed(taken.change)
        if taken.execution is not None and fill is not None:
            documents += booked(reader, priced(self._bench, fill), now)
        if order is None:
            return _gateway_done(report.exec_id, taken.refusal, documents)
        kind = "broker.reported" if taken.refusal is None else "broker.report_refused"
        event = order_event(
            kind, order, "oms_lifecycle_recorded", *documents, refusal=taken.refusal
        )
        return Done(subject_id=order.order_id, events=(event,))

    def _cursor(self) -> int:
        with self._bench.store.reader() as reader:
            found = reader.get(GatewayCursor, self._gateway.name)
        return 0 if found is None else found.sequence

    def _advance(self, sequence: int, actor: Actor, run: str | None) -> None:
        name = self._gateway.name

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            found = reader.get(GatewayCursor, name)
            last = 0 if found is None else found.sequence
            cursor = GatewayCursor(gateway=name, sequence=max(sequence, last), updated_at=now)
            return _gateway_done(name, None, [cursor])

        key = f"cursor:{digest([name, actor.id, sequence])[7:39]}"
        self._run("gateway.read", key, digest({"sequence": sequence}), decide, actor, run)

    def _settle(self, cl_ord_id: str, sequence: int, actor: Actor, run: str | None) -> None:
        """Mark the order unknown when its sums differ from the newest report's."""
        with self._bench.store.reader() as reader:
            order = order_of_message(reader, cl_ord_id)
            if order is None or not _differs(reader, order):
                return
        order_id = order.order_id

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            order = reader.get(Order, order_id)
            problem = "" if order is None else _differs(reader, order)
            change = None if order is None else marked_unknown(order, now, problem)
            if order is None or change is None or not problem or not change.events:
                return refuse("NOTHING_TO_SETTLE", "the sums agree, or the order has ended")
            refusal = refuse("REPORT_CONTRADICTS_ORDER", problem, order=order_id)
            event = order_event(
                "order.unsettled",
                order,
                "oms_lifecycle_recorded",
                *changed(change),
                refusal=refusal,
            )
            return Done(subject_id=order_id, events=(event,))

        key = f"settle:{digest([self._gateway.name, actor.id, order_id, sequence])[7:39]}"
        self._run("gateway.settle", key, digest({"sequence": sequence}), decide, actor, run)

    def _run(
        self, name: str, key: str, asked: str, decide: Decide, actor: Actor, run: str | None
    ) -> Outcome:
        command = Command(
            name=name, actor=actor, key=key, stream=STREAM, payload_digest=asked, run=run
        )
        return self._bench.recorder.run(command, decide)


def _differs(reader: Reader, order: Order) -> str:
    kept = reader.find(IngestedReport, order_id=order.order_id)
    return unsettled(order, [row.report for row in kept])


def _doubt(report: BrokerReport, fill: Fill | None) -> str:
    """Why a fill cannot be booked as it was reported; empty when it can, or is none."""
    if report.exec_type is not FixExecType.TRADE:
        return ""
    if fill is None:
        return "the gateway cannot say what the fill was made from"
    told = (report.exec_id, report.last_quantity, report.last_price, report.symbol, report.side)
    made = (fill.fill_id, fill.last_quantity, fill.last_price, fill.symbol, fill.side)
    return "" if told == made else "the fill differs from its report"


def _gateway_done(subject: str, refusal: Refusal | None, documents: list[Document]) -> Done:
    event = Event(
        type="gateway.read" if refusal is None else "broker.report_refused",
        stream=STREAM,
        subject=Subject(type="gateway_report", id=subject),
        action="gateway.report",
        documents=tuple(documents),
        reason_code="" if refusal is None else refusal.code,
        reason_text="" if refusal is None else refusal.message,
        facts=() if refusal is None else refusal.details,
    )
    return Done(subject_id=subject, events=(event,))
