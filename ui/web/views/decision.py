"""The card beside a request: what you sign, why you may not, and what came of it."""

from typing import Final

import streamlit as st

from counterseal.desk.views.approvals import DecisionOption
from counterseal.identity.keys import PersonKey
from counterseal.identity.schemes import SignatureScheme
from counterseal.kernel.model import Refusal
from counterseal.policy.words import DecisionWord
from ui.web.case import Case
from ui.web.parts import panels
from ui.web.parts.words import MEANINGS, VERBS, facts, moment, number, short
from ui.web.views.form import form_of, named
from ui.web.views.signature import Receipt, prove, sign_by, stale
from ui.web.visit import here

BY_FILE: Final = "Key file"
BY_PASSKEY: Final = "Passkey"
SCHEMES: Final = {
    SignatureScheme.ED25519: BY_FILE,
    SignatureScheme.WEBAUTHN: BY_PASSKEY,
}


def card(case: Case) -> None:
    """The card."""
    request = case.detail.history.request
    st.header("Decision", anchor=False)
    receipt = st.session_state.get("receipt")
    if isinstance(receipt, Receipt) and receipt.request_id == request.approval_request_id:
        _receipt(receipt)
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
    """The verdict and the reason; why a verdict is not for this person stands below it."""
    words = [option.decision.value for option in case.detail.options]
    chosen = st.radio(
        "Verdict",
        words,
        key=named("word"),
        index=None,
        horizontal=True,
        format_func=lambda word: VERBS[DecisionWord(word)],
    )
    st.text_area(
        "Reason",
        key=named("reason"),
        height=96,
        placeholder="What you checked, and what you found",
        max_chars=2_000,
    )
    option = next((o for o in case.detail.options if o.decision.value == chosen), None)
    if option is None:
        st.button("Choose a verdict", disabled=True, width="stretch")
        _standing(case)
    return option


def _against(case: Case, word: str) -> tuple[str, ...]:
    """Every reason code against this verdict by this person."""
    return next((act.codes for act in case.standing.acts if act.name == word), ())


def _standing(case: Case) -> None:
    """Why none of the verdicts is for this person, said before anything is chosen."""
    every = [set(_against(case, o.decision.value)) for o in case.detail.options]
    if every and all(every):
        for said in panels.reasons(sorted(set.intersection(*every) or every[0])):
            st.caption(said)


def _sign(case: Case, form: str, option: DecisionOption) -> None:
    codes = _against(case, option.decision.value)
    if codes:
        st.button(f"Sign: {VERBS[option.decision].lower()}", disabled=True, width="stretch")
        for said in panels.reasons(codes):
            st.caption(said)
        return
    if not case.keys:
        st.button(f"Sign: {VERBS[option.decision].lower()}", disabled=True, width="stretch")
        st.caption("You have no key that signs on this page. Add a passkey under Settings.")
        return
    key = _key(case.keys)
    _what(case, option, key)
    _answer()
    if stale(case, here().session) is not None:
        prove(case, here().session)
        return
    sign_by(case, form, option, key)


def _key(keys: tuple[PersonKey, ...]) -> PersonKey:
    """The key that will sign: the stronger one unless the person says otherwise."""
    by_name = {SCHEMES[key.scheme]: key for key in keys}
    if len(by_name) == 1:
        return keys[0]
    chosen = st.segmented_control(
        "Sign with", [BY_PASSKEY, BY_FILE], default=BY_PASSKEY, key="sign-with", required=True
    )
    return by_name[chosen or BY_PASSKEY]


def _what(case: Case, option: DecisionOption, key: PersonKey) -> None:
    """What the signature will cover, in the words that the record will have."""
    request = case.detail.history.request
    with st.expander("What you sign", expanded=True):
        st.text(MEANINGS.get(option.meaning, option.meaning.value))
        st.html(
            facts(
                ("Request", f"{request.request_reference}, version {request.version}"),
                ("Payload hash", short(request.request_hash)),
                ("Shown hash", case.detail.shown_hash.removeprefix("sha256:")[:16]),
                ("Policy", f"{case.bundle.version}, {short(case.bundle.bundle_hash)}"),
                ("Key", f"{SCHEMES[key.scheme]}, class {key.key_class}"),
                ("Log", case.head),
            )
        )


def _answer() -> None:
    """Why the last attempt came to nothing, beside the button that was pressed."""
    refusal = st.session_state.get("refusal")
    if isinstance(refusal, Refusal):
        panels.refused(refusal)


def _closed(case: Case) -> None:
    request = case.detail.history.request
    word = "expired" if case.detail.expired else request.status.value.replace("_", " ")
    st.text(f"No decision is open: this request is {word}.")
    st.caption(case.detail.history.message)


def _receipt(receipt: Receipt) -> None:
    decision = receipt.decision
    st.markdown(f":green-badge[Signed: {VERBS[decision.decision].lower()}]")
    st.html(
        facts(
            ("Decision", decision.approval_decision_id),
            ("At", moment(decision.decided_at)),
            ("Meaning", MEANINGS.get(decision.meaning, decision.meaning.value)),
            ("Decision hash", decision.decision_hash),
            ("Sealed under", f"{number(receipt.sealed_size)} records"),
        )
    )
    st.caption("To keep the proof, type:")
    st.code(f"counterseal audit prove --event {receipt.event_id}", language=None, wrap_lines=True)
    st.page_link(here().pages["home"], label="Next request")
