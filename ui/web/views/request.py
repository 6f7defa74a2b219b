"""One request: what it asks for, what happened to it, and beside it the decision."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from html import escape
from typing import Final

import streamlit as st

from counterseal.approvals.model import ApprovalDecision
from counterseal.desk.views.case_steps import CaseStep, StepState
from counterseal.desk.views.reviewers import signed_statement
from counterseal.policy.words import EvidenceSection
from ui.web.case import Case, read_case
from ui.web.looked import saw
from ui.web.parts import panels
from ui.web.parts.pieces import Step, Tone, badge, facts, steps
from ui.web.parts.words import absent, moment, money, number, order_words, short, span, tx, verb
from ui.web.views.case_acts import acts
from ui.web.views.decision import card
from ui.web.views.request_changes import changes
from ui.web.views.request_news import watch
from ui.web.views.request_risk import around
from ui.web.visit import GO_TO, here
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
    st.button(say("request.queue"), type="tertiary", shortcut="Esc", on_click=_back)
    panels.title(headline(case), say("request.scope"), *_marks(case))
    st.html(f'<a class="decide" href="#decide">{escape(say("request.decide"))}</a>')
    left, right = st.columns([1.72, 1], gap="large")
    with left:
        steps(*(_step(case, step) for step in case.steps))
        _request(case)
        changes(case)
        if case.standing.turn is not None:
            around(case.detail.history.request.payload)
        _decisions(case.detail.history.decisions)
        saw(case.detail.shown_hash, *_IN_PLAIN_SIGHT)
        _comments(case)
    with right, st.container(border=True, key="decision", gap="xsmall"):
        card(case)
    acts(case)
    watch(case)


def _back() -> None:
    st.session_state[GO_TO] = ("approvals", {})


def _marks(case: Case) -> Iterator[str]:
    """Which version it is, where it stands, and how long there is."""
    request, turn = case.detail.history.request, case.standing.turn
    yield badge(say("request.version_mark", version=str(request.version)), Tone.OFF)
    if turn is None:
        expired = say("terms.RequestStatus.expired")
        yield badge(expired if case.detail.expired else term(request.status), Tone.OFF)
        return
    left = span((turn.until - case.now).total_seconds())
    late = Tone.WARN if case.now >= turn.remind_at else Tone.OFF
    yield badge(say("approvals.left", span=left), late)


def headline(case: Case) -> str:
    """The order in words."""
    bound = case.detail.history.request.payload
    order = order_words(bound)
    return say("request.headline", order=order, type=term(bound.order_type))


def _step(case: Case, step: CaseStep) -> Step:
    """Who did it and when, whom it waits for and since when, or who comes later."""
    name = say("request.submit_step") if step.stage is None else term(step.stage)
    taken = "; ".join(
        say("request.done", person=one.person_id, moment=moment(one.at)) for one in step.taken
    )
    people = ", ".join(step.people) or say("request.nobody_can")
    match step.state:
        case StepState.DONE:
            return Step("done", name, taken)
        case StepState.DUE if step.since is not None:
            waited = span((case.now - step.since).total_seconds())
            told = say("request.waiting", people=people, span=waited)
            return Step("due", name, "; ".join(filter(None, (taken, told))))
        case _ if case.standing.turn is None:
            return Step("", name, say("request.not_due"))
        case _:
            return Step("", name, say("request.next", people=people))


def _request(case: Case) -> None:
    request = case.detail.history.request
    bound = request.payload
    exposure = say("request.tx_equivalent", count=tx(bound.tx_equivalent))
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
            (say("request.until"), moment(request.review_expires_at)),
            (say("request.hash"), request.request_hash),
        )


def _points(distance: Decimal | None) -> str:
    if distance is None:
        return absent(say("request.no_stop"))
    return say("request.points", count=number(distance))


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
    if not decisions:
        return
    with st.container(border=True):
        st.header(say("request.decisions"), anchor=False)
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
