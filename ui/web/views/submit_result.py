"""What came of a submit: the order as it is stored, its fill, and where to read on."""

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

import streamlit as st

from counterseal.broker.model import Fill
from counterseal.desk.views.marks import unsafe_flags
from counterseal.desk.views.workflow import WorkflowView
from counterseal.kernel.model import Refusal
from counterseal.oms.model import ExecutionReport, Order
from ui.web import house
from ui.web.parts import panels
from ui.web.parts.checks import check_table, measured, summary, usages
from ui.web.parts.fill_rules import explained
from ui.web.parts.pieces import Tone, badge, badges, copyable, facts, simulated, table
from ui.web.parts.words import absent, lots, moment, money, number
from ui.web.submitting import Sent, stored_run
from ui.web.views.orders import headline, state_badge
from ui.web.visit import here, link
from ui.web.wording import say, term


class Stored(NamedTuple):
    """An order as the home has it."""

    order: Order
    run: WorkflowView | Refusal
    fills: tuple[Fill, ...]

    @property
    def unsafe(self) -> tuple[str, ...]:
        """Flags that do not say paper; the success of such a run is not shown."""
        if isinstance(self.run, Refusal):
            return self.run.codes
        return unsafe_flags(self.run.json_value())


def stored(sent: Sent) -> Stored | None:
    """What is stored of a sent order."""
    with house.reading() as reader:
        order = reader.get(Order, sent.order_id or "")
        if order is None:
            return None
        fills = reader.find(Fill, order_id=order.order_id)
        return Stored(order, stored_run(reader, order), fills)


def receipt(sent: Sent, on_next: Callable[[], None]) -> None:
    """What was done, its proof, and what next."""
    found = stored(sent)
    if found is None:
        panels.not_found(say("order.title"))
        return
    order = found.order
    st.header(headline(order), anchor=False)
    if found.unsafe:
        st.error(say("submit.unsafe", flags=", ".join(found.unsafe)))
        return
    badges(simulated(), state_badge(order))
    if sent.refusal is not None:
        panels.refused(sent.refusal, say("submit.used_up"))
    average = order.average_price
    price = absent(say("fill_rules.no_fill")) if average is None else number(average)
    facts(
        (say("submit.order"), order.order_reference),
        (say("submit.filled"), lots(order.cum_quantity)),
        (say("submit.left"), lots(order.leaves_quantity)),
        (say("submit.average"), price),
        (say("submit.costs"), _costs(found.fills)),
        (say("submit.recorded"), say("decision.records", count=number(sent.sealed_size))),
    )
    if sent.event_id is not None:
        copyable(say("decision.keep_proof"), f"counterseal audit prove --event {sent.event_id}")
    if "order" in here().pages:
        link("order", say("submit.to_order"), id=order.order_id)
    st.button(say("submit.next"), key="submit-next", width="stretch", on_click=on_next)


def _costs(fills: tuple[Fill, ...]) -> str:
    lines = [line for fill in fills for line in fill.fees]
    if not lines:
        return absent(say("fill_rules.no_fill"))
    return money(sum((line.amount for line in lines), Decimal(0)), lines[0].currency.value)


def result(sent: Sent) -> None:
    """Risk and fill as they were recorded."""
    found = stored(sent)
    if found is None or found.unsafe or isinstance(found.run, Refusal):
        return
    judged = found.run.risk_evaluation
    if found.run.execution_reports:
        _reports(found.run.execution_reports)
    for fill in found.fills:
        with st.container(border=True):
            st.header(say("submit.fill"), anchor=False)
            explained(fill.result)
    if judged is not None:
        with st.container(border=True):
            st.header(say("submit.risk_recorded"), anchor=False)
            badges(badge(summary(judged.checks), Tone.GOOD if judged.approved else Tone.BAD))
            usages(*measured(judged.checks))
            with st.expander(say("submit.every_check"), expanded=not judged.approved):
                check_table(say("submit.every_check"), judged.all_checks)


def _reports(reports: tuple[ExecutionReport, ...]) -> None:
    with st.container(border=True):
        st.header(say("submit.reports"), anchor=False)
        table(
            say("submit.reports"),
            (
                say("submit.report"),
                say("submit.this_fill"),
                say("submit.cumulative"),
                say("submit.leaves"),
                say("submit.average"),
                say("submit.at"),
            ),
            [
                (
                    term(one.order_status),
                    number(one.last_quantity),
                    number(one.cumulative_filled_quantity),
                    number(one.leaves_quantity),
                    _price(one.average_fill_price),
                    moment(one.timestamp),
                )
                for one in reports
            ],
            numeric={1, 2, 3, 4},
        )


def _price(price: Decimal | None) -> str:
    return absent(say("fill_rules.no_fill")) if price is None else number(price)
