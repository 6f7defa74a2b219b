"""One simulated order: its steps, what the paper broker reported, how it filled, and a cancel."""

from typing import NamedTuple

import streamlit as st

from counterseal.broker.model import Fill
from counterseal.desk.commands import Outcome
from counterseal.desk.views.fills import explained
from counterseal.desk.views.lifecycle import order_spans
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import Refusal, refuse
from counterseal.oms.model import ExecutionReport, Order, OrderEvent
from counterseal.oms.states import TERMINAL_STATES
from counterseal.policy.words import Role
from ui.web import house
from ui.web.charts.lifecycle import lifecycle_chart, took
from ui.web.live import live
from ui.web.parts import panels
from ui.web.parts.pieces import Card, Tone, banner, cards, copyable, facts, simulated, table
from ui.web.parts.words import absent, moment, number
from ui.web.views.orders import headline, own_order, state_badge
from ui.web.visit import here, link
from ui.web.wording import say, term

KEY, WHY, TOLD = "cancel_key", "cancel-why", "cancel_told"


class Tale(NamedTuple):
    """An order with everything that happened to it, each in its order."""

    order: Order
    events: tuple[OrderEvent, ...]
    reports: tuple[ExecutionReport, ...]
    fills: tuple[Fill, ...]


def show() -> None:
    """The page."""
    link("orders", say("order.back"))
    tale = read_tale(st.query_params.get("id", ""))
    if tale is None:
        panels.not_found(say("order.title"))
        return
    marks = (simulated(), state_badge(tale.order))
    panels.title(headline(tale.order), say("order.scope"), *marks)
    left, right = st.columns([1.72, 1], gap="large")
    with left:
        live(lambda: _lived(tale.order.order_id))
    with right:
        _facts(tale.order)
        _cancel(tale.order)


def read_tale(order_id: str) -> Tale | None:
    """The order as it is now; None when there is none, or not for this person."""
    order = own_order(order_id)
    if order is None:
        return None
    with house.reading() as reader:
        events = reader.find(OrderEvent, order_id=order_id)
        reports = reader.find(ExecutionReport, order_id=order_id)
        fills = reader.find(Fill, order_id=order_id)
    return Tale(
        order,
        tuple(sorted(events, key=lambda one: one.sequence)),
        tuple(sorted(reports, key=lambda one: (one.timestamp, one.report_id))),
        fills,
    )


def _lived(order_id: str) -> None:
    tale = read_tale(order_id)
    if tale is None:
        panels.not_found(say("order.title"))
        return
    order = tale.order
    price = order.average_price
    cards(
        Card(
            say("order.quantity"),
            number(order.quantity),
            say("order.approved", count=number(order.approved_quantity)),
        ),
        Card(say("order.filled"), number(order.cum_quantity)),
        Card(
            say("order.price"),
            say("order.no_price") if price is None else number(price),
            say("order.not_filled") if price is None else say("order.points"),
        ),
        Card(
            say("order.leaves"),
            number(order.leaves_quantity),
            say("order.never", count=number(order.rest_quantity)),
        ),
    )
    _timeline(tale.events)
    _reports(tale)
    if tale.fills:
        with st.expander(say("order.fills")):
            told = "\n".join(line for fill in tale.fills for line in explained(fill))
            st.code(told, language=None, wrap_lines=True)


def _timeline(events: tuple[OrderEvent, ...]) -> None:
    """Bars with the table behind them; the table alone where no time passed between the steps."""
    st.header(say("order.timeline"), anchor=False)
    spans = order_spans(events)
    total = spans[-1].to_ms if spans else 0
    if not total:
        st.caption(say("order.at_once", count=number(len(spans))))
        _steps(events)
        return
    alt = say("order.bars_alt", count=number(len(spans)), time=took(total))
    st.altair_chart(lifecycle_chart(spans), alt=alt)
    with st.expander(say("order.as_table")):
        _steps(events)


def _steps(events: tuple[OrderEvent, ...]) -> None:
    heads = [say("order.step"), say("order.event"), say("order.state")]
    heads += [say("order.at"), say("order.after")]
    told = any(one.reason for one in events)
    rows = []
    for one in events:
        since = round((one.at - events[0].at).total_seconds() * 1000)
        before, after = term(one.from_state), term(one.to_state)
        state = after if before == after else f"{before} \u2192 {after}"
        row = [number(one.sequence), term(one.event), state, moment(one.at), number(since)]
        rows.append([*row, one.reason] if told else row)
    heads += [say("order.reason")] if told else []
    table(say("order.timeline"), heads, rows, numeric={0, 4})


def _reports(tale: Tale) -> None:
    st.header(say("order.reports"), anchor=False)
    if not tale.reports:
        st.caption(say("order.no_report"))
        return
    heads = (
        say("order.kind"),
        say("order.at"),
        say("order.last"),
        say("order.cumulative"),
        say("order.left"),
        say("order.rest"),
    )
    rows = [
        (
            one.execution_type.value,
            moment(one.timestamp),
            _share(one),
            number(one.cumulative_filled_quantity),
            number(one.leaves_quantity),
            number(one.rest_quantity),
        )
        for one in tale.reports
    ]
    table(say("order.reports"), heads, rows, numeric={3, 4, 5})
    whole = all(
        one.cumulative_filled_quantity + one.leaves_quantity + one.rest_quantity
        == one.order_quantity
        for one in tale.reports
    )
    if whole:
        st.caption(say("order.sums"))
    else:
        banner(Tone.BAD, say("order.state"), say("order.sums_differ"))


def _share(report: ExecutionReport) -> str:
    if report.last_price is None:
        return say("order.no_fill")
    count, price = number(report.last_quantity), number(report.last_price)
    return say("order.share", count=count, price=price)


def _facts(order: Order) -> None:
    kind = term(order.order_type)
    limit = order.limit_price
    with st.container(border=True):
        st.header(say("order.facts"), anchor=False)
        facts(
            (say("order.reference"), order.order_reference),
            (say("order.account"), order.account_id),
            (say("order.strategy"), f"{order.strategy_id} {order.strategy_version}"),
            (say("order.signal"), order.source_signal_id),
            (say("order.type"), f"{kind}, {order.time_in_force.value}"),
            (
                say("order.limit"),
                absent(say("order.no_limit", type=kind)) if limit is None else number(limit),
            ),
            (say("order.client_id"), order.cl_ord_id),
            (say("order.created"), moment(order.created_at)),
        )
        with st.expander(say("order.ids")):
            copyable(say("order.run_id"), order.workflow_run_id)
            copyable(say("order.order_id"), order.order_id)
            copyable(say("order.approval_id"), order.approval_request_id)
        link("request", say("order.request"), id=order.approval_request_id)
        link("audit", say("order.log"), q=order.approval_request_id)


def _cancel(order: Order) -> None:
    """The one act of this page; when it is not possible, one sentence says why."""
    with st.container(border=True, key="cancel"):
        st.header(say("order.cancel"), anchor=False)
        barred = _barred(order)
        st.session_state.setdefault(KEY, house.command_key())
        if barred is None:
            st.text_input(
                say("order.why"), key=WHY, placeholder=say("order.why_hint"), max_chars=500
            )
        pressed = (order.order_id, st.session_state[KEY])
        st.button(
            say("order.cancel_now"),
            disabled=barred is not None,
            width="stretch",
            on_click=_ask,
            args=pressed,
        )
        if barred is not None:
            st.caption(barred)
        _answer(st.session_state.pop(TOLD, None))


def _barred(order: Order) -> str | None:
    if order.state in TERMINAL_STATES:
        return say("order.ended")
    if order.cancel_pending:
        return say("order.pending")
    if Role.OPERATOR not in here().person.held_roles():
        return say("order.not_operator", role=term(Role.OPERATOR))
    return None


def _ask(order_id: str, key: str) -> None:
    """Once for each rendered form: a second click repeats the same command."""
    why = str(st.session_state.get(WHY, "")).strip()
    told: Outcome | Refusal
    try:
        told = house.desk().lifecycle.cancel(order_id, here().session.actor, reason=why, key=key)
    except CountersealError as error:
        told = refuse(error.code, error.message)
    st.session_state[TOLD] = told if isinstance(told, Refusal) else told.refusal or order_id
    st.session_state[KEY] = house.command_key()


def _answer(told: Refusal | str | None) -> None:
    if isinstance(told, Refusal):
        panels.refused(told)
    elif told is not None:
        banner(Tone.GOOD, say("order.cancel"), say("order.cancelled"))
