"""How a decision is signed on the page: a fresh proof of who is here, then a key file or a passkey.

What was typed survives a refusal, a rerun and the way to an identity provider; a passphrase
survives nothing.
"""

from datetime import timedelta
from typing import Final

import streamlit as st

from counterseal.approvals.model import ApprovalDecision
from counterseal.approvals.statement import KIND
from counterseal.desk.commands import Outcome
from counterseal.desk.views.approvals import DecisionOption
from counterseal.identity.keys import PersonKey
from counterseal.identity.schemes import SignatureScheme
from counterseal.identity.sessions import PASSWORD_ISSUER, LoginSession, check_step_up
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import DomainModel, Refusal, refuse
from counterseal.policy.words import DecisionWord
from ui.web import door, house, signing
from ui.web.case import Case
from ui.web.component.passkey import answer_of, ask_passkey
from ui.web.drafts import Draft, send_away
from ui.web.launch import STEP_UP
from ui.web.parts import panels
from ui.web.place import rp_id
from ui.web.views.exact import chosen
from ui.web.views.form import named, renew, sign_anew
from ui.web.views.sign_in import take
from ui.web.visit import here
from ui.web.wording import say

PASSKEY: Final = "passkey-ceremony"


class Receipt(DomainModel):
    """What a committed decision came to."""

    request_id: str
    decision: ApprovalDecision
    sealed_size: int
    event_id: str


def stale(case: Case, session: LoginSession) -> Refusal | None:
    """Whether the person has to prove who they are before this signature."""
    age = timedelta(seconds=case.bundle.approval.auth_age_max_seconds)
    return check_step_up(session.amr, session.auth_time, house.CLOCK.now(), age_max=age)


def prove(case: Case, session: LoginSession) -> None:
    """A fresh proof of who is here, in the way that they signed in."""
    st.caption(say("decision.fresh_proof"))
    refused = st.session_state.pop("step_up_refusal", None)
    if isinstance(refused, Refusal):
        panels.refused(refused)
    if session.issuer == PASSWORD_ISSUER:
        st.text_input(say("decision.password"), key="again-password", type="password")
        st.text_input(say("decision.code"), key="again-code", max_chars=6)
        st.button(say("decision.confirm"), type="primary", width="stretch", on_click=_proved)
        return
    if st.button(say("decision.confirm"), type="primary", width="stretch"):
        request = case.detail.history.request
        draft = Draft(
            request_id=request.approval_request_id,
            version=request.version,
            decision=str(st.session_state.get(named("word"))),
            reason=str(st.session_state.get(named("reason"), ""))[:8_000],
        )
        send_away(session, door.handle(), draft)
        st.login(STEP_UP)


def _proved() -> None:
    password, code = take("again-password", "again-code")
    sign_anew()
    try:
        st.session_state["step_up_refusal"] = door.prove(here().session, password, code)
    except CountersealError as error:
        st.session_state["step_up_refusal"] = refuse(error.code, error.message)


def sign_label(word: DecisionWord) -> str:
    """What the button says that signs this decision."""
    match word:
        case DecisionWord.REJECTED:
            return say("decision.sign_reject")
        case DecisionWord.NEEDS_DATA:
            return say("decision.sign_needs_data")
        case _:
            return say("decision.sign_approve")


def sign_by(
    case: Case, form: str, option: DecisionOption, key: PersonKey, *, held: bool = False
) -> None:
    """The act itself: a passphrase and a button, or the ceremony of a passkey; nothing if held."""
    changed = held or st.session_state.get("form_shown") != case.detail.shown_hash
    label = sign_label(option.decision)
    request_id = case.detail.history.request.approval_request_id
    asked: tuple[object, ...] = (request_id, option.decision, form)
    if key.scheme is SignatureScheme.ED25519:
        st.text_input(say("decision.passphrase"), key="passphrase", type="password")
        st.button(
            label,
            type="primary",
            width="stretch",
            disabled=changed,
            on_click=_signed_by_file,
            args=asked,
        )
        return
    ceremony = st.session_state.get("ceremony")
    if isinstance(ceremony, signing.Ceremony) and ceremony.choice.key == form:
        known = signing.credential_of(key)
        ask_passkey(
            "get",
            signing.decision_challenge(ceremony.prepared),
            rp_id(house.origin()),
            () if known is None else (known,),
            key=PASSKEY,
            on_answer=_signed_by_passkey,
        )
        return
    st.button(
        label,
        type="primary",
        width="stretch",
        disabled=changed,
        on_click=_begin_passkey,
        args=(*asked, key.key_id),
    )


def _signed_by_file(request_id: str, decision: DecisionWord, form: str) -> None:
    (passphrase,) = take("passphrase")
    choice = chosen(request_id, decision, form)
    try:
        desk, session = house.desk(), here().session
        told = (
            choice
            if isinstance(choice, Refusal)
            else signing.sign_by_file(desk, choice, session, passphrase)
        )
    except CountersealError as error:
        told = refuse(error.code, error.message)
    _settle(request_id, told)


def _begin_passkey(request_id: str, decision: DecisionWord, form: str, key_id: str) -> None:
    choice = chosen(request_id, decision, form)
    if isinstance(choice, Refusal):
        _settle(request_id, choice)
        return
    scheme = SignatureScheme.WEBAUTHN
    try:
        prepared = signing.prepared_for(house.desk(), choice, here().session, scheme, key_id)
    except CountersealError as error:
        prepared = refuse(error.code, error.message)
    if isinstance(prepared, Refusal):
        _settle(request_id, prepared)
        return
    st.session_state["ceremony"] = signing.Ceremony(choice=choice, prepared=prepared)


def _signed_by_passkey() -> None:
    ceremony: signing.Ceremony = st.session_state["ceremony"]
    answer = answer_of(PASSKEY, signing.decision_challenge(ceremony.prepared))
    if answer is None:
        return
    stated = ceremony.prepared.statement
    signed = signing.passkey_signature(KIND, stated.json_value(), stated.key_id, answer)
    told: Outcome | Refusal
    try:
        told = (
            signed
            if isinstance(signed, Refusal)
            else signing.committed(house.desk(), ceremony, here().session, signed)
        )
    except CountersealError as error:
        told = refuse(error.code, error.message)
    _settle(ceremony.choice.request_id, told)


def _settle(request_id: str, told: Outcome | Refusal) -> None:
    """Keep what came of it; the next attempt is a new one."""
    refusal = told if isinstance(told, Refusal) else told.refusal
    renew()
    if refusal is not None or isinstance(told, Refusal):
        st.session_state["refusal"] = refusal
        return
    with house.reading() as reader:
        decision = reader.get(ApprovalDecision, told.subject_id)
    if decision is not None:
        st.session_state["receipt"] = Receipt(
            request_id=request_id,
            decision=decision,
            sealed_size=told.sealed_size,
            event_id=told.event_id or "",
        )
