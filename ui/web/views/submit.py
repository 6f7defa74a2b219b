"""An approved request on its way to the paper broker: what is sent, what it meets, what came of it.

Everything is rehearsed by the desk before it is sent, and judged anew when it is.
"""

from datetime import datetime
from html import escape
from typing import NamedTuple

import streamlit as st

from counterseal.approvals.model import ApprovalRequest
from counterseal.desk.views.duties import SUBMIT, DutyKind, Explanation, duties, explanation
from counterseal.desk.views.marks import unsafe_flags
from counterseal.desk.views.preview import WorkflowInput
from counterseal.desk.views.workflow import WorkflowView
from counterseal.kernel.model import Refusal
from counterseal.oms.states import OrderState
from counterseal.risk.model import RiskEvaluation
from ui.web import house
from ui.web.live import live
from ui.web.parts import panels
from ui.web.parts.checks import check_table, measured, summary, usages
from ui.web.parts.fill_rules import explained
from ui.web.parts.pieces import Tone, badge, badges, facts, plain, simulated
from ui.web.parts.words import lots, moment, number, order_words, span, tx
from ui.web.submitting import Rehearsal, Sent, rehearsed, send
from ui.web.views.submit_form import asked_for, form_key, renew
from ui.web.views.submit_result import receipt, result
from ui.web.visit import here, link
from ui.web.wording import say, term

SENT = "sent"


class Approved(NamedTuple):
    """A request, how this person stands to its submit, and when that was read."""

    request: ApprovalRequest
    standing: Explanation
    now: datetime

    @property
    def against(self) -> tuple[str, ...]:
        """Every reason code against a submit by this person."""
        return next((act.codes for act in self.standing.acts if act.name == SUBMIT), ())


def show() -> None:
    """The page."""
    request_id = st.query_params.get("request", "")
    if not request_id:
        _head(say("submit.title"))
        live(_waiting)
        return
    found = _read(request_id)
    if found is None:
        panels.not_found(say("submit.approval"))
        return
    link("request", say("submit.to_request"), id=request_id)
    bound = found.request.payload
    _head(say("submit.headline", order=order_words(bound), type=term(bound.order_type)))
    st.html(f'<a class="decide" href="#decide">{escape(say("submit.jump"))}</a>')
    left, right = st.columns([1.72, 1], gap="large")
    sent = st.session_state.get(SENT)
    if isinstance(sent, Sent) and sent.request_id == request_id and sent.order_id is not None:
        with right, st.container(border=True, key="decision"):
            receipt(sent, _done_with)
        with left:
            result(sent)
        return
    _before(found, left, right, sent)


def _head(text: str) -> None:
    panels.title(text, say("submit.scope"), simulated())


def _read(request_id: str) -> Approved | None:
    now, person = house.CLOCK.now(), here().person
    with house.reading() as reader:
        request = reader.get(ApprovalRequest, request_id)
        bundle = house.law(reader).bundle
        standing = explanation(reader, bundle, request_id, person.person_id, now)
    if request is None or request.tenant != person.tenant or isinstance(standing, Refusal):
        return None
    return Approved(request, standing, now)


def _waiting() -> None:
    """Approvals that this person may submit now."""
    now = house.CLOCK.now()
    with house.reading() as reader:
        told = duties(reader, house.law(reader).bundle, here().person.person_id, now)
        due = () if isinstance(told, Refusal) else told.duties
        mine = [duty for duty in due if duty.kind is DutyKind.SUBMIT]
        rows = [(duty, reader.get(ApprovalRequest, duty.subject_id)) for duty in mine]
    if not rows:
        panels.empty(say("submit.nothing"), say("submit.nothing_then"))
    for duty, request in rows:
        if request is None:
            continue
        with st.container(border=True, key=f"row-{duty.subject_id}"):
            what, state, way = st.columns([5, 3, 2], vertical_alignment="center")
            with what, st.container(gap=None):
                st.markdown(f"**{plain(order_words(request.payload))}**")
                bound = request.payload
                strategy = f"{bound.strategy_id} {bound.strategy_version}"
                st.caption(plain(say("approvals.by", strategy=strategy, person=bound.requester_id)))
            with state:
                left = span((duty.until - now).total_seconds())
                badges(badge(say("approvals.left", span=left), Tone.OFF))
            with way:
                st.button(
                    say("submit.choose"),
                    key=f"choose-{duty.subject_id}",
                    width="stretch",
                    on_click=_choose,
                    args=(duty.subject_id,),
                )


def _choose(request_id: str) -> None:
    st.query_params["request"] = request_id


def _done_with() -> None:
    """Back to the approvals that wait."""
    st.session_state.pop(SENT, None)
    st.query_params.clear()


def _before(
    found: Approved,
    left: st.delta_generator.DeltaGenerator,
    right: st.delta_generator.DeltaGenerator,
    sent: Sent | None,
) -> None:
    with right, st.container(border=True, key="decision"):
        st.html("<span id=decide></span>")
        if found.against:
            st.header(say("submit.cannot"), anchor=False)
            for said in panels.reasons(found.against):
                st.text(said)
            rehearsal = None
        else:
            rehearsal = _form(found, sent)
    with left:
        _facts(found, None if rehearsal is None else rehearsal.run)
        if rehearsal is not None:
            _met(rehearsal, found.now)


def _form(found: Approved, sent: Sent | None) -> Rehearsal:
    st.header(say("submit.form"), anchor=False)
    key, desk = form_key(found.request), house.desk()
    about = found.request.approval_request_id
    asked = asked_for(found.request, desk.bench.contracts)
    rehearsal = rehearsed(asked, here().session.actor, found.now, key=key)
    if sent is not None and sent.refusal is not None and sent.request_id == about:
        panels.refused(sent.refusal)
    _confirm(found, asked, rehearsal, key)
    return rehearsal


def _confirm(found: Approved, asked: WorkflowInput, rehearsal: Rehearsal, key: str) -> None:
    """The last step; whatever changes above takes the confirmation back."""
    why = barred(rehearsal)
    sure = False
    if why is None:
        bound, quantity = found.request.payload, number(asked.quantity)
        words = say("submit.confirm", side=term(bound.side), quantity=quantity, symbol=bound.symbol)
        sure = st.checkbox(words, key=f"sure:{asked.digest}:{key}")
        why = None if sure else say("submit.confirm_first")
    st.button(
        say("submit.send"),
        key="submit-send",
        type="primary",
        width="stretch",
        disabled=not sure,
        on_click=_send,
        args=(asked, key),
    )
    if why is not None:
        st.caption(why)


def barred(rehearsal: Rehearsal) -> str | None:
    """Why this is not to be sent, in one sentence; None when nothing stands against it."""
    run = rehearsal.run
    if isinstance(run, Refusal):
        return say("submit.refused_now")
    if run.oms_state is OrderState.REJECTED and run.risk_evaluation is not None:
        failed = say("submit.between").join(term(name) for name in run.risk_evaluation.failed)
        return say("submit.risk_refuses", checks=failed)
    unsafe = unsafe_flags(run.json_value())
    return say("submit.unsafe", flags=", ".join(unsafe)) if unsafe else None


def _send(asked: WorkflowInput, key: str) -> None:
    st.session_state[SENT] = send(asked, here().session.actor, key=key)
    renew()


def _facts(found: Approved, run: WorkflowView | Refusal | None) -> None:
    request = found.request
    bound = request.payload
    version = say(
        "decision.version_of", reference=request.request_reference, version=str(request.version)
    )
    used, uses = number(len(request.orders)), number(bound.uses_max)
    rows = [
        (say("submit.approved_most"), lots(bound.max_quantity)),
        (say("submit.direction"), _target(request)),
        (say("request.account"), bound.account_id),
        (say("request.strategy"), f"{bound.strategy_id} {bound.strategy_version}"),
        (say("submit.approval"), version),
        (say("submit.uses"), say("submit.used_of", used=used, uses=uses)),
    ]
    if isinstance(run, WorkflowView):
        intent = run.paper_order_intent
        exposed = say("request.tx_equivalent", count=tx(intent.tx_equivalent_exposure))
        rows.insert(0, (say("submit.sent"), lots(intent.quantity)))
        rows.insert(1, (say("request.exposure"), exposed))
    with st.container(border=True):
        st.header(say("submit.what"), anchor=False)
        facts(*rows)
        if found.request.execution_valid_until is not None and not found.against:
            live(lambda: _validity(request))


def _target(request: ApprovalRequest) -> str:
    bound = request.payload
    target = say("request.tx_equivalent", count=tx(bound.target_tx_equivalent))
    return say("submit.towards", direction=term(bound.direction), target=target)


def _validity(request: ApprovalRequest) -> None:
    """How long the approval is still good for, counting down."""
    until = request.execution_valid_until
    if until is None:
        return
    left = (until - house.CLOCK.now()).total_seconds()
    if left <= 0:
        badges(badge(say("submit.over", moment=moment(until)), Tone.BAD))
        return
    st.caption(say("submit.valid", moment=moment(until), span=span(left)))


def _met(rehearsal: Rehearsal, now: datetime) -> None:
    run = rehearsal.run
    if isinstance(run, Refusal):
        panels.refused(run, say("submit.change_it"))
        return
    if run.risk_evaluation is not None:
        _risk(run.risk_evaluation, run, now)
    with st.container(border=True):
        st.header(say("submit.broker"), anchor=False)
        if rehearsal.answer is None:
            st.caption(say("submit.not_asked"))
        else:
            explained(rehearsal.answer)


def _risk(judged: RiskEvaluation, run: WorkflowView, now: datetime) -> None:
    intent = run.paper_order_intent
    with st.container(border=True):
        st.header(say("submit.risk"), anchor=False)
        approved = badge(summary(judged.checks), Tone.GOOD if judged.approved else Tone.BAD)
        warned = len(judged.warned)
        more = badge(say("submit.warnings", count=number(warned)), Tone.WARN) if warned else ""
        badges(approved, more)
        if judged.warned:
            names = say("submit.between").join(term(check.name) for check in judged.warned)
            st.caption(say("submit.warned", names=names))
        usages(*measured(judged.checks))
        reference = intent.reference_price
        told = say(
            "submit.judged",
            moment=moment(now),
            price="" if reference is None else number(reference),
        )
        st.caption(told)
        with st.expander(say("submit.every_check")):
            check_table(say("submit.every_check"), judged.all_checks)
