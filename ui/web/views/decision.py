"""The card beside a request: what you sign, why you may not, and what came of it."""

import streamlit as st

from counterseal.approvals.model import RequestStatus
from counterseal.approvals.statement import role_for
from counterseal.desk.views.approvals import DecisionOption
from counterseal.desk.views.history import ChainVerdict
from counterseal.identity.keys import PersonKey
from counterseal.kernel.model import Refusal
from counterseal.policy.words import DecisionWord, Role
from ui.web.case import Case
from ui.web.parts import panels
from ui.web.parts.pieces import facts
from ui.web.parts.words import short, verb
from ui.web.views.exact import exact, kept_form, unopened
from ui.web.views.form import draft_of, form_of, named, sign_anew
from ui.web.views.fresh_proof import proved
from ui.web.views.own_key import own_key, scheme_words
from ui.web.views.receipt import Receipt, receipt_card
from ui.web.views.request_news import newer
from ui.web.views.signature import sign_by, sign_label
from ui.web.views.why_not import why_not
from ui.web.visit import here, link
from ui.web.wording import say, term


def card(case: Case) -> None:
    """The card."""
    request = case.detail.history.request
    st.html("<span id=decide></span>")
    st.header(say("decision.heading"), anchor=False)
    receipt = st.session_state.get("receipt")
    if isinstance(receipt, Receipt) and receipt.request_id == request.approval_request_id:
        receipt_card(receipt)
        return
    if case.thread.superseded_by is not None:
        newer(request, case.thread.superseded_by)
        return
    if not case.detail.options:
        _closed(case)
        return
    form = form_of(case)
    option = _choice(case)
    if option is None:
        _answer()
        return
    _sign(case, form, option)


def _choice(case: Case) -> DecisionOption | None:
    """The verdict and the reason; why none is for this person stands below."""
    words = [option.decision.value for option in case.detail.options]
    if st.session_state.get(named("word")) not in words:
        st.session_state.pop(named("word"), None)
    chosen = st.radio(
        say("decision.verdict"),
        words,
        key=named("word"),
        index=None,
        horizontal=True,
        format_func=lambda word: verb(DecisionWord(word)),
    )
    st.text_area(
        say("decision.reason"),
        key=named("reason"),
        height=80,
        placeholder=say("decision.reason_hint"),
        max_chars=2_000,
    )
    option = next((o for o in case.detail.options if o.decision.value == chosen), None)
    if option is None:
        st.button(say("decision.choose"), disabled=True, width="stretch")
        _standing(case)
    return option


def _standing(case: Case) -> None:
    """Why none of the verdicts is for this person, said before anything is chosen."""
    told = [why_not(case, option.decision.value) for option in case.detail.options]
    if told[0] is not None and None not in told:
        st.caption(told[0])


def _sign(case: Case, form: str, option: DecisionOption) -> None:
    against = why_not(case, option.decision.value)
    if against is None and not case.keys:
        against = say("decision.no_key")
    if against is not None:
        st.button(sign_label(option.decision), disabled=True, width="stretch")
        st.caption(against)
        return
    key = own_key(case.keys, "sign-with", sign_anew)
    _what(case, option, key)
    _answer()
    if not proved("again", case.bundle, lambda: draft_of(case), sign_anew):
        return
    form = kept_form(case, option, form)
    exact(case, form, option, key)
    sign_by(case, form, option, key, held=_closed_sections(case))


def _closed_sections(case: Case) -> bool:
    """Say which sections the policy wants opened first, and whether nothing is signed before."""
    sections = ", ".join(map(term, unopened(case)))
    blocks = case.bundle.approval.evidence_shown_required.blocks and bool(sections)
    if blocks:
        st.warning(say("decision.open_first", sections=sections))
    elif sections:
        st.caption(say("decision.unopened", sections=sections))
    return blocks


def _what(case: Case, option: DecisionOption, key: PersonKey) -> None:
    """What the signature will cover, in the words that the record will have."""
    request = case.detail.history.request
    reference, version = request.request_reference, str(request.version)
    told = {"scheme": scheme_words(key.scheme), "number": str(key.key_class), "key_id": key.key_id}
    with st.expander(say("decision.what"), expanded=True):
        facts(
            (say("decision.act"), _act(option, request.strategy_id)),
            (say("decision.meaning"), term(option.meaning)),
            (
                say("decision.request"),
                say("decision.version_of", reference=reference, version=version),
            ),
            (say("decision.payload_hash"), short(request.request_hash)),
            (
                say("decision.shown_hash"),
                case.detail.shown_hash.removeprefix("sha256:")[:16],
            ),
            (
                say("decision.policy"),
                f"{case.bundle.version}, {short(case.bundle.bundle_hash)}",
            ),
            (say("decision.key"), say("decision.key_told", **told)),
            (
                say("decision.head"),
                say("decision.head_told", hash=short(request.latest_chain_hash), log=case.head),
            ),
        )


def _act(option: DecisionOption, strategy_id: str) -> str:
    """The verdict, and the role that it is given in."""
    role = role_for(here().person, option.roles, strategy_id)
    given = verb(option.decision)
    return given if role is None else say("decision.act_as", verdict=given, role=term(role))


def _answer() -> None:
    """Why the last attempt came to nothing, beside the button that was pressed."""
    refusal = st.session_state.get("refusal")
    if isinstance(refusal, Refusal):
        panels.refused(refusal)


def _closed(case: Case) -> None:
    request = case.detail.history.request
    expired = say("terms.RequestStatus.expired")
    status = expired if case.detail.expired else term(request.status)
    st.text(say("decision.closed", status=status))
    broken = case.detail.history.verdict is ChainVerdict.FORGED
    told = panels.reasons(("CHAIN_BROKEN",)) if broken else (say("decision.closed_sound"),)
    for said in told:
        st.caption(said)
    approved = request.status is RequestStatus.APPROVED_FOR_PAPER and not case.detail.expired
    if approved and Role.OPERATOR in here().person.held_roles():
        link("submit", say("decision.submit"), request=request.approval_request_id)
