"""How reliably orders are handled: counters, orders that waited too long, and the outbox.

A mark is for the very candidate that was previewed; a preview writes nothing.
"""

from collections.abc import Sequence
from typing import Final

import streamlit as st

from counterseal.desk.approvals import case_stream
from counterseal.desk.commands import Outcome
from counterseal.desk.views.reliability import (
    OutboxRow,
    ReliabilityPanel,
    TimeoutCandidate,
    outbox_rows,
    reliability_panel,
    timeout_mark,
    timeout_rows,
)
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import Refusal, refuse
from counterseal.oms.model import Order, OutboxStatus
from counterseal.oms.timeouts import (
    TIMEOUT_SECONDS_DEFAULT,
    TIMEOUT_SECONDS_MAX,
    TIMEOUT_SECONDS_MIN,
)
from counterseal.policy.words import Role
from ui.web import house
from ui.web.own import OwnReader
from ui.web.parts import panels
from ui.web.parts.pieces import (
    Card,
    Tone,
    badge,
    badges,
    banner,
    cards,
    choice,
    facts,
    page_of,
    plain,
    table,
)
from ui.web.parts.words import absent, lots, moment, number, span
from ui.web.visit import here, link
from ui.web.wording import say, term

ROWS: Final = 15
OUTBOX_MAX: Final = 500
MINUTE: Final = 60
AFTER, LOOKED, TOLD, KEY = "timeout-after", "timeout-looked", "timeout-told", "timeout-key"
EVERY: Final = "every"


def show() -> None:
    """Counters first, then what needs somebody, then every message."""
    now, after = house.CLOCK.now(), int(st.session_state.get(AFTER, TIMEOUT_SECONDS_DEFAULT))
    with house.reading() as whole:
        reader = OwnReader(whole, here().person.tenant)
        panel = reliability_panel(reader, (), now, after)
        found = [(one, reader.get(Order, one.order_id)) for one in timeout_rows(reader, now, after)]
        _counters(panel, after)
        st.caption(say("orders_reliability.read_at", moment=moment(now)))
        _candidates([(one, order) for one, order in found if order is not None], after)
        st.header(say("orders_reliability.outbox"), anchor=False)
        asked = choice("status", say("orders_reliability.status"), _statuses())
        status = None if asked == EVERY else OutboxStatus(asked)
        _outbox(outbox_rows(reader, status, OUTBOX_MAX))
    if "readiness" in here().pages:
        link("readiness", say("orders_reliability.readiness"))


def _counters(panel: ReliabilityPanel, after: int) -> None:
    waited = say("orders_reliability.waited", seconds=number(after))
    cards(
        Card(
            say("orders_reliability.candidates"),
            number(panel.timeout_candidates),
            waited,
        ),
        Card(
            say("orders_reliability.messages"),
            number(panel.outbox),
            say("orders_reliability.messages_note"),
        ),
        Card(
            say("orders_reliability.keys"),
            number(panel.idempotency_keys),
            say("orders_reliability.keys_note"),
        ),
        Card(
            say("orders_reliability.reports"),
            number(panel.execution_reports),
            say("orders_reliability.reports_note"),
        ),
    )


def _candidates(found: Sequence[tuple[TimeoutCandidate, Order]], after: int) -> None:
    head, asked = st.columns([3, 1], vertical_alignment="bottom")
    with head:
        st.header(say("orders_reliability.timeouts"), anchor=False)
    with asked:
        st.number_input(
            say("orders_reliability.after"),
            min_value=TIMEOUT_SECONDS_MIN,
            max_value=TIMEOUT_SECONDS_MAX,
            value=TIMEOUT_SECONDS_DEFAULT,
            key=AFTER,
        )
    _answer()
    if not found:
        waited = say("orders_reliability.none", seconds=number(after))
        panels.empty(waited, say("orders_reliability.none_then"))
    for candidate, order in found:
        _row(candidate, order)


def _row(candidate: TimeoutCandidate, order: Order) -> None:
    about = {"side": term(order.side), "type": term(order.order_type), "symbol": order.symbol}
    waited = say("orders_reliability.for", time=_time(candidate))
    with st.container(border=True, key=f"row-{order.order_id}"):
        what, state, way = st.columns([5, 3, 2], vertical_alignment="center")
        with what, st.container(gap=None):
            told = say("orders.headline", quantity=number(order.quantity), **about)
            st.markdown(f"**{plain(told)}**")
            st.caption(plain(order.order_reference))
        with state:
            badges(badge(term(order.state), Tone.DUE), badge(waited, Tone.WARN))
        with way:
            st.button(
                say("orders_reliability.preview"),
                key=f"look:{order.order_id}",
                width="stretch",
                on_click=_look,
                args=(candidate,),
            )
        _mark(candidate, order)


def _time(candidate: TimeoutCandidate) -> str:
    if candidate.age_seconds < MINUTE:
        return say("orders_reliability.seconds", seconds=number(candidate.age_seconds, 0))
    return span(int(candidate.age_seconds))


def _mark(candidate: TimeoutCandidate, order: Order) -> None:
    """What a mark would record, once it was looked at; until then one sentence says why not."""
    looked: TimeoutCandidate | None = st.session_state.get(LOOKED)
    same = looked is not None and _is_same(candidate, looked)
    if same:
        facts(
            (say("orders_reliability.records"), term(candidate.event)),
            (say("orders_reliability.rest"), lots(order.leaves_quantity)),
            (say("orders_reliability.waited_for"), _time(candidate)),
            (say("orders_reliability.run"), candidate.workflow_run_id),
        )
        st.text_input(
            say("order.why"),
            key=_why(order.order_id),
            placeholder=say("orders_reliability.why_hint"),
            max_chars=500,
        )
    barred = _barred(candidate, looked)
    said, _, way = st.columns([5, 3, 2], vertical_alignment="center")
    with said:
        st.caption(barred or say("orders_reliability.once"))
    with way:
        st.button(
            say("orders_reliability.mark"),
            key=f"mark:{order.order_id}",
            type="primary" if same else "secondary",
            disabled=barred is not None,
            width="stretch",
            on_click=_write,
            args=(candidate, st.session_state.setdefault(KEY, house.command_key())),
        )


def _is_same(candidate: TimeoutCandidate, looked: TimeoutCandidate) -> bool:
    """Whether this is what was previewed; only its age may have grown."""
    return candidate.amended(age_seconds=looked.age_seconds) == looked


def _barred(candidate: TimeoutCandidate, looked: TimeoutCandidate | None) -> str | None:
    if Role.OPERATOR not in here().person.held_roles():
        return say("orders_reliability.not_operator", role=term(Role.OPERATOR))
    if looked is None or looked.order_id != candidate.order_id:
        return say("orders_reliability.look_first")
    return None if _is_same(candidate, looked) else say("orders_reliability.changed")


def _why(order_id: str) -> str:
    return f"timeout-why:{order_id}"


def _look(candidate: TimeoutCandidate) -> None:
    st.session_state[LOOKED] = candidate


def _write(candidate: TimeoutCandidate, key: str) -> None:
    """Once for each rendered form: a second click repeats the same command."""
    why = str(st.session_state.get(_why(candidate.order_id), "")).strip()
    told: Outcome | Refusal
    if not why:
        st.session_state[TOLD] = candidate, refuse("REASON_TOO_SHORT", "a mark needs its reason")
        return
    try:
        told = house.desk().lifecycle.mark_timeout(
            candidate.order_id,
            here().session.actor,
            workflow_run_id=candidate.workflow_run_id,
            reason=why,
            key=key,
            timeout_seconds=candidate.timeout_seconds,
        )
    except CountersealError as error:
        told = refuse(error.code, error.message)
    refusal = told if isinstance(told, Refusal) else told.refusal
    st.session_state[TOLD] = candidate, refusal
    st.session_state[KEY] = house.command_key()


def _answer() -> None:
    """What the last mark came to; a second one is told who was first."""
    candidate, refusal = st.session_state.pop(TOLD, (None, None))
    if candidate is None:
        return
    by = _marked_by(candidate.order_id)
    if refusal is not None:
        panels.refused(refusal, by)
    else:
        banner(Tone.GOOD, say("orders_reliability.marked"), by or "")
    link("order", say("orders_reliability.to_order"), id=candidate.order_id)


def _marked_by(order_id: str) -> str | None:
    """Who marked it, when and why, from the log; None when nobody did."""
    with house.reading() as reader:
        order = reader.get(Order, order_id)
        rows = () if order is None else reader.in_streams(case_stream(order.approval_request_id))
        mark = timeout_mark(rows, order_id)
    if mark is None or mark.timestamp is None:
        return None
    at, why = moment(mark.timestamp), mark.reason_text
    return say("orders_reliability.marked_by", person=mark.actor, moment=at, reason=why)


def _statuses() -> dict[str, str]:
    each = {status.value: term(status) for status in OutboxStatus}
    return {EVERY: say("orders_reliability.every"), **each}


def _outbox(rows: Sequence[OutboxRow]) -> None:
    if not rows:
        panels.empty(
            say("orders_reliability.no_message"), say("orders_reliability.no_message_then")
        )
        return
    shown = rows[page_of(len(rows), ROWS, "page")]
    failed = any(row.last_error for row in shown)
    heads = [
        say("orders_reliability.order"),
        say("orders_reliability.status"),
        say("orders_reliability.attempts"),
        say("orders_reliability.queued"),
        say("orders_reliability.settled"),
    ]
    heads += [say("orders_reliability.error")] if failed else []
    told = [_message(row) for row in shown]
    cells = [
        [*told_row, row.last_error] if failed else told_row
        for told_row, row in zip(told, shown, strict=True)
    ]
    table(say("orders_reliability.outbox"), heads, cells, numeric={2})
    if len(rows) == OUTBOX_MAX:
        st.caption(say("orders_reliability.newest", count=number(OUTBOX_MAX)))


def _message(row: OutboxRow) -> list[str]:
    done = row.processed_at
    return [
        row.order_id,
        term(row.status),
        number(row.attempts),
        moment(row.created_at),
        absent(say("orders_reliability.waits")) if done is None else moment(done),
    ]
