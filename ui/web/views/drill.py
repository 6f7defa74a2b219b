"""The signing drill of who is here: when it is due, and the signature that answers it."""

from datetime import timedelta
from typing import Final

import streamlit as st

from counterseal.desk.commands import Outcome
from counterseal.desk.views.drills import DrillRow, drills_of
from counterseal.identity.keys import PersonKey
from counterseal.identity.schemes import SignatureScheme
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import Refusal, refuse
from ui.web import drilling, house, signing
from ui.web.component.passkey import answer_of, ask_passkey
from ui.web.parts import panels
from ui.web.parts.pieces import Tone, badge, badges, copyable, facts
from ui.web.parts.words import absent, moment
from ui.web.place import rp_id
from ui.web.views.sign_in import take
from ui.web.visit import here
from ui.web.wording import say

DRILL: Final = "passkey-drill"


def drill() -> None:
    """The section; nothing for who reviews nothing or has no key."""
    person, now = here().person, house.CLOCK.now()
    with house.reading() as reader:
        bundle = house.law(reader).bundle
        row = next(drills_of(reader, bundle, person, now), None)
        keys = signing.keys_for(reader, person.person_id)
    if row is None:
        return
    st.header(say("settings.drill"), anchor=False)
    with st.container(border=True):
        _standing(row, timedelta(days=bundle.access.signing_drill_days))
        told = st.session_state.pop("drill_told", None)
        if isinstance(told, Refusal):
            panels.refused(told)
        elif told is not None:
            st.success(say("settings.drilled"))
        _act(row, keys)


def _standing(row: DrillRow, every: timedelta) -> None:
    due, last = row.due is not None, row.last_signed_at
    badges(badge(say("settings.drill_due") if due else say("settings.drill_not_due"), _tone(row)))
    never = absent(say("settings.never_signed"))
    facts(
        (say("settings.last_signed"), never if last is None else moment(last)),
        (say("settings.next_drill"), moment(row.since + every)),
    )


def _tone(row: DrillRow) -> Tone:
    return Tone.OFF if row.due is None else Tone.DUE


def _act(row: DrillRow, keys: tuple[PersonKey, ...]) -> None:
    """By the newest passkey, or the key file; an SSH key signs at home."""
    if not keys:
        command = f"counterseal people drill-statement --as {row.person_id} --out FILE"
        copyable(say("settings.drill_at_home"), command)
        return
    begun = st.session_state.get("drill")
    if not isinstance(begun, drilling.Drill):
        st.button(say("settings.sign_drill"), on_click=_begin, args=(keys[0],))
    elif begun.key.scheme is SignatureScheme.ED25519:
        st.text_input(say("settings.passphrase"), key="drill-passphrase", type="password")
        st.button(say("settings.sign_now"), type="primary", on_click=_by_file)
    else:
        known = signing.credential_of(begun.key)
        asked = () if known is None else (known,)
        where = rp_id(house.origin())
        ask_passkey("get", begun.challenge, where, asked, key=DRILL, on_answer=_answered)
    st.caption(say("settings.drill_note"))


def _begin(key: PersonKey) -> None:
    try:
        st.session_state["drill"] = drilling.begun(house.desk(), here().person, key)
    except CountersealError as error:
        st.session_state["drill_told"] = refuse(error.code, error.message)


def _by_file() -> None:
    (passphrase,) = take("drill-passphrase")
    begun: drilling.Drill = st.session_state["drill"]
    try:
        told = drilling.done_by_file(house.desk(), begun, here().session, passphrase)
    except CountersealError as error:
        told = refuse(error.code, error.message)
    _told(told)


def _answered() -> None:
    begun: drilling.Drill = st.session_state["drill"]
    answer = answer_of(DRILL, begun.challenge)
    if answer is None:
        return
    try:
        told = drilling.done_by_passkey(house.desk(), begun, here().session, answer)
    except CountersealError as error:
        told = refuse(error.code, error.message)
    _told(told)


def _told(told: Outcome | Refusal) -> None:
    st.session_state.pop("drill", None)
    refusal = told if isinstance(told, Refusal) else told.refusal
    st.session_state["drill_told"] = refusal or told
