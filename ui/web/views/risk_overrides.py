"""Overrides of soft checks: who signed what, whether it counts now, and ending one."""

import streamlit as st
from pydantic import ValidationError

from counterseal.desk.views.risk_desk import OverrideView
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import Refusal, refuse
from counterseal.policy.authorize import Action, allowed_roles
from counterseal.risk.override import OverrideStatus
from ui.web import house
from ui.web.parts import panels
from ui.web.parts.pieces import Tone, badge, badges, copyable, facts, plain
from ui.web.parts.words import moment
from ui.web.views.risk_facts import RiskFacts
from ui.web.visit import here
from ui.web.wording import say, term

KEY, TOLD = "override_key", "override_told"


def overrides(told: RiskFacts) -> None:
    """Every override, the newest first."""
    found = sorted(told.desk.overrides, key=lambda o: o.override.opened_at, reverse=True)
    if not found:
        panels.empty(say("risk.no_override"), say("risk.no_override_then"))
        return
    refusal = st.session_state.get(TOLD)
    if isinstance(refusal, Refusal):
        panels.refused(refusal)
    for one in found:
        _override(one)


def _override(one: OverrideView) -> None:
    terms, override = one.override.terms, one.override
    every = say("risk.any")
    with st.container(border=True, key=f"row-{override.override_id}"):
        st.markdown(f"**{plain(term(terms.check))}** {plain(terms.account_id)}")
        counts = badge(say("risk.counts_now"), Tone.WARN)
        badges(counts if one.counts_now else badge(_standing(one), Tone.OFF))
        facts(
            (say("risk.strategy"), terms.strategy_id or every),
            (say("risk.symbol"), terms.symbol or every),
            (say("risk.reason"), terms.reason),
            (say("risk.signed_by"), ", ".join(override.signed_by)),
            (say("risk.until"), moment(terms.expires_at)),
        )
        if override.status is OverrideStatus.OPEN:
            command = f"counterseal risk sign-override {override.override_id} --as PERSON"
            copyable(say("risk.second_signature"), command)
        if override.status is not OverrideStatus.ENDED:
            _ending(override.override_id)


def _standing(one: OverrideView) -> str:
    """Its state in words; one in force that counts no more says so."""
    override = one.override
    if override.status is OverrideStatus.IN_FORCE:
        return say("risk.counts_no_more")
    return term(override.status)


def _ending(override_id: str) -> None:
    allowed = allowed_roles(Action.KILL_SWITCH)
    if not here().person.held_roles() & allowed:
        roles = ", ".join(sorted(term(role) for role in allowed))
        st.caption(say("risk.who_ends", roles=roles))
        return
    st.session_state.setdefault(f"{KEY}:{override_id}", house.command_key())
    st.text_input(say("risk.end_why"), key=f"end-why:{override_id}", max_chars=400)
    st.button(say("risk.end"), key=f"end:{override_id}", on_click=_end, args=(override_id,))


def _end(override_id: str) -> None:
    reason = str(st.session_state.get(f"end-why:{override_id}", "")).strip()
    key = str(st.session_state[f"{KEY}:{override_id}"])
    if not reason:
        st.session_state[TOLD] = refuse("REASON_TOO_SHORT", "say why")
        return
    try:
        ended = house.desk().overrides.end(
            override_id, here().session.actor, reason=reason, key=key
        )
        refusal = ended.refusal
    except ValidationError:
        refusal = refuse("REASON_TOO_SHORT", "say why")
    except CountersealError as error:
        refusal = refuse(error.code, error.message)
    st.session_state[TOLD] = refusal
    st.session_state.pop(f"{KEY}:{override_id}", None)
