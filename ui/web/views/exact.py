"""What is chosen on the form, and the exact bytes of it before they are signed.

What was prepared for signing is of one choice: when that changes, the preparation is left, and with
it the bytes on the page. So nobody signs what was chosen before.
"""

import streamlit as st
from pydantic import ValidationError

from counterseal.approvals.statement import Opened
from counterseal.desk.comments import PreparedReview
from counterseal.desk.views.approvals import DecisionOption
from counterseal.identity.keys import PersonKey
from counterseal.identity.schemes import SignatureScheme
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import Refusal, refuse
from counterseal.policy.words import DecisionWord, EvidenceSection
from ui.web import house, signing
from ui.web.case import Case
from ui.web.looked import opened
from ui.web.parts.pieces import copyable
from ui.web.views.form import named, sign_anew
from ui.web.visit import here
from ui.web.wording import say

_BYTES = EvidenceSection.EXACT_BYTES
_HEIGHT = 240


def chosen(request_id: str, decision: DecisionWord, form: str) -> signing.Choice | Refusal:
    """What is chosen on the page now; the choice that was prepared when it is still the same."""
    reason = str(st.session_state.get(named("reason"), "")).strip()
    shown = str(st.session_state["form_shown"])
    prepared = st.session_state.get("exact") or st.session_state.get("ceremony")
    try:
        choice = signing.Choice(
            request_id=request_id,
            decision=decision,
            reason=reason,
            shown_hash=shown,
            opened=opened(shown),
            key=form,
        )
    except ValidationError:
        if prepared is not None:
            sign_anew()
        return refuse("REASON_TOO_SHORT", "say why")
    if not isinstance(prepared, signing.Ceremony):
        return choice
    if _timeless(prepared.choice) == _timeless(choice):
        return prepared.choice
    sign_anew()
    return choice.amended(key=str(st.session_state["form_key"]))


def _timeless(choice: signing.Choice) -> signing.Choice:
    """A choice without its seconds, and without the bytes that follow from it."""
    sections = tuple(one for one in choice.opened.sections if one is not _BYTES)
    return choice.amended(opened=Opened(sections=sections))


def kept_form(case: Case, option: DecisionOption, form: str) -> str:
    """The form's name: another one when something else was prepared under it."""
    chosen(case.detail.history.request.approval_request_id, option.decision, form)
    return str(st.session_state["form_key"])


def unopened(case: Case) -> tuple[EvidenceSection, ...]:
    """Sections that the policy wants opened and that were not, until now."""
    also = (_BYTES,) if "exact" in st.session_state else ()
    seen = opened(str(st.session_state["form_shown"]), *also).sections
    return tuple(s for s in case.bundle.approval.evidence_shown_required.sections if s not in seen)


def exact(case: Case, form: str, option: DecisionOption, key: PersonKey) -> None:
    """The bytes that will be signed, once somebody asks for them."""
    shown = st.session_state.get("exact")
    if isinstance(shown, signing.Ceremony):
        _draw(shown.prepared)
    elif "ceremony" not in st.session_state:
        request_id = case.detail.history.request.approval_request_id
        named_key = None if key.scheme is SignatureScheme.ED25519 else key.key_id
        st.button(
            say("decision.show_exact"),
            type="tertiary",
            on_click=_show,
            args=(request_id, option.decision, form, key.scheme, named_key),
        )


def _draw(prepared: PreparedReview) -> None:
    with st.expander(say("decision.exact"), expanded=True):
        copyable(say("decision.exact_digest"), prepared.signed_digest)
        st.caption(say("decision.exact_text"))
        st.code(prepared.message.decode(), language=None, wrap_lines=True, height=_HEIGHT)


def _show(
    request_id: str,
    decision: DecisionWord,
    form: str,
    scheme: SignatureScheme,
    key_id: str | None,
) -> None:
    choice = chosen(request_id, decision, form)
    prepared: PreparedReview | Refusal
    if isinstance(choice, Refusal):
        prepared = choice
    else:
        choice = choice.amended(opened=opened(choice.shown_hash, _BYTES))
        session = here().session
        try:
            prepared = signing.prepared_for(house.desk(), choice, session, scheme, key_id)
        except CountersealError as error:
            prepared = refuse(error.code, error.message)
    if isinstance(choice, Refusal) or isinstance(prepared, Refusal):
        sign_anew()
        st.session_state["refusal"] = prepared
        return
    st.session_state["exact"] = signing.Ceremony(choice=choice, prepared=prepared)
