"""Taking an approval back before it is used: a reason, a fresh proof, an own signature."""

import streamlit as st

from counterseal.desk.commands import Outcome
from counterseal.desk.revocations import KIND, PreparedRevocation
from counterseal.desk.views.duties import REVOKE
from counterseal.identity.keys import PersonKey
from counterseal.kernel.canonical import digest
from counterseal.kernel.model import Refusal, Signature, refuse
from ui.web import house
from ui.web.agreeing import Unsigned, unsigned
from ui.web.case import Case
from ui.web.drafts import Draft, restored
from ui.web.views.asked_twice import TOLD, ask, asking, begin, close, keep, warned
from ui.web.views.fresh_proof import Away, proved
from ui.web.views.one_signature import Ceremony, ceremony
from ui.web.visit import here
from ui.web.wording import say

_ROLE = "ROLE"


def id_of(case: Case) -> str:
    """The request's id."""
    return case.detail.history.request.approval_request_id


def against(case: Case, name: str) -> tuple[str, ...]:
    """Every reason code against an act of this person."""
    return next(act.codes for act in case.standing.acts if act.name == name)


def revoke(case: Case) -> None:
    """The act, or why not."""
    codes, name = against(case, REVOKE), id_of(case)
    if _ROLE in codes:
        st.caption(say("case_acts.only_signers"))
        return
    _restore(case)
    if asking(name) != REVOKE:
        ask(name, REVOKE, say("case_acts.revoke"), codes)
        return
    if not case.keys:
        st.caption(say("decision.no_key"))
        return
    warned(say("case_acts.revoke_sure"))
    st.text_area(say("decision.reason"), key=_reason_key(name), height=80, max_chars=2_000)
    reason = str(st.session_state.get(_reason_key(name), "")).strip()
    version = case.detail.history.request.version

    def away() -> Away:
        told = Draft(request_id=_draft(name), version=version, decision=REVOKE, reason=reason)
        return told, ("request", name)

    if proved(REVOKE, case.bundle, away):
        told = Ceremony(
            name=f"{REVOKE}-signature",
            about=_about(name, reason),
            prepare=lambda key: _prepared(name, reason, key),
            hand_in=lambda waiting, signature: _handed_in(name, waiting, signature),
        )
        ceremony(told, case.keys, say("case_acts.sign_revoke"), say("case_acts.revoked"))
    keep(REVOKE)


def _restore(case: Case) -> None:
    """What was being written when the browser was sent away for a proof."""
    request = case.detail.history.request
    name = request.approval_request_id
    if f"revoke-restored:{name}" in st.session_state:
        return
    st.session_state[f"revoke-restored:{name}"] = True
    draft = restored(here().person.person_id, _draft(name), request.version)
    if draft is not None:
        begin(name, REVOKE)
        st.session_state[_reason_key(name)] = draft.reason


def _draft(name: str) -> str:
    return f"{REVOKE}:{name}"


def _reason_key(name: str) -> str:
    return f"revoke-reason:{name}"


def _about(name: str, reason: str) -> str:
    return digest([name, reason])


def _prepared(name: str, reason: str, key: PersonKey) -> Unsigned | Refusal:
    """Have the desk prepare the statement; its refusals tell what is against it."""
    told = house.desk().revocations.prepare(
        name,
        reason,
        here().session.actor,
        key=house.command_key(),
        scheme=key.scheme,
        key_id=key.key_id,
    )
    if told.prepared is None:
        return told.refusal or refuse("NOT_FOUND", "nothing to sign")
    st.session_state["revoke-prepared"] = told.prepared
    return unsigned(_about(name, reason), KIND, told.prepared.statement.json_value(), key)


def _handed_in(name: str, waiting: Unsigned, signature: Signature) -> Outcome:
    prepared: PreparedRevocation = st.session_state.pop("revoke-prepared")
    signed = prepared.signed(signature)
    actor, key = here().session.actor, waiting.command_key
    outcome = house.desk().revocations.revoke(name, signed, actor, key=key)
    if outcome.refusal is None:
        st.session_state[TOLD] = (name, say("case_acts.revoked"))
        close()
    return outcome
