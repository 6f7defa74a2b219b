"""One request: what it asks for, what happened to it, and beside it the decision."""

from decimal import Decimal
from html import escape

import streamlit as st

from counterseal.approvals.model import ApprovalDecision
from ui.web.case import Case, read_case
from ui.web.parts import panels
from ui.web.parts.words import VERBS, facts, moment, number, short
from ui.web.views.decision import card
from ui.web.visit import here


def show() -> None:
    """The page."""
    case = read_case(here().session.person_id, st.query_params.get("id", ""))
    if case is None:
        panels.not_found("Request")
        return
    bound = case.detail.history.request.payload
    asked = f"{bound.side.value.capitalize()} up to {number(bound.max_quantity)} {bound.symbol}"
    panels.title(
        f"{asked}, {bound.order_type.value.lower()}",
        "Shows one request and takes a decision on it. It cannot change the request.",
    )
    left, right = st.columns([1.72, 1], gap="large")
    with left:
        _steps(case)
        _request(case)
        _changes(case)
        _decisions(case.detail.history.decisions)
    with right, st.container(border=True, key="decision"):
        card(case)


def _steps(case: Case) -> None:
    request, turn = case.detail.history.request, case.standing.turn
    done = {d.stage: d for d in case.detail.history.decisions if d.approves}
    rows = []
    for stage in request.stages_required:
        decision = done.get(stage)
        if decision is not None:
            told = f"{decision.reviewer_id}, {moment(decision.decided_at)}"
            rows.append(("done", f"{stage.value.capitalize()}", told))
        elif turn is not None and turn.stage == stage:
            told = ", ".join(turn.eligible) or "nobody can"
            rows.append(("due", f"{stage.value.capitalize()}", f"waiting for {told}"))
        else:
            rows.append(("", f"{stage.value.capitalize()}", "not yet due"))
    st.html(steps_html(rows))


def steps_html(rows: list[tuple[str, str, str]]) -> str:
    """The stepper as an ordered list; state in words, not in colour alone."""
    told = "".join(
        f'<li class="{state}"{" aria-current=step" if state == "due" else ""}>'
        f"{escape(name)}<small>{escape(said)}</small></li>"
        for state, name, said in rows
    )
    return f'<ol class="steps">{told}</ol>'


def _request(case: Case) -> None:
    request = case.detail.history.request
    bound = request.payload
    with st.container(border=True):
        st.header("Request", anchor=False)
        st.html(
            facts(
                ("Requester", request.requester_id),
                ("Reason", bound.request_reason),
                ("Strategy", f"{bound.strategy_id} {bound.strategy_version}"),
                ("Signal", bound.signal_id),
                ("Exposure", f"{number(bound.tx_equivalent)} TX-equivalent"),
                ("Notional", f"{number(bound.notional)} {bound.currency.value}"),
                ("Confidence", number(bound.confidence)),
                ("Stop distance", _points(bound.stop_distance_points)),
                ("Account", bound.account_id),
                ("Version", str(request.version)),
                ("Decide until", moment(request.review_expires_at)),
                ("Request hash", request.request_hash),
            )
        )


def _points(distance: Decimal | None) -> str:
    return "N/A, the signal names none" if distance is None else f"{number(distance)} points"


def _changes(case: Case) -> None:
    with st.container(border=True):
        st.header("Changes", anchor=False)
        if not case.thread.changes:
            st.caption("This is version 1: there is nothing to compare it with.")
            return
        newest = case.thread.changes[0]
        st.caption(f"Since version {newest.version - 1}")
        rows = ((c.field, f"{c.before} \u2192 {c.after}") for c in newest.fields)
        st.html(facts(*rows))


def _decisions(decisions: tuple[ApprovalDecision, ...]) -> None:
    with st.container(border=True):
        st.header("Decisions", anchor=False)
        if not decisions:
            st.caption("Nobody has decided yet.")
        for decision in decisions:
            verb = VERBS[decision.decision]
            st.html(
                facts(
                    (f"{decision.stage.value.capitalize()}", f"{verb}, {decision.reviewer_id}"),
                    ("At", moment(decision.decided_at)),
                    ("Reason", decision.decision_reason),
                    ("Key", f"class {decision.key_class}, {short(decision.decision_hash)}"),
                )
            )
