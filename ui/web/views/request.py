"""One request: what it asks for, what happened to it, and beside it the decision."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from html import escape
from typing import Final

import streamlit as st

from counterseal.approvals.model import ApprovalDecision
from counterseal.desk.views.reviewers import signed_statement
from counterseal.policy.words import EvidenceSection, Stage
from ui.web.case import Case, read_case
from ui.web.looked import saw
from ui.web.parts import panels
from ui.web.parts.pieces import Step, facts, steps
from ui.web.parts.words import absent, moment, money, number, order_words, short, verb
from ui.web.views.decision import card
from ui.web.visit import here, link
from ui.web.wording import say, term

_IN_PLAIN_SIGHT: Final = (
    EvidenceSection.REQUEST,
    EvidenceSection.CHANGES,
    EvidenceSection.DECISIONS,
)


def show() -> None:
    """The page."""
    case = read_case(here().session.person_id, st.query_params.get("id", ""))
    if case is None:
        panels.not_found(say("request.title"))
        return
    link("approvals", say("request.queue"))
    panels.title(headline(case), say("request.scope"))
    st.html(f'<a class="decide" href="#decide">{escape(say("request.decide"))}</a>')
    left, right = st.columns([1.72, 1], gap="large")
    with left:
        _steps(case)
        _request(case)
        _changes(case)
        _decisions(case.detail.history.decisions)
        saw(case.detail.shown_hash, *_IN_PLAIN_SIGHT)
        _comments(case)
    with right, st.container(border=True, key="decision"):
        card(case)


def headline(case: Case) -> str:
    """The order in words."""
    bound = case.detail.history.request.payload
    order = order_words(bound)
    return say("request.headline", order=order, type=term(bound.order_type))


def _steps(case: Case) -> None:
    done = {d.stage: d for d in case.detail.history.decisions if d.approves}
    stages = case.detail.history.request.stages_required
    steps(*(_step(case, stage, done.get(stage)) for stage in stages))


def _step(case: Case, stage: Stage, decision: ApprovalDecision | None) -> Step:
    turn = case.standing.turn
    if decision is not None:
        at = moment(decision.decided_at)
        told = say("request.done", person=decision.reviewer_id, moment=at)
        return Step("done", term(stage), told)
    if turn is not None and turn.stage == stage:
        people = ", ".join(turn.eligible) or say("request.nobody_can")
        return Step("due", term(stage), say("request.waiting", people=people))
    return Step("", term(stage), say("request.not_due"))


def _request(case: Case) -> None:
    request = case.detail.history.request
    bound = request.payload
    exposure = say("request.tx_equivalent", count=number(bound.tx_equivalent))
    with st.container(border=True):
        st.header(say("request.facts"), anchor=False)
        facts(
            (say("request.requester"), request.requester_id),
            (say("request.reason"), bound.request_reason),
            (say("request.strategy"), f"{bound.strategy_id} {bound.strategy_version}"),
            (say("request.signal"), bound.signal_id),
            (say("request.exposure"), exposure),
            (say("request.notional"), money(bound.notional, bound.currency.value)),
            (say("request.confidence"), number(bound.confidence)),
            (say("request.stop"), _points(bound.stop_distance_points)),
            (say("request.account"), bound.account_id),
            (say("request.version"), str(request.version)),
            (say("request.until"), moment(request.review_expires_at)),
            (say("request.hash"), request.request_hash),
        )


def _points(distance: Decimal | None) -> str:
    if distance is None:
        return absent(say("request.no_stop"))
    return say("request.points", count=number(distance))


def _changes(case: Case) -> None:
    with st.container(border=True):
        st.header(say("request.changes"), anchor=False)
        if not case.thread.changes:
            st.caption(say("request.first"))
            return
        newest = case.thread.changes[0]
        st.caption(say("request.since", version=str(newest.version - 1)))
        facts(*((c.field, f"{c.before} \u2192 {c.after}") for c in newest.fields))


def _comments(case: Case) -> None:
    """What people said about the case; a fold, so that a long talk hides nothing else."""
    said, shown = case.thread.comments, case.detail.shown_hash
    if not said:
        with st.container(border=True):
            st.header(say("request.comments"), anchor=False)
            st.caption(say("request.no_comments"))
        saw(shown, EvidenceSection.COMMENTS)
        return
    label = say("request.comments_count", count=number(len(said)))
    fold = st.expander(label, key=f"comments-{case.thread.approval_request_id}", on_change="rerun")
    if not fold.open:
        return
    saw(shown, EvidenceSection.COMMENTS)
    with fold:
        for one in said:
            at = moment(one.created_at)
            by = say("request.comment_by", person=one.person_id, moment=at)
            facts((by, say("request.erased") if one.text is None else one.text))


def _decisions(decisions: tuple[ApprovalDecision, ...]) -> None:
    with st.container(border=True):
        st.header(say("request.decisions"), anchor=False)
        if not decisions:
            st.caption(say("request.nobody_decided"))
        for one in decisions:
            by = say("request.verdict_by", verdict=verb(one.decision), person=one.reviewer_id)
            hashed = short(one.decision_hash)
            key = say("request.key_class", number=str(one.key_class), hash=hashed)
            facts(
                (term(one.stage), by),
                (say("request.at"), moment(one.decided_at)),
                (say("request.reason"), one.decision_reason),
                (say("request.key"), key),
                *_opened(one),
            )


def _opened(decision: ApprovalDecision) -> Iterator[tuple[str, str]]:
    """What the reviewer opened before signing, and what they left closed."""
    signed = signed_statement(decision)
    if signed is not None and signed.sections_opened:
        seen, seconds = _named(signed.sections_opened), number(signed.seconds_open)
        yield say("request.opened"), say("request.opened_for", sections=seen, seconds=seconds)
    if decision.evidence_unopened:
        yield say("request.unopened"), _named(decision.evidence_unopened)


def _named(sections: Iterable[EvidenceSection]) -> str:
    return ", ".join(map(term, sections))
