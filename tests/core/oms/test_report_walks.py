"""Random walks: an exchange works one order, and its reports come as they like."""

from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from counterseal.oms.apply import apply_event
from counterseal.oms.ingest import BrokerReport, Disposition, IngestedReport
from counterseal.oms.ingest import FixExecType as T
from counterseal.oms.ingest import FixOrdStatus as W
from counterseal.oms.model import OrderChange
from counterseal.oms.replace import replaced_terms, request_replace
from counterseal.oms.reports import Ingested, unsettled
from counterseal.oms.states import OrderEventType as E
from counterseal.oms.states import OrderState as S
from counterseal.signals.intent import Side
from tests.core.oms.exchange import APPROVED, Exchange, sent, take
from tests.core.oms.test_orders import NOW


class Reports(RuleBasedStateMachine):
    """An exchange works one order; its reports come late, twice and out of order."""

    def __init__(self) -> None:
        super().__init__()
        self.exchange = Exchange()
        self.order = sent()
        self.known: dict[str, IngestedReport] = {}
        self.pending: list[BrokerReport] = []
        self.count = self.illegal = 0
        self.doubted = False
        self.asked: list[tuple[str, str, int]] = []
        self._send(self.exchange.report(T.NEW))

    def _send(self, report: BrokerReport) -> BrokerReport:
        self.pending.append(report)
        return report

    def _name(self) -> str:
        self.count += 1
        return f"c{self.count}"

    def _take(self, report: BrokerReport) -> Ingested:
        done = take(self.order, report, self.known.get(report.exec_id))
        assert done.change is not None
        self.order = done.change.order
        if done.kept is not None:
            self.known[report.exec_id] = done.kept
        return done

    @precondition(lambda self: self.exchange.leaves > 0)
    @rule(last=st.integers(1, 6))
    def the_exchange_fills(self, last: int) -> None:
        self._send(self.exchange.fill(min(last, self.exchange.leaves)))

    @precondition(lambda self: not self.asked)
    @rule(quantity=st.integers(1, APPROVED + 3))
    def a_replace_is_asked_for(self, quantity: int) -> None:
        name = self._name()
        terms = replaced_terms(self.order, cl_ord_id=name, at=NOW, quantity=Decimal(quantity))
        outcome = request_replace(self.order, terms, NOW)
        if isinstance(outcome, OrderChange):
            self.order = outcome.order
            self.asked.append(("replace", name, quantity))

    @precondition(lambda self: not self.order.cancel_pending)
    @rule()
    def a_cancel_is_asked_for(self) -> None:
        name = self._name()
        outcome = apply_event(self.order, E.CANCEL_REQUEST, NOW, cl_ord_id=name)
        if isinstance(outcome, OrderChange):
            self.order = outcome.order
            self.asked.append(("cancel", name, 0))

    @precondition(lambda self: self.asked)
    @rule(grants=st.booleans())
    def the_exchange_answers(self, grants: bool) -> None:
        kind, name, quantity = self.asked.pop(0)
        exchange = self.exchange
        if kind == "replace" and grants and exchange.ended is None:
            self._send(exchange.replaced(name, quantity))
        elif kind == "cancel" and grants and exchange.leaves:
            self._send(exchange.end(T.CANCELED, W.CANCELED, name))
        else:
            word = T.REPLACE_REJECTED if kind == "replace" else T.CANCEL_REJECTED
            self._send(
                exchange.report(word).amended(cl_ord_id=name, orig_cl_ord_id=exchange.cl_ord_id)
            )

    @precondition(lambda self: self.exchange.leaves > 0)
    @rule()
    def the_session_ends(self) -> None:
        self._send(self.exchange.end(T.EXPIRED, W.EXPIRED))

    @precondition(lambda self: self.pending)
    @rule(data=st.data())
    def one_report_arrives(self, data: st.DataObject) -> None:
        place = data.draw(st.integers(0, len(self.pending) - 1))
        done = self._take(self.pending.pop(place))
        assert done.refusal is None, done.refusal

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def a_report_arrives_again(self, data: st.DataObject) -> None:
        before = self.order
        kept = self.known[data.draw(st.sampled_from(sorted(self.known)))]
        self._take(kept.report)
        assert self.order == before

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def an_id_comes_with_other_content(self, data: st.DataObject) -> None:
        before = self.order
        kept = self.known[data.draw(st.sampled_from(sorted(self.known)))]
        done = self._take(kept.report.amended(text="other"))
        assert done.disposition is Disposition.ID_REUSED
        assert self.order == before

    @rule(wrong=st.sampled_from([{"symbol": "MTX"}, {"side": Side.SELL}, {"cl_ord_id": "c99"}]))
    def a_report_contradicts_the_order(self, wrong: dict[str, object]) -> None:
        self.illegal += 1
        before = self.order
        report = self.exchange.status_now(f"illegal-{self.illegal}").amended(**wrong)
        assert take(before, report).disposition is Disposition.CONTRADICTION
        done = take(before, report)
        assert done.change is not None
        self.order = done.change.order
        assert self.order.cum_quantity == before.cum_quantity
        self.doubted = self.doubted or not before.is_terminal

    @invariant()
    def quantities_add_up(self) -> None:
        parts = (self.order.cum_quantity, self.order.leaves_quantity, self.order.rest_quantity)
        assert sum(parts, Decimal(0)) == self.order.quantity
        filled = [k.report.last_quantity or 0 for k in self.known.values()]
        assert sum(filled) == self.order.cum_quantity
        assert len(set(self.order.cl_ord_ids)) == len(self.order.cl_ord_ids)

    def teardown(self) -> None:
        while self.asked:
            self.the_exchange_answers(True)
        for report in reversed(self.pending):
            assert self._take(report).refusal is None
        exchange = self.exchange
        assert self.order.cum_quantity == exchange.cum
        if self.doubted:
            return
        state = {W.NEW: S.ACCEPTED, W.CANCELED: S.CANCELLED}.get(exchange.status)
        assert self.order.state is (state or S(exchange.status.value))
        assert self.order.quantity == exchange.quantity
        assert self.order.leaves_quantity == exchange.leaves
        assert self.order.cl_ord_id == exchange.cl_ord_id
        assert unsettled(self.order, [k.report for k in self.known.values()]) == ""


TestReports = Reports.TestCase
TestReports.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
