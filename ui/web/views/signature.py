"""How a decision is signed on the page: by a key file or a passkey.

What was typed survives a refusal and a rerun; a passphrase survives nothing.
"""

from collections.abc import Callable
from typing import Final

import streamlit as st

from counterseal.approvals.model import ApprovalDecision
from counterseal.approvals.statement import KIND
from counterseal.desk.commands import Outcome
from counterseal.desk.views.approvals import DecisionOption
from counterseal.identity.keys import PersonKey
from counterseal.identity.schemes import SignatureScheme
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import Refusal, refuse
from counterseal.policy.words import DecisionWord
from ui.web import house, signing
from ui.web.case import Case
from ui.web.component.passkey import answer_of, ask_passkey
from ui.web.component.sign_keys import hear_sign_keys
from ui.web.place import rp_id
from ui.web.views.exact import chosen
from ui.web.views.form import renew
from ui.web.views.receipt import Receipt
from ui.web.views.sign_in import take
from ui.web.visit import here
from ui.web.wording import say

PASSKEY: Final = "passkey-ceremony"
SIGN: Final = "sign"
SIGNS: Final = "Ctrl+Enter"
"""The button that signs, and the keys that press it."""


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
        _button(label, _signed_by_file, asked, held=changed)
        hear_sign_keys()
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
    _button(label, _begin_passkey, (*asked, key.key_id), held=changed)


def _button(label: str, act: Callable[..., None], asked: tuple[object, ...], *, held: bool) -> None:
    st.button(
        label,
        type="primary",
        width="stretch",
        disabled=held,
        shortcut=SIGNS,
        key=SIGN,
        on_click=act,
        args=asked,
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
